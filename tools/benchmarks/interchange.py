"""How long onnxruntime takes for an exported core, against the `native` engine in the same run.

Workload: Xylo Audio 2, 16 inputs, 8 outputs, hidden neurons all connected with weights up to 10
either way; the threshold sets how many spike. Both compute the same rasters, checked to be equal,
by turns in one process; what counts is the shortest time of each.

`python -m xylograph.tools.benchmarks.interchange`
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from ...hw import XyloConfig, XyloSim
from ...mapping import export_onnx, load_onnx

# Hidden neurons, samples, steps, threshold.
_WORKLOADS = (
    (63, 1, 500, 600),
    (63, 32, 200, 600),
    (1000, 1, 200, 400),
    (1000, 32, 50, 400),
    (1000, 32, 50, 4000),
)


@dataclass(frozen=True)
class Point:
    """Times of one workload.

    Attributes:
        hidden: hidden neurons.
        batch: samples.
        spiking: part of the hidden neurons that spiked in a step.
        native_us: `XyloSim` for a step of all samples [us].
        onnx_us: onnxruntime for the same [us].
    """

    hidden: int
    batch: int
    spiking: float
    native_us: float
    onnx_us: float


def measure(hidden: int, batch: int, n_steps: int, threshold: int, repeats: int) -> Point:
    """Time both on one workload.

    Raises:
        MissingExtraError: without the extra `onnx`.
        RuntimeError: when the outputs differ.
    """
    rng = np.random.default_rng(0)
    config = XyloConfig(
        "xylo-audio-2",
        weights_in=rng.integers(-60, 100, (16, hidden)),
        weights_rec=rng.integers(-10, 11, (hidden, hidden)),
        weights_out=rng.integers(-60, 60, (hidden, 8)),
        dash_mem=4,
        dash_mem_out=4,
        dash_syn=3,
        dash_syn_out=3,
        threshold=threshold,
        threshold_out=500,
    )
    raster = np.minimum(rng.poisson(0.3, (batch, n_steps, 16)), 15).astype(np.uint8)
    simulation = XyloSim(config)
    with TemporaryDirectory() as folder:
        core = load_onnx(export_onnx(config, Path(folder) / "core.onnx"))
    if not np.array_equal(core(raster)[0], simulation(raster)[0]):
        raise RuntimeError("the outputs differ: times would say nothing")
    best = [math.inf, math.inf]
    for _ in range(repeats):
        turn = _seconds(lambda: simulation(raster)), _seconds(lambda: core(raster))
        best = [min(pair) for pair in zip(best, turn, strict=True)]
    native, onnx = (seconds / n_steps * 1e6 for seconds in best)
    spiking = float((simulation(raster, record=True)[2]["Spikes"] > 0).mean())
    return Point(hidden, batch, spiking, native, onnx)


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main(repeats: int = 7) -> None:
    """Measure exported cores in onnxruntime against the native engine."""
    table = Table(box=box.SIMPLE_HEAD, title="us for a step of all samples")
    for header in ("hidden", "batch", "spiking", "native", "onnxruntime", "ratio"):
        table.add_column(header, justify="right")
    for workload in _WORKLOADS:
        point = measure(*workload, repeats=repeats)
        table.add_row(
            f"{point.hidden}",
            f"{point.batch}",
            f"{point.spiking:.1%}",
            f"{point.native_us:.1f}",
            f"{point.onnx_us:.1f}",
            f"{point.onnx_us / point.native_us:.1f}",
        )
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
