"""`relative_to`: learning rates in the units of each parameter."""

from typing import Any

import jax
import jax.numpy as jnp
import optax


def relative_to(
    optimizer: optax.GradientTransformation, scales: Any
) -> optax.GradientTransformation:
    """An optimizer that sees parameters, gradients and updates in units of `scales`.

    A neuron with long time constants wants small weights, one with short ones large weights. An
    optimizer such as Adam moves all by the same step, which is little for one and upsets the
    other. Training `p` with this is training `p / scale` with the optimizer itself.

    Args:
        optimizer: any optax transformation.
        scales: a tree like the parameters, each leaf broadcasting against the parameter's.

    Returns:
        The transformation.

    >>> steps = relative_to(optax.sgd(1.0), {"w": jnp.array(0.1)})
    >>> state = steps.init({"w": jnp.array(2.0)})
    >>> updates, state = steps.update({"w": jnp.array(1.0)}, state, {"w": jnp.array(2.0)})
    >>> round(float(updates["w"]), 4)
    -0.01
    """

    def in_units(tree: Any) -> Any:
        return None if tree is None else jax.tree.map(jnp.divide, tree, scales)

    def scaled(tree: Any) -> Any:
        return jax.tree.map(jnp.multiply, tree, scales)

    def init(params: Any) -> Any:
        return optimizer.init(in_units(params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        updates, state = optimizer.update(scaled(updates), state, in_units(params))
        return scaled(updates), state

    return optax.GradientTransformation(init, update)
