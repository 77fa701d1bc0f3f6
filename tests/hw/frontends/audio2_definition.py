"""The Audio 2 front end in plain Python, written from the facts, sharing no code with it."""

import cmath
import math
from fractions import Fraction


def amplified(volts, gain_db, offset_in=0.0, offset=0.0):
    found = []
    for x in volts:
        heard = x + 0.01 * 0.2 * (3 * (x / 0.2) - 4 * (x / 0.2) ** 3)
        heard = sorted([-0.55, heard, 0.55])[1] + offset_in
        z = 2 ** (gain_db / 6) * (heard + offset)
        z = 0.44 * (z / 0.44 - 0.01 * (z / 0.44) ** 3)
        found.append(sorted([-0.55, z, 0.55])[1])
    return found


def butterworth_band(low, high, fs):
    """Numerator and denominator of order 4: the analog prototype of order 2, by the bilinear map."""
    w_low, w_high = (math.tan(math.pi * f / fs) for f in (low, high))
    centre, width = w_low * w_high, w_high - w_low
    poles = []
    for k in (3, 5):
        p = cmath.exp(1j * math.pi * k / 4) * width / 2
        poles += [p + cmath.sqrt(p * p - centre), p - cmath.sqrt(p * p - centre)]
    a = [1 + 0j]
    for p in [(1 + p) / (1 - p) for p in poles]:
        a = [x - p * y for x, y in zip([*a, 0], [0, *a], strict=True)]
    gain = width**2 / math.prod(abs(1 - p) for p in poles)
    return [gain * x for x in (1, 0, -2, 0, 1)], [x.real for x in a]


def difference_equation(b, a, x):
    y = []
    for n in range(len(x)):
        total = sum(b[k] * x[n - k] for k in range(min(n + 1, len(b))))
        y.append(total - sum(a[k] * y[n - k] for k in range(1, min(n + 1, len(a)))))
    return y


def filtered(volts, centre, q, fs):
    """Band-pass, then a high-pass of first order at 20 Hz; from rest."""
    b, a = butterworth_band(centre - centre / q / 2, centre + centre / q / 2, fs)
    w = math.tan(math.pi * 20 / fs)
    high_pass = [1 / (1 + w), -1 / (1 + w)], [1, (w - 1) / (w + 1)]
    return difference_equation(*high_pass, difference_equation(b, a, volts))


def encoded(volts, fs, threshold, count):
    """Exact rationals of the numbers given: no rounding decides about an event."""
    charge, raw, found = Fraction(0), 0, []
    dt, c = 1 / Fraction(fs), Fraction(5e-12)
    for v in volts:
        current = abs(Fraction(v)) * Fraction(0.333e-6) - Fraction(1e-9) * charge
        charge = min(max(charge + current * dt / c, Fraction(0)), Fraction(1.1))
        fires = charge >= Fraction(threshold)
        charge = Fraction(0) if fires else charge
        raw += fires
        found.append(int(fires and raw % count == 0))
    return found


def counted(events, length, most):
    """Whole steps of `length` samples, a fraction."""
    n_rows = len(events) // length
    rows = [0] * n_rows
    for n, number in enumerate(events):
        row = n // length
        if row < n_rows:
            rows[row] += number
    return [min(number, most) for number in rows]


def shift_register():
    state, found = [0] * 10, []
    while True:
        number = sum(bit << i for i, bit in enumerate(state))
        if number in found:
            return found
        found.append(number)
        state = [int(state[9] == state[6]), *state[:9]]


CODE = shift_register()


def normalized(counts, clocks, shift, p_local, bias, overflow_protect, lfsr, quirks=False):
    """One channel; whole frames, the last one filled up with silence where quirks are wanted."""
    if quirks:
        counts = [*counts, *[0] * (-len(counts) % clocks)]
    average, rest, found = 0, 0, []
    for begin in range(0, len(counts) - clocks + 1, clocks):
        frame = counts[begin : begin + clocks]
        total = min(sum(frame), 1024 if quirks else 1023)
        if overflow_protect:
            average = total // 2**shift + average - average // 2**shift
        else:
            average = (total + average * 2**shift - average) // 2**shift
        threshold = average + bias
        pulses = frame
        if lfsr:
            numbers = [CODE[(begin + n) % 1023] for n in range(clocks)]
            silent = total == 0 and not quirks
            pulses = [int(total >= number and not silent) for number in numbers]
        slots = [pulse if slot < p_local // 2 else 0 for pulse in pulses for slot in range(p_local)]
        fire = fired_as_reference if quirks else fired
        events, rest = fire(slots, threshold, rest)
        found += [sum(events[n * p_local : (n + 1) * p_local]) for n in range(clocks)]
    return found


def fired(slots, threshold, rest):
    events = []
    for slot in slots:
        rest += slot
        events.append(int(rest >= threshold))
        rest -= threshold * events[-1]
    return events, rest


def fired_as_reference(slots, threshold, rest):
    sums = [rest]
    for k in range(len(slots)):
        sums.append(slots[k] + (sums[-1] if k else 0))
    left = [value % threshold for value in sums]
    return [int(left[k + 1] < left[k]) for k in range(len(slots))], left[-1]
