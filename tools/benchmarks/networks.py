"""How fast layers of spiking neurons are, against other libraries in their own environments.

Workload: one layer of neurons, with recurrent weights between all of them or with none. The input
is a batch of 32 random rasters of 100 steps. Measured is a compiled call (`forward`), and a
compiled call that also gives the gradient of a loss by all parameters (`gradient`); how long the
first calls take, which compile, stands apart. `set_attributes` and taking a network of 20 modules
apart and together again (`flatten_unflatten`) are measured where a library has them.

Rivals: Rockpool's `LIFJax` computes the same, which is checked. Spyx (`CuBaLIF`) and snnTorch
(`Synaptic`, on the processor) compute a similar neuron, with at most one spike a step. Each is
measured by `_network_worker.py` in an environment of its own, given by its interpreter. All take
turns, ours in the same way; what counts is the shortest time of each, and medians stand beside it
to show how far that depends on luck. `products` is no library, but the matrix products alone that
a recurrent layer cannot do without: its ratio is the part of our time that they take.

`python -m xylograph.tools.benchmarks.networks --rival rockpool=/path/to/python --json result.json`
"""

import json
import math
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

OURS = "xylograph"
RIVALS = ("rockpool", "spyx", "snntorch")
PRODUCTS = "products"
_WORKER = Path(__file__).with_name("_network_worker.py")
_KINDS = ("recurrent", "feed-forward")
_LAYER_CALLS = ("forward", "gradient")
_HOUSEKEEPING_CALLS = ("set_attributes", "flatten_unflatten")
# Those that have modules as ours.
_WITH_HOUSEKEEPING = (OURS, "rockpool")
_N_MODULES = 20
# Libraries that compute the same give sums that differ by rounding only.
_SAME, _TOLERANCE = (OURS, "rockpool"), 1e-3


@dataclass(frozen=True)
class Measurement:
    """One point of the table.

    Attributes:
        what: `forward`, `gradient`, `set_attributes` or `flatten_unflatten`.
        kind: of layer, `recurrent` or `feed-forward`; `housekeeping` for the last two.
        size: neurons of the layer; modules of the network for the last two.
        seconds: shortest time of a call, by library.
        median_seconds: median of the turns' medians, by library.
        first_seconds: time of the first call, by library.
    """

    what: str
    kind: str
    size: int
    seconds: dict[str, float]
    median_seconds: dict[str, float]
    first_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ratios(self) -> dict[str, float]:
        """How many times faster ours is, by rival."""
        return _to_ours(self.seconds)

    @property
    def median_ratios(self) -> dict[str, float]:
        """The same for medians."""
        return _to_ours(self.median_seconds)


def _to_ours(seconds: dict[str, float]) -> dict[str, float]:
    return {name: s / seconds[OURS] for name, s in seconds.items() if name != OURS}


class Library:
    """A worker process, which measures one library; to be used in a `with` statement.

    Args:
        name: of the library.
        python: interpreter of an environment that has it.
    """

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        # Isolated: neither this folder nor the user's settings get into its imports.
        command = [python, "-I", str(_WORKER), name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "Library":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, do: str, **how: Any) -> Any:
        """Let it do something and wait for the answer.

        Raises:
            RuntimeError: the worker has ended; what it said is above.
        """
        send, receive = self._process.stdin, self._process.stdout
        assert send is not None and receive is not None  # pipes were asked for
        try:
            send.write(json.dumps({"do": do, **how}) + "\n")
            send.flush()
        except BrokenPipeError:
            pass
        line = receive.readline()
        if not line:
            raise RuntimeError(
                f"the worker for `{self.name}` ended when asked for `{do}`; its last words stand "
                "above. Is the library installed in its environment?"
            )
        return json.loads(line)


def measure_layer(
    libraries: Sequence[Library], kind: str, neurons: int, size: tuple[int, int], turns: int
) -> list[Measurement]:
    """Time a layer in all libraries, by turns.

    Args:
        libraries: workers; the first is ours.
        kind: `recurrent` or `feed-forward`.
        neurons: of the layer.
        size: samples and time steps.
        turns: of each library.

    Returns:
        One measurement for each call.

    Raises:
        RuntimeError: a worker ended, or libraries differ that compute the same.
    """
    batch, steps = size
    built = {
        one.name: one.ask("build", kind=kind, neurons=neurons, batch=batch, steps=steps)
        for one in libraries
    }
    _require_equal({name: answer["check"] for name, answer in built.items()})
    return [
        Measurement(
            what,
            kind,
            neurons,
            *_by_turns(libraries, what, turns),
            {name: answer["first"][what] for name, answer in built.items()},
        )
        for what in _LAYER_CALLS
    ]


def measure_housekeeping(libraries: Sequence[Library], turns: int) -> list[Measurement]:
    """Time what is done to a network of modules without running it.

    Args:
        libraries: workers; those without modules like ours are left out.
        turns: of each.

    Raises:
        RuntimeError: a worker ended.
    """
    able = [one for one in libraries if one.name in _WITH_HOUSEKEEPING]
    for one in able:
        one.ask("housekeeping", modules=_N_MODULES)
    return [
        Measurement(what, "housekeeping", _N_MODULES, *_by_turns(able, what, turns))
        for what in _HOUSEKEEPING_CALLS
    ]


