"""`evaluate`: the figures of a network on samples it is not trained on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax

from ..module import JaxModule, Tree
from ._samples import Placement, Samples
from ._step import TrainStep

# `evaluate` takes no steps.
_NO_OPTIMIZER = optax.identity()


def evaluate(
    network: JaxModule,
    inputs: Any,
    targets: Any,
    *,
    loss: Callable[..., Any],
    batch_size: int = 32,
    transform: Callable[..., Any] | None = None,
) -> dict[str, float]:
    """The figures of a network, means over all samples.

    Args:
        network: from its reset state.
        inputs: `(sample, time, channel)`.
        targets: `(sample, ...)`.
        loss: as for `fit`.
        batch_size: samples a batch; the last one may be smaller.
        transform: as for `fit`; gets no key.

    Returns:
        `loss` and what the loss function reports.

    Raises:
        ValueError: no samples, unequal numbers of inputs and targets, or an empty batch.

    >>> from xylograph.models import LinearJax
    >>> from xylograph.models.training import mse
    >>> network = LinearJax((1, 1), weight=[[2.0]])
    >>> ones = np.ones((5, 3, 1))
    >>> evaluate(network, ones, ones, loss=lambda net, x, y: mse(net(x)[0], y), batch_size=2)
    {'loss': 1.0}
    """
    samples = Samples.of(inputs, targets)
    problems = samples.problems(("inputs", "targets"))
    if batch_size < 1:
        problems.append(f"`batch_size` must be at least 1, got {batch_size}")
    if problems:
        raise ValueError("\n".join(problems))
    network = network.reset_state()
    step = TrainStep(loss, _NO_OPTIMIZER, transform)
    return figures_of(step, network.parameters(), network, samples, batch_size, Placement())


def figures_of(
    step: TrainStep,
    parameters: Tree,
    network: JaxModule,
    samples: Samples,
    batch_size: int,
    placement: Placement,
) -> dict[str, float]:
    """The mean figures of samples, each sample with the same weight."""
    found, sizes = [], []
    for start in range(0, len(samples), batch_size):
        batch = samples[start : start + batch_size]
        found.append(step.figures(parameters, network, *placement.shared(batch)))
        sizes.append(len(batch))
    return mean_figures(as_numbers(found), sizes)


def as_numbers(figures: list[Any]) -> list[dict[str, float]]:
    """Figures from the device, as Python numbers."""
    return [
        {name: float(value) for name, value in batch.items()} for batch in jax.device_get(figures)
    ]


def mean_figures(
    figures: list[dict[str, float]], sizes: list[int] | None = None
) -> dict[str, float]:
    """The mean of each figure over batches, weighted by their sizes."""
    return {
        name: float(np.average([batch[name] for batch in figures], weights=sizes))
        for name in figures[0]
    }
