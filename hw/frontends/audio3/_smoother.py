"""What hides the steps of the amplifier's gain."""

from typing import SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Int, Shaped

from .._stage import (
    FrontEndRangeError,
    Samples,
    Stage,
    StateArrays,
    checked_number,
    checked_signal,
)
from .._threads import over_samples
from ._anti_alias import check_codes
from ._limits import AGC_RATE, N_GAINS

# Of one gain to the next.
_RATIO = 2 ** (1 / 3)


class GainSmoother(Stage):
    """Multiplies codes by a gain that undoes a change of the amplifier, and returns to one.

    Args:
        min_waiting_time: least time between two changes, in seconds; the gain returns to one in
            about a sixth of it.
        n_bits: width of the gain, 2 to 15.

    Raises:
        ValueError: when a number is out of range.

    The inputs are the code and the command, a gain index. State: `smoothing`, for each sample the
    gain in high resolution and the gain index.

    Source: Audio 3 front-end facts, section 4.4.

    >>> louder = np.array([[100, 0], [126, 1], [126, 1], [126, 1]])
    >>> GainSmoother(0.002)(louder)[0][0, :, 0]
    array([100,  99, 103, 105])
    """

    def __init__(self, min_waiting_time: SupportsFloat = 0.3, n_bits: int = 10) -> None:
        super().__init__((2, 1))
        n_bits = checked_number("n_bits", n_bits, 2, 15, "GainSmoother")
        steps = int(float(min_waiting_time) * AGC_RATE)
        if not 6 <= steps < 2**24:
            raise ValueError(
                f"`min_waiting_time` of `GainSmoother` is {8 / AGC_RATE} to "
                f"{2**24 / AGC_RATE:.0f} s; not {min_waiting_time} s"
            )
        self.average_shift = int(np.log2(2 ** int(np.log2(steps)) / 6))
        self.fraction_bits = n_bits - 1
        one = 2**self.fraction_bits
        self.up, self.down = int(_RATIO * one), int(one / _RATIO)

    def _checked(self, data: npt.ArrayLike) -> Samples:
        signal = checked_signal(data, 2, "GainSmoother")
        check_codes(signal, "GainSmoother")
        wrong = (signal[..., 1] < 0) | (signal[..., 1] >= N_GAINS)
        if wrong.any():
            sample, step = (int(i) for i in np.argwhere(wrong)[0])
            raise FrontEndRangeError(
                f"`GainSmoother`, channel 1, sample {sample}, step {step}: gain indices are 0 to "
                f"{N_GAINS - 1}; this is {signal[sample, step, 1]}"
            )
        return signal

    def _fresh(self, batch: int) -> StateArrays:
        one = 1 << (self.average_shift + self.fraction_bits)
        return {"smoothing": np.tile(np.array([one, 0], np.int64), (batch, 1))}

    def _numbers(self) -> Int[np.ndarray, "4"]:
        return np.array([self.average_shift, self.fraction_bits, self.up, self.down], np.int64)

    def _run(self, signal: Samples, state: StateArrays) -> Shaped[np.ndarray, "batch row out"]:
        from ._kernel_agc import smooth

        output = np.empty((*signal.shape[:2], 1), np.int64)
        arrays = (signal, self._numbers(), state["smoothing"], output)
        over_samples(smooth, len(signal), signal.size, *arrays)
        return output
