"""Bringing input data to what modules compute with."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def as_floats(data: Any, where: str) -> jax.Array:
    """Input as a JAX array of the default precision, of any rank.

    Args:
        data: anything that makes an array of real numbers.
        where: who takes the input, for messages.

    Raises:
        TypeError: the data makes no array, or not one of real numbers.
    """
    try:
        if isinstance(data, np.ndarray) and data.dtype.itemsize == 8 and data.dtype.kind in "iu":
            # JAX would cut them to 32 bits first: large ones became others.
            data = data.astype(jnp.result_type(float))
        array = jnp.asarray(data)
        real = jnp.issubdtype(array.dtype, jnp.bool_) or jnp.isrealobj(array)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{where}: the input must be an array of real numbers: {error}") from error
    if not real:
        raise TypeError(f"{where}: the input must be real numbers, got {array.dtype}")
    dtype = jnp.result_type(float)
    return array if array.dtype == dtype else array.astype(dtype)


def as_batch(data: Any, n_channels: int | None, where: str) -> jax.Array:
    """Input as `(batch, time, channel)`.

    A vector counts as time; a single channel is copied to all.

    Args:
        data: a raster `(time, channel)` or `(batch, time, channel)`, a vector or a number.
        n_channels: how many channels there must be; `None` for any number.
        where: who takes the input, for messages.

    Raises:
        TypeError: not real numbers.
        ValueError: wrong rank, wrong number of channels, or no samples.

    >>> as_batch([[1, 2], [3, 4], [5, 6]], 2, "here").shape
    (1, 3, 2)
    """
    data = as_floats(data, where)
    if data.ndim > 3:
        raise ValueError(
            f"{where}: the input has {data.ndim} axes, {data.shape}; it takes "
            "`(time, channel)` or `(batch, time, channel)`"
        )
    if data.ndim < 2:
        data = data.reshape((-1, 1))
    data = data.reshape((1,) * (3 - data.ndim) + data.shape)
    if not data.shape[0]:
        raise ValueError(f"{where}: the input has no samples, its shape is {data.shape}")
    found = data.shape[-1]
    if n_channels is None or found == n_channels:
        return data
    if found != 1:
        raise ValueError(
            f"{where}: Input has wrong neuron dimension. It is {found}, must be {n_channels}"
        )
    return jnp.broadcast_to(data, (*data.shape[:-1], n_channels))
