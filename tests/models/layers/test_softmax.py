from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from xylograph.models import Constant, ExpSynJax, LinearJax, LogSoftmaxJax, SoftmaxJax

DATA = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)
WEIGHT = np.random.default_rng(1).normal(size=(4, 3))
EACH = pytest.mark.parametrize("cls", [SoftmaxJax, LogSoftmaxJax])


def by_hand(data: np.ndarray, bias: np.ndarray, tau: float) -> np.ndarray:
    """Softmax of the smoothed currents, one sample and step at a time, in 64 bits."""
    decay = np.exp(-1e-3 / tau)
    output = np.zeros((*data.shape[:2], 3))
    for b, sample in enumerate(data):
        isyn = np.zeros(3)
        for t, arriving in enumerate(sample):
            isyn = (isyn + arriving @ WEIGHT + bias) * decay
            output[b, t] = np.exp(isyn) / np.exp(isyn).sum()
    return output


@EACH
def test_each_step_is_a_softmax_over_the_classes(cls: Any) -> None:
    bias = np.array([0.1, -0.2, 0.3])
    output, _, _ = cls(weight=WEIGHT, bias=bias, tau=5e-3)(DATA)
    expected = by_hand(DATA, bias, 5e-3)
    expected = expected if cls is SoftmaxJax else np.log(expected)
    np.testing.assert_allclose(output, expected, atol=1e-5)


@EACH
def test_large_currents_give_numbers(cls: Any) -> None:
    output, _, _ = cls(weight=1e6 * WEIGHT, has_bias=False)(DATA)
    assert np.all(np.isfinite(output))


def test_the_logarithm_is_kept_where_the_softmax_vanishes() -> None:
    output, _, _ = LogSoftmaxJax(weight=[[0.0, 200.0]], has_bias=False, tau=1e9)([[1.0]])
    np.testing.assert_allclose(output[0, 0], [-200.0, 0.0], rtol=1e-5)


@EACH
def test_gradients_are_differences(cls: Any, x64: None) -> None:
    module = cls((4, 3), rng_key=jax.random.key(0))
    weights = np.random.default_rng(2).normal(size=(2, 6, 3))

    def loss(parameters: Any, data: Any) -> jax.Array:
        return jnp.sum(weights * module.set_attributes(parameters)(data)[0])

    at = (module.parameters(), DATA.astype(float))
    check_grads(jax.jit(loss), at, order=1, modes=["rev"], eps=1e-6)


@EACH
def test_states_and_records_nest_under_the_two_submodules(cls: Any) -> None:
    module = cls((4, 3))
    _, state, record = module(DATA, record=True)
    assert {name: sorted(inner) for name, inner in state.items()} == {
        "linear": [],
        "smooth": ["isyn", "rng_key"],
    }
    assert record == {"linear": {}, "smooth": {}}
    assert [type(child) for child in module.modules().values()] == [LinearJax, ExpSynJax]
    assert list(module.simulation_parameters()) == ["activation_fn", "linear", "smooth"]


@EACH
@pytest.mark.parametrize("weight", [WEIGHT, jnp.asarray(WEIGHT), Constant(WEIGHT)])
def test_the_shape_is_that_of_the_weights(cls: Any, weight: Any) -> None:
    module = cls(weight=weight)
    assert module.shape == (4, 3)
    np.testing.assert_allclose(module.linear.weight, WEIGHT, rtol=1e-6)


def test_a_constant_carried_weight_gives_the_shape() -> None:
    assert SoftmaxJax(weight=Constant(jnp.asarray(WEIGHT))).shape == (4, 3)


@EACH
def test_there_are_biases_unless_they_are_switched_off(cls: Any) -> None:
    assert list(cls((4, 3)).parameters("biases")) == ["linear"]
    without = cls(weight=WEIGHT, has_bias=False)
    assert without.parameters("biases") == {}
    run = jax.jit(lambda module, data: module(data)[0])
    np.testing.assert_allclose(run(without, DATA), without(DATA)[0], atol=1e-5)


@EACH
def test_without_shape_and_weights_it_is_refused(cls: Any) -> None:
    with pytest.raises(ValueError, match=f"`{cls.__name__}` needs a shape or weights; neither was"):
        cls()


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`weight` must be of shape \(4, 2\), got \(4, 3\)"):
        SoftmaxJax((4, 2), weight=WEIGHT)


def test_a_key_fixes_the_weights() -> None:
    one, other = (LogSoftmaxJax((4, 3), rng_key=jax.random.key(5)) for _ in range(2))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)
