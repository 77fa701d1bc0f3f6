"""What the fact sheet leaves open, as measured on the vendor's simulator, xylosim 0.1.3.

Every engine is held to it, the vendor's among them: when a later version of that computes
otherwise, this file says where.
"""

from typing import Any

import numpy as np
import pytest
from engine_cases import Traces, each_engine, run

from xylograph.hw import XyloConfig

both_cores = pytest.mark.parametrize("chip", ["xylo-1", "xylo-audio-2"])

BIG = 32_767


def traces(engine: str, counts: Any, chip: str = "xylo-audio-2", **fields: Any) -> Traces:
    config = XyloConfig(
        chip, **{"weights_out": [[0]], "threshold": BIG, "threshold_out": BIG} | fields
    )
    raster = np.array(counts, np.uint8).reshape(1, -1, config.n_inputs)
    return {name: array[0] for name, array in run(engine, config, [raster]).items()}


@each_engine
@both_cores
@pytest.mark.parametrize(
    ("threshold", "vmem", "spikes"),
    [
        (0, [0, 0, 0], [31, 31, 31]),
        (-1, [31, 47, 55], [31, 31, 31]),
        (-100, [3100, 4650, 5425], [31, 31, 31]),
        (-2000, [-31_536, -15_768, -7884], [17, 0, 0]),
        (-32_768, [-32_768, 16_384, -24_576], [31, 31, 31]),
    ],
)
def test_thresholds_of_zero_and_below_fire_until_the_membrane_wraps_or_the_limit_is_reached(
    engine: str, chip: str, threshold: int, vmem: list[int], spikes: list[int]
) -> None:
    got = traces(engine, [0, 0, 0], chip, weights_in=[[0]], threshold=threshold)
    assert got["Vmem"].ravel().tolist() == vmem
    assert got["Spikes"].ravel().tolist() == spikes


@each_engine
@both_cores
def test_outputs_spike_once_a_step_with_a_threshold_below_zero(engine: str, chip: str) -> None:
    got = traces(engine, [0, 0, 0], chip, weights_in=[[0]], threshold_out=-100)
    assert got["Vmem_out"].ravel().tolist() == [100, 150, 175]
    assert got["Spikes_out"].ravel().tolist() == [1, 1, 1]


@each_engine
def test_outputs_keep_what_is_above_the_threshold_after_one_spike(engine: str) -> None:
    got = traces(
        engine,
        [1, 0, 0, 0],
        weights_in=[[100]],
        weights_out=[[100]],
        threshold=50,
        threshold_out=10,
    )
    assert got["Vmem_out"].ravel().tolist() == [0, 40, 35, 21]
    assert got["Spikes_out"].ravel().tolist() == [0, 1, 1, 1]


@each_engine
@pytest.mark.parametrize(("chip", "end"), [("xylo-1", 0), ("xylo-audio-2", -32_768)])
def test_dash_0_never_clears_the_lowest_voltage_of_core_2(engine: str, chip: str, end: int) -> None:
    got = traces(
        engine,
        [15] + [0] * 30,
        chip,
        weights_in=[[[-128, -128]]],
        weights_rec=np.zeros((1, 1, 2)),
        weight_shift_in=7,
        dash_mem=0,
    )
    assert got["Isyn"].ravel().tolist()[:2] == [-16_384, -8192]
    assert got["Vmem"][0, 0] == -32_768
    assert got["Vmem"][-1, 0] == end


@each_engine
@both_cores
def test_dash_0_clears_the_lowest_current(engine: str, chip: str) -> None:
    got = traces(engine, [15, 0], chip, weights_in=[[-128]], weight_shift_in=7, dash_syn=0)
    assert got["Isyn"].ravel().tolist() == [0, 0]


@each_engine
@both_cores
def test_weight_shifts_wrap_in_16_bits(engine: str, chip: str) -> None:
    shifted = [
        traces(engine, [1], chip, weights_in=[[101]], weight_shift_in=shift, dash_syn=15)["Isyn"]
        for shift in range(16)
    ]
    # One less, or more below zero, than 101 << shift in 16 bits: the decay of the first step.
    expected = [100, 201, 403, 807, 1615, 3231, 6463, 12_927, 25_855, -13_823, -27_647, 10_239]
    assert np.ravel(shifted).tolist() == [*expected, 20_479, -24_575, 16_383, -32_767]


