"""The compiled part of the IMU front end; Numba.

All values are int64, which holds every product of the chip (front-end facts, section 10). Each
kernel takes a range of samples, so that threads can share a batch, and returns the flat index of
the first value that is out of range, or -1. Limits are arguments (`highest`): what Numba keeps on
disk would not notice that they changed in another file. State is copied before a sample and put
back after it: see the kernel of Audio 3.
"""

import json
from pathlib import Path

import numpy as np

from .._compile import compiled

_TABLE = json.loads((Path(__file__).parent / "jsvd_table.json").read_text())


def _column(name: str) -> np.ndarray:
    return np.array([0 if value is None else value for value in _TABLE[name]], np.int64)


_TAN2, _COT2, _SIN, _COS = (_column(name) for name in ("tan2", "cot2", "sin", "cos"))
_INV_2COS2, _INV_2SIN2 = _column("inv_2cos2"), _column("inv_2sin2")
_N_LOW, _N_ANGLES = 32, 64
_ONE = 65536
_ROUNDS = 4


@compiled
def _row(a: int, b: int, c: int) -> int:
    """The row of the table that turns [[a, b], [b, c]] to a diagonal; a and c are not negative."""
    b, gap = abs(b), abs(a - c)
    if gap == 0:
        return _N_ANGLES - 1
    if 2 * b <= gap:
        row = 0
        while row < _N_LOW and _TAN2[row] * gap <= 2 * b * _ONE:
            row += 1
        return min(row, _N_LOW - 1)
    row = _N_LOW
    while row < _N_ANGLES and _COT2[row] * 2 * b >= gap * _ONE:
        row += 1
    return min(row, _N_ANGLES - 1)


@compiled
def _turn(matrix: np.ndarray, rotation: np.ndarray, removed: int) -> None:
    """Remove one element beside the diagonal, the one in which `removed` has no part."""
    p = 0 if removed != 0 else 1
    q = 2 if removed != 2 else 1
    a, b, c = matrix[p, p], matrix[p, q], matrix[q, q]
    if b == 0:
        return
    sign = 1 if b > 0 else -1
    if a < c:
        sign = -sign
    row = _row(a, b, c)
    sin, cos = sign * _SIN[row], _COS[row]
    middle = (a + c) << 15
    if abs(2 * b) > abs(a - c):
        part = 2 * b * _INV_2SIN2[row] * sign
    else:
        part = (a - c) * _INV_2COS2[row]
    v0, v1 = matrix[p, removed], matrix[q, removed]
    matrix[p, p] = max((middle + part) >> 16, 0)
    matrix[q, q] = max((middle - part) >> 16, 0)
    matrix[p, q] = matrix[q, p] = 0
    matrix[p, removed] = matrix[removed, p] = (cos * v0 + sin * v1) >> 16
    matrix[q, removed] = matrix[removed, q] = (-sin * v0 + cos * v1) >> 16
    for i in range(3):
        r_p, r_q = rotation[i, p], rotation[i, q]
        rotation[i, p] = (r_p * cos + r_q * sin) >> 16
        rotation[i, q] = (r_q * cos - r_p * sin) >> 16


@compiled
def decompose(covariance: np.ndarray, rotation: np.ndarray, diagonal: np.ndarray) -> None:
    """Jacobi SVD of one 3x3 matrix by lookup; fills `rotation` (columns) and `diagonal`."""
    matrix = covariance.copy()
    turned = np.zeros((3, 3), np.int64)
    for i in range(3):
        turned[i, i] = (1 << 31) - 1
    for _ in range(_ROUNDS):
        if matrix[0, 1] == 0 and matrix[0, 2] == 0 and matrix[1, 2] == 0:
            break
        for removed in range(2, -1, -1):
            _turn(matrix, turned, removed)
    left = np.ones(3, np.bool_)
    for column in range(3):
        largest = -1
        for j in range(3):
            # Of equals the last one comes first.
            if left[j] and (largest < 0 or matrix[j, j] >= matrix[largest, largest]):
                largest = j
        left[largest] = False
        diagonal[column] = matrix[largest, largest]
        rotation[:, column] = turned[:, largest]


