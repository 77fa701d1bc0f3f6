"""Whatever goes wrong on the way to a board: a result is complete and right, or a typed error."""

from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from board_cases import CHIP_NAMES, assert_same, expected, random_config, random_raster

from xylograph.hw import (
    BoardDataError,
    BoardError,
    BoardFirmwareError,
    BoardLostError,
    BoardRetryWarning,
    BoardTimeoutError,
    Fault,
    VirtualBoard,
)
from xylograph.hw.boards._events import TriggerProcessing

CONFIGS = {chip: random_config(chip, seed=5) for chip in CHIP_NAMES}
RASTER = random_raster(6, n_steps=6)
RECORDS = {chip: expected(config, RASTER) for chip, config in CONFIGS.items()}
# What alone is noticed by nothing but the second run. A fault that befalls both runs alike cannot
# be noticed, so one of these at most is drawn; of the others there can be any number.
HIDDEN = [
    ("lost", "to board"),
    ("late", "to board"),
    ("duplicated", "to board"),
    ("reordered", "to board"),
    ("corrupted", "from board"),
]
OBVIOUS = [
    ("lost", "from board"),
    ("late", "from board"),
    ("duplicated", "from board"),
    ("reordered", "from board"),
    ("hang", "from board"),
    ("hang", "to board"),
    ("disconnect", "from board"),
    ("disconnect", "to board"),
]


@cache
def sizes(chip: str, stepwise: bool) -> dict[str, int]:
    """How many events two calls without any fault make."""
    board = VirtualBoard(chip, stepwise=stepwise)
    board.load(CONFIGS[chip])
    board(RASTER)
    board(RASTER, record=True)
    link = board._session.link
    wires = {"to board": link._to_board, "from board": link._from_board}  # pyright: ignore
    return {direction: wire.n_passed for direction, wire in wires.items()}


def random_faults(rng: np.random.Generator, n_events: dict[str, int]) -> list[Fault]:
    drawn = [HIDDEN[rng.integers(len(HIDDEN))]] if rng.random() < 0.6 else []
    drawn += [OBVIOUS[i] for i in rng.integers(len(OBVIOUS), size=rng.integers(0, 3))]
    return [
        Fault(
            kind=kind,
            direction=direction,
            at=int(rng.integers(n_events[direction])),
            delay_s=float(rng.choice([0.01, 1.0, 60.0])),
            bit=int(rng.integers(1000)),
        )
        for kind, direction in drawn
    ]


def outcome(chip: str, stepwise: bool, faults: list[Fault]) -> Counter[str]:
    """What became of some calls on a faulty board; a wrong result fails the test."""
    seen: Counter[str] = Counter()
    try:
        board = VirtualBoard(chip, stepwise=stepwise, faults=faults)
        board.load(CONFIGS[chip])
    except BoardError as error:
        return Counter([type(error).__name__])
    for record in (False, True, False):
        try:
            output, _, recorded = board(RASTER, record=record)
        except BoardError as error:
            seen[type(error).__name__] += 1
            continue
        assert_same(recorded | {"Spikes_out": output}, RECORDS[chip])
        seen["right"] += 1
    return seen


def run_many(seeds: range) -> Counter[str]:
    seen: Counter[str] = Counter()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        chip, stepwise = CHIP_NAMES[seed % 4], bool(rng.random() < 0.3)
        seen += outcome(chip, stepwise, random_faults(rng, sizes(chip, stepwise)))
    return seen


def test_a_faulty_run_is_right_or_an_error() -> None:
    seen = run_many(range(12))
    assert seen["right"] > 12
    assert seen.total() - seen["right"] > 4


@pytest.mark.slow
def test_a_thousand_faulty_runs_are_right_or_an_error() -> None:
    seen = run_many(range(1000, 2000))
    assert seen["right"] > 1000
    for error in ("BoardDataError", "BoardLostError", "BoardTimeoutError"):
        assert seen[error] > 50


@pytest.mark.slow
@pytest.mark.parametrize("chip", CHIP_NAMES)
def test_every_event_can_be_lost_on_the_way_back(chip: str) -> None:
    for at in range(sizes(chip, False)["from board"]):
        outcome(chip, False, [Fault(kind="lost", at=at)])


def loaded(chip: str = "SYNS65302", **options: object) -> VirtualBoard:
    board = VirtualBoard(chip, **options)  # pyright: ignore[reportArgumentType]
    board.load(CONFIGS[chip])
    return board


def first_of_run() -> int:
    """Number of the event from the board which is the readout of the first step."""
    board = loaded(confirm=False)
    board(RASTER)
    # One readout a step, and the barrier at the end.
    wire = board._session.link._from_board  # pyright: ignore[reportAttributeAccessIssue]
    return wire.n_passed - (RASTER.shape[1] + 1)


def test_a_lost_readout_is_named() -> None:
    board = loaded(faults=[Fault(kind="lost", at=first_of_run() + 2)])
    with pytest.raises(BoardDataError, match="readouts of 1 of 6 steps never came .* first step 2"):
        board(RASTER)


def test_readouts_that_stop_are_a_timeout_that_says_what_to_check() -> None:
    board = loaded(faults=[Fault(kind="hang", at=first_of_run() + 4)], timeout_s=2.0)
    with pytest.raises(
        BoardTimeoutError, match=r"silent for 2 s.*udev.*first 4 of 6 steps"
    ) as caught:
        board(RASTER)
    assert "no other process uses the board" in str(caught.value)


