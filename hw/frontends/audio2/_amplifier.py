"""Microphone and low-noise amplifier of Xylo Audio 2."""

from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Shaped

from .._stage import FrontEndRangeError, RealSamples, Stage, StateArrays
from .._threads import over_samples

from .._stage import checked_real_signal  # isort: skip
from ._device import AFEDevice
from ._model import AFEModel
from ._noise import SILENCE, noise_shape, noise_state
from ._random import derived_key, key_number


class Amplifier(Stage):
    """Microphone and low-noise amplifier: gain, distortion, clipping, offsets and noise.

    Both add a third harmonic and clip at half of the supply.

    Args:
        fs: samples a second.
        lna_gain_db: 0, 6 or 12 on the chip; 6 is a factor of 2.
        model: the constants.
        device: the offsets of one chip; by default none.
        noise_key: of the noise; `None` for no noise. Each sample of a batch has noise of its own.
        reference_quirks: as the reference simulator does, add the amplifier's offset a second
            time after clipping, and take any input: beyond 0.59 V the microphone's signal then
            falls again.

    Raises:
        ValueError: when a number is out of range.

    Source: Audio 2 front-end facts, section 2.3.

    >>> Amplifier(110e3, 6)(np.array([[0.1], [0.4]]))[0].round(3)
    array([[[0.204],
            [0.55 ]]])
    """

    def __init__(
        self,
        fs: SupportsFloat,
        lna_gain_db: SupportsFloat = 0.0,
        *,
        model: AFEModel | None = None,
        device: AFEDevice | None = None,
        noise_key: Any = None,
        reference_quirks: bool = False,
    ) -> None:
        super().__init__((1, 1))
        self.model = AFEModel() if model is None else model
        self.device = AFEDevice() if device is None else device
        self.fs, self.lna_gain_db = checked_rate(fs, "Amplifier"), float(lna_gain_db)
        if not -60 <= self.lna_gain_db <= 60:
            raise ValueError(f"`lna_gain_db` of `Amplifier` is -60 to 60, not {lna_gain_db}")
        self.noise_key = None if noise_key is None else key_number(noise_key)
        self.reference_quirks = reference_quirks
        self._noise = SILENCE
        if noise_key is not None:
            floor_hz = self.model.noise_floor_hz
            self._noise = noise_shape(self.model.lna_noise, self.fs, floor_hz)

    def rest_v(self) -> float:
        """The output when there is no signal, without noise."""
        from ._kernel import amplify

        output = np.empty((1, 1))
        parts = (self._constants(), SILENCE, np.empty((1, 0), np.uint64), np.empty((1, 0)))
        amplify(0, 1, np.zeros((1, 1)), parts, output)
        return float(output[0, 0])

    def _checked(self, data: npt.ArrayLike) -> RealSamples:
        signal = checked_real_signal(data, 1, "Amplifier")
        wrong = np.abs(signal) > self.model.clip_v
        if wrong.any() and not self.reference_quirks:
            sample, step, channel = (int(i) for i in np.argwhere(wrong)[0])
            raise FrontEndRangeError(
                f"`Amplifier`, channel {channel}, sample {sample}, step {step}: the magnitude may "
                f"be {self.model.clip_v:g} V, this is {signal[sample, step, channel]:g} V "
                f"({int(wrong.sum())} such values): give volts of a microphone, which are about "
                "0.1 V where it is loud"
            )
        return signal

    def _fresh(self, batch: int) -> StateArrays:
        if self.noise_key is None:
            return {}
        return noise_state(derived_key(self.noise_key, 0), [self._noise], 1, batch)

    def _constants(self) -> tuple[float, ...]:
        m, offset = self.model, self.device.lna_offset_v
        return (
            *(m.mic_distortion, m.mic_corner_v, m.clip_v, 2.0 ** (self.lna_gain_db / 6)),
            *(m.lna_distortion, m.lna_corner_v, self.device.input_offset_v, offset),
            offset if self.reference_quirks else 0.0,
        )

    def _parts(self, batch: int, state: StateArrays) -> tuple[Any, ...]:
        """What the kernels take besides the signal."""
        place = state.get("noise_place", np.empty((batch, 0), np.uint64))
        memory = state.get("noise_memory", np.empty((batch, 0)))
        return self._constants(), self._noise, place, memory

    def _run(
        self, signal: Float[np.ndarray, "batch time 1"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch time 1"]:
        from ._kernel import amplify

        output = np.empty(signal.shape)
        arrays = (signal[:, :, 0], self._parts(len(signal), state), output[:, :, 0])
        over_samples(amplify, len(signal), signal.size, *arrays)
        return output


def checked_rate(fs: SupportsFloat, stage: str) -> float:
    """Samples a second, when there can be so many."""
    if not 0 < float(fs) < np.inf:
        raise ValueError(f"`fs` of `{stage}` is a number of samples a second above 0, not {fs}")
    return float(fs)
