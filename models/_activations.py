"""Functions that modules apply to activations and whole rasters.

Plain functions of this file, so that modules which hold them can be saved and pickled.
"""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array


def H_ReLU(x: ArrayLike, threshold: ArrayLike = 0.0) -> Array:
    """What of an activation is above the threshold: `max(x - threshold, 0)`.

    Args:
        x: activations, of any shape.
        threshold: broadcasts against `x`.

    Returns:
        An array of the common shape.

    Source: module facts, section 1, as the other three.

    >>> H_ReLU(jnp.array([-1.0, 0.5, 2.0]), 0.5)
    Array([0. , 0. , 1.5], dtype=float32)
    """
    return jax.nn.relu(jnp.subtract(x, threshold))


def H_LReLU(x: ArrayLike, threshold: ArrayLike = 0.0) -> Array:
    """As `H_ReLU`, but with a slope of 0.01 below the threshold instead of none.

    Args:
        x: activations, of any shape.
        threshold: broadcasts against `x`.

    Returns:
        An array of the common shape.

    >>> H_LReLU(jnp.array([-1.0, 2.0]), 1.0)
    Array([-0.02,  1.  ], dtype=float32)
    """
    return jax.nn.leaky_relu(jnp.subtract(x, threshold), 0.01)


def H_tanh(x: ArrayLike, threshold: ArrayLike = 0.0) -> Array:
    """A smooth step from -1 to 1 at the threshold: `tanh(x - threshold)`.

    Args:
        x: activations, of any shape.
        threshold: broadcasts against `x`.

    Returns:
        An array of the common shape.

    >>> H_tanh(jnp.array([-9.0, 1.0, 9.0]), 1.0).round(3)
    Array([-1.,  0.,  1.], dtype=float32)
    """
    return jnp.tanh(jnp.subtract(x, threshold))


def H_sigmoid(x: ArrayLike, threshold: ArrayLike = 0.0) -> Array:
    """A smooth step from 0 to 1 at the threshold: `(tanh(x - threshold) + 1) / 2`.

    Args:
        x: activations, of any shape.
        threshold: broadcasts against `x`.

    Returns:
        An array of the common shape.

    >>> H_sigmoid(jnp.array([-9.0, 1.0, 9.0]), 1.0).round(3)
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    return (H_tanh(x, threshold) + 1) / 2


def identity(x: Any) -> Any:
    """What it is given."""
    return x


def softmax_of_channels(x: Array) -> Array:
    """Softmax over the last axis."""
    return jax.nn.softmax(x, axis=-1)


def log_softmax_of_channels(x: Array) -> Array:
    """Logarithm of the softmax over the last axis."""
    return jax.nn.log_softmax(x, axis=-1)


_BY_NAME = {
    **dict.fromkeys(("relu", "r"), H_ReLU),
    **dict.fromkeys(("sigmoid", "sig", "s"), H_sigmoid),
    **dict.fromkeys(("tanh", "t"), H_tanh),
}


def activation_called(wanted: Any) -> Callable[..., Any]:
    """An activation function by its name, or the given one.

    Args:
        wanted: a name, in upper or lower case, or a function `f(x)` or `f(x, threshold)`.

    Raises:
        ValueError: an unknown name, no function, or one that takes neither one nor two arguments.

    >>> activation_called("Tanh") is H_tanh
    True
    """
    if isinstance(wanted, str):
        if wanted.lower() not in _BY_NAME:
            names = ", ".join(f"`{name}`" for name in _BY_NAME)
            raise ValueError(f"there is no activation function `{wanted}`; known are {names}")
        return _BY_NAME[wanted.lower()]
    if not callable(wanted):
        raise ValueError(  # noqa: TRY004 - as for a name that is wrong
            f"an activation function is a name or callable, got {wanted!r}"
        )
    takes_threshold(wanted)
    return wanted


def takes_threshold(function: Callable[..., Any]) -> bool:
    """Whether an activation function takes the threshold as its second argument.

    It does if it cannot be called without, or has a parameter `threshold`. What else a function
    of one argument can be given, such as a slope, is no threshold.

    Raises:
        ValueError: it can be called with neither one nor two arguments.

    >>> takes_threshold(H_tanh), takes_threshold(jax.nn.leaky_relu), takes_threshold(jnp.tanh)
    (True, False, False)
    """
    try:
        signature = inspect.signature(function)
    except ValueError:  # some built-in functions have none; those of NumPy and JAX take one
        return False
    if _can_be_called(signature, 2) and "threshold" in signature.parameters:
        return True
    if _can_be_called(signature, 1):
        return False
    if not _can_be_called(signature, 2):
        raise ValueError(
            f"an activation function takes `x` or `x, threshold`; {function!r} takes {signature}"
        )
    return True


def _can_be_called(signature: inspect.Signature, n_arguments: int) -> bool:
    try:
        signature.bind(*range(n_arguments))
    except TypeError:
        return False
    return True
