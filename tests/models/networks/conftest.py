from collections.abc import Callable
from typing import Any

import jax
import optax
import pytest

from xylograph.models import JaxModule
from xylograph.models.training import rate_cross_entropy


def _losses(
    network: JaxModule, data: Any, labels: Any, learning_rate: float, n_steps: int = 30
) -> list[float]:
    """The loss before each of some steps of gradient descent."""
    optimizer = optax.adam(learning_rate)

    def loss(parameters: Any) -> Any:
        output, _, _ = network.set_attributes(parameters)(data)
        return rate_cross_entropy(output, labels, scale=0.2)

    @jax.jit
    def step(carried: Any, _: Any) -> Any:
        parameters, state = carried
        value, gradients = jax.value_and_grad(loss)(parameters)
        updates, state = optimizer.update(gradients, state)
        return (optax.apply_updates(parameters, updates), state), value

    start = network.parameters()
    _, losses = jax.lax.scan(step, (start, optimizer.init(start)), length=n_steps)
    return losses.tolist()


@pytest.fixture(scope="session")
def losses_of_training() -> Callable[..., list[float]]:
    return _losses
