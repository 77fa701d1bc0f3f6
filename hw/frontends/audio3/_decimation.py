"""The filter of Xylo Audio 3 that makes 14-bit samples of the bits of a digital microphone."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int, Shaped

from .._stage import Samples, Stage, StateArrays, checked_signal
from .._threads import over_samples

PDM_DECIMATION = 32
_SHIFT = 7


def _taps() -> Float[np.ndarray, "256"]:
    table = json.loads((Path(__file__).parent / "pdm_taps.json").read_text())
    half = table["first_half"]
    # No sum of any of them reaches 2^24: float32 adds them exactly, and fast.
    return np.array(half + half[::-1], np.float32)


class PDMDecimator(Stage):
    """Low-pass filter of 256 taps, and one sample of 14 bits for each 32 bits.

    `y[m] = sum(h[i] bit[32 m - i]) >> 7`, bits being -1 or 1.

    Args:
        reference_quirks: as the reference simulator does, take bits before and after the signal
            for -1, full scale, instead of a silent microphone; give the 8 samples in which the
            filter runs out; and start anew in each call.

    Source: Audio 3 front-end facts, section 3.2.

    >>> samples, state, record = PDMDecimator()(np.full((640, 1), 1))
    >>> samples[0, -3:, 0], samples.shape
    (array([6109, 6109, 6109]), (1, 20, 1))
    """

    def __init__(self, *, reference_quirks: bool = False) -> None:
        super().__init__((1, 1))
        self.reference_quirks = reference_quirks
        self._taps = _taps()

    def _checked(self, data: npt.ArrayLike) -> Samples:
        signal = checked_signal(data, 1, "PDMDecimator")
        wrong = np.abs(signal) != 1
        if wrong.any():
            sample, step, _ = (int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(
                f"`PDMDecimator`, channel 0, sample {sample}, step {step}: bits are -1 or 1, this "
                f"is {signal[sample, step, 0]} ({int(wrong.sum())} such values): take "
                "`2 * bits - 1` of zeros and ones"
            )
        return signal

    def _fresh(self, batch: int) -> StateArrays:
        n = len(self._taps) - 1
        # A silent microphone gives both bits in turn, and the taps make exactly 0 of them.
        before = np.full(n, -1) if self.reference_quirks else 1 - 2 * (np.arange(n) % 2)
        return {
            "bits": np.tile(before.astype(np.int8), (batch, 1)),
            "step": np.zeros(batch, np.int64),
        }

    def _run(
        self, signal: Shaped[np.ndarray, "batch time channel"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch row out"]:
        if self.reference_quirks:
            state |= self._fresh(len(signal))
            n_rows = -(-signal.shape[1] // PDM_DECIMATION) + len(self._taps) // PDM_DECIMATION
            n_more = (n_rows - 1) * PDM_DECIMATION + 1 - signal.shape[1]
            silence = np.full((len(signal), n_more, 1), -1, signal.dtype)
            signal = np.concatenate([signal, silence], axis=1)
        steps = state["step"]
        if len(steps) and steps.min() != steps.max():
            raise ValueError(
                "the state of `PDMDecimator`: `step` is one number for all samples; it is "
                f"{steps.tolist()}"
            )
        offset = int(-steps[0]) % PDM_DECIMATION if len(steps) else 0
        n_rows = max(0, -(-(signal.shape[1] - offset) // PDM_DECIMATION))
        output = np.empty((len(signal), n_rows, 1), np.int64)
        arrays = (signal, offset, state["bits"], output)
        over_samples(self._decimate, len(signal), output.size * len(self._taps), *arrays)
        state["step"][:] = (steps + signal.shape[1]) % PDM_DECIMATION
        return output

    def _decimate(
        self,
        first: int,
        last: int,
        signal: Shaped[np.ndarray, "batch time channel"],
        offset: int,
        before: Shaped[np.ndarray, "batch tap"],
        output: Int[np.ndarray, "batch row channel"],
    ) -> int:
        """One range of samples; blocks of bits times blocks of taps, added up along diagonals."""
        n_rows, n_blocks = output.shape[1], len(self._taps) // PDM_DECIMATION
        # The taps are symmetric: no need to turn them round.
        taps = self._taps.reshape(n_blocks, PDM_DECIMATION).T
        for b in range(first, last):
            bits = np.concatenate([before[b], signal[b, :, 0]])
            used = bits[offset : offset + (n_rows + n_blocks - 1) * PDM_DECIMATION]
            if n_rows:
                parts = used.astype(np.float32).reshape(-1, PDM_DECIMATION) @ taps
                total = sum(parts[j : j + n_rows, j] for j in range(n_blocks))
                output[b, :, 0] = np.asarray(total).astype(np.int64) >> _SHIFT
            before[b] = bits[len(bits) - len(before[b]) :]
        return -1
