"""What the reference simulator does and no chip can: the past from the future, old random numbers.

All of it is for comparison only; `AFESim(..., reference_quirks=True)` asks for it.
"""

from typing import Any

import numpy as np
from jaxtyping import Float64

from ._amplifier import Amplifier
from ._filters import AnalogFilterBank
from ._model import AFEModel, NoiseDensity

Volts = Float64[np.ndarray, "..."]


def reference_noise(
    noise: NoiseDensity, n_samples: int, fs: float, generator: np.random.RandomState
) -> Float64[np.ndarray, " time"]:
    """Noise shaped as a whole, whose lowest frequency follows from its length.

    Source: Audio 2 front-end facts, section 2.4.

    >>> reference_noise(NoiseDensity(1e-9), 2, 2e18, np.random.RandomState(0)).round(3)
    array([1.764, 0.4  ])
    """
    white = noise.density * np.sqrt(fs / 2) * generator.standard_normal(n_samples)
    frequencies = np.fft.rfftfreq(n_samples, 1 / fs)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.maximum(noise.knee_hz / frequencies, 1.0)
    gain[0] = 1.0
    return np.fft.irfft(np.fft.rfft(white) * gain, n_samples)


def reference_rectified(
    volts: Float64[np.ndarray, " time"],
    amplifier: Amplifier,
    bank: AnalogFilterBank,
    generator: np.random.RandomState | None,
    *,
    mirror: bool,
) -> dict[str, Float64[np.ndarray, "time _"]]:
    """What the amplifier and the rectifiers give for one recording, in the reference's order.

    All filters get the offset of the first one. The coupling runs forward and backward. Without a
    generator there is no noise.

    Source: Audio 2 front-end facts, section 2.3.
    """
    from scipy.signal import butter, filtfilt, sosfilt

    model, fs = bank.model, bank.fs
    both = np.concatenate([volts[::-1], volts]) if mirror else volts
    amplified = amplifier.reset_state()(both[:, np.newaxis])[0][0]
    amplified += _noise([model.lna_noise], amplified.shape, fs, generator)
    offset = bank.device.bpf_offsets_v[0]
    n = bank.shape[1]
    filtered = np.empty((len(both), n))
    for column, rows in zip(filtered.T, bank._sections, strict=True):
        column[:] = sosfilt(rows, amplified[:, 0] + offset)
    filtered += _noise([model.bpf_noise] * n, filtered.shape, fs, generator)
    coupling: Any = butter(1, model.coupling_hz, btype="highpass", fs=fs)
    b, a = coupling
    filtered = filtfilt(b, a, filtered, axis=0)
    filtered += _noise([model.rectifier_noise] * n, filtered.shape, fs, generator)
    kept = slice(len(both) - len(volts), None)
    return {"amplified": amplified[kept], "filtered": filtered[kept]}


def _noise(
    noises: list[NoiseDensity],
    shape: tuple[int, ...],
    fs: float,
    generator: np.random.RandomState | None,
) -> Float64[np.ndarray, "time channel"]:
    if generator is None:
        return np.zeros(shape)
    columns = [reference_noise(noise, shape[0], fs, generator) for noise in noises]
    return np.stack(columns, axis=1)


def is_silent(model: AFEModel) -> bool:
    """Whether the rectifiers, whose noise the reference never leaves out, have none."""
    return model.rectifier_noise.density == 0
