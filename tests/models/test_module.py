import copy
import gc
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import (
    Constant,
    JaxModule,
    LIFJax,
    LinearJax,
    Parameter,
    Sequential,
    SimulationParameter,
    State,
)


class Gain(JaxModule):
    """The smallest module: one parameter, one state, simulation parameters of both sorts."""

    def __init__(self, shape: Any, gain: Any = None, mode: str = "up") -> None:
        super().__init__(shape)
        self.gain: Any = Parameter(gain, "gains", np.ones, [(self.size_in,), ()])
        self.last: Any = State(shape=self.size_in, init_func=np.zeros)
        self.dt: Any = SimulationParameter(1e-3)
        self.offset: Any = SimulationParameter(np.zeros(self.size_in))
        self.mode: Any = SimulationParameter(mode)
        self.clip: Any = SimulationParameter(False)
        self.shaping: Any = SimulationParameter(jnp.tanh)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        data, (last,) = self._auto_batch(input_data, (self.last,))
        output = data * self.gain + self.offset
        return output, {"last": last[0] + output[0, -1]}, {"output": output} if record else {}

    @property
    def doubled(self) -> Any:
        return 2 * self.gain

    def method(self) -> None:
        """Members of subclasses are as little to be hidden as those of `JaxModule`."""


class Pair(JaxModule):
    """Two modules side by side, with a parameter of its own after them."""

    def __init__(self, shape: Any = 2) -> None:
        super().__init__(shape)
        self.left = Gain(shape)
        self.right = Gain(shape, gain=3.0)
        self.weight: Any = Parameter(np.ones((2, 2)), "weights")

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        a, left, _ = self.left(input_data)
        b, right, _ = self.right(input_data)
        return (a + b) @ self.weight, {"left": left, "right": right}, {}


class Plain(JaxModule):
    """A module with a plain attribute."""

    def __init__(self, note: Any = None) -> None:
        super().__init__(1)
        self.note = note

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        note = self.note() if callable(self.note) else self.note
        return input_data * note, {}, {}


# --- the notebook script ---


def test_the_functional_script_of_the_notebook_works() -> None:
    mod = LIFJax(3)
    output, new_state, _ = mod(np.random.default_rng(0).random((10, 3)))
    assert output.shape == (1, 10, 3)
    assert set(new_state) == {"spikes", "isyn", "vmem", "rng_key"}
    assert new_state["vmem"].shape == (3,)
    assert np.any(mod.state()["vmem"] != new_state["vmem"])
    mod = mod.set_attributes(new_state)
    np.testing.assert_array_equal(mod.state()["vmem"], new_state["vmem"])
    mod.tau_mem = mod.tau_mem * 0.4
    params = mod.parameters()
    params["tau_mem"] = params["tau_mem"] * 3.0
    mod = mod.set_attributes(params)
    np.testing.assert_allclose(mod.tau_mem, 0.024, rtol=1e-6)
    mod = mod.reset_state().reset_parameters()
    np.testing.assert_allclose(mod.tau_mem, 0.02, rtol=1e-6)
    np.testing.assert_array_equal(mod.vmem, 0)


def test_a_loss_with_explicit_parameters_can_be_differentiated_in_jit() -> None:
    def loss(params: Any, net: Any, inputs: Any, target: Any) -> jax.Array:
        net = net.reset_state()
        net = net.set_attributes(params)
        output, _, _ = net(inputs)
        return jnp.mean((output - target) ** 2)

    net = Sequential(LinearJax((2, 3), rng_key=jax.random.key(0)), LIFJax(3))
    inputs, target = np.ones((4, 2)), np.zeros((1, 4, 3))
    value, grads = jax.jit(jax.value_and_grad(loss))(net.parameters(), net, inputs, target)
    assert jax.tree.structure(grads) == jax.tree.structure(net.parameters())
    np.testing.assert_allclose(value, loss(net.parameters(), net, inputs, target), rtol=1e-6)


# --- shape and names ---


