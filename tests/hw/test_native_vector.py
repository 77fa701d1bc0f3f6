"""The vectors of the `native` engine, against NumPy."""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import numba
import numpy as np
import pytest

from xylograph.hw.engines import _native_vector as words
from xylograph.hw.engines._native_vector import (
    added,
    added_three,
    at,
    larger,
    largest,
    list_nonzero,
    load,
    lowest,
    nonzero,
    pointer_to,
    smaller,
    splat,
    store,
)

EDGES = np.array([-32_768, -32_767, -256, -2, -1, 0, 1, 2, 255, 256, 32_766, 32_767], np.int16)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return numba.njit(unwrap(function))


@compiled
def each_of_two(a, b, results):
    x, y = load(pointer_to(a), 0), load(pointer_to(b), 0)
    place = pointer_to(results)
    store(place, 0, x + y)
    store(place, 32, x - y)
    store(place, 64, x * y)
    store(place, 96, x >> (y & splat(15)))
    store(place, 128, x & y)
    store(place, 160, x | y)
    store(place, 192, x ^ y)
    store(place, 224, x == y)
    store(place, 256, x >= y)
    store(place, 288, x > y)
    store(place, 320, added(x, y))
    store(place, 352, added_three(x, y, x))
    store(place, 384, larger(x, y))
    store(place, 416, smaller(x, y))
    return largest(x), nonzero(x)


@compiled
def list_in(target, vector, first):
    return list_nonzero(at(pointer_to(target), 1), load(pointer_to(vector), 0), first)


@compiled
def through_bytes(values, copy):
    store(pointer_to(copy), 3, load(pointer_to(values), 5) + splat(65_536 + 1))


@compiled
def lowest_of(bits):
    return lowest(bits)


def pairs() -> tuple[np.ndarray, np.ndarray]:
    """All pairs of edges, and random ones."""
    rng = np.random.default_rng(1)
    a, b = (axis.ravel() for axis in np.meshgrid(EDGES, EDGES))
    some = rng.integers(-32_768, 32_768, (2, 40 * 32 - a.size), np.int16)
    return np.concatenate([a, some[0]]), np.concatenate([b, some[1]])


def test_operations_on_two_vectors_are_those_of_numpy() -> None:
    x, y = pairs()
    got = np.empty((len(x) // 32, 14, 32), np.int16)
    for row, a, b in zip(got, x.reshape(-1, 32), y.reshape(-1, 32), strict=True):
        assert each_of_two(a, b, row) == (a.max(), sum(1 << i for i in np.flatnonzero(a).tolist()))
    wide, other = x.astype(np.int64), y.astype(np.int64)
    expected = {
        "+": (wide + other).astype(np.int16),
        "-": (wide - other).astype(np.int16),
        "*": (wide * other).astype(np.int16),
        ">>": wide >> (other & 15),
        "&": wide & other,
        "|": wide | other,
        "^": wide ^ other,
        "==": -(wide == other).astype(int),
        ">=": -(wide >= other).astype(int),
        ">": -(wide > other).astype(int),
        "added": np.clip(wide + other, -32_768, 32_767),
        "added_three": np.clip(2 * wide + other, -32_768, 32_767),
        "larger": np.maximum(wide, other),
        "smaller": np.minimum(wide, other),
    }
    for index, (name, values) in enumerate(expected.items()):
        assert np.array_equal(got[:, index].ravel(), values), name


@pytest.mark.parametrize("density", [0.0, 0.03, 0.5, 1.0])
def test_what_is_not_zero_is_listed_ascending(density: float) -> None:
    rng = np.random.default_rng(2)
    for first in (0, 64, 100_000):
        vector = (rng.integers(-5, 0, 32) * (rng.random(32) < density)).astype(np.int16)
        target = np.full(40, 7, np.int32)
        n = list_in(target, vector, first)
        places = np.flatnonzero(vector)
        assert n == len(places)
        assert target[1 : 1 + n].tolist() == (first + places).tolist()
        assert target[0] == 7
        assert target[33:].tolist() == 7 * [7]


def test_bytes_have_no_sign_and_only_32_of_them_are_written() -> None:
    values = np.arange(230, 270).astype(np.uint8)
    copy = np.zeros(40, np.uint8)
    through_bytes(values, copy)
    expected = np.zeros(40, np.uint8)
    expected[3:35] = values[5:37] + np.uint8(1)
    assert np.array_equal(copy, expected)


@pytest.mark.parametrize("bits", [1, 2, 0b1100, 1 << 31])
def test_the_lowest_bit_is_found(bits: int) -> None:
    assert lowest_of(np.uint64(bits)) == (bits & -bits).bit_length() - 1


def test_the_cache_of_compiled_code_knows_this_version_of_the_vectors() -> None:
    from xylograph.hw.engines import _native_kernel

    closed_over = _native_kernel.evolve_samples.py_func.__closure__
    assert [cell.cell_contents for cell in closed_over] == [words.FINGERPRINT]
