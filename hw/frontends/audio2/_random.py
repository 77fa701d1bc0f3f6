"""Random numbers that depend on a key and nothing else, the same in every version of NumPy."""

import sys
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt64

_WORD = 2**64
_STEP = 0x9E3779B97F4A7C15


def key_number(key: Any) -> int:
    """A key as one number of 64 bits.

    Args:
        key: a whole number, 0 to 2^64 - 1, or a key of `jax.random`.

    Raises:
        ValueError: when it is none of these.

    >>> key_number(3), key_number(np.array([1, 2], np.uint32))
    (3, 4294967298)
    """
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(key, jax.Array):
        is_typed = jax.numpy.issubdtype(key.dtype, jax.dtypes.prng_key)
        key = np.asarray(jax.random.key_data(key) if is_typed else key)
    if isinstance(key, np.ndarray) and key.dtype == np.uint32 and key.shape == (2,):
        return int(key[0]) * 2**32 + int(key[1])
    if isinstance(key, int | np.integer) and not isinstance(key, bool) and 0 <= key < _WORD:
        return int(key)
    raise ValueError(
        f"a key is a whole number, 0 to 2^64 - 1, or one key of `jax.random`; not {key!r}"
    )


def derived_key(key: int, *places: int) -> int:
    """A key for a use of its own; `places` number the uses.

    >>> derived_key(1, 0) == derived_key(1, 1)
    False
    """
    for place in places:
        key = _scrambled((_scrambled((key + _STEP) % _WORD) + place * _STEP) % _WORD)
    return key


def uniform(key: int, n: int) -> Float64[np.ndarray, " n"]:
    """Numbers from -1 to 1, evenly distributed.

    >>> uniform(0, 2).round(3)
    array([ 0.767, -0.137])
    """
    bits = [_scrambled((key + i * _STEP) % _WORD) >> 11 for i in range(1, n + 1)]
    return np.array(bits, np.float64) * 2.0**-52 - 1


def counters(key: int, batch: int, n_sources: int) -> UInt64[np.ndarray, "batch source"]:
    """Where the noise of each source begins, for each sample of a batch by its number.

    >>> bool((counters(7, 3, 2)[:2] == counters(7, 2, 2)).all())
    True
    """
    begins = [[derived_key(key, b, source) for source in range(n_sources)] for b in range(batch)]
    return np.array(begins, np.uint64).reshape(batch, n_sources)


def _scrambled(word: int) -> int:
    """SplitMix64; Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % _WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % _WORD
    return word ^ (word >> 31)