@pytest.mark.parametrize(
    ("given", "shape"),
    [(3, (3,)), (None, (None,)), ((2, 5, 4), (2, 5, 4)), ([2, 3], (2, 3)), (np.int64(3), (3,))],
)
def test_the_shape_is_a_tuple(given: Any, shape: tuple) -> None:
    module = Plain.__new__(Plain)
    JaxModule.__init__(module, given)
    assert (module.shape, module.size_in, module.size_out) == (shape, shape[0], shape[-1])


@pytest.mark.parametrize("given", ["3", 2.5, (2, "3"), ()])
def test_a_shape_that_is_none_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="a shape is an int or a tuple of ints, got"):
        JaxModule.__init__(Plain.__new__(Plain), given)


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a shape has no negative sizes, got \(2, -1\)"):
        JaxModule.__init__(Plain.__new__(Plain), (2, -1))


def test_a_child_is_named_by_its_attribute_in_quotation_marks() -> None:
    pair = Pair()
    assert (pair.name, pair.full_name) == ("", "Pair ")
    assert (pair.left.name, pair.left.full_name) == ("'left'", "Gain 'left'")


def test_printing_shows_the_tree() -> None:
    assert repr(Gain(3)) == "Gain  with shape (3,)"
    assert repr(Sequential({"pair": Pair()})) == (
        "JaxSequential  with shape (2, 2) {\n"
        "    Pair 'pair' with shape (2,) {\n"
        "        Gain 'left' with shape (2,)\n"
        "        Gain 'right' with shape (2,)\n"
        "    }\n"
        "}"
    )


def test_a_description_shows_kinds_families_and_shapes() -> None:
    net = Sequential({"pair": Pair()})
    assert net.describe().splitlines() == [
        "JaxSequential  with shape (2, 2), 7 trainable values",
        "    Pair 'pair' with shape (2,)",
        "        weight       parameter             weights  float32 (2, 2)",
        "        Gain 'left' with shape (2,)",
        "            gain     parameter             gains    float32 (2,)",
        "            last     state                          float32 (2,)",
        "            dt       simulation parameter           0.001",
        "            offset   simulation parameter           float32 (2,)",
        "            mode     simulation parameter           'up'",
        "            clip     simulation parameter           False",
        "            shaping  simulation parameter           tanh",
        "        Gain 'right' with shape (2,)",
        "            gain     parameter             gains    float32 ()",
        "            last     state                          float32 (2,)",
        "            dt       simulation parameter           0.001",
        "            offset   simulation parameter           float32 (2,)",
        "            mode     simulation parameter           'up'",
        "            clip     simulation parameter           False",
        "            shaping  simulation parameter           tanh",
    ]


def test_a_module_without_attributes_can_be_described() -> None:
    assert Plain(3).describe() == "Plain  with shape (1,), 0 trainable values"


def test_spiking_flags_are_read_only() -> None:
    lif = LIFJax(1, spiking_input=True)
    assert (lif.spiking_input, lif.spiking_output) == (True, True)
    with pytest.raises(AttributeError):
        lif.spiking_input = False  # pyright: ignore[reportAttributeAccessIssue]


# --- declaring ---


def test_the_constructor_of_the_base_class_comes_first() -> None:
    class Early(JaxModule):
        def __init__(self) -> None:
            self.gain = Parameter(1.0)

    with pytest.raises(NotImplementedError, match=r"`Early.__init__` must call `super\(\).__init"):
        Early()


class Finished(Gain):
    """Runs something after its constructor."""

    def __init__(self, shape: Any, seen: list[str]) -> None:
        self.seen = seen
        super().__init__(shape)
        seen.append("Finished")

    def __post_init__(self) -> None:
        self.seen.append(f"post init, {self.gain.shape}")


class MoreFinished(Finished):
    def __init__(self, shape: Any, seen: list[str]) -> None:
        super().__init__(shape, seen)
        seen.append("MoreFinished")


class AsFinished(Finished):
    """Has no constructor of its own."""


