"""The input counters of Xylo Audio 3: events of so many samples make one row of the raster."""

import numpy as np
from jaxtyping import Shaped

from .._stage import Stage, StateArrays, checked_number
from ._limits import LIMITS

_MAX_PERIOD = 2**24


class Rasterizer(Stage):
    """Counts events in windows of samples, up to 15.

    A window that the signal does not fill stays in the state, where the next piece fills it.

    Args:
        period: samples in a window, 1 to 2^24.
        n_channels: how many.
        reference_quirks: as the reference simulator does, give the last window although it is not
            full, and start anew in each call.

    Raises:
        ValueError: when the period is out of range.

    Source: Audio 3 front-end facts, section 7.

    >>> events = np.ones((5, 1), int)
    >>> Rasterizer(2, n_channels=1)(events)[0][0, :, 0]
    array([2, 2], dtype=uint8)
    >>> Rasterizer(2, n_channels=1, reference_quirks=True)(events)[0][0, :, 0]
    array([2, 2, 1], dtype=uint8)
    """

    def __init__(
        self,
        period: int = 50,
        n_channels: int = LIMITS.max_filters,
        *,
        reference_quirks: bool = False,
    ) -> None:
        super().__init__((n_channels, n_channels), 1)
        self.period = checked_number("period", period, 1, _MAX_PERIOD, "Rasterizer")
        self.reference_quirks = reference_quirks

    def _fresh(self, batch: int) -> StateArrays:
        return {
            "step": np.zeros(batch, np.int64),
            "counts": np.zeros((batch, self._shape[0]), np.int64),
        }

    def _run(
        self, signal: Shaped[np.ndarray, "batch time channel"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch row out"]:
        raster = self._room(signal.shape[1], state)
        step, n_steps, rows = int(state["step"][0]), signal.shape[1], raster.shape[1]
        edges = [0, *(self.period * np.arange(1, rows + 1) - step)]
        for row in range(rows):
            state["counts"] += signal[:, edges[row] : edges[row + 1]].sum(axis=1, dtype=np.int64)
            raster[:, row] = np.minimum(state["counts"], LIMITS.max_events)
            state["counts"][:] = 0
        state["counts"] += signal[:, edges[-1] :].sum(axis=1, dtype=np.int64)
        state["step"][:] = (step + n_steps) % self.period
        return self._finished(raster, state)

    def _room(self, n_steps: int, state: StateArrays) -> Shaped[np.ndarray, "batch row channel"]:
        """An empty raster with as many rows as windows fill."""
        if self.reference_quirks:
            state |= self._fresh(len(state["step"]))
        steps = state["step"]
        if len(steps) and (steps.min() != steps.max() or not 0 <= steps[0] < self.period):
            raise ValueError(
                f"the state of `Rasterizer`: `step` is one number for all samples, 0 to "
                f"{self.period - 1}; it is {steps.tolist()}"
            )
        held = int(steps[0]) if len(steps) else 0
        n_rows = (held + n_steps) // self.period
        return np.empty((len(steps), n_rows, self._shape[0]), np.uint8)

    def _finished(
        self, raster: Shaped[np.ndarray, "batch row channel"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch _ channel"]:
        """The raster, with the last window where it is wanted although it is not full."""
        if not self.reference_quirks or not len(raster) or not state["step"][0]:
            return raster
        last = np.minimum(state["counts"], LIMITS.max_events).astype(np.uint8)[:, np.newaxis]
        return np.concatenate([raster, last], axis=1)
