"""`fit`: minimise a loss over batches with optax."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import jax
import numpy as np
import optax

from .._errors import XylographError
from ..module import JaxModule
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


class TrainingDivergedError(XylographError, FloatingPointError):
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

    Each batch starts from the reset state, with noise of its own: every `rng_key` is folded with
    the number of the step. Batches are drawn without replacement; samples that do not fill a last
    batch wait for the next epoch's shuffle, so that nothing is compiled twice.

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
        ValueError: no samples, unequal numbers of inputs and targets, an empty batch, or fewer
            epochs than none.
        TrainingDivergedError: the loss became NaN or infinite; names epoch and batch.
    """
    inputs, targets = np.asarray(inputs), np.asarray(targets)
    _require_usable(inputs, targets, epochs, batch_size)
    network = network.reset_state()
    parameters = network.parameters()
    optimizer_state = optimizer.init(parameters)
    generator = np.random.default_rng(seed)
    history: list[dict[str, float]] = []
    n_steps = 0
    with Progress(epochs, enabled=progress) as shown:
        for epoch in range(epochs):
            figures = []
            for batch in _batches(generator, len(inputs), batch_size):
                data = inputs[batch] if augment is None else augment(generator, inputs[batch])
                samples = (data, targets[batch])
                parameters, optimizer_state, reported = _train_step(
                    parameters, optimizer_state, network, n_steps, samples, loss, optimizer
                )
                figures.append(reported)
                n_steps += 1
            history.append(_means(figures, epoch))
            shown.advance(history[-1])
    _require_finite(parameters)
    return Fitted(network.set_attributes(parameters), history)


@partial(jax.jit, static_argnames=("loss", "optimizer"))
def _train_step(
    parameters: Any,
    optimizer_state: Any,
    network: Any,
    n_steps: Any,
    samples: tuple[Any, Any],
    loss: Loss,
    optimizer: optax.GradientTransformation,
) -> tuple[Any, Any, dict[str, jax.Array]]:
    keys = network.attributes_named("rng_key")
    network = network.set_attributes(
        jax.tree.map(lambda key: jax.random.fold_in(key, n_steps), keys)
    )

    def objective(parameters: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
        return loss(network.set_attributes(parameters), *samples)

    (value, reported), gradients = jax.value_and_grad(objective, has_aux=True)(parameters)
    updates, optimizer_state = optimizer.update(gradients, optimizer_state, parameters)
    parameters = optax.apply_updates(parameters, updates)
    return parameters, optimizer_state, {**reported, "loss": value}


def _batches(generator: np.random.Generator, n: int, size: int) -> Iterator[np.ndarray]:
    order, size = generator.permutation(n), min(size, n)
    for start in range(0, n - size + 1, size):
        yield order[start : start + size]


def _means(figures: list[dict[str, jax.Array]], epoch: int) -> dict[str, float]:
    known = jax.device_get(figures)
    losses = np.array([batch["loss"] for batch in known])
    broken = np.flatnonzero(~np.isfinite(losses))
    if len(broken):
        raise TrainingDivergedError(
            f"the loss is {losses[broken[0]]} at epoch {epoch + 1}, batch {broken[0] + 1}; lower "
            "the learning rate, clip the gradients (`optax.clip_by_global_norm`), or look for "
            "thresholds near zero"
        )
    return {name: float(np.mean([batch[name] for batch in known])) for name in known[0]}


def _require_finite(parameters: Any) -> None:
    """The loss of the last batch was that of the parameters before it."""
    broken = [
        jax.tree_util.keystr(path)
        for path, value in jax.tree_util.tree_flatten_with_path(parameters)[0]
        if not np.all(np.isfinite(value))
    ]
    if broken:
        raise TrainingDivergedError(
            f"training left NaN or infinite values in {', '.join(broken)}; look for an operation "
            "in the loss whose gradient is not finite, such as a square root of 0"
        )


def _require_usable(inputs: np.ndarray, targets: np.ndarray, epochs: int, batch_size: int) -> None:
    problems = []
    if not inputs.ndim or not targets.ndim or not len(inputs) or len(inputs) != len(targets):
        problems.append(
            "`inputs` and `targets` must hold equal numbers of samples and at least one; their "
            f"shapes are {inputs.shape} and {targets.shape}"
        )
    for name, array in (("inputs", inputs), ("targets", targets)):
        if array.dtype.kind not in "biuf":
            problems.append(f"`{name}` must be numbers, got {array.dtype}")
        elif not np.all(np.isfinite(array)):
            problems.append(f"`{name}` must be finite; there are NaN or infinite values")
    if epochs < 0:
        problems.append(f"`epochs` must not be negative, got {epochs}")
    if batch_size < 1:
        problems.append(f"`batch_size` must be at least 1, got {batch_size}")
    if problems:
        raise ValueError("\n".join(problems))