@pytest.mark.parametrize("cls", [Finished, MoreFinished, AsFinished])
def test_the_hook_runs_once_after_the_outermost_constructor(cls: Any) -> None:
    seen: list[str] = []
    module = cls(2, seen)
    constructors = [
        one for one in ("Finished", "MoreFinished") if one in (cls.__name__, "Finished")
    ]
    assert seen == [*constructors, "post init, (2,)"]
    module.set_attributes({"gain": [1.0, 2.0]}).reset_state()
    jax.tree.map(lambda leaf: leaf, module)
    copy.deepcopy(module)
    assert len(seen) == len(constructors) + 1


def test_a_constructor_keeps_its_signature_and_documentation() -> None:
    assert str(inspect.signature(LinearJax)).startswith("(shape: Any, weight: Any = None, bias")


def test_declaring_an_attribute_twice_is_refused() -> None:
    module = Gain(2)
    with pytest.raises(ValueError, match="`gain` exists already; assign a plain value"):
        module.gain = Parameter(1.0)


@pytest.mark.parametrize(
    "name", ["", "a.b", "w@reset", "evolve", "shape", "parameters", "doubled", "method", "__dict__"]
)
def test_names_that_would_be_ambiguous_are_refused(name: str) -> None:
    module = Gain(2)
    with pytest.raises(ValueError, match=f"Gain: '{name}' cannot name an attribute"):
        setattr(module, name, Parameter(1.0))
    with pytest.raises(ValueError, match=f"Gain: '{name}' cannot name an attribute"):
        setattr(module, name, Gain(2))


def test_a_module_does_not_take_the_place_of_an_attribute() -> None:
    module = Gain(2)
    with pytest.raises(ValueError, match="`gain` exists already and is not a module"):
        module.gain = Gain(2)


def test_a_child_is_replaced_by_modules_only() -> None:
    pair = Pair()
    pair.left = Gain(2, gain=7.0)
    assert (float(pair.left.gain), pair.left.name) == (7.0, "'left'")
    with pytest.raises(ValueError, match="Pair: submodule `left` must be a JaxModule, got float"):
        pair.left = 3.0  # pyright: ignore[reportAttributeAccessIssue]


def test_a_module_cannot_be_a_part_of_itself() -> None:
    pair = Pair()
    with pytest.raises(ValueError, match=r"a module cannot be a part of itself \(`inner`\)"):
        pair.left.inner = pair


def test_a_module_with_a_parent_is_copied_into_the_next_one() -> None:
    shared = Gain(2)
    first, second = Sequential({"a": shared}), Sequential({"b": shared})
    assert first["a"] is shared
    assert (first["a"].name, second["b"].name) == ("'a'", "'b'")


@pytest.mark.parametrize("name", ["gain", "left"])
def test_what_is_declared_cannot_be_deleted(name: str) -> None:
    module = Pair() if name == "left" else Gain(2)
    with pytest.raises(AttributeError, match=f"`{name}` is declared and cannot be deleted"):
        delattr(module, name)


def test_plain_attributes_can_be_set_and_deleted() -> None:
    module = Plain(3)
    module.note = 4
    del module.note
    assert not hasattr(module, "note")


def test_the_declaration_of_an_attribute_can_be_read() -> None:
    declared = Gain(2).declaration("gain")
    assert (declared.kind, declared.family, declared.shape) == ("parameter", "gains", (2,))
    with pytest.raises(KeyError, match="nothing"):
        Gain(2).declaration("nothing")


# --- looking inside ---


def test_the_three_kinds_are_listed_apart_with_every_child() -> None:
    net = Sequential(LinearJax((2, 2)), Gain(2))
    assert {name: list(inner) for name, inner in net.parameters().items()} == {
        "0_LinearJax": ["weight"],
        "1_Gain": ["gain"],
    }
    assert {name: list(inner) for name, inner in net.state().items()} == {
        "0_LinearJax": [],
        "1_Gain": ["last"],
    }
    simulation = net.simulation_parameters()["1_Gain"]
    assert list(simulation) == ["dt", "offset", "mode", "clip", "shaping"]


