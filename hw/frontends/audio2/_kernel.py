"""The compiled part of the Audio 2 front end; Numba.

Each part has a function for one piece of one sample, and a kernel that takes a range of samples,
so that threads can share a batch. `convert` runs all parts on pieces that fit into the cache. It
calls the same functions in the same order, and gives the same numbers.

Inner loops go over flat arrays by a number of channels that the compiler knows: it then computes
several channels at once, which took a tenth of the time of one channel after the other.
"""

import numpy as np

from .._compile import compiled
from ._kernel_noise import add_noise

_PIECE = 256
_N = 16


@compiled
def _amplify(volts, parts, b, output):
    """Microphone and amplifier, without memory but for the noise; `output` is (time,)."""
    constants, shape, counter, memory = parts
    mic_distortion, mic_corner, clip, gain, lna_distortion, lna_corner, offset_in, offset, again = (
        constants
    )
    for t in range(len(volts)):
        u = volts[t] / mic_corner
        heard = volts[t] + mic_distortion * mic_corner * (3.0 * u - 4.0 * u * u * u)
        heard = min(max(heard, -clip), clip) + offset_in
        v = gain * (heard + offset) / lna_corner
        v = lna_corner * (v - lna_distortion * v * v * v)
        output[t] = min(max(v, -clip), clip) + again
    add_noise(output.reshape(-1, 1), shape, counter[b], memory[b])


@compiled
def _filter(volts, parts, b, output):
    """Band-pass filters, then the high-pass; `output` is (time, channel), not yet rectified."""
    k, high_pass, shapes, states, counter, memory = parts
    z, flat = states[b].reshape(-1), output.reshape(-1)
    for t in range(len(volts)):
        x, row = volts[t], _N * t
        for c in range(_N):
            y = k[c] * x + z[c]
            w = k[5 * _N + c] * y + z[2 * _N + c]
            z0 = k[_N + c] * x - k[3 * _N + c] * y + z[_N + c]
            z1 = k[2 * _N + c] * x - k[4 * _N + c] * y
            z2 = k[6 * _N + c] * y - k[8 * _N + c] * w + z[3 * _N + c]
            z3 = k[7 * _N + c] * y - k[9 * _N + c] * w
            z[c], z[_N + c], z[2 * _N + c], z[3 * _N + c] = z0, z1, z2, z3
            flat[row + c] = w
    add_noise(output, shapes[0], counter[b, :_N], memory[b, :_N])
    b0, b1, a1 = high_pass
    for t in range(len(volts)):
        row = _N * t
        for c in range(_N):
            x = flat[row + c]
            y = b0 * x + z[4 * _N + c]
            z[4 * _N + c] = b1 * x - a1 * y
            flat[row + c] = y
    add_noise(output, shapes[1], counter[b, _N:], memory[b, _N:])


@compiled
def _encode(volts, parts, b, output):
    """Rectifier, integrator and counter; `output` is (time, channel), 0 or 1."""
    constants, counts, charges, counters = parts
    per_volt, leak, supply, threshold = constants
    charge, counted = charges[b], counters[b]
    signal, flat = volts.reshape(-1), output.reshape(-1)
    for t in range(len(volts)):
        row = _N * t
        for c in range(_N):
            level = charge[c]
            level += per_volt * abs(signal[row + c]) - leak * level
            level = min(max(level, 0.0), supply)
            fires = level >= threshold
            charge[c] = 0.0 if fires else level
            full = counted[c] + fires
            passes = full == counts[c]
            counted[c] = 0 if passes else full
            flat[row + c] = passes


@compiled
def _count(events, parts, b, output, row):
    """Sum events over steps of `length / unit` samples; gives the next row of `output`."""
    unit, length, most, phase, sums = parts
    counts, flat, n = sums[b], events.reshape(-1), events.shape[1]
    for t in range(len(events)):
        for c in range(n):
            counts[c] += flat[t * n + c]
        phase[b] += unit
        if phase[b] >= length:
            phase[b] -= length
            for c in range(n):
                output[row, c] = min(counts[c], most)
                counts[c] = 0
            row += 1
    return row


