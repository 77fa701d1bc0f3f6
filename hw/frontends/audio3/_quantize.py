"""From real numbers to the 14 bits of Xylo Audio 3."""

from typing import SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Shaped

from .._stage import (
    FrontEndRangeError,
    RealSamples,
    Stage,
    StateArrays,
    checked_real_signal,
)
from .._threads import over_samples
from ._limits import HIGHEST_SAMPLE, LOWEST_SAMPLE

_OVERFLOWS = ("raise", "saturate")


class AudioQuantizer(Stage):
    """14-bit integers: `scale * x * 8192`, rounded toward zero.

    The range is -8192 to 8191. A sample of exactly one, full scale, becomes 8191.

    Args:
        scale: what the signal is multiplied with.
        overflow: what happens where the magnitude, scaled, is above 1: `"raise"` an error, or
            `"saturate"` at the range.

    Raises:
        ValueError: when the scale is not finite, or `overflow` is none of these.

    Source: Audio 3 front-end facts, section 2.

    >>> AudioQuantizer()(np.array([1.0, 0.5, -2e-4, -1.0]))[0][0, :, 0]
    array([ 8191,  4096,    -1, -8192])
    """

    def __init__(self, scale: SupportsFloat = 1.0, *, overflow: str = "raise") -> None:
        super().__init__((1, 1))
        self.scale = float(scale)
        if not np.isfinite(self.scale):
            raise ValueError(f"`scale` of `AudioQuantizer` is a finite number, not {scale}")
        if overflow not in _OVERFLOWS:
            raise ValueError(f'`overflow` is "raise" or "saturate", not {overflow!r}')
        self.overflow = overflow

    def _fresh(self, batch: int) -> StateArrays:
        return {}

    def _checked(self, data: npt.ArrayLike) -> RealSamples:
        return checked_real_signal(data, 1, "AudioQuantizer")

    def _run(
        self, signal: Shaped[np.ndarray, "batch time channel"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch time out"]:
        from ._kernel_input import quantize

        output = np.empty(signal.shape, np.int64)
        limits = (float(LOWEST_SAMPLE), float(HIGHEST_SAMPLE))
        arrays = (signal, self.scale, *limits, self.overflow == "raise", output)
        bad = over_samples(quantize, len(signal), output.size, *arrays)
        if bad >= 0:
            sample, step = divmod(bad, signal.shape[1])
            raise FrontEndRangeError(
                f"`AudioQuantizer`, channel 0, sample {sample}, step {step}: the magnitude may be "
                f"1, this is {abs(self.scale * signal[sample, step, 0]):.6g}: take a smaller "
                '`scale`, `normalize_amplitude`, or `overflow="saturate"`'
            )
        return output


def normalize_amplitude(
    signal: npt.ArrayLike, *, clipped: SupportsFloat = 0.01
) -> Float[np.ndarray, "*shape"]:
    """A signal scaled to -1 to 1 such that so large a part of its samples is clipped.

    Args:
        signal: real numbers, (time,), or with one recording in all: (time, 1), (1, time, 1).
        clipped: part of the samples, 0 to below 1.

    Returns:
        The same shape, float64. Silence stays silence.

    Raises:
        ValueError: when the signal is empty or not finite, or `clipped` is out of range.

    Source: Audio 3 front-end facts, section 2.

    >>> normalize_amplitude([0.1, -0.2, 0.4, 0.1], clipped=0.3)
    array([ 0.5, -1. ,  1. ,  0.5])
    """
    values, part = np.asarray(signal, np.float64), float(clipped)
    if not 0 <= part < 1:
        raise ValueError(f"`clipped` is a part of the samples, 0 to below 1; not {part:g}")
    if not values.size or not np.isfinite(values).all():
        raise ValueError("`normalize_amplitude`: the signal is empty or not finite")
    ordered = np.sort(np.abs(values), axis=None)
    top = float(ordered[int((values.size - 1) * (1 - part))])
    return np.clip(values, -top, top) / top if top else np.asarray(values * 0)
