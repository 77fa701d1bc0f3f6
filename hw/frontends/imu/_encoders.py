"""From filter outputs to counts of events: scaled magnitudes, or integrate and fire."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Shaped

from .._stage import Samples, Stage, StateArrays, per_channel
from .._threads import over_samples
from ._limits import LIMITS, MAX_FILTERED


class ScaleEncoder(Stage):
    """`min(|y| >> s, 15)` events a step.

    Args:
        scale: s, 0 to 31, one for all channels or one for each.
        n_channels: how many channels.

    Raises:
        ValueError: when a scale is out of range.

    Source: IMU front-end facts, section 8.

    >>> ScaleEncoder(5, n_channels=2)(np.array([[-64, 9999]]))[0]
    array([[[ 2, 15]]], dtype=uint8)
    """

    def __init__(
        self, scale: int | Sequence[int] = 5, n_channels: int = LIMITS.max_filters
    ) -> None:
        super().__init__((n_channels, n_channels), MAX_FILTERED)
        self.scale = per_channel(
            "scale",
            scale,
            n_channels,
            LIMITS.scale_range.low,
            LIMITS.scale_range.high,
            "ScaleEncoder",
        )

    def _fresh(self, batch: int) -> StateArrays:
        return {}

    def _run(self, signal: Samples, state: StateArrays) -> Shaped[np.ndarray, "batch time out"]:
        from ._kernel import scale_magnitudes

        output = np.empty(signal.shape, np.uint8)
        arrays = (signal, np.array(self.scale, np.int64), LIMITS.max_events, output)
        over_samples(scale_magnitudes, len(signal), signal.size, *arrays)
        return output


class IAFEncoder(Stage):
    """Adds up magnitudes; an event, at most one a step, takes a threshold away.

    Args:
        threshold: 1 to 2^31 - 1, one for all channels or one for each.
        n_channels: how many channels.
        reference_quirks: as the reference simulator does, drop what is above a second threshold
            in one step, where the chip keeps it, and start anew in each call.

    Raises:
        ValueError: when a threshold is out of range.

    Source: IMU front-end facts, section 8.

    >>> signal = np.array([35, 0, 0, 6, -9])[:, None]
    >>> IAFEncoder(10, n_channels=1)(signal)[0][0, :, 0]
    array([1, 1, 1, 1, 1], dtype=uint8)
    >>> IAFEncoder(10, n_channels=1, reference_quirks=True)(signal)[0][0, :, 0]
    array([1, 0, 0, 1, 1], dtype=uint8)
    """

    def __init__(
        self,
        threshold: int | Sequence[int] = 1024,
        n_channels: int = LIMITS.max_filters,
        *,
        reference_quirks: bool = False,
    ) -> None:
        super().__init__((n_channels, n_channels), MAX_FILTERED)
        self.threshold = per_channel(
            "threshold",
            threshold,
            n_channels,
            LIMITS.iaf_threshold_range.low,
            LIMITS.iaf_threshold_range.high,
            "IAFEncoder",
        )
        self.reference_quirks = reference_quirks

    def _fresh(self, batch: int) -> StateArrays:
        return {"rest": np.zeros((batch, self._shape[0]), np.int64)}

    def _run(self, signal: Samples, state: StateArrays) -> Shaped[np.ndarray, "batch time out"]:
        from ._kernel import integrate_and_fire

        if self.reference_quirks:
            state |= self._fresh(len(signal))
        output = np.empty(signal.shape, np.uint8)
        threshold = np.array(self.threshold, np.int64)
        arrays = (signal, threshold, self.reference_quirks, state["rest"], output)
        over_samples(integrate_and_fire, len(signal), signal.size, *arrays)
        return output
