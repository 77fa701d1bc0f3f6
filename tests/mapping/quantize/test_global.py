from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mapping_cases import golden, specification

from xylograph.mapping import Specification, global_quantize

NO_BIAS = {"bias": np.zeros(5), "bias_out": np.zeros(3)}
# `bias_out` is not compared: the reference scales it by the factor of the hidden neurons.
FIELDS = (
    *("weights_in", "weights_rec", "weights_out", "threshold", "threshold_out", "bias"),
    *("dash_mem", "dash_syn", "dash_syn_2", "dash_mem_out", "dash_syn_out"),
)


@pytest.mark.parametrize("n_synapses", [1, 2])
@pytest.mark.parametrize(
    ("group", "options"),
    [("global", {}), ("global_6bit_9bit", {"bits_per_weight": 6, "bits_per_threshold": 9})],
)
def test_all_fields_but_output_biases_are_those_of_the_reference(
    n_synapses: int, group: str, options: dict[str, Any]
) -> None:
    spec, arrays = golden(n_synapses)
    integers, _ = global_quantize(spec, **options)
    for name in FIELDS:
        assert np.array_equal(getattr(integers, name), arrays[f"{group}/{name}"]), name


@pytest.mark.parametrize("n_synapses", [1, 2])
def test_without_biases_every_field_is_that_of_the_reference(n_synapses: int) -> None:
    spec, arrays = golden(n_synapses)
    integers, _ = global_quantize(replace(spec, **NO_BIAS))
    for name in FIELDS[:5] + FIELDS[6:]:
        assert np.array_equal(getattr(integers, name), arrays[f"global_nobias/{name}"]), name


@pytest.mark.parametrize("n_synapses", [1, 2])
def test_fuzzy_scaling_is_that_of_the_reference_but_cuts_where_it_would_wrap(
    n_synapses: int,
) -> None:
    spec, arrays = golden(n_synapses)
    integers, report = global_quantize(spec, fuzzy_scaling=True)
    for name in FIELDS:
        expected = arrays[f"global_fuzzy/{name}"]
        if name.startswith("weights"):
            n_cut = np.count_nonzero(np.abs(expected) > 127)
            assert next(loss for loss in report.fields if loss.field == name).n_clipped == n_cut
            expected = np.clip(expected, -127, 127)
        assert np.array_equal(getattr(integers, name), expected), name


def test_the_golden_networks_have_weights_that_fuzzy_scaling_cuts() -> None:
    _, report = global_quantize(golden(1)[0], fuzzy_scaling=True)
    assert any("cut at the end of the range" in loss for loss in report.losses)


def test_output_biases_are_scaled_with_the_outputs() -> None:
    spec, _ = golden(1)
    integers, _ = global_quantize(spec)
    factor = 127 / np.abs(spec.weights_out).max()
    assert integers.bias_out.tolist() == np.round(spec.bias_out * factor).tolist()


def plain(**changes: Any) -> Specification:
    """Two hidden neurons, one input, one output; numbers that are easy to follow."""
    values: dict[str, Any] = dict(
        weights_in=np.array([[[1.0], [-0.5]]]),
        weights_rec=np.zeros((2, 2, 1)),
        weights_out=np.array([[2.0], [1.0]]),
        threshold=np.ones(2),
        threshold_out=np.ones(1),
        bias=np.zeros(2),
        bias_out=np.zeros(1),
        **{name: np.full(2, 2.0) for name in ("dash_mem", "dash_syn", "dash_syn_2")},
        **{name: np.full(1, 2.0) for name in ("dash_mem_out", "dash_syn_out")},
    )
    return specification(n_synapses=1, **(values | changes))


def test_the_worked_check_of_the_fact_sheet() -> None:
    integers, report = global_quantize(plain())
    assert integers.weights_in.ravel().tolist() == [127, -64]
    assert integers.threshold.tolist() == [127, 127]
    assert report.summary == "scaled by 127 (hidden) and 63.5 (output)"


def test_a_threshold_that_overflows_scales_its_own_population_with_its_biases() -> None:
    spec = plain(threshold=np.array([1000.0, 500.0]), bias=np.array([2.0, 0.0]))
    integers, _ = global_quantize(spec)
    factor = 32767 / 1000
    assert integers.threshold.tolist() == [32767, round(500 * factor)]
    assert integers.weights_in.ravel().tolist() == [round(factor), round(-0.5 * factor)]
    assert integers.bias.tolist() == [round(2 * factor), 0]
    assert integers.weights_out.ravel().tolist() == [127, 64]


def test_large_negative_thresholds_overflow_too() -> None:
    integers, _ = global_quantize(plain(threshold=np.array([-1000.0, 1.0])))
    assert integers.threshold.tolist() == [-32767, 33]


@pytest.mark.parametrize("fuzzy", [False, True])
def test_a_large_bias_is_not_cut_but_limits_the_factor(fuzzy: bool) -> None:
    integers, report = global_quantize(plain(bias=np.array([4.0, 0.0])), fuzzy_scaling=fuzzy)
    assert integers.bias.tolist() == [127, 0]
    assert integers.weights_in.ravel().tolist() == [32, -16]
    assert not any("cut" in loss for loss in report.losses)


@pytest.mark.parametrize("fuzzy", [False, True])
def test_without_weights_thresholds_use_their_range(fuzzy: bool) -> None:
    spec = plain(weights_in=np.zeros((1, 2, 1)), threshold=np.array([2.0, 1.0]))
    integers, _ = global_quantize(spec, fuzzy_scaling=fuzzy)
    assert integers.threshold.tolist() == [32767, 16384]


def test_fuzzy_scaling_counts_weights_that_are_there() -> None:
    # Nonzero hidden weights 1, 1, 1, 5: mean 2, standard deviation sqrt(3).
    recurrent = np.zeros((2, 2, 1))
    recurrent[0, :, 0] = [1.0, 5.0]
    spec = plain(weights_in=np.array([[[1.0], [1.0]]]), weights_rec=recurrent)
    integers, report = global_quantize(spec, fuzzy_scaling=True)
    factor = 127 / (2 + 2 * np.sqrt(3))
    assert integers.weights_in.ravel().tolist() == [round(factor)] * 2
    assert integers.weights_rec[0].ravel().tolist() == [round(factor), round(5 * factor)]
    assert report.summary.startswith(f"scaled by {factor:.4g} (hidden)")
