"""What `xylograph monitor` shows of what a board gives."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from rich.console import Console

from xylograph.hw import LiveStep, VirtualBoard, XyloConfig
from xylograph.tools._monitor import Window, show, windows

CONFIG = XyloConfig("xylo-audio-3", weights_in=[[90], [5]], weights_out=[[70]], threshold=50)


def step(fired: int, sensed: list[int] | None, watts: list[float]) -> LiveStep:
    return LiveStep(
        output_spikes=np.array([fired, 0], np.uint8),
        output_vmem=np.zeros(2, np.int16),
        dt=0.01,
        input_spikes=None if sensed is None else np.array(sensed, np.uint8),
        power={"io": np.array(watts)},
    )


STEPS = [step(1, [15, 0, 2], [0.25]), step(0, [15, 1, 0], [0.5, 1.5]), step(1, [0, 0, 0], [])]


def test_windows_sum_up_spikes_and_average_power() -> None:
    assert list(windows(STEPS, 2)) == [
        Window(2, 0.02, [30, 1, 2], [1, 0], {"io": 750_000.0}),
        Window(3, 0.01, [0, 0, 0], [1, 0], {"io": None}),
    ]
    assert list(windows([], 2)) == []


def test_a_window_is_one_line() -> None:
    first, last = windows(STEPS, 2)
    assert str(first) == (
        "step 2: input rates 1500.0, 50.0, 100.0 Hz; output spikes [1, 0], 50.0, 0.0 Hz; "
        "power: io 750000 uW"
    )
    assert str(last).endswith("power: io no sample")


class Measuring(VirtualBoard):
    """As a real board: it shows no inputs, and measures power."""

    @property
    def power_channels(self) -> tuple[str, ...]:
        return ("core [uA]",)

    def live(self, n_steps: int, *, front_end: object = None, power: bool = False) -> Iterator:
        del front_end
        for seen in super().live(n_steps):
            samples = {"core [uA]": np.array([5e-4])} if power else {}
            yield LiveStep(
                output_spikes=seen.output_spikes,
                output_vmem=seen.output_vmem,
                dt=seen.dt,
                power=samples,
            )


def shown(board: VirtualBoard, *, power: bool = True, **options: object) -> list[str]:
    file = io.StringIO()
    board.load(CONFIG)
    show(board, 4, 2, Console(file=file, width=60, **options), power=power)  # type: ignore[arg-type]
    return file.getvalue().splitlines()


def test_what_a_board_does_not_show_is_said_once() -> None:
    lines = shown(Measuring("xylo-audio-3", sensor=[[1, 0]] * 4))
    assert lines[:2] == [
        "the virtual SYNS65302 board '0'",
        (
            "no input rates: in real time SYNS65302 shows what its outputs do and not what its "
            "front end gives; the simulated front ends and a virtual board do"
        ),
    ]
    assert len(lines) == 4
    assert all(line.endswith("Hz; power: core [uA] 500 uW") for line in lines[2:])
    assert not any("power" in line for line in shown(Measuring("xylo-audio-3"), power=False))


@pytest.mark.parametrize("is_terminal", [False, True])
def test_whoever_interrupts_it_is_told_what_was_noticed(is_terminal: bool) -> None:
    class Interrupted(VirtualBoard):
        def live(self, n_steps: int, **options: object) -> Iterator:
            assert n_steps == 2**31 - 1
            for seen, _ in zip(super().live(n_steps), range(3), strict=False):
                yield seen
            raise KeyboardInterrupt

    board, file = Interrupted("xylo-imu"), io.StringIO()
    board.load(XyloConfig("xylo-imu", weights_in=[[90]], weights_out=[[70]], threshold=50))
    console = Console(file=file, width=60, force_terminal=is_terminal, color_system=None)
    show(board, None, 2, console, power=False)
    *_, stopped, notice = file.getvalue().splitlines()
    assert stopped.endswith("stopped")
    assert "a step takes 5 ms in real time" in notice
    assert "step 2, the last 0.01 s:" in file.getvalue() or not is_terminal


def test_on_a_terminal_the_last_window_stands_in_a_table() -> None:
    board = VirtualBoard("xylo-audio-3", sensor=[[15, 0], [0, 0], [1, 0], [0, 2]])
    text = "\n".join(shown(board, force_terminal=True, color_system=None))
    # Drawn once for each window, in the same place.
    assert text.count("\x1b[2K") > 4
    *_, last = text.split("step 4 of 4, the last 0.002 s:")
    assert "input" in last and "output" in last and "power" not in last
    rows = [line.split() for line in last.splitlines()]
    cells = [[cell for cell in row if cell not in "│┃║|"] for row in rows]
    assert any(row[:3] == ["0", "1", "500.0"] for row in cells)
    assert any(row[:3] == ["1", "2", "1000.0"] for row in cells)


def test_on_a_terminal_power_has_its_place() -> None:
    text = "\n".join(shown(Measuring("xylo-audio-3"), force_terminal=True, color_system=None))
    assert "power" in text and "500 uW" in text and "core [uA]" in text
