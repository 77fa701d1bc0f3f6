"""Events of so many samples, summed up: the rows of a raster."""

from fractions import Fraction
from itertools import pairwise
from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Integer, Shaped

from .._stage import FrontEndRangeError, Samples, Stage, StateArrays, checked_number
from .._threads import over_samples
from ._amplifier import checked_rate
from ._limits import LIMITS, N_CHANNELS

_MAX_EVENTS_IN = 2**31
_MAX_TERM = 2**40


class EventCounter(Stage):
    """Counts events in steps of time, of which each needs no whole number of samples.

    Sample n belongs to step `floor(n / (fs dt))`. A step that the signal does not fill stays in
    the state, where the next piece fills it.

    Args:
        fs: samples a second.
        dt: seconds in a step, at least one sample.
        n_channels: how many channels.
        max_events: in one step, 1 to 2^31; what is above is lost, as in the counters of the chip.
        reference_quirks: the rows of the reference simulator. The last one may not be full; where
            a step has a whole number of samples, each row begins one sample later and the last
            samples are lost. Each call starts anew.

    Raises:
        ValueError: when a number is out of range.

    Source: Audio 2 front-end facts, section 2.5.

    >>> events = np.ones((8, 1), int)
    >>> EventCounter(1000, 2.5e-3, n_channels=1)(events)[0][0, :, 0]
    array([3, 2, 3], dtype=uint8)
    >>> EventCounter(1000, 3e-3, n_channels=1, reference_quirks=True)(events)[0][0, :, 0]
    array([1, 3, 3], dtype=uint8)
    """

    def __init__(
        self,
        fs: SupportsFloat,
        dt: SupportsFloat = 10e-3,
        *,
        n_channels: int = N_CHANNELS,
        max_events: int = LIMITS.max_events,
        reference_quirks: bool = False,
    ) -> None:
        super().__init__((n_channels, n_channels), _MAX_EVENTS_IN)
        self.fs, self.dt = checked_rate(fs, "EventCounter"), float(dt)
        exact_fs = fs if isinstance(fs, Fraction) else Fraction(repr(self.fs))
        self.max_events = checked_number("max_events", max_events, 1, 2**31, "EventCounter")
        self.reference_quirks = reference_quirks
        if not 1 / self.fs <= self.dt < np.inf:
            raise ValueError(
                f"`dt` of `EventCounter` is at least one sample, {1 / self.fs:g} s; not {dt}"
            )
        # A step is `_length` units, a sample `_unit`.
        self._length, self._unit = (exact_fs * Fraction(repr(self.dt))).as_integer_ratio()
        if max(self._length, self._unit) >= _MAX_TERM:
            raise ValueError(
                f"`EventCounter`: steps of {dt} s have no simple ratio to samples at {fs} Hz: give "
                "both with fewer decimals"
            )

    def _checked(self, data: npt.ArrayLike) -> Samples:
        return checked_events(super()._checked(data), "EventCounter")

    def _fresh(self, batch: int) -> StateArrays:
        return {
            "phase": np.zeros(batch, np.int64),
            "counts": np.zeros((batch, self._shape[0]), np.int64),
        }

    def _parts(self, batch: int, state: StateArrays) -> tuple[Any, ...]:
        """What the kernels take besides the signal."""
        return self._unit, self._length, self.max_events, state["phase"], state["counts"]

    def _room(self, n_steps: int, state: StateArrays) -> Shaped[np.ndarray, "batch row channel"]:
        """As many rows as the signal fills."""
        phase, length = state["phase"], self._length
        if len(phase) and (phase.min() != phase.max() or not 0 <= phase[0] < length):
            raise ValueError(
                f"the state of `EventCounter`: `phase` is one number for all samples, 0 to "
                f"{length - 1}; it is {phase.tolist()}"
            )
        held = int(phase[0]) if len(phase) else 0
        n_rows = (held + n_steps * self._unit) // length
        return np.empty((len(phase), n_rows, self._shape[0]), self._dtype)

    @property
    def _dtype(self) -> type[np.generic]:
        return np.uint8 if self.max_events <= 255 else np.int64

    def _run(
        self, signal: Integer[np.ndarray, "batch time channel"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch row channel"]:
        from ._kernel import count

        if self.reference_quirks:
            state |= self._fresh(len(signal))
            return self._as_reference(signal)
        output = self._room(signal.shape[1], state)
        arrays = (signal, self._parts(len(signal), state), output)
        over_samples(count, len(signal), signal.size, *arrays)
        return output

    def _as_reference(
        self, signal: Integer[np.ndarray, "batch time channel"]
    ) -> Shaped[np.ndarray, "batch row channel"]:
        sample_dt, n_steps = 1 / self.fs, signal.shape[1]
        length = self.dt / sample_dt
        if length == int(length):
            summed = np.cumsum(signal, axis=1, dtype=np.int64)[:, :: int(length)]
            rows = np.diff(summed, axis=1, prepend=0)
        else:
            places = np.floor((np.arange(n_steps) + 0.5) * sample_dt / self.dt).astype(np.int64)
            n_rows = int(np.ceil(n_steps * sample_dt / self.dt))
            edges = np.searchsorted(places, np.arange(n_rows + 1))
            parts = [signal[:, low:high].sum(axis=1) for low, high in pairwise(edges)]
            rows = np.array(parts, np.int64).reshape(n_rows, *signal.shape[::2]).swapaxes(0, 1)
        return np.minimum(rows, self.max_events).astype(self._dtype)


def checked_events(events: Samples, stage: str) -> Samples:
    """The events, when there are nowhere less than none."""
    wrong = events < 0
    if wrong.any():
        sample, step, channel = (int(i) for i in np.argwhere(wrong)[0])
        raise FrontEndRangeError(
            f"`{stage}`, channel {channel}, sample {sample}, step {step}: events are 0 or more, "
            f"this is {events[sample, step, channel]} ({int(wrong.sum())} such values)"
        )
    return events
