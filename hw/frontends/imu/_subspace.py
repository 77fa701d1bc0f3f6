"""The covariance of the three axes, and how long the chip keeps one."""

import numpy as np
from jaxtyping import Shaped

from .._stage import FrontEndRangeError, Samples, Stage, StateArrays, checked_number
from .._threads import over_samples
from ._limits import LIMITS, MAX_COVARIANCE, MAX_SAMPLE


class SubSpace(Stage):
    """Covariance of three axes, averaged over about `2^num_avg_bitshift` samples.

    `H <- H - (H >> k) + x x'`, `C = H >> k`; `C` is the output, nine channels, row by row.

    Args:
        num_avg_bitshift: k, 0 to 31.

    Raises:
        ValueError: when k is out of range.

    Source: IMU front-end facts, section 3.

    >>> covariance, state, record = SubSpace(0)(np.array([[1, 2, -3]]))
    >>> covariance[0, 0]
    array([ 1,  2, -3,  2,  4, -6, -3, -6,  9])
    """

    def __init__(self, num_avg_bitshift: int = 4) -> None:
        super().__init__((3, 9), MAX_SAMPLE)
        self.num_avg_bitshift = checked_number(
            "num_avg_bitshift",
            num_avg_bitshift,
            LIMITS.averaging_shift_range.low,
            LIMITS.averaging_shift_range.high,
            "SubSpace",
        )

    def _fresh(self, batch: int) -> StateArrays:
        return {"accumulator": np.zeros((batch, 3, 3), np.int64)}

    def _run(self, signal: Samples, state: StateArrays) -> Shaped[np.ndarray, "batch time out"]:
        from ._kernel import estimate

        output = np.empty((*signal.shape[:2], 9), np.int64)
        arrays = (signal, self.num_avg_bitshift, MAX_COVARIANCE, state["accumulator"], output)
        bad = over_samples(estimate, len(signal), signal.size, *arrays)
        if bad >= 0:
            raise FrontEndRangeError(
                f"`SubSpace`, channel {bad % 9}: the sum needs more than "
                f"{31 + self.num_avg_bitshift} bits: the state is none of this stage"
            )
        return output


class SampleAndHold(Stage):
    """Gives the first value of each period until the next one.

    Args:
        sampling_period: steps, 1 to 2047.
        n_channels: how many channels.

    Raises:
        ValueError: when the period is out of range.

    Source: IMU front-end facts, section 4.

    >>> held, state, record = SampleAndHold(3, n_channels=1)(np.arange(5)[:, None])
    >>> held[0, :, 0]
    array([0, 0, 0, 3, 3])
    """

    def __init__(self, sampling_period: int = 10, n_channels: int = 9) -> None:
        super().__init__((n_channels, n_channels))
        self.sampling_period = checked_number(
            "sampling_period",
            sampling_period,
            LIMITS.sampling_period_range.low,
            LIMITS.sampling_period_range.high,
            "SampleAndHold",
        )

    def _fresh(self, batch: int) -> StateArrays:
        return {
            "step": np.zeros(batch, np.int64),
            "held": np.zeros((batch, self._shape[0]), np.int64),
        }

    def _run(self, signal: Samples, state: StateArrays) -> Shaped[np.ndarray, "batch time out"]:
        from ._kernel import hold

        output = np.empty_like(signal)
        arrays = (signal, self.sampling_period, state["step"], state["held"], output)
        over_samples(hold, len(signal), signal.size, *arrays)
        return output
