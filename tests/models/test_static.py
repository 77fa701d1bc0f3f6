from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models._static import Static, static_key

EQUAL: dict[str, Callable[[], Any]] = {
    "number": lambda: 1.5,
    "nan": lambda: float("nan"),
    "text": lambda: "abc",
    "list": lambda: [1, [2, 3]],
    "dict of lists": lambda: {"a": [1], "b": [2]},
    "set": lambda: {1, (2, 3), "x"},
    "array": lambda: np.arange(3),
    "jax array": lambda: jnp.arange(3),
    "lambda": lambda: lambda x: x + 1,
    "lambda with a captured list": lambda: captured([1, 2]),
    "partial": lambda: partial(max, 2, key=None),
    "functions that call each other": lambda: mutual(),
    "function of a module": lambda: captured,
    "class": lambda: dict,
}


def captured(value: Any) -> Callable[..., Any]:
    return lambda x, *, y=(1, 2): (x, y, value)


def mutual() -> Callable[..., Any]:
    def even(n: int) -> bool:
        return n == 0 or odd(n - 1)

    def odd(n: int) -> bool:
        return n > 0 and even(n - 1)

    return even


@pytest.mark.parametrize("make", EQUAL.values(), ids=EQUAL)
def test_values_made_alike_are_equal_and_hash_alike(make: Callable[[], Any]) -> None:
    one, other = static_key(make()), static_key(make())
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ([1, 2], (1, 2)),
        ([1, 2], [1, 2.0]),
        ({1, 2}, frozenset({1, 2})),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (np.zeros(2), np.zeros((2, 1))),
        (np.zeros(2), np.zeros(2, np.float32)),
        (np.zeros(2), jnp.zeros(2)),
        (np.zeros(2), np.ones(2)),
        (captured(1), captured(2)),
        (lambda x: x + 1, lambda x: x + 2),
        (lambda x=1: x, lambda x=2: x),
        (partial(max, 1), partial(max, 2)),
        (max, min),
    ],
)
def test_values_that_act_otherwise_differ(one: Any, other: Any) -> None:
    assert static_key(one) != static_key(other)


def in_notebook(function: FunctionType, **variables: Any) -> FunctionType:
    """The same function, defined in a notebook with these variables."""
    namespace = {"__name__": "notebook", **variables}
    return FunctionType(function.__code__, namespace)


def test_a_function_with_a_global_that_changed_is_another_one() -> None:
    amplify = lambda x: [x * gain for _ in (1,)]  # noqa: F821  # pyright: ignore
    gains = [2.0], [2.0]
    one, again = (static_key(in_notebook(amplify, gain=gains[0])) for _ in range(2))
    other = static_key(in_notebook(amplify, gain=gains[1]))
    assert one == again
    assert one != other


def test_a_function_of_a_module_defined_again_is_another_one() -> None:
    again = in_notebook(captured)
    assert again.__qualname__ == captured.__qualname__
    assert static_key(again) != static_key(captured)


def test_what_cannot_be_hashed_is_equal_to_itself_only() -> None:
    class Unhashable:
        __hash__ = None  # pyright: ignore[reportAssignmentType]

    one, other = Unhashable(), Unhashable()
    assert static_key(one) == static_key(one)
    assert static_key(one) != static_key(other)
    assert static_key(one) != one


def test_typed_random_keys_are_compared_by_identity() -> None:
    key = jax.random.key(0)
    assert static_key(key) == static_key(key)
    assert static_key(key) != static_key(jax.random.key(0))


def test_a_function_with_an_unbound_variable_is_compared_by_identity() -> None:
    def outer() -> Any:
        def inner() -> Any:
            return later

        found = static_key(inner)
        assert found == static_key(inner)
        later = 1
        return found, later

    assert outer()[0] != outer()[0]


def test_a_static_argument_of_the_same_form_compiles_once() -> None:
    traced = []

    @partial(jax.jit, static_argnames="function")
    def run(data: Any, function: Static) -> Any:
        traced.append(1)
        return function.value(data)

    def scale(by: float) -> Any:
        return lambda x: by * x

    assert [float(run(1.0, Static(scale(by)))) for by in (2.0, 2.0, 3.0)] == [2.0, 2.0, 3.0]
    assert len(traced) == 2
    assert Static([1]) != Static([2])
    assert Static([1]) != [1]
