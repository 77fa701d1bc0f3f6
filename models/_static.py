"""Comparing and hashing what a module carries through JAX without tracing it.

`jit` finds a compiled function by comparing this static structure. Two modules built by the same
code must compare equal, also when they hold lambdas or lists, which Python compares by identity
or cannot hash.
"""

from collections.abc import Hashable, Iterable, Iterator
from functools import partial
from types import CodeType, FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer


class _Identity:
    """Equal to itself only; holds on to the object so that its id is not used again."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.value is self.value


class Static:
    """A static argument of a compiled function, compared by `static_key`.

    Functions that are built alike then share what was compiled, and what cannot be hashed may be
    an argument, too.

    Args:
        value: any value that is no array.
    """

    __slots__ = ("_key", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._key = static_key(value)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and other._key == self._key


def static_key(value: Any) -> Hashable:
    """A hashable stand-in for a static value: equal for values that act the same.

    Functions made inside others compare by their code and by what they refer to; containers and
    arrays by their content; everything else by its own equality where it can be hashed, otherwise
    by identity.

    >>> static_key([1, 2]) == static_key([1, 2]), static_key(1) == static_key(1.0)
    (True, False)
    >>> def scale(by): return lambda x: by * x
    >>> static_key(scale(2)) == static_key(scale(2)), static_key(scale(2)) == static_key(scale(3))
    (True, False)
    """
    return _key(value, ())


# Asked for first, as each compiled call of a module asks for all that it holds.
_PLAIN = (bool, int, str, type(None))


def _key(value: Any, within: tuple[FunctionType, ...]) -> Hashable:
    kind = type(value)
    if kind in _PLAIN or (kind is float and (value > 0 or value < 0)):
        return (kind, value)
    if isinstance(value, (float, np.floating)):
        # Not by `==`: NaN equals nothing, and the zeros of both signs divide differently.
        return (type(value), repr(value))
    if isinstance(value, FunctionType):
        return _function_key(value, within)
    if isinstance(value, partial):
        return (type(value), *_keys((value.func, value.args, value.keywords), within))
    if isinstance(value, (list, tuple)):
        return (type(value), _keys(value, within))
    if isinstance(value, (set, frozenset)):
        return (type(value), frozenset(_keys(value, within)))
    if isinstance(value, dict):
        return (type(value), _keys(value.items(), within))
    if isinstance(value, np.ndarray) or _is_concrete(value):
        array = np.asarray(value)
        return (type(value), array.shape, str(array.dtype), array.tobytes())
    try:
        hash(value)
    except TypeError:
        return _Identity(value)
    return (type(value), value)


def _keys(values: Iterable[Any], within: tuple[FunctionType, ...]) -> tuple[Hashable, ...]:
    return tuple(_key(one, within) for one in values)


def _is_concrete(value: Any) -> bool:
    """Whether a value is a JAX array with numbers to look at."""
    return (
        isinstance(value, jax.Array)
        and not isinstance(value, Tracer)
        and not jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    )


def _function_key(function: FunctionType, within: tuple[FunctionType, ...]) -> Hashable:
    # Functions of a module exist once; defining one again may change what it calls.
    if "<" not in function.__qualname__:
        return _Identity(function)
    for depth, outer in enumerate(within):
        if function is outer:  # captured by itself, maybe through others
            return ("recursion", depth)
    try:
        captured = tuple(cell.cell_contents for cell in function.__closure__ or ())
    except ValueError:  # a variable that is not bound yet
        return _Identity(function)
    code, known = function.__code__, function.__globals__
    return (
        code,
        # By identity: a global that was assigned again makes another function of this one.
        tuple(_Identity(known[name]) for name in _names(code) if name in known),
        _key((function.__defaults__, function.__kwdefaults__, captured), (*within, function)),
    )


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