def test_own_attributes_come_before_those_of_children() -> None:
    assert list(Pair().parameters()) == ["weight", "left", "right"]


def test_a_family_selects_and_drops_what_is_empty() -> None:
    pair = Pair()
    assert list(pair.parameters("weights")) == ["weight"]
    assert list(pair.parameters(["weights", "gains"])) == ["weight", "left", "right"]
    assert pair.parameters("no such family") == {}


def test_families_are_compared_by_value_and_not_by_identity() -> None:
    name = str(np.str_("weights"))
    assert list(Pair().parameters(name)) == ["weight"]


@pytest.mark.parametrize("family", ["bias", "biases"])
def test_both_spellings_of_the_bias_family_find_both_layers(family: str) -> None:
    net = Sequential(LinearJax((2, 2), has_bias=True), LIFJax(2))
    assert list(net.parameters(family)) == ["0_LinearJax", "1_LIFJax"]


@pytest.mark.parametrize("family", ["threshold", "thresholds"])
def test_both_spellings_of_the_threshold_family_are_one(family: str) -> None:
    assert list(LIFJax(2).parameters(family)) == ["threshold"]


def test_attributes_of_any_kind_are_found_by_name() -> None:
    found = Pair().attributes_named(["dt", "last"])
    assert found["left"] == {"last": found["left"]["last"], "dt": 1e-3}
    assert Pair().attributes_named("weight").keys() == {"weight"}
    assert Pair().attributes_named("no such name") == {}


def test_modules_are_the_direct_children_in_order() -> None:
    assert list(Sequential({"b": Pair(), "a": Gain(2)}).modules()) == ["b", "a"]


# --- setting ---


def test_setting_changes_the_new_module_only() -> None:
    pair = Pair()
    before = jax.tree.map(np.array, pair)
    changed = pair.set_attributes({"left": {"gain": [4.0, 5.0]}, "weight": np.zeros((2, 2))})
    np.testing.assert_array_equal(changed.left.gain, [4, 5])
    np.testing.assert_array_equal(changed.weight, 0)
    for leaf, old in zip(jax.tree.leaves(pair), jax.tree.leaves(before), strict=True):
        np.testing.assert_array_equal(leaf, old)


def test_what_is_not_set_is_shared_and_not_copied() -> None:
    pair = Pair()
    changed = pair.set_attributes({"left": {"gain": [4.0, 5.0]}})
    assert changed.weight is pair.weight
    assert changed.right.gain is pair.right.gain


def test_assigning_to_a_copy_is_not_seen_by_the_original() -> None:
    pair = Pair()
    other = pair.set_attributes({})
    other.left.gain = [7.0, 7.0]
    other.left.dt = 5.0
    np.testing.assert_array_equal(pair.left.gain, 1)
    assert pair.left.dt == 1e-3


def test_assigning_to_a_child_is_seen_by_its_parent() -> None:
    net = Sequential(Gain(2))
    net[0].gain = [2.0, 3.0]
    np.testing.assert_array_equal(net.parameters()["0_Gain"]["gain"], [2, 3])


def test_values_of_any_origin_become_arrays_of_the_default_precision() -> None:
    for value in ([1, 2], (1.0, 2.0), np.array([1.0, 2.0]), np.array([1, 2]), jnp.array([1, 2])):
        stored = Gain(2).set_attributes({"gain": value}).gain
        assert isinstance(stored, jax.Array)
        assert (stored.dtype, stored.weak_type) == (jnp.float32, False)


def test_setting_does_not_share_memory_with_numpy() -> None:
    given = np.ones(2, dtype=np.float32)
    module = Gain(2).set_attributes({"gain": given})
    given[:] = 5
    np.testing.assert_array_equal(module.gain, 1)


