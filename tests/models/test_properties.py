"""What holds for every kind of module, whatever its values and its input are.

Modules are those of the conformance suite. All runs are of one of few shapes, as each is compiled.
"""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from test_conformance import BUILDERS, N_IN

from xylograph.models import JaxModule

N_BATCH, N_TIME = 2, 4
NAMES = list(BUILDERS)
# Of these each run draws anew.
BY_CHANCE = {"noisy", "dropout"}

seeds = st.integers(0, 1)
names = st.sampled_from(NAMES)
names_without_chance = st.sampled_from([name for name in NAMES if name not in BY_CHANCE])
rasters = arrays.arrays(
    np.float32,
    (N_BATCH, N_TIME, N_IN),
    elements=st.floats(-4, 32, width=32) | st.integers(0, 3).map(float),
)
# Most of the time goes into compiling, which is done once for each kind and shape.
RUNS = settings(deadline=None, max_examples=12)
FAST = settings(deadline=None, max_examples=40)


@cache
def built(name: str, seed: int) -> JaxModule:
    return BUILDERS[name](seed)


def assert_identical(found: Any, wanted: Any) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert getattr(one, "dtype", type(one)) == getattr(other, "dtype", type(other))
        np.testing.assert_array_equal(one, other)


def assert_same(found: Any, wanted: Any) -> None:
    """As equal as two compiled programs are that compute the same."""
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)


@given(name=names, seed=seeds, factor=st.floats(0, 1e6, width=32))
@FAST
def test_unflattening_undoes_flattening(name: str, seed: int, factor: float) -> None:
    module = jax.tree.map(lambda leaf: np.full_like(leaf, factor), built(name, seed))
    leaves, structure = jax.tree.flatten(module)
    again = jax.tree.unflatten(structure, leaves)
    assert_identical(again, module)
    assert again.describe() == module.describe()
    assert_identical(again.simulation_parameters(), module.simulation_parameters())
    by_path, same_structure = jax.tree_util.tree_flatten_with_path(module)
    assert [id(leaf) for _, leaf in by_path] == [id(leaf) for leaf in leaves]
    assert same_structure == structure


@given(name=names, seeds=st.tuples(seeds, seeds), kinds=st.permutations(range(3)))
@FAST
def test_what_is_set_is_what_is_got_and_nothing_else_changes(
    name: str, seeds: tuple[int, int], kinds: list[int]
) -> None:
    module, other = built(name, seeds[0]), built(name, seeds[1])
    inspectors = [JaxModule.parameters, JaxModule.state, JaxModule.simulation_parameters]
    first, *rest = (inspectors[kind] for kind in kinds)
    changed = module.set_attributes(first(other))
    assert_identical(first(changed), first(other))
    for untouched in rest:
        assert_identical(untouched(changed), untouched(module))
    assert_identical(changed.set_attributes(first(module)), module)


# Compiled code cannot look at values; a chip core warns outside of it, and cuts the same.
@pytest.mark.filterwarnings("ignore::xylograph.hw.InputClippedWarning")
@given(name=names, seed=seeds, raster=rasters)
@RUNS
def test_compiling_changes_nothing(name: str, seed: int, raster: np.ndarray) -> None:
    module = built(name, seed)
    assert_same(module.jit()(raster, record=True), module(raster, record=True))


@given(name=names_without_chance, seed=seeds, raster=rasters)
@RUNS
def test_a_batch_is_its_samples_one_by_one(name: str, seed: int, raster: np.ndarray) -> None:
    module = built(name, seed).batch_state(N_BATCH)
    output, state, record = module.jit()(raster, record=True)
    for index, sample in enumerate(raster):
        single, ended, recorded = module.unbatch_state(index).jit()(sample[None], record=True)
        assert_same((single[0], recorded), (output[index], _cut(record, index)))
        assert_same(ended, module.set_attributes(state).unbatch_state(index).state())


def _cut(record: Any, index: int) -> Any:
    return jax.tree.map(lambda array: array[index : index + 1], record)


@given(name=names_without_chance, seed=seeds, raster=rasters, cut=st.integers(1, N_TIME - 1))
@RUNS
def test_a_run_cut_anywhere_is_the_whole_run(
    name: str, seed: int, raster: np.ndarray, cut: int
) -> None:
    module = built(name, seed).batch_state(N_BATCH)
    whole, end, record = module.jit()(raster, record=True)
    pieces, records = [], []
    for piece in (raster[:, :cut], raster[:, cut:]):
        output, new_state, recorded = module.jit()(piece, record=True)
        module = module.set_attributes(new_state)
        pieces.append(output)
        records.append(recorded)
    assert_same(jnp.concatenate(pieces, axis=1), whole)
    joined = jax.tree.map(lambda *parts: jnp.concatenate(parts, axis=1), *records)
    assert_same(joined, record)
    assert_same(module.state(), built(name, seed).batch_state(N_BATCH).set_attributes(end).state())


@pytest.mark.parametrize("name", [name for name in NAMES if name != "user's"])
def test_a_piece_of_no_steps_gives_no_output_and_keeps_the_state(name: str) -> None:
    module = built(name, 0)
    output, new_state, record = module(np.zeros((N_BATCH, 0, N_IN)), record=True)
    assert output.shape == (N_BATCH, 0, module.size_out)
    assert all(leaf.shape[:2] == (N_BATCH, 0) for leaf in jax.tree.leaves(record))
    if name not in BY_CHANCE:
        assert_identical(new_state, module.state())
