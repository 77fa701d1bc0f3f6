"""The Audio 3 front end in plain Python integers, written from the facts, sharing no code with it."""

from fractions import Fraction


def resampled(samples, input_rate, output_rate):
    """Exact, as fractions."""
    values, k = [], 0
    while (position := k * Fraction(input_rate) / Fraction(output_rate)) < len(samples) - 1:
        n = position.numerator // position.denominator
        a, b = Fraction(samples[n]), Fraction(samples[n + 1])
        values.append(float(a + (b - a) * (position - n)))
        k += 1
    return values


def quantized(values, scale=1.0):
    """Exact: fractions are rounded toward zero; the range is that of 14 bits."""
    return [max(-8192, min(8191, int(Fraction(scale) * Fraction(v) * 8192))) for v in values]


def filtered(samples, coefficients):
    columns = []
    for b_b, b_wf, b_af, a1, a2 in coefficients:
        w = [0, 0, 0]
        for x in samples:
            fed_back = (-a2 * w[-2] - a1 * w[-1]) // 2**b_af
            w.append((x * 2**b_wf + fed_back) // 2**b_b)
        columns.append([w[n + 2] - w[n] for n in range(len(samples))])
    return [list(row) for row in zip(*columns, strict=True)]


def normalized(outputs, rules, joint):
    """`rules`: per channel adaptive, b1, b2, p, eps, fixed."""
    n = len(rules)
    level, rest, events, thresholds = [0] * n, [0] * n, [], []
    for y in outputs:
        low = [level[c] // 2 ** rules[c][3] for c in range(n)]
        level = [level[c] - low[c] + abs(y[c]) for c in range(n)]
        t = [max(low[c], rules[c][4]) * (2 ** rules[c][1] - 2 ** rules[c][2]) for c in range(n)]
        if joint:
            t = [max(t)] * n
        th = [t[c] if rules[c][0] else rules[c][5] for c in range(n)]
        rest = [rest[c] + abs(y[c]) for c in range(n)]
        fired = [int(rest[c] >= th[c]) for c in range(n)]
        rest = [rest[c] - fired[c] * th[c] for c in range(n)]
        events.append(fired)
        thresholds.append(th)
    return events, thresholds


def rastered(events, period):
    windows = [events[i : i + period] for i in range(0, len(events), period)]
    return [[min(sum(column), 15) for column in zip(*w, strict=True)] for w in windows]


def settled(stage, samples):
    """Flip and encode: on the reversed samples first, whose outputs are dropped."""
    return stage(samples[::-1] + samples)[len(samples) :]


def decimated(bits, taps):
    """The full convolution of zeros and ones, of which every 32nd sum is taken."""
    u = [(bit + 1) // 2 for bit in bits]
    padded = u + [0] * 256
    n_rows = -(-len(u) // 32) + 8
    sums = [
        sum(taps[i] * padded[32 * m - i] for i in range(256) if 0 <= 32 * m - i < len(u))
        for m in range(n_rows)
    ]
    return [(2 * total - sum(taps)) // 128 for total in sums]


def modulated(samples, denominator, rate):
    """An integrator chain in floats, in the order of the facts."""
    n = len(denominator)
    g = [-denominator[k] / rate ** (n - 1 - k) for k in range(n)]
    state, q, bits = [0.0] * n, 0.0, []
    for x in samples:
        change = [-g[0] * x + g[0] * q]
        change += [rate * state[k - 1] + g[k] * q for k in range(1, n)]
        state = [s + d / rate for s, d in zip(state, change, strict=True)]
        q = 1.0 if state[-1] > 0 else -1.0
        bits.append(int(q))
    return bits
