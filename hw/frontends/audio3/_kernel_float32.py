"""The approximation of `_kernel.py` in float32: divisions where the chip shifts bits out.

It is what the reference simulator computes when JAX is there (Audio 3 facts, section 0).
"""

import numpy as np

from .._compile import compiled

_TWO = np.float32(2)


@compiled
def filter_bands(first, last, signal, filters, w1, w2, w3, output) -> int:
    """Band-pass filters, whose outputs are rounded toward zero."""
    scales = np.empty((3, filters.shape[1]), np.float32)
    for c in range(filters.shape[1]):
        for row in range(3):
            scales[row, c] = _TWO ** np.float32(filters[row, c])
    for b in range(first, last):
        for t in range(signal.shape[1]):
            x = np.float32(signal[b, t, 0])
            for c in range(output.shape[2]):
                past, before = w1[b, c], w2[b, c]
                a1, a2 = np.float32(filters[3, c]), np.float32(filters[4, c])
                fed_back = (-a2 * before - a1 * past) / scales[2, c]
                y = past - w3[b, c]
                limit = np.float32(filters[5, c])
                if abs(past) >= limit or abs(y) >= limit:
                    return (b * signal.shape[1] + t) * output.shape[2] + c
                output[b, t, c] = np.int64(y)
                w3[b, c], w2[b, c] = before, past
                w1[b, c] = (x * scales[1, c] + fed_back) / scales[0, c]
    return -1


@compiled
def normalize(first, last, signal, rules, joint, level, rest, thresholds, output) -> int:
    """Divisive normalization and events; see `_kernel.normalize`."""
    kept, n = thresholds.size > 0, signal.shape[2]
    scales = np.empty((3, n), np.float32)
    for c in range(n):
        for row in range(3):
            scales[row, c] = _TWO ** np.float32(rules[1 + row, c])
    now = np.empty(n, np.float32)
    for b in range(first, last):
        for t in range(signal.shape[1]):
            largest = np.float32(0)
            for c in range(n):
                low = np.trunc(level[b, c] / scales[2, c])
                level[b, c] += np.float32(abs(signal[b, t, c])) - low
                least = max(low, np.float32(rules[4, c]))
                now[c] = least * scales[0, c] - least * scales[1, c]
                largest = max(largest, now[c])
            for c in range(n):
                threshold = largest if joint else now[c]
                if rules[0, c] == 0:
                    threshold = np.float32(rules[5, c])
                total = rest[b, c] + np.float32(abs(signal[b, t, c]))
                fires = total >= threshold
                output[b, t, c] = fires
                rest[b, c] = total - threshold if fires else total
                if kept:
                    thresholds[b, t, c] = threshold
    return -1
