"""The compiled part of what comes before the filters: resampling and quantization."""

import numpy as np

from .._compile import compiled


@compiled
def resample(first, last, signal, num, den, started, last_sample, phase, output) -> int:
    """Straight lines between samples; an output is at `phase / den` of the way to the next."""
    for b in range(first, last):
        k = 0
        has_started, before, way = started[b], last_sample[b], phase[b]
        for t in range(signal.shape[1]):
            now = signal[b, t, 0]
            if has_started:
                while way < den:
                    output[b, k, 0] = before + (now - before) * (way / den)
                    way += num
                    k += 1
                way -= den
            has_started, before = True, now
        started[b], last_sample[b], phase[b] = has_started, before, way
    return -1


@compiled
def quantize(first, last, signal, scale, lowest, highest, checks, output) -> int:
    """From `lowest`, which -1 becomes, to `highest`, rounded toward zero; with `checks` only full scale itself may saturate."""
    for b in range(first, last):
        for t in range(signal.shape[1]):
            value = scale * signal[b, t, 0]
            if checks and abs(value) > 1:
                return b * signal.shape[1] + t
            output[b, t, 0] = np.int64(min(max(value * -lowest, lowest), highest))
    return -1
