"""Static values as JSON: numbers, strings, containers, initializers, registered functions.

What JSON has is written as it is; anything else becomes an object with one key, its kind:
`{"tuple": [...]}`, `{"dict": [[key, value], ...]}`, `{"float": "nan"}`,
`{"scalar": ["float64", value]}`, `{"fill": value}`, `{"scaled": [initializer, [factor, ...]]}`,
`{"function": "module:name"}`.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np

from .._activations import (
    H_LReLU,
    H_ReLU,
    H_sigmoid,
    H_tanh,
    identity,
    log_softmax_of_channels,
    softmax_of_channels,
)
from .._classes import public_path
from .._errors import FormatError
from .._initializers import Fill, ScaledColumns, kaiming, uniform_sqrt, unit_eigs, xavier
from ..neurons._surrogate import arctan, fast_sigmoid, periodic_exponential, step_pwl

F = TypeVar("F", bound=Callable[..., Any])
_FUNCTIONS: dict[str, Callable[..., Any]] = {}


def register_function(function: F) -> F:
    """Let files refer to a function by its module and name; usable as a decorator.

    Functions that a network holds (initializers, activations) are saved by name, and loading
    finds only registered ones.

    Args:
        function: a named function of a module.

    Returns:
        The function.

    Raises:
        ValueError: a lambda, a function inside another, or a `partial`: no name finds it again.

    >>> @register_function
    ... def twice(x): return 2 * x
    """
    if "<" in getattr(function, "__qualname__", "<"):
        raise ValueError(
            f"{function!r} has no name by which a file could refer to it; define it with `def` at "
            "the top of a module"
        )
    _FUNCTIONS[public_path(function)] = function
    return function


for _function in (H_LReLU, H_ReLU, H_sigmoid, H_tanh):
    register_function(_function)
for _function in (identity, log_softmax_of_channels, softmax_of_channels):
    register_function(_function)
for _function in (
    arctan,
    fast_sigmoid,
    kaiming,
    periodic_exponential,
    step_pwl,
    uniform_sqrt,
    unit_eigs,
    xavier,
):
    register_function(_function)
for _function in (np.ones, np.zeros, jnp.ones, jnp.zeros):
    register_function(_function)


def encode(value: Any, where: str) -> Any:
    """A static value as JSON.

    Args:
        value: the value.
        where: whose it is, for messages.

    Raises:
        ValueError: something a file cannot hold.
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        return {"scalar": [value.dtype.name, encode(value.item(), where)]}
    if kind in (list, tuple):
        items = [encode(item, where) for item in value]
        return items if kind is list else {"tuple": items}
    if kind is dict:
        pairs = [[encode(key, where), encode(item, where)] for key, item in value.items()]
        return {"dict": pairs}
    if kind is Fill:
        return {"fill": encode(value.value, where)}
    if kind is ScaledColumns:
        factors = [encode(factor, where) for factor in value.factors]
        return {"scaled": [encode(value.initializer, where), factors]}
    for name, function in _FUNCTIONS.items():
        if function is value:
            return {"function": name}
    raise ValueError(
        f"`{where}` is {value!r}, which a file cannot hold; make arrays a `SimulationParameter`, "
        "and hand functions to `xylograph.models.register_function`"
    )


def decode(value: Any, where: str) -> Any:
    """The static value that `encode` wrote.

    Args:
        value: parsed JSON.
        where: the place in the file, for messages.

    Raises:
        FormatError: nothing that `encode` writes, or a function that is not registered here.
    """
    if isinstance(value, list):
        return [decode(item, where) for item in value]
    if not isinstance(value, dict):
        return value
    try:
        ((kind, content),) = value.items()
        return _DECODERS[kind](content, where)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{where}: {value!r} is no value of this format") from error


def _decode_function(content: str, where: str) -> Callable[..., Any]:
    if content not in _FUNCTIONS:
        raise FormatError(
            f"{where}: the function {content!r} is not known in this process; register it with "
            "`xylograph.models.register_function`, then load again"
        )
    return _FUNCTIONS[content]


def _decode_dict(content: list[Any], where: str) -> dict[Any, Any]:
    return {decode(key, where): decode(item, where) for key, item in content}


def _decode_scalar(content: list[Any], where: str) -> Any:
    name, value = content
    dtype = np.dtype(name)
    if dtype.kind not in "biuf":
        raise FormatError(f"{where}: {name!r} is no type of a number")
    return dtype.type(decode(value, where))


def _decode_scaled(content: list[Any], where: str) -> ScaledColumns:
    initializer, factors = (decode(item, where) for item in content)
    if not callable(initializer):
        raise TypeError(f"{initializer!r} is no initializer")
    return ScaledColumns(initializer, tuple(float(factor) for factor in factors))


_DECODERS: dict[str, Callable[[Any, str], Any]] = {
    "dict": _decode_dict,
    "fill": lambda content, where: Fill(float(decode(content, where))),
    "float": lambda content, _: float(content),
    "function": _decode_function,
    "scalar": _decode_scalar,
    "scaled": _decode_scaled,
    "tuple": lambda content, where: tuple(decode(list(content), where)),
}
