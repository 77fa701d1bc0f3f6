import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from xylograph.models._over_time import over_time


def add(state: dict, arriving: tuple) -> tuple[dict, dict]:
    total = state["total"] + arriving[0] * arriving[1]
    return {"total": total}, {"seen": total, "doubled": 2 * total}


def test_states_go_from_step_to_step_and_outputs_come_batch_first() -> None:
    data = np.random.default_rng(0).normal(size=(2, 5, 3))
    weights: ArrayLike = np.random.default_rng(1).normal(size=(2, 5, 3))
    last, outputs = over_time(
        add, {"total": jnp.ones((2, 3))}, (jnp.asarray(data), jnp.asarray(weights))
    )
    expected = 1 + np.cumsum(data * weights, axis=1)
    np.testing.assert_allclose(outputs["seen"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs["doubled"], 2 * expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last["total"], expected[:, -1], rtol=1e-5, atol=1e-6)


def test_without_time_the_state_stays() -> None:
    data = jnp.zeros((2, 0, 3))
    last, outputs = over_time(add, {"total": jnp.ones((2, 3))}, (data, data))
    np.testing.assert_array_equal(last["total"], 1)
    assert outputs["seen"].shape == (2, 0, 3)
