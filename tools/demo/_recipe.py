"""How the demo trains on each data set."""

from dataclasses import dataclass, replace

import optax


@dataclass(frozen=True)
class Recipe:
    """Settings of one training run; found on the training subjects and speakers.

    Attributes:
        n_hidden: hidden neurons. 64 all-to-all is what every chip has the fan-out for.
        input_gain: how strongly the input drives the hidden neurons at first; sparse events want
            more.
        epochs: passes over the training samples.
        batch_size: samples a batch.
        learning_rate: of Adam, in units of the initial weights, falling to 0 as a cosine.
        logit_scale: logits for an output neuron that spikes in every step.
        smoothing: share of the target spread over all classes.
        rate_ceiling: spikes a step of a hidden neuron that cost nothing.
        rate_weight: weight of the penalty on what is above.
        max_gradient_norm: gradients longer than this are shortened.
        chip_epochs: passes over the training samples in the chip's arithmetic, after all others.
        chip_learning_rate: as `learning_rate`, of these.
    """

    n_hidden: int = 64
    input_gain: float = 0.7
    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 1e-2
    logit_scale: float = 10.0
    smoothing: float = 0.1
    rate_ceiling: float = 0.5
    rate_weight: float = 1e-2
    max_gradient_norm: float = 1.0
    chip_epochs: int = 6
    chip_learning_rate: float = 5e-3

    def quick(self) -> "Recipe":
        """The same in a quarter of the time, for a first look."""
        return replace(
            self,
            epochs=max(1, self.epochs // 4),
            learning_rate=2 * self.learning_rate,
            chip_epochs=max(1, self.chip_epochs // 4),
        )

    def on_chip(self) -> "Recipe":
        """The same for what is trained on in the chip's arithmetic."""
        return replace(self, epochs=self.chip_epochs, learning_rate=self.chip_learning_rate)

    def optimizer(self, n_samples: int) -> optax.GradientTransformation:
        """Adam with shortened gradients and a falling rate.

        Args:
            n_samples: training samples, which give the number of steps.
        """
        n_steps = self.epochs * max(1, n_samples // self.batch_size)
        schedule = optax.cosine_decay_schedule(self.learning_rate, n_steps)
        return optax.chain(optax.clip_by_global_norm(self.max_gradient_norm), optax.adam(schedule))


RECIPES = {
    # Short samples in small batches: as many steps of training as 40 epochs of whole windows.
    "watch": Recipe(input_gain=0.5, epochs=18, batch_size=32, chip_epochs=2),
    "fsdd": Recipe(input_gain=1.0, epochs=30, batch_size=64, learning_rate=2e-2),
    "digits": Recipe(input_gain=3.0, epochs=20, learning_rate=2.5e-2),
}
