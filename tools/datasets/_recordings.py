"""What a data set is before it is encoded: signals as they were recorded."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int, Shaped


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Recordings:
    """Signals as shipped, of different lengths, for any front end to encode.

    Attributes:
        signals: one array a recording; the lengths differ.
        labels: class of each recording.
        groups: subject or speaker of each recording.
        takes: tells the recordings of one group and class apart.
        channel_names: columns of the signals.
        dt: time between two rows of a signal [s].
    """

    signals: tuple[Float32[np.ndarray, "_ channel"], ...]
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
