"""What one core of this machine can do at most, to hold the speed of a simulator against."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from inspect import unwrap
from typing import Any

import numba
import numpy as np

_ENTRIES, _ROUNDS, _TURNS = 4096, 5000, 25
_STREAM_BYTES = 2**26


@dataclass(frozen=True)
class Limits:
    """Measured on one core.

    Attributes:
        vector: additions of 16-bit numbers to numbers in a row, all in the nearest cache [1/s].
        scattered: additions of 16-bit numbers to numbers whose places are listed, one by one, in
            near caches [1/s].
        memory: bytes that are read and written beyond all caches [1/s].
    """

    vector: float
    scattered: float
    memory: float


def measure_limits() -> Limits:
    """Time three plain loops; the shortest of some runs counts."""
    rng = np.random.default_rng(0)
    values, weights = rng.integers(-100, 100, (2, _ENTRIES)).astype(np.int16)
    places = rng.integers(0, 1000, _ENTRIES).astype(np.uint32)
    source = np.ones(_STREAM_BYTES, np.uint8)
    target = np.zeros_like(source)
    n_additions = _ENTRIES * _ROUNDS
    return Limits(
        vector=n_additions / _shortest(lambda: _add_in_a_row(values, weights, _ROUNDS)),
        scattered=n_additions / _shortest(lambda: _add_by_list(values, weights, places, _ROUNDS)),
        memory=2 * _STREAM_BYTES / _shortest(lambda: np.copyto(target, source)),
    )


def _shortest(run: Callable[[], object]) -> float:
    run()
    times = []
    for _ in range(_TURNS):
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    return min(times)


def _in_a_row(values, weights, rounds):
    for _ in range(rounds):
        for i in range(values.size):
            values[i] = np.int16(values[i] + weights[i])


def _by_list(values, weights, places, rounds):
    for _ in range(rounds):
        for i in range(weights.size):
            values[places[i]] = np.int16(values[places[i]] + weights[i])


_add_in_a_row: Any = numba.njit(unwrap(_in_a_row))
_add_by_list: Any = numba.njit(unwrap(_by_list))
