"""Putting values where modules keep them: what `set_attributes`, assignment and resets have in common.

A `store` is the `__dict__` of a module. Functions here change it, so it is that of a copy, or of
a module a user assigns to.
"""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._batch import may_have_batch_axis
from ._structure import CHILDREN, DECLARATIONS, RESETS
from .parameters import (
    Declaration,
    Parameter,
    as_jax_array,
    as_replacement,
    as_static_or_array,
    draw,
    is_array,
    static_mismatch,
)

Store = dict[str, Any]

_CHECKED: ContextVar[bool] = ContextVar("whether values that are put are checked", default=True)


@contextmanager
def unchecked() -> Iterator[None]:
    """Values that are put may be anything, such as what JAX puts where leaves were."""
    token = _CHECKED.set(False)
    try:
        yield
    finally:
        _CHECKED.reset(token)


def put(store: Store, name: str, value: Any, where: str) -> str | None:
    """Store a value if it fits; otherwise say what is wrong with it.

    Args:
        store: what holds the value.
        name: the declared attribute.
        value: what to store.
        where: how messages call the attribute.
    """
    declared, current = store[DECLARATIONS][name], store[name]
    if not _CHECKED.get():
        _store(store, name, value)
        return None
    if declared.shape is None:
        value = as_static_or_array(value)
        # An array can make a number traced, and nothing else.
        wanted = static_mismatch(0.0 if is_array(value) else value, current)
        if wanted:
            return f"{where} must be {wanted} (got {value!r})"
        if not is_array(value):
            _store(store, name, float(value) if isinstance(current, float) else value)
            return None
    try:
        value = as_replacement(value, current)
    except (TypeError, ValueError) as error:
        return f"{where} must be an array or a number: {error}"
    shape, found = declared.shape or (), np.shape(value)
    if found != shape and not (found[1:] == shape and may_have_batch_axis(name, value, declared)):
        return f"{where} must be of shape {shape} (got {found})"
    _store(store, name, value)
    return None


def _store(store: Store, name: str, value: Any) -> None:
    """Store a value; one that was static is traced from now on where the new one is an array."""
    declared = store[DECLARATIONS][name]
    if declared.shape is None and is_array(value):
        traced = replace(declared, shape=np.shape(value))
        store[DECLARATIONS] = store[DECLARATIONS].with_one(name, traced)
    store[name] = value


def put_tree(store: Store, tree: Any, path: str = "") -> tuple[list[str], list[str]]:
    """Store what fits of a nested dict, in a module and its submodules.

    Returns:
        What is wrong with other values, and the names that do not exist.
    """
    if not isinstance(tree, dict):
        return [f"`{path or 'tree'}` must be a dict, got {type(tree).__name__}"], []
    problems: list[str] = []
    unknown: list[str] = []
    for name, value in tree.items():
        where = f"{path}.{name}" if path else str(name)
        if name in store[CHILDREN]:
            inside = put_tree(vars(store[name]), value, where)
            problems += inside[0]
            unknown += inside[1]
        elif name in store[DECLARATIONS]:
            problem = put(store, name, value, f"`{where}`")
            problems += [problem] if problem else []
        else:
            unknown.append(f"`{where}`" + _suggestion(store, str(name)))
    return problems, unknown


def _suggestion(store: Store, name: str) -> str:
    known = [*store[CHILDREN], *store[DECLARATIONS]]
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""


def reset(store: Store, kind: str, where: str, key: jax.Array | None = None) -> None:
    """Return the attributes of one kind to their first values, those of submodules not.

    Args:
        store: what holds the values.
        kind: the kind.
        where: whose they are, for messages.
        key: for new draws; from NumPy's global generator when not given.

    Raises:
        ValueError: parameters that are stacked would all be drawn alike.
    """
    for position, (name, declared) in enumerate(store[DECLARATIONS].items()):
        if declared.kind != kind:
            continue
        if name in store[RESETS]:
            first = store[RESETS][name]
        else:
            own_key = None if key is None else jax.random.fold_in(key, position)
            first = as_jax_array(draw(declared.initializer, declared.shape, own_key))
            first = _as_declared(first, declared, store[name], f"{where}: `{name}`")
        store[name] = _like_current(first, declared, store[name])


def _as_declared(fresh: Any, declared: Declaration, current: Any, where: str) -> Any:
    """A fresh value with the declared shape and the current type."""
    shape = np.shape(current)
    if shape != declared.shape and declared.kind == Parameter.kind:
        raise ValueError(
            f"{where} is stacked, {shape} instead of {declared.shape}; draw for each with "
            "`jax.vmap(lambda module, key: module.reset_parameters(key))`"
        )
    if fresh.shape == declared.shape and fresh.dtype == current.dtype:
        return fresh
    return fresh.reshape(declared.shape).astype(current.dtype)


def _like_current(first: Any, declared: Declaration, current: Any) -> Any:
    """A value of the declared shape, repeated along axes that the current value has in front."""
    one_more = np.shape(first) == declared.shape != np.shape(current)
    return jnp.broadcast_to(first, np.shape(current)) if one_more else first
