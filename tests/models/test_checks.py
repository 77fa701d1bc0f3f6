from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models._checks import (
    negative,
    not_callable,
    not_numbers,
    not_positive,
    require,
    same_sizes,
)


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        require("RateJax", [*not_positive(tau=-1, dt=0.0), *not_callable(step="f")])
    assert str(caught.value).splitlines() == [
        "RateJax: `tau` must be positive, got -1",
        "`dt` must be positive, got 0.0",
        "`step` must be callable, got 'f'",
    ]


def test_without_problems_nothing_happens() -> None:
    require("RateJax", [])


@pytest.mark.parametrize("value", [1, 0.5, jnp.array(2.0), np.array(2)])
def test_single_numbers_are_numbers(value: Any) -> None:
    assert not_numbers(dt=value) == []


@pytest.mark.parametrize("value", ["1", None, True, np.ones(1), [1.0]])
def test_nothing_else_is_a_number(value: Any) -> None:
    assert not_numbers(dt=value) == [f"`dt` must be a number, got {value!r}"]


@pytest.mark.parametrize("value", [0, -0.5, float("nan"), np.array([1.0, 0.0])])
def test_what_is_not_positive_is_found(value: Any) -> None:
    assert not_positive(tau=value) == [f"`tau` must be positive, got {value}"]


@pytest.mark.parametrize("value", [-1, float("nan"), jnp.array([0.0, -1.0])])
def test_what_is_negative_is_found(value: Any) -> None:
    assert negative(tau=value) == [f"`tau` must not be negative, got {value}"]


def test_zero_is_not_negative() -> None:
    assert negative(a=0, b=jnp.zeros(2)) == []


@pytest.mark.parametrize(
    ("shape", "sizes"), [(3, (3,)), ((3,), (3,)), ([2, 2], (2, 2)), (np.int64(4), (4,))]
)
def test_equal_sizes_are_kept(shape: Any, sizes: tuple) -> None:
    assert same_sizes(shape, "RateJax") == sizes


@pytest.mark.parametrize("shape", [None, (), (2, 3), (2, 2, 2), 0, (-1, -1), 2.0, "2", (None,)])
def test_other_shapes_are_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match=r"`RateJax` takes the shape `N` or `\(N, N\)`, N at leas"):
        same_sizes(shape, "RateJax")
