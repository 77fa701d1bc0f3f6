"""The filter behind the converter of Xylo Audio 3, which oversamples."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Int, Shaped

from .._stage import FrontEndRangeError, Samples, Stage, StateArrays, checked_signal
from .._threads import over_samples
from ._limits import HIGHEST_CODE, LOWEST_CODE


def check_codes(signal: Samples, stage: str) -> None:
    """Raise unless the first channel holds codes of 10 bits."""
    codes = signal[..., 0]
    wrong = (codes < LOWEST_CODE) | (codes > HIGHEST_CODE)
    if wrong.any():
        sample, step = (int(i) for i in np.argwhere(wrong)[0])
        raise FrontEndRangeError(
            f"`{stage}`, channel 0, sample {sample}, step {step}: codes have 10 bits, "
            f"{LOWEST_CODE} to {HIGHEST_CODE}; this is {codes[sample, step]} ({int(wrong.sum())} "
            "such values)"
        )


@dataclass(frozen=True)
class _Numbers:
    a: tuple[int, ...]
    b: tuple[int, ...]
    shift: int
    surplus: int
    n_bits: int


_FILTERS = {
    1: _Numbers((65536, 0, 0, 0, 0), (64, 0, 0, 0, 0), 14, 256, 16),
    2: _Numbers((65536, -76101, 93600, -46155, 15598), (45, 63, 96, 63, 45), 16, 163, 22),
    4: _Numbers((32768, -93468, 113014, -65651, 15547), (46, -62, 96, -62, 46), 15, 33, 22),
}


class AntiAliasFilter(Stage):
    """Low-pass filter of the converter; gives a code for each code, none is left out.

    `w[n] = x + sum((-a_k w[n-k]) >> shift)`, each product shifted alone, and
    `y = (sum(b_k w[n-k]) * surplus) >> shift`, k from 0, clipped to 10 bits.

    Args:
        oversampling: 1, which filters nothing, 2 or 4.

    Raises:
        ValueError: when the chip has no such filter.

    Source: Audio 3 front-end facts, section 4.2.

    >>> AntiAliasFilter(2)(np.full((40, 1), 100))[0][0, -3:, 0]
    array([95, 95, 94])
    """

    def __init__(self, oversampling: int = 2) -> None:
        super().__init__((1, 1))
        if oversampling not in _FILTERS:
            raise ValueError(f"`oversampling` of the converter is 1, 2 or 4; not {oversampling!r}")
        self.oversampling = oversampling
        self._numbers = _FILTERS[oversampling]

    def _checked(self, data: npt.ArrayLike) -> Samples:
        signal = checked_signal(data, 1, "AntiAliasFilter")
        check_codes(signal, "AntiAliasFilter")
        return signal

    def _fresh(self, batch: int) -> StateArrays:
        return {"w": np.zeros((batch, 5), np.int64)}

    def _arrays(self) -> tuple[Int[np.ndarray, "2 5"], tuple[int, int, int]]:
        """The coefficients; shift, surplus and the limit of the sum."""
        numbers = self._numbers
        ab = np.array([numbers.a, numbers.b], np.int64)
        return ab, (numbers.shift, numbers.surplus, 1 << (numbers.n_bits - 1))

    def _run(self, signal: Samples, state: StateArrays) -> Shaped[np.ndarray, "batch row out"]:
        from ._kernel_agc import anti_alias

        output = np.empty_like(signal)
        ab, numbers = self._arrays()
        arrays = (signal, ab[0], ab[1], *numbers, state["w"], output)
        self._check(over_samples(anti_alias, len(signal), signal.size, *arrays), signal.shape[1])
        return output

    def _check(self, bad: int, n_steps: int) -> None:
        """Raise for a place that a kernel reported."""
        if bad >= 0:
            sample, step = divmod(bad, n_steps)
            raise FrontEndRangeError(
                f"`AntiAliasFilter`, channel 0, sample {sample}, step {step}: the sum needs more "
                f"than {self._numbers.n_bits} bits: scale the signal down"
            )
