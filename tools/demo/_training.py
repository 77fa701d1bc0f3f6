"""Training the demo's network."""

from dataclasses import dataclass
from typing import Any

import jax
from jaxtyping import Array, Int, Real

from ...hw import Chip, XyloNetJax
from ...mapping import to_chip
from ...models import JaxModule
from ...models.training import (
    Fitted,
    fit,
    rate_accuracy,
    rate_ceiling,
    rate_cross_entropy,
    relative_to,
)
from ..datasets import Dataset
from ._network import HIDDEN, initial_scales, spiking_classifier
from ._recipe import Recipe


@dataclass(frozen=True)
class ClassificationLoss:
    """Cross-entropy of the output spike counts, and a ceiling on the hidden rates.

    Attributes:
        recipe: the weights of both.
    """

    recipe: Recipe

    def __call__(
        self,
        network: JaxModule,
        rasters: Real[Array, "batch time channel"],
        labels: Int[Array, " batch"],
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The loss of a batch, and its accuracy."""
        output, _, record = network(rasters, record=True)
        scale = self.recipe.logit_scale / output.shape[1]
        loss = rate_cross_entropy(output, labels, scale, self.recipe.smoothing)
        hidden = record["Spikes"] if isinstance(network, XyloNetJax) else record[HIDDEN]["spikes"]
        busy = rate_ceiling(hidden, self.recipe.rate_ceiling)
        return loss + self.recipe.rate_weight * busy, {"accuracy": rate_accuracy(output, labels)}


def untrained(data: Dataset, chip: Chip, recipe: Recipe, seed: int) -> JaxModule:
    """The network before training; its size is final, so that it can be mapped already."""
    return spiking_classifier(
        n_inputs=len(data.channel_names),
        n_hidden=recipe.n_hidden,
        n_classes=len(data.class_names),
        dt=data.dt,
        input_gain=recipe.input_gain,
        max_hidden_spikes=chip.max_hidden_spikes,
        max_output_spikes=chip.max_output_spikes,
        key=jax.random.key(seed),
    )


def train(
    network: JaxModule, data: Dataset, recipe: Recipe, seed: int, *, progress: bool
) -> Fitted:
    """Train on the data set's training samples.

    Raises:
        TrainingDivergedError: the loss became NaN.
    """
    scales = initial_scales(network)
    return _fitted(network, scales, data, recipe, seed, progress=progress)


def train_on_chip(
    network: JaxModule, data: Dataset, chip: Chip, recipe: Recipe, seed: int, *, progress: bool
) -> XyloNetJax:
    """Put a trained network on the chip, and train it on in the chip's arithmetic.

    Raises:
        TrainingDivergedError: the loss became NaN.
    """
    core = to_chip(network, chip, trainable="weights")
    recipe = recipe.on_chip()
    trained: Any = _fitted(core, core.scales(), data, recipe, seed, progress=progress).network
    return trained


def _fitted(
    network: JaxModule, scales: Any, data: Dataset, recipe: Recipe, seed: int, *, progress: bool
) -> Fitted:
    return fit(
        network,
        data.train.rasters,
        data.train.labels,
        loss=ClassificationLoss(recipe),
        optimizer=relative_to(recipe.optimizer(len(data.train)), scales),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        seed=seed,
        progress=progress,
    )
