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

    Raises:
        ValueError: when numbers of recordings, channels or axes do not agree, or `dt` is not above
            0; lists everything that is wrong.
    """

    signals: tuple[Shaped[np.ndarray, "_ channel"], ...]
    labels: Int[np.ndarray, " recording"]
    groups: Shaped[np.ndarray, " recording"]
    takes: Int[np.ndarray, " recording"]
    channel_names: tuple[str, ...]
    dt: float

    def __post_init__(self) -> None:
        n, n_channels = len(self.signals), len(self.channel_names)
        wrong = [
            f"`{name}` has the shape {np.shape(values)}, not ({n},)"
            for name, values in (
                *(("labels", self.labels), ("groups", self.groups)),
                ("takes", self.takes),
            )
            if np.shape(values) != (n,)
        ]
        wrong += [
            f"signal {number} has the shape {np.shape(signal)}, not (time, {n_channels})"
            for number, signal in enumerate(self.signals)
            if np.shape(signal)[1:] != (n_channels,)
        ]
        if not 0 < self.dt < np.inf:
            wrong.append(f"`dt` is seconds between two rows, above 0, not {self.dt!r}")
        if wrong:
            raise ValueError(
                f"these are no recordings: {'; '.join(wrong)}: give each of the {n} signals a "
                f"label, a group and a take, and a column to each of the {n_channels} channel names"
            )

    def __len__(self) -> int:
        """The number of recordings."""
        return len(self.signals)

    def __repr__(self) -> str:
        """Sizes only: the signals would fill the screen."""
        return (
            f"Recordings({len(self)} signals, {len(self.channel_names)} channels, dt={self.dt} s)"
        )
