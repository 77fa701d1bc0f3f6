"""Comparing and hashing what a module carries through JAX without tracing it.

`jit` finds a compiled function by comparing this static structure. Two modules built by the same
code must compare equal, also when they hold lambdas or lists, which Python compares by identity
or cannot hash.
"""

from collections.abc import Hashable
from types import FunctionType
from typing import Any

import numpy as np


class _Identity:
    """Equal to itself only; holds on to the object so that its id is not used again."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.value is self.value


def static_key(value: Any) -> Hashable:
    """A hashable stand-in for a static value: equal for values that act the same.

    Functions compare by their code, defaults and captured values; containers by their content;
    everything else by its own equality where it can be hashed, otherwise by identity.

    >>> static_key([1, 2]) == static_key([1, 2])
    True
    >>> def scale(by): return lambda x: by * x
    >>> static_key(scale(2)) == static_key(scale(2)), static_key(scale(2)) == static_key(scale(3))
    (True, False)
    """
    if isinstance(value, FunctionType):
        return _function_key(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return (type(value), tuple(static_key(item) for item in items))
    if isinstance(value, dict):
        return (dict, tuple((static_key(k), static_key(v)) for k, v in value.items()))
    if isinstance(value, np.ndarray):
        return (np.ndarray, value.shape, value.dtype.str, value.tobytes())
    try:
        hash(value)
    except TypeError:
        return _Identity(value)
    return (type(value), value)


def _function_key(function: FunctionType) -> Hashable:
    captured = []
    for cell in function.__closure__ or ():
        try:
            content = cell.cell_contents
        except ValueError:  # still empty: a function that refers to itself
            return _Identity(function)
        # A function that captured itself would never end.
        captured.append(_Identity(content) if content is function else static_key(content))
    return (
        function.__code__,
        function.__module__,
        static_key(function.__defaults__),
        static_key(function.__kwdefaults__),
        tuple(captured),
    )