@compiled
def amplify(first, last, signal, parts, output) -> int:
    """Microphone and amplifier; `signal` and `output` are (batch, time)."""
    for b in range(first, last):
        _amplify(signal[b], parts, b, output[b])
    return -1


@compiled
def filter_bands(first, last, signal, parts, output) -> int:
    """Filters of one channel; `signal` is (batch, time)."""
    for b in range(first, last):
        _filter(signal[b], parts, b, output[b])
    return -1


@compiled
def encode(first, last, signal, parts, output) -> int:
    """From voltages to events."""
    for b in range(first, last):
        _encode(signal[b], parts, b, output[b])
    return -1


@compiled
def count(first, last, signal, parts, output) -> int:
    """From events to counts."""
    for b in range(first, last):
        _count(signal[b], parts, b, output[b], 0)
    return -1


@compiled
def convert(first, last, signal, amplifier, filters, encoder, counter, output) -> int:
    """The four kernels above in one, piece by piece; `signal` is (batch, time)."""
    amplified = np.empty(_PIECE, np.float64)
    filtered = np.empty((_PIECE, _N), np.float64)
    events = np.empty((_PIECE, _N), np.uint8)
    for b in range(first, last):
        row = 0
        for begin in range(0, signal.shape[1], _PIECE):
            n = min(_PIECE, signal.shape[1] - begin)
            _amplify(signal[b, begin : begin + n], amplifier, b, amplified[:n])
            _filter(amplified[:n], filters, b, filtered[:n])
            _encode(filtered[:n], encoder, b, events[:n])
            row = _count(events[:n], counter, b, output[b], row)
    return -1


@compiled
def normalize(
    first, last, signal, rules, code, place, average, rest, seen, averages, output
) -> int:
    """Divisive normalization of whole frames; `signal` is (batch, frame, clock, channel)."""
    largest, most, shift, bias, slots, overflow_protect, quirks = rules
    for b in range(first, last):
        for f in range(signal.shape[1]):
            for c in range(signal.shape[3]):
                total = np.int64(0)
                for n in range(signal.shape[2]):
                    total += signal[b, f, n, c]
                total = min(total, largest)
                old = average[b, c]
                if overflow_protect:
                    new = (total >> shift) + old - (old >> shift)
                else:
                    new = (total + (old << shift) - old) >> shift
                average[b, c] = min(max(new, 0), most)
                seen[b, f, c], averages[b, f, c] = total, average[b, c]
                threshold = average[b, c] + bias
                rest[b, c] = _fire(
                    signal[b, f, :, c], total, code, place[b], threshold, slots, quirks,
                    rest[b, c], output[b, f, :, c],
                )  # fmt: skip
            if len(code):
                place[b] = (place[b] + signal.shape[2]) % len(code)
    return -1


@compiled
def _fire(counts, total, code, place, threshold, slots, quirks, rest, output):
    """Integrate and fire in one frame of one channel; gives what is left for the next one."""
    past, summed = rest % threshold, np.int64(0)
    for n in range(len(counts)):
        pulse = np.int64(counts[n])
        if len(code):
            pulse = np.int64(total >= code[(place + n) % len(code)])
        if quirks:
            events = 0
            for slot in range(slots):
                if 2 * slot < slots:
                    summed += pulse
                now = summed % threshold
                events += now < past
                past = now
            output[n] = events
        elif (pulse == 0 or total == 0) and rest < threshold:
            output[n] = 0
        else:
            pulse = pulse if total > 0 else np.int64(0)
            events = 0
            for slot in range(slots):
                if 2 * slot < slots:
                    rest += pulse
                if rest >= threshold:
                    rest -= threshold
                    events += 1
            output[n] = events
    return past if quirks else rest
