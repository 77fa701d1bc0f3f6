"""Samples of signals: what a signal is at other times than those it was measured at."""

from typing import Any

import numpy as np

from .._types import Numbers
from ._grid import is_before, slack, time_base


def sample(
    times: Numbers,
    samples: Numbers,
    at: Numbers,
    *,
    kind: str = "previous",
    t_stop: float | None = None,
    outside: float | None = None,
) -> np.ndarray:
    """The values of a signal at chosen times.

    A signal that changes between the chosen times is not smoothed: filter it first.

    Args:
        times: when the signal was measured [s], each later than the one before.
        samples: what was measured, time first, (time, ...).
        at: the chosen times [s], in any order.
        kind: `previous` holds each sample until the next one, `linear` connects them by lines.
        t_stop: until when the last sample holds [s], not included; without it, it holds at its own
            time only.
        outside: the value for times at which the signal is not known; without it, such times
            are an error.

    Returns:
        One value for each chosen time, (chosen, ...).

    Raises:
        ValueError: parts that do not fit together, or times at which the signal is not known.

    >>> sample([0.0, 1.0], [[10.0], [20.0]], [0.0, 0.5, 1.0], kind="linear")
    array([[10.],
           [15.],
           [20.]])
    """
    known, values = np.asarray(times), np.asarray(samples)
    chosen = np.atleast_1d(np.asarray(at))
    problems = _problems(known, values, chosen, kind)
    if problems:
        raise ValueError("cannot sample this signal:\n- " + "\n- ".join(problems))
    # As coarse as the coarser of both: what is on a sample is judged by what rounding explains.
    precision = np.float32 if np.float32 in (known.dtype, chosen.dtype) else np.float64
    known, chosen = known.astype(float), chosen.astype(float)
    near = slack(chosen.astype(precision))
    index = np.searchsorted(known, chosen + near, side="right") - 1
    held = chosen <= known[-1] + near
    if t_stop is not None:
        held |= is_before(chosen.astype(precision), t_stop)
    inside = (index >= 0) & held
    if outside is None and not inside.all():
        end = known[-1] if t_stop is None else t_stop
        raise ValueError(
            f"the signal is known from {known[0]} s to {end} s, {(~inside).sum()} of the chosen "
            f"times are not there, one at {chosen[np.argmin(inside)]} s; choose others, or say "
            "what holds there, with `outside`"
        )
    found = _between(known, values, chosen, np.maximum(index, 0), kind)
    return found if outside is None else np.where(_aligned(inside, found), found, outside)


def sample_clocked(
    samples: Numbers,
    dt: float,
    at: Numbers,
    *,
    t_start: float = 0.0,
    kind: str = "previous",
    outside: float | None = None,
) -> np.ndarray:
    """The values of a clocked signal at chosen times.

    Sample `k` was taken at `t_start + k * dt`; the last one holds for one more step.

    Args:
        samples: time first, (time, ...), such as the output of a module for one sample.
        dt: length of a step [s].
        at: the chosen times [s], in any order.
        t_start: time of the first sample [s].
        kind: as in `sample`.
        outside: as in `sample`.

    Returns:
        One value for each chosen time, (chosen, ...).

    Raises:
        ValueError: as in `sample`, or no usable length of a step.

    >>> sample_clocked([1.0, 2.0, 3.0], 0.1, [0.0, 0.19, 0.2, 0.29])
    array([1., 2., 3., 3.])
    """
    values = np.asarray(samples)
    n_steps = len(values) if values.ndim else 0
    return sample(
        time_base(n_steps, dt, t_start),
        values,
        at,
        kind=kind,
        t_stop=t_start + n_steps * dt,
        outside=outside,
    )


def _problems(times: np.ndarray, samples: np.ndarray, at: np.ndarray, kind: str) -> list[str]:
    problems = []
    if times.ndim != 1 or not times.size or times.dtype.kind not in "iuf":
        problems.append(f"`times` must be a list of times [s], got {times.dtype} {times.shape}")
    elif not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
        problems.append("`times` must be finite, each later than the one before")
    if samples.shape[:1] != times.shape:
        problems.append(
            f"`samples` of shape {samples.shape} must have one entry for each of the {times.size} "
            "times on its first axis"
        )
    if samples.dtype.kind not in "biufc":
        problems.append(f"`samples` must be numbers, got {samples.dtype}")
    if at.ndim != 1 or (at.size and at.dtype.kind not in "iuf") or not np.isfinite(at).all():
        problems.append(f"`at` must be a list of finite times [s], got {at.dtype} {at.shape}")
    if kind not in ("previous", "linear"):
        problems.append(f"`kind` must be 'previous' or 'linear', got {kind!r}")
    return problems


def _between(
    times: np.ndarray, samples: np.ndarray, at: np.ndarray, index: np.ndarray, kind: str
) -> Any:
    """Values at times that are between a sample, given by its index, and the next one."""
    before = samples[index]
    if kind == "previous":
        return before
    following = np.minimum(index + 1, len(times) - 1)
    gap = np.where(following > index, times[following] - times[index], 1.0)
    share = np.where(following > index, np.clip((at - times[index]) / gap, 0.0, 1.0), 0.0)
    # A product of both ends and not of their difference, which overflows for small integers.
    share = _aligned(share, before).astype(np.result_type(samples.dtype, np.float32))
    return before * (1 - share) + samples[following] * share


def _aligned(per_time: np.ndarray, values: np.ndarray) -> np.ndarray:
    """One value a time with as many axes as the samples have."""
    return per_time.reshape((-1,) + (1,) * (values.ndim - 1))
