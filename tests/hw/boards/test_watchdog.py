"""Calls of the vendor's software that never come back."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path

import pytest
from samna_double import SamnaDouble

from xylograph.hw import BoardBusyError, BoardLostError, SamnaBoard, XyloConfig, find_boards
from xylograph.hw.boards.samna_link._watchdog import Watchdog

CHIP = "SYNS65302"
CONFIG = XyloConfig(CHIP, weights_in=[[9]], weights_out=[[8]], threshold=5, threshold_out=4)


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SamnaDouble]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    attached = SamnaDouble(CHIP)
    attached.install(monkeypatch)
    yield attached
    attached.unblocked.set()


def use(limit_s: float) -> None:
    with SamnaBoard(CHIP, call_limit_s=limit_s, timeout_s=0.1) as board:
        board.load(CONFIG)
        board([[1], [0]])


BLOCKING = ("open_device", "apply_configuration", "Spike", "get_events_blocking", "close_device")


@pytest.mark.parametrize("call", BLOCKING)
def test_a_call_that_blocks_is_given_up_and_the_board_stays_held(
    double: SamnaDouble, call: str
) -> None:
    double.blocks = {call}
    message = r"did not come back within 0\.05 s from the samna SYNS65302 board .* end this process"
    with pytest.raises(BoardLostError, match=message):
        use(limit_s=0.05)
    # What blocks has the board still, so nobody else may have it, even if it goes on now.
    double.blocks = set()
    with pytest.raises(BoardBusyError, match="is held by process"):
        use(limit_s=5.0)


def test_after_a_call_that_blocked_no_other_is_tried(double: SamnaDouble) -> None:
    board = SamnaBoard(CHIP, call_limit_s=0.05, timeout_s=0.1)
    board.load(CONFIG)
    double.blocks = {"Spike"}
    with pytest.raises(BoardLostError, match="did not come back"):
        board([[1]])
    double.taken()
    for _ in range(3):
        with pytest.raises(BoardLostError, match="did not come back"):
            board([[1]])
    board.close()
    assert double.taken() == []


def test_the_power_that_is_measured_meanwhile_is_no_second_error(double: SamnaDouble) -> None:
    board = SamnaBoard(CHIP, call_limit_s=0.05, timeout_s=0.1)
    board.load(CONFIG)
    steps = board.live(5, power=True)
    next(steps)
    double.blocks = {"get_events_blocking"}
    with pytest.raises(BoardLostError, match="did not come back"):
        list(steps)


def test_an_interrupted_opening_gives_the_board_back(
    double: SamnaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = futures.wait
    # Devices are listed first.
    errors = [None, KeyboardInterrupt()]

    def interrupted(*arguments: object, **options: object) -> object:
        if errors and (error := errors.pop(0)) is not None:
            raise error
        return waits(*arguments, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(futures, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        SamnaBoard(CHIP)
    assert [name for name, *_ in double.taken()][-1] == "close_device"
    use(limit_s=5.0)


def test_a_closed_board_says_so_at_once(double: SamnaDouble) -> None:
    board = SamnaBoard(CHIP)
    board.load(CONFIG)
    board.close()
    board.close()
    with pytest.raises(BoardLostError, match="is closed: open it again"):
        board([[1]])


def test_a_list_of_devices_that_fails_is_a_board_error(double: SamnaDouble) -> None:
    def failing() -> list[object]:
        raise RuntimeError("no USB")

    double.samna.device.get_all_devices = failing
    with pytest.raises(BoardLostError, match="no USB.*udev rule"):
        find_boards()


def test_calls_come_one_after_the_other_from_one_thread() -> None:
    watchdog = Watchdog("the board")
    threads = {watchdog(threading.get_ident) for _ in range(3)}
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_a_call_may_wait_for_as_long_as_it_says() -> None:
    watchdog = Watchdog("the board", limit_s=0.05)
    assert watchdog(lambda: time.sleep(0.2), waits_s=5.0) is None
    with pytest.raises(BoardLostError, match="did not come back"):
        watchdog(lambda: time.sleep(0.2))


@pytest.mark.parametrize("forget", [Watchdog.close, lambda _: None], ids=["closed", "forgotten"])
def test_the_thread_ends_with_its_owner(forget: Callable[[Watchdog], None]) -> None:
    watchdog = Watchdog("the board")
    thread = watchdog(threading.current_thread)
    forget(watchdog)
    del watchdog
    thread.join(timeout=5.0)
    assert not thread.is_alive()


def test_a_call_that_blocks_does_not_keep_the_process_from_ending() -> None:
    code = (
        "import threading\n"
        "from xylograph.hw import BoardError\n"
        "from xylograph.hw.boards.samna_link._watchdog import Watchdog\n"
        "try: Watchdog('it', 0.05)(threading.Event().wait)\n"
        "except BoardError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "did not come back within 0.05 s from it" in done.stdout


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_that_is_no_time_is_refused(double: SamnaDouble, limit: float) -> None:
    with pytest.raises(ValueError, match="no time: call_limit_s"):
        SamnaBoard(CHIP, call_limit_s=limit)
    assert double.taken() == []
