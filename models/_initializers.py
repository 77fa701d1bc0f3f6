"""How parameters and states get their first values.

An initializer takes a shape and returns an array. Random ones draw from NumPy's global generator,
or from a JAX key when handed one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .parameters import Shape, draw


@dataclass(frozen=True)
class Fill:
    """The same number everywhere.

    >>> Fill(0.5)((2,))
    Array([0.5, 0.5], dtype=float32)
    """

    value: float = 0.0

    def __call__(self, shape: Shape) -> jax.Array:
        """An array of this shape."""
        # Twice as fast as `jnp.full`, and networks are reset often.
        return jnp.asarray(np.full(shape, self.value, dtype=jnp.result_type(float)))


@dataclass(frozen=True)
class ScaledColumns:
    """What another initializer gives, each column times a factor of its own.

    Args:
        initializer: gives the matrix; handed the key where it takes one.
        factors: one for each column.

    >>> ScaledColumns(np.ones, (1.0, 0.5))((2, 2))
    Array([[1. , 0.5],
           [1. , 0.5]], dtype=float32)
    """

    initializer: Callable[..., Any]
    factors: tuple[float, ...]

    def __call__(self, shape: Shape, key: jax.Array | None = None) -> jax.Array:
        """A matrix of this shape.

        Raises:
            ValueError: it has not as many columns as there are factors.
        """
        if shape[-1] != len(self.factors):
            raise ValueError(f"{len(self.factors)} factors cannot scale the columns of {shape}")
        return jnp.asarray(draw(self.initializer, shape, key), float) * jnp.array(self.factors)


def kaiming(shape: Shape, key: jax.Array | None = None) -> jax.Array:
    """Uniform within `±sqrt(6 / n_in)`.

    Source: He et al. 2015, arXiv 1502.01852, equation 10 for uniform draws.
    """
    return _uniform(shape, np.sqrt(6 / shape[0]), key)


def xavier(shape: Shape, key: jax.Array | None = None) -> jax.Array:
    """Uniform within `±sqrt(6 / sum(shape))`.

    Source: Glorot and Bengio 2010, equation 16.
    """
    return _uniform(shape, np.sqrt(6 / sum(shape)), key)


def uniform_sqrt(shape: Shape, key: jax.Array | None = None) -> jax.Array:
    """Uniform within `±sqrt(1 / shape[0])`."""
    return _uniform(shape, np.sqrt(1 / shape[0]), key)


def unit_eigs(shape: Shape, key: jax.Array | None = None) -> jax.Array:
    """Normal with variance `1 / n`, so that a square matrix has eigenvalues within the unit disc.

    Source: the circular law (Girko 1984).
    """
    if key is None:
        return jnp.array(np.random.normal(size=shape) / np.sqrt(shape[0]), dtype=float)
    return jax.random.normal(key, shape, dtype=float) / np.sqrt(shape[0])


def _uniform(shape: Shape, bound: float, key: jax.Array | None) -> jax.Array:
    if key is None:
        return jnp.array(np.random.uniform(-bound, bound, size=shape), dtype=float)
    return jax.random.uniform(key, shape, dtype=float, minval=-bound, maxval=bound)


def random_key(key: Any) -> jax.Array:
    """A raw JAX random key: the given one, or one drawn from NumPy's global generator.

    Args:
        key: typed or raw; `None` to draw one.

    Raises:
        TypeError: something that is no random key.
    """
    if key is None:
        key = jax.random.key(np.random.randint(0, 2**31))
    typed = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    raw = jax.random.key_data(key) if typed else key
    wanted = jax.eval_shape(lambda: jax.random.key_data(jax.random.key(0)))
    if getattr(raw, "dtype", None) != wanted.dtype or np.shape(raw) != wanted.shape:
        raise TypeError(f"`rng_key` must be a key such as `jax.random.key(0)`, got {key!r}")
    return jnp.asarray(raw)
