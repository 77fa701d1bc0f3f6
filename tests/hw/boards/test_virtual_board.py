"""A virtual board gives, through the whole protocol, what the simulator gives."""

import numpy as np
import pytest
from board_cases import (
    CHIP_NAMES,
    assert_same,
    expected,
    live_record,
    obedient,
    random_config,
    random_raster,
)
from engine_cases import Case, cases
from hypothesis import given, settings

from xylograph import compare
from xylograph.hw import (
    Board,
    BoardDataError,
    BoardError,
    BoardLostError,
    BoardRefusedError,
    InputClippedWarning,
    VirtualBoard,
    XyloConfig,
    XyloSim,
)

each_chip = pytest.mark.parametrize("chip", CHIP_NAMES)
each_way = pytest.mark.parametrize("stepwise", [False, True], ids=["accelerated", "stepwise"])


def loaded(config: XyloConfig, **options: object) -> VirtualBoard:
    board = VirtualBoard(config.chip, **options)  # pyright: ignore[reportArgumentType]
    board.load(config)
    return board


def not_shown(config: XyloConfig, stepwise: bool) -> set[str]:
    """What readouts of Audio 3 do not hold."""
    is_hidden = config.chip.name == "SYNS65302" and config.n_synapses == 2 and not stepwise
    return {"Isyn2"} if is_hidden else set()


@each_way
@each_chip
def test_a_board_records_what_the_simulator_records(chip: str, stepwise: bool) -> None:
    config, raster = random_config(chip, seed=1), random_raster(2, batch=2)
    output, _, record = loaded(config, stepwise=stepwise)(raster, record=True)
    wanted = expected(config, raster)
    assert set(record) == set(wanted) - not_shown(config, stepwise)
    assert_same(record | {"Spikes_out": output}, wanted)


@pytest.mark.parametrize(
    ("mode", "array"), [("Spike", "Spikes_out"), ("Vmem", "Vmem_out"), ("Isyn", "Isyn_out")]
)
@each_way
@each_chip
def test_the_output_is_what_was_asked_for(chip: str, stepwise: bool, mode: str, array: str) -> None:
    config, raster = random_config(chip, seed=3), random_raster(4)
    output, _, record = loaded(config, output_mode=mode, stepwise=stepwise)(raster)
    assert record == {}
    assert_same({array: output}, expected(config, raster))


def check_case(case: Case, stepwise: bool) -> None:
    config = obedient(case.config)
    raster = np.minimum(case.raster, 15)
    _, _, record = loaded(config, stepwise=stepwise)(raster, record=True)
    wanted = expected(config, raster)
    assert set(record) == set(wanted) - not_shown(config, stepwise)
    assert_same(record, wanted)


@settings(deadline=None, max_examples=10)
@given(case=cases(max_hidden=12, max_steps=6, max_batch=1))
def test_random_configurations_give_what_the_simulator_gives(case: Case) -> None:
    check_case(case, stepwise=False)


@settings(deadline=None, max_examples=4)
@given(case=cases(max_hidden=8, max_steps=4, max_batch=1))
def test_random_configurations_step_by_step_too(case: Case) -> None:
    check_case(case, stepwise=True)


@pytest.mark.slow
@settings(deadline=None, max_examples=1000)
@given(case=cases(max_hidden=40, max_steps=20))
def test_many_random_configurations_give_what_the_simulator_gives(case: Case) -> None:
    check_case(case, stepwise=case.seed % 4 == 0)


@each_chip
def test_pieces_give_what_the_whole_gives(chip: str) -> None:
    config, raster = random_config(chip, seed=5), random_raster(6, n_steps=12)
    board = loaded(config)
    parts = []
    for piece in np.split(raster, [3, 3, 11], axis=1):
        output, state, _ = board(piece)
        board = board.set_attributes(state)
        parts.append(output)
    assert_same({"Spikes_out": np.concatenate(parts, axis=1)}, expected(config, raster))


@each_chip
def test_a_batch_goes_on_from_where_each_of_its_samples_ended(chip: str) -> None:
    config, raster = random_config(chip, seed=7), random_raster(8, batch=3)
    board = loaded(config)
    _, state, _ = board(raster[:, :5])
    output, _, _ = board.set_attributes(state)(raster[:, 5:])
    assert_same(
        {"Spikes_out": output}, {"Spikes_out": expected(config, raster)["Spikes_out"][:, 5:]}
    )


def test_a_call_changes_nothing_in_place() -> None:
    config, raster = random_config("SYNS65302", seed=9), random_raster(10)
    board = loaded(config)
    first, _, _ = board(raster)
    second, _, _ = board(raster)
    np.testing.assert_array_equal(first, second)


