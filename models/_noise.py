"""Noise that modules add to their input or their membrane."""

from typing import Any

import jax
import jax.numpy as jnp

from ._initializers import random_key


def noise_key(rng_key: Any) -> jax.Array:
    """The key a module draws its noise from, raw.

    Args:
        rng_key: the key the module was given, typed or raw; `None` to draw one from NumPy's
            global generator.

    Raises:
        TypeError: something that is no random key.
    """
    # Not the given key itself, from which the caller may go on drawing.
    return jax.random.split(random_key(rng_key))[1]


def draw_noise(
    rng_key: Any, noise_std: Any, dt: Any, shape: tuple[int, ...]
) -> tuple[jax.Array, jax.Array | None]:
    """White noise for each sample, step and channel, and the key of the next noise.

    Args:
        rng_key: raw key; split in two.
        noise_std: standard deviation of the noise, integrated over one second.
        dt: length of a step [s].
        shape: `(batch, time, channel)`.

    Returns:
        The next key, and normal values with the standard deviation `noise_std * sqrt(dt)`. Without
        noise the same key and `None`.
    """
    # Only a static zero counts: whether the key moves on must not depend on `jit`.
    if isinstance(noise_std, (int, float)) and noise_std == 0:
        return rng_key, None
    next_key, key = jax.random.split(rng_key)
    return next_key, noise_std * jnp.sqrt(dt) * jax.random.normal(key, shape, dtype=float)