def test_a_wrong_shape_is_refused_with_its_path() -> None:
    with pytest.raises(ValueError, match=r"Pair: `left.gain` must be of shape \(2,\) \(got \(3,"):
        Pair().set_attributes({"left": {"gain": np.ones(3)}})


def test_assigning_a_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Gain: `gain` must be of shape \(2,\) \(got \(\)\)"):
        Gain(2).gain = 3.0


def test_everything_that_is_wrong_is_said_at_once() -> None:
    tree = {
        "wieght": np.ones((2, 2)),
        "left": {"gain": np.ones(3), "mode": 3},
        "right": 5,
        "weight": "many",
    }
    with pytest.raises(ValueError) as caught:
        Pair().set_attributes(tree)
    assert str(caught.value).splitlines() == [
        "Pair: `left.gain` must be of shape (2,) (got (3,))",
        "`left.mode` must be a string (got 3)",
        "`right` must be a dict, got int",
        (
            "`weight` must be an array or a number: Value 'many' with dtype <U4 is not a valid "
            "JAX array type. Only arrays of numeric types are supported by JAX."
        ),
        (
            "`wieght` (did you mean `weight`?) does not exist; `strict=False` passes over names "
            "that do not exist"
        ),
    ]


def test_unknown_names_are_passed_over_when_not_strict() -> None:
    changed = Pair().set_attributes({"nothing": 1, "left": {"gain": [2.0, 2.0]}}, strict=False)
    np.testing.assert_array_equal(changed.left.gain, 2)


def test_something_else_than_a_dict_is_refused() -> None:
    with pytest.raises(ValueError, match="Gain: `tree` must be a dict, got list"):
        Gain(2).set_attributes([1, 2])


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("dt", "fast", "a number"),
        ("dt", True, "a number"),
        ("dt", None, "a number"),
        ("mode", 3.0, "a string"),
        ("mode", np.ones(()), "a string"),
        ("shaping", jnp.ones(()), "a function"),
        ("clip", 1, "a bool"),
        ("shaping", 3.0, "a function"),
    ],
)
def test_a_static_value_is_replaced_by_one_of_its_sort_only(
    name: str, value: Any, wanted: str
) -> None:
    with pytest.raises(ValueError, match=f"Gain: `{name}` must be {wanted} \\(got "):
        Gain(2).set_attributes({name: value})


def test_static_values_stay_plain_python_values() -> None:
    module = Gain(2).set_attributes({"dt": np.float64(2e-3), "clip": True, "mode": "down"})
    assert (module.dt, module.clip, module.mode) == (2e-3, True, "down")
    assert type(module.set_attributes({"dt": 1}).dt) is float


def test_an_array_makes_a_static_number_a_traced_one() -> None:
    module = Gain(2).set_attributes({"dt": jnp.array(2e-3)})
    assert isinstance(module.dt, jax.Array)
    assert len(jax.tree.leaves(module)) == len(jax.tree.leaves(Gain(2))) + 1
    with pytest.raises(ValueError, match=r"`dt` must be of shape \(\) \(got \(2,\)\)"):
        Gain(2).set_attributes({"dt": np.ones(2)})


def test_typed_random_keys_become_raw_where_a_raw_one_was() -> None:
    lif = LIFJax(2).set_attributes({"rng_key": jax.random.key(3)})
    np.testing.assert_array_equal(lif.rng_key, jax.random.key_data(jax.random.key(3)))


def test_a_random_key_does_not_replace_numbers() -> None:
    with pytest.raises(ValueError, match="`threshold` must be .*: a random key is no number"):
        LIFJax(2, threshold=1.0).set_attributes({"threshold": jax.random.key(0)})


# --- resetting ---


def test_resetting_leaves_the_receiver_and_its_children_as_they_are() -> None:
    pair = Pair()
    pair.left.last = [1.0, 2.0]
    pair.left.gain = [3.0, 4.0]
    reset = pair.reset_state().reset_parameters()
    np.testing.assert_array_equal(reset.left.last, 0)
    np.testing.assert_array_equal(reset.left.gain, 1)
    np.testing.assert_array_equal(pair.left.last, [1, 2])
    np.testing.assert_array_equal(pair.left.gain, [3, 4])


