"""Strength of a signal in frequency bands, as a stream would give it."""

import numpy as np
from jaxtyping import Float, Float64

# Butterworth order of each edge. The accuracy on the smartwatch set is that of order 1 within a
# point; the bands overlap less.
_ORDER = 2


def band_magnitudes(
    signal: Float[np.ndarray, "time axis"],
    bands_hz: tuple[tuple[float, float], ...],
    *,
    rate_hz: float,
) -> Float64[np.ndarray, "time channel"]:
    """Rectified output of causal Butterworth band-pass filters.

    The filters start settled on the first sample, as if it had been there for ever. So a constant
    offset, gravity above all, gives nothing; from rest it would ring for seconds in the low bands.

    Args:
        signal: any unit.
        bands_hz: lower and upper edge of each band [Hz], below half the rate.
        rate_hz: samples per second.

    Returns:
        Magnitudes in the unit of the signal; channels are all bands of the first axis, then all
        of the second, and so on.

    >>> steady = np.full((100, 3), 9.81)
    >>> bool(band_magnitudes(steady, ((1.0, 2.0), (2.0, 4.0)), rate_hz=50.0).max() < 1e-9)
    True
    """
    from scipy.signal import butter, sosfilt, sosfilt_zi

    per_band = []
    for band_hz in bands_hz:
        sections = butter(_ORDER, band_hz, "bandpass", fs=rate_hz, output="sos")
        settled = sosfilt_zi(sections)[:, :, np.newaxis] * signal[0]
        per_band.append(sosfilt(sections, signal, axis=0, zi=settled)[0])
    magnitudes = np.abs(np.stack(per_band, axis=2), dtype=np.float64)
    return magnitudes.reshape(len(signal), -1)
