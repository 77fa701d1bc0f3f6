from collections import OrderedDict
from typing import Any

import jax
import numpy as np
import pytest

from xylograph.models import (
    FFwdStack,
    JaxFFwdStack,
    JaxModule,
    LIFJax,
    LinearJax,
    Sequential,
    kaiming,
)


class Anything(JaxModule):
    """A module that takes what comes."""

    def __init__(self) -> None:
        super().__init__(None)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        return input_data, {}, {}


def counts(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).poisson(0.7, shape)


def stack(seed: int = 0) -> JaxFFwdStack:
    return FFwdStack(
        LIFJax((4, 2)),
        LIFJax(3),
        LIFJax(3),
        weight_init_func=kaiming,
        rng_key=jax.random.key(seed),
    )


def test_it_is_a_chain_with_weights_between() -> None:
    net = stack().set_attributes({"0_1_weight": np.full((2, 3), 0.7)})
    weights = net.parameters("weights")
    chain = Sequential(
        net[0],
        LinearJax((2, 3), weight=weights["0_1_weight"]),
        net[1],
        LinearJax((3, 3), weight=weights["1_2_weight"]),
        net[2],
    )
    data = counts(2, 9, 4)
    output, state, record = net(data, record=True)
    expected, chain_state, chain_record = chain(data, record=True)
    np.testing.assert_array_equal(output, expected)
    np.testing.assert_array_equal(state["2_LIFJax"]["vmem"], chain_state["4_LIFJax"]["vmem"])
    np.testing.assert_array_equal(record["1_LIFJax"]["isyn"], chain_record["2_LIFJax"]["isyn"])
    np.testing.assert_array_equal(record["0_LIFJax_output"], chain_record["0_LIFJax_output"])
    assert list(state) == ["0_LIFJax", "1_LIFJax", "2_LIFJax"]


def test_the_last_output_is_not_recorded_twice() -> None:
    _, _, record = stack()(counts(2, 9, 4), record=True)
    assert list(record) == [
        "0_LIFJax",
        "0_LIFJax_output",
        "1_LIFJax",
        "1_LIFJax_output",
        "2_LIFJax",
    ]


def test_weights_are_parameters_and_come_before_the_children() -> None:
    assert list(stack().parameters()) == [
        "0_1_weight",
        "1_2_weight",
        "0_LIFJax",
        "1_LIFJax",
        "2_LIFJax",
    ]
    assert {name: w.shape for name, w in stack().parameters("weights").items()} == {
        "0_1_weight": (2, 3),
        "1_2_weight": (3, 3),
    }


def test_weights_are_zero_unless_said_otherwise() -> None:
    net = FFwdStack(LIFJax(4), LIFJax(2))
    np.testing.assert_array_equal(getattr(net, "0_1_weight"), np.zeros((4, 2)))
    fresh = net.set_attributes({"0_1_weight": np.ones((4, 2))}).reset_parameters()
    np.testing.assert_array_equal(getattr(fresh, "0_1_weight"), np.zeros((4, 2)))


def test_one_key_gives_one_network() -> None:
    first, again, other = (stack(seed).parameters("weights") for seed in (0, 0, 1))
    np.testing.assert_array_equal(first["1_2_weight"], again["1_2_weight"])
    assert np.all(first["0_1_weight"] != other["0_1_weight"])
    square = FFwdStack(
        LIFJax(3), LIFJax(3), LIFJax(3), weight_init_func=kaiming, rng_key=jax.random.key(0)
    ).parameters("weights")
    assert np.all(square["0_1_weight"] != square["1_2_weight"])


def test_children_are_found_by_position_and_name() -> None:
    net = stack()
    assert net[0] is net[-3] is net["0_LIFJax"]
    assert (len(net), [*net][2]) == (3, net[2])
    with pytest.raises(TypeError, match="'slice' object cannot be interpreted as an integer"):
        net[1:]


@pytest.mark.parametrize("mapping", [dict, OrderedDict])
def test_a_dict_names_children(mapping: Any) -> None:
    net = FFwdStack(mapping(first=LIFJax(2), second=LIFJax(2)), LIFJax(2))
    assert list(net.modules()) == ["first", "second", "1_LIFJax"]
    assert isinstance(net, JaxFFwdStack)


def test_shape_and_flags_come_from_the_first_and_the_last() -> None:
    net = FFwdStack(LIFJax((4, 2), spiking_input=True), LIFJax(3, spiking_output=False))
    assert (net.shape, net.spiking_input, net.spiking_output) == ((4, 3), True, False)


@pytest.mark.parametrize("n", [0, 1])
def test_at_least_two_modules_are_needed(n: int) -> None:
    with pytest.raises(ValueError, match=f"`JaxFFwdStack` needs at least two modules, got {n}"):
        FFwdStack(*[LIFJax(2)] * n)


def test_all_that_is_wrong_is_named() -> None:
    with pytest.raises(ValueError) as error:
        FFwdStack({"a": Anything()}, {"a": Anything()})
    assert str(error.value).splitlines() == [
        "`JaxFFwdStack` has a submodule `a` already",
        "submodule `a` must have a size where weights are attached, its shape is (None,)",
        "submodule `a` must have a size where weights are attached, its shape is (None,)",
    ]


@pytest.mark.parametrize("keyword", ["shape", "spiking_input", "spiking_output"])
def test_what_follows_from_the_modules_is_refused(keyword: str) -> None:
    message = f"`JaxFFwdStack` takes `{keyword}` from its modules; do not give it"
    with pytest.raises(ValueError, match=message):
        FFwdStack(LIFJax(2), LIFJax(2), weight_init_func=kaiming, **{keyword: True})


def test_unknown_keywords_and_things_that_are_no_modules_are_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'weights'"):
        FFwdStack(LIFJax(2), LIFJax(2), weights=1)
    with pytest.raises(TypeError, match="`JaxFFwdStack` takes JaxModules, got NoneType"):
        FFwdStack(LIFJax(2), None)
