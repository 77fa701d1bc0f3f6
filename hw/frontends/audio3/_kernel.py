"""The compiled part that all inputs of Xylo Audio 3 share: filters, normalization, raster.

All values are int64, which holds every product of the chip (46 bits; Audio 3 facts, section 5).
Each kernel takes a range of samples, so that threads can share a batch, and returns the flat
index (sample, step, channel) of the first value that is out of range, or -1.

State is copied before a sample and put back after it: in a batch it stands side by side, and two
threads that write to one line of the processor's cache wait for each other at every step.

The steps are functions of their own, which the compiler merges into the loops: the stages alone
and the chain in one piece compute by the same lines.
"""

import numpy as np

from .._compile import compiled


@compiled
def _filter_step(x, filters, w1, w2, w3, y):
    """One sample through all filters; gives the first channel out of range, or -1.

    Rows of `filters`: B_b, B_wf, B_af, a1, a2, and the limits of state and output.
    """
    bad = -1
    for c in range(len(y)):
        past, before = w1[c], w2[c]
        fed_back = (-filters[4, c] * before - filters[3, c] * past) >> filters[2, c]
        # The chip's output stage sees the state that was latched a sample ago.
        y[c] = past - w3[c]
        if (abs(past) >= filters[5, c] or abs(y[c]) >= filters[5, c]) and bad < 0:
            bad = c
        w3[c], w2[c] = before, past
        w1[c] = ((x << filters[1, c]) + fed_back) >> filters[0, c]
    return bad


@compiled
def _normalize_step(y, rules, joint, level, rest, threshold, events):
    """Thresholds from the levels of before this sample, then at most one event a channel.

    Rows of `rules`: adaptive, b1, b2, low-pass shift, eps, fixed threshold.
    """
    largest = np.int64(0)
    for c in range(len(y)):
        low = level[c] >> rules[3, c]
        level[c] += abs(y[c]) - low
        least = max(low, rules[4, c])
        threshold[c] = (least << rules[1, c]) - (least << rules[2, c])
        largest = max(largest, threshold[c])
    for c in range(len(y)):
        if joint:
            threshold[c] = largest
        if rules[0, c] == 0:
            threshold[c] = rules[5, c]
        total = rest[c] + abs(y[c])
        fires = np.int64(total >= threshold[c])
        rest[c] = total - fires * threshold[c]
        events[c] = fires


@compiled
def filter_bands(first, last, signal, filters, w1, w2, w3, output) -> int:
    """Band-pass filters; `signal` is (batch, time, 1), `output` (batch, time, filter)."""
    for b in range(first, last):
        v1, v2, v3 = w1[b].copy(), w2[b].copy(), w3[b].copy()
        for t in range(signal.shape[1]):
            bad = _filter_step(signal[b, t, 0], filters, v1, v2, v3, output[b, t])
            if bad >= 0:
                return (b * signal.shape[1] + t) * output.shape[2] + bad
        w1[b], w2[b], w3[b] = v1, v2, v3
    return -1


@compiled
def normalize(first, last, signal, rules, joint, level, rest, thresholds, output) -> int:
    """Divisive normalization and events; thresholds are kept where their array has any room."""
    kept = thresholds.size > 0
    now, events = np.empty(signal.shape[2], np.int64), np.empty(signal.shape[2], np.int64)
    for b in range(first, last):
        its_level, its_rest = level[b].copy(), rest[b].copy()
        for t in range(signal.shape[1]):
            _normalize_step(signal[b, t], rules, joint, its_level, its_rest, now, events)
            for c in range(signal.shape[2]):
                output[b, t, c] = events[c]
                if kept:
                    thresholds[b, t, c] = now[c]
        level[b], rest[b] = its_level, its_rest
    return -1


@compiled
def compute_raster(
    first,
    last,
    signal,
    filters,
    w1,
    w2,
    w3,
    rules,
    joint,
    level,
    rest,
    mirrored,
    period,
    most,
    step,
    counts,
    raster,
) -> int:
    """From 14-bit samples to counts per window, at most `most`, with few arrays in between.

    Mirrored, filters and then levels settle on what comes, reversed in time.
    """
    n, n_steps = filters.shape[1], signal.shape[1]
    threshold, events = np.empty(n, np.int64), np.empty(n, np.int64)
    kept = np.empty((n_steps if mirrored else 1, n), np.int64)
    for b in range(first, last):
        v1, v2, v3 = w1[b].copy(), w2[b].copy(), w3[b].copy()
        its_level, its_rest = level[b].copy(), rest[b].copy()
        taken, total = step[b], counts[b].copy()
        if mirrored:
            for k in range(2 * n_steps):
                t = n_steps - 1 - k if k < n_steps else k - n_steps
                bad = _filter_step(signal[b, t, 0], filters, v1, v2, v3, kept[t])
                if bad >= 0:
                    return (b * n_steps + t) * n + bad
            for t in range(n_steps - 1, -1, -1):
                _normalize_step(kept[t], rules, joint, its_level, its_rest, threshold, events)
        row = 0
        for t in range(n_steps):
            y = kept[t] if mirrored else kept[0]
            if not mirrored:
                bad = _filter_step(signal[b, t, 0], filters, v1, v2, v3, y)
                if bad >= 0:
                    return (b * n_steps + t) * n + bad
            _normalize_step(y, rules, joint, its_level, its_rest, threshold, events)
            for c in range(n):
                total[c] += events[c]
            taken += 1
            if taken == period:
                for c in range(n):
                    raster[b, row, c] = min(total[c], most)
                    total[c] = 0
                row += 1
                taken = 0
        w1[b], w2[b], w3[b] = v1, v2, v3
        level[b], rest[b] = its_level, its_rest
        step[b], counts[b] = taken, total
    return -1
