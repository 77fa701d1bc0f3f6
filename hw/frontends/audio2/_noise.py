"""How noise of a density and a knee is made: of normal numbers, with one pole and one zero."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from .._stage import StateArrays
from ._model import NoiseDensity
from ._random import counters


class NoiseShape(NamedTuple):
    """`y = gain w + m`, then `m <- pole y - gain zero w`, of white noise w of deviation sigma."""

    sigma: float
    gain: float
    zero: float
    pole: float

    @property
    def spread(self) -> float:
        """The deviation of what the noise remembers, when it has been on for long."""
        moved = self.gain * abs(self.pole - self.zero)
        return self.sigma * moved / np.sqrt(1 - self.pole**2)


SILENCE = NoiseShape(0.0, 1.0, 0.0, 0.0)


def noise_shape(noise: NoiseDensity, fs: float, floor_hz: float) -> NoiseShape:
    """The shape whose amplitude goes with knee/f from `floor_hz` up, and is the density above.

    Straight lines: the gain is that of a line well below the knee, and at half of `fs`. In between
    it is off by up to 3 dB, at the knee.

    >>> noise_shape(NoiseDensity(1e-9), 2e18, 1.0).sigma
    1.0
    """
    sigma = noise.density * float(np.sqrt(fs / 2))
    if noise.knee_hz <= floor_hz:
        return NoiseShape(sigma, 1.0, 0.0, 0.0)
    pole = float(np.exp(-2 * np.pi * floor_hz / fs))
    low = 2 * np.pi * noise.knee_hz / fs
    high = max(1.0, 2 * noise.knee_hz / fs) * (1 + pole)
    return NoiseShape(sigma, (high + low) / 2, (high - low) / (high + low), pole)


def noise_state(key: int, shapes: list[NoiseShape], n_each: int, batch: int) -> StateArrays:
    """The state in which the noise of the first sample and those after it begins."""
    from ._kernel_noise import settle_noise

    place = counters(key, batch, len(shapes) * n_each)
    memory: Float64[np.ndarray, "batch source"] = np.zeros(place.shape)
    for i, shape in enumerate(shapes):
        part = slice(i * n_each, (i + 1) * n_each)
        settle_noise(place[:, part], memory[:, part], shape.spread)
    return {"noise_place": place, "noise_memory": memory}
