from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from jax.test_util import check_grads

from xylograph.models import H_LReLU, H_ReLU, H_sigmoid, H_tanh
from xylograph.models._activations import activation_called, takes_threshold

X = np.linspace(-3, 3, 25)
# With NumPy, written otherwise than in the package.
BY_HAND = {
    H_ReLU: lambda x, th: np.maximum(x - th, 0),
    H_LReLU: lambda x, th: np.where(x >= th, x - th, 0.01 * (x - th)),
    H_tanh: lambda x, th: 1 - 2 / (np.exp(2 * (x - th)) + 1),
    H_sigmoid: lambda x, th: 1 / (1 + np.exp(-2 * (x - th))),
}
EACH = pytest.mark.parametrize("function", BY_HAND, ids=lambda function: function.__name__)


@EACH
@pytest.mark.parametrize("threshold", [0.0, 0.75, -1.3])
def test_values_are_those_of_the_formula(function: Any, threshold: float) -> None:
    expected = BY_HAND[function](X, threshold)
    np.testing.assert_allclose(function(X, threshold), expected, atol=1e-6)


@EACH
def test_without_a_threshold_it_is_zero(function: Any) -> None:
    np.testing.assert_array_equal(function(X), function(X, 0.0))


@EACH
def test_slopes_are_differences(function: Any, x64: None) -> None:
    away = X[np.abs(X - 0.3) > 0.1]
    check_grads(function, (away, np.full(len(away), 0.3)), order=1, eps=1e-5)


@EACH
@given(x=st.floats(width=32), threshold=st.floats(-1e3, 1e3, width=32))
@settings(deadline=None)
def test_every_number_gives_a_number(function: Any, x: float, threshold: float) -> None:
    assert bool(jnp.isnan(function(x, threshold))) == np.isnan(x)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("relu", H_ReLU),
        ("R", H_ReLU),
        ("sigmoid", H_sigmoid),
        ("Sig", H_sigmoid),
        ("s", H_sigmoid),
        ("TANH", H_tanh),
        ("t", H_tanh),
        (jnp.tanh, jnp.tanh),
    ],
)
def test_activations_go_by_names(name: Any, function: Any) -> None:
    assert activation_called(name) is function


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    message = "there is no activation function `swish`; known are `relu`, `r`, `sigmoid`, `sig`, "
    with pytest.raises(ValueError, match=message):
        activation_called("swish")


@pytest.mark.parametrize("wanted", [3, None, [jnp.tanh]])
def test_what_is_no_function_is_refused(wanted: Any) -> None:
    with pytest.raises(ValueError, match="an activation function is a name or callable, got"):
        activation_called(wanted)


@pytest.mark.parametrize("function", [lambda: 0, lambda x, y, z: x, lambda *, x: x])
def test_functions_of_other_arguments_are_refused(function: Any) -> None:
    with pytest.raises(ValueError, match="an activation function takes `x` or `x, threshold`; <f"):
        activation_called(function)


@pytest.mark.parametrize(
    ("function", "takes"),
    [
        (H_ReLU, True),
        (lambda x, th: x, True),
        (lambda x, threshold=0.0: x, True),
        (partial(H_tanh, threshold=0.5), False),
        (lambda *arguments: arguments[0], False),
        (lambda x, slope=0.1: x, False),
        (jnp.tanh, False),
        (jax.nn.relu, False),
        (jax.nn.elu, False),
        (np.tanh, False),
    ],
)
def test_the_threshold_goes_to_functions_that_take_one(function: Any, takes: bool) -> None:
    assert takes_threshold(function) == takes
