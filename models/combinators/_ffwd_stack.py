"""`FFwdStack`: modules one after the other, with weights between them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp

from .._initializers import random_key
from ..module import JaxModule, Tree
from ..parameters import Parameter
from ._container import Container, Run, named, refuse_keywords


class JaxFFwdStack(Container):
    """A chain of modules with a weight matrix between each and the next.

    Children are named `f"{index}_{ClassName}"`, or by the keys of a dict. New states and records
    are nested under these names; the record also holds the output of each child but the last, as
    `f"{child}_output"`, before the weights.

    The weights are parameters of the stack, of the family `weights`. They are called `0_1_weight`,
    `1_2_weight` and so on, with a row for each output of the one child and a column for each input
    of the next.

    Args:
        *modules: modules, or dicts of them; at least two.
        weight_init_func: initializer of the weights; zeros.
        rng_key: JAX random key for the draws; NumPy's global generator when not given.
        **refused: nothing; shape and spiking flags are those of the first and the last module.

    Raises:
        ValueError: fewer than two modules, a module without a size, a name used twice, or a shape
            or flag that was given.
        TypeError: something that is no JaxModule, an unknown keyword, or the key is none.

    Source: module facts, section 10; golden values in `tests/models/golden/ffwdstack_rate.npz`.

    >>> from xylograph.models import LIFJax, kaiming
    >>> net = JaxFFwdStack(LIFJax(4), LIFJax(2), weight_init_func=kaiming)
    >>> net.parameters("weights")["0_1_weight"].shape
    (4, 2)
    """

    def __init__(
        self,
        *modules: Any,
        weight_init_func: Callable[..., Any] = jnp.zeros,
        rng_key: Any = None,
        **refused: Any,
    ) -> None:
        owner = type(self).__name__
        refuse_keywords(refused, owner)
        children = list(named(modules, owner))
        _require_stack(children, owner)
        first, last = children[0][1], children[-1][1]
        super().__init__((first.size_in, last.size_out), first.spiking_input, last.spiking_output)
        key = None if rng_key is None else random_key(rng_key)
        for index, ((_, before), (_, after)) in enumerate(pairwise(children)):
            weight = Parameter(
                family="weights",
                init_func=weight_init_func,
                shape=(before.size_out, after.size_in),
                key=None if key is None else jax.random.fold_in(key, index),
                name=_weight_name(index),
            )
            setattr(self, _weight_name(index), weight)
        for name, child in children:
            setattr(self, name, child)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, Tree, Tree]:
        """Run each child over the weighted output of the one before."""
        run, data = Run(self, record), input_data
        *names, last = self.modules()
        for index, name in enumerate(names):
            data = run(name, data) @ getattr(self, _weight_name(index))
        output = run(last, data)
        del run.recorded[f"{last}_output"]
        return run.result(output)


FFwdStack = JaxFFwdStack


def _weight_name(index: int) -> str:
    return f"{index}_{index + 1}_weight"


def _require_stack(children: list[tuple[str, JaxModule]], owner: str) -> None:
    names = [name for name, _ in children]
    problems = [
        f"`{owner}` has a submodule `{name}` already"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if len(children) < 2:
        problems.append(f"`{owner}` needs at least two modules, got {len(children)}")
    # Nothing says how large the weights of such a side would be.
    problems += [
        f"submodule `{name}` must have a size where weights are attached, its shape is "
        f"{child.shape}"
        for index, (name, child) in enumerate(children)
        if (index > 0 and child.size_in is None)
        or (index < len(children) - 1 and child.size_out is None)
    ]
    if problems:
        raise ValueError("\n".join(problems))
