"""Running the step of a module over time."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def over_time(
    step: Callable[[Any, Any], tuple[Any, Any]], state: Any, inputs: Any
) -> tuple[Any, Any]:
    """Carry a state through the time steps of rasters.

    Args:
        step: `(state, input) -> (next state, output)`, of a whole batch at one time.
        state: first state; any tree of arrays `(batch, ...)`.
        inputs: any tree of arrays `(batch, time, ...)`.

    Returns:
        The last state, and the outputs of all steps, `(batch, time, ...)`.

    >>> last, sums = over_time(lambda s, x: (s + x, s + x), jnp.zeros(1), jnp.ones((1, 3)))
    >>> last, sums
    (Array([3.], dtype=float32), Array([[1., 2., 3.]], dtype=float32))
    """
    by_time = jax.tree.map(lambda array: jnp.moveaxis(array, 1, 0), inputs)
    last, outputs = jax.lax.scan(step, state, by_time)
    return last, jax.tree.map(lambda array: jnp.moveaxis(array, 0, 1), outputs)
