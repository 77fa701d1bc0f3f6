"""What every module must do, on one of each kind."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import (
    Constant,
    FFwdStack,
    GraphJax,
    JaxModule,
    LIFJax,
    LinearJax,
    Parameter,
    Residual,
    Sequential,
    SimulationParameter,
    State,
    kaiming,
    load,
    save,
)

N_IN, N_TIME = 4, 12


class Accumulator(JaxModule):
    """A user's network: no `shape` in its constructor, a submodule, static and traced values."""

    def __init__(self, n_in: int, n_out: int, *, seed: int, power: int) -> None:
        super().__init__((n_in, n_out), spiking_output=True)
        weights = np.random.default_rng(seed).normal(size=(n_in, n_out))
        self.w_in: Any = Parameter(weights, "weights")
        self.total: Any = State(shape=(n_in,), init_func=np.zeros)
        self.scale: Any = SimulationParameter(np.full(n_in, 2.0))
        self.power = power
        self.names = ["a", "b"]
        self.neurons = LIFJax(n_out, rng_key=jax.random.key(seed))

    def evolve(self, input_data: Any, record: Any = False) -> tuple[Any, dict, dict]:
        data, (total,) = self._auto_batch(input_data, (self.total,))
        sums = total[:, None] + jnp.cumsum(data * self.scale, axis=1)
        drive = (sums * 0.1) ** self.power @ self.w_in
        output, inner, recorded = self.neurons(drive, record=record)
        state = {**self._new_state({"total": sums[:, -1]}), "neurons": inner}
        return output, state, {"sums": sums, "neurons": recorded} if record else {}


def key(seed: int) -> jax.Array:
    return jax.random.key(seed)


def deep(seed: int) -> JaxModule:
    inner = Sequential(LinearJax((3, 3), rng_key=key(seed)), LIFJax(3, rng_key=key(seed)))
    return Sequential({"first": LinearJax((N_IN, 3), rng_key=key(seed + 9)), "rest": inner})


def wired(seed: int) -> JaxModule:
    """All combinators, one in the other."""

    def neurons(n: int) -> LIFJax:
        # Quick ones: their voltages stay so small that rounding does.
        return LIFJax(n, tau_mem=2e-3, tau_syn=2e-3, threshold=0.5, rng_key=key(seed))

    around = Residual(LinearJax((3, 3), rng_key=key(seed)), neurons(3))
    stack = FFwdStack(neurons(N_IN), around, weight_init_func=kaiming, rng_key=key(seed))
    weights = LinearJax((N_IN, 3), rng_key=key(seed + 9))
    readout = Sequential(neurons(3))
    return GraphJax(
        {"stack": stack, "weights": weights, "readout": readout},
        [("input", "stack", "readout", "output"), ("input", "weights", "readout")],
    )


BUILDERS: dict[str, Callable[[int], JaxModule]] = {
    "linear": lambda seed: LinearJax((N_IN, 3), has_bias=True, rng_key=key(seed)),
    "recurrent": lambda seed: LIFJax(
        (N_IN, 2), bias=[0.1, 0.2], tau_syn=[[0.01, 0.03]], has_rec=True, rng_key=key(seed)
    ),
    "noisy": lambda seed: LIFJax(
        N_IN, threshold=0.3, tau_mem=Constant(0.01), noise_std=0.5, rng_key=key(seed)
    ),
    "nested": deep,
    "wired": wired,
    "user's": lambda seed: Accumulator(N_IN, 3, seed=seed, power=1),
}
# Noise takes long to compile, so it is looked at where it matters.
QUIET = {name: build for name, build in BUILDERS.items() if name != "noisy"}
ALL = pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
EVERY = pytest.mark.parametrize("build", QUIET.values(), ids=QUIET)


def rasters(n_batch: int = 3, seed: int = 0, n_time: int = N_TIME) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.6, (n_batch, n_time, N_IN)).astype(np.float32)


def assert_same(found: Any, wanted: Any) -> None:
    """The same tree, with leaves equal but for the rounding that compilers change."""
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)


