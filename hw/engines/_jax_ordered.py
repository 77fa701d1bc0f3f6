"""Sums that saturate in the order of arrival, for the few currents that need it; JAX.

Adding one count of spikes to a current, clipped to 16 bits, is a map `x -> clip(x + c, low, high)`.
Two such maps, one after the other, are again one:

    c = c1 + c2, low = clip(low1 + c2, low2, high2), high = clip(high1 + c2, low2, high2)

So the maps of all sources of a current, in their order, are joined two by two: a thousand sources
in ten rounds instead of a thousand.

All in 32 bits. `c` may overflow only when `low` and `high` are already the same, and then it
does not matter: a map of two or more sources that is not constant has clipped away, between the two
ends of 16 bits, at most three times 65536.

Source: onnx facts, finding 1, way 3.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int16, Int32

LOW, HIGH = -32768, 32767
# Entries that are worked on at a time: what fits into the cache of one processor.
_ENTRIES_AT_ONCE = 2**17


class _Maps(NamedTuple):
    """Maps `x -> clip(x + change, low, high)`, in their order along the last axis."""

    change: Int32[Array, "current source"]
    low: Int32[Array, "current source"]
    high: Int32[Array, "current source"]


def add_in_order(
    current: Int32[Array, "sample current"],
    counts: Int32[Array, "sample source"],
    by_current: Int16[Array, "current source"],
    needed: Bool[Array, "sample current"],
) -> Int32[Array, "sample current"]:
    """Add what arrives to some currents, one source after the other, clipped in between.

    Args:
        current: before anything arrives.
        counts: spikes of each source, in the order of arrival.
        by_current: shifted weights.
        needed: which currents; the others stay as they are.

    Returns:
        The currents after all has arrived.
    """
    n_currents, n_sources = by_current.shape
    at_once = max(1, min(current.size, _ENTRIES_AT_ONCE // n_sources))
    so_far = jnp.cumsum(needed.reshape(-1), dtype=jnp.int32)

    def add_some(
        progress: tuple[Int32[Array, ""], Int32[Array, " entry"]],
    ) -> tuple[Int32[Array, ""], Int32[Array, " entry"]]:
        done, flat = progress
        # Places of the next ones that are needed; after the last one a place that is not there,
        # for which something is computed and nothing written.
        places = jnp.searchsorted(so_far, done + 1 + jnp.arange(at_once, dtype=jnp.int32))
        sample, column = jnp.divmod(places, n_currents)
        change = counts[sample] * by_current[column].astype(jnp.int32)
        values = _applied(_joined(change), flat[places])
        return done + at_once, flat.at[places].set(values, mode="drop")

    start = jnp.zeros((), jnp.int32), current.reshape(-1)
    _, flat = jax.lax.while_loop(lambda progress: progress[0] < so_far[-1], add_some, start)
    return flat.reshape(current.shape)


def _joined(change: Int32[Array, "current source"]) -> _Maps:
    """One map for each current, from the changes of all sources."""
    maps = _Maps(change, jnp.full_like(change, LOW), jnp.full_like(change, HIGH))
    while maps.change.shape[1] > 1:
        if maps.change.shape[1] % 2:
            maps = _with_one_that_changes_nothing(maps)
        first = _Maps(*(part[:, 0::2] for part in maps))
        second = _Maps(*(part[:, 1::2] for part in maps))
        maps = _Maps(
            first.change + second.change,
            jnp.clip(first.low + second.change, second.low, second.high),
            jnp.clip(first.high + second.change, second.low, second.high),
        )
    return maps


def _with_one_that_changes_nothing(maps: _Maps) -> _Maps:
    ends = (0, LOW, HIGH)
    return _Maps(
        *(
            jnp.pad(part, ((0, 0), (0, 1)), constant_values=end)
            for part, end in zip(maps, ends, strict=True)
        )
    )


def _applied(maps: _Maps, current: Int32[Array, " current"]) -> Int32[Array, " current"]:
    change, low, high = (part[:, 0] for part in maps)
    return jnp.clip(current + change, low, high)
