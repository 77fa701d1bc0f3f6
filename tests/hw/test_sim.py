import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from engine_cases import (
    Case,
    cases,
    each_engine,
    each_engine_that_starts_quickly,
    each_own_engine,
    needs_vendor,
)
from hypothesis import HealthCheck, given, settings

from xylograph.hw import EngineStateError, InputClippedWarning, XyloConfig, XyloSim

few = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])

HIDDEN = ("Spikes", "Vmem", "Isyn", "Isyn2")
OUTPUT = ("Vmem_out", "Isyn_out", "Spikes_out")


def config(chip: str = "xylo-imu", **fields: Any) -> XyloConfig:
    return XyloConfig(
        chip,
        **{
            "weights_in": [[100, 40, -20], [0, 90, 60]],
            "weights_rec": [[0, 20, 0], [0, 0, 30], [-9, 0, 0]],
            "weights_out": [[70, 10], [5, 80]],
            "threshold": 60,
            "threshold_out": 50,
        }
        | fields,
    )


def raster(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 3, shape)


@each_engine
def test_a_call_gives_output_state_and_an_empty_record(engine: str) -> None:
    output, state, record = XyloSim(config(), engine)(raster(7, 2))
    assert output.shape == (1, 7, 2)
    assert output.dtype == np.uint8
    assert output.any()
    assert state["vmem"].shape == (1, 3)
    assert record == {}


@each_engine
@pytest.mark.parametrize(("data", "batch"), [((7, 2), 1), ((4, 7, 2), 4)])
def test_a_record_holds_everything_batch_first_then_time(
    engine: str, data: tuple[int, ...], batch: int
) -> None:
    _, _, record = XyloSim(config(), engine).evolve(raster(*data), record=True)
    shapes = {name: array.shape for name, array in record.items()}
    assert shapes == {
        **dict.fromkeys(HIDDEN, (batch, 7, 3)),
        **dict.fromkeys(OUTPUT, (batch, 7, 2)),
        "hibernation": (batch, 7),
    }
    types = {name: str(array.dtype) for name, array in record.items()}
    spikes = {"Spikes": "uint8", "Spikes_out": "uint8", "hibernation": "bool"}
    assert types == dict.fromkeys(record, "int16") | spikes


@each_engine
def test_a_chip_without_hibernation_records_none(engine: str) -> None:
    _, _, record = XyloSim(config("xylo-1"), engine)(raster(7, 2), record=True)
    assert list(record) == [*HIDDEN, *OUTPUT]


@each_engine
def test_the_second_current_is_zero_with_one_synapse(engine: str) -> None:
    _, _, record = XyloSim(config(), engine)(raster(7, 2), record=True)
    assert record["Isyn"].any()
    assert not record["Isyn2"].any()


@each_engine
@pytest.mark.parametrize(
    ("mode", "name"), [("Spike", "Spikes_out"), ("Vmem", "Vmem_out"), ("Isyn", "Isyn_out")]
)
@pytest.mark.parametrize("record", [False, True])
def test_the_output_is_what_the_mode_says(engine: str, mode: str, name: str, record: bool) -> None:
    _, _, recorded = XyloSim(config(), engine)(raster(7, 2), record=True)
    sim = XyloSim(config(), engine, output_mode=mode)
    assert sim.output_mode == mode
    assert np.array_equal(sim(raster(7, 2), record=record)[0], recorded[name])


def test_an_unknown_output_mode_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"^no output mode is called 'spikes': known are 'Spike', 'Vmem', 'Isyn'$"
    ):
        XyloSim(config(), output_mode="spikes")


def test_the_native_engine_computes_when_none_is_named() -> None:
    sim = XyloSim(config())
    assert sim.engine == "native"
    assert sim.config == config()
    assert repr(sim) == f"<XyloSim {config()!r}, engine 'native', output 'Spike'>"


