from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from xylograph.models.training import relative_to

SCALES: Any = {"w": jnp.array([0.1, 10.0]), "b": jnp.array(2.0)}
START: Any = {"w": jnp.array([1.0, -2.0]), "b": jnp.array(0.5)}


def descend(optimizer: optax.GradientTransformation, start: Any, loss: Any) -> Any:
    state, point = optimizer.init(start), start
    for _ in range(5):
        updates, state = optimizer.update(jax.grad(loss)(point), state, point)
        point = optax.apply_updates(point, updates)
    return point


def loss(point: Any) -> jax.Array:
    return jnp.sum((point["w"] - jnp.array([2.0, 3.0])) ** 2) + point["b"] ** 2


@pytest.mark.parametrize(
    "optimizer",
    [optax.sgd(0.01, momentum=0.9), optax.adam(0.05), optax.adamw(0.05, weight_decay=0.1)],
    ids=["sgd", "adam", "adamw"],
)
def test_it_is_training_in_other_units(optimizer: optax.GradientTransformation) -> None:
    found = descend(relative_to(optimizer, SCALES), START, loss)
    in_units = jax.tree.map(jnp.divide, START, SCALES)
    expected = descend(
        optimizer, in_units, lambda units: loss(jax.tree.map(jnp.multiply, units, SCALES))
    )
    for name in START:
        np.testing.assert_allclose(found[name] / SCALES[name], expected[name], rtol=1e-4)


def test_optimizers_that_need_no_parameters_get_none() -> None:
    steps = relative_to(optax.sgd(1.0), SCALES)
    updates: Any = None
    updates, _ = steps.update(START, steps.init(START))
    np.testing.assert_allclose(updates["w"], -(SCALES["w"] ** 2) * START["w"], rtol=1e-6)
