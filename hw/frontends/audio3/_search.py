"""From physical values, rates and windows, to the shifts and periods that the chip has."""

from typing import SupportsFloat

import numpy as np

from ._limits import SAMPLE_RATE

_WINDOW_TOLERANCE, _DT_TOLERANCE = 1e-3, 1e-6


def scale_shifts(rate_scale_factor: int) -> tuple[int, int]:
    """The shifts b1 and b2 with `2^b1 - 2^b2 = rate_scale_factor`.

    Raises:
        ValueError: when there are none; names the nearest factors that have some.

    Source: Audio 3 front-end facts, section 8.

    >>> scale_shifts(63), scale_shifts(16)
    ((6, 0), (5, 4))
    """
    if not isinstance(rate_scale_factor, int | np.integer) or rate_scale_factor < 1:
        raise ValueError(
            f"`rate_scale_factor` is a whole number from 1 on, not {rate_scale_factor!r}"
        )
    b1 = int(rate_scale_factor).bit_length()
    has = [2**b1 - 2**b2 for b2 in range(b1)]
    if rate_scale_factor not in has:
        below = max([h for h in has if h < rate_scale_factor], default=2 ** (b1 - 1))
        above = min(h for h in has if h > rate_scale_factor)
        raise ValueError(
            f"`rate_scale_factor` is a difference of two powers of two, which "
            f"{rate_scale_factor} is not: take {below} or {above}"
        )
    return b1, has.index(int(rate_scale_factor))


def window_shift(window_s: SupportsFloat, fs: SupportsFloat = SAMPLE_RATE) -> int:
    """The low-pass shift whose window of `2^shift` samples is nearest.

    Args:
        window_s: in seconds.
        fs: samples a second.

    Raises:
        ValueError: when none is within 1 ms; names the nearest ones.

    Source: Audio 3 front-end facts, section 8.

    >>> window_shift(84e-3), window_shift(20e-3)
    (12, 10)
    """
    window, rate = float(window_s), float(fs)
    if not window * rate >= 1:
        raise ValueError(
            f"`low_pass_averaging_window` is one sample, {1 / rate:.3g} s, or more; not {window:g} s"
        )
    low = int(np.log2(rate * window))
    off = {shift: abs(2**shift / rate - window) for shift in (low + 1, low)}
    best = min(off, key=lambda shift: off[shift])
    if off[best] > _WINDOW_TOLERANCE:
        raise ValueError(
            f"`low_pass_averaging_window`: the chip has no window within 1 ms of {window * 1e3:g} "
            f"ms: take {2**low / rate * 1e3:.3f} ms or {2 ** (low + 1) / rate * 1e3:.3f} ms"
        )
    return best


def raster_steps(dt: SupportsFloat, fs: SupportsFloat = SAMPLE_RATE) -> int:
    """How many samples a time step of the network has.

    Args:
        dt: time step of the network, in seconds.
        fs: samples a second.

    Raises:
        ValueError: when no whole number is within 1 us; names the nearest time steps.

    Source: Audio 3 front-end facts, section 8.

    >>> raster_steps(1.024e-3), raster_steps(1e-3, fs=50e3)
    (50, 50)
    """
    step, rate = float(dt), float(fs)
    if not step > 0 or not np.isfinite(step):
        raise ValueError(f"`dt` is a time above 0 s, not {step:g} s")
    low = int(step * rate)
    off = {n: abs(n / rate - step) for n in (low + 1, low) if n}
    best = min(off, key=lambda n: off[n])
    if off[best] > _DT_TOLERANCE:
        nearest = " or ".join(f"{n / rate * 1e3:.5g} ms" for n in sorted(off))
        raise ValueError(
            f"`dt`: no whole number of samples is within 1 us of {step * 1e3:g} ms: take {nearest}"
        )
    return best
