from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import JaxModule, LIFJax, LinearJax, Parameter, Sequential, State
from xylograph.models.training import clip_gradient, evolve_truncated

KEY = jax.random.key(0)


class Leaky(JaxModule):
    """`x <- decay * x + input`, so that gradients have a closed form.

    The new state is that of the first sample, whatever the state was.
    """

    def __init__(self, decay: float = 0.9) -> None:
        super().__init__(1)
        self.decay: Any = Parameter(decay)
        self.x: Any = State(np.zeros(1))
        self.count: Any = State(np.zeros((), dtype=int))

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        def step(x: Any, given: Any) -> Any:
            x = self.decay * x + given
            return x, x

        start = jnp.broadcast_to(self.x, input_data[:, 0].shape)
        last, seen = jax.lax.scan(step, start, jnp.moveaxis(input_data, 1, 0))
        seen = jnp.moveaxis(seen, 0, 1)
        return seen, {"x": last[0], "count": self.count + 1}, {"x": seen}


def network() -> Any:
    return Sequential(
        LinearJax((3, 6), rng_key=KEY),
        # Weights against runaway activity: what is large is rounded coarsely.
        LIFJax(6, has_rec=True, w_rec=0.1 * jax.random.normal(KEY, (6, 6)), rng_key=KEY),
        LinearJax((6, 2), rng_key=KEY),
    )


RASTER = np.random.default_rng(0).poisson(0.7, (2, 10, 3)).astype(np.float32)
SIGNAL = np.random.default_rng(0).normal(size=(2, 10, 1)).astype(np.float32)


@pytest.mark.parametrize("n_steps", [4, 5, 100])
def test_the_run_is_that_of_the_module(n_steps: int) -> None:
    net = network()
    found = evolve_truncated(net, RASTER, n_steps, record=True)
    expected = net(RASTER, record=True)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for (path, a), b in zip(
        jax.tree_util.tree_leaves_with_path(found), jax.tree.leaves(expected), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=jax.tree_util.keystr(path))


def test_each_sample_carries_a_state_of_its_own_in_any_module() -> None:
    output, new_state, record = evolve_truncated(Leaky(), SIGNAL, 3, record=True)
    expected = Leaky()(SIGNAL)[0]
    np.testing.assert_allclose(output, expected, rtol=1e-5)
    np.testing.assert_allclose(record["x"], expected, rtol=1e-5)
    np.testing.assert_allclose(new_state["x"], expected[0, -1], rtol=1e-5)
    assert int(new_state["count"]) == 4  # pieces


def test_a_single_raster_gets_a_batch_axis() -> None:
    np.testing.assert_allclose(
        evolve_truncated(Leaky(), SIGNAL[1], 5)[0], Leaky()(SIGNAL[1:])[0], rtol=1e-5
    )


def gradient_of_the_end(n_steps: int, clip: float | None = None) -> np.ndarray:
    """Of the last output of the first sample, by the input."""

    def end(signal: Any) -> Any:
        return evolve_truncated(Leaky(0.9), signal, n_steps, clip=clip)[0][0, -1, 0]

    return np.asarray(jax.jit(jax.grad(end))(jnp.asarray(SIGNAL)))[0, :, 0]


def test_the_gradient_reaches_back_to_the_beginning_of_its_piece() -> None:
    powers = 0.9 ** np.arange(10)[::-1]
    np.testing.assert_allclose(gradient_of_the_end(10), powers, rtol=1e-5)
    # Pieces 0-3, 4-7, 8-9.
    expected = np.where(np.arange(10) >= 8, powers, 0.0)
    np.testing.assert_allclose(gradient_of_the_end(4), expected, rtol=1e-5)
    expected = np.where(np.arange(10) >= 5, powers, 0.0)
    np.testing.assert_allclose(gradient_of_the_end(5), expected, rtol=1e-5)


def test_between_pieces_the_gradient_may_be_clipped_instead() -> None:
    powers = 0.9 ** np.arange(10)[::-1]
    np.testing.assert_allclose(gradient_of_the_end(5, clip=9.0), powers, rtol=1e-5)
    # What comes back to step 4 is 0.9^5 = 0.59 and becomes 0.1.
    clipped = np.where(np.arange(10) >= 5, powers, 0.1 * 0.9 ** np.arange(10)[::-1] / 0.9**5)
    np.testing.assert_allclose(gradient_of_the_end(5, clip=0.1), clipped, rtol=1e-5)


def test_the_state_from_before_the_raster_keeps_its_gradient() -> None:
    def first(x: Any) -> Any:
        return evolve_truncated(Leaky(0.5).set_attributes({"x": x}), SIGNAL, 4)[0][0, 1, 0]

    np.testing.assert_allclose(jax.grad(first)(jnp.ones(1)), 0.25, rtol=1e-6)


def test_with_a_batched_state_all_samples_go_on_where_they_ended() -> None:
    net = network().batch_state(2)
    whole = network()(RASTER)[0]
    output, new_state, _ = evolve_truncated(net, RASTER[:, :6], 4)
    assert new_state["1_LIFJax"]["vmem"].shape == (2, 6)
    assert new_state["1_LIFJax"]["rng_key"].shape == (2,)
    rest, _, _ = evolve_truncated(net.set_attributes(new_state), RASTER[:, 6:], 4)
    np.testing.assert_allclose(np.concatenate([output, rest], axis=1), whole, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"the state is of 2 samples, the input of 1; `unbatch_st"):
        evolve_truncated(net, RASTER[:1], 4)


def test_noise_differs_between_samples_and_pieces() -> None:
    noisy = LIFJax(4, noise_std=1.0, rng_key=KEY)
    _, _, record = evolve_truncated(noisy, np.zeros((2, 6, 4)), 3, record=True)
    vmem = np.asarray(record["vmem"])
    assert np.all(vmem[0] != vmem[1])
    assert np.all(vmem[:, 0] != vmem[:, 3])
    expected = noisy(np.zeros((1, 3, 4)), record=True)[2]["vmem"][0]
    np.testing.assert_allclose(vmem[0, :3], expected, rtol=1e-6)


def test_pieces_of_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="`n_steps` must be at least 1, got 0"):
        evolve_truncated(Leaky(), SIGNAL, 0)


def test_a_gradient_is_clipped_element_by_element_and_the_value_is_not() -> None:
    value = {"a": jnp.array([1.0, -2.0, 3.0]), "b": jnp.array(4.0)}
    weights = {"a": jnp.array([0.5, 7.0, -9.0]), "b": jnp.array(1e9)}

    def total(tree: Any) -> Any:
        clipped = clip_gradient(-1.0, 2.0, tree)
        jax.tree.map(np.testing.assert_array_equal, jax.tree.map(jnp.shape, clipped), shapes)
        return sum(jnp.sum(weights[name] * clipped[name]) for name in tree)

    shapes = jax.tree.map(jnp.shape, value)
    gradient = jax.grad(total)(value)
    np.testing.assert_array_equal(gradient["a"], [0.5, 2.0, -1.0])
    assert float(gradient["b"]) == 2.0
    jax.tree.map(np.testing.assert_array_equal, clip_gradient(-1.0, 2.0, value), value)
