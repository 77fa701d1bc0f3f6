"""Decay shifts and time constants."""

import numpy as np
from jaxtyping import Float

from .._types import Numbers


def dash_to_tau(dash: Numbers, dt: float) -> Float[np.ndarray, "*n"]:
    """The time constant whose exponential decay is exactly a bit shift.

    A chip's neuron loses `2^-dash` of a state in each step; `exp(-dt / tau)` remains in a
    network. With these time constants both are the same, and mapping rounds them to this shift.

    Args:
        dash: decay shifts [bits], 1 or more.
        dt: length of a step [s].

    Returns:
        Time constants [s], of the shape of `dash`.

    Raises:
        ValueError: a shift below 1, which no time constant gives, or a `dt` that is not positive.

    Source: module facts, section 9: `tau = -dt / ln(1 - 2^-dash)`.

    >>> dash_to_tau([1, 4], dt=1e-3).round(6)
    array([0.001443, 0.015495])
    """
    shifts = np.asarray(dash, dtype=np.float64)
    if not np.all(shifts >= 1) or not dt > 0:
        raise ValueError(
            f"`dash` must be 1 or more and `dt` positive, got a least dash of {shifts.min()} and "
            f"dt = {dt!r}"
        )
    return np.asarray(-dt / np.log1p(-(2.0**-shifts)))