@each_engine
@both_cores
@pytest.mark.parametrize(
    ("aliases", "spikes"),
    [
        ([[2], [], []], [2, 3, 2 + 4]),
        ([[], [], [0]], [2 + 4, 3, 4]),
        ([[1], [2], []], [2, 2 + 3, 2 + 3 + 4]),
        ([[], [0], [1]], [2 + 3, 3 + 4, 4]),
        ([[2], [2], []], [2, 3, 2 + 3 + 4]),
        ([[1, 2], [], []], [2, 2 + 3, 2 + 4]),
        ([[0], [], []], [2 + 2, 3, 4]),
        ([[1], [0], []], [2 + 5, 2 + 3, 4]),
    ],
    ids=[
        "to a higher id",
        "to a lower id",
        "chained upwards, which hands everything on",
        "chained downwards, which hands on own spikes only",
        "several sources",
        "several targets",
        "to itself",
        "in a circle",
    ],
)
def test_aliases_add_spikes_in_the_order_of_ids(
    engine: str, chip: str, aliases: list[list[int]], spikes: list[int]
) -> None:
    got = traces(
        engine,
        [1],
        chip,
        weights_in=[[40, 60, 80]],
        weights_out=[[0]] * 3,
        threshold=10,
        aliases=aliases,
    )
    assert got["Spikes"].tolist() == [spikes]
    assert got["Vmem"].tolist() == [[0, 0, 0]]


@each_engine
def test_spikes_of_an_alias_leave_less_room_for_own_ones(engine: str) -> None:
    got = traces(
        engine,
        [1],
        weights_in=[[100, 100]],
        weights_out=[[0]] * 2,
        threshold=[2, 2],
        aliases=[[1], []],
    )
    assert got["Spikes"].tolist() == [[25, 31]]
    assert got["Vmem"].tolist() == [[0, 50 - 6 * 2]]


@each_engine
def test_spikes_of_an_alias_arrive_one_step_later_like_own_ones(engine: str) -> None:
    got = traces(
        engine,
        [1, 0],
        weights_in=[[40, 0]],
        weights_out=[[0], [12]],
        weights_rec=[[0, 0], [3, 0]],
        threshold=[20, BIG],
        aliases=[[1], []],
    )
    assert got["Spikes"].tolist() == [[1, 1], [0, 0]]
    assert got["Isyn"].tolist() == [[20, 0], [12, 0]]
    assert got["Isyn_out"].ravel().tolist() == [0, 6]


@each_engine
@both_cores
def test_the_counters_hold_15_spikes(engine: str, chip: str) -> None:
    got = traces(engine, [15, 16, 255], chip, weights_in=[[4]], dash_syn=2)
    assert got["Isyn"].ravel().tolist() == [45, 79, 105]


@each_engine
def test_inputs_saturate_before_recurrent_spikes_arrive(engine: str) -> None:
    got = traces(
        engine,
        [[1, 0], [0, 15]],
        weights_in=[[2, 0], [0, 127]],
        weights_rec=[[0, -100], [0, 0]],
        weights_out=[[0]] * 2,
        weight_shift_in=7,
        weight_shift_rec=7,
        threshold=[128, BIG],
        dash_syn=[1, 15],
    )
    assert got["Spikes"][0].tolist() == [1, 0]
    assert got["Isyn"][1, 1] == 32_767 - 12_800 - 1


@each_engine
@pytest.mark.parametrize(("first", "second", "isyn"), [(127, -128, 0), (-128, 127, -255)])
def test_channels_arrive_in_ascending_order_and_saturate_in_between(
    engine: str, first: int, second: int, isyn: int
) -> None:
    got = traces(engine, [[15, 2]], weights_in=[[first], [second]], weight_shift_in=7, dash_syn=15)
    # 32767 - 32768 and -32768 + 32512, each one nearer to zero by the decay.
    assert got["Isyn"][0, 0] == isyn


@each_engine
@both_cores
def test_currents_of_both_synapses_are_summed_before_the_membrane_saturates(
    engine: str, chip: str
) -> None:
    got = traces(
        engine,
        [[15, 0, 0], [0, 15, 15]],
        chip,
        weights_in=[[[127, 0]], [[127, 0]], [[0, -128]]],
        weights_rec=np.zeros((1, 1, 2)),
        weight_shift_in=7,
        dash_mem=15,
        dash_syn=15,
        dash_syn_2=15,
    )
    # 32766 - 1 + (32766 - 32767); one after the other would have saturated at 32767 first.
    assert got["Isyn"].ravel().tolist() == [32_766, 32_766]
    assert got["Isyn2"].ravel().tolist() == [0, -32_767]
    assert got["Vmem"].ravel().tolist() == [32_766, 32_764]


