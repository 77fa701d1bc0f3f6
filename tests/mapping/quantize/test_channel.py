from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import golden, specification

from xylograph.mapping import Specification, channel_quantize

# Neuron 0 of the golden networks has no weights. The reference leaves its threshold unscaled; we
# scale it with its bias.
WITH_WEIGHTS = slice(1, None)


@pytest.mark.parametrize("n_synapses", [1, 2])
def test_weights_and_thresholds_are_those_of_the_reference(n_synapses: int) -> None:
    spec, arrays = golden(n_synapses)
    integers, _ = channel_quantize(spec)
    expected = {name.split("/")[1]: a for name, a in arrays.items() if name.startswith("channel/")}
    for name in (
        *("weights_in", "weights_rec", "weights_out", "threshold_out", "bias_out"),
        *("dash_mem", "dash_syn", "dash_syn_2", "dash_mem_out", "dash_syn_out"),
    ):
        assert np.array_equal(getattr(integers, name), expected[name]), name
    assert np.array_equal(integers.threshold[WITH_WEIGHTS], expected["threshold"][WITH_WEIGHTS])


def test_biases_with_two_synapses_are_those_of_the_reference() -> None:
    # With one synapse the reference does not scale them.
    spec, arrays = golden(2)
    integers, _ = channel_quantize(spec)
    assert np.array_equal(integers.bias[WITH_WEIGHTS], arrays["channel/bias"][WITH_WEIGHTS])


def test_biases_with_one_synapse_are_scaled_as_their_neuron() -> None:
    spec, _ = golden(1)
    integers, _ = channel_quantize(spec)
    factor = integers.threshold[WITH_WEIGHTS] / spec.threshold[WITH_WEIGHTS]
    # Within the rounding of bias and threshold.
    error = np.abs(integers.bias[WITH_WEIGHTS] - spec.bias[WITH_WEIGHTS] * factor)
    assert np.all(error <= 0.5 + 0.5 * np.abs(spec.bias / spec.threshold)[WITH_WEIGHTS])


@pytest.mark.parametrize("n_synapses", [1, 2])
def test_thresholds_that_overflow_scale_their_neuron_as_in_the_reference(n_synapses: int) -> None:
    # Biases are not compared: the reference leaves them as they were before the overflow.
    spec, arrays = golden(n_synapses)
    integers, _ = channel_quantize(replace(spec, threshold=arrays["in_big/threshold"]))
    for name in ("weights_in", "weights_rec", "weights_out", "threshold_out"):
        expected = arrays[f"channel_bigthreshold/{name}"]
        assert np.array_equal(getattr(integers, name), expected), name
    expected = arrays["channel_bigthreshold/threshold"]
    assert np.array_equal(integers.threshold[WITH_WEIGHTS], expected[WITH_WEIGHTS])


def test_the_worked_check_of_the_fact_sheet() -> None:
    integers, _ = channel_quantize(two_neurons([[1.0, -0.5]], [1.0, 1.0]))
    assert integers.weights_in.ravel().tolist() == [127, -127]
    assert integers.threshold.tolist() == [127, 254]


def test_the_worked_check_of_an_overflow() -> None:
    integers, _ = channel_quantize(two_neurons([[0.001, 1.0]], [1.0, 1.0]))
    assert integers.weights_in.ravel().tolist() == [33, 127]
    assert integers.threshold.tolist() == [32767, 127]


def two_neurons(
    weights_in: list[list[float]], threshold: list[float], **changes: Any
) -> Specification:
    values: dict[str, Any] = {
        "weights_in": np.array(weights_in)[..., None],
        "weights_rec": np.zeros((2, 2, 1)),
        "weights_out": np.ones((2, 3)),
        "dash_mem": np.full(2, 2.0),
        "dash_syn": np.full(2, 2.0),
        "dash_syn_2": np.full(2, 2.0),
        "threshold": np.array(threshold),
        "bias": np.zeros(2),
    }
    return specification(n_synapses=1, **(values | changes))


def test_neurons_without_input_weights_are_scaled_by_their_recurrent_ones() -> None:
    rng = np.random.default_rng(0)
    recurrent = rng.normal(0, 1, (6, 6, 2))
    spec = specification(weights_rec=recurrent, bias=np.zeros(6))
    integers, _ = channel_quantize(spec)
    assert np.abs(integers.weights_rec).max(axis=(0, 2))[4:].tolist() == [127, 127]
    factor = 127 / np.abs(recurrent).max(axis=(0, 2))[4:]
    assert integers.threshold[4:].tolist() == np.round(spec.threshold[4:] * factor).tolist()


def test_a_negative_threshold_turns_no_sign() -> None:
    integers, _ = channel_quantize(two_neurons([[0.001, -0.001]], [-1.0, 1.0]))
    assert integers.weights_in.ravel().tolist() == [33, -33]
    assert integers.threshold.tolist() == [-32767, 32767]


def test_a_neuron_that_nothing_arrives_at_is_scaled_by_bias_and_threshold() -> None:
    spec = two_neurons([[0.0, 0.0]], [2.0, 2.0], bias=np.array([0.5, 0.0]))
    integers, _ = channel_quantize(spec)
    assert not np.any(integers.weights_in)
    assert (integers.bias.tolist(), integers.threshold.tolist()) == ([127, 0], [508, 32767])


def test_a_neuron_of_zeros_stays_one() -> None:
    integers, report = channel_quantize(two_neurons([[0.0, 1.0]], [0.0, 1.0]))
    assert (integers.weights_in.ravel().tolist(), integers.threshold[0]) == ([0, 127], 0)
    assert not any("threshold`" in loss for loss in report.losses)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    neuron=st.integers(0, 5),
    output=st.integers(0, 2),
    exponent=st.integers(-30, 30),
)
def test_the_scale_of_a_neuron_changes_nothing(
    seed: int, neuron: int, output: int, exponent: int
) -> None:
    spec, scale = specification(seed), 2.0**exponent
    other = replace(
        spec,
        weights_in=_scaled(spec.weights_in, (slice(None), slice(neuron, neuron + 1)), scale),
        weights_rec=_scaled(spec.weights_rec, (slice(None), neuron), scale),
        threshold=_scaled(spec.threshold, neuron, scale),
        bias=_scaled(spec.bias, neuron, scale),
        weights_out=_scaled(spec.weights_out, (slice(None), output), scale),
        threshold_out=_scaled(spec.threshold_out, output, scale),
        bias_out=_scaled(spec.bias_out, output, scale),
    )
    assert channel_quantize(other)[0].to_config() == channel_quantize(spec)[0].to_config()


def _scaled(values: np.ndarray, place: Any, scale: float) -> np.ndarray:
    values = values.copy()
    values[place] *= scale
    return values


def test_fewer_bits_give_smaller_numbers() -> None:
    integers, _ = channel_quantize(specification(), bits_per_weight=4, bits_per_threshold=5)
    assert np.abs(integers.weights_out).max() == 7
    assert np.abs(integers.threshold).max() <= 15
    assert channel_quantize(specification(), bits_per_weight=4)[1].summary == (
        "each neuron scaled to 4 bits a weight"
    )
