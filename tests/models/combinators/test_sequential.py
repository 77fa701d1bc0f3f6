from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from xylograph.models import JaxModule, JaxSequential, LIFJax, LinearJax, Parameter, Sequential


class Anything(JaxModule):
    """A module that takes what comes."""

    def __init__(self, spiking_input: bool = False) -> None:
        super().__init__(None, spiking_input=spiking_input)
        self.gain: Any = Parameter(2.0)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        return input_data * self.gain, {}, {}


def small() -> JaxSequential:
    return Sequential(LinearJax((2, 3), weight=np.full((2, 3), 0.4)), LIFJax(3))


def test_children_run_one_after_the_other() -> None:
    net = small()
    data = np.random.default_rng(0).poisson(0.5, (2, 9, 2))
    output, state, record = net(data, record=True)
    expected, inner_state, inner_record = net[1](net[0](data), record=True)
    np.testing.assert_array_equal(output, expected)
    assert list(state) == ["0_LinearJax", "1_LIFJax"]
    np.testing.assert_array_equal(state["1_LIFJax"]["vmem"], inner_state["1_LIFJax"]["vmem"])
    assert list(record) == [
        "0_LinearJax",
        "0_LinearJax_output",
        "1_LIFJax",
        "1_LIFJax_output",
    ]
    np.testing.assert_array_equal(record["1_LIFJax_output"], output)
    np.testing.assert_array_equal(record["1_LIFJax"]["vmem"], inner_record["1_LIFJax"]["vmem"])


def test_children_are_named_by_position_and_class() -> None:
    assert list(Sequential(LIFJax(2), LIFJax(2)).modules()) == ["0_LIFJax", "1_LIFJax"]


@pytest.mark.parametrize("mapping", [dict, OrderedDict])
def test_a_dict_names_children(mapping: Any) -> None:
    net = Sequential(mapping(first=LIFJax(2), second=LIFJax(2)), LIFJax(2))
    assert list(net.modules()) == ["first", "second", "1_LIFJax"]


def test_children_are_found_by_position_and_name() -> None:
    net = small()
    assert net[0] is net[-2] is net["0_LinearJax"] is getattr(net, "0_LinearJax")
    assert [*net] == [net[0], net[1]]
    assert len(net) == 2


def test_a_slice_is_a_chain_of_the_same_names() -> None:
    net = Sequential(LinearJax((2, 3)), LIFJax(3), LinearJax((3, 1)))
    tail = net[1:]
    assert isinstance(tail, JaxSequential)
    assert (list(tail.modules()), tail.shape) == (["1_LIFJax", "2_LinearJax"], (3, 1))


@pytest.mark.parametrize(("key", "error"), [(2, IndexError), (-3, IndexError), ("x", KeyError)])
def test_a_child_that_does_not_exist_is_an_error(key: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        small()[key]


def test_shape_and_flags_come_from_the_first_and_the_last() -> None:
    net = Sequential(LIFJax((4, 2), spiking_input=True), LinearJax((2, 5)))
    assert (net.shape, net.spiking_input, net.spiking_output) == ((4, 5), True, False)


def test_a_chain_of_nothing_gives_back_its_input() -> None:
    net = Sequential()
    data = np.ones((2, 3))
    assert (net.shape, len(net)) == ((0, 0), 0)
    output, state, record = net(data, record=True)
    assert output is data
    assert (state, record) == ({}, {})


def test_appending_lengthens_the_chain() -> None:
    net = Sequential()
    net.append(LinearJax((2, 3)))
    net.append(LIFJax(3), "neurons")
    net.append(LIFJax(3))
    assert list(net.modules()) == ["0_LinearJax", "neurons", "2_LIFJax"]
    assert net.shape == (2, 3)


def test_sizes_must_chain() -> None:
    message = (
        r"The output of submodule 0 \(LinearJax\) does not match the input shape of submodule 1 "
        r"\(LIFJax\): 3 ≠ 5"
    )
    with pytest.raises(ValueError, match=message):
        Sequential(LinearJax((2, 3)), LIFJax(5))
    with pytest.raises(ValueError, match=message):
        Sequential(LinearJax((2, 3))).append(LIFJax(5))


def test_a_module_of_any_size_fits_everywhere() -> None:
    net = Sequential(Anything(), LinearJax((2, 3)), Anything(), LIFJax(4))
    assert net.shape == (None, 4)


def test_a_name_is_taken_once() -> None:
    net = Sequential({"a": LIFJax(2)})
    with pytest.raises(ValueError, match="`JaxSequential` has a submodule `a` already"):
        net.append(LIFJax(2), "a")


@pytest.mark.parametrize("entry", [3, None, "LIFJax", LIFJax, [LIFJax(2)]])
def test_only_modules_are_taken(entry: Any) -> None:
    with pytest.raises(TypeError, match="`JaxSequential` takes JaxModules, got "):
        Sequential(entry)
    with pytest.raises(TypeError, match="`JaxSequential` takes JaxModules, got "):
        Sequential({"a": entry})


def test_one_module_twice_is_two_modules() -> None:
    layer = LIFJax(2)
    net = Sequential(layer, layer)
    net[0].vmem = [1.0, 1.0]
    np.testing.assert_array_equal(net.state()["1_LIFJax"]["vmem"], 0)


def test_chains_can_be_nested() -> None:
    net = Sequential({"a": small(), "b": Sequential(LIFJax(3))})
    output, state, record = net(np.ones((4, 2)), record=True)
    assert output.shape == (1, 4, 3)
    assert list(state["b"]) == ["0_LIFJax"]
    assert list(record["a"]) == list(small()(np.ones((4, 2)), record=True)[2])


@pytest.mark.parametrize("keyword", ["shape", "spiking_input", "spiking_output"])
def test_what_follows_from_the_modules_is_refused(keyword: str) -> None:
    message = f"`JaxSequential` takes `{keyword}` from its modules; do not give it"
    with pytest.raises(ValueError, match=message):
        Sequential(LIFJax(2), **{keyword: True})


def test_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(TypeError, match="`JaxSequential` got an unexpected keyword argument 'dt'"):
        Sequential(LIFJax(2), dt=1e-3)
