from functools import partial
from typing import Any

import numpy as np
import pytest
from mapping_cases import chain, events, only_rounded

from xylograph.hw import XyloConfig, XyloSim
from xylograph.mapping import (
    Comparison,
    Divergence,
    Observation,
    OnChip,
    channel_quantize,
    compare,
    compare_observations,
    deploy,
    observe,
    trace,
)
from xylograph.models import LIFJax, LinearJax, Sequential, dash_to_tau

DATA = events(3, 10, 2)


def observation(hidden: np.ndarray, output: np.ndarray) -> Observation:
    return Observation({"hid": hidden, "out": output})


def planted(name: str, place: tuple[int, int, int], spikes: int = 1) -> Comparison:
    """Two runs that differ at one place."""
    first = observation(np.ones((2, 5, 3), int), np.ones((2, 5, 2), int))
    second = observation(np.ones((2, 5, 3), int), np.ones((2, 5, 2), int))
    second.spikes[name][place] += spikes
    return compare_observations(first, second)


def test_the_same_spikes_are_equal() -> None:
    seen = observation(np.ones((2, 5, 3), int), np.ones((2, 5, 2), int))
    result = compare_observations(seen, seen)
    assert result.is_equal
    assert result.divergence is None
    assert result.output_agreement == 1.0
    assert str(result) == (
        "`hid`: 0 of 30 spike counts differ, 30 and 30 spikes, 0.00% error of the counts of "
        "neurons over samples\n"
        "`out`: 0 of 20 spike counts differ, 20 and 20 spikes, 0.00% error of the counts of "
        "neurons over samples\n"
        "compared: 2 samples of 5 steps\n"
        "no difference\n"
        "the output agrees in 100.0% of samples"
    )


@pytest.mark.parametrize("name", ["hid", "out"])
@pytest.mark.parametrize("place", [(0, 0, 0), (1, 4, 1), (1, 2, 0)])
def test_one_spike_more_is_found_where_it_is(name: str, place: tuple[int, int, int]) -> None:
    result = planted(name, place)
    sample, step, neuron = place
    assert not result.is_equal
    assert result.divergence == Divergence(name, sample, step, neuron, 1, 2)
    assert sum(layer.n_different for layer in result.layers) == 1
    assert (
        f"first difference: `{name}`[{neuron}] at step {step} of sample {sample}: 1 and 2 spikes"
    ) in str(result).splitlines()


def test_the_first_difference_is_the_first_in_time_over_samples_and_populations() -> None:
    first = observation(np.zeros((2, 5, 3), int), np.zeros((2, 5, 2), int))
    second = observation(np.zeros((2, 5, 3), int), np.zeros((2, 5, 2), int))
    second.spikes["hid"][0, 4, 0] = 1
    second.spikes["hid"][1, 3, 2] = 7
    second.spikes["out"][1, 2, 1] = 1
    result = compare_observations(first, second)
    assert result.divergence == Divergence("out", 1, 2, 1, 0, 1)
    assert result.layers[0].divergence == Divergence("hid", 1, 3, 2, 0, 7)


def test_of_differences_in_one_step_the_first_population_is_named() -> None:
    first = observation(np.zeros((1, 5, 3), int), np.zeros((1, 5, 2), int))
    second = observation(np.ones((1, 5, 3), int), np.ones((1, 5, 2), int))
    assert compare_observations(first, second).divergence == Divergence("hid", 0, 0, 0, 0, 1)


def test_figures_of_a_layer_are_those_one_counts_by_hand() -> None:
    # Sample 0: neuron 0 spikes 3 and 1 times, neuron 1 2 and 2 times but in other steps.
    # Sample 1: neuron 0 spikes 0 and 4 times, neuron 1 never.
    first = np.array([[[3, 2], [0, 0]], [[0, 0], [0, 0]]])
    second = np.array([[[0, 0], [1, 2]], [[2, 0], [2, 0]]])
    (layer,) = compare_observations(
        Observation({"out": first}), Observation({"out": second})
    ).layers
    assert (layer.n_counts, layer.n_different) == (8, 6)
    assert (layer.n_spikes, layer.n_spikes_other) == (5, 7)
    assert layer.count_error == pytest.approx((2 + 0 + 4 + 0) / 5)


def test_the_error_of_counts_against_silence_is_their_number() -> None:
    first, second = np.zeros((1, 2, 1), int), np.array([[[2], [1]]])
    result = compare_observations(Observation({"out": first}), Observation({"out": second}))
    assert result.layers[0].count_error == 3.0


def test_agreement_of_outputs_counts_samples_with_the_same_winner() -> None:
    first = np.array([[[1, 0]], [[0, 1]], [[0, 1]], [[1, 0]]])
    second = np.array([[[5, 1]], [[0, 2]], [[1, 0]], [[0, 0]]])
    result = compare_observations(Observation({"out": first}), Observation({"out": second}))
    assert result.output_agreement == 0.75


