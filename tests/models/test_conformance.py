"""What every module must do, on one of each kind."""

import copy
import pickle
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import xylograph.models
from xylograph.hw import XyloNetJax
from xylograph.models import (
    BooleanStateJax,
    Constant,
    DropoutJax,
    ExpSmoothJax,
    ExpSynJax,
    FFwdStack,
    GraphJax,
    Identity,
    InstantJax,
    JaxModule,
    LIFJax,
    LIFNeuronJax,
    LIFODEJax,
    LinearJax,
    LogSoftmaxJax,
    LowPassJax,
    Parameter,
    RateJax,
    Residual,
    ScanJax,
    Sequential,
    SimulationParameter,
    SoftmaxJax,
    State,
    SynNet,
    UpDownJax,
    WaveSense,
    aLIFJax,
    kaiming,
    load,
    register_function,
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


@register_function
def leak(parameters: Any, state: Any, arriving: Any) -> Any:
    level = parameters["rest"] * state["level"] + arriving @ parameters["weight"]
    return {"level": level, "steps": state["steps"] + 1}, jnp.tanh(level)


@register_function
def pairs(data: Any) -> Any:
    return data[..., ::2] * data[..., 1::2]


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


def spiking(seed: int) -> JaxModule:
    """The other kinds of spiking neurons, and another leak."""
    adapting = aLIFJax((N_IN, 2), w_ahp=[-0.3, 0.1], threshold=0.5, has_rec=True, rng_key=key(seed))
    return Sequential(
        LIFNeuronJax(N_IN, leak_mode="decays", alpha=[0.5, 0.6, 0.7, 0.8], rng_key=key(seed)),
        LIFODEJax(N_IN, tau_syn=2e-3, tau_mem=[5e-3] * N_IN, threshold=0.2, rng_key=key(seed)),
        adapting,
        LIFJax(2, leak_mode="bitshifts", dash_mem=[1.6, 2.4], whole_dashes=True, rng_key=key(seed)),
    )


def wrapped(seed: int) -> JaxModule:
    weight = jax.random.normal(key(seed), (N_IN, 2))
    return ScanJax(
        (N_IN, 2),
        leak,
        state={"level": np.zeros(2), "steps": 0},
        parameters={"rest": Constant(0.5), "weight": Parameter(weight, "weights")},
    )


def filters(seed: int) -> JaxModule:
    smooth = ExpSmoothJax(N_IN, tau=0.01 * (seed + 1))
    return Sequential(LowPassJax(N_IN), smooth, ExpSynJax(N_IN, rng_key=key(seed)))


def networks(seed: int) -> JaxModule:
    sizes = dict.fromkeys(("n_classes", "n_channels_res", "n_channels_skip", "n_hidden"), 3)
    first = SynNet(3, N_IN, [3], [2], rng_key=key(seed))
    return Sequential(first, WaveSense([1], n_channels_in=3, **sizes, rng_key=key(seed)))


def chip_core(seed: int) -> JaxModule:
    rng = np.random.default_rng(seed)
    return XyloNetJax(
        "xylo-audio-2",
        weights_in=rng.normal(0, 40, (N_IN, 5, 2)),
        weights_rec=rng.normal(0, 20, (6, 6, 2)),
        weights_out=rng.normal(10, 30, (4, 3)),
        dash_syn_out=[1, 2, 3],
        threshold=80,
        threshold_out=60,
        aliases=[[3], [], [], [], [], []],
        trainable=["weights", "threshold", "bias", "dashes"],
    )


BUILDERS: dict[str, Callable[[int], JaxModule]] = {
    "linear": lambda seed: LinearJax((N_IN, 3), has_bias=True, rng_key=key(seed)),
    "recurrent": lambda seed: LIFJax(
        (N_IN, 2), bias=[0.1, 0.2], tau_syn=[[0.01, 0.03]], has_rec=True, rng_key=key(seed)
    ),
    "noisy": lambda seed: LIFJax(
        N_IN, threshold=0.3, tau_mem=Constant(0.01), noise_std=0.5, rng_key=key(seed)
    ),
    "spiking": spiking,
    "rate": lambda seed: RateJax(N_IN, has_rec=True, activation_func="tanh", rng_key=key(seed)),
    "filters": filters,
    "softmax": lambda seed: SoftmaxJax((N_IN, 3), rng_key=key(seed)),
    "log-softmax": lambda seed: LogSoftmaxJax((N_IN, 3), has_bias=False, rng_key=key(seed)),
    "encoder": lambda seed: UpDownJax(N_IN, 0.2 + 0.1 * seed, 0.5, n_ref_steps=2),
    "switches": lambda seed: BooleanStateJax(N_IN, threshold=0.5 + seed),
    "dropout": lambda seed: DropoutJax(N_IN, rng_key=key(seed)),
    "identity": lambda seed: Identity(N_IN),
    "function": lambda seed: InstantJax((N_IN, 2), pairs),
    "step": wrapped,
    "nested": deep,
    "wired": wired,
    "networks": networks,
    "chip": chip_core,
    "user's": lambda seed: Accumulator(N_IN, 3, seed=seed, power=1),
}
# Where chance takes part, it is drawn anew for another batch.
RANDOM = {"noisy", "dropout"}
WITHOUT_ARRAYS = {"identity", "function"}
WITHOUT_PARAMETERS = {"dropout", *WITHOUT_ARRAYS}
# They take long to compile, and that JAX maps over them is told by their parts.
LARGE = {"networks"}
# Their parameters are given, and return to what was given.
NOTHING_DRAWN = {"filters", "encoder", "switches", "step", "chip"}


def each(without: Collection[str] = ()) -> pytest.MarkDecorator:
    """Run a test on a module of each kind."""
    names = [name for name in BUILDERS if name not in without]
    return pytest.mark.parametrize("build", [BUILDERS[name] for name in names], ids=names)


ALL, EVERY = each(), each(RANDOM)


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


@each(RANDOM | LARGE)
def test_jit_of_the_module_gives_what_the_eager_call_gives(
    build: Callable[[int], JaxModule],
) -> None:
    module = build(0)
    assert_same(jax.jit(module)(rasters()), module(rasters()))


@each(RANDOM | LARGE)
def test_a_traced_record_flag_records(build: Callable[[int], JaxModule]) -> None:
    module = build(0)
    _, _, record = jax.jit(module)(rasters(), record=True)
    assert_same(record, module(rasters(), record=True)[2])


@each(RANDOM | LARGE | WITHOUT_ARRAYS)
def test_vmap_over_stacked_modules_gives_what_each_gives(
    build: Callable[[int], JaxModule],
) -> None:
    modules = [build(0), build(1)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *modules)
    together = jax.vmap(lambda module: module(rasters()))(stacked)
    for index, module in enumerate(modules):
        assert_same(jax.tree.map(lambda leaf: leaf[index], together), module(rasters()))  # noqa: B023


@each(RANDOM | LARGE | WITHOUT_PARAMETERS)
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


@each(RANDOM | LARGE)
def test_a_module_can_be_the_carry_of_a_scan(build: Callable[[int], JaxModule]) -> None:
    def step(module: Any, data: Any) -> tuple[Any, Any]:
        output, new_state, _ = module(data)
        return module.set_attributes(new_state), output

    module = build(0)
    pieces = rasters(n_batch=1)[:, :, None].swapaxes(0, 1)
    end, outputs = jax.lax.scan(step, module, pieces)
    assert_same(outputs[:, 0].swapaxes(0, 1), module(rasters(n_batch=1))[0])
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


@each(RANDOM | NOTHING_DRAWN)
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


@pytest.mark.parametrize(
    "name", ["linear", "recurrent", "spiking", "rate", "softmax", "step", "wired", "chip", "user's"]
)
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


# --- every exported module, on every input ---

PUBLIC = [getattr(xylograph.models, name) for name in xylograph.models.__all__]
CLASSES = {one for one in PUBLIC if isinstance(one, type) and issubclass(one, JaxModule)}
EXPORTED = sorted(one.__name__ for one in CLASSES - {JaxModule})
EXPORTED_MODULE = pytest.mark.parametrize("name", EXPORTED)
# `LinearJax` maps the last axis of anything, so that a vector counts as channels; the example of
# the other begins with one.
MAPS_ANY_RANK = {"LinearJax", "JaxResidual"}
PROMOTING = pytest.mark.parametrize("name", sorted({*EXPORTED} - MAPS_ANY_RANK))


@cache
def examples() -> dict[str, JaxModule]:
    """A module of each class that the builders make, by the name of the class."""
    built = [module for build in BUILDERS.values() for module in build(0)._walk()]
    return {type(module).__name__: module for module in reversed(built)}


def one_raster(n_channels: int) -> np.ndarray:
    return np.random.default_rng(1).poisson(0.6, (N_TIME, n_channels)).astype(np.float32)


def test_every_exported_module_is_looked_at_here() -> None:
    missing = {*EXPORTED} - {*examples()}
    assert not missing, "add them to BUILDERS"


def without_keys(tree: dict[str, Any]) -> dict[str, Any]:
    return {
        name: without_keys(value) if isinstance(value, dict) else value
        for name, value in tree.items()
        if name != "rng_key"
    }


@PROMOTING
def test_a_raster_without_a_batch_is_a_batch_of_one(name: str) -> None:
    module = examples()[name]
    raster = one_raster(module.size_in)
    assert_same(module(raster, record=True), module(raster[None], record=True))


@PROMOTING
def test_a_single_channel_is_copied_to_all(name: str) -> None:
    module = examples()[name]
    channel = one_raster(1)
    copied = np.repeat(channel, module.size_in, axis=1)[None]
    for data in (channel, channel[:, 0], channel[None], channel[:, 0].tolist()):
        assert_same(module(data), module(copied))


@PROMOTING
def test_a_number_is_one_step_of_all_channels(name: str) -> None:
    module = examples()[name]
    assert_same(module(2), module(np.full((1, 1, module.size_in), 2.0)))


@PROMOTING
def test_whole_numbers_and_booleans_count_as_floats(name: str) -> None:
    module = examples()[name]
    spikes = one_raster(module.size_in) > 0
    expected = module(spikes.astype(np.float32))
    for kind in (bool, np.int8, np.float64):
        assert_same(module(spikes.astype(kind)), expected)


@PROMOTING
def test_a_raster_of_no_time_gives_none_and_keeps_the_state(name: str) -> None:
    module = examples()[name]
    output, new_state, _ = module(np.zeros((2, 0, module.size_in)))
    assert output.shape == (2, 0, module.size_out)
    moved = module.set_attributes(new_state).state()
    assert_same(without_keys(moved), without_keys(module.state()))


@EXPORTED_MODULE
@pytest.mark.parametrize("data", ["text", None, [[1.0], [1.0, 2.0]], {"a": 1}, 1j])
def test_what_is_not_real_numbers_is_refused(name: str, data: Any) -> None:
    with pytest.raises(TypeError, match="the input must be (an array of )?real numbers"):
        examples()[name](data)


@EXPORTED_MODULE
@pytest.mark.parametrize("shape", [(5,), (2, 5)])
def test_a_wrong_number_of_channels_is_refused(name: str, shape: tuple) -> None:
    module = examples()[name]
    with pytest.raises(ValueError, match="wrong neuron dimension. It is|input of shape .* must"):
        module(np.ones((*shape, module.size_in + 2)))


@PROMOTING
@pytest.mark.parametrize(
    ("shape", "message"), [((1, 2, 3), "the input has 4 axes"), ((0, 5), "has no samples")]
)
def test_a_wrong_rank_or_an_empty_batch_is_refused(name: str, shape: tuple, message: str) -> None:
    module = examples()[name]
    with pytest.raises(ValueError, match=message):
        module(np.ones((*shape, module.size_in)))
