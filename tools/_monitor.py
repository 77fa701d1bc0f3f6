"""What `xylograph monitor` shows: rates and power, summed up over windows of some steps.

On a terminal it is a table that changes in place, elsewhere one line for each window. What the
board does not show is said once, and never made up.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ..hw import Board, LiveStep


@dataclass(frozen=True)
class Window:
    """What a board showed in some steps.

    Attributes:
        last_step: number of the last of them, counted from 1.
        duration_s: how long they took in real time [s].
        input_spikes: of each channel; `None`: the board does not show them.
        output_spikes: of each output neuron.
        power_uw: mean of each channel [microwatt]; `None`: no sample came in these steps.
    """

    last_step: int
    duration_s: float
    input_spikes: list[int] | None
    output_spikes: list[int]
    power_uw: dict[str, float | None]

    def rates(self, spikes: Iterable[int]) -> list[str]:
        """Spikes in a second."""
        return [f"{count / self.duration_s:.1f}" for count in spikes]

    def __str__(self) -> str:
        """One line."""
        parts = [
            f"output spikes {self.output_spikes}, {', '.join(self.rates(self.output_spikes))} Hz"
        ]
        if self.input_spikes is not None:
            parts.insert(0, f"input rates {', '.join(self.rates(self.input_spikes))} Hz")
        if self.power_uw:
            shown = (f"{name} {_microwatts(power)}" for name, power in self.power_uw.items())
            parts.append(f"power: {', '.join(shown)}")
        return f"step {self.last_step}: {'; '.join(parts)}"


def _microwatts(power: float | None) -> str:
    return "no sample" if power is None else f"{power:.0f} uW"


def windows(steps: Iterable["LiveStep"], size: int) -> Iterator[Window]:
    """Sum up so many steps at a time; the last window may have fewer.

    Args:
        steps: what a board shows.
        size: of a window.
    """
    open_steps: list[LiveStep] = []
    n_closed = 0
    for step in steps:
        open_steps.append(step)
        if len(open_steps) == size:
            n_closed += size
            yield _summed(open_steps, n_closed)
            open_steps = []
    if open_steps:
        yield _summed(open_steps, n_closed + len(open_steps))


def _summed(steps: Sequence["LiveStep"], last_step: int) -> Window:
    import numpy as np

    inputs = [step.input_spikes for step in steps if step.input_spikes is not None]
    power = {name: np.concatenate([step.power[name] for step in steps]) for name in steps[0].power}
    return Window(
        last_step,
        sum(step.dt for step in steps),
        np.array(inputs, np.int64).sum(axis=0).tolist() if inputs else None,
        np.array([step.output_spikes for step in steps], np.int64).sum(axis=0).tolist(),
        {name: float(w.mean()) * 1e6 if len(w) else None for name, w in power.items()},
    )


# Counters of steps on boards have 32 bits; even at 1000 steps a second this is 24 days.
_WITHOUT_END = 2**31 - 1


def show(
    board: "Board", n_steps: int | None, size: int, console: "Console", *, power: bool
) -> None:
    """Follow the sensor of a board, and show what comes, until it ends or is interrupted.

    Args:
        board: with a configuration.
        n_steps: how many steps; `None`: without end.
        size: of the windows.
        console: to show it on.
        power: whether to measure the power, if the board can.

    Raises:
        BoardError: the board fails, or cannot be followed.
    """
    channels = board.power_channels if power else ()
    for line in (
        str(board.identify()),
        *([_why_no_power(board)] if power and not channels else []),
    ):
        _print(console, line)
    steps = board.live(_WITHOUT_END if n_steps is None else n_steps, power=bool(channels))
    try:
        _show_windows(board, windows(steps, size), n_steps, console)
    except KeyboardInterrupt:
        _print(console, "stopped")
    for notice in board.notices:
        _print(console, f"noticed: {notice}")


def _show_windows(
    board: "Board", seen: Iterator[Window], n_steps: int | None, console: "Console"
) -> None:
    from rich.live import Live

    first = next(seen, None)
    if first is None:
        return
    if first.input_spikes is None:
        _print(console, _no_inputs(board))
    if not console.is_terminal:
        for window in chain([first], seen):
            _print(console, window)
        return
    with Live(_table(first, n_steps), console=console, auto_refresh=False) as live:
        for window in seen:
            live.update(_table(window, n_steps), refresh=True)


def _print(console: "Console", line: object) -> None:
    # As it is: no markup in names, no lines cut at the width of a terminal that is none.
    console.print(str(line), markup=False, highlight=False, soft_wrap=True)


def _why_no_power(board: "Board") -> str:
    return (
        f"no power: a {board.identify().kind} board measures none; `xylograph cost` gives a range "
        "from published measurements"
    )


def _no_inputs(board: "Board") -> str:
    return (
        f"no input rates: in real time {board.chip.name} shows what its outputs do and not what its "
        "front end gives; the simulated front ends and a virtual board do"
    )


def _table(window: Window, n_steps: int | None) -> "Table":
    """The window as tables side by side: inputs, outputs, power."""
    from rich.table import Table
    from rich.text import Text

    whole = Table.grid(padding=(0, 3))
    parts = [_spikes_table("output", window.output_spikes, window)]
    if window.input_spikes is not None:
        parts.insert(0, _spikes_table("input", window.input_spikes, window))
    if window.power_uw:
        powers = Table("power", "")
        for name, power in window.power_uw.items():
            powers.add_row(Text(name), _microwatts(power))
        parts.append(powers)
    whole.add_row(*parts)
    outer = Table.grid()
    end = "" if n_steps is None else f" of {n_steps}"
    outer.add_row(f"step {window.last_step}{end}, the last {window.duration_s:g} s:")
    outer.add_row(whole)
    return outer


def _spikes_table(what: str, spikes: list[int], window: Window) -> "Table":
    from rich.table import Table

    table = Table(what, "spikes", "Hz")
    for column in table.columns:
        column.justify = "right"
    for index, (count, rate) in enumerate(zip(spikes, window.rates(spikes), strict=True)):
        table.add_row(str(index), str(count), rate)
    return table
