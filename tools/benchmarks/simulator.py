"""How much faster the `native` and `jax` engines are than the vendor's simulator.

Workload: Xylo Audio 2 with 16 inputs and 8 outputs; each hidden neuron has weights from all
inputs, to all outputs and to 32 hidden neurons (to all, where there are fewer), which is the
chip's budget. Inputs spike at random, 0.3 times a step. Thresholds are set so that about 1 %
(quiet), 10 % (moderate) or 50 % (busy) of the hidden neurons spike in a step.

Rival: the package `xylosim`, called with ready-made lists, its recordings left unread; it knows
no batch, so samples go one after the other. Ours is measured as a user calls it, `XyloSim`, with
all its checks, without and with recording; `jax` with more than one sample, which is what it is
for, and when it has compiled. All run by turns in one process; what counts is the shortest time of
each.

A synaptic operation is one spike that passes one synapse. How many of them `native` does in a
second is shown beside what the machine does at most when it only adds up.

`python -m xylograph.tools.benchmarks.simulator --json result.json`
"""

import dataclasses
import json
import math
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from jaxtyping import UInt8
from rich import box
from rich.console import Console
from rich.table import Table

from ...hw import XyloConfig, XyloSim
from ...hw.engines import make_engine
from ._limits import Limits, measure_limits

ACTIVITIES = {"quiet": 0.01, "moderate": 0.10, "busy": 0.50}
_N_INPUTS, _N_OUTPUTS, _FAN_OUT = 16, 8, 32
_INPUT_RATE = 0.3
# Of each engine without and with recording.
_RATIOS = {"native": ("ratio", "recording_ratio"), "jax": ("jax_ratio", "jax_recording_ratio")}
# Each turn lasts at least this long: the first run after the other simulator finds cold caches.
_MIN_SECONDS = 0.05
# Steps of all samples times hidden neurons: enough that the cost of a call does not count, few
# enough that the vendor's simulator gets done.
_WORK, _MIN_STEPS, _MAX_STEPS = 4_000_000, 100, 1000


@dataclass(frozen=True)
class Measurement:
    """One point of the table; times are per step of one sample.

    Attributes:
        hidden: hidden neurons.
        batch: samples.
        activity: name of `ACTIVITIES`.
        spiking: part of the hidden neurons that really spiked in a step.
        operations: synaptic operations in a step of one sample, in the mean.
        vendor_us: the vendor's simulator [us].
        native_us: `XyloSim` without recording [us].
        recording_us: `XyloSim` with recording [us].
        jax_us: `XyloSim` with the engine `jax` without recording [us]; `None` with one sample.
        jax_recording_us: the same with recording [us].
    """

    hidden: int
    batch: int
    activity: str
    spiking: float
    operations: float
    vendor_us: float
    native_us: float
    recording_us: float
    jax_us: float | None = None
    jax_recording_us: float | None = None

    @property
    def operations_per_s(self) -> float:
        """Synaptic operations of `native` without recording, all cores together [1/s]."""
        return self.operations / self.native_us * 1e6

    @property
    def ratio(self) -> float:
        """How many times faster without recording."""
        return self.vendor_us / self.native_us

    @property
    def recording_ratio(self) -> float:
        """How many times faster with recording, which the vendor's simulator always does."""
        return self.vendor_us / self.recording_us

    @property
    def jax_ratio(self) -> float | None:
        """How many times faster the engine `jax` is without recording."""
        return None if self.jax_us is None else self.vendor_us / self.jax_us

    @property
    def jax_recording_ratio(self) -> float | None:
        """How many times faster the engine `jax` is with recording."""
        return None if self.jax_recording_us is None else self.vendor_us / self.jax_recording_us