@each_engine
def test_a_call_changes_nothing_in_place(engine: str) -> None:
    sim, data = XyloSim(config(), engine), raster(7, 2)
    given_data = data.copy()
    first, _, _ = sim(data)
    second, _, _ = sim(data)
    assert np.array_equal(first, second)
    assert np.array_equal(data, given_data)
    assert not any(array.any() for array in sim.state().values())


@each_engine
def test_setting_the_state_gives_another_simulator(engine: str) -> None:
    sim = XyloSim(config(), engine)
    _, state, _ = sim(raster(7, 2))
    later = sim.set_attributes(state)
    assert later is not sim
    assert not sim.state()["vmem"].any()
    assert np.array_equal(later.state()["vmem"], state["vmem"])


@each_engine
def test_a_changed_array_of_a_state_does_not_reach_into_the_simulator(engine: str) -> None:
    sim = XyloSim(config(), engine)
    _, state, _ = sim(raster(7, 2))
    later = sim.set_attributes(state)
    expected, _, _ = later(raster(3, 2))
    state["vmem"][:] = 0
    assert np.array_equal(later(raster(3, 2))[0], expected)


@each_engine_that_starts_quickly
@given(case=cases(max_hidden=8, max_steps=12))
@few
def test_a_recording_in_pieces_gives_the_same_as_in_one(engine: str, case: Case) -> None:
    sim = XyloSim(case.config, engine, output_mode="Vmem")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputClippedWarning)
        whole, final, _ = sim(case.raster)
        outputs, state = [], {}
        for piece in case.pieces:
            output, state, _ = sim(piece)
            outputs.append(output)
            sim = sim.set_attributes(state)
    assert np.array_equal(np.concatenate(outputs, axis=1), whole)
    assert {name: array.tolist() for name, array in state.items()} == {
        name: array.tolist() for name, array in final.items()
    }


@each_engine
def test_after_a_reset_any_batch_is_taken(engine: str) -> None:
    sim = XyloSim(config(), engine)
    first, state, _ = sim(raster(4, 7, 2))
    reset = sim.set_attributes(state).reset_state()
    assert np.array_equal(reset(raster(4, 7, 2))[0], first)
    assert reset(raster(3, 7, 2))[0].shape == (3, 7, 2)


@each_own_engine
def test_a_state_in_which_all_is_zero_fits_any_batch(engine: str) -> None:
    sim = XyloSim(config(), engine)
    again = sim.set_attributes(sim.state())
    assert again(raster(3, 7, 2))[0].shape == (3, 7, 2)


def test_a_state_of_another_batch_is_refused() -> None:
    sim = XyloSim(config())
    _, state, _ = sim(raster(4, 7, 2))
    with pytest.raises(
        ValueError,
        match=r"^the state is of 4 samples, the data are of 1: give data of 4 samples, or start "
        r"again with `reset_state\(\)`$",
    ):
        sim.set_attributes(state)(raster(7, 2))


@each_own_engine
def test_some_arrays_of_a_state_can_be_set(engine: str) -> None:
    sim = XyloSim(config(threshold=32_767), engine).set_attributes({"vmem": [[100, 0, -100]]})
    _, state, record = sim(np.zeros((1, 2)), record=True)
    assert record["Vmem"].tolist() == [[[50, 0, -50]]]
    later = sim.set_attributes(state).set_attributes({"isyn": np.array([[2, 2, 2]])})
    assert later.state()["vmem"].tolist() == [[50, 0, -50]]
    assert later.state()["isyn"].tolist() == [[2, 2, 2]]


@needs_vendor
def test_the_vendors_simulator_takes_whole_states_of_its_own_only() -> None:
    sim = XyloSim(config(), "vendor")
    _, state, _ = sim(raster(7, 2))
    changed = sim.set_attributes(state | {"vmem": state["vmem"] + 1})
    asleep = sim.set_attributes({"quiet": [True]})
    for other in (changed, asleep):
        with pytest.raises(EngineStateError, match="only go on from a state that it gave out"):
            other(raster(7, 2))


