"""Gradients through long runs: truncated back-propagation through time, and clipping on the way."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from .._raster import as_batch
from ..module import JaxModule, Tree


@jax.custom_vjp
def _clip_gradient(low: Array, high: Array, value: Any) -> Any:
    return value


def _forward(low: Array, high: Array, value: Any) -> tuple[Any, tuple[Array, Array]]:
    return value, (low, high)


def _backward(bounds: tuple[Array, Array], cotangent: Any) -> tuple[Array, Array, Any]:
    clipped = jax.tree.map(lambda one: jnp.clip(one, *bounds), cotangent)
    return jnp.zeros_like(bounds[0]), jnp.zeros_like(bounds[1]), clipped


_clip_gradient.defvjp(_forward, _backward)


def clip_gradient(low: ArrayLike, high: ArrayLike, value: Any) -> Any:
    """A value whose gradient is clipped on its way back, element by element.

    For use inside of `evolve`, where a gradient grows from step to step.

    Args:
        low: least gradient.
        high: largest gradient.
        value: an array or a tree of arrays, which passes unchanged.

    >>> float(jax.grad(lambda x: 100 * clip_gradient(-1.0, 1.0, x))(2.0))
    1.0
    """
    value = jax.tree.map(lambda one: jnp.asarray(one, dtype=float), value)
    return _clip_gradient(jnp.asarray(low, dtype=float), jnp.asarray(high, dtype=float), value)


def evolve_truncated(
    module: JaxModule,
    input_data: Any,
    n_steps: int,
    *,
    clip: float | None = None,
    record: bool = False,
) -> tuple[Float[Array, "batch time n"], Tree, Tree]:
    """Run a module as its own call would, with a gradient that reaches back `n_steps` at most.

    The raster is cut into pieces of `n_steps`. From piece to piece the states are carried on, and
    their gradient is not: back-propagation through time is truncated, so that gradients neither
    explode nor vanish over more steps than that. Each sample of the batch carries its own states;
    noise differs between samples and pieces.

    Args:
        module: any module.
        input_data: `(time, channel)` or `(batch, time, channel)`.
        n_steps: length of a piece; the last one may be shorter.
        clip: do not cut the gradient of the states between pieces, but clip each element to
            `±clip`.
        record: whether to return what happened inside, too.

    Returns:
        Output, new state and record, as from a call of the module. The state is that of the first
        sample, or with `batch_state` those of all.

    Raises:
        TypeError: the input is not real numbers.
        ValueError: the input has the wrong shape, another number of samples than the states, or
            a piece no steps.

    >>> from xylograph.models import LIFJax
    >>> from xylograph.models.training import mse
    >>> neurons = LIFJax(2, rng_key=jax.random.key(0))
    >>> raster = jnp.ones((1, 60, 2))
    >>> output, new_state, record = evolve_truncated(neurons, raster, 20)
    >>> bool(jnp.all(output == neurons(raster)[0]))
    True
    """
    if n_steps < 1:
        raise ValueError(f"`n_steps` must be at least 1, got {n_steps}")
    data = as_batch(input_data, module.size_in, module.full_name.strip())
    return _evolve(module, data, n_steps=n_steps, clip=clip, record=record)


# Compiled once for all modules of a kind, also when called eagerly.
@partial(jax.jit, static_argnames=("n_steps", "clip", "record"))
def _evolve(
    module: JaxModule, data: Array, *, n_steps: int, clip: float | None, record: bool
) -> tuple[Any, Tree, Tree]:
    one = module.unbatch_state()
    states, is_batched = module.state(), _shapes(module) != _shapes(one)
    if not is_batched:
        states = module.batch_state(len(data)).state()
    # Random keys have no batch axis.
    own = jax.tree.map(lambda many, single: many.ndim > single.ndim, states, one.state())
    _require_samples(states, own, len(data))

    def run(sample: Array, number: Array, state: Tree) -> tuple[Any, Tree, Tree]:
        here = one.set_attributes(state)
        # The first sample has the noise of the module itself.
        keys = jax.tree.map(
            lambda key: jnp.where(number == 0, key, jax.random.fold_in(key, number)),
            here.attributes_named("rng_key"),
        )
        return _run_sample(here.set_attributes(keys), sample, n_steps, clip, record)

    axes = jax.tree.map(lambda has_axis: 0 if has_axis else None, own)
    run_all = jax.vmap(run, in_axes=(0, 0, axes))
    output, last, recorded = run_all(data, jnp.arange(len(data)), states)
    new_state = jax.tree.map(
        lambda leaf, has_axis: leaf if is_batched and has_axis else leaf[0], last, own
    )
    return output, new_state, recorded


def _shapes(module: JaxModule) -> list[tuple[int, ...]]:
    return [leaf.shape for leaf in jax.tree.leaves(module.state())]


def _require_samples(states: Tree, own: Tree, n_batch: int) -> None:
    leaves = zip(jax.tree.leaves(states), jax.tree.leaves(own), strict=True)
    n_have = {leaf.shape[0] for leaf, has_axis in leaves if has_axis}
    if n_have - {n_batch}:
        raise ValueError(
            f"the state is of {max(n_have)} samples, the input of {n_batch}; `unbatch_state()` "
            "makes a module whose samples all start from the state of one"
        )


def _run_sample(
    module: JaxModule, sample: Array, n_steps: int, clip: float | None, record: bool
) -> tuple[Any, Tree, Tree]:
    def piece(state: Tree, given: tuple[Array, Array]) -> tuple[Tree, tuple[Any, Tree]]:
        data, is_first = given
        here = module.set_attributes(_held_back(state, is_first, clip))
        output, new_state, recorded = here(data[None], record=record)
        seen = jax.tree.map(lambda leaf: leaf[0], (output, recorded))
        return here.set_attributes(new_state).state(), seen

    n_pieces = sample.shape[0] // n_steps
    n_whole = n_pieces * n_steps
    pieces = sample[:n_whole].reshape((n_pieces, n_steps, *sample.shape[1:]))
    state, parts = module.state(), []
    if n_pieces:
        state, seen = jax.lax.scan(piece, state, (pieces, jnp.arange(n_pieces) == 0))
        parts.append(jax.tree.map(lambda leaf: leaf.reshape((-1, *leaf.shape[2:])), seen))
    if n_whole < sample.shape[0] or not n_pieces:
        state, seen = piece(state, (sample[n_whole:], jnp.asarray(not n_pieces)))
        parts.append(seen)
    output, recorded = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
    return output, state, recorded


def _held_back(state: Tree, is_first: Array, clip: float | None) -> Tree:
    """States between two pieces: unchanged, with less or none of the gradient."""

    def held(leaf: Array) -> Array:
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            return leaf
        if clip is None:
            return jnp.where(is_first, leaf, jax.lax.stop_gradient(leaf))
        bound = jnp.where(is_first, jnp.inf, clip)
        return clip_gradient(-bound, bound, leaf)

    return jax.tree.map(held, state)
