"""The compiled part of a digital microphone: its modulator."""

import numpy as np

from .._compile import compiled


@compiled
def modulate(
    first, last, signal, num, den, coefficients, limit, started, last_sample, phase, s, q, bits
) -> int:
    """Straight lines to the rate of the bits, and a modulator of order 4.

    `coefficients` are F, B0, G0 to G3. The sums are in the order of the facts: bits of another
    order differ after some hundreds, as the loop is chaotic.
    """
    f, b0 = coefficients[0], coefficients[1]
    same = num == den
    g0, g1, g2, g3 = coefficients[2], coefficients[3], coefficients[4], coefficients[5]
    for b in range(first, last):
        k = 0
        s0, s1, s2, s3, out = s[b, 0], s[b, 1], s[b, 2], s[b, 3], q[b]
        has_started, before, way = started[b], last_sample[b], phase[b]
        for t in range(signal.shape[1]):
            now = signal[b, t, 0]
            if has_started or same:
                while way < den:
                    x = before + (now - before) * (way / den)
                    if same:
                        x = now
                    d0 = b0 * x + g0 * out
                    d1 = f * s0 + g1 * out
                    d2 = f * s1 + g2 * out
                    d3 = f * s2 + g3 * out
                    s0 += d0 / f
                    s1 += d1 / f
                    s2 += d2 / f
                    s3 += d3 / f
                    if not abs(s3) < limit:
                        return b * bits.shape[1] + k
                    out = 1.0 if s3 > 0 else -1.0
                    bits[b, k, 0] = np.int8(out)
                    way += num
                    k += 1
                way -= den
            has_started, before = True, now
        s[b, 0], s[b, 1], s[b, 2], s[b, 3], q[b] = s0, s1, s2, s3, out
        started[b], last_sample[b], phase[b] = has_started, before, way
    return -1
