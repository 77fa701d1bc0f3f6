"""The IMU front end in plain Python integers, written from the facts, sharing no code with it."""

import math

ANGLES = [math.radians(45 / 63 * i) for i in range(64)]
SIN = [int(65535 * math.sin(angle)) for angle in ANGLES]
COS = [int(65535 * math.cos(angle)) for angle in ANGLES]
TAN2 = [int(65536 * math.tan(2 * angle)) for angle in ANGLES[:32]]
COT2 = [int(65536 / math.tan(2 * angle)) for angle in ANGLES[32:]]
INV_2COS2 = [int(65536 / (2 * math.cos(2 * angle))) for angle in ANGLES[:32]]
INV_2SIN2 = [int(65536 / (2 * math.sin(2 * angle))) for angle in ANGLES[32:]]


def covariances(samples, k):
    h = [[0] * 3 for _ in range(3)]
    found = []
    for x in samples:
        h = [[h[i][j] - h[i][j] // 2**k + x[i] * x[j] for j in range(3)] for i in range(3)]
        found.append([[value // 2**k for value in row] for row in h])
    return found


def lookup(a, b, c):
    if b == 0:
        return 0
    if a == c:
        return 63
    if 2 * b <= abs(a - c):
        return min(31, sum(tan * abs(a - c) <= 2 * b * 65536 for tan in TAN2))
    return min(63, 32 + sum(cot * 2 * b >= abs(a - c) * 65536 for cot in COT2))


def svd(c):
    d = [list(row) for row in c]
    r = [[(2**31 - 1) * (i == j) for j in range(3)] for i in range(3)]
    for _ in range(4):
        if d[0][1] == d[0][2] == d[1][2] == 0:
            break
        for k, p, q in ((2, 0, 1), (1, 0, 2), (0, 1, 2)):
            a, b, e = d[p][p], d[p][q], d[q][q]
            if b == 0:
                continue
            product = b * (a - e) or b
            s = 1 if product > 0 else -1
            row = lookup(abs(a), abs(b), abs(e))
            mid = ((a + e) * 65536) // 2
            if abs(2 * b) > abs(a - e):
                corr = 2 * b * INV_2SIN2[row - 32] * s
            else:
                corr = (a - e) * INV_2COS2[row]
            d[p][p], d[q][q] = max((mid + corr) // 65536, 0), max((mid - corr) // 65536, 0)
            d[p][q] = d[q][p] = 0
            u, v = d[p][k], d[q][k]
            d[p][k] = d[k][p] = (COS[row] * u + s * SIN[row] * v) // 65536
            d[q][k] = d[k][q] = (-s * SIN[row] * u + COS[row] * v) // 65536
            g = [[65536 * (i == j) for j in range(3)] for i in range(3)]
            g[p][p] = g[q][q] = COS[row]
            g[p][q], g[q][p] = -s * SIN[row], s * SIN[row]
            r = [
                [sum(r[i][m] * g[m][j] for m in range(3)) // 65536 for j in range(3)]
                for i in range(3)
            ]
    order = sorted(range(3), key=lambda i: d[i][i])[::-1]
    return [[r[i][j] for j in order] for i in range(3)], [d[j][j] for j in order]


def rotated(samples, k, period, sticky=False):
    c_held, turn, output = None, [[int(i == j) for j in range(3)] for i in range(3)], []
    for t, (x, c) in enumerate(zip(samples, covariances(samples, k), strict=True)):
        if t % period == 0 and c != c_held:
            c_held = c
            new, _ = svd(c)
            for j in range(3):
                alike = sum(new[i][j] * turn[i][j] for i in range(3))
                sign = (alike > 0) - (alike < 0)
                sign = sign if sticky else sign or 1
                for i in range(3):
                    new[i][j] *= sign
            turn = new
        output.append([sum(turn[i][j] * x[i] // 2**32 for i in range(3)) for j in range(3)])
    return output


def filtered(samples, coefficients):
    columns = []
    for f, (b_b, b_wf, b_af, a1, a2) in enumerate(coefficients):
        w = [0, 0]
        for x in samples:
            fed_back = (-a2 * w[-2] - a1 * w[-1]) // 2**b_af
            w.append((x[f * len(x) // len(coefficients)] * 2**b_wf + fed_back) // 2**b_b)
        columns.append([(w[n] - w[n - 2]) // 2**b_wf for n in range(2, len(w))])
    return [list(row) for row in zip(*columns, strict=True)]


def fired(samples, thresholds):
    rest, output = [0] * len(thresholds), []
    for y in samples:
        rest = [old + abs(value) for old, value in zip(rest, y, strict=True)]
        events = [int(r >= th) for r, th in zip(rest, thresholds, strict=True)]
        rest = [r - e * th for r, e, th in zip(rest, events, thresholds, strict=True)]
        output.append(events)
    return output