def test_a_given_parameter_returns_to_what_was_given() -> None:
    module = Gain(2, gain=[5.0, 6.0])
    module.gain = [0.0, 0.0]
    np.testing.assert_array_equal(module.reset_parameters().gain, [5, 6])


def test_a_drawn_parameter_is_drawn_again() -> None:
    layer = LinearJax((3, 3))
    assert np.any(layer.reset_parameters().weight != layer.weight)


def test_the_same_key_draws_the_same_and_another_one_something_else() -> None:
    net = Sequential(LinearJax((3, 3)), LinearJax((3, 3)))
    first, again = (net.reset_parameters(jax.random.key(1)).parameters() for _ in range(2))
    other = net.reset_parameters(jax.random.key(2)).parameters()
    np.testing.assert_array_equal(first["0_LinearJax"]["weight"], again["0_LinearJax"]["weight"])
    assert np.all(first["0_LinearJax"]["weight"] != other["0_LinearJax"]["weight"])
    assert np.all(first["0_LinearJax"]["weight"] != first["1_LinearJax"]["weight"])


def test_the_random_key_returns_to_the_first_one() -> None:
    lif = LIFJax(2, noise_std=1.0, rng_key=jax.random.key(0))
    moved = lif.set_attributes(lif(np.zeros((3, 2)))[1])
    assert np.any(moved.rng_key != lif.rng_key)
    np.testing.assert_array_equal(moved.reset_state().rng_key, lif.rng_key)


def test_a_reset_keeps_the_shape_and_type_that_the_attribute_has() -> None:
    class Odd(JaxModule):
        def __init__(self) -> None:
            super().__init__(2)
            self.count: Any = State(shape=2, init_func=lambda shape: np.zeros((1, *shape), int))

    module = Odd()
    assert (module.count.shape, module.count.dtype) == ((2,), jnp.int32)
    again = module.reset_state()
    assert (again.count.shape, again.count.dtype) == ((2,), jnp.int32)


def test_stacked_modules_are_reset_together() -> None:
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), LinearJax((2, 2)), LinearJax((2, 2)))
    with pytest.raises(
        ValueError, match=r"LinearJax: `weight` is stacked, \(2, 2, 2\) instead of "
    ):
        stacked.reset_parameters(jax.random.key(0))
    keys = jax.random.split(jax.random.key(0))
    fresh = jax.vmap(lambda module, key: module.reset_parameters(key))(stacked, keys)
    assert np.all(fresh.weight[0] != fresh.weight[1])
    pair = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), Gain(2))
    vars(pair)["last"] = jnp.ones((2, 2))
    np.testing.assert_array_equal(pair.reset_state().last, np.zeros((2, 2)))


# --- calling ---


def test_a_module_takes_the_result_of_another_call() -> None:
    first, second = Gain(2, gain=2.0), Gain(2, gain=5.0)
    output, state, record = second(first(np.ones((3, 2)), record=True), record=True)
    np.testing.assert_array_equal(output, 10)
    assert set(state) == {"last", "Gain"}
    np.testing.assert_array_equal(record["output"], 2)
    np.testing.assert_array_equal(record["Gain"]["output"], 10)


def test_results_of_modules_of_one_class_do_not_overwrite_each_other() -> None:
    chain = Gain(1)(Gain(1)(Gain(1)(np.ones((1, 1)))))
    assert set(chain[1]) == {"last", "Gain", "2_Gain"}


def test_a_named_module_puts_its_result_under_its_name() -> None:
    pair = Pair()
    _, state, _ = pair.right(pair.left(np.ones((1, 2))))
    assert set(state) == {"last", "right"}


@pytest.mark.parametrize("record", [np.True_, np.bool_(1)])
def test_numpy_flags_record(record: Any) -> None:
    assert Gain(1)(np.ones((1, 1)), record)[2].keys() == {"output"}


