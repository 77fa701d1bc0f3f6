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