@needs_vendor
def test_a_state_of_the_vendors_simulator_can_go_on_in_other_engines() -> None:
    _, state, _ = XyloSim(config(), "vendor")(raster(7, 2))
    later, _, _ = XyloSim(config(), "native").set_attributes(state)(raster(5, 2))
    whole, _, _ = XyloSim(config(), "vendor")(np.concatenate([raster(7, 2), raster(5, 2)]))
    assert np.array_equal(later, whole[:, 7:])


@pytest.mark.parametrize(
    ("state", "problems"),
    [
        (
            {"Vmem": [[1, 2, 3]]},
            [
                (
                    "`Vmem` is no part of a state: parts are spikes, vmem, isyn, isyn2, vmem_out, "
                    "isyn_out, quiet, past"
                )
            ],
        ),
        (
            {"vmem": [1, 2, 3], "vmem_out": [[1, 2, 3]]},
            [
                "`vmem` has the shape (3,); needed is (batch, 3)",
                "`vmem_out` has the shape (1, 3); needed is (batch, 2)",
                "all arrays are of the same samples; the batch axes are `vmem` 3, `vmem_out` 1",
            ],
        ),
        ({"vmem": [[0, 0, 40_000]]}, ["`vmem[0, 2]` is 40000, the range is -32768..32767"]),
        ({"spikes": [[0, 32, 0]]}, ["`spikes[0, 1]` is 32, the range is 0..31"]),
        ({"isyn2": [[0, 5, 0]]}, ["`isyn2[0, 1]` is 5, the range is 0..0"]),
        ({"isyn": [[0.5, 0, 0]]}, ["`isyn` holds float64, not integers"]),
        (
            {"isyn": np.zeros((2, 3), int), "vmem": np.zeros((3, 3), int)},
            ["all arrays are of the same samples; the batch axes are `vmem` 3, `isyn` 2"],
        ),
        ({"past": [[[300, 0]]]}, ["`past[0, 0, 0]` is 300, the range is 0..255"]),
    ],
    ids=["name", "shapes", "vmem", "spikes", "isyn2", "float", "batches", "past"],
)
def test_what_is_no_state_is_refused_with_everything_that_is_wrong(
    state: dict[str, Any], problems: list[str]
) -> None:
    with pytest.raises(ValueError) as caught:
        XyloSim(config()).set_attributes(state)
    first, *lines = str(caught.value).split("\n")
    plural = "s" if len(problems) > 1 else ""
    assert first == f"this is no state of the core, {len(problems)} problem{plural}:"
    assert lines == [f"- {problem}" for problem in problems]


def test_part_of_a_state_must_be_of_the_samples_of_the_rest() -> None:
    sim = XyloSim(config())
    _, state, _ = sim(raster(2, 7, 2))
    with pytest.raises(ValueError, match="the batch axes are `vmem` 3, `spikes` 2, `isyn` 2"):
        sim.set_attributes(state).set_attributes({"vmem": np.ones((3, 3), int)})


