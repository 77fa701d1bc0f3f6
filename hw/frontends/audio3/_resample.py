"""From the rate of a recording to the rate of the chip, by straight lines between samples."""

from fractions import Fraction
from typing import SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped

from .._stage import RealSamples, Stage, StateArrays, checked_real_signal
from .._threads import over_samples

_MAX_TERM = 2**40


def exact_rate(name: str, rate: SupportsFloat) -> Fraction:
    """A rate as the fraction that its decimals say.

    Raises:
        ValueError: when it is not above 0, or has too many decimals.
    """
    if not 0 < float(rate) < np.inf:
        raise ValueError(f"`{name}` is a number of samples a second above 0, not {rate}")
    exact = Fraction(repr(float(rate)))
    if max(exact.numerator, exact.denominator) >= _MAX_TERM:
        raise ValueError(f"`{name}` is {rate} Hz: round it to a thousandth")
    return exact


class LinearResampler(Stage):
    """Resamples one channel, by straight lines, without a filter against aliases.

    The position of each output between two inputs is an exact fraction: long streams do not
    drift. An output appears as soon as the input after it is there.

    Args:
        input_rate: samples a second of the input.
        output_rate: samples a second of the output.

    Raises:
        ValueError: when a rate is no rate.

    Source: Audio 3 front-end facts, section 2.

    >>> LinearResampler(2, 5)(np.array([0.0, 1.0, 0.0]))[0][0, :, 0]
    array([0. , 0.4, 0.8, 0.8, 0.4])
    """

    def __init__(self, input_rate: SupportsFloat, output_rate: SupportsFloat) -> None:
        super().__init__((1, 1))
        self.input_rate, self.output_rate = float(input_rate), float(output_rate)
        ratio = exact_rate("input_rate", input_rate) / exact_rate("output_rate", output_rate)
        self._num, self._den = ratio.numerator, ratio.denominator
        if max(self._num, self._den) >= _MAX_TERM:
            raise ValueError(
                f"`LinearResampler`: {input_rate} to {output_rate} Hz have no short ratio: round "
                "the rates to a thousandth"
            )

    def _fresh(self, batch: int) -> StateArrays:
        # `phase`, in units of 1 / `_den` inputs, is how far the next output is behind `last`.
        return {
            "started": np.zeros(batch, np.bool_),
            "last": np.zeros(batch),
            "phase": np.zeros(batch, np.int64),
        }

    def _checked(self, data: npt.ArrayLike) -> RealSamples:
        return checked_real_signal(data, 1, type(self).__name__)

    def _n_outputs(self, n_inputs: int, state: StateArrays) -> int:
        """How many outputs the inputs give; the same for all samples."""
        for name in ("started", "phase"):
            if len(state[name]) and state[name].min() != state[name].max():
                raise ValueError(
                    f"the state of `{type(self).__name__}`: `{name}` is one value for all samples; "
                    f"it is {state[name].tolist()}"
                )
        if not len(state["phase"]) or not n_inputs:
            return 0
        gaps = n_inputs - 1 + int(state["started"][0])
        return max(0, -((int(state["phase"][0]) - gaps * self._den) // self._num))

    def _run(
        self, signal: Shaped[np.ndarray, "batch time channel"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch row out"]:
        from ._kernel_input import resample

        output = np.empty((len(signal), self._n_outputs(signal.shape[1], state), 1))
        where = (state["started"], state["last"], state["phase"])
        over_samples(
            resample, len(signal), output.size, signal, self._num, self._den, *where, output
        )
        return output
