"""Adversarial attacks on parameters, and a loss for networks that should withstand them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from .._checks import negative
from ..module import JaxModule, Tree
from ._noise import noisy_tree

Distance = Callable[[Any, Any], jax.Array]


def pga_attack(
    parameters: Tree,
    network: JaxModule,
    inputs: Any,
    net_out_original: Any,
    mismatch_loss: Distance,
    key: Any,
    *,
    attack_steps: int = 10,
    mismatch_level: ArrayLike = 0.025,
    initial_std: ArrayLike = 1e-3,
    project: bool = False,
) -> tuple[Tree, Float[Array, " attack_steps"]]:
    """Move parameters, each by a share of its size, to where they do the most harm.

    Gradient ascent on `mismatch_loss(net_out_original, output)`, from parameters with a little
    relative noise: `attack_steps` times each element moves by `mismatch_level / attack_steps` of
    its own magnitude, in the direction that increases the loss.

    Args:
        parameters: what is attacked: `network.parameters()`, or some of it, such as
            `network.parameters("weights")`.
        network: everything else; each run starts from its reset state.
        inputs: `(batch, time, channel)`.
        net_out_original: output of the network that was not attacked.
        mismatch_loss: of the original output and another one, such as `mse`; it must be hashable,
            as functions are.
        key: a JAX random key for the noise at the start.
        attack_steps: how many steps.
        mismatch_level: how far they lead in all, relative to each element.
        initial_std: standard deviation of the noise at the start, relative to each element. Where
            it changes no output, most losses have no gradient and the attack does not begin: a
            chip rounds small noise away, so give a `XyloNetJax` more, such as 0.05.
        project: whether to stay within `mismatch_level`; otherwise the noise comes on top.

    Returns:
        The parameters after the attack, and the loss before each step.

    Raises:
        ValueError: no step or no parameters, or a size that is negative or NaN.

    Source: Büchel et al. 2021, arXiv 2106.05009; training facts, section 3; golden values in
    `tests/models/training/golden/pga_attack.npz`.

    >>> from xylograph.models import LinearJax
    >>> from xylograph.models.training import mse
    >>> network, ones = LinearJax((1, 1), weight=[[2.0]]), jnp.ones((1, 1, 1))
    >>> options = {"mismatch_level": 0.5, "initial_std": 1e-3}
    >>> attacked, losses = pga_attack(
    ...     network.parameters(), network, ones, 2 * ones, mse, jax.random.key(0), **options)
    >>> round(abs(float(attacked["weight"][0, 0]) - 2.0), 1)
    1.0
    """
    _require_attack(
        parameters, attack_steps, mismatch_level=mismatch_level, initial_std=initial_std
    )
    sizes = initial_std, mismatch_level
    return _climb(
        parameters,
        network,
        inputs,
        net_out_original,
        key,
        sizes,
        mismatch_loss=mismatch_loss,
        attack_steps=attack_steps,
        project=project,
    )


# Compiled once for all attacks of a kind, also when called eagerly.
@partial(jax.jit, static_argnames=("mismatch_loss", "attack_steps", "project"))
def _climb(
    parameters: Tree,
    network: JaxModule,
    inputs: Any,
    original: Any,
    key: Any,
    sizes: tuple[Any, Any],
    *,
    mismatch_loss: Distance,
    attack_steps: int,
    project: bool,
) -> tuple[Tree, jax.Array]:
    initial_std, mismatch_level = sizes
    start = noisy_tree(parameters, initial_std, key)
    reach = jax.tree.map(lambda value: mismatch_level * jnp.abs(value), parameters)

    def harm(moved: Tree) -> jax.Array:
        return mismatch_loss(original, _output(network, moved, inputs))

    def step(moved: Tree, _: None) -> tuple[Tree, jax.Array]:
        # The sign has no gradient: only where a step starts and how long it is depends on the
        # parameters. Without `stop_gradient`, second derivatives would be traced for nothing.
        loss, uphill = jax.value_and_grad(harm)(jax.lax.stop_gradient(moved))
        moved = jax.tree.map(
            lambda value, gradient, most: value + most / attack_steps * jnp.sign(gradient),
            moved,
            uphill,
            reach,
        )
        if project:
            moved = jax.tree.map(
                lambda value, origin, most: jnp.clip(value, origin - most, origin + most),
                moved,
                parameters,
                reach,
            )
        return moved, loss

    return jax.lax.scan(step, start, None, length=attack_steps)


def adversarial_loss(
    parameters: Tree,
    network: JaxModule,
    inputs: Any,
    target: Any,
    task_loss: Distance,
    mismatch_loss: Distance,
    key: Any,
    *,
    noisy_forward_std: ArrayLike = 0.0,
    initial_std: ArrayLike = 1e-3,
    mismatch_level: ArrayLike = 0.025,
    beta_robustness: ArrayLike = 0.25,
    attack_steps: int = 10,
    families: str | Sequence[str] | None = None,
    project: bool = False,
) -> Float[Array, ""]:
    """A loss that is low where the task is solved and an attack on the parameters does little.

    `task_loss(target, f(inputs; noisy)) + beta_robustness * mismatch_loss(f(inputs; parameters),
    f(inputs; attacked))`, where `attacked` is what `pga_attack` finds. The gradient flows through
    the attack: each step starts from the parameters and is as long as a share of them.

    Args:
        parameters: what is trained, as `network.parameters()` gives them.
        network: everything else; each run starts from its reset state.
        inputs: `(batch, time, channel)`.
        target: what the output should be.
        task_loss: of the target and an output.
        mismatch_loss: of the output and that of the attacked network.
        key: a JAX random key for both kinds of noise.
        noisy_forward_std: standard deviation of the noise in the first part, relative to each
            element; the gradient does not see it.
        initial_std: as for `pga_attack`, and so are the next one and `project`.
        mismatch_level: how far the attack leads.
        beta_robustness: weight of the second part.
        attack_steps: how many steps the attack takes.
        families: which families are attacked; all parameters by default.
        project: whether the attack stays within `mismatch_level`.

    Raises:
        ValueError: no step, no parameter of the families, or a size that is negative or NaN.

    Source: Büchel et al. 2021, arXiv 2106.05009; training facts, section 3.

    >>> import numpy as np
    >>> from xylograph.models import LinearJax
    >>> from xylograph.models.training import mse
    >>> network, ones = LinearJax((1, 1), weight=[[2.0]]), jnp.ones((1, 1, 1))
    >>> loss = adversarial_loss(network.parameters(), network, ones, ones, mse, mse,
    ...     jax.random.key(0), mismatch_level=0.5, beta_robustness=1.0)
    >>> round(float(loss), 1)  # (2 - 1)², and about 1² for the attack
    2.0
    """
    network = network.set_attributes(parameters)
    attack_key, forward_key = jax.random.split(key)
    original = _output(network, parameters, inputs)
    chosen = parameters if families is None else network.parameters(families)
    attacked, _ = pga_attack(
        chosen,
        network,
        inputs,
        original,
        mismatch_loss,
        attack_key,
        attack_steps=attack_steps,
        mismatch_level=mismatch_level,
        initial_std=initial_std,
        project=project,
    )
    robust = mismatch_loss(original, _output(network, attacked, inputs))
    noisy = noisy_tree(parameters, noisy_forward_std, forward_key)
    return task_loss(target, _output(network, noisy, inputs)) + beta_robustness * robust


def _output(network: JaxModule, parameters: Tree, inputs: Any) -> Any:
    return network.reset_state().set_attributes(parameters)(inputs)[0]


def _require_attack(parameters: Tree, attack_steps: int, **sizes: ArrayLike) -> None:
    problems = negative(**sizes)
    if attack_steps < 1:
        problems.append(f"`attack_steps` must be at least 1, got {attack_steps}")
    if not jax.tree.leaves(parameters):
        problems.append("there are no parameters to attack; values marked `Constant` are none")
    if problems:
        raise ValueError("\n".join(problems))
