"""From accelerations in g, or any real numbers, to the integers of the sensor."""

from typing import SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Int

from .._stage import FrontEndRangeError, checked_number


def quantize_samples(
    signal: npt.ArrayLike, *, scale: SupportsFloat = 1.0, n_bits: int = 16
) -> Int[np.ndarray, "*shape"]:
    """Integers of `n_bits` bits: `scale * signal * 2^(n_bits - 1)`, rounded toward zero.

    Args:
        signal: real numbers, any shape.
        scale: what the signal is multiplied with; 0.49 fits +-2 g.
        n_bits: width of the result, 2 to 16.

    Returns:
        int64 of the same shape.

    Raises:
        ValueError: when the signal is not finite, which names the first place; `scale` is not above
            0 and finite; or `n_bits` is out of range.
        FrontEndRangeError: when a value does not fit; names the first one.

    Source: IMU front-end facts, section 2.

    >>> quantize_samples([0.5, -0.5, 4e-5, 3e-5])
    array([ 16384, -16384,      1,      0])
    """
    n_bits = checked_number("n_bits", n_bits, 2, 16, "quantize_samples")
    factor = float(scale)
    if not 0 < factor < np.inf:
        raise ValueError(
            f"`scale` of `quantize_samples` is a finite number above 0, not {factor:g}: 0.49 fits +-2 g"
        )
    values = np.asarray(signal, np.float64)
    unknown = np.argwhere(~np.isfinite(values))
    if len(unknown):
        place = tuple(unknown[0].tolist())
        raise ValueError(
            f"`quantize_samples`, index {place}: {values[place]} is not finite ({len(unknown)} such "
            "values): fill the gap, or cut the signal there"
        )
    scaled = np.trunc(factor * values * 2.0 ** (n_bits - 1))
    limit = 2 ** (n_bits - 1) - 1
    wrong = np.abs(scaled) > limit
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise FrontEndRangeError(
            f"`quantize_samples`, index {place}: the magnitude may be {limit}, this is "
            f"{scaled[place]:.0f} ({int(wrong.sum())} such values): take a smaller `scale`"
        )
    return np.asarray(scaled.astype(np.int64))
