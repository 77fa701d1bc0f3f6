"""Divisive normalization of Xylo Audio 3: how strong a channel must be to give an event."""

from collections.abc import Sequence
from typing import SupportsFloat

import numpy as np
from jaxtyping import Float, Int, Shaped

from .._stage import Record, Samples, Stage, StateArrays, per_channel
from .._threads import over_samples
from ._arithmetic import checked_arithmetic, numbers_of
from ._limits import LIMITS, SAMPLE_RATE
from ._search import scale_shifts, window_shift

_MAX_FILTERED = 2 ** (LIMITS.max_filter_bits - 1) - 1
# Fields of the chip have 16 bits; more than 31 would not fit into 64 bits after the shift.
_MAX_SHIFT = 31


class DivisiveNormalization(Stage):
    """From filter outputs to events: thresholds that follow the level of the signal.

    The level of a channel is a running mean of the magnitude, `H <- H - (H >> p) + |y|`. Its
    threshold is `t = (max(H >> p, eps) << b1) - (max(H >> p, eps) << b2)`, from the `H` of before.
    Magnitudes add up; where the sum has reached the threshold, that much is taken away and there
    is an event, at most one a sample.

    Args:
        n_channels: how many.
        adaptive: whether the threshold follows the level; else it is `fixed_threshold`.
        b1: threshold in units of the mean magnitude, `2^b1 - 2^b2`; 1 to 31.
        b2: 0 to b1 - 1.
        low_pass_shift: p; the mean is over about 2^p samples; 0 to 31.
        eps: least mean magnitude, 16 bits. With 0 a silent channel fires at every sample.
        fixed_threshold: of channels that are not adaptive, 42 bits.
        joint: whether all adaptive channels take the largest `t` of all channels, so that weak
            channels stay weak; else each its own.
        mirror: whether to let levels settle on the signal reversed in time, as the reference
            simulator does. Each call then starts anew; not for streams.
        arithmetic: `"integer"`, the chip's, or `"float32"`, an approximation.

    All but the switches are one for all channels or one for each. The record holds the
    `thresholds` of every sample.

    Raises:
        ValueError: when a number is out of range.

    Source: Audio 3 front-end facts, section 6.

    >>> outputs = np.tile([4000, -1000], (400, 1))
    >>> DivisiveNormalization(n_channels=2, low_pass_shift=3)(outputs)[0].sum(axis=1).tolist()
    [[7, 2]]
    """

    def __init__(
        self,
        n_channels: int = LIMITS.max_filters,
        *,
        adaptive: bool | Sequence[bool] = True,
        b1: int | Sequence[int] = 6,
        b2: int | Sequence[int] = 0,
        low_pass_shift: int | Sequence[int] = 12,
        eps: int | Sequence[int] = 1,
        fixed_threshold: int | Sequence[int] = 2**27,
        joint: bool = True,
        mirror: bool = False,
        arithmetic: str = "integer",
    ) -> None:
        super().__init__((n_channels, n_channels), _MAX_FILTERED)

        def numbers(name: str, given: int | Sequence[int], low: int, high: int) -> tuple[int, ...]:
            return per_channel(name, given, n_channels, low, high, "DivisiveNormalization")

        given = [adaptive] if isinstance(adaptive, bool | np.bool_) else adaptive
        flags = [int(flag) for flag in given]
        self.adaptive = numbers("adaptive", flags * (n_channels if len(flags) == 1 else 1), 0, 1)
        self.b1 = numbers("b1", b1, 1, _MAX_SHIFT)
        self.b2 = numbers("b2", b2, 0, _MAX_SHIFT - 1)
        self.low_pass_shift = numbers("low_pass_shift", low_pass_shift, 0, _MAX_SHIFT)
        least, fixed = LIMITS.eps_range, LIMITS.fixed_threshold_range
        self.eps = numbers("eps", eps, least.low, least.high)
        self.fixed_threshold = numbers("fixed_threshold", fixed_threshold, fixed.low, fixed.high)
        wrong = [i for i in range(n_channels) if self.b1[i] <= self.b2[i]]
        if wrong:
            raise ValueError(
                f"`DivisiveNormalization`, channel {wrong[0]}: `b1` must be larger than `b2`; they "
                f"are {self.b1[wrong[0]]} and {self.b2[wrong[0]]} ({len(wrong)} such channels)"
            )
        self.joint, self.mirror = joint, mirror
        self.arithmetic = checked_arithmetic(arithmetic, "DivisiveNormalization")

    @classmethod
    def from_specification(
        cls,
        n_channels: int = LIMITS.max_filters,
        *,
        rate_scale_factor: int = 63,
        low_pass_averaging_window: SupportsFloat = 84e-3,
        fs: SupportsFloat = SAMPLE_RATE,
        eps: int | Sequence[int] = 1,
        joint: bool = True,
        mirror: bool = False,
        arithmetic: str = "integer",
    ) -> "DivisiveNormalization":
        """The adaptive thresholds of physical values.

        Args:
            n_channels: how many.
            rate_scale_factor: samples for each event of a channel whose mean magnitude is the
                largest; `2^b1 - 2^b2` for whole numbers.
            low_pass_averaging_window: over which the level is a mean, in seconds.
            fs: samples a second.
            eps: as above, and so are the switches.
            joint: as above.
            mirror: as above.
            arithmetic: as above.

        Raises:
            ValueError: when the chip has no such factor or window; names what it has.

        >>> DivisiveNormalization.from_specification(low_pass_averaging_window=20e-3).low_pass_shift[0]
        10
        """
        b1, b2 = scale_shifts(rate_scale_factor)
        shift = window_shift(low_pass_averaging_window, fs)
        return cls(
            n_channels,
            b1=b1,
            b2=b2,
            low_pass_shift=shift,
            eps=eps,
            joint=joint,
            mirror=mirror,
            arithmetic=arithmetic,
        )

    def _fresh(self, batch: int) -> StateArrays:
        numbers = numbers_of(self.arithmetic)
        return {n: np.zeros((batch, self._shape[0]), numbers) for n in ("level", "rest")}

    def _rules(self) -> Int[np.ndarray, "6 channel"]:
        shifts = (self.b1, self.b2, self.low_pass_shift)
        return np.array([self.adaptive, *shifts, self.eps, self.fixed_threshold], np.int64)

    def _run(self, signal: Samples, state: StateArrays) -> Shaped[np.ndarray, "batch time out"]:
        return self._normalized(signal, state, np.empty((0, 0, 0), numbers_of(self.arithmetic)))

    def _run_recorded(
        self, signal: Samples, state: StateArrays
    ) -> tuple[Shaped[np.ndarray, "batch time out"], Record]:
        thresholds = np.empty(signal.shape, numbers_of(self.arithmetic))
        return self._normalized(signal, state, thresholds), {"thresholds": thresholds}

    def _normalized(
        self,
        signal: Samples,
        state: StateArrays,
        thresholds: Int[np.ndarray, "_ _ _"] | Float[np.ndarray, "_ _ _"],
    ) -> Shaped[np.ndarray, "batch time out"]:
        from . import _kernel, _kernel_float32

        module = _kernel if self.arithmetic == "integer" else _kernel_float32
        output = np.empty(signal.shape, np.uint8)
        if self.mirror:
            state |= self._fresh(len(signal))
        for part in ([signal[:, ::-1]] if self.mirror else []) + [signal]:
            arrays = (self._rules(), self.joint, state["level"], state["rest"], thresholds, output)
            part = np.ascontiguousarray(part)
            over_samples(module.normalize, len(signal), signal.size, part, *arrays)
        return output
