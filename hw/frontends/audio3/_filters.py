"""The 16 band-pass filters of Xylo Audio 3."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Complex128, Float, Int, Shaped

from ...chips import Range
from .._stage import FrontEndRangeError, Samples, Stage, StateArrays, checked_signal
from .._threads import over_samples
from ._arithmetic import checked_arithmetic, numbers_of
from ._limits import HIGHEST_SAMPLE, LIMITS, LOWEST_SAMPLE, SAMPLE_RATE

_RANGES = {
    **dict.fromkeys(("b_b", "b_af", "b_wf"), LIMITS.filter_shift_range),
    **dict.fromkeys(("a1", "a2"), LIMITS.coefficient_range),
    "n_bits": Range(2, LIMITS.max_filter_bits),
}


@dataclass(frozen=True)
class AudioFilter:
    """The integers of one filter.

    `w[n] = ((x << b_wf) + ((-a2 w[n-2] - a1 w[n-1]) >> b_af)) >> b_b`, and, as the chip's output
    lags by a sample, `y[n] = w[n-1] - w[n-3]`. The output keeps its `b_wf` fractional bits.

    Attributes:
        b_b: bits by which the input is scaled down, 0 to 15.
        b_af: fractional bits of the feedback, 0 to 15.
        a1: feedback of the step before, 16 bits signed.
        a2: feedback of the step before that, 16 bits signed.
        n_bits: width of state and output, up to 29.
        b_wf: fractional bits of the state, 0 to 15.

    Raises:
        ValueError: when a number does not fit into its register; lists all.

    Source: Audio 3 front-end facts, section 5.

    >>> AUDIO_FILTERS[4]
    AudioFilter(b_b=6, b_af=8, a1=-32453, a2=16110, n_bits=27, b_wf=8)
    """

    b_b: int
    b_af: int
    a1: int
    a2: int
    n_bits: int = 29
    b_wf: int = 8

    def __post_init__(self) -> None:
        wrong = [
            f"`{name}` is {allowed.low} to {allowed.high}, not {getattr(self, name)}"
            for name, allowed in _RANGES.items()
            if getattr(self, name) not in allowed
        ]
        if wrong:
            raise ValueError("no filter of the chip: " + "; ".join(wrong))

    def center_hz(self, fs: SupportsFloat = SAMPLE_RATE) -> float:
        """The frequency that passes best.

        Args:
            fs: samples a second.

        >>> [round(AUDIO_FILTERS[i].center_hz()) for i in (0, 8, 15)]
        [105, 1503, 16567]
        """
        one = 2 ** (self.b_b + self.b_af)
        cosine = -self.a1 / (one + self.a2)
        return float(np.arccos(np.clip(cosine, -1, 1)) * float(fs) / (2 * np.pi))

    def response(
        self, frequencies_hz: Float[np.ndarray, " frequency"], fs: SupportsFloat = SAMPLE_RATE
    ) -> Complex128[np.ndarray, " frequency"]:
        """Gain and phase, without the rounding; the gain counts the fractional bits of the output.

        Args:
            frequencies_hz: where.
            fs: samples a second.

        >>> float(abs(AUDIO_FILTERS[0].response(np.array([105.27]))[0]).round(1))
        461.5
        """
        z = np.exp(-2j * np.pi * np.asarray(frequencies_hz) / float(fs))
        one = 2.0 ** (self.b_b + self.b_af)
        back = 1 + (self.a1 * z + self.a2 * z**2) / one
        return 2.0 ** (self.b_wf - self.b_b) * z * (1 - z**2) / back

    def with_taps(self, a1: SupportsFloat, a2: SupportsFloat) -> "AudioFilter":
        """The same filter with other feedback, given as real numbers for which `a0` is 1.

        Raises:
            ValueError: when they do not fit.

        >>> AUDIO_FILTERS[4].with_taps(-1.98, 0.983)
        AudioFilter(b_b=6, b_af=8, a1=-32440, a2=16105, n_bits=27, b_wf=8)
        """
        one = 2 ** (self.b_b + self.b_af)
        return replace(self, a1=int(one * float(a1)), a2=int(one * float(a2)))


AUDIO_FILTERS = (
    AudioFilter(8, 6, -32694, 16313, 29),
    AudioFilter(8, 6, -32663, 16284, 28),
    AudioFilter(7, 7, -32617, 16244, 28),
    AudioFilter(7, 7, -32551, 16188, 27),
    AudioFilter(6, 8, -32453, 16110, 27),
    AudioFilter(6, 8, -32305, 16000, 26),
    AudioFilter(5, 9, -32077, 15848, 26),
    AudioFilter(5, 9, -31718, 15638, 25),
    AudioFilter(4, 10, -31139, 15347, 25),
    AudioFilter(4, 10, -30185, 14947, 24),
    AudioFilter(4, 10, -28582, 14402, 24),
    AudioFilter(3, 11, -25862, 13666, 24),
    AudioFilter(3, 11, -21262, 12687, 24),
    AudioFilter(2, 13, -27375, 22803, 24),
    AudioFilter(2, 13, -4180, 19488, 24),
    AudioFilter(1, 14, 25566, 15280, 24),
)
"""The filters of Xylo Audio 3, from 105 Hz to 17 kHz."""


class AudioFilterBank(Stage):
    """Band-pass filters side by side, all on the one input channel.

    Args:
        filters: one or more; by default the 16 of the chip.
        mirror: whether to let the filters settle on the signal reversed in time, as the reference
            simulator does. Each call then starts anew; not for streams.
        arithmetic: `"integer"`, the chip's, or `"float32"`, an approximation that divides where
            the chip shifts bits out, and rounds the output toward zero.

    Raises:
        ValueError: when there is no filter, or no such arithmetic.

    Source: Audio 3 front-end facts, section 5.

    >>> outputs, state, record = AudioFilterBank()(np.array([[8191], [0], [0]]))
    >>> outputs[0, :, 15]
    array([      0, 1048448, -818013])
    """

    def __init__(
        self,
        filters: Sequence[AudioFilter] = AUDIO_FILTERS,
        *,
        mirror: bool = False,
        arithmetic: str = "integer",
    ) -> None:
        if not filters:
            raise ValueError("`AudioFilterBank` needs one filter or more")
        super().__init__((1, len(filters)))
        self.filters = tuple(filters)
        self.mirror = mirror
        self.arithmetic = checked_arithmetic(arithmetic, "AudioFilterBank")

    def responses(
        self, frequencies_hz: Float[np.ndarray, " frequency"], fs: SupportsFloat = SAMPLE_RATE
    ) -> Complex128[np.ndarray, "filter frequency"]:
        """Gain and phase of each filter; see `AudioFilter.response`."""
        return np.stack([one.response(frequencies_hz, fs) for one in self.filters])

    def _rows(self) -> Int[np.ndarray, "6 filter"]:
        rows = [(f.b_b, f.b_wf, f.b_af, f.a1, f.a2, 1 << (f.n_bits - 1)) for f in self.filters]
        return np.ascontiguousarray(np.array(rows, np.int64).T)

    def _fresh(self, batch: int) -> StateArrays:
        shape, numbers = (batch, self._shape[1]), numbers_of(self.arithmetic)
        return {name: np.zeros(shape, numbers) for name in ("w1", "w2", "w3")}

    def _checked(self, data: npt.ArrayLike) -> Samples:
        signal = checked_signal(data, 1, "AudioFilterBank")
        wrong = (signal < LOWEST_SAMPLE) | (signal > HIGHEST_SAMPLE)
        if wrong.any():
            sample, step, _ = (int(i) for i in np.argwhere(wrong)[0])
            raise FrontEndRangeError(
                f"`AudioFilterBank`, channel 0, sample {sample}, step {step}: samples have 14 "
                f"bits, {LOWEST_SAMPLE} to {HIGHEST_SAMPLE}; this is {signal[sample, step, 0]} "
                f"({int(wrong.sum())} such values): scale the signal down"
            )
        return signal

    def _run(self, signal: Samples, state: StateArrays) -> Shaped[np.ndarray, "batch time out"]:
        if self.mirror:
            state |= self._fresh(len(signal))
            self._filtered(np.ascontiguousarray(signal[:, ::-1]), state)
        return self._filtered(signal, state)

    def _filtered(
        self, signal: Samples, state: StateArrays
    ) -> Shaped[np.ndarray, "batch time out"]:
        from . import _kernel, _kernel_float32

        output = np.empty((*signal.shape[:2], self._shape[1]), np.int64)
        module = _kernel if self.arithmetic == "integer" else _kernel_float32
        arrays = (signal, self._rows(), state["w1"], state["w2"], state["w3"], output)
        self._check(over_samples(module.filter_bands, len(signal), output.size, *arrays), signal)
        return output

    def _check(self, bad: int, signal: Samples) -> None:
        """Raise for a place that a kernel reported."""
        if bad < 0:
            return
        place, channel = divmod(bad, self._shape[1])
        sample, step = divmod(place, signal.shape[1])
        raise FrontEndRangeError(
            f"`AudioFilterBank`, filter {channel}, sample {sample}, step {step}: state or output "
            f"needs more than the {self.filters[channel].n_bits} bits of its registers: scale the "
            "signal down, or take a wider band"
        )
