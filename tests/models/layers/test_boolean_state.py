from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.models import BooleanStateJax

N_TIME = 12
INPUTS = st.lists(st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]), min_size=N_TIME)


@given(first=st.booleans(), values=INPUTS)
@settings(deadline=None, max_examples=30)
def test_the_last_large_input_decides(first: bool, values: list[float]) -> None:
    values = values[:N_TIME]
    module = BooleanStateJax(1, threshold=0.75).set_attributes({"on": [first]})
    output, state, _ = module(np.array(values)[:, None])
    for step in range(N_TIME):
        large = [value for value in values[: step + 1] if abs(value) > 0.75]
        assert bool(output[0, step, 0]) == (large[-1] > 0 if large else first)
    assert bool(state["on"][0]) == bool(output[0, -1, 0])


def test_the_threshold_itself_switches_nothing() -> None:
    output, _, _ = BooleanStateJax(1, threshold=1.0)([[1.0], [1.5], [-1.0]])
    assert output.ravel().tolist() == [False, True, True]


def test_any_input_switches_by_default() -> None:
    output, _, _ = BooleanStateJax(2)([[1e-6, -1e-6], [0.0, 0.0]])
    assert output.tolist() == [[[True, False], [True, False]]]


def test_switches_are_booleans_and_have_no_record() -> None:
    output, state, record = BooleanStateJax(2)(np.ones((3, 2)), record=True)
    assert (output.dtype, state["on"].dtype, record) == (jnp.bool_, jnp.bool_, {})


@pytest.mark.parametrize("given", [0.5, [0.5, 0.5], np.array([0.5])])
def test_thresholds_are_of_all_or_of_each(given: Any) -> None:
    module = BooleanStateJax(2, threshold=given)
    assert list(module.parameters("thresholds")) == ["threshold"]
    assert module([[0.6, 0.4]])[0].tolist() == [[[True, False]]]


def test_a_negative_threshold_is_refused() -> None:
    with pytest.raises(ValueError, match="BooleanStateJax: `threshold` must not be negative, got"):
        BooleanStateJax(2, threshold=[0.1, -0.1])


def test_a_threshold_that_does_not_fit_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"`threshold` must be of shape \(2,\) or \(\), got \(3,\)"
    ):
        BooleanStateJax(2, threshold=[0.1] * 3)


def test_unequal_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`BooleanStateJax` takes the shape `N` or `\(N, N\)`"):
        BooleanStateJax((2, 4))
