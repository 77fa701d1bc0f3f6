"""`Events`: when something happened, on which channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int32, Int64

from .._types import Numbers
from ._grid import bins_of, bins_until, is_before, require_step


# Equality, and the constructor, are written out: arrays have no truth value, and what a caller
# may give is wider than what is stored.
@final
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Events:
    """Events of some channels in a span of time, in order of time.

    The span is half-open: `t_start` belongs to it, `t_stop` does not. Silence counts: which channels
    there are and when the recording ended cannot be read from the events.

    Attributes:
        times: when [s]; float32 stays float32, everything else is float64.
        channels: on which channel, from 0.
        n_channels: how many channels there are.
        t_start: beginning of the span [s].
        t_stop: end of the span [s].

    Args:
        times: in any order.
        channels: one for each time.
        n_channels: how many channels there are.
        t_stop: end of the span, later than every event [s].
        t_start: beginning of the span [s].

    Raises:
        ValueError: the parts do not fit together; all that is wrong at once.

    >>> events = Events([0.30, 0.05, 0.12], [1, 0, 1], n_channels=3, t_stop=0.5)
    >>> events
    <Events: 3 on 3 channels, 0.0 s to 0.5 s>
    >>> events.raster(dt=0.1)
    array([[1, 0, 0],
           [0, 1, 0],
           [0, 0, 0],
           [0, 1, 0],
           [0, 0, 0]], dtype=int32)
    """

    times: Float[np.ndarray, " event"]
    channels: Int64[np.ndarray, " event"]
    n_channels: int
    t_start: float
    t_stop: float

    def __init__(
        self,
        times: Numbers,
        channels: Numbers,
        *,
        n_channels: int,
        t_stop: float,
        t_start: float = 0.0,
    ) -> None:
        given_times, given_channels = np.asarray(times), np.asarray(channels)
        problems = _problems(given_times, given_channels, n_channels, t_start, t_stop)
        if problems:
            lines = "".join(f"\n- {problem}" for problem in problems)
            raise ValueError(f"these are no events of one recording:{lines}")
        precision = np.float32 if given_times.dtype == np.float32 else np.float64
        order = np.lexsort((given_channels, given_times))
        for name, value in (
            ("times", given_times.astype(precision)[order]),
            ("channels", given_channels.astype(np.int64)[order]),
            ("n_channels", int(n_channels)),
            ("t_start", float(t_start)),
            ("t_stop", float(t_stop)),
        ):
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    @classmethod
    def from_raster(
        cls,
        raster: Numbers,
        dt: float,
        *,
        t_start: float = 0.0,
        at_bin_start: bool = False,
    ) -> Events:
        """The events of a raster; `raster` makes it again.

        Args:
            raster: flags or counts, (time, channel); a count of 2 gives two events.
            dt: length of a step [s].
            t_start: beginning of the first step [s].
            at_bin_start: whether events are at the beginning of their step; otherwise they are
                in its middle.

        Raises:
            ValueError: not two axes, no whole counts, or no usable length of a step.

        >>> Events.from_raster([[0, 2], [1, 0]], dt=0.1).times
        array([0.05, 0.05, 0.15])
        """
        require_step(dt)
        counts = _as_counts(np.asarray(raster))
        steps, channels = (np.repeat(where, counts[counts > 0]) for where in np.nonzero(counts))
        offset = 0.0 if at_bin_start else 0.5
        return cls(
            t_start + (steps + offset) * dt,
            channels,
            n_channels=counts.shape[1],
            t_start=t_start,
            t_stop=t_start + len(counts) * dt,
        )

    @classmethod
    def from_channels(
        cls, times: Sequence[Numbers], *, t_stop: float, t_start: float = 0.0
    ) -> Events:
        """Events that are listed channel by channel; `by_channel` gives these lists.

        Args:
            times: for each channel its times [s], in any order.
            t_stop: end of the span [s].
            t_start: beginning of the span [s].

        Raises:
            ValueError: a time outside the span, or no list of times.

        >>> Events.from_channels([[0.2, 0.1], [], [0.1]], t_stop=1.0).channels
        array([0, 2, 0])
        """
        each = [np.asarray(one) for one in times]
        shapes = [one.shape for one in each if one.ndim != 1]
        if shapes:
            raise ValueError(f"each channel needs a list of times, got arrays of shapes {shapes}")
        # Empty lists are float64 arrays and must not decide about the precision of the others.
        filled = [one for one in each if one.size]
        return cls(
            np.concatenate(filled) if filled else np.zeros(0),
            np.repeat(np.arange(len(each)), [one.size for one in each]),
            n_channels=len(each),
            t_start=t_start,
            t_stop=t_stop,
        )

    def by_channel(self) -> list[Float[np.ndarray, " _"]]:
        """The times of each channel [s], in order."""
        order = np.argsort(self.channels, kind="stable")
        ends = np.cumsum(np.bincount(self.channels, minlength=self.n_channels))
        return np.split(self.times[order], ends[:-1])

    def raster(
        self, dt: float, *, n_steps: int | None = None, counts: bool = True
    ) -> Int32[np.ndarray, "step channel"] | Bool[np.ndarray, "step channel"]:
        """The events as a raster whose first step begins at `t_start`.

        Step `k` holds what happens from `t_start + k * dt` on and before the next step. The last
        step may go beyond `t_stop`.

        Args:
            dt: length of a step [s].
            n_steps: number of steps; as many as cover the span when not given, and the further
                ones are empty.
            counts: whether to count the events of a step; otherwise only say whether there are any.

        Raises:
            ValueError: fewer steps than cover the span, a length that is not positive, or too
                short for the precision of the times.
        """
        needed = bins_until(self.t_stop, dt, self.t_start)
        n_steps = needed if n_steps is None else n_steps
        if n_steps < needed:
            raise ValueError(
                f"{n_steps} steps of {dt} s end before `t_stop`, {self.t_stop} s; take {needed}, or "
                "cut the span first, with `between(t_start, t_stop)`"
            )
        # An event on a border of the span is in the span, or it would not be here.
        bins = np.clip(bins_of(self.times, dt, self.t_start), 0, needed - 1)
        flat = np.bincount(
            bins * self.n_channels + self.channels, minlength=n_steps * self.n_channels
        )
        found = flat.reshape((n_steps, self.n_channels))
        return found.astype(np.int32) if counts else found > 0

    def between(self, t_start: float, t_stop: float) -> Events:
        """The events of a part of the span.

        Args:
            t_start: beginning of the part [s]; what happens then belongs to it.
            t_stop: end of the part [s]; what happens then does not.

        Raises:
            ValueError: the part goes beyond the span.
        """
        begins = t_start <= t_stop and not is_before(t_start, self.t_start)
        if not begins or is_before(self.t_stop, t_stop):
            raise ValueError(
                f"from {t_start} s to {t_stop} s is no part of {self.t_start} s to {self.t_stop} s; "
                "for empty steps beyond the end give `raster` more `n_steps`"
            )
        chosen = ~is_before(self.times, t_start) & is_before(self.times, t_stop)
        return Events(
            self.times[chosen],
            self.channels[chosen],
            n_channels=self.n_channels,
            t_start=t_start,
            t_stop=t_stop,
        )

    def __len__(self) -> int:
        """Number of events."""
        return len(self.times)

    def __eq__(self, other: object) -> bool:
        """Whether times, channels and spans are the same."""
        if not isinstance(other, Events):
            return NotImplemented
        spans = [(one.n_channels, one.t_start, one.t_stop) for one in (self, other)]
        return (
            spans[0] == spans[1]
            and np.array_equal(self.times, other.times)
            and np.array_equal(self.channels, other.channels)
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __repr__(self) -> str:
        return f"<Events: {len(self)} on {self.n_channels} channels, {self.t_start} s to {self.t_stop} s>"


def _problems(
    times: np.ndarray, channels: np.ndarray, n_channels: int, t_start: float, t_stop: float
) -> list[str]:
    """Everything that keeps values from being the events of one recording."""
    shapes = times.shape, channels.shape
    if len({*shapes}) > 1 or times.ndim != 1:
        return [f"`times` and `channels` must be lists of one length, got shapes {shapes}"]
    if not -np.inf < t_start <= t_stop < np.inf:
        problems = [f"a span cannot be from {t_start} s to {t_stop} s"]
    else:
        problems = _problems_of_times(times, t_start, t_stop)
    if channels.size and channels.dtype.kind not in "iu":
        problems.append(f"`channels` must be whole numbers, got {channels.dtype}")
    elif (outside := (channels < 0) | (channels >= n_channels)).any():
        problems.append(
            f"`channels` must be from 0 to {n_channels - 1} (`n_channels` is {n_channels}), "
            f"{outside.sum()} are not; one is {channels[_first(outside)]}"
        )
    return problems


def _problems_of_times(times: np.ndarray, t_start: float, t_stop: float) -> list[str]:
    if times.dtype.kind not in "iuf":
        return [f"`times` must be real numbers [s], got {times.dtype}"]
    if not np.isfinite(times).all():
        return [f"`times` must be finite, number {_first(~np.isfinite(times))} is not"]
    problems = []
    early, late = is_before(times, t_start), ~is_before(times, t_stop)
    if early.any():
        problems.append(
            f"{early.sum()} times are before `t_start`, {t_start} s; one is {times[_first(early)]} s"
        )
    if late.any():
        problems.append(
            f"{late.sum()} times are not before `t_stop`, {t_stop} s, which no longer belongs to the "
            f"span; one is {times[_first(late)]} s"
        )
    return problems


def _first(flags: Bool[np.ndarray, " n"]) -> int:
    return int(np.argmax(flags))


def _as_counts(raster: np.ndarray) -> Int64[np.ndarray, "step channel"]:
    """A raster as whole numbers."""
    if raster.ndim != 2:
        raise ValueError(
            f"the raster must be (time, channel), got the shape {raster.shape}; of a batch take one "
            "sample at a time"
        )
    if raster.dtype.kind not in "biuf":
        raise ValueError(f"the raster must hold flags or counts, got {raster.dtype}")
    wrong = ~(np.isfinite(raster) & (raster >= 0) & (raster == np.floor(raster)))
    if wrong.any():
        step, channel = np.argwhere(wrong)[0]
        raise ValueError(
            f"the raster must hold counts, {wrong.sum()} values are none; at step {step}, channel "
            f"{channel} is {raster[step, channel]}"
        )
    return raster.astype(np.int64)
