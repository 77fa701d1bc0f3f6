"""Errors that name the module by its path from the module that was called."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import JaxModule, LIFJax, LinearJax, Parameter, Sequential


class Product(JaxModule):
    """Fails as users' modules fail: somewhere in JAX, with a message that names no module."""

    def __init__(self) -> None:
        super().__init__(2)
        self.weight: Any = Parameter(np.ones((3, 2)), "weights")

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        return jnp.dot(input_data, self.weight), {}, {}


class Guarded(JaxModule):
    """Tries its child, and goes on without it."""

    def __init__(self) -> None:
        super().__init__(2)
        self.child = Product()

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        try:
            self.child(input_data)
        except TypeError:
            raise ValueError(f"{self._label()}: the child failed") from None
        raise AssertionError


WRONG = np.ones((1, 4, 5))


def test_a_message_names_the_path_and_both_shapes() -> None:
    net = Sequential({"a": Sequential({"b": Sequential(LIFJax(2), LinearJax((2, 2)))})})
    with pytest.raises(
        ValueError,
        match=r"^LIFJax 'a.b.0_LIFJax': Input has wrong neuron dimension. It is 5, must be 2$",
    ):
        net(WRONG)


def test_a_message_of_others_gets_a_note_with_the_path() -> None:
    with pytest.raises(TypeError) as caught:
        Sequential({"a": Sequential({"b": Product()})})(WRONG)
    notes = [note for note in caught.value.__notes__ if note.startswith("raised")]
    assert notes == ["raised where Product 'a.b' evolves"]


def test_a_message_that_names_the_module_needs_no_note() -> None:
    with pytest.raises(ValueError) as caught:
        Sequential({"a": LIFJax(2)})(WRONG)
    assert not hasattr(caught.value, "__notes__")


def test_the_path_is_known_under_jit_too() -> None:
    net = Sequential({"a": Sequential({"b": Product(), "c": LIFJax(2)})})
    with pytest.raises(TypeError, match="raised where Product 'a.b' evolves"):
        net.jit()(WRONG)
    with pytest.raises(TypeError, match="raised where Product 'a.b' evolves"):
        jax.jit(lambda net: net(WRONG))(net)


def test_after_an_error_the_path_begins_anew() -> None:
    net = Sequential({"a": Sequential({"b": LIFJax(2)})})
    for part, label in ((net, "a.b"), (net["a"], "a.b"), (net["a"].modules()["b"], "b")):
        with pytest.raises(ValueError, match=f"^LIFJax '{label}': Input has"):
            part(WRONG)


def test_a_module_that_goes_on_after_an_error_is_named_right() -> None:
    with pytest.raises(ValueError, match="^Guarded 'outer': the child failed$") as caught:
        Sequential({"outer": Guarded()})(np.ones((1, 4, 2)))
    assert not hasattr(caught.value, "__notes__")
