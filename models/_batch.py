"""States with a batch axis: one state for each sample of a batch.

A state usually is that of one sample, and every sample of a batch starts from it. It may instead
carry a batch axis in front. What a module is at the moment stands in the shapes of its states.
Random keys are never batched: one key gives the noise of all samples.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._structure import DECLARATIONS
from .parameters import Declaration, Shape, State

# The name that all modules give the state that holds their random key.
_KEY = "rng_key"


def may_have_batch_axis(name: str, value: Any, declared: Declaration) -> bool:
    """Whether each sample of a batch may have a value of its own of a declared attribute."""
    is_key = name == _KEY or jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    return declared.kind == State.kind and not is_key


def _per_sample(store: dict[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """Name and value of each state that may have a batch axis, and whether it has one."""
    for name, declared in store[DECLARATIONS].items():
        value = store[name]
        if declared.shape is not None and may_have_batch_axis(name, value, declared):
            yield name, value, np.shape(value)[1:] == declared.shape != np.shape(value)


def n_samples(store: dict[str, Any], where: str) -> int | None:
    """How many samples the states of a module are of; `None` for states without a batch axis.

    Raises:
        ValueError: they are of different numbers of samples.
    """
    found = {
        name: np.shape(value)[0] if batched else None for name, value, batched in _per_sample(store)
    }
    sizes = list(dict.fromkeys(found.values()))
    if len(sizes) > 1:
        each = ", ".join(
            f"`{name}` has {'no batch axis' if size is None else f'{size} samples'}"
            for name, size in found.items()
        )
        raise ValueError(f"{where}: its states do not belong together: {each}; set all of them")
    return sizes[0] if sizes else None


def with_batch_axis(
    states: Sequence[Any],
    shapes: Sequence[Shape | None],
    n_batch: int,
    n_have: int | None,
    where: str,
) -> tuple[jax.Array, ...]:
    """States as an evolution of a batch starts from them.

    Args:
        states: one for all samples, or with a batch axis where `n_have` is a number.
        shapes: what to broadcast each to, without the batch axis; `None` for its own shape.
        n_batch: samples of the input.
        n_have: samples of the states.
        where: whose they are, for messages.

    Raises:
        ValueError: the states are of another number of samples.
    """
    if n_have not in (None, n_batch):
        raise ValueError(
            f"{where}: its state is of {n_have} samples, the input of {n_batch}; "
            "`unbatch_state()` makes a module whose samples all start from the state of one"
        )
    batched = []
    for state, shape in zip(states, shapes, strict=True):
        own = np.shape(state) if n_have is None else np.shape(state)[1:]
        target = own if shape is None else shape
        if n_have is not None and len(target) > len(own):
            # New axes go between the batch axis and the state's own.
            between = (1,) * (len(target) - len(own))
            state = jnp.reshape(state, (n_have, *between, *own))
        batched.append(jnp.broadcast_to(state, (n_batch, *target)))
    return tuple(batched)


@jax.jit
def first_sample(tree: Any) -> Any:
    """The first along the leading axis of each leaf."""
    return jax.tree.map(lambda leaf: leaf[0], tree)


def add_batch_axis(store: dict[str, Any], n_batch: int, where: str) -> None:
    """Repeat the states in the `__dict__` of a module for each sample.

    Raises:
        ValueError: they have a batch axis already.
    """
    n_have = n_samples(store, where)
    if n_have is not None:
        raise ValueError(
            f"{where}: its state is of {n_have} samples already; take one first, with "
            "`unbatch_state(sample)`"
        )
    for name, value, _ in list(_per_sample(store)):
        store[name] = jnp.broadcast_to(value, (n_batch, *np.shape(value)))


def take_sample(store: dict[str, Any], sample: int, where: str) -> None:
    """Keep the states of one sample in the `__dict__` of a module.

    Raises:
        ValueError: there is no such sample.
    """
    n_have = n_samples(store, where)
    if n_have is None:
        return
    if not -n_have <= sample < n_have:
        raise ValueError(f"{where}: there is no sample {sample}, its state is of {n_have}")
    for name, value, _ in list(_per_sample(store)):
        store[name] = value[sample]