def test_a_module_without_dynamics_says_so() -> None:
    class Nothing(JaxModule):
        pass

    with pytest.raises(NotImplementedError, match="`Nothing` does not define `evolve`"):
        Nothing(2)(np.ones((1, 2)))


# --- jit ---


@pytest.fixture
def traces() -> Iterator[list[str]]:
    """Counts how often a function is traced."""
    counted: list[str] = []
    yield counted
    gc.collect()


def counting(traces: list[str]) -> Callable[..., Any]:
    @jax.jit
    def run(module: Any, data: Any) -> Any:
        traces.append("traced")
        return module(data)[0]

    return run


def test_a_rebuilt_equal_module_is_compiled_once(traces: list[str]) -> None:
    run = counting(traces)
    for seed in range(3):
        run(Sequential(LinearJax((2, 3), rng_key=jax.random.key(seed)), LIFJax(3)), np.ones((4, 2)))
    assert len(traces) == 1


def test_other_values_and_resets_are_compiled_once(traces: list[str]) -> None:
    run, module = counting(traces), LIFJax(3)
    data = np.ones((4, 3))
    run(module, data)
    state = module(data)[1]
    for changed in (
        module.set_attributes(state),
        module.set_attributes(state).reset_state(),
        module.set_attributes({"tau_mem": np.full(3, 0.1)}),
        module.set_attributes({"threshold": [1, 2, 3]}),
        module.reset_parameters(),
        copy.deepcopy(module),
    ):
        run(changed, data)
    assert len(traces) == 1


def test_a_scalar_parameter_set_again_is_compiled_once(traces: list[str]) -> None:
    run, module = counting(traces), LIFJax(3, tau_mem=0.02)
    for tau in (module.tau_mem, 0.05, np.float64(0.05), jnp.asarray(0.05), np.float32(0.1)):
        run(module.set_attributes({"tau_mem": tau}), np.ones((4, 3)))
    assert len(traces) == 1


def test_a_static_value_is_part_of_what_is_compiled(traces: list[str]) -> None:
    run, module = counting(traces), LIFJax(3, rng_key=jax.random.key(0))
    data = np.full((4, 3), 2.0)
    outputs = [run(module.set_attributes({"dt": dt}), data) for dt in (1e-3, 2e-3, 1e-3)]
    assert len(traces) == 2
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_static_values_can_be_branched_on_in_jit() -> None:
    class Branching(Gain):
        def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
            return (input_data if self.dt < 1 else None), {}, {}

    output = jax.jit(lambda module: module(np.ones(2))[0])(Branching(2))
    np.testing.assert_array_equal(output, 1)


def test_a_value_made_traced_is_a_leaf_in_jit() -> None:
    module = Gain(2).set_attributes({"dt": jnp.array(2e-3)})
    gradient = jax.grad(lambda module: module.dt * 3, allow_int=True)(module)
    np.testing.assert_allclose(gradient.dt, 3)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (0.0, -0.0),
        ([1, 2], [2, 1]),
        (lambda: 2, lambda: 3),
        (np.ones(2), np.zeros(2)),
        ("a", "b"),
    ],
)
def test_plain_attributes_are_part_of_the_structure(one: Any, other: Any) -> None:
    structure = jax.tree.structure
    assert structure(Plain(one)) == structure(Plain(one))
    assert structure(Plain(one)) != structure(Plain(other))


def test_modules_of_other_kind_shape_or_names_are_of_other_structure() -> None:
    base = Sequential({"a": LIFJax(2)})
    for other in (
        Sequential({"b": LIFJax(2)}),
        Sequential({"a": LIFJax(3)}),
        Sequential({"a": LIFJax(2, tau_mem=Constant(0.02))}),
        Sequential({"a": LIFJax(2, tau_mem=0.02)}),
        Sequential({"a": LIFJax(2, has_rec=True)}),
        Sequential({"a": Gain(2)}),
    ):
        assert jax.tree.structure(base) != jax.tree.structure(other)


