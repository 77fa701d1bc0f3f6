"""A digital microphone, as a model: real numbers in, bits at the rate of the chip out."""

from typing import SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped

from .._stage import (
    FrontEndRangeError,
    RealSamples,
    StateArrays,
    checked_real_signal,
    raise_where,
)
from .._threads import over_samples
from ._limits import PDM_RATE
from ._resample import LinearResampler

# Order 4, 20 kHz, forward Euler at `PDM_RATE`: the denominator a of an analog Butterworth
# low-pass, B0 = a0 / F^3 and Gk = -ak / F^(3-k). A test designs them anew.
_B0 = 65.37013442564489
_G = (-65.37013442564489, -2123.9773417538736, -34505.663694291434, -328375.08895264997)
# Stable states stay below 0.4.
_UNSTABLE = 16.0


class DeltaSigmaMicrophone(LinearResampler):
    """A delta-sigma modulator of order 4: bits of -1 or 1 whose mean follows the signal.

    It is a model, in float64; the microphone on a board is another. Loud signals make the loop
    unstable, slow ones from an amplitude of about 0.8 on.

    Args:
        input_rate: samples a second of the signal; other rates than that of the bits are
            resampled, see `LinearResampler`.

    Raises:
        ValueError: when the rate is no rate.

    Source: Audio 3 front-end facts, section 3.1.

    >>> bits, state, record = DeltaSigmaMicrophone()(np.full(1000, 0.25))
    >>> bits[0, :8, 0], f"{bits.mean():.2f}"
    (array([-1,  1,  1, -1,  1, -1, -1,  1], dtype=int8), '0.24')
    """

    def __init__(self, input_rate: SupportsFloat = PDM_RATE) -> None:
        super().__init__(input_rate, PDM_RATE)

    def _fresh(self, batch: int) -> StateArrays:
        return super()._fresh(batch) | {"s": np.zeros((batch, 4)), "bit": np.zeros(batch)}

    def _checked(self, data: npt.ArrayLike) -> RealSamples:
        signal = checked_real_signal(data, 1, "DeltaSigmaMicrophone")
        raise_where(np.abs(signal) > 1, signal, 1, "DeltaSigmaMicrophone")
        return signal

    def _n_outputs(self, n_inputs: int, state: StateArrays) -> int:
        # With a sample for each bit none waits for the one after it.
        return n_inputs if self._num == self._den else super()._n_outputs(n_inputs, state)

    def _run(
        self, signal: Shaped[np.ndarray, "batch time channel"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch row out"]:
        from ._kernel_pdm import modulate

        bits = np.empty((len(signal), self._n_outputs(signal.shape[1], state), 1), np.int8)
        where = (state["started"], state["last"], state["phase"], state["s"], state["bit"])
        coefficients = np.array([PDM_RATE, _B0, *_G])
        arrays = (signal, self._num, self._den, coefficients, _UNSTABLE, *where, bits)
        bad = over_samples(modulate, len(signal), bits.size, *arrays)
        if bad >= 0:
            sample, bit = divmod(bad, bits.shape[1])
            raise FrontEndRangeError(
                f"`DeltaSigmaMicrophone`, channel 0, sample {sample}, bit {bit}: the loop has become "
                "unstable: scale the signal down, below 0.8"
            )
        return bits
