"""What must hold however combinators are put into each other.

All computing is with small whole numbers, so that equal means equal.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.models import (
    FFwdStack,
    GraphJax,
    JaxModule,
    LinearJax,
    Parameter,
    Residual,
    Sequential,
    State,
)

# One size and few lengths: everything that is drawn shares what is compiled.
N, N_TIME, N_BATCH = 3, 8, 2


@jax.jit
def add_up(total: Any, raster: Any, most: Any) -> tuple[Any, Any]:
    def step(total: Any, arriving: Any) -> tuple[Any, Any]:
        total = jnp.clip(total + arriving, -most, most)
        return total, total

    last, totals = jax.lax.scan(step, total, raster.swapaxes(0, 1))
    return last, totals.swapaxes(0, 1)


class Bounded(JaxModule):
    """Sums of what came so far, kept within bounds."""

    def __init__(self, most: int) -> None:
        super().__init__(N)
        self.most: Any = Parameter(most)
        self.total: Any = State(shape=N, init_func=np.zeros)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        data, (total,) = self._auto_batch(input_data, (self.total,))
        last, totals = add_up(total, data, self.most)
        return totals, self._new_state({"total": last}), {"totals": totals} if record else {}


def signs(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(shape[0]).integers(-1, 2, shape)


def weights(seed: int) -> JaxModule:
    return LinearJax((N, N), weight=np.random.default_rng(seed).integers(-1, 2, (N, N)))


def stack(first: JaxModule, second: JaxModule) -> JaxModule:
    return FFwdStack(first, second, weight_init_func=signs)


def triangle(first: JaxModule, second: JaxModule) -> JaxModule:
    edges = [("input", "first", "second", "output"), ("input", "second"), ("first", "output")]
    return GraphJax({"first": first, "second": second}, edges)


COMBINE: list[Callable[..., JaxModule]] = [Sequential, Residual, stack, triangle]

# Recipes, not modules: the run-time type checker draws random numbers, which Hypothesis minds.
LEAVES = st.tuples(st.just(Bounded), st.integers(2, 9)) | st.tuples(
    st.just(weights), st.integers(0, 9)
)


def combined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(COMBINE), parts, parts)


recipes = combined(st.recursive(LEAVES, combined, max_leaves=6))
seeds = st.integers(0, 99)


def build(recipe: Any) -> JaxModule:
    make, *parts = recipe
    return make(*(build(part) if isinstance(part, tuple) else part for part in parts))


def counts(seed: int) -> np.ndarray:
    raster = np.random.default_rng(seed).poisson(0.6, (N_BATCH, N_TIME, N))
    return raster.astype(np.float32)


def assert_equal(found: Any, wanted: Any) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    jax.tree.map(np.testing.assert_array_equal, found, wanted)


def directly(network: JaxModule, data: Any) -> Any:
    """The output, from what the combinators are said to do and nothing of their code."""
    parts = [lambda x, part=part: directly(part, x) for part in network.modules().values()]
    if not parts:
        return network(data)[0]
    first, second = parts
    if isinstance(network, Residual):
        return second(first(data)) + data
    if isinstance(network, Sequential):
        return second(first(data))
    if isinstance(network, FFwdStack):
        return second(first(data) @ getattr(network, "0_1_weight"))
    return second(first(data) + data) + first(data)


@settings(deadline=None, max_examples=25)
@given(recipe=recipes, seed=seeds)
def test_the_output_is_what_the_combinators_are_said_to_give(recipe: Any, seed: int) -> None:
    network, data = build(recipe), counts(seed)
    np.testing.assert_array_equal(network(data)[0], directly(network, data))


@settings(deadline=None, max_examples=25)
@given(recipe=recipes, seed=seeds, cut=st.sampled_from([3, 5]))
def test_cut_anywhere_is_the_whole(recipe: Any, seed: int, cut: int) -> None:
    network, data = build(recipe).batch_state(N_BATCH), counts(seed)
    whole, end, record = network(data, record=True)
    first, middle, before = network(data[:, :cut], record=True)
    second, last, after = network.set_attributes(middle)(data[:, cut:], record=True)
    joined = jax.tree.map(
        lambda *parts: np.concatenate(parts, axis=1), (first, before), (second, after)
    )
    assert_equal(joined, (whole, record))
    assert_equal(last, end)


@settings(deadline=None, max_examples=25)
@given(recipe=recipes, seed=seeds)
def test_a_batch_is_its_samples_side_by_side(recipe: Any, seed: int) -> None:
    network, data = build(recipe), counts(seed)
    output, _, record = network(data, record=True)
    for index in range(N_BATCH):
        alone, _, seen = network(data[index : index + 1], record=True)
        here = jax.tree.map(lambda leaf, i=index: leaf[i : i + 1], (output, record))
        assert_equal((alone, seen), here)


# Few: each network is compiled anew.
@settings(deadline=None, max_examples=5)
@given(recipe=recipes, seed=seeds)
def test_jit_gives_what_the_eager_call_gives(recipe: Any, seed: int) -> None:
    network, data = build(recipe), counts(seed)
    compiled = jax.jit(lambda module, raster: module(raster, record=True))
    assert_equal(compiled(network, data), network(data, record=True))


@settings(deadline=None, max_examples=25)
@given(recipe=recipes)
def test_states_and_records_are_nested_like_the_modules(recipe: Any) -> None:
    network = build(recipe)
    _, new_state, record = network(counts(0), record=True)
    assert jax.tree.structure(new_state) == jax.tree.structure(network.state())

    def take_out(module: JaxModule, recorded: dict[str, Any]) -> None:
        for name, child in module.modules().items():
            take_out(child, recorded.pop(name))
            recorded.pop(f"{name}_output", None)
        assert set(recorded) <= {"totals"}

    take_out(network, record)


@pytest.mark.parametrize("combine", COMBINE)
def test_parts_are_set_by_their_path(combine: Callable[..., JaxModule]) -> None:
    network = combine(combine(Bounded(1), Bounded(2)), Bounded(3))
    (outer, inside), _ = network.modules().items()
    inner, _ = inside.modules()
    changed = network.set_attributes({outer: {inner: {"most": 5.0}}})
    assert changed.parameters()[outer][inner]["most"] == 5.0
    assert network.parameters()[outer][inner]["most"] == 1.0
