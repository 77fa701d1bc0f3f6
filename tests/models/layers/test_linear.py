from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import Fill, LinearJax

WEIGHT = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("shape", [(2,), (5, 2), (4, 5, 2), (1, 0, 2), (3, 4, 5, 2)])
def test_the_last_axis_is_mapped_and_the_others_are_kept(shape: tuple) -> None:
    data = np.random.default_rng(0).normal(size=shape)
    output, state, record = LinearJax((2, 3), weight=WEIGHT)(data, record=True)
    np.testing.assert_allclose(output, data @ WEIGHT, atol=1e-6)
    assert (state, record) == ({}, {})


def test_a_bias_is_added() -> None:
    layer = LinearJax((2, 3), weight=WEIGHT, bias=[1.0, 2.0, 3.0])
    np.testing.assert_array_equal(layer(np.zeros((1, 2)))[0], [[1, 2, 3]])
    assert list(layer.parameters("biases")) == ["bias"]


def test_without_a_bias_it_is_zero_and_no_parameter() -> None:
    layer = LinearJax((2, 3))
    assert layer.bias == 0
    assert list(layer.parameters()) == ["weight"]


def test_a_bias_is_drawn_where_asked_for() -> None:
    layer = LinearJax((2, 3), has_bias=True, bias_init_func=Fill(0.5))
    np.testing.assert_array_equal(layer.bias, [0.5, 0.5, 0.5])


def test_a_key_fixes_weights_and_biases() -> None:
    keys = (jax.random.key(3), jax.random.key_data(jax.random.key(3)))
    one, other = (LinearJax((2, 3), has_bias=True, rng_key=key) for key in keys)
    np.testing.assert_array_equal(one.weight, other.weight)
    np.testing.assert_array_equal(one.bias, other.bias)


def test_without_a_key_numpys_seed_decides() -> None:
    drawn = []
    for _ in range(2):
        np.random.seed(0)
        drawn.append(LinearJax((2, 3)).weight)
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("shape", [3, (3,), (2, 3, 4), (2, 0), (None, 2)])
def test_other_shapes_are_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match=r"`LinearJax` takes the shape `\(n_in, n_out\)`, each"):
        LinearJax(shape)


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_a_value_that_does_not_fit_is_refused_by_its_name(name: str) -> None:
    given: dict[str, Any] = {name: np.ones(5)}
    with pytest.raises(ValueError, match=rf"`{name}` must be of shape .* got \(5,\)"):
        LinearJax((2, 3), **given)


def test_transposed_weights_are_refused() -> None:
    message = r"`weight` must be of shape \(2, 3\), got \(3, 2\); reshaping is not permitted"
    with pytest.raises(ValueError, match=message):
        LinearJax((2, 3), weight=WEIGHT.T)


@pytest.mark.parametrize("data", [np.ones((4, 3)), np.ones(()), np.ones((4, 1))])
def test_a_wrong_number_of_channels_is_refused(data: np.ndarray) -> None:
    with pytest.raises(ValueError, match="LinearJax: input of shape .* must have 2 channels on"):
        LinearJax((2, 3))(data)


def test_complex_input_is_refused() -> None:
    with pytest.raises(TypeError, match="LinearJax: the input must be real numbers"):
        LinearJax((2, 3))(np.ones((4, 2)) * 1j)


@pytest.mark.parametrize("kind", [bool, np.int8, np.float16, np.float64])
def test_weights_and_output_have_the_default_precision(kind: Any) -> None:
    layer = LinearJax((2, 3), weight=WEIGHT)
    assert (layer.weight.dtype, layer(np.ones((1, 2), kind))[0].dtype) == (jnp.float32,) * 2


def test_64_bit_floats_are_used_where_these_are_on(x64: None) -> None:
    layer = LinearJax((2, 3), has_bias=True)
    assert (layer.weight.dtype, layer(np.ones((1, 2)))[0].dtype) == (jnp.float64,) * 2
