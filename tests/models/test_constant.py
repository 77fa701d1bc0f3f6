import copy
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import Constant, LIFJax, LinearJax, Parameter, State

VALUES = [0.5, 3, [1.0, 2.0], np.float32(0.5), np.ones(2), jnp.ones(2), None, True, "text"]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_the_bare_value_comes_back(value: Any) -> None:
    constant = Constant(value)
    assert isinstance(constant, Constant)
    np.testing.assert_array_equal(constant.value, value)
    assert not isinstance(constant.value, Constant)


@pytest.mark.parametrize(
    "value", [0.5, 3, [1.0, 2.0], np.ones(2)], ids=["float", "int", "list", "array"]
)
def test_numbers_lists_and_arrays_go_on_behaving_as_what_they_are(value: Any) -> None:
    constant = Constant(value)
    assert isinstance(constant, type(value))
    np.testing.assert_array_equal(np.multiply(constant, 2), np.multiply(value, 2))


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_a_copy_is_constant_too(value: Any, copied: Any) -> None:
    constant = copied(Constant(value))
    assert isinstance(constant, Constant)
    np.testing.assert_array_equal(constant.value, value)


def test_a_constant_of_a_constant_is_itself() -> None:
    constant = Constant(0.5)
    assert Constant(constant) is constant


def test_it_shows_what_it_holds() -> None:
    assert [repr(Constant(value)) for value in (0.5, 3, [1], True)] == [
        "Constant(0.5)",
        "Constant(3)",
        "Constant([1])",
        "Constant(True)",
    ]


@pytest.mark.parametrize("value", [0.02, 1, [0.02, 0.03], np.full(2, 0.02), jnp.full(2, 0.02)])
def test_a_parameter_given_one_becomes_a_simulation_parameter_of_its_family(value: Any) -> None:
    lif = LIFJax(2, tau_mem=Constant(value))
    assert "tau_mem" not in lif.parameters()
    assert list(lif.simulation_parameters("taus")) == ["tau_mem"]
    np.testing.assert_allclose(lif.tau_mem, value, rtol=1e-6)
    assert isinstance(lif.tau_mem, jax.Array)


def test_constant_weights_are_not_differentiated() -> None:
    layer = LinearJax((2, 2), weight=Constant(np.ones((2, 2))))
    assert layer.parameters() == {}
    assert list(layer.simulation_parameters("weights")) == ["weight"]


def test_constant_of_none_makes_the_default_constant() -> None:
    lif = LIFJax(2, threshold=Constant(None))
    assert "threshold" not in lif.parameters()
    np.testing.assert_array_equal(lif.threshold, 1)


def test_a_constant_is_not_touched_by_resets() -> None:
    lif = LIFJax(2, tau_mem=Constant(0.05)).set_attributes({"tau_mem": 0.07})
    np.testing.assert_allclose(lif.reset_parameters().tau_mem, 0.07, rtol=1e-6)


def test_a_state_stays_a_state() -> None:
    assert State(Constant(1.0)).declaration.kind == "state"
    assert Parameter(Constant(1.0)).declaration.kind == "simulation_parameter"