@each_chip
def test_the_chip_goes_on_without_running_the_past_again(chip: str) -> None:
    config, raster = random_config(chip, seed=11), random_raster(12)
    board = loaded(config, confirm=False)
    _, state, _ = board(raster)
    device = board._session.link.device  # pyright: ignore[reportAttributeAccessIssue]
    before = device.n_processed
    board.set_attributes(state)(raster)
    assert device.n_processed == before + raster.shape[1]


@each_chip
def test_a_board_is_a_board_and_can_be_compared(chip: str) -> None:
    config, raster = random_config(chip, seed=13), random_raster(14, batch=2)
    board = loaded(config)
    assert isinstance(board, Board)
    comparison = compare(config, board, raster)
    assert comparison.is_equal
    assert comparison.layers[0].n_states > 0


def test_a_configuration_is_loaded_only_when_it_changes() -> None:
    first, second = random_config("SYNS63300", seed=15), random_config("SYNS63300", seed=16)
    board = VirtualBoard("SYNS63300")
    assert [board.load(config) for config in (first, first, second, first)] == [
        True,
        False,
        True,
        True,
    ]
    assert board.config == first


def test_another_configuration_starts_from_reset() -> None:
    first, second = random_config("SYNS65302", seed=17), random_config("SYNS65302", seed=18)
    raster = random_raster(19)
    board = loaded(first)
    board(raster)
    board.load(second)
    output, _, _ = board(raster)
    assert_same({"Spikes_out": output}, expected(second, raster))


def test_a_raster_without_steps_or_samples_gives_arrays_without_them() -> None:
    board = loaded(random_config("SYNS63300", seed=20))
    output, state, record = board(np.zeros((2, 0, 3), np.uint8), record=True)
    assert output.shape == (2, 0, 2)
    assert state["past"].shape == (2, 0, 3)
    assert record["Vmem"].shape == (2, 0, 7)
    assert board(np.zeros((0, 5, 3), np.uint8))[0].shape == (0, 5, 2)


def test_counts_above_what_counters_hold_are_clipped_with_a_warning() -> None:
    config = random_config("SYNS61201", seed=21)
    raster = np.full((1, 3, 3), 40, np.uint8)
    with pytest.warns(InputClippedWarning):
        output, _, _ = loaded(config)(raster)
    assert_same({"Spikes_out": output}, expected(config, np.minimum(raster, 15)))


def test_nothing_loaded_is_said() -> None:
    with pytest.raises(BoardError, match="has no configuration: `load` one first"):
        VirtualBoard("SYNS63300")([[1]])


def test_a_configuration_of_another_chip_is_refused() -> None:
    with pytest.raises(ValueError, match="is for SYNS63300, .* has another chip"):
        VirtualBoard("SYNS65302").load(random_config("SYNS63300", seed=22))


def test_a_refusal_shows_our_rules_and_the_vendors_validator() -> None:
    config = XyloConfig("SYNS63300", weights_in=[[1]], weights_out=[[1]], bias=300)
    with pytest.raises(BoardRefusedError, match="has the bias 300") as caught:
        VirtualBoard("SYNS63300", refuses="bias of neuron 0 too large").load(config)
    assert "the vendor's validator found: bias of neuron 0 too large" in str(caught.value)
    assert caught.value.violations == tuple(config.violations())


def test_a_refusal_by_the_vendor_alone_is_one() -> None:
    board = VirtualBoard("SYNS63300", refuses="no")
    with pytest.raises(BoardRefusedError, match="our design rules found: nothing\n.*: no"):
        board.load(random_config("SYNS63300", seed=23))
    with pytest.raises(BoardError, match="has no configuration"):
        board([[0, 0, 0]])


def test_what_no_field_holds_is_refused_by_our_rules_alone() -> None:
    config = XyloConfig(
        "SYNS63300", weights_in=np.ones((1, 3), int), weights_out=np.ones((3, 1), int),
        aliases=[[1, 2], [], []],
    )  # fmt: skip
    with pytest.raises(BoardRefusedError, match="has 2 alias targets"):
        VirtualBoard("SYNS63300").load(config)


def test_a_state_that_no_board_gave_is_refused() -> None:
    config = random_config("SYNS63300", seed=24)
    board = loaded(config)
    _, state, _ = XyloSim(config)(random_raster(25))
    with pytest.raises(ValueError, match="goes on from the state that a board returned"):
        board.set_attributes(state)
    with pytest.raises(ValueError, match="the state is of 2 samples, the data are of 1"):
        board.set_attributes({"past": random_raster(26, batch=2)})(random_raster(27))


def test_a_closed_board_says_so() -> None:
    with VirtualBoard("SYNS63300") as board:
        board.load(random_config("SYNS63300", seed=28))
    with pytest.raises(BoardLostError, match="is closed or its connection broke"):
        board(random_raster(29))


def test_a_virtual_board_has_no_power_to_measure() -> None:
    with pytest.raises(BoardError, match="draws no power"):
        VirtualBoard("SYNS63300").power()


