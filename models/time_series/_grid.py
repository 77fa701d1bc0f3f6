"""Where times lie on a grid of steps.

Step `k` is the half-open span from `t_start + k * dt` to the next border. No float is exactly on
most borders: `3 * 0.1` is a bit more than `0.3`, and `0.3 / 0.1` a bit less than `3`. So a time
counts as on a border when rounding can explain the difference, and only then: a few units in the
last place of the numbers that went in.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .._types import Numbers

# How far, in steps, rounding may move a time and still leave no doubt which border is meant.
_CLEAR = 0.25


def time_base(n_steps: int, dt: float, t_start: float = 0.0) -> Float[np.ndarray, " step"]:
    """The time at which each step begins.

    Args:
        n_steps: number of steps.
        dt: length of a step [s].
        t_start: beginning of the first [s].

    Raises:
        ValueError: a negative number of steps, or no usable length.

    >>> time_base(3, 0.1, t_start=1.0)
    array([1. , 1.1, 1.2])
    """
    require_step(dt)
    if n_steps < 0:
        raise ValueError(f"`n_steps` must not be negative, got {n_steps}")
    return t_start + np.arange(n_steps) * dt


def steps_in(duration: float, dt: float) -> int:
    """How many whole steps a duration has.

    Args:
        duration: [s].
        dt: length of a step [s].

    Raises:
        ValueError: a negative duration, no usable length, or more steps than a float can count.

    >>> steps_in(0.3, 0.1), 0.3 // 0.1
    (3, 2.0)
    """
    require_step(dt)
    if not 0 <= duration < np.inf:
        raise ValueError(f"`duration` must be finite and not negative [s], got {duration}")
    return int(bins_of(np.array([duration], dtype=float), dt, 0.0)[0])


def require_step(dt: float) -> None:
    """Raise where a number is no length of a step."""
    if not 0 < dt < np.inf:
        raise ValueError(f"`dt` must be positive and finite [s], got {dt}")


def is_before(time: Numbers, border: float) -> Any:
    """Whether times are before a border, by more than rounding explains."""
    times = _as_float_array(time)
    return times.astype(float) < border - slack(times, border)


def slack(times: np.ndarray, border: float = 0.0) -> Any:
    """How far rounding may have moved times with respect to a border [s]."""
    # Each number is off by half a unit in its last place; products and sums add as much again.
    size = np.abs(times.astype(float))
    return np.finfo(times.dtype).eps * size + 4 * np.finfo(float).eps * (size + abs(border))


def _as_float_array(time: Numbers) -> np.ndarray:
    array = np.asarray(time)
    return array if array.dtype.kind == "f" else array.astype(float)


def bins_of(times: Float[np.ndarray, " *n"], dt: float, t_start: float) -> Int[np.ndarray, " *n"]:
    """The step each time is in; negative before `t_start`.

    Args:
        times: [s], of any precision.
        dt: length of a step [s].
        t_start: beginning of step 0 [s].

    Raises:
        ValueError: steps too short for the precision of the times.
    """
    position, nearest, on_border = _on_grid(times, dt, t_start)
    return np.where(on_border, nearest, np.floor(position)).astype(np.int64)


def bins_until(t_stop: float, dt: float, t_start: float) -> int:
    """How many steps it takes to cover the time from `t_start` to `t_stop`.

    Raises:
        ValueError: steps too short for the precision of the times.
    """
    position, nearest, on_border = _on_grid(np.array([t_stop], dtype=float), dt, t_start)
    return int(np.where(on_border, nearest, np.ceil(position))[0])


def _on_grid(times: np.ndarray, dt: float, t_start: float) -> tuple[np.ndarray, ...]:
    """Times in steps, the nearest borders, and which times are on theirs."""
    require_step(dt)
    position = (times.astype(float) - t_start) / dt
    doubt = slack(times, t_start) / dt
    if doubt.size and doubt.max() > _CLEAR:
        worst = np.argmax(doubt)
        raise ValueError(
            f"`dt` of {dt} s is too short for the time {times.flat[worst]} s, which is known to "
            f"{doubt.flat[worst] * dt:.1g} s only: take longer steps, a `t_start` near 0, or "
            "times in float64"
        )
    nearest = np.rint(position)
    return position, nearest, np.abs(position - nearest) <= doubt
