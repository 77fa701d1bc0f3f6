"""`find_broken`: which values are NaN or infinite, and since when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..module import JaxModule
from ._gradient_report import loss_gradients


@dataclass(frozen=True)
class Broken:
    """An array with NaN or infinite values.

    Attributes:
        what: `parameter`, `state`, `input`, `recorded`, `output`, `loss` or `gradient`.
        name: its path; empty where there is only one.
        n_broken: how many of its elements are.
        step: the first time step at which one is; of the gradient of the input the last, because
            gradients come from the end. `None` for what has no time.
        index: the first such element, `(sample, neuron, ...)` without time, or of the array.
    """

    what: str
    name: str
    n_broken: int
    step: int | None
    index: tuple[int, ...]

    def __str__(self) -> str:
        subject = f"{self.what} `{self.name}`" if self.name else self.what
        when = "" if self.step is None else f" from step {self.step} on"
        if self.what == "gradient" and self.step is not None:
            when = f" up to step {self.step}"
        return f"{subject}: {self.n_broken} not finite{when}, first at {self.index}"


def find_broken(
    network: JaxModule,
    inputs: Any,
    targets: Any = None,
    *,
    loss: Callable[..., Any] | None = None,
) -> list[Broken]:
    """Everything that is NaN or infinite in a run of a network, in the order of cause.

    Args:
        network: from the state it is in.
        inputs: a batch, `(batch, time, channel)`.
        targets: what the loss compares with.
        loss: as for `fit`; without one no gradients are looked at.

    Returns:
        Parameters, states, input, what was recorded, output, loss and gradients with such values;
        an empty list where all is well.

    Raises:
        ValueError: the inputs are no batch of rasters.

    >>> from xylograph.models import LinearJax
    >>> network = LinearJax((1, 1), weight=[[2.0]])
    >>> raster = jnp.ones((1, 5, 1)).at[0, 3].set(jnp.inf)
    >>> for broken in find_broken(network, raster):
    ...     print(broken)
    input: 1 not finite from step 3 on, first at (0, 0)
    output: 1 not finite from step 3 on, first at (0, 0)
    """
    data = jnp.asarray(inputs, dtype=float)
    if data.ndim != 3:
        raise ValueError(f"`inputs` must be `(batch, time, channel)`, got {data.shape}")
    output, _, recorded = network(data, record=True)
    found = _in_tree("parameter", network.parameters(), timed=False)
    found += _in_tree("state", network.state(), timed=False)
    found += _in_tree("input", data, timed=True)
    found += sorted(_in_tree("recorded", recorded, timed=True), key=lambda one: one.step or 0)
    found += _in_tree("output", output, timed=True)
    if loss is not None:
        value, gradients, by_input = loss_gradients(network, data, targets, loss)
        found += _in_tree("loss", value, timed=False)
        found += _in_tree("gradient", gradients, timed=False)
        found += _in_tree("gradient", {"input": by_input}, timed=True, backwards=True)
    return found


def _in_tree(what: str, tree: Any, *, timed: bool, backwards: bool = False) -> list[Broken]:
    found = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.asarray(leaf)
        if not np.issubdtype(array.dtype, np.inexact) or np.all(np.isfinite(array)):
            continue
        places = np.argwhere(~np.isfinite(array))
        step = None
        if timed:
            steps = places[:, 1]
            step = int(steps.max() if backwards else steps.min())
            places = np.delete(places[steps == step], 1, axis=1)
        name = ".".join(str(key.key) for key in path)
        found.append(
            Broken(what, name, int(np.sum(~np.isfinite(array))), step, tuple(places[0].tolist()))
        )
    return found
