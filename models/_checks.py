"""Checking what a module is built from; everything that is wrong is said at once."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.core import Tracer

from .parameters import is_array


def require(where: str, problems: Sequence[str]) -> None:
    """Refuse what has problems.

    Args:
        where: who is built, for the message.
        problems: what is wrong, one sentence each.

    Raises:
        ValueError: there are problems; lists them all.
    """
    if problems:
        raise ValueError(f"{where}: " + "\n".join(problems))


def not_numbers(**values: Any) -> list[str]:
    """What is wrong with values that must be single numbers."""
    return [
        f"`{name}` must be a number, got {value!r}"
        for name, value in values.items()
        if not _is_number(value)
    ]


def not_whole(**values: Any) -> list[str]:
    """What is wrong with values that must be ints."""
    return [
        f"`{name}` must be an int, got {value!r}"
        for name, value in values.items()
        if not isinstance(value, int) or isinstance(value, bool)
    ]


def not_positive(**values: Any) -> list[str]:
    """What is wrong with values that must be greater than zero everywhere."""
    return [
        f"`{name}` must be positive, got {value}"
        for name, value in values.items()
        if not _all_hold(value, np.greater)
    ]


def negative(**values: Any) -> list[str]:
    """What is wrong with values that must not be less than zero anywhere."""
    return [
        f"`{name}` must not be negative, got {value}"
        for name, value in values.items()
        if not _all_hold(value, np.greater_equal)
    ]


def not_below_one(**values: Any) -> list[str]:
    """What is wrong with values that must be less than 1 everywhere."""
    return [
        f"`{name}` must be less than 1, got {value}"
        for name, value in values.items()
        if not _all_hold(value, np.less, 1.0)
    ]


def not_callable(**values: Any) -> list[str]:
    """What is wrong with values that must be functions."""
    return [
        f"`{name}` must be callable, got {value!r}"
        for name, value in values.items()
        if not callable(value)
    ]


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, (int, float)) or (is_array(value) and value.ndim == 0)


def _all_hold(value: Any, compare: Callable[..., Any], bound: float = 0.0) -> bool:
    """Whether all of a value compare to a bound; what is traced or no number is not looked at."""
    known = isinstance(value, (int, float)) or (is_array(value) and not isinstance(value, Tracer))
    return not known or bool(np.all(compare(np.asarray(value), bound)))


def shape_tuple(shape: Any) -> tuple[int | None, ...]:
    """The sizes in a shape, of which some may be open.

    Args:
        shape: a size, or a tuple or list of sizes.

    Raises:
        TypeError: something that is no size.
        ValueError: a negative size.

    >>> shape_tuple(3), shape_tuple([None, 2])
    ((3,), (None, 2))
    """
    entries = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if not all(n is None or hasattr(n, "__index__") for n in entries) or not entries:
        raise TypeError(f"a shape is an int or a tuple of ints, got {shape!r}")
    if any(n is not None and n.__index__() < 0 for n in entries):
        raise ValueError(f"a shape has no negative sizes, got {shape!r}")
    return tuple(None if n is None else n.__index__() for n in entries)


def same_sizes(shape: Any, who: str) -> tuple[int, ...]:
    """The shape of a module that has as many outputs as inputs.

    Args:
        shape: `N`, `(N,)` or `(N, N)`.
        who: name of the class, for the message.

    Raises:
        ValueError: another shape, or no channels.

    >>> same_sizes(3, "RateJax"), same_sizes((3, 3), "RateJax")
    ((3,), (3, 3))
    """
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if (
        len(sizes) not in (1, 2)
        or not all(hasattr(size, "__index__") for size in sizes)
        or sizes[0].__index__() != sizes[-1].__index__()
        or sizes[0].__index__() < 1
    ):
        raise ValueError(f"`{who}` takes the shape `N` or `(N, N)`, N at least 1; got {shape!r}")
    return tuple(size.__index__() for size in sizes)