def test_functions_made_by_one_lambda_compile_once(traces: list[str]) -> None:
    def scaled(by: float) -> Plain:
        return Plain(lambda: by)

    run = counting(traces)
    assert [float(run(scaled(by), 1.0)) for by in (2.0, 2.0, 3.0)] == [2.0, 2.0, 3.0]
    assert len(traces) == 2


def test_eager_calls_compile_once(caplog: pytest.LogCaptureFixture) -> None:
    net = Sequential(LinearJax((2, 3)), LIFJax(3, has_rec=True))
    data = np.ones((1, 6, 2))
    state = net(data)[1]
    net.set_attributes(state)(data)
    other = Sequential(LinearJax((2, 3), weight=np.ones((2, 3))), LIFJax(3, has_rec=True))
    with jax.log_compiles():
        net.set_attributes(state)(data)
        other(data)
    assert [record.getMessage() for record in caplog.records] == []


def test_state_is_carried_through_jit() -> None:
    @jax.jit
    def step(state: Any, net: Any, data: Any) -> Any:
        output, new_state, _ = net.set_attributes(state)(data)
        return output, new_state

    net = LIFJax(2, has_rec=True, rng_key=jax.random.key(0))
    data = np.random.default_rng(0).poisson(0.5, (9, 2))
    whole, end, _ = net(data)
    state, pieces = net.state(), []
    for piece in data.reshape(3, 3, 2):
        output, state = step(state, net, piece)
        pieces.append(output)
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)
    np.testing.assert_allclose(state["vmem"], end["vmem"], atol=1e-5)


def test_jit_of_a_module_keeps_the_state_it_had() -> None:
    # Documented: the module is a constant of the compiled function.
    lif = LIFJax(2, rng_key=jax.random.key(0))
    compiled = jax.jit(lif)
    first, state, _ = compiled(np.ones((5, 2)))
    lif.vmem = state["vmem"] + 10.0
    np.testing.assert_array_equal(compiled(np.ones((5, 2)))[0], first)


@pytest.mark.parametrize("record", [False, True, np.True_])
def test_the_compiled_call_gives_what_the_call_gives(record: Any) -> None:
    module = Gain(2, gain=3.0)
    found, wanted = (call(np.ones((4, 2)), record) for call in (module.jit(), module))
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    jax.tree.map(np.testing.assert_array_equal, found, wanted)


def test_the_compiled_call_sees_later_states_and_values(traces: list[str]) -> None:
    class Counted(Gain):
        def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
            traces.append("traced")
            return super().evolve(input_data, record)

    module, data = Counted(2), np.ones((4, 2))
    call = module.jit()
    call(data)
    module.gain = [2.0, 3.0]
    np.testing.assert_array_equal(call(data)[1]["last"], [2, 3])
    module = module.set_attributes(call(data)[1])
    np.testing.assert_array_equal(module.jit()(data)[1]["last"], [4, 6])
    np.testing.assert_array_equal(module.reset_state().jit()(data)[1]["last"], [2, 3])
    assert len(traces) == 1


def test_the_compiled_call_takes_results_of_other_calls_and_traced_flags() -> None:
    module = Gain(2)
    chained = module.jit()(module(np.ones((4, 2)), record=True), record=True)
    assert set(chained[2]) == {"output", "Gain"}
    recorded = jax.jit(lambda flag: module.jit()(np.ones((4, 2)), record=flag)[2])(True)
    assert set(recorded) == {"output"}


# --- paths ---


def test_key_paths_name_attributes_and_reset_values() -> None:
    paths = [
        jax.tree_util.keystr(path)
        for path, _ in jax.tree_util.tree_leaves_with_path(Sequential(Gain(2, gain=2.0)))
    ]
    assert paths == [
        ".0_Gain.gain",
        ".0_Gain.last",
        ".0_Gain.offset",
        ".0_Gain.gain@reset",
    ]
