"""`fit`: minimise a loss over batches with optax."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .._module import JaxModule
from ._progress import Progress

Module = TypeVar("Module", bound=JaxModule)
Loss = Callable[[Any, jax.Array, jax.Array], tuple[jax.Array, dict[str, jax.Array]]]


@dataclass(frozen=True)
class Fitted:
    """What `fit` gives.

    Attributes:
        network: the trained network, in its reset state.
        history: one dict of figures an epoch: `loss` and what the loss function reports, means
            over the batches.
    """

    network: Any
    history: list[dict[str, float]] = field(default_factory=list)


class TrainingDivergedError(FloatingPointError):
    """The loss is no longer a finite number."""


def fit(
    network: JaxModule,
    inputs: Any,
    targets: Any,
    *,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    epochs: int,
    batch_size: int = 32,
    seed: int = 0,
    augment: Callable[[np.random.Generator, np.ndarray], np.ndarray] | None = None,
    progress: bool = False,
) -> Fitted:
    """Train the parameters of a network.

    Each batch starts from the reset state. Batches are drawn without replacement; samples that do
    not fill a last batch wait for the next epoch's shuffle, so that nothing is compiled twice.

    Args:
        network: what to train; stays as it is.
        inputs: `(sample, time, channel)`.
        targets: `(sample, ...)`.
        loss: `loss(network, inputs, targets)` gives a scalar and a dict of scalars to report.
        optimizer: an optax transformation.
        epochs: passes over the samples.
        batch_size: samples a batch, at most all of them.
        seed: of the shuffles and the augmentation; the same seed gives the same network.
        augment: changes a batch of inputs before it is used, given a random generator.
        progress: whether to show a progress bar with the figures.

    Returns:
        The trained network and the history.

    Raises:
        ValueError: no samples, or unequal numbers of inputs and targets.
        TrainingDivergedError: the loss became NaN or infinite; names epoch and batch.
    """
    inputs, targets = np.asarray(inputs), np.asarray(targets)
    _require_samples(inputs, targets)
    network = network.reset_state()
    parameters = network.parameters()
    optimizer_state = optimizer.init(parameters)
    generator = np.random.default_rng(seed)
    history: list[dict[str, float]] = []
    with Progress(epochs, enabled=progress) as shown:
        for epoch in range(epochs):
            figures = []
            for batch in _batches(generator, len(inputs), batch_size):
                data = inputs[batch] if augment is None else augment(generator, inputs[batch])
                parameters, optimizer_state, reported = _train_step(
                    parameters, optimizer_state, network, data, targets[batch], loss, optimizer
                )
                figures.append(reported)
            history.append(_means(figures, epoch))
            shown.advance(history[-1])
    return Fitted(network.set_attributes(parameters), history)


@partial(jax.jit, static_argnames=("loss", "optimizer"))
def _train_step(
    parameters: Any,
    optimizer_state: Any,
    network: Any,
    inputs: Any,
    targets: Any,
    loss: Loss,
    optimizer: optax.GradientTransformation,
) -> tuple[Any, Any, dict[str, jax.Array]]:
    def objective(parameters: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
        return loss(network.set_attributes(parameters), inputs, targets)

    (value, reported), gradients = jax.value_and_grad(objective, has_aux=True)(parameters)
    updates, optimizer_state = optimizer.update(gradients, optimizer_state, parameters)
    parameters = optax.apply_updates(parameters, updates)
    return parameters, optimizer_state, {"loss": value, **reported}


def _batches(generator: np.random.Generator, n: int, size: int) -> Iterator[np.ndarray]:
    order, size = generator.permutation(n), min(size, n)
    for start in range(0, n - size + 1, size):
        yield order[start : start + size]


def _means(figures: list[dict[str, jax.Array]], epoch: int) -> dict[str, float]:
    stacked = jax.device_get({k: jnp.stack([f[k] for f in figures]) for k in figures[0]})
    broken = np.flatnonzero(~np.isfinite(stacked["loss"]))
    if len(broken):
        raise TrainingDivergedError(
            f"the loss is {stacked['loss'][broken[0]]} at epoch {epoch + 1}, batch {broken[0] + 1}; "
            "lower the learning rate, clip the gradients (`optax.clip_by_global_norm`), or look "
            "for thresholds near zero"
        )
    return {name: float(values.mean()) for name, values in stacked.items()}


def _require_samples(inputs: np.ndarray, targets: np.ndarray) -> None:
    if not len(inputs) or len(inputs) != len(targets):
        raise ValueError(
            f"`fit` needs as many targets as inputs and at least one; got {len(inputs)} inputs and "
            f"{len(targets)} targets"
        )
