"""Bounds hold against the definition, are reached where that can be computed by hand, and say so."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from engine_cases import Case, cases
from hypothesis import HealthCheck, given, settings, strategies as st

from xylograph.hw import SaturationBounds, VariableBounds, XyloConfig, saturation_bounds
from xylograph.hw.engines import CoreState, make_engine

few = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
many = settings(few, max_examples=2000)

# Recorded arrays and the bounds they must keep.
KEPT = {
    "Isyn": "isyn",
    "Isyn2": "isyn2",
    "Vmem": "vmem",
    "Isyn_out": "isyn_out",
    "Vmem_out": "vmem_out",
}
both_cores = pytest.mark.parametrize("chip", ["xylo-1", "xylo-audio-2"])


def config(chip: str = "xylo-audio-2", **fields: Any) -> XyloConfig:
    return XyloConfig(chip, **{"weights_in": [[100]], "weights_out": [[0]]} | fields)


def ends(bounds: VariableBounds) -> list[list[int]]:
    values = (bounds.low, bounds.high, bounds.lowest, bounds.highest)
    return [value.tolist() for value in values]


def simulated(engine: str, config: XyloConfig, raster: np.ndarray) -> dict[str, np.ndarray]:
    start = CoreState.fresh(config, len(raster))
    recordings, _ = make_engine(engine, config).evolve(raster, start, {"Spikes", *KEPT})
    return recordings


def hostile(case: Case) -> np.ndarray:
    """Rasters that push: full counts on channels of one sign for some target, then of the other."""
    rng = np.random.default_rng(case.seed)
    weights = case.config.weights_in
    rasters = []
    for _ in range(4):
        target = weights[:, rng.integers(weights.shape[1]), rng.integers(weights.shape[2])]
        rises = 15 * (target > 0).astype(np.uint8)
        falls = 15 * (target < 0).astype(np.uint8)
        half = case.n_steps // 2 + 1
        rasters.append(np.stack([rises] * half + [falls] * half))
    return np.stack(rasters)


def assert_kept(bounds: SaturationBounds, recordings: dict[str, np.ndarray]) -> None:
    for name, variable in KEPT.items():
        kept = getattr(bounds, variable)
        assert (recordings[name] >= kept.low).all(), f"{variable} is below its bound"
        assert (recordings[name] <= kept.high).all(), f"{variable} is above its bound"
    assert (recordings["Spikes"] <= bounds.spikes).all(), "more spikes than the bound"


def check(case: Case, engine: str) -> None:
    bounds = saturation_bounds(case.config)
    assert_kept(bounds, simulated(engine, case.config, np.minimum(case.raster, 15)))
    assert_kept(bounds, simulated(engine, case.config, hostile(case)))


@given(case=cases(max_hidden=12, max_steps=20))
@few
def test_states_never_leave_their_bounds(case: Case) -> None:
    check(case, "reference")


@pytest.mark.slow
@given(case=cases(max_hidden=40, max_steps=400))
@many
def test_states_never_leave_their_bounds_in_many_long_runs(case: Case) -> None:
    # `native` is equal to `reference`, and computes long runs.
    check(case, "native")


def unlimited(config: XyloConfig, raster: np.ndarray) -> dict[str, np.ndarray]:
    """The core with integers of any length: nothing is clipped, nothing wraps."""
    layers = {
        "": (config.dash_mem, config.dash_syn, config.threshold, config.bias, 31),
        "_out": (
            *(config.dash_mem_out, config.dash_syn_out, config.threshold_out, config.bias_out),
            1,
        ),
    }
    n, first_out = config.n_hidden, config.n_hidden - config.n_output_expansion
    weights = config.weights_in.astype(object) * 2**config.weight_shift_in
    recurrent = config.weights_rec.astype(object) * 2**config.weight_shift_rec
    outputs = config.weights_out.astype(object) * 2**config.weight_shift_out
    state = {f"Vmem{end}": np.zeros(len(layer[0]), object) for end, layer in layers.items()}
    state |= {f"Isyn{end}": np.zeros(len(layer[0]), object) for end, layer in layers.items()}
    state |= {"Isyn2": np.zeros(n, object), "Spikes": np.zeros(n, object)}
    trace: list[dict[str, np.ndarray]] = []
    for counts in raster[0].astype(object):
        spikes = state["Spikes"]
        for synapse, name in enumerate(("Isyn", "Isyn2")[: config.n_synapses]):
            state[name][: config.n_input_expansion] += counts @ weights[:, :, synapse]
            state[name] += spikes @ recurrent[:, :, synapse]
        state["Isyn_out"] += spikes[first_out:] @ outputs
        state["Isyn2"] = left(state["Isyn2"], config.dash_syn_2)
        for end, (dash_mem, dash_syn, threshold, bias, limit) in layers.items():
            state[f"Isyn{end}"] = left(state[f"Isyn{end}"], dash_syn)
            current = state[f"Isyn{end}"] + (state["Isyn2"] if end == "" else 0)
            vmem = left(state[f"Vmem{end}"], dash_mem) + current + bias * config.chip.has_bias
            fired = np.zeros(len(vmem), object)
            for neuron in range(len(vmem)):
                while vmem[neuron] >= threshold[neuron] and fired[neuron] < limit:
                    fired[neuron] += 1
                    vmem[neuron] -= int(threshold[neuron])
                for target in config.aliases[neuron] if end == "" else ():
                    fired[target] = min(limit, fired[target] + fired[neuron])
            state[f"Vmem{end}"] = vmem
            if end == "":
                state["Spikes"] = fired
        trace.append({name: array.copy() for name, array in state.items()})
    return {name: np.stack([shown[name] for shown in trace])[None] for name in trace[0]}


def left(value: np.ndarray, dash: np.ndarray) -> np.ndarray:
    loss = value // 2 ** dash.astype(object)
    return value - np.where(loss == 0, (value > 0).astype(object), loss)


@given(case=cases(max_hidden=8, max_steps=15), shrink=st.sampled_from([0, 16, 32, 64]))
@few
def test_without_possible_overflow_integers_of_any_length_give_the_same(
    case: Case, shrink: int
) -> None:
    # Smaller weights and shorter memories, so that overflow is often impossible.
    fields = {name: getattr(case.config, name) for name in vars(case.config) if name[0] != "_"}
    calm = {f"dash_{name}": 1 for name in ("mem", "syn", "syn_2", "mem_out", "syn_out")}
    if shrink:
        for name in ("weights_in", "weights_rec", "weights_out"):
            fields[name] = fields[name] // shrink
        fields |= calm | {"weight_shift_in": 0, "weight_shift_rec": 0}
    config = XyloConfig(**fields)
    if saturation_bounds(config).overflow_impossible:
        raster = np.minimum(case.raster[:1], 15)
        expected = unlimited(config, raster)
        got = simulated("reference", config, raster)
        assert {name: (got[name] == expected[name]).all() for name in got} == dict.fromkeys(
            got, True
        )


@both_cores
def test_bounds_of_a_small_network_are_those_computed_by_hand(chip: str) -> None:
    bounds = saturation_bounds(
        config(
            chip,
            weights_in=[[10, -3], [-2, 1]],
            weights_rec=[[0, 5], [0, 0]],
            weights_out=[[1], [-7]],
            dash_syn=1,
            dash_mem=1,
            dash_syn_out=0,
            dash_mem_out=0,
            threshold=[100, 400],
            threshold_out=[1000],
        )
    )
    # Neuron 0: -30 to 150 arrive. A half decays: 150 + 150 loses 150; -29 - 30 loses 30. V: 99
    # is left below the threshold; 99 - 49 + 150 = 200 spikes twice. -57 loses 29 and gets -29.
    # Neuron 1: -45 to 15 + 2 * 5 arrive: 25 + 25 loses 25; -44 - 45 loses 45. V: 50 - 25 + 25;
    # -87 loses 44 and gets -44.
    assert bounds.spikes.tolist() == [2, 0]
    assert ends(bounds.isyn) == [[-29, -44], [150, 25], [-59, -89], [300, 50]]
    assert bounds.vmem.low.tolist() == [-57, -87]
    assert bounds.vmem.high.tolist() == [99, 50]
    assert bounds.vmem.highest.tolist()[0] == 200
    # The output: 2 * 1 arrive, and dash 0 clears them before they count.
    assert ends(bounds.isyn_out) == [[0], [0], [0], [2]]
    assert ends(bounds.vmem_out) == [[0]] * 4
    assert bounds.overflow_impossible


@both_cores
@pytest.mark.parametrize("dash", [1, 2, 5, 9, 15])
@pytest.mark.parametrize("weight", [1, 2, 60])
@pytest.mark.parametrize("sign", [-1, 1])
def test_worst_input_reaches_the_bounds_of_a_single_neuron(
    chip: str, dash: int, weight: int, sign: int
) -> None:
    # Both ends of all bounds but those of sums on the way, which no recording shows.
    single = config(
        chip,
        weights_in=[[sign * weight]],
        weights_out=[[3]],
        dash_syn=dash,
        dash_mem=dash,
        threshold=32_767,
    )
    bounds = saturation_bounds(single)
    got = simulated("native", single, np.full((1, 70_000, 1), 15, np.uint8))
    for name in ("Isyn", "Vmem"):
        kept = getattr(bounds, KEPT[name])
        assert min(0, got[name].min()) == kept.low[0]
        if name == "Isyn" or not bounds.spikes.any():
            assert max(0, got[name].max()) == kept.high[0]


@pytest.mark.parametrize(
    ("threshold", "low", "high", "spikes", "overflows"),
    [
        (10, 0, 9, 15, False),
        (151, 0, 150, 1, False),
        (302, 0, 300, 0, False),
        (0, 0, 300, 31, False),
        (-10, 0, 920, 31, False),
        (-2000, -32_768, 32_767, 31, True),
        (-32_768, -32_768, 32_767, 31, True),
    ],
)
def test_thresholds_decide_what_spikes_leave(
    threshold: int, low: int, high: int, spikes: int, overflows: bool
) -> None:
    # Isyn up to 150 with 150 arriving; without spikes V up to 300. At -10: V = 920 loses 460, gets
    # 150 and rises by 310.
    bounds = saturation_bounds(config(weights_in=[[10]], threshold=threshold))
    assert (bounds.vmem.low[0], bounds.vmem.high[0]) == (low, high)
    assert bounds.spikes.tolist() == [spikes]
    assert bounds.vmem.can_saturate.tolist() == [overflows]


def test_more_input_than_31_spikes_take_away_adds_up() -> None:
    # 150 arrive, 31 are taken away; V / 2 is lost: V = 238 gives 238 - 119 + 150 - 31.
    bounds = saturation_bounds(config(weights_in=[[10]], threshold=1))
    assert bounds.vmem.high.tolist() == [238]
    assert bounds.spikes.tolist() == [31]


def test_aliases_add_to_the_spikes_of_others_and_leave_them_less_room() -> None:
    fields: dict[str, Any] = {
        "weights_in": [[10, 10, 0]],
        "weights_out": [[1]] * 3,
        "threshold": [10, 10, 32_767],
    }
    alone = saturation_bounds(config(**fields, aliases=[[], [], []]))
    upwards = saturation_bounds(config(**fields, aliases=[[1], [2], []]))
    assert alone.spikes.tolist() == [15, 15, 0]
    assert upwards.spikes.tolist() == [15, 30, 30]
    # 31 spikes of the alias leave no room for own ones.
    twice = saturation_bounds(config(**fields, aliases=[[1, 1], [], []]))
    assert twice.spikes.tolist() == [15, 31, 0]
    assert (alone.vmem.high[1], upwards.vmem.high[1], twice.vmem.high[1] > 9) == (9, 9, True)
    downwards = saturation_bounds(config(**fields, aliases=[[], [0], [1]]))
    assert downwards.spikes.tolist() == [30, 15, 0]


def test_weights_are_those_left_after_their_shift() -> None:
    wrapped = saturation_bounds(config(weights_in=[[101]], weight_shift_in=9, dash_syn=0))
    # 101 << 9 is 51712; in 16 bits with a sign, -13824.
    assert ends(wrapped.isyn) == [[0], [0], [15 * -13_824], [0]]


def test_biases_count_where_the_chip_has_them() -> None:
    # V loses a half and gets 7: at 14 as much as it loses.
    fields: dict[str, Any] = {"weights_in": [[0]], "bias": 7, "threshold": 1000}
    assert saturation_bounds(config(**fields)).vmem.high.tolist() == [14]
    assert saturation_bounds(config("xylo-1", **fields)).vmem.high.tolist() == [0]


def test_loops_that_spike_more_and_more_end_at_the_limit() -> None:
    # Each neuron excites the next a little more than it is excited itself.
    n = 60
    bounds = saturation_bounds(
        config(
            weights_in=[[1] + [0] * (n - 1)],
            weights_rec=np.roll(np.eye(n), 1, axis=1) * 40,
            weights_out=[[1]],
            threshold=30,
        )
    )
    assert bounds.spikes.tolist()[1:] == [31] * (n - 1)


def test_the_report_lists_what_can_saturate() -> None:
    fields: dict[str, Any] = {"weights_in": [[100, 1]], "weights_out": [[0]], "dash_syn": [5, 1]}
    bounds = saturation_bounds(config(**fields, threshold=500))
    assert not bounds.currents_never_saturate
    assert not bounds.overflow_impossible
    assert str(bounds).splitlines() == [
        "2 state variables can saturate at -32768 or 32767:",
        "- isyn of hidden neuron 0: sums from 0 to 33244",
        "- vmem of hidden neuron 0: sums from -8633 to 40378",
    ]


def test_the_report_counts_what_it_does_not_list() -> None:
    bounds = saturation_bounds(config(weights_in=[[100] * 13], weights_out=[[0]], dash_syn=5))
    assert str(bounds).splitlines()[-1].startswith("- vmem: 3 more")
    assert "- isyn of hidden neuron 9: " in str(bounds)
    assert "- isyn of hidden neuron 10: " not in str(bounds)


def test_a_report_of_nothing_says_what_cannot_happen() -> None:
    bounds = saturation_bounds(config(weights_in=[[1]], threshold=1000))
    assert str(bounds) == "overflow is impossible: no sum can leave -32768..32767"
    assert replace(bounds).overflow_impossible
