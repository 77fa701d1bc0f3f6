"""How active a recording keeps a core, step by step, counted by the bit-accurate simulator."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .._config import XyloConfig
from .._sim import XyloSim
from ._cycles import Cycles, Load, cycles_under, driven_neurons, drives_outputs

# Recordings are simulated so many values of hidden spikes at a time.
_CHUNK_VALUES = 50_000_000


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What one or several recordings ask of a core.

    Attributes:
        mean: cycles of a step, on the mean over all steps and recordings.
        busiest: cycles of the step that asks for most.
        sample: recording of that step.
        step: time step of it, from 0.
        n_steps: steps in all recordings together.
    """

    mean: Cycles
    busiest: Cycles
    sample: int
    step: int
    n_steps: int


def activity(config: XyloConfig, raster: npt.ArrayLike, engine: str) -> Activity:
    """Simulate recordings from rest, and count what they cost.

    Args:
        config: what runs.
        raster: spike counts, `(time, channel)` or `(sample, time, channel)`.
        engine: of `XyloSim`.

    Raises:
        TypeError: the raster holds no integers.
        ValueError: it has another shape, or no step.
    """
    data = np.asarray(raster)
    data = data[None] if data.ndim == 2 else data
    if data.ndim == 3 and 0 in data.shape[:2]:
        raise ValueError(f"a raster of shape {data.shape} has no step to count cycles of")
    simulation = XyloSim(config, engine=engine)
    chunk = max(1, _CHUNK_VALUES // (data.shape[1] * config.n_hidden)) if data.ndim == 3 else 1
    cycles = np.concatenate(
        [
            _cycles(config, piece, simulation(piece, record=True)[2]["Spikes"])
            for piece in (data[start : start + chunk] for start in range(0, len(data), chunk))
        ]
    )
    totals = cycles.sum(axis=2)
    sample, step = np.unravel_index(int(np.argmax(totals)), totals.shape)
    return Activity(
        mean=Cycles.of(cycles.mean(axis=(0, 1))),
        busiest=Cycles.of(cycles[sample, step]),
        sample=int(sample),
        step=int(step),
        n_steps=totals.size,
    )


def _cycles(config: XyloConfig, raster: np.ndarray, spikes: np.ndarray) -> np.ndarray:
    """Cycles of each step by part, `(sample, time, part)`."""
    spiking = spikes != 0
    # What is delivered in a step are the spikes of the step before.
    delivered = np.zeros(spiking.shape, dtype=np.float32)
    delivered[:, 1:] = spiking[:, :-1]
    load = Load(
        inputs=np.count_nonzero(raster, axis=2),
        fan_out=delivered @ driven_neurons(config).astype(np.float32),
        sources=delivered @ drives_outputs(config).astype(np.float32),
        spiking=np.count_nonzero(spiking, axis=2),
    )
    return cycles_under(config, load)
