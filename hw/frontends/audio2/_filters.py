"""The band-pass filters of Xylo Audio 2, and the coupling to the rectifiers."""

from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Complex128, Float, Shaped

from .._stage import RealSamples, Stage, StateArrays, checked_real_signal
from .._threads import over_samples
from ._amplifier import checked_rate
from ._device import AFEDevice
from ._limits import N_CHANNELS
from ._model import AFEModel
from ._noise import SILENCE, noise_shape, noise_state
from ._random import derived_key, key_number


class AnalogFilterBank(Stage):
    """Band-pass filters of one signal, each followed by a high-pass; what the rectifiers get.

    Butterworth filters of order 2. The noise of the filter comes before the high-pass, that of the
    rectifier after it. The output has both signs.

    Args:
        fs: samples a second.
        model: the constants.
        device: the errors of one chip; by default none.
        rest_v: voltage on which the filters have settled when a signal begins.
        noise_key: of the noise; `None` for no noise. Each sample of a batch has noise of its own.

    Raises:
        ValueError: when a band does not lie between 0 and half of `fs`.

    Source: Audio 2 front-end facts, sections 2.3 and 2.4.

    >>> bank = AnalogFilterBank(110e3)
    >>> abs(bank.responses(np.array([40.0, 400.0]))[0]).round(3)
    array([0.894, 0.001])
    """

    def __init__(
        self,
        fs: SupportsFloat,
        *,
        model: AFEModel | None = None,
        device: AFEDevice | None = None,
        rest_v: SupportsFloat = 0.0,
        noise_key: Any = None,
    ) -> None:
        self.model = AFEModel() if model is None else model
        self.device = AFEDevice() if device is None else device
        super().__init__((1, N_CHANNELS))
        self.fs, self.rest_v = checked_rate(fs, "AnalogFilterBank"), float(rest_v)
        self.noise_key = None if noise_key is None else key_number(noise_key)
        self._shapes = (SILENCE, SILENCE)
        if noise_key is not None:
            noises = (self.model.bpf_noise, self.model.rectifier_noise)
            floor_hz = self.model.noise_floor_hz
            self._shapes = tuple(noise_shape(noise, self.fs, floor_hz) for noise in noises)
        self._sections, self._high_pass = self._designed()

    def _designed(self) -> tuple[Float[np.ndarray, "channel 2 6"], tuple[float, float, float]]:
        from scipy.signal import butter

        centers, qualities = self.device.centers_hz(self.model), self.device.qualities(self.model)
        edges = [
            (hz - hz / q / 2, hz + hz / q / 2) for hz, q in zip(centers, qualities, strict=True)
        ]
        wrong = [i for i, (low, high) in enumerate(edges) if not 0 < low < high < self.fs / 2]
        if wrong or not self.model.coupling_hz < self.fs / 2:
            raise ValueError(
                f"`AnalogFilterBank`: bands and coupling lie between 0 and {self.fs / 2:g} Hz, half "
                f"of `fs`; filters {wrong} or the coupling at {self.model.coupling_hz:g} Hz do not"
            )
        bands = [butter(2, edge, btype="bandpass", fs=self.fs, output="sos") for edge in edges]
        b, a = butter(1, self.model.coupling_hz, btype="highpass", fs=self.fs)  # pyright: ignore
        return np.array(bands), (float(b[0]), float(b[1]), float(a[1]))

    def responses(
        self, frequencies_hz: Float[np.ndarray, " frequency"]
    ) -> Complex128[np.ndarray, "filter frequency"]:
        """Gain and phase of each filter, with the high-pass."""
        back = np.exp(-2j * np.pi * frequencies_hz / self.fs)
        powers = np.stack([np.ones_like(back), back, back**2])
        above, below = self._sections[:, :, :3] @ powers, self._sections[:, :, 3:] @ powers
        b0, b1, a1 = self._high_pass
        return np.prod(above / below, axis=1) * (b0 + b1 * back) / (1 + a1 * back)

    def _checked(self, data: npt.ArrayLike) -> RealSamples:
        return checked_real_signal(data, 1, "AnalogFilterBank")

    def _fresh(self, batch: int) -> StateArrays:
        from scipy.signal import sosfilt_zi

        settled = np.zeros((5, self._shape[1]))
        for row, rows in zip(settled.T, self._sections, strict=True):
            row[:4] = sosfilt_zi(rows).ravel() * self.rest_v
        state: StateArrays = {"filters": np.tile(settled, (batch, 1, 1))}
        if self.noise_key is not None:
            key = derived_key(self.noise_key, 1)
            state |= noise_state(key, list(self._shapes), self._shape[1], batch)
        return state

    def _parts(self, batch: int, state: StateArrays) -> tuple[Any, ...]:
        """What the kernels take besides the signal."""
        coefficients = self._sections[:, :, [0, 1, 2, 4, 5]].reshape(len(self._sections), -1)
        by_kind = np.ascontiguousarray(coefficients.T).ravel()
        place = state.get("noise_place", np.empty((batch, 0), np.uint64))
        memory = state.get("noise_memory", np.empty((batch, 0)))
        return by_kind, self._high_pass, self._shapes, state["filters"], place, memory

    def _run(
        self, signal: Float[np.ndarray, "batch time 1"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch time channel"]:
        from ._kernel import filter_bands

        output = np.empty((*signal.shape[:2], self._shape[1]))
        arrays = (signal[:, :, 0], self._parts(len(signal), state), output)
        over_samples(filter_bands, len(signal), output.size, *arrays)
        return output