def test_another_program_on_the_board_is_noticed() -> None:
    from xylograph.hw.boards._events import TriggerProcessing

    board = loaded(random_config("SYNS65302", seed=30), confirm=False)
    _, state, _ = board(random_raster(31))
    board._session.link.write([TriggerProcessing(99)])
    with pytest.raises(BoardDataError, match="check that no other process drives it"):
        board.set_attributes(state)(random_raster(32))


@pytest.mark.parametrize("chip", ["SYNS63300", "SYNS65302"])
def test_live_output_is_that_of_what_the_sensor_gives(chip: str) -> None:
    config, sensed = random_config(chip, seed=33), random_raster(34, n_steps=15)
    board = VirtualBoard(chip, sensor=sensed[0])
    board.load(config)
    steps = list(board.live(15))
    assert_same(live_record(steps), expected(config, sensed))
    np.testing.assert_array_equal([step.input_spikes for step in steps], sensed[0])
    assert not any(step.power for step in steps)
    # And back to rasters.
    assert_same({"Spikes_out": board(sensed)[0]}, expected(config, sensed))


def test_whoever_stops_listening_gets_a_board_that_works() -> None:
    config, raster = random_config("SYNS65302", seed=35), random_raster(36)
    board = VirtualBoard("SYNS65302", sensor=raster[0])
    board.load(config)
    steps = board.live(100)
    next(steps)
    del steps
    assert_same({"Spikes_out": board(raster)[0]}, expected(config, raster))


def test_a_front_end_that_the_validator_refuses_is_a_board_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, raster = random_config("SYNS63300", seed=38), random_raster(39)
    board = loaded(config)
    device = board._session.link.device  # pyright: ignore[reportAttributeAccessIssue]
    apply = device.apply

    def refusing(fields: dict) -> None:
        if "odd" in fields:
            raise ValueError("no such filter")
        apply(fields)

    monkeypatch.setattr(device, "apply", refusing)
    with pytest.raises(BoardRefusedError, match="validator found: no such filter"):
        next(board.live(1, front_end={"odd": 1}))
    assert_same({"Spikes_out": board(raster)[0]}, expected(config, raster))


@pytest.mark.parametrize("n_channels", [1, 4])
def test_a_sensor_with_other_channels_than_the_configuration_is_named(n_channels: int) -> None:
    board = VirtualBoard("SYNS63300", sensor=np.ones((5, n_channels), int))
    board.load(random_config("SYNS63300", seed=40))
    with pytest.raises(BoardError, match=f"gives {n_channels} channels, the configuration has 3"):
        next(board.live(5))


def test_after_the_end_of_what_it_senses_a_board_hears_nothing() -> None:
    board = VirtualBoard("SYNS65302", sensor=np.ones((2, 3), np.uint8))
    board.load(random_config("SYNS65302", seed=41))
    heard = [step.input_spikes for step in board.live(4)]
    np.testing.assert_array_equal(heard, [[1] * 3] * 2 + [[0] * 3] * 2)


def test_a_step_of_imu_takes_what_its_sensor_takes() -> None:
    config = random_config("SYNS63300", seed=42)
    assert config.dt == 1e-3
    board = loaded(config)
    assert [step.dt for step in board.live(2)] == [5e-3, 5e-3]
    (notice,) = board.notices
    assert "a step takes 5 ms in real time, and 1 ms in the configuration" in notice
    slower = loaded(random_config("SYNS65302", seed=42))
    assert [step.dt for step in slower.live(2)] == [1e-3, 1e-3]
    assert not slower.notices


def test_a_virtual_board_says_that_it_measures_no_power() -> None:
    board = loaded(random_config("SYNS65302", seed=43))
    assert board.power_channels == ()
    with pytest.raises(BoardError, match="a virtual board draws no power"):
        next(board.live(1, power=True))


@pytest.mark.parametrize(
    ("chip", "reason"),
    [("SYNS61201", "steps could be lost unnoticed.*`AFESim`"), ("SYNS61300", "has no sensor")],
)
def test_chips_that_cannot_be_followed_say_why(chip: str, reason: str) -> None:
    config, raster = random_config(chip, seed=37), random_raster(44)
    board = loaded(config)
    with pytest.raises(BoardError, match=reason):
        next(board.live(1))
    assert_same({"Spikes_out": board(raster)[0]}, expected(config, raster))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chip": "xylo-9"}, "no chip is called"),
        ({"output_mode": "Spikes"}, "no output mode is called 'Spikes'"),
        ({"timeout_s": 0.0}, "no time or count"),
        ({"retries": -1}, "no time or count"),
        ({"sensor": [1, 2]}, r"`sensor` is spike counts \(time, input\)"),
        ({"sensor": [[16]]}, "from 0 to 15"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VirtualBoard(**({"chip": "SYNS63300"} | options))  # pyright: ignore[reportArgumentType]