@compiled
def estimate(first, last, signal, shift, highest, accumulator, covariance) -> int:
    """Leaky sums of products of channels; `covariance` is (batch, time, 9)."""
    limit = (highest + 1) << shift
    for b in range(first, last):
        sums = accumulator[b].copy()
        for t in range(signal.shape[1]):
            for i in range(3):
                for j in range(3):
                    old = sums[i, j]
                    new = old - (old >> shift) + signal[b, t, i] * signal[b, t, j]
                    if abs(new) >= limit:
                        return (b * signal.shape[1] + t) * 9 + 3 * i + j
                    sums[i, j] = new
                    covariance[b, t, 3 * i + j] = new >> shift
        accumulator[b] = sums
    return -1


@compiled
def hold(first, last, signal, period, step, held, output) -> int:
    """Repeat the first value of each period."""
    for b in range(first, last):
        its_step, value = step[b], held[b].copy()
        for t in range(signal.shape[1]):
            if its_step == 0:
                value[:] = signal[b, t]
            output[b, t] = value
            its_step = (its_step + 1) % period
        step[b], held[b] = its_step, value
    return -1


@compiled
def rotate(first, last, signal, held, last_held, rotation, sticky, highest, output) -> int:
    """Turn each sample to the axes of its covariance, `held` (batch, time, 9)."""
    new, diagonal = np.empty((3, 3), np.int64), np.empty(3, np.int64)
    for b in range(first, last):
        seen, turned = last_held[b].copy(), rotation[b].copy()
        for t in range(signal.shape[1]):
            changed = False
            for i in range(9):
                changed |= held[b, t, i] != seen[i]
            if changed:
                seen[:] = held[b, t]
                decompose(held[b, t].copy().reshape(3, 3), new, diagonal)
                for j in range(3):
                    alike = np.int64(0)
                    for i in range(3):
                        alike += new[i, j] * turned[i, j]
                    sign = 1 if alike > 0 else -1
                    if alike == 0:
                        sign = 0 if sticky else 1
                    for i in range(3):
                        turned[i, j] = sign * new[i, j]
            for j in range(3):
                total = np.int64(0)
                for i in range(3):
                    total += (turned[i, j] * signal[b, t, i]) >> 32
                    if abs(total) > highest:
                        return (b * signal.shape[1] + t) * 3 + j
                output[b, t, j] = total
        last_held[b], rotation[b] = seen, turned
    return -1


@compiled
def filter_bands(first, last, signal, coefficients, highest, w1, w2, output) -> int:
    """Band-pass filters of second order; `coefficients` are rows of B_b, B_wf, B_af, a1, a2."""
    n_filters = len(coefficients)
    share = n_filters // signal.shape[2]
    for b in range(first, last):
        for f in range(n_filters):
            b_b, b_wf, b_af, a1, a2 = coefficients[f]
            limit = (highest + 1) << b_wf
            past, before = w1[b, f], w2[b, f]
            for t in range(signal.shape[1]):
                fed_back = (-a2 * before - a1 * past) >> b_af
                now = ((signal[b, t, f // share] << b_wf) + fed_back) >> b_b
                result = (now - before) >> b_wf
                if abs(now) >= limit or abs(result) > highest:
                    return (b * signal.shape[1] + t) * n_filters + f
                output[b, t, f] = result
                past, before = now, past
            w1[b, f], w2[b, f] = past, before
    return -1


@compiled
def integrate_and_fire(first, last, signal, threshold, drop, rest, output) -> int:
    """One event where the sum of magnitudes passes the threshold."""
    for b in range(first, last):
        its_rest = rest[b].copy()
        for t in range(signal.shape[1]):
            for c in range(signal.shape[2]):
                total = its_rest[c] + abs(signal[b, t, c])
                fires = total >= threshold[c]
                output[b, t, c] = fires
                its_rest[c] = total % threshold[c] if drop else total - fires * threshold[c]
        rest[b] = its_rest
    return -1


@compiled
def scale_magnitudes(first, last, signal, scale, limit, output) -> int:
    """Magnitudes without their lowest bits, as counts of events up to a limit."""
    for b in range(first, last):
        for t in range(signal.shape[1]):
            for c in range(signal.shape[2]):
                output[b, t, c] = min(abs(signal[b, t, c]) >> scale[c], limit)
    return -1
