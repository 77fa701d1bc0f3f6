from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from xylograph.models import InstantJax

DATA = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)


def test_the_function_is_applied_to_the_batch() -> None:
    output, state, record = InstantJax(4, jnp.sin)(DATA, record=True)
    np.testing.assert_allclose(output, np.sin(DATA), atol=1e-6)
    assert (state, record) == ({}, {})


def test_without_a_function_the_input_comes_back() -> None:
    np.testing.assert_array_equal(InstantJax(4)(DATA)[0], DATA)


def test_a_function_sees_a_raster_as_a_batch() -> None:
    assert InstantJax(4, jnp.cos)(DATA[0])[0].shape == (1, 5, 4)


def test_a_function_may_change_the_channels_and_the_time() -> None:
    module = InstantJax((4, 2), lambda data: data[:, ::2, :2])
    np.testing.assert_array_equal(module(DATA)[0], DATA[:, ::2, :2])


def test_gradients_are_differences(x64: None) -> None:
    module = InstantJax(4, jnp.tanh)
    check_grads(lambda data: module(data)[0], (DATA.astype(float),), order=1, eps=1e-6)


@pytest.mark.parametrize("function", [lambda x: x[..., :3], lambda x: x[0], jnp.sum])
def test_an_output_of_another_shape_is_refused(function: Any) -> None:
    message = r"InstantJax: `function` must give `\(batch, time, 4\)`, got .* of \(2, 5, 4\)"
    with pytest.raises(ValueError, match=message):
        InstantJax(4, function)(DATA)


@pytest.mark.parametrize("shape", [None, (None, 2), (2, None)])
def test_without_a_shape_it_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match=r"`InstantJax` takes the shape `N` or `\(n_in, n_out\)`"):
        InstantJax(shape)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(ValueError, match="InstantJax: `function` must be callable, got 'relu'"):
        InstantJax(3, "relu")


def test_lambdas_built_alike_do_not_compile_again() -> None:
    traced = []

    @jax.jit
    def run(module: Any, data: Any) -> Any:
        traced.append(1)
        return module(data)[0]

    for _ in range(2):
        run(InstantJax(4, lambda data: 2 * data), DATA)
    assert len(traced) == 1
