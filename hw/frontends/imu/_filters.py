"""Band-pass filters of the IMU front end, and their design from bands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Complex128, Float, Shaped

from .._stage import FrontEndRangeError, Samples, Stage, StateArrays, check_part
from .._threads import over_samples
from ._limits import LIMITS, MAX_FILTERED, MAX_SAMPLE, SAMPLE_RATE

_RANGES = {
    **dict.fromkeys(("b_b", "b_wf", "b_af"), LIMITS.filter_shift_range),
    **dict.fromkeys(("a1", "a2"), LIMITS.coefficient_range),
}


@dataclass(frozen=True)
class BandPassFilter:
    """The integers of one filter.

    `w = ((x << b_wf) + ((-a2 w2 - a1 w1) >> b_af)) >> b_b`, `y = (w - w2) >> b_wf`.

    Attributes:
        b_b: bits by which the input is scaled down, 0 to 15.
        b_wf: fractional bits of the state, 0 to 15.
        b_af: fractional bits of the feedback, 0 to 15.
        a1: feedback of the step before, 17 bits signed.
        a2: feedback of the step before that, 17 bits signed.

    Raises:
        ValueError: when a number does not fit into its register; lists all.

    Source: IMU front-end facts, section 7.

    >>> BandPassFilter.from_band(1, 2)
    BandPassFilter(b_b=6, b_wf=8, b_af=9, a1=-64458, a2=31754)
    """

    b_b: int = 6
    b_wf: int = 8
    b_af: int = 9
    a1: int = -36565
    a2: int = 31754

    def __post_init__(self) -> None:
        wrong = [
            f"`{name}` is {allowed.low} to {allowed.high}, not {getattr(self, name)}"
            for name, allowed in _RANGES.items()
            if getattr(self, name) not in allowed
        ]
        if wrong:
            raise ValueError("no filter of the chip: " + "; ".join(wrong))

    @classmethod
    def from_band(
        cls, low_hz: SupportsFloat, high_hz: SupportsFloat, fs: SupportsFloat = SAMPLE_RATE
    ) -> "BandPassFilter":
        """The filter of a band: a Butterworth band-pass of order 1, in the chip's integers.

        Args:
            low_hz: lower edge, above 0.
            high_hz: upper edge, below `fs / 2`.
            fs: samples a second; the chip's are 200.

        Raises:
            ValueError: when the edges are no band, or the filter does not fit.
        """
        from scipy.signal import butter

        low_hz, high_hz, fs = float(low_hz), float(high_hz), float(fs)
        if not 0 < low_hz < high_hz < fs / 2:
            raise ValueError(
                f"a band lies between 0 and {fs / 2:g} Hz, lower edge first; this is {low_hz:g} "
                f"to {high_hz:g} Hz"
            )
        found: Any = butter(1, [low_hz, high_hz], btype="bandpass", fs=fs)
        b, a = found
        b_b = int(np.log2(1 / abs(b[0])))
        if b_b not in LIMITS.filter_shift_range:
            raise ValueError(f"the band {low_hz:g} to {high_hz:g} Hz is too narrow for the chip")
        a1, a2 = (int(2**15 * value) for value in a[1:])
        return cls(b_b, 8, 15 - b_b, a1, a2)

    def response(
        self, frequencies_hz: npt.ArrayLike, fs: SupportsFloat = SAMPLE_RATE
    ) -> Complex128[np.ndarray, "*shape"]:
        """What the filter makes of a sine: its gain and phase, without the rounding.

        Args:
            frequencies_hz: any shape.
            fs: samples a second.

        >>> gain = abs(BandPassFilter.from_band(1, 2).response([0.01, 1.418, 50]))
        >>> gain.round(3)
        array([0.005, 1.01 , 0.016])
        """
        z = np.exp(-2j * np.pi * np.asarray(frequencies_hz, np.float64) / float(fs))
        feedback = 2.0 ** -(self.b_b + self.b_af) * (self.a1 * z + self.a2 * z**2)
        return np.asarray(2.0**-self.b_b * (1 - z**2) / (1 + feedback))


# Section 7 of the facts; a table, because a design depends on the last bit of the mathematics
# library, and these are the integers of the chip. A test designs them anew.
DEFAULT_FILTERS = 3 * (
    BandPassFilter(6, 8, 9, -64458, 31754),
    BandPassFilter(5, 8, 10, -63288, 30771),
    BandPassFilter(4, 8, 11, -60684, 28888),
    BandPassFilter(3, 8, 12, -54529, 25417),
    BandPassFilter(2, 8, 13, -39246, 19378),
)


class FilterBank(Stage):
    """Band-pass filters; each input channel feeds an equal share of them, in order.

    Args:
        filters: a multiple of `n_channels`; by default 15, of 1-2, 2-4, 4-8, 8-16 and 16-32 Hz
            for each axis.
        n_channels: input channels.
        mirror: whether to let the filters settle on the signal reversed in time, as the reference
            simulator does. Each call then starts anew; not for streams.

    Raises:
        TypeError: when a filter is no `BandPassFilter`; `BandPassFilter.from_band` makes them.
        ValueError: when the filters cannot be shared out equally.

    Source: IMU front-end facts, section 7.

    >>> FilterBank()(np.full((1, 3), 1000))[0][0, 0, :5]
    array([ 15,  31,  62, 125, 250])
    """

    def __init__(
        self,
        filters: Sequence[BandPassFilter] = DEFAULT_FILTERS,
        *,
        n_channels: int = 3,
        mirror: bool = False,
    ) -> None:
        if not filters or len(filters) % n_channels:
            raise ValueError(
                f"`FilterBank`: {len(filters)} filters cannot be shared out to {n_channels} channels"
            )
        for i, band in enumerate(filters):
            check_part(f"filters[{i}]", band, BandPassFilter, "FilterBank")
        super().__init__((n_channels, len(filters)), MAX_SAMPLE)
        self.filters = tuple(filters)
        self.mirror = mirror
        self._rows = np.array([(f.b_b, f.b_wf, f.b_af, f.a1, f.a2) for f in filters], np.int64)

    def responses(
        self, frequencies_hz: Float[np.ndarray, " frequency"], fs: SupportsFloat = SAMPLE_RATE
    ) -> Complex128[np.ndarray, "filter frequency"]:
        """Gain and phase of each filter; see `BandPassFilter.response`."""
        return np.stack([one.response(frequencies_hz, fs) for one in self.filters])

    def _fresh(self, batch: int) -> StateArrays:
        return {name: np.zeros((batch, self._shape[1]), np.int64) for name in ("w1", "w2")}

    def _run(self, signal: Samples, state: StateArrays) -> Shaped[np.ndarray, "batch time out"]:
        if not self.mirror:
            return self._filtered(signal, state)
        state |= self._fresh(len(signal))
        both = np.concatenate([signal[:, ::-1], signal], axis=1)
        return self._filtered(both, state)[:, signal.shape[1] :]

    def _filtered(
        self, signal: Samples, state: StateArrays
    ) -> Shaped[np.ndarray, "batch time out"]:
        from ._kernel import filter_bands

        n_filters = self._shape[1]
        output = np.empty((*signal.shape[:2], n_filters), np.int64)
        arrays = (signal, self._rows, MAX_FILTERED, state["w1"], state["w2"], output)
        bad = over_samples(filter_bands, len(signal), output.size, *arrays)
        if bad >= 0:
            sample, step = divmod(bad // n_filters, signal.shape[1])
            raise FrontEndRangeError(
                f"`FilterBank`, filter {bad % n_filters}, sample {sample}, step {step}: state or "
                "output needs more bits than the chip has (25 and those of `b_wf`; 25): scale "
                "the signal down, or take a wider band"
            )
        return output