def assert_identical(found: Any, wanted: Any) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@jax.jit
def run(module: Any, data: Any) -> Any:
    return module(data, record=True)


@ALL
def test_evolving_leaves_the_module_as_it_was(build: Callable[[int], JaxModule]) -> None:
    module = build(0)
    before = jax.tree.map(np.array, module)
    module(rasters())
    assert_identical(module, before)


@ALL
def test_jit_with_the_module_as_argument_gives_what_the_eager_call_gives(
    build: Callable[[int], JaxModule],
) -> None:
    module = build(0)
    assert_same(run(module, rasters()), module(rasters(), record=True))


@EVERY
def test_jit_of_the_module_gives_what_the_eager_call_gives(
    build: Callable[[int], JaxModule],
) -> None:
    module = build(0)
    assert_same(jax.jit(module)(rasters()), module(rasters()))


@EVERY
def test_a_traced_record_flag_records(build: Callable[[int], JaxModule]) -> None:
    module = build(0)
    _, _, record = jax.jit(module)(rasters(), record=True)
    assert_same(record, module(rasters(), record=True)[2])


@EVERY
def test_vmap_over_stacked_modules_gives_what_each_gives(
    build: Callable[[int], JaxModule],
) -> None:
    modules = [build(0), build(1)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *modules)
    together = jax.vmap(lambda module: module(rasters()))(stacked)
    for index, module in enumerate(modules):
        assert_same(jax.tree.map(lambda leaf: leaf[index], together), module(rasters()))  # noqa: B023


@EVERY
def test_vmap_over_parameters_gives_what_each_gives(build: Callable[[int], JaxModule]) -> None:
    module = build(0)
    choices = [module.parameters(), build(1).parameters()]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *choices)
    outputs = jax.vmap(lambda one: module.set_attributes(one)(rasters())[0])(stacked)
    for output, choice in zip(outputs, choices, strict=True):
        assert_same(output, module.set_attributes(choice)(rasters())[0])


@EVERY
def test_the_record_is_empty_unless_asked_for(build: Callable[[int], JaxModule]) -> None:
    assert build(0)(rasters())[2] == {}


@EVERY
def test_shapes_can_be_evaluated_without_computing(build: Callable[[int], JaxModule]) -> None:
    output, _, _ = jax.eval_shape(lambda module, data: module(data), build(0), rasters())
    assert output.shape == (3, N_TIME, build(0).size_out)


@ALL
def test_flattening_and_unflattening_runs_no_constructor(
    build: Callable[[int], JaxModule], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = build(0)
    leaves, structure = jax.tree.flatten(module)
    monkeypatch.setattr(type(module), "__init__", None)
    rebuilt = jax.tree.unflatten(structure, leaves)
    assert_identical(rebuilt, module)
    assert repr(rebuilt) == repr(module)
    assert [id(leaf) for leaf in jax.tree.leaves(rebuilt)] == [id(leaf) for leaf in leaves]


@EVERY
def test_the_structure_is_hashable_and_equal_for_modules_built_alike(
    build: Callable[[int], JaxModule],
) -> None:
    first, second = jax.tree.structure(build(0)), jax.tree.structure(build(7))
    assert first == second
    assert hash(first) == hash(second)


@ALL
def test_leaves_are_arrays(build: Callable[[int], JaxModule]) -> None:
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(build(0)))


@EVERY
def test_every_leaf_has_a_path_of_its_own(build: Callable[[int], JaxModule]) -> None:
    paths = [
        jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(build(0))
    ]
    assert len(set(paths)) == len(paths)


@EVERY
def test_two_modules_can_be_mapped_together(build: Callable[[int], JaxModule]) -> None:
    first, second = build(0), build(1)
    mean = jax.tree.map(lambda a, b: (a + b) / 2, first.parameters(), second.parameters())
    mixed = jax.tree.map(lambda a, b: a, first.set_attributes(mean), second)
    assert_identical(mixed.parameters(), mean)