def test_a_second_readout_of_a_step_with_equal_content_is_a_notice() -> None:
    board = loaded(faults=[Fault(kind="duplicated", at=first_of_run() + 1)])
    output, _, _ = board(RASTER)
    assert_same({"Spikes_out": output}, RECORDS["SYNS65302"])
    assert board.notices == ("the readout of step 1 came twice, with equal content",)
    board(RASTER)
    assert board.notices == ()


def test_readouts_out_of_order_are_put_in_order_with_a_notice() -> None:
    board = loaded(faults=[Fault(kind="reordered", at=first_of_run() + 1)])
    output, _, _ = board(RASTER)
    assert_same({"Spikes_out": output}, RECORDS["SYNS65302"])
    assert board.notices == ("the readout of step 1 came after one of a later step",)


def test_readouts_that_are_late_within_the_timeout_do_no_harm() -> None:
    board = loaded(faults=[Fault(kind="late", at=first_of_run() + 1, delay_s=3.0)])
    assert_same({"Spikes_out": board(RASTER)[0]}, RECORDS["SYNS65302"])


def test_an_impossible_value_is_named() -> None:
    # The first number of a readout here is its step, then come voltages, then two spikes.
    board = loaded(faults=[Fault(kind="corrupted", at=first_of_run(), bit=4 + 5 * 1)])
    with pytest.raises(
        BoardDataError, match="as `Spikes_out` of neuron 1 in step 0, possible is 0..1"
    ):
        board(RASTER)


def test_a_possible_but_wrong_value_is_found_by_the_second_run() -> None:
    fault = Fault(kind="corrupted", at=first_of_run() + 3, bit=1)
    with pytest.raises(
        BoardDataError, match="gave two results for one raster: `Vmem_out` of neuron 0"
    ):
        loaded(faults=[fault])(RASTER)
    # That it was the second run which found it:
    assert loaded(faults=[fault], confirm=False)(RASTER)[0].shape == (1, 6, 2)


@pytest.mark.parametrize("chip", CHIP_NAMES)
@pytest.mark.parametrize("kind", ["lost", "duplicated"])
def test_a_trigger_that_is_lost_or_doubled_is_found_without_a_second_run(
    chip: str, kind: str
) -> None:
    def run(*faults: Fault) -> tuple[list[type], np.ndarray]:
        board = loaded(chip, stepwise=True, confirm=False, faults=faults)
        link = board._session.link
        write, sent = link.write, []

        def noting(events: Sequence[object]) -> None:
            sent.extend(map(type, events))
            write(events)  # pyright: ignore[reportArgumentType]

        before = link._to_board.n_passed  # pyright: ignore[reportAttributeAccessIssue]
        link.write = noting
        output, _, _ = board(RASTER)
        return [type(None)] * before + sent, output

    sent, output = run()
    assert_same({"Spikes_out": output}, RECORDS[chip])
    triggers = [at for at, event in enumerate(sent) if event is TriggerProcessing]
    assert len(triggers) == RASTER.shape[1]
    for at in triggers:
        with pytest.raises((BoardDataError, BoardTimeoutError)):
            run(Fault(kind=kind, direction="to board", at=at))


def test_a_disconnect_is_for_good() -> None:
    board = loaded(faults=[Fault(kind="disconnect", at=first_of_run() + 3)])
    with pytest.raises(BoardLostError, match="broke in the middle of a run: check that the board"):
        board(RASTER)
    with pytest.raises(BoardLostError, match="open it again"):
        board(RASTER)


def test_a_failed_run_leaves_nothing_behind() -> None:
    board = loaded(faults=[Fault(kind="lost", at=first_of_run() + 2)])
    with pytest.raises(BoardDataError):
        board(RASTER)
    assert_same(board(RASTER, record=True)[2], RECORDS["SYNS65302"])


def test_retries_are_reported() -> None:
    board = loaded(faults=[Fault(kind="lost", at=first_of_run() + 2)], retries=1)
    with pytest.warns(BoardRetryWarning, match="run again from a reset: readouts of 1 of 6"):
        output, _, _ = board(RASTER)
    assert_same({"Spikes_out": output}, RECORDS["SYNS65302"])


def test_a_lost_board_is_not_tried_again() -> None:
    board = loaded(faults=[Fault(kind="disconnect", at=first_of_run() + 2)], retries=5)
    with pytest.raises(BoardLostError):
        board(RASTER)


@pytest.mark.parametrize("firmware", [{"fxtree": "0.11.5", "unifirm": "1.6.0"}, {}])
def test_old_firmware_is_refused(firmware: dict[str, str]) -> None:
    with pytest.raises(BoardFirmwareError, match=r"fxtree is .*, needed is 0\.12\.2"):
        VirtualBoard("SYNS65302", firmware=firmware)


@pytest.mark.parametrize("unifirm", ["2.0rc1", "1.6", "1.6.0-dirty"])
def test_newer_firmware_is_fine(unifirm: str) -> None:
    VirtualBoard("SYNS65302", firmware={"fxtree": "0.12.10", "unifirm": unifirm})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "stolen"}, "no fault is called 'stolen'"),
        ({"kind": "lost", "direction": "up"}, "events go 'to board' or 'from board', not 'up'"),
    ],
)
def test_unknown_faults_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fault(**options)  # pyright: ignore[reportArgumentType]
