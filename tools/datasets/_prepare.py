"""Recordings at the rate and in the numbers of a sensor."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import SupportsFloat

import numpy as np
from jaxtyping import Float64, Shaped

from ...hw import FrontEndRangeError
from ...hw.frontends import quantize_samples
from ._recordings import Recordings

# Rates are told apart to a thousandth of a hertz; a ratio of larger numbers would need filters
# longer than any recording.
_MAX_RATIO = 100_000


def prepare_recordings(
    dataset: Recordings,
    *,
    channels: Sequence[str] | None = None,
    rate_hz: SupportsFloat | None = None,
    full_scale: SupportsFloat | None = None,
) -> Recordings:
    """Recordings as the sensor of a chip would give them.

    Args:
        dataset: signals as recorded.
        channels: names of the channels to keep, in this order; all when not given.
        rate_hz: samples a second to resample to, by a polyphase filter; beyond its ends a
            recording goes on with its first and last value. As recorded when not given.
        full_scale: the magnitude, in the unit of the signals, that is the sensor's largest; the
            signals become integers of 16 bits. Real numbers when not given.

    Raises:
        ValueError: when there is no such channel, a recording is empty or not finite, or the rate
            or the full scale is none.
        FrontEndRangeError: when a value is above the full scale; the note names the recording.

    >>> from xylograph.tools.datasets import load_watch_recordings
    >>> watch = load_watch_recordings()
    >>> prepared = prepare_recordings(watch, channels=("ax", "az"), rate_hz=200, full_scale=8.0)
    >>> prepared, prepared.signals[0].dtype
    (Recordings(140 signals, 2 channels, dt=0.005 s), dtype('int64'))
    """
    names = dataset.channel_names if channels is None else tuple(channels)
    missing = [name for name in names if name not in dataset.channel_names]
    if missing:
        raise ValueError(
            f"the recordings have no channel {', '.join(map(repr, missing))}: there are "
            f"{', '.join(dataset.channel_names)}"
        )
    if full_scale is not None and not 0 < float(full_scale) < np.inf:
        raise ValueError(
            f"`full_scale` is the largest magnitude of the sensor, above 0; not {float(full_scale):g}"
        )
    columns = [dataset.channel_names.index(name) for name in names]
    signals = []
    for number, signal in enumerate(dataset.signals):
        taken = signal[:, columns]
        try:
            if rate_hz is not None:
                taken = resample(taken, 1 / dataset.dt, rate_hz)
            if full_scale is not None:
                taken = quantize_samples(taken, scale=1 / float(full_scale))
        except ValueError as error:
            error.add_note(f"in recording {number}, of the shape {signal.shape}")
            if isinstance(error, FrontEndRangeError):
                error.add_note(
                    f"`full_scale` is {float(full_scale or 0):g}: give at least the largest magnitude, "
                    f"{np.abs(taken).max():g}, in the unit of the signals"
                )
            raise
        signals.append(taken)
    dt = dataset.dt if rate_hz is None else 1 / float(rate_hz)
    return replace(dataset, signals=tuple(signals), channel_names=names, dt=dt)


def resample(
    signal: Shaped[np.ndarray, "time channel"], from_hz: SupportsFloat, to_hz: SupportsFloat
) -> Float64[np.ndarray, "step channel"]:
    """The signal at another rate, by a polyphase filter.

    Beyond its ends the signal goes on with its first and last value, so that gravity, say, does
    not begin with a jump.

    Args:
        signal: real numbers.
        from_hz: its samples a second.
        to_hz: those of the result.

    Raises:
        ValueError: when a rate is not positive, the rates have no ratio of numbers below 100 000,
            or the signal is empty or not finite.

    >>> resample(np.ones((2, 1)), 50, 200).shape
    (8, 1)
    """
    from scipy.signal import resample_poly

    rates = float(from_hz), float(to_hz)
    if not all(np.isfinite(rates)) or min(rates) <= 0:
        raise ValueError(f"rates are positive, not {rates[0]:g} and {rates[1]:g} Hz")
    if not signal.size or not np.isfinite(signal).all():
        wrong = "is empty" if not signal.size else "holds values that are not finite"
        raise ValueError(f"a signal that {wrong} cannot be resampled: leave it out")
    # To a thousandth of a hertz: 1 / dt of a rate is not exactly the rate.
    ratio = Fraction(round(rates[1] * 1000), round(rates[0] * 1000) or 1)
    up, down = ratio.numerator, ratio.denominator
    if max(up, down) > _MAX_RATIO or up == 0:
        raise ValueError(
            f"{rates[0]:g} and {rates[1]:g} Hz are as {up} to {down}: round one of them, so that "
            f"both numbers are below {_MAX_RATIO}"
        )
    values = np.asarray(signal, np.float64)
    if up == down:
        return values
    return np.asarray(resample_poly(values, up, down, axis=0, padtype="edge"))