def exact_network() -> Sequential:
    """Weights are powers of two, decays halve: no rounding matters before a spike."""
    taus = {"tau_mem": dash_to_tau(1, 1e-3), "tau_syn": dash_to_tau(1, 1e-3)}
    hidden = {"threshold": 30.0, "max_spikes_per_dt": 31.0, **taus}
    return Sequential(
        LinearJax((2, 2), weight=[[64.0, 0.0], [0.0, 64.0]]),
        LIFJax(2, **hidden),
        LinearJax((2, 2), weight=[[64.0, 0.0], [64.0, 64.0]]),
        LIFJax(2, **hidden),
        LinearJax((2, 2), weight=[[64.0, 0.0], [0.0, 64.0]]),
        LIFJax(2, **{**hidden, "max_spikes_per_dt": 1.0}),
    )


def sparse_events() -> np.ndarray:
    """Far enough apart for every state to decay below what rounding could move."""
    data = np.zeros((2, 40, 2), np.uint8)
    data[0, ::12, 0] = 1
    data[1, 3::12, 1] = 1
    return data


@pytest.mark.parametrize("chip", ["xylo-1", "xylo-audio-2", "xylo-imu", "xylo-audio-3"])
def test_a_network_without_rounding_equals_its_deployment_spike_by_spike(chip: str) -> None:
    net = exact_network()
    result = compare(net, deploy(net, chip, quantizer=only_rounded), sparse_events())
    assert result.is_equal, str(result)
    assert all(layer.n_spikes for layer in result.layers)


def test_without_alignment_only_the_first_layer_would_be_equal() -> None:
    net = exact_network()
    deployment = deploy(net, "xylo-imu", quantizer=only_rounded)
    raw = observe(deployment.config, sparse_events()).spikes
    unshifted = Observation(
        {
            "1_LIFJax": raw["hidden"][:, :, :2],
            "3_LIFJax": raw["hidden"][:, :, 2:],
            "5_LIFJax": raw["output"],
        }
    )
    result = compare_observations(observe(net, sparse_events()), unshifted)
    assert [layer.n_different == 0 for layer in result.layers] == [True, False, False]
    assert result.divergence == Divergence("3_LIFJax", 0, 0, 0, 1, 0)


def test_a_trained_like_network_is_near_its_deployment() -> None:
    net = chain(2, 3, 4, 2)
    result = compare(net, deploy(net, "xylo-audio-3"), DATA)
    assert [layer.layer for layer in result.layers] == ["1_LIFJax", "3_LIFJax", "5_LIFJax"]
    assert result.layers[0].n_spikes > 0
    assert result.layers[0].count_error < 0.2


def test_the_order_of_the_two_turns_the_figures_round() -> None:
    net = chain(2, 3, 4, 2)
    deployment = deploy(net, "xylo-audio-3", quantizer="global")
    there, back = compare(net, deployment, DATA), compare(deployment, net, DATA)
    for one, other in zip(there.layers, back.layers, strict=True):
        assert one.n_different == other.n_different
        assert (one.n_spikes, one.n_spikes_other) == (other.n_spikes_other, other.n_spikes)


def test_configurations_of_one_network_can_be_compared() -> None:
    net = chain(2, 3, 4, 2)
    eight, four = (deploy(net, "xylo-imu", quantizer=name).config for name in ("channel", "global"))
    assert compare(eight, eight, DATA).is_equal
    assert [layer.layer for layer in compare(eight, four, DATA).layers] == ["hidden", "output"]


def test_engines_are_compared_as_simulators() -> None:
    config = deploy(chain(2, 3, 4, 2, recurrent=True, seed=4), "xylo-audio-3").config
    result = compare(config, XyloSim(config, engine="reference"), DATA)
    assert result.is_equal
    assert result.layers[0].n_spikes > 0


def test_data_may_be_one_sample_without_a_batch_axis() -> None:
    net = chain(2, 3, 4, 2)
    result = compare(net, deploy(net, "xylo-imu"), DATA[0])
    assert [layer.n_counts for layer in result.layers] == [30, 40, 20]


def test_unlike_populations_are_refused_with_both_lists() -> None:
    deployment = deploy(chain(2, 3, 4, 2), "xylo-imu")
    with pytest.raises(ValueError) as caught:
        compare(deployment, deployment.config, DATA)
    assert str(caught.value) == (
        "only the same populations can be compared: the first has `1_LIFJax` (3, 10, 3), "
        "`3_LIFJax` (3, 10, 4), `5_LIFJax` (3, 10, 2); the second has `hidden` (3, 10, 7), "
        "`output` (3, 10, 2); a configuration alone knows no populations: give "
        "`OnChip(config, placement)`"
    )