@each_engine
@both_cores
def test_recurrent_spikes_reach_the_second_synapse(engine: str, chip: str) -> None:
    got = traces(
        engine,
        [1, 0, 0],
        chip,
        weights_in=[[[40, 0]]],
        weights_rec=[[[0, 9]]],
        threshold=15,
        dash_syn_2=0,
        dash_mem=0,
        dash_syn=2,
    )
    assert got["Spikes"].ravel().tolist() == [2, 1, 1]
    assert got["Isyn"].ravel().tolist() == [30, 23, 18]
    assert got["Isyn2"].ravel().tolist() == [0, 0, 0]


@each_engine
def test_biases_move_the_membranes_of_core_2(engine: str) -> None:
    got = traces(engine, [0] * 4, weights_in=[[0]], bias=3, bias_out=-3, dash_mem_out=2)
    assert got["Vmem"].ravel().tolist() == [3, 5, 6, 6]
    assert got["Vmem_out"].ravel().tolist() == [-3, -5, -6, -7]


@each_engine
def test_the_bias_saturates_the_change_before_the_membrane_takes_it(engine: str) -> None:
    got = traces(
        engine,
        [0, 15, 0],
        weights_in=[[[-128, -128]]],
        weights_rec=np.zeros((1, 1, 2)),
        weight_shift_in=7,
        dash_mem=15,
        dash_syn=15,
        dash_syn_2=15,
        bias=32_767,
    )
    assert got["Vmem"].ravel().tolist() == [0, -1, -2]
    assert got["Spikes"].ravel().tolist() == [1, 0, 0]


@each_engine
def test_core_1_has_no_biases(engine: str) -> None:
    got = traces(engine, [0, 0], "xylo-1", weights_in=[[0]], bias=3, bias_out=3)
    assert not got["Vmem"].any()
    assert not got["Vmem_out"].any()


QUIET = [0] * 4


@each_engine
@pytest.mark.parametrize(
    ("counts", "fields", "asleep"),
    [
        (QUIET, {}, "1111"),
        (QUIET, {"bias_out": 3, "threshold_out": 3, "dash_mem_out": 0}, "0000"),
        ([0, 1, 0, 0], {}, "1011"),
        ([0, 0, 1, *QUIET, 0, 0, 0], {"weights_in": [[10]]}, "1100000001"),
        (QUIET, {"threshold": 0}, "1000"),
        (QUIET, {"threshold_out": 0}, "1111"),
        (QUIET, {"threshold_out": -1}, "1000"),
        ([0] * 10, {"bias": 3, "dash_mem": 2}, "0000000011"),
        ([0, 1, 0, 0], {"bias": 1, "dash_mem": 0}, "0001"),
        (
            [*QUIET, 1, *QUIET],
            {"bias": -1, "dash_mem": 0},
            "001100111",
        ),
        (QUIET, {"bias": 1, "dash_mem": 0, "threshold_out": -1, "dash_mem_out": 15}, "0000"),
        (QUIET, {"bias": -32_768, "dash_mem": 15}, "0000"),
    ],
    ids=[
        "at rest",
        "an output whose membrane comes back to where it was",
        "a spike on a channel without synapses",
        "until currents and membranes are back at rest",
        "hidden spikes that nobody listens to",
        "outputs that spike without moving",
        "outputs that move by spiking",
        "with biases, one step after the membranes came to rest",
        "with biases, a spike in the second step",
        "with biases, awake at a spike and one step longer",
        "with biases, outputs that move by spiking",
        "a membrane that saturation holds",
    ],
)
def test_the_core_sleeps_when_nothing_arrives_and_nothing_moves(
    engine: str, counts: list[int], fields: dict[str, Any], asleep: str
) -> None:
    weights: dict[str, Any] = {"weights_in": [[0]]}
    got = traces(engine, counts, **weights | fields)
    assert "".join("01"[flag] for flag in got["hibernation"].tolist()) == asleep
