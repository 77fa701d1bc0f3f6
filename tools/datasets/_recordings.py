"""What a data set is before it is split: signals of different lengths."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Shaped


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Recordings:
    """Signals of different lengths: as recorded, or as rasters after `apply_frontend`.

    Attributes:
        signals: one array (time, channel) a recording; the lengths differ.
        labels: class of each recording.
        groups: subject or speaker of each recording.
        takes: tells the recordings of one group and class apart.
        channel_names: columns of the signals.
        dt: time between two rows of a signal [s].
    """

    signals: tuple[Shaped[np.ndarray, "_ channel"], ...]
    labels: Int[np.ndarray, " recording"]
    groups: Shaped[np.ndarray, " recording"]
    takes: Int[np.ndarray, " recording"]
    channel_names: tuple[str, ...]
    dt: float

    def __len__(self) -> int:
        """The number of recordings."""
        return len(self.signals)

    def __repr__(self) -> str:
        """Sizes only: the signals would fill the screen."""
        return (
            f"Recordings({len(self)} signals, {len(self.channel_names)} channels, dt={self.dt} s)"
        )
