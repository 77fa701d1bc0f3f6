"""The compiled part of the Audio 2 front end; Numba.

Each part has a function for one piece of one sample, and a kernel that takes a range of samples,
so that threads can share a batch. `convert` runs all parts on pieces that fit into the cache. It
calls the same functions in the same order, and gives the same numbers.
"""

import numpy as np

from .._compile import compiled
from ._kernel_noise import add_noise

_PIECE = 256


@compiled
def _amplify(volts, parts, b, output):
    """Microphone and amplifier, without memory but for the noise; `output` is (time, 1)."""
    constants, shape, counter, memory = parts
    mic_distortion, mic_corner, clip, gain, lna_distortion, lna_corner, offset_in, offset, again = (
        constants
    )
    for t in range(len(volts)):
        u = volts[t] / mic_corner
        heard = volts[t] + mic_distortion * mic_corner * (3.0 * u - 4.0 * u**3)
        heard = min(max(heard, -clip), clip) + offset_in
        v = gain * (heard + offset) / lna_corner
        v = lna_corner * (v - lna_distortion * v**3)
        output[t, 0] = min(max(v, -clip), clip) + again
    add_noise(output, shape, counter[b], memory[b])


@compiled
def _filter(volts, parts, b, output):
    """Band-pass filters, then the high-pass; `output` is (time, channel), not yet rectified."""
    sections, high_pass, shapes, z, counter, memory = parts
    n_channels = output.shape[1]
    for c in range(n_channels):
        b00, b01, b02, a01, a02 = sections[c, 0]
        b10, b11, b12, a11, a12 = sections[c, 1]
        z0, z1, z2, z3 = z[b, c, 0], z[b, c, 1], z[b, c, 2], z[b, c, 3]
        for t in range(len(volts)):
            x = volts[t]
            y = b00 * x + z0
            z0 = b01 * x - a01 * y + z1
            z1 = b02 * x - a02 * y
            w = b10 * y + z2
            z2 = b11 * y - a11 * w + z3
            z3 = b12 * y - a12 * w
            output[t, c] = w
        z[b, c, 0], z[b, c, 1], z[b, c, 2], z[b, c, 3] = z0, z1, z2, z3
    add_noise(output, shapes[0], counter[b, :n_channels], memory[b, :n_channels])
    b0, b1, a1 = high_pass
    for t in range(len(volts)):
        for c in range(n_channels):
            x = output[t, c]
            y = b0 * x + z[b, c, 4]
            z[b, c, 4] = b1 * x - a1 * y
            output[t, c] = y
    add_noise(output, shapes[1], counter[b, n_channels:], memory[b, n_channels:])


@compiled
def _encode(volts, parts, b, output):
    """Rectifier, integrator and counter; `output` is (time, channel), 0 or 1."""
    constants, counts, charge, counted = parts
    per_volt, leak, supply, threshold = constants
    for t in range(len(volts)):
        for c in range(volts.shape[1]):
            level = charge[b, c]
            level += per_volt * abs(volts[t, c]) - leak * level
            level = min(max(level, 0.0), supply)
            fires = level >= threshold
            charge[b, c] = 0.0 if fires else level
            passed = fires and counted[b, c] + 1 == counts[c]
            counted[b, c] = 0 if passed else counted[b, c] + fires
            output[t, c] = passed


@compiled
def _count(events, parts, b, output, row):
    """Sum events over steps of `length / unit` samples; gives the next row of `output`."""
    unit, length, most, phase, counts = parts
    for t in range(len(events)):
        for c in range(events.shape[1]):
            counts[b, c] += events[t, c]
        phase[b] += unit
        if phase[b] >= length:
            phase[b] -= length
            for c in range(events.shape[1]):
                output[row, c] = min(counts[b, c], most)
                counts[b, c] = 0
            row += 1
    return row


@compiled
def amplify(first, last, signal, parts, output) -> int:
    """Microphone and amplifier."""
    for b in range(first, last):
        _amplify(signal[b, :, 0], parts, b, output[b])
    return -1


@compiled
def filter_bands(first, last, signal, parts, output) -> int:
    """Filters of one channel."""
    for b in range(first, last):
        _filter(signal[b, :, 0], parts, b, output[b])
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
    """The four kernels above in one, piece by piece."""
    n_channels = output.shape[2]
    amplified = np.empty((_PIECE, 1), np.float64)
    filtered = np.empty((_PIECE, n_channels), np.float64)
    events = np.empty((_PIECE, n_channels), np.uint8)
    for b in range(first, last):
        row = 0
        for begin in range(0, signal.shape[1], _PIECE):
            n = min(_PIECE, signal.shape[1] - begin)
            _amplify(signal[b, begin : begin + n, 0], amplifier, b, amplified[:n])
            _filter(amplified[:n, 0], filters, b, filtered[:n])
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
