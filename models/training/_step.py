"""`TrainStep`: one compiled step of training, and the loop's state between two of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ..module import JaxModule, Tree
from ..parameters import as_jax_array

Figures = dict[str, jax.Array]


class TrainState(NamedTuple):
    """What changes from step to step; a pytree of arrays.

    Attributes:
        parameters: as `network.parameters()` gives them.
        optimizer_state: of the optimizer.
        n_steps: how many steps were taken.
        key: a raw random key; each step folds its number into it.
    """

    parameters: Tree
    optimizer_state: Any
    n_steps: jax.Array
    key: jax.Array


@dataclass(frozen=True)
class TrainStep:
    """One step of training, compiled; `fit` is a loop around it, and so can be yours.

    A step gives every `rng_key` of the network a value of its own, so that noise differs from step
    to step. The network is not reset: a loss that runs it from its present state continues.

    Two steps that are equal (of the same functions) share what was compiled.

    Args:
        loss: `loss(network, inputs, targets)` gives a scalar, or a scalar and a dict of scalars to
            report. One that has a parameter `key` gets a random key, too.
        optimizer: an optax transformation.
        transform: `transform(parameters, key)` gives the parameters that the loss sees, such as
            quantized ones; the optimizer keeps those from before. See `by_family`.

    Raises:
        TypeError: something of it cannot be hashed, so that `jit` would not find it again.

    >>> from xylograph.models import LinearJax
    >>> from xylograph.models.training import mse
    >>> step = TrainStep(lambda net, inputs, targets: mse(net(inputs)[0], targets), optax.sgd(0.25))
    >>> network = LinearJax((1, 1), weight=[[1.0]])
    >>> state = step.init(network)
    >>> for _ in range(2):
    ...     state, figures = step(state, network, jnp.ones((1, 1, 1)), jnp.zeros((1, 1, 1)))
    >>> float(figures["loss"]), float(state.parameters["weight"][0, 0])
    (0.25, 0.25)
    >>> network = network.set_attributes(state.parameters)
    """

    loss: Callable[..., Any]
    optimizer: optax.GradientTransformation
    transform: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        if not callable(self.loss):
            raise TypeError(
                f"`loss` is a function of network, inputs and targets, not {self.loss!r}"
            )
        if not (hasattr(self.optimizer, "init") and hasattr(self.optimizer, "update")):
            raise TypeError(
                f"`optimizer` is one of optax, as `optax.adam(1e-3)`, not {self.optimizer!r}"
            )
        for name in ("loss", "optimizer", "transform"):
            try:
                hash(getattr(self, name))
            except TypeError as error:
                raise TypeError(
                    f"`{name}` cannot be hashed ({error}), so compiled code would not be found "
                    "again; use a function, or a dataclass with `frozen=True`"
                ) from error

    def init(self, network: JaxModule, seed: int = 0) -> TrainState:
        """The state before the first step.

        Args:
            network: what to train.
            seed: of the keys that loss and transform get.
        """
        parameters = network.parameters()
        state = TrainState(
            parameters,
            self.optimizer.init(parameters),
            jnp.asarray(0, dtype=jnp.int32),
            jax.random.key_data(jax.random.key(seed)),
        )
        return jax.tree.map(as_jax_array, state)

    def __call__(
        self, state: TrainState, network: JaxModule, inputs: Any, targets: Any
    ) -> tuple[TrainState, Figures]:
        """Take a step.

        Args:
            state: from before; its parameters count, not the network's.
            network: everything else of the network.
            inputs: a batch, `(batch, time, channel)`.
            targets: what the loss compares with.

        Returns:
            The new state and the figures of the batch, before the step: `loss` and what the loss
            reports.

        Raises:
            ValueError: the loss or a figure is no scalar.
        """
        return _take(self, state, network, inputs, targets)

    def figures(self, parameters: Tree, network: JaxModule, inputs: Any, targets: Any) -> Figures:
        """The figures of a batch, without a step.

        Nothing random is new: the network's keys stay, the loss gets the same key each time, and
        the transform gets none, so that it adds no noise.
        """
        return _evaluate(self, parameters, network, inputs, targets)


@partial(jax.jit, static_argnames="step")
def _take(
    step: TrainStep, state: TrainState, network: Any, inputs: Any, targets: Any
) -> tuple[TrainState, Figures]:
    keys = network.attributes_named("rng_key")
    network = network.set_attributes(
        jax.tree.map(lambda key: jax.random.fold_in(key, state.n_steps), keys)
    )
    loss_key, transform_key = jax.random.split(jax.random.fold_in(state.key, state.n_steps))

    def objective(parameters: Any) -> tuple[jax.Array, Figures]:
        return _loss_and_figures(
            step, parameters, network, inputs, targets, (loss_key, transform_key)
        )

    (value, figures), gradients = jax.value_and_grad(objective, has_aux=True)(state.parameters)
    # Some transformations ask for the loss, such as those that lower the rate on a plateau.
    update = optax.with_extra_args_support(step.optimizer).update
    updates, optimizer_state = update(
        gradients, state.optimizer_state, state.parameters, value=value
    )
    parameters: Any = optax.apply_updates(state.parameters, updates)
    new = TrainState(parameters, optimizer_state, state.n_steps + 1, state.key)
    # Weak types would make the second step, or one from a file, another program than the first.
    return jax.tree.map(as_jax_array, new), figures


@partial(jax.jit, static_argnames="step")
def _evaluate(step: TrainStep, parameters: Any, network: Any, inputs: Any, targets: Any) -> Figures:
    keys = jax.random.key_data(jax.random.key(0)), None
    return _loss_and_figures(step, parameters, network, inputs, targets, keys)[1]


def _loss_and_figures(
    step: TrainStep,
    parameters: Any,
    network: Any,
    inputs: Any,
    targets: Any,
    keys: tuple[Any, Any],
) -> tuple[jax.Array, Figures]:
    loss_key, transform_key = keys
    if step.transform is not None:
        parameters = step.transform(parameters, transform_key)
    options = {"key": loss_key} if takes_key(step.loss) else {}
    result = step.loss(network.set_attributes(parameters), inputs, targets, **options)
    value, reported = result if isinstance(result, tuple) else (result, {})
    figures = {**reported, "loss": value}
    wrong = [f"`{name}` {jnp.shape(one)}" for name, one in figures.items() if jnp.shape(one)]
    if wrong:
        raise ValueError(
            f"the loss and what it reports must be scalars; these have axes: {', '.join(wrong)}; "
            "take their mean"
        )
    return value, figures


def takes_key(function: Callable[..., Any]) -> bool:
    """Whether a function has a parameter `key`."""
    try:
        return "key" in inspect.signature(function).parameters
    except ValueError:  # some built-in functions have no signature
        return False