def measure(hidden: int, batch: int, activity: str, repeats: int) -> Measurement:
    """Time all simulators on one workload.

    Args:
        hidden: hidden neurons.
        batch: samples.
        activity: name of `ACTIVITIES`.
        repeats: turns of each; the shortest time counts.

    Returns:
        The times, after a check that all give the same output spikes.

    Raises:
        MissingExtraError: when `xylosim` is not installed.
        RuntimeError: when the outputs differ.
    """
    rng = np.random.default_rng(hidden)
    config = _with_activity(_network(rng, hidden), ACTIVITIES[activity], rng)
    n_steps = max(_MIN_STEPS, min(_MAX_STEPS, _WORK // (batch * hidden)))
    raster = _raster(rng, batch, n_steps)
    engines = ("native", "jax") if batch > 1 else ("native",)
    _check_equal(config, raster, engines)
    vendor: Any = make_engine("vendor", config)
    lists = raster.tolist()
    runs: list[Callable[[], object]] = [lambda: [vendor.simulate(counts) for counts in lists]]
    for engine in engines:
        sim = XyloSim(config, engine)
        runs += [partial(sim, raster), partial(sim, raster, record=True)]
    best = [math.inf] * len(runs)
    for _ in range(repeats):
        best = [min(least, _shortest(run)) for least, run in zip(best, runs, strict=True)]
    times = [seconds / raster.shape[0] / raster.shape[1] * 1e6 for seconds in best]
    spiking, operations = _spiking(config, raster), _operations(config, raster)
    return Measurement(hidden, batch, activity, spiking, operations, *times)


def _network(rng: np.random.Generator, hidden: int) -> XyloConfig:
    recurrent = np.zeros((hidden, hidden), np.int8)
    for row in recurrent:
        targets = rng.choice(hidden, min(hidden, _FAN_OUT), replace=False)
        row[targets] = rng.integers(-30, 30, len(targets), endpoint=True)
    return XyloConfig(
        "xylo-audio-2",
        weights_in=rng.integers(-60, 100, (_N_INPUTS, hidden)),
        weights_rec=recurrent,
        weights_out=rng.integers(-60, 60, (hidden, _N_OUTPUTS)),
        dash_mem=4,
        dash_mem_out=4,
        dash_syn=3,
        dash_syn_out=3,
        threshold_out=500,
    )


def _with_activity(config: XyloConfig, wanted: float, rng: np.random.Generator) -> XyloConfig:
    """The network with the lowest threshold at which it spikes no more than wanted."""
    raster = _raster(rng, 1, 200)
    low, high = 1, 32_767
    while low < high:
        middle = (low + high) // 2
        if _spiking(_with_threshold(config, middle), raster) > wanted:
            low = middle + 1
        else:
            high = middle
    return _with_threshold(config, low)


def _with_threshold(config: XyloConfig, threshold: int) -> XyloConfig:
    return dataclasses.replace(config, threshold=threshold)


def _raster(
    rng: np.random.Generator, batch: int, n_steps: int
) -> UInt8[np.ndarray, "batch time input"]:
    counts = rng.poisson(_INPUT_RATE, (batch, n_steps, _N_INPUTS))
    return np.minimum(counts, 15).astype(np.uint8)


def _spiking(config: XyloConfig, raster: UInt8[np.ndarray, "batch time input"]) -> float:
    _, _, record = XyloSim(config)(raster, record=True)
    return float((record["Spikes"] > 0).mean())


def _operations(config: XyloConfig, raster: UInt8[np.ndarray, "batch time input"]) -> float:
    _, _, record = XyloSim(config)(raster, record=True)
    from_input = np.count_nonzero(config.weights_in, axis=(1, 2))
    from_hidden = np.count_nonzero(config.weights_rec, axis=(1, 2))
    from_hidden += np.count_nonzero(config.weights_out, axis=1)
    # The spikes of a step are delivered in the next one.
    sent = record["Spikes"][:, :-1] @ from_hidden
    return float((raster @ from_input).mean() + sent.sum() / raster.shape[0] / raster.shape[1])


def _check_equal(
    config: XyloConfig, raster: UInt8[np.ndarray, "batch time input"], engines: Sequence[str]
) -> None:
    theirs = XyloSim(config, "vendor")(raster[:1])[0]
    for engine in engines:
        if not np.array_equal(XyloSim(config, engine)(raster)[0][:1], theirs):
            raise RuntimeError(f"`{engine}` and `vendor` differ: times would say nothing")


def _shortest(run: Callable[[], object]) -> float:
    """The shortest time of a run [s], of as many as it takes for the processor to warm up."""
    best, start = math.inf, time.perf_counter()
    while time.perf_counter() - start < _MIN_SECONDS:
        before = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - before)
    return best


def _table(points: Sequence[Measurement]) -> Table:
    # Narrow enough for 80 columns: the other figures are in the file.
    title = "us per step of one sample, and ratios to xylosim"
    table = Table(box=box.SIMPLE_HEAD, title=title, padding=(0, 1, 0, 0), pad_edge=False)
    headers = (
        "hidden",
        "batch",
        "activity",
        "xylosim",
        "native",
        "x",
        "x rec",
        "jax",
        "x",
        "x rec",
    )
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    for point in points:
        table.add_row(
            f"{point.hidden}",
            f"{point.batch}",
            point.activity,
            f"{point.vendor_us:.2f}",
            f"{point.native_us:.3f}",
            f"{point.ratio:.1f}",
            f"{point.recording_ratio:.1f}",
            _shown(point.jax_us, 3),
            _shown(point.jax_ratio, 1),
            _shown(point.jax_recording_ratio, 1),
        )
    return table


def _operations_table(points: Sequence[Measurement], limits: Limits) -> Table:
    title = "synaptic operations of native; parts of the additions the cores in use can do"
    table = Table(box=box.SIMPLE_HEAD, title=title, padding=(0, 1, 0, 0), pad_edge=False)
    for header in ("hidden", "batch", "activity", "a step", "10^9/s", "of vector", "of scattered"):
        table.add_column(header, justify="right", no_wrap=True)
    for point in points:
        speed = point.operations_per_s / min(point.batch, _n_processors())
        table.add_row(
            f"{point.hidden}",
            f"{point.batch}",
            point.activity,
            f"{point.operations:.0f}",
            f"{point.operations_per_s / 1e9:.2f}",
            f"{speed / limits.vector:.1%}",
            f"{speed / limits.scattered:.0%}",
        )
    return table


def _shown(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _summary(points: Sequence[Measurement]) -> list[str]:
    lines = []
    for batch in sorted({point.batch for point in points}):
        of_batch = [point for point in points if point.batch == batch]
        for name, (first, second) in _RATIOS.items():
            by_record = [[getattr(point, ratio) for point in of_batch] for ratio in (first, second)]
            if None in by_record[0]:
                continue
            off, on = (f"{min(ratios):.1f} and {_mean(ratios):.1f}" for ratios in by_record)
            all_points = f"{_mean(by_record[0] + by_record[1]):.1f}"
            lines.append(
                f"batch {batch}, {name}: least ratio and geometric mean {off} without recording, "
                f"{on} with; mean of both {all_points}"
            )
    return lines


def _mean(ratios: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def _n_processors() -> int:
    return len(os.sched_getaffinity(0))


def _machine() -> dict[str, str | int]:
    packages = {name: version(name) for name in ("jax", "numba", "numpy", "xylosim")}
    return {
        "machine": platform.machine(),
        "processors": _n_processors(),
        "python": platform.python_version(),
        **packages,
    }


def main(
    hidden: Annotated[list[int] | None, typer.Option(help="Hidden neurons.")] = None,
    batch: Annotated[list[int] | None, typer.Option(help="Samples side by side.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Turns of each.")] = 5,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures to this file.")
    ] = None,
) -> None:
    """Measure the native and jax engines against the vendor's simulator."""
    console = Console()
    points = []
    for n_samples in batch or [1, 64]:
        for n_hidden in hidden or [10, 63, 250, 1000]:
            for activity in ACTIVITIES:
                points.append(measure(n_hidden, n_samples, activity, repeats))
    limits = measure_limits()
    console.print(_table(points))
    console.print(*_summary(points), sep="\n")
    console.print(_operations_table(points, limits))
    console.print(
        f"one core: {limits.vector / 1e9:.0f} 10^9/s vector additions, {limits.scattered / 1e9:.1f} "
        f"10^9/s scattered additions, {limits.memory / 1e9:.0f} GB/s of memory"
    )
    console.print(", ".join(f"{name} {value}" for name, value in _machine().items()))
    if json_file is not None:
        rows = [
            dataclasses.asdict(point)
            | {name: getattr(point, name) for names in _RATIOS.values() for name in names}
            | {"operations_per_s": point.operations_per_s}
            for point in points
        ]
        figures = {"machine": _machine(), "limits": dataclasses.asdict(limits), "points": rows}
        text = json.dumps(figures, indent=1)
        json_file.write_text(f"{text}\n")


if __name__ == "__main__":
    typer.run(main)