def test_an_output_alone_is_refused_with_the_way_to_name_it() -> None:
    first = Observation(
        {"1_LIFJax": np.zeros((1, 3, 4), int), "3_LIFJax": np.zeros((1, 3, 2), int)}
    )
    with pytest.raises(ValueError, match=r"`output` \(1, 3, 2\); .* give `OnChip\(config, plac"):
        compare_observations(first, Observation({"output": np.zeros((1, 3, 2), int)}))


def test_runs_of_unlike_length_are_refused() -> None:
    first, second = (Observation({"out": np.zeros((1, n, 2), int)}) for n in (3, 4))
    with pytest.raises(ValueError, match=r"first has `out` \(1, 3, 2\); the second has `out`"):
        compare_observations(first, second)


def test_two_engines_are_compared_down_to_currents_and_voltages() -> None:
    deployment = deploy(chain(2, 3, 4, 2), "xylo-imu")
    reference = OnChip(XyloSim(deployment.config, engine="reference"), deployment.placement)
    result = compare(deployment, reference, DATA)
    assert result.is_equal
    # Two currents and the voltage of each hidden neuron, one of each output.
    assert [layer.n_states for layer in result.layers] == [3 * 30 * 3, 3 * 30 * 4, 2 * 30 * 2]
    assert "0 of 270 currents and voltages differ" in str(result)


def test_a_current_that_differs_is_named_before_the_spikes_that_follow() -> None:
    values = {"weights_rec": [[0]], "weights_out": [[9]], "threshold": 40, "threshold_out": 9}
    first, second = (XyloConfig("xylo-imu", weights_in=[[weight]], **values) for weight in (60, 61))
    result = compare(first, second, [[0], [1], [1], [1]])
    assert not result.is_equal
    found = result.divergence
    assert found is not None
    # 60 loses 30, 61 loses 30 as well.
    assert (found.variable, found.step, found.first, found.second) == ("isyn", 1, 30, 31)
    assert str(found).startswith("`hidden`[0] at step 1 of sample 0: `isyn` is 30 and 31")


def test_chips_with_other_thresholds_are_compared_by_their_spikes() -> None:
    net = chain(2, 3, 4, 2)
    coarse = deploy(net, "xylo-imu", quantizer=partial(channel_quantize, bits_per_weight=5))
    result = compare(deploy(net, "xylo-imu"), coarse, DATA)
    assert [layer.n_states for layer in result.layers] == [0, 0, 0]


def test_the_membranes_say_how_near_a_difference_was() -> None:
    taus: dict[str, Any] = {"tau_mem": dash_to_tau(1, 1e-3), "tau_syn": dash_to_tau(1, 1e-3)}

    def net(threshold: float) -> Sequential:
        return Sequential(
            LinearJax((1, 1), weight=[[8.0]]),
            LIFJax(1, threshold=threshold, **taus),
            LinearJax((1, 1), weight=[[8.0]]),
            LIFJax(1, **taus),
        )

    # One input spike lifts the membrane to 4.
    found = compare(net(3.2), net(5.0), [[0], [1], [0]]).divergence
    assert found is not None and found.membranes is not None
    assert found.membranes == pytest.approx((1.25, 0.8))
    assert str(found).endswith(": 1 and 0 spikes (membranes at 1.25 and 0.8 thresholds)")


def test_what_only_one_shows_is_left_out_and_said_so() -> None:
    first = observation(np.ones((2, 5, 3), int), np.ones((2, 5, 2), int))
    second = Observation({"out": np.ones((2, 5, 2), int)})
    result = compare_observations(first, second)
    assert result.is_equal and result.left_out == ("hid",)
    assert "compared: 2 samples of 5 steps; not compared: `hid`" in str(result)


def test_a_placement_of_another_configuration_is_refused() -> None:
    deployment = deploy(chain(2, 3, 4, 2), "xylo-imu")
    other = deploy(chain(2, 5, 2), "xylo-imu")
    with pytest.raises(ValueError, match="placement has 7 hidden neurons, what runs has 5"):
        compare(deployment, OnChip(other.config, deployment.placement), DATA)


def test_every_level_of_the_road_can_be_compared_with_every_other() -> None:
    net = chain(2, 3, 4, 2)
    graph = trace(net)
    deployment = deploy(net, "xylo-audio-3", quantizer="channel")
    levels = [net, graph, deployment.specification, deployment]
    for one in levels:
        for other in levels:
            result = compare(one, other, DATA)
            assert {layer.layer for layer in result.layers} == {"1_LIFJax", "3_LIFJax", "5_LIFJax"}
            assert result.layers[0].count_error < 0.2
