"""The analog input of Audio 3 in plain Python, written from the facts, sharing no code with it."""

import math


def clipped(value, low, high):
    return min(max(value, low), high)


TABLES = {
    1: ([65536, 0, 0, 0, 0], [64, 0, 0, 0, 0], 14, 256),
    2: ([65536, -76101, 93600, -46155, 15598], [45, 63, 96, 63, 45], 16, 163),
    4: ([32768, -93468, 113014, -65651, 15547], [46, -62, 96, -62, 46], 15, 33),
}
LEVELS = [int(358 / 32 ** ((15 - i) / 15)) for i in range(16)]
VARIATIONS = [1] * 14 + [0, 0, -1]


class AntiAlias:
    def __init__(self, oversampling):
        self.a, self.b, self.shift, self.surplus = TABLES[oversampling]
        self.w = [0] * 5

    def __call__(self, code):
        fed_back = sum((-self.w[k] * self.a[k + 1]) // 2**self.shift for k in range(4))
        self.w = [code + fed_back, *self.w[:4]]
        total = sum(w * b for w, b in zip(self.w, self.b, strict=True))
        return clipped(total * self.surplus // 2**self.shift, -512, 511)


class Controller:
    def __init__(self, waits, rise, fall, hysteresis=5):
        self.waits, self.rise, self.fall, self.hysteresis = waits, rise, fall, hysteresis
        self.zone = max(rise, fall)
        self.envelope = self.maximum = self.reliable = self.gain = self.waited = 0
        self.wait = waits[0]

    def restart(self, i):
        self.maximum = self.reliable = self.waited = 0
        self.wait = self.waits[i]

    def __call__(self, v):
        sent = self.gain
        s = abs(v) * 2**self.zone
        k = self.rise if s >= self.envelope else self.fall
        self.envelope = self.envelope - self.envelope // 2**k + s // 2**k
        e = self.envelope // 2**self.zone
        self.maximum = max(self.maximum, e)
        i = sum(level < self.maximum for level in LEVELS)
        step = VARIATIONS[i]
        if i == 16 or step < 0:
            self.gain = clipped(self.gain + step, 0, 15)
            self.envelope = (LEVELS[i + step] - self.hysteresis) * 2**self.zone
            self.restart(i + step)
            return sent, e
        if self.maximum >= self.reliable + self.hysteresis:
            self.reliable, self.wait = self.maximum, self.waits[i]
        else:
            self.wait -= 1
        self.waited += 1
        if self.waited == self.waits[-1] or self.wait == 0:
            self.gain = clipped(self.gain + step, 0, 15)
            self.restart(i)
        return sent, e


class Smoother:
    def __init__(self, average, fraction=9):
        self.average, self.fraction = average, fraction
        self.up, self.down = int(2 ** (1 / 3) * 2**fraction), int(2 ** (-1 / 3) * 2**fraction)
        self.gain, self.index = 2 ** (average + fraction), 0

    def __call__(self, v, index):
        if index > self.index:
            self.gain = self.down * 2**self.average
        elif index < self.index:
            self.gain = self.up * 2**self.average
        else:
            self.gain += 2**self.fraction - self.gain // 2**self.average
        self.index = index
        return clipped(v * (self.gain // 2**self.average) // 2**self.fraction, -512, 511)


def converted(samples, oversampling, controller, smoother, fixed=None):
    """Codes, commands and envelopes."""
    dt = 1 / (50000 * oversampling)
    c_high, c_low = 1 / (2 * math.pi * 400 * 50), 1 / (2 * math.pi * 20000)
    low = high = 0.0
    pending, command, found = 0, 0, []
    filtered = AntiAlias(oversampling)
    for n, x in enumerate(samples, start=1):
        q_low, q_high = (x - low) * dt, (low - high) / 400 * dt
        high += q_high / c_high
        low = clipped(low + (q_low - q_high) / c_low, -1.1, 1.1)
        gain = 32 ** ((command if fixed is None else fixed) / 15)
        volts = clipped(gain * clipped(low - high, -1.1, 1.1), -1.1, 1.1)
        code = filtered(pending)
        pending = int(512 * volts / (1.1 * (1 + 1e-5)))
        if n % oversampling == 0:
            command, envelope = controller(code)
            found.append((smoother(code, command) if smoother else code, command, envelope))
    return found
