"""The compiled part of the analog microphone: amplifier, converter, gain control.

As in `_kernel.py`, each stage is a step of its own, so that stages alone and the chain in one
piece compute by the same lines, and state is copied before a sample and put back after it. Rows of state are named where they are used.

Numba takes the limits into the code that it keeps on disk, and does not see when they change
elsewhere: change this file, too.
"""

import numpy as np

from .._compile import compiled
from ._limits import HIGHEST_CODE, LOWEST_CODE

_RAIL = 1.1  # The highest voltage.
_CODES_PER_VOLT = -LOWEST_CODE / (_RAIL * (1 + 1e-5))
# Sections of the amplifier, in the reference's units: corners at 50 Hz and 20 kHz.
_R_HIGH = 400.0
_C_HIGH = 1 / (2 * np.pi * _R_HIGH * 50)
_C_LOW = 1 / (2 * np.pi * 20000)


@compiled
def _clip(value, low, high):
    return max(low, min(high, value))


@compiled
def _amplify_step(x, gain, dt, v):
    """One sample through a low-pass and a high-pass; `v` are their two voltages."""
    into_low = (x - v[0]) * dt
    into_high = (v[0] - v[1]) / _R_HIGH * dt
    v[1] += into_high / _C_HIGH
    v[0] = _clip(v[0] + (into_low - into_high) / _C_LOW, -_RAIL, _RAIL)
    return _clip(gain * _clip(v[0] - v[1], -_RAIL, _RAIL), -_RAIL, _RAIL)


@compiled
def _anti_alias_step(code, a, b, shift, surplus, w):
    """One code through the filter; gives the sum before it is scaled, and the output."""
    fed_back = np.int64(0)
    for k in range(4):
        fed_back += (-w[k] * a[k + 1]) >> shift
    for k in range(4, 0, -1):
        w[k] = w[k - 1]
    w[0] = code + fed_back
    total = np.int64(0)
    for k in range(5):
        total += w[k] * b[k]
    return total, _clip((total * surplus) >> shift, LOWEST_CODE, HIGHEST_CODE)


@compiled
def _control_step(code, rules, levels, waits, variations, r):
    """One sample of the controller; gives the envelope, or -1 when it is out of range.

    `rules`: shifts of rise, fall and dead zone, hysteresis, longest wait. `r`: envelope in high
    resolution, its maximum, the reliable maximum, gain index, steps to wait, steps waited.
    """
    zone = rules[2]
    strength = abs(code) << zone
    k = rules[0] if strength >= r[0] else rules[1]
    r[0] += (strength >> k) - (r[0] >> k)
    if r[0] >= -LOWEST_CODE << zone:
        return -1
    envelope = r[0] >> zone
    r[1] = max(r[1], envelope)
    i = 0
    while i < len(levels) and levels[i] < r[1]:
        i += 1
    if i == len(levels) or variations[i] < 0:
        r[3] = _clip(r[3] + variations[i], 0, len(levels) - 1)
        i += variations[i]
        r[0] = (levels[i] - rules[3]) << zone
        r[1], r[2], r[4], r[5] = 0, 0, waits[i], 0
        return envelope
    if r[1] >= r[2] + rules[3]:
        r[2] = r[1]
        r[4] = waits[i]
    else:
        r[4] -= 1
    r[5] += 1
    if r[5] == rules[4] or r[4] == 0:
        r[3] = _clip(r[3] + variations[i], 0, len(levels) - 1)
        r[1], r[2], r[4], r[5] = 0, 0, waits[i], 0
    return envelope


@compiled
def _smooth_step(code, command, numbers, r):
    """One sample, times a gain that returns to one after each change; `r`: gain, index.

    `numbers`: shift of the average, bits of the fraction, ratio of a step up and of one down.
    """
    average, fraction = numbers[0], numbers[1]
    if command > r[1]:
        r[0] = numbers[3] << average
        r[1] = command
    elif command < r[1]:
        r[1] = command
        r[0] = numbers[2] << average
    else:
        r[0] += (1 << fraction) - (r[0] >> average)
    return _clip((code * (r[0] >> average)) >> fraction, LOWEST_CODE, HIGHEST_CODE)


@compiled
def anti_alias(first, last, signal, a, b, shift, surplus, limit, w, output) -> int:
    """The filter alone, an output for each code."""
    for n in range(first, last):
        its_w = w[n].copy()
        for t in range(signal.shape[1]):
            total, out = _anti_alias_step(signal[n, t, 0], a, b, shift, surplus, its_w)
            if not -limit <= total < limit:
                return n * signal.shape[1] + t
            output[n, t, 0] = out
        w[n] = its_w
    return -1


@compiled
def control(first, last, signal, rules, levels, waits, variations, registers, output) -> int:
    """The controller alone; commands and envelopes."""
    for n in range(first, last):
        r = registers[n].copy()
        for t in range(signal.shape[1]):
            output[n, t, 0] = r[3]
            code = signal[n, t, 0]
            output[n, t, 1] = _control_step(code, rules, levels, waits, variations, r)
            if output[n, t, 1] < 0:
                return n * signal.shape[1] + t
        registers[n] = r
    return -1


@compiled
def smooth(first, last, signal, numbers, smoothing, output) -> int:
    """The smoother alone; `signal` is codes and commands."""
    for n in range(first, last):
        r = smoothing[n].copy()
        for t in range(signal.shape[1]):
            code, command = signal[n, t, 0], signal[n, t, 1]
            output[n, t, 0] = _smooth_step(code, command, numbers, r)
        smoothing[n] = r
    return -1


@compiled
def convert(
    first,
    last,
    signal,
    oversampling,
    gains,
    fixed,
    filter_ab,
    filter_numbers,
    rules,
    levels,
    waits,
    variations,
    smoother,
    padding,
    volts,
    pending,
    w,
    tick,
    registers,
    sent,
    smoothing,
    commands,
    output,
) -> int:
    """From volts to codes, all in one piece.

    Gives where the first value is out of range: 2 (sample, step) for the filter, and one more for
    the controller. `fixed` is a gain index, or -1; without smoothing, its numbers are empty.
    """
    dt = 1 / (50000.0 * oversampling)
    shift, surplus, limit = filter_numbers
    for n in range(first, last):
        row = 0
        its_volts, its_w = volts[n].copy(), w[n].copy()
        r, smoothed = registers[n].copy(), smoothing[n].copy()
        waiting, taken, index = pending[n], tick[n], sent[n]
        for t in range(signal.shape[1]):
            gain = gains[index] if fixed < 0 else gains[fixed]
            amplified = _amplify_step(signal[n, t, 0], gain, dt, its_volts)
            total, code = _anti_alias_step(
                waiting, filter_ab[0], filter_ab[1], shift, surplus, its_w
            )
            if not -limit <= total < limit:
                return 2 * (n * signal.shape[1] + t)
            # The converter gives a code one sample late.
            waiting = np.int64(_CODES_PER_VOLT * amplified)
            taken += 1
            if taken == oversampling:
                taken = 0
                command = r[3]
                index = command
                envelope = _control_step(code, rules, levels, waits, variations, r)
                if envelope < 0:
                    return 2 * (n * signal.shape[1] + t) + 1
                if len(smoother) > 0:
                    code = _smooth_step(code, command, smoother, smoothed)
                output[n, row, 0] = code << padding
                commands[n, row, 0], commands[n, row, 1] = command, envelope
                row += 1
        volts[n], w[n], registers[n], smoothing[n] = its_volts, its_w, r, smoothed
        pending[n], tick[n], sent[n] = waiting, taken, index
    return -1
