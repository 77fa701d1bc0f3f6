"""One sample, JAX and chip side by side."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from ...mapping import Observation
from ...models.storage._files import write_atomically
from ..datasets import Dataset

_INK = "#22313f"


def draw_sample(
    path: Path, data: Dataset, index: int, network: Observation, chip: Observation
) -> None:
    """Draw the input, the hidden spikes and the summed output spikes of one test sample.

    Args:
        path: where the PNG goes.
        data: where the sample comes from.
        index: which test sample.
        network: what the JAX network did.
        chip: what the deployed configuration did, in the network's time.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7.5), dpi=110, layout="constrained")
    grid = figure.add_gridspec(3, 2, height_ratios=(1, 1.3, 1.2))
    label = data.class_titles[data.test.labels[index]]
    input_axes = figure.add_subplot(grid[0, :])
    _raster(input_axes, data.test.rasters[index].astype(np.int64), data.dt)
    input_axes.set_title(f"input: {data.title}, {label!r} (test sample {index})", loc="left")
    input_axes.set_ylabel("channel")
    columns = (("JAX network", network), ("chip, bit-accurate simulation", chip))
    for column, (name, seen) in enumerate(columns):
        hidden, *_ = seen.spikes.values()
        axes = figure.add_subplot(grid[1, column])
        _raster(axes, hidden[index], data.dt)
        axes.set_title(f"{name}: hidden spikes", loc="left")
        traces = figure.add_subplot(grid[2, column], sharex=axes)
        _summed(traces, seen.output[index], data)
        traces.set_title(f"{name}: {data.class_names[seen.classes[index]]}", loc="left")
        traces.set_xlabel("time [s]")
        if column == 0:
            axes.set_ylabel("hidden neuron")
            traces.set_ylabel("output spikes so far")
    figure.legend(
        *figure.axes[-1].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(data.class_names),
        frameon=False,
    )
    buffer = io.BytesIO()
    # Without the software's version the same picture is the same bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_atomically(path, buffer.getvalue())


def _raster(axes: Any, counts: Int[np.ndarray, "time n"], dt: float) -> None:
    step, channel = np.nonzero(counts)
    size = 3 + 2 * np.minimum(counts[step, channel], 8)
    axes.scatter(step * dt, channel, s=size, c=_INK, marker="|", linewidths=0.8)
    axes.set_xlim(0, len(counts) * dt)
    axes.set_ylim(-1, counts.shape[1])


def _summed(axes: Any, output: Int[np.ndarray, "time n"], data: Dataset) -> None:
    time = np.arange(len(output)) * data.dt
    for neuron, name in enumerate(data.class_names):
        axes.plot(time, np.cumsum(output[:, neuron]), label=name, color=f"C{neuron}", lw=1.6)