def _by_turns(
    libraries: Sequence[Library], what: str, turns: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Shortest times and medians, by library."""
    times: dict[str, list[tuple[float, float]]] = {one.name: [] for one in libraries}
    for _ in range(turns):
        for one in libraries:
            times[one.name].append(one.ask("run", what=what, seconds=0.3))
    shortest = {name: min(least for least, _ in pairs) for name, pairs in times.items()}
    medians = {name: statistics.median(m for _, m in pairs) for name, pairs in times.items()}
    return shortest, medians


def _require_equal(checks: dict[str, dict[str, float]]) -> None:
    same = [checks[name] for name in _SAME if name in checks]
    for other in same[1:]:
        for name, value in same[0].items():
            if not math.isclose(value, other[name], rel_tol=_TOLERANCE):
                raise RuntimeError(
                    f"libraries that compute the same differ in `{name}`, {value:g} and "
                    f"{other[name]:g}: times would say nothing"
                )


def _tables(points: Sequence[Measurement], unit: float, name: str) -> tuple[Table, Table]:
    """Shortest times in units of so many seconds, and how many times as long as ours."""
    seconds = [point.seconds for point in points]
    times = _table(f"shortest call in {name}", points, seconds, lambda s: f"{s / unit:.2f}")
    ratios = [
        {rival: (ratio, point.median_ratios[rival]) for rival, ratio in point.ratios.items()}
        for point in points
    ]
    title = "times as long as ours: shortest calls (medians)"
    return times, _table(title, points, ratios, lambda both: "{} ({})".format(*map(_short, both)))


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 2 else f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}"


def _table(
    title: str,
    points: Sequence[Measurement],
    values: Sequence[dict[str, Any]],
    say: Callable[[Any], str],
) -> Table:
    """A row for each point, a column for each library; empty where one was not measured."""
    # The first layer is recurrent, which is measured against most.
    libraries = list(values[0])
    table = _empty(title, ["call", "layer", "size", *libraries])
    for point, by_library in zip(points, values, strict=True):
        cells = (say(by_library[name]) if name in by_library else "" for name in libraries)
        table.add_row(point.what, point.kind, str(point.size), *cells)
    return table


def _empty(title: str, headers: Sequence[str]) -> Table:
    # Narrow enough for 80 columns.
    table = Table(box=box.SIMPLE_HEAD, title=title, padding=(0, 1, 0, 0), pad_edge=False)
    for position, header in enumerate(headers):
        table.add_column(header, justify="left" if position < 2 else "right", no_wrap=True)
    return table


def _machine() -> dict[str, str | int]:
    return {
        "machine": platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
    }


def _interpreters(rivals: Sequence[str]) -> dict[str, str]:
    """Interpreter by library, ours first."""
    found = {OURS: sys.executable}
    for rival in rivals:
        name, _, python = rival.partition("=")
        if name not in RIVALS or not Path(python).is_file():
            raise typer.BadParameter(
                f"{rival!r}: give `NAME=PYTHON`, with one of {', '.join(RIVALS)} and the "
                "interpreter of an environment that has it",
                param_hint="--rival",
            )
        found[name] = python
    return found


def main(
    rival: Annotated[
        list[str] | None,
        typer.Option(help="Library and interpreter to measure against, as NAME=PYTHON."),
    ] = None,
    neurons: Annotated[list[int] | None, typer.Option(help="Neurons of a layer.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Samples side by side.")] = 32,
    steps: Annotated[int, typer.Option(min=1, help="Time steps.")] = 100,
    turns: Annotated[int, typer.Option(min=1, help="Turns of each library.")] = 5,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures to this file.")
    ] = None,
) -> None:
    """Measure layers of spiking neurons against those of other libraries."""
    console = Console()
    with ExitStack() as running:
        libraries = [
            running.enter_context(Library(name, python))
            for name, python in _interpreters(rival or []).items()
        ]
        about = {one.name: one.ask("about") for one in libraries}
        products = running.enter_context(Library(PRODUCTS, sys.executable))
        layers = [
            point
            for n in neurons or [63, 128, 512]
            for kind in _KINDS
            for point in measure_layer(
                [*libraries, products] if kind == "recurrent" else libraries,
                kind,
                n,
                (batch, steps),
                turns,
            )
        ]
        housekeeping = measure_housekeeping(libraries, turns)
    first = [point.first_seconds for point in layers]
    for table in (
        *_tables(layers, 1e-3, "ms"),
        _table("first call in s, which compiles", layers, first, lambda s: f"{s:.2f}"),
        *_tables(housekeeping, 1e-6, "us"),
    ):
        console.print(table)
    versions = ", ".join(f"{n} {v}" for packages in about.values() for n, v in packages.items())
    console.print(versions, ", ".join(f"{name} {value}" for name, value in _machine().items()))
    if json_file is not None:
        rows = [
            asdict(point) | {"ratios": point.ratios, "median_ratios": point.median_ratios}
            for point in (*layers, *housekeeping)
        ]
        text = json.dumps({"machine": _machine(), "versions": about, "points": rows}, indent=1)
        json_file.write_text(f"{text}\n")


if __name__ == "__main__":
    typer.run(main)
