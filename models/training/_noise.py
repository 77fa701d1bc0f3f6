"""Noise on parameters: device mismatch, Gaussian noise, and bits that flip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ..module import JaxModule, Tree
from ..parameters import is_array
from ._transforms import straight_through

_NOISE = 0x6E6F6973  # any number that nobody else folds in


def gaussian_noise(
    value: ArrayLike, std: ArrayLike, relative: bool = True, *, key: Any = None
) -> Float[Array, "*shape"]:
    """Values with Gaussian noise, which the gradient does not see.

    Args:
        value: any array, such as weights or thresholds.
        std: standard deviation.
        relative: whether it is a share of each value's magnitude, or absolute.
        key: a JAX random key; without one there is no noise.

    >>> noisy = gaussian_noise(jnp.full(10_000, -2.0), 0.1, key=jax.random.key(0))
    >>> round(float(noisy.std()), 2)
    0.2
    """
    array = jnp.asarray(value, dtype=float)
    if key is None:
        return array
    spread = std * jnp.abs(array) if relative else jnp.asarray(std)
    return array + jax.lax.stop_gradient(spread * jax.random.normal(key, array.shape, array.dtype))


def noisy_tree(tree: Tree, std: ArrayLike, key: Any) -> Tree:
    """Each array with relative noise of its own."""
    leaves, treedef = jax.tree.flatten(tree)
    # Weights may have been drawn from this very key: noise from it would have their signs.
    keys = jax.random.split(jax.random.fold_in(key, _NOISE), len(leaves))
    noisy = [gaussian_noise(leaf, std, key=one) for leaf, one in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(treedef, noisy)


def bit_flips(
    value: ArrayLike,
    probability: ArrayLike,
    n_bits: int = 8,
    step: ArrayLike | None = None,
    *,
    key: Any = None,
) -> Float[Array, "*shape"]:
    """Values as a chip's memory holds them, with each bit flipped now and then; straight-through.

    The values are rounded to whole steps, taken as integers of `n_bits` in two's complement, and
    scaled back.

    Args:
        value: any array, such as weights.
        probability: how likely each bit flips.
        n_bits: bits of an integer, 2 to 24.
        step: what one integer step is worth: 1 for parameters that are in the chip's units already.
            By default the largest magnitude uses the symmetric range, as in `int_quant`.
        key: a JAX random key; without one the values are only rounded.

    Raises:
        ValueError: a number of bits that is not possible.

    >>> flipped = bit_flips(jnp.array([3.0, -3.0]), 1.0, step=1.0, key=jax.random.key(0))
    >>> flipped  # ~3 and ~(-3)
    Array([-4.,  2.], dtype=float32)
    """
    if not 2 <= n_bits <= 24:
        raise ValueError(f"`n_bits` must be 2 to 24, which float32 holds exactly, got {n_bits}")
    array = jnp.asarray(value, dtype=float)
    most = 2 ** (n_bits - 1) - 1
    largest = jnp.max(jnp.abs(array), initial=0.0)
    size = jnp.where(largest > 0, largest / most, 1.0) if step is None else jnp.asarray(step)

    def flipped(array: Array) -> Array:
        integers = jnp.clip(jnp.round(array / size), -most - 1, most).astype(jnp.int32)
        if key is not None:
            draws = jax.random.bernoulli(key, probability, (n_bits, *array.shape))
            places = jnp.left_shift(1, jnp.arange(n_bits)).reshape((n_bits, *(1,) * array.ndim))
            integers = jnp.bitwise_xor(integers, jnp.sum(draws * places, axis=0, dtype=jnp.int32))
            # Bits above the sign bit repeat it.
            above = 32 - n_bits
            integers = jnp.right_shift(jnp.left_shift(integers, above), above)
        return integers * size

    return straight_through(flipped)(array)


def mismatch_generator(
    prototype: str | Sequence[str] | Tree | None = None,
    percent_deviation: float = 0.30,
    sigma_rule: float = 3.0,
) -> Callable[[JaxModule, Any], Tree]:
    """A generator of networks as they come out of a fab: each value off by a share of its own.

    Every chosen value becomes `p + p * s * N(0, 1)` with `s = percent_deviation / sigma_rule`.
    Draw once for a device with its fixed deviations, or anew each epoch to train for all of them.

    Args:
        prototype: what deviates: families by name, also of values that are not trained; a tree
            such as `network.attributes_named("tau_mem")`, without leaves that are `False`; by
            default all parameters.
        percent_deviation: which relative deviation is as far out as `sigma_rule` says.
        sigma_rule: of how many standard deviations that is.

    Returns:
        `regenerate(network, key)`, which gives the values that changed, for
        `network.set_attributes`. It raises ValueError where nothing is chosen, or something that is
        no array of floats.

    Source: training facts, section 4.

    >>> from xylograph.models import LinearJax
    >>> network = LinearJax((100, 100), weight=jnp.ones((100, 100)))
    >>> regenerate = mismatch_generator("weights", percent_deviation=0.3)
    >>> device = network.set_attributes(regenerate(network, jax.random.key(0)))
    >>> round(float(device.weight.std()), 2)
    0.1
    """
    sigma = percent_deviation / sigma_rule

    def regenerate(network: JaxModule, rng_key: Any) -> Tree:
        chosen = _chosen(network, prototype)
        if not jax.tree.leaves(chosen):
            raise ValueError(f"mismatch: the network has nothing of {prototype!r} that deviates")
        return noisy_tree(chosen, sigma, rng_key)

    return regenerate


def _chosen(network: JaxModule, prototype: str | Sequence[str] | Tree | None) -> Tree:
    """The values of a network that a prototype means, nested like the modules."""
    if prototype is None:
        return network.parameters()
    if not isinstance(prototype, dict):
        trained, fixed = network.parameters(prototype), network.simulation_parameters(prototype)
        return _merged(trained, _arrays(fixed))
    return _current(network, prototype, "")


def _current(network: JaxModule, prototype: Tree, path: str) -> Tree:
    found: Tree = {}
    for name, chosen in prototype.items():
        if isinstance(chosen, dict):
            found[name] = _current(getattr(network, name), chosen, f"{path}{name}.")
        elif chosen is not False and chosen is not np.False_:
            value = getattr(network, name)
            if not _is_float_array(value):
                raise ValueError(f"mismatch: `{path}{name}` is no array of floats, but {value!r}")
            found[name] = value
    return found


def _arrays(tree: Tree) -> Tree:
    """The arrays of floats in a tree; static numbers such as `dt` do not deviate."""
    inner = {name: _arrays(one) if isinstance(one, dict) else one for name, one in tree.items()}
    return {
        name: one for name, one in inner.items() if isinstance(one, dict) or _is_float_array(one)
    }


def _is_float_array(value: Any) -> bool:
    return is_array(value) and jnp.issubdtype(value.dtype, jnp.floating)


def _merged(one: Tree, other: Tree) -> Tree:
    both = one.keys() & other.keys()
    return {**one, **other, **{name: _merged(one[name], other[name]) for name in both}}