COUNTS = "input is spike counts from 0 to 255"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[0, 0], [0, -3]], f"{COUNTS}; 1 is negative, first -3 in step 1, channel 1"),
        ([[0, 256], [999, 0]], f"{COUNTS}; 2 are above 255, first 256 in step 0, channel 1"),
        ([[0.5, 0.0]], f"{COUNTS}; 1 is not a whole number, first 0.5 in step 0, channel 0"),
        (
            [[0.0, np.nan], [np.inf, 1.0]],
            f"{COUNTS}; 2 are not a finite number, first nan in step 0, channel 1",
        ),
        (
            [[[0, 0]], [[-1.5, 300.0]]],
            (
                f"{COUNTS}; 1 is negative, first -1.5 in sample 1, step 0, channel 0; "
                "1 is above 255, first 300.0 in sample 1, step 0, channel 1; "
                "1 is not a whole number, first -1.5 in sample 1, step 0, channel 0"
            ),
        ),
        ([[0, 0, 0]], "input has 3 channels, the configuration has 2"),
        (
            np.zeros((2, 5)),
            (
                "input has 5 channels, the configuration has 2: time comes before channels, is it "
                "transposed?"
            ),
        ),
        ([0, 0], "input has the shape (time, 2) or (batch, time, 2); this has (2,)"),
        (
            np.zeros((1, 1, 1, 2)),
            "input has the shape (time, 2) or (batch, time, 2); this has (1, 1, 1, 2)",
        ),
        (np.array(1), "input has the shape (time, 2) or (batch, time, 2); this has ()"),
        ([[0, 0], [0]], "input is no array: its rows differ in length"),
    ],
)
def test_input_that_a_chip_could_not_take_is_refused(data: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        XyloSim(config())(data)
    assert str(caught.value) == message


@pytest.mark.parametrize("data", [[["1", "0"]], [[1j, 0]], [[None, 0]]])
def test_input_that_holds_no_numbers_is_refused(data: Any) -> None:
    with pytest.raises(TypeError, match=r"^input is spike counts, numbers; this holds "):
        XyloSim(config())(data)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.float16, np.float64])
def test_whole_numbers_of_any_type_are_fine(dtype: type) -> None:
    data = raster(9, 2) > 0
    expected, _, _ = XyloSim(config())(data.astype(np.uint8))
    assert np.array_equal(XyloSim(config())(data.astype(dtype))[0], expected)


def test_lists_are_fine() -> None:
    expected, _, _ = XyloSim(config())(raster(9, 2))
    assert np.array_equal(XyloSim(config())(raster(9, 2).tolist())[0], expected)


@pytest.mark.parametrize("shape", [(0, 2), (0, 5, 2), (3, 0, 2)])
def test_no_steps_and_no_samples_are_fine(shape: tuple[int, ...]) -> None:
    output, state, _ = XyloSim(config())(np.zeros(shape))
    batch = shape[0] if len(shape) == 3 else 1
    assert output.shape == (batch, shape[-2], 2)
    assert state["vmem"].shape == (batch, 3)


def test_counts_above_15_are_clipped_with_one_warning() -> None:
    data = np.zeros((2, 6, 2), int)
    data[0, 4, 1], data[1, 2, 0], data[1, 2, 1] = 16, 255, 15
    with pytest.warns(InputClippedWarning) as caught:
        output, _, _ = XyloSim(config())(data)
    assert [str(warning.message) for warning in caught] == [
        (
            "2 input counts are above 15, what the counters of SYNS63300 hold, and were clipped; "
            "first 16 in sample 0, step 4, channel 1"
        )
    ]
    assert np.array_equal(output, XyloSim(config())(np.minimum(data, 15))[0])


PROGRAM = """
import numpy as np, warnings
from xylograph.hw import XyloConfig, XyloSim
sim = XyloSim(XyloConfig("xylo-imu", weights_in=[[1]], weights_out=[[1]]), engine="reference")
for evolve in (sim, sim.evolve):
    with warnings.catch_warnings(record=True) as caught:
        evolve([[16]])
    print(*[(warning.filename, warning.lineno) for warning in caught])
"""


def test_the_warning_points_at_the_line_of_the_caller() -> None:
    # In a process of its own: the type checker of the test run puts its own calls in between.
    command = [sys.executable, "-W", "always", "-c", PROGRAM]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["('<string>', 7)"] * 2


def test_nothing_in_place_of_a_state_array_is_refused() -> None:
    config = XyloConfig("xylo-imu", weights_in=[[1]], weights_out=[[1]])
    with pytest.raises(ValueError, match="`vmem` is None, not an array"):
        XyloSim(config).set_attributes({"vmem": None})
