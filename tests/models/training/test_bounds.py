from collections.abc import Callable
from typing import Any

import hypothesis.extra.numpy as st_numpy
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import assume, given, settings, strategies as st

from xylograph.models import LIFJax, LinearJax, Sequential
from xylograph.models.training import (
    bounds_clip,
    bounds_cost,
    fit,
    keep_within,
    make_bounds,
    mse,
    set_matching,
)


def network() -> Any:
    return Sequential(
        LinearJax((2, 3), rng_key=jax.random.key(0)), LIFJax(3, rng_key=jax.random.key(1))
    )


def golden_case(training_golden: Callable[..., Any]) -> tuple[Any, Any, Any, Any]:
    golden = training_golden("losses")
    tree = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=float), golden.tree("p"))
    lower, upper = make_bounds(tree)
    given = golden.json("bounds")
    lower["a"]["tau"], lower["b"] = given["lower"]["a"]["tau"], given["lower"]["b"]
    upper["a"]["w"], upper["b"] = given["upper"]["a"]["w"], given["upper"]["b"]
    return golden, tree, lower, upper


def test_cost_and_clip_agree_with_the_golden_numbers(training_golden: Callable[..., Any]) -> None:
    golden, tree, lower, upper = golden_case(training_golden)
    value, gradient = jax.jit(jax.value_and_grad(bounds_cost))(tree, lower, upper)
    assert float(value) == pytest.approx(float(golden["bounds_cost"]), rel=2e-5)
    clipped = bounds_clip(tree, lower, upper)
    for found, name in ((gradient, "bounds_cost_grad"), (clipped, "bounds_clip")):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), found, golden.tree(name)
        )


def test_bounds_hold_nothing_back_until_they_are_set() -> None:
    parameters = network().parameters()
    lower, upper = make_bounds(parameters)
    assert jax.tree.structure(lower) == jax.tree.structure(parameters)
    assert float(bounds_cost(parameters, lower, upper)) == 0
    gradient = jax.jit(jax.grad(bounds_cost))(parameters, lower, upper)
    assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(gradient))
    jax.tree.map(np.testing.assert_array_equal, bounds_clip(parameters, lower, upper), parameters)


def test_bounds_are_matched_by_name_whatever_their_order() -> None:
    parameters = {"a": jnp.array(1.0), "b": {"c": jnp.array([5.0, -5.0])}}
    lower = {"b": {"c": np.array([0.0, -1.0])}, "a": 2.0}
    upper = {"b": {"c": 3.0}, "a": np.inf}
    clipped = bounds_clip(parameters, lower, upper)
    assert float(clipped["a"]) == 2.0
    np.testing.assert_array_equal(clipped["b"]["c"], [3.0, -1.0])
    expected = np.exp(1.0) + np.exp(2.0) + np.exp(4.0)
    assert float(bounds_cost(parameters, lower, upper)) == pytest.approx(expected, rel=1e-6)


def test_nan_costs_nothing() -> None:
    assert float(bounds_cost({"a": jnp.array([np.nan, 0.0])}, {"a": 1.0}, {"a": 2.0})) == (
        pytest.approx(np.e, rel=1e-6)
    )


def test_all_bounds_that_do_not_fit_are_named() -> None:
    parameters = {"a": jnp.ones(3), "b": jnp.ones(2)}
    with pytest.raises(ValueError) as caught:
        bounds_cost(parameters, {"a": np.ones(2), "c": 0.0}, {"a": 1.0, "b": np.ones((2, 2))})
    assert str(caught.value).splitlines() == [
        "['b'] has no lower bound",
        "the lower bound of ['a'] is of shape (2,), the parameter of (3,)",
        "the lower bound of ['c'] belongs to no parameter",
        "the upper bound of ['b'] is of shape (2, 2), the parameter of (2,)",
    ]


def test_a_family_is_bounded_at_once() -> None:
    net = network()
    lower, _ = make_bounds(net.parameters())
    bounded = set_matching(lower, net.parameters("taus"), 0.011)
    assert bounded["1_LIFJax"] == {
        "tau_mem": 0.011,
        "tau_syn": 0.011,
        "bias": -np.inf,
        "threshold": -np.inf,
    }
    assert bounded["0_LinearJax"] == {"weight": -np.inf}
    assert lower["1_LIFJax"]["tau_mem"] == -np.inf
    again = set_matching(bounded, net.attributes_named("tau_syn"), 0.5)
    assert (again["1_LIFJax"]["tau_mem"], again["1_LIFJax"]["tau_syn"]) == (0.011, 0.5)


def test_choosing_nothing_or_what_is_not_there_is_refused() -> None:
    lower, _ = make_bounds(network().parameters())
    with pytest.raises(ValueError, match=r"the tree has no \['1_LIFJax'\]\['tau'\]; it has"):
        set_matching(lower, {"1_LIFJax": {"tau": 0.0}}, 0.01)
    with pytest.raises(ValueError, match="nothing is chosen: `chosen` has no leaves; no parameter"):
        set_matching(lower, network().parameters("tau"), 0.01)


# XLA takes subnormal numbers for zero.
FLOATS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


@settings(max_examples=100, deadline=None)
@given(
    start=st_numpy.arrays(np.float32, 4, elements=FLOATS),
    step=st_numpy.arrays(np.float32, 4, elements=FLOATS),
    bounds=st.tuples(FLOATS, FLOATS).map(sorted),
)
def test_no_update_leaves_the_bounds_not_even_by_rounding(
    start: np.ndarray, step: np.ndarray, bounds: list[float]
) -> None:
    low, high = np.float32(bounds[0]), np.float32(bounds[1])
    largest = max(np.abs(start).max(), np.abs(low), np.abs(high))
    assume(high - low >= 2 * np.spacing(largest))
    moved = np.asarray(_applied(start, step, low, high))
    assert np.all((moved >= low) & (moved <= high))
    wanted = start + step
    target = np.clip(wanted, low, high)
    # What is added is rounded to the floats of where it starts or ends.
    size = np.max(np.abs([start, wanted, target]), axis=0)
    np.testing.assert_array_less(np.abs(moved - target), 3e-7 * size + 1e-30)


@jax.jit
def _applied(start: Any, step: Any, low: Any, high: Any) -> Any:
    steps = keep_within({"w": low}, {"w": high})
    updates, _ = steps.update({"w": step}, steps.init({"w": start}), {"w": start})
    moved: Any = optax.apply_updates({"w": start}, updates)
    return moved["w"]


def test_training_stays_within_the_bounds() -> None:
    line, ones = LinearJax((1, 1), weight=[[0.0]]), np.ones((4, 1, 1))
    lower, upper = make_bounds(line.parameters())
    upper["weight"] = 0.3
    trained = fit(
        line,
        ones,
        ones,
        loss=lambda net, x, y: mse(net(x)[0], y),
        optimizer=optax.chain(optax.sgd(0.2), keep_within(lower, upper)),
        epochs=5,
    )
    assert np.asarray(trained.network.weight)[0, 0] == np.float32(0.3)


def test_keeping_within_bounds_needs_the_parameters() -> None:
    steps: Any = keep_within({"w": 0.0}, {"w": 1.0})
    with pytest.raises(
        ValueError, match="`keep_within` needs the parameters: `update\\(updates, s"
    ):
        steps.update({"w": jnp.array(1.0)}, steps.init({"w": jnp.array(1.0)}))