@EVERY
def test_a_module_can_be_the_carry_of_a_scan(build: Callable[[int], JaxModule]) -> None:
    def step(module: Any, data: Any) -> tuple[Any, Any]:
        output, new_state, _ = module(data)
        return module.set_attributes(new_state), output

    module = build(0)
    pieces = rasters(n_batch=1)[:, :, None].swapaxes(0, 1)
    end, outputs = jax.lax.scan(step, module, pieces)
    state = module.state()
    for piece, output in zip(pieces, outputs, strict=True):
        expected, state, _ = module.set_attributes(state)(piece)
        assert_same(output, expected)
    assert_same(end.state(), module.set_attributes(state).state())


@ALL
def test_the_new_state_has_the_form_of_the_state(build: Callable[[int], JaxModule]) -> None:
    module = build(0)
    _, new_state, _ = module(rasters())
    moved = module.set_attributes(new_state)
    assert jax.tree.structure(moved) == jax.tree.structure(module)
    assert [leaf.dtype for leaf in jax.tree.leaves(moved)] == [
        leaf.dtype for leaf in jax.tree.leaves(module)
    ]


@ALL
def test_resetting_the_state_undoes_evolving(build: Callable[[int], JaxModule]) -> None:
    module = build(0)
    moved = module.set_attributes(module(rasters())[1])
    assert_identical(moved.reset_state(), module)


@EVERY
def test_parameters_drawn_from_one_key_are_the_same(build: Callable[[int], JaxModule]) -> None:
    fresh = [build(seed).reset_parameters(key(5)).parameters() for seed in (0, 1)]
    given = {"w_in"}  # what the constructor was given comes back instead
    assert_identical(*({n: v for n, v in one.items() if n not in given} for one in fresh))


@EVERY
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_copies_are_equal(build: Callable[[int], JaxModule], copied: Callable[[Any], Any]) -> None:
    module = build(0)
    assert_identical(copied(module), module)


@ALL
def test_pickling_gives_an_equal_module(build: Callable[[int], JaxModule]) -> None:
    module = build(0)
    jax.tree.structure(module)
    assert_identical(pickle.loads(pickle.dumps(module)), module)


@ALL
def test_saving_and_loading_gives_an_equal_module(
    build: Callable[[int], JaxModule], tmp_path: Path
) -> None:
    module = build(0).set_attributes(build(0)(rasters())[1])
    loaded = load(save(module, tmp_path / "network.safetensors"))
    assert type(loaded) is type(module)
    assert repr(loaded) == repr(module)
    assert_identical(loaded, module)
    assert_identical(loaded.reset_state(), module.reset_state())


@EVERY
def test_a_batch_is_its_samples_side_by_side(build: Callable[[int], JaxModule]) -> None:
    module = build(0)
    batch = rasters()
    output, _, _ = module(batch)
    for sample, expected in zip(batch, output, strict=True):
        assert_same(module(sample[None])[0][0], expected)


@EVERY
def test_a_batch_goes_on_where_it_ended(build: Callable[[int], JaxModule]) -> None:
    module, batch = build(0), rasters(n_time=2 * N_TIME)
    whole, _, _ = module(batch)
    module = module.batch_state(len(batch))
    for half, expected in zip(np.split(batch, 2, axis=1), np.split(whole, 2, axis=1), strict=True):
        output, new_state, _ = run(module, half)
        assert_same(output, expected)
        moved = module.set_attributes(new_state)
        assert jax.tree.map(np.shape, moved.state()) == jax.tree.map(np.shape, module.state())
        module = moved


@pytest.mark.parametrize("name", ["linear", "recurrent", "wired", "user's"])
def test_gradients_reach_every_parameter_in_jit_as_outside(name: str) -> None:
    def loss(parameters: Any, module: Any) -> jax.Array:
        output, _, _ = module.reset_state().set_attributes(parameters)(rasters())
        return jnp.sum(output**2)

    module = BUILDERS[name](0)
    eager = jax.grad(loss)(module.parameters(), module)
    assert_same(jax.jit(jax.grad(loss))(module.parameters(), module), eager)
    assert jax.tree.structure(eager) == jax.tree.structure(module.parameters())
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(eager))
    assert any(np.any(leaf != 0) for leaf in jax.tree.leaves(eager))
