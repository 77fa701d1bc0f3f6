"""The exponential filter that all of these are."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._over_time import over_time


# One compiled function for all modules of a shape, so that eager calls compile only once.
@partial(jax.jit, static_argnames="decays_at_once")
def exponential_filter(
    data: Float[Array, "batch time n"],
    state: Float[Array, "batch n"],
    tau: Any,
    dt: Any,
    *,
    decays_at_once: bool,
) -> tuple[Float[Array, "batch time n"], Float[Array, "batch n"]]:
    """Filter rasters with the kernel `exp(-t / tau)`.

    Args:
        data: the rasters.
        state: what is left from before.
        tau: time constants [s], `(n,)` or `()`.
        dt: length of a step [s].
        decays_at_once: whether an input decays in its own step already.

    Returns:
        The state after each step, and after the last one.
    """
    decay = jnp.exp(-dt / tau)

    def step(before: Any, arriving: Any) -> tuple[Any, Any]:
        after = (before + arriving) * decay if decays_at_once else before * decay + arriving
        return after, after

    last, filtered = over_time(step, state.astype(data.dtype), data)
    return filtered, last
