"""The low-level functional API: the script of its notebook, and the patterns users write with it."""

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.example_libraries import optimizers

from xylograph.models import (
    JaxModule,
    LIFJax,
    LinearJax,
    Parameter,
    RateJax,
    Sequential,
    kaiming,
)

PAGE = Path(__file__).parents[2] / "docs" / "tutorials" / "functional-api.md"


# --- the script of the notebook, cell by cell ---


def test_the_script_of_the_notebook_runs_cell_by_cell() -> None:
    mod = RateJax(3)
    assert repr(mod) == "RateJax  with shape (3,)"

    output, new_state, record = mod(np.random.default_rng(0).random((10, 3)))
    assert output.shape == (1, 10, 3)
    assert record == {}
    assert (new_state["x"].shape, new_state["rng_key"].shape) == ((3,), (2,))
    assert set(new_state) == {"x", "rng_key"}

    assert np.all(mod.state()["x"] != new_state["x"])
    np.testing.assert_array_equal(mod.state()["x"], 0)

    mod = mod.set_attributes(new_state)
    np.testing.assert_array_equal(mod.state()["x"], new_state["x"])

    np.testing.assert_allclose(mod.tau, 0.02, rtol=1e-6)
    mod.tau = mod.tau * 0.4
    np.testing.assert_allclose(mod.parameters()["tau"], 0.008, rtol=1e-6)

    params = mod.parameters()
    params["tau"] = params["tau"] * 3.0
    np.testing.assert_allclose(mod.tau, 0.008, rtol=1e-6)
    mod = mod.set_attributes(params)
    np.testing.assert_allclose(mod.tau, 0.024, rtol=1e-6)

    mod = mod.reset_state()
    np.testing.assert_array_equal(mod.x, 0)
    mod = mod.reset_parameters()
    np.testing.assert_allclose(mod.tau, 0.02, rtol=1e-6)


def test_the_notebook_flattens_and_unflattens_modules() -> None:
    mod = RateJax(3, has_rec=True)
    leaves, structure = jax.tree.flatten(mod)
    again = jax.tree.unflatten(structure, leaves)
    assert repr(again) == repr(mod)
    np.testing.assert_array_equal(again.w_rec, mod.w_rec)
    data = np.random.default_rng(0).random((10, 3))
    np.testing.assert_array_equal(again(data)[0], mod(data)[0])


class Net(JaxModule):
    """The custom network of the notebooks."""

    def __init__(self, shape: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(shape, *args, **kwargs)
        self.w_in: Any = Parameter(shape=self.shape[0:2], family="weights", init_func=kaiming)
        self.neurons = RateJax(self.shape[1])
        self.w_out: Any = Parameter(shape=self.shape[1:], family="weights", init_func=kaiming)

    def evolve(self, x: Any, record: bool = False) -> tuple[Any, dict, dict]:  # pyright: ignore
        new_state, rec = {}, {}
        x, new_state["neurons"], rec["neurons"] = self.neurons(jnp.dot(x, self.w_in), record=record)
        return jnp.dot(x, self.w_out), new_state, rec


def test_a_custom_network_needs_nothing_more_than_its_two_methods() -> None:
    net = Net((2, 4, 1))
    data = np.random.default_rng(0).random((10, 2)).astype(np.float32)
    output, new_state, record = net(data, record=True)
    assert output.shape == (1, 10, 1)
    assert record["neurons"]["x"].shape == (1, 10, 4)
    moved = net.set_attributes(new_state)
    np.testing.assert_array_equal(moved.neurons.x, new_state["neurons"]["x"])
    np.testing.assert_allclose(net.jit()(data)[0], output, rtol=1e-5)
    assert list(net.parameters("weights")) == ["w_in", "w_out"]


@pytest.mark.slow  # the build of the site runs the page, too
def test_the_page_on_the_functional_api_holds_what_it_says(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    cells = re.findall(
        r"^```\{code-cell\}.*?\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    assert len(cells) > 20
    printed: list[str] = []
    names = {"__name__": "page", "print": lambda *words: printed.append(" ".join(map(str, words)))}
    for cell in cells:
        exec(compile(cell, str(PAGE), "exec"), names)  # noqa: S102
    # What the prose says of the outcome.
    losses = [float(line.split()[-1]) for line in printed if line.startswith("step")]
    assert losses[-1] < 0.03 < losses[0]
    assert "the state moved on, the output did not: True" in printed
    assert "True False" in printed
    (difference,) = (line for line in printed if line.startswith("largest difference"))
    assert float(difference.split()[-1]) < 1e-5


# --- patterns of training and simulation ---

DATA = np.random.default_rng(1).random((2, 12, 2)).astype(np.float32)
TARGET = np.zeros((2, 12, 3), np.float32)


def network() -> Sequential:
    return Sequential(
        LinearJax((2, 3), rng_key=jax.random.key(0)),
        RateJax(3, has_rec=True, activation_func="tanh", rng_key=jax.random.key(1)),
    )


def loss(params: Any, net: Any, inputs: Any, target: Any) -> jax.Array:
    net = net.reset_state()
    net = net.set_attributes(params)
    output, _, _ = net(inputs)
    return jnp.mean((output - target) ** 2) + 1e-3 * jnp.sum(params["1_RateJax"]["w_rec"] ** 2)


gradient_of_loss = jax.jit(jax.value_and_grad(loss))


def test_a_loss_of_parameters_is_the_same_compiled_and_has_their_structure() -> None:
    net = network()
    value, gradient = gradient_of_loss(net.parameters(), net, DATA, TARGET)
    np.testing.assert_allclose(value, loss(net.parameters(), net, DATA, TARGET), rtol=1e-5)
    assert jax.tree.structure(gradient) == jax.tree.structure(net.parameters())
    assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(gradient))


def test_an_optimizer_of_optax_trains() -> None:
    net = network()
    optimizer = optax.adam(1e-2)
    params = net.parameters()
    moments = optimizer.init(params)
    values = []
    for _ in range(20):
        value, gradient = gradient_of_loss(params, net, DATA, TARGET)
        change, moments = optimizer.update(gradient, moments)
        params = optax.apply_updates(params, change)
        values.append(float(value))
    net = net.set_attributes(params)
    assert values[-1] < values[0] / 2
    assert loss(net.parameters(), net, DATA, TARGET) < values[-1]


def test_an_optimizer_of_jax_trains() -> None:
    net = network()
    init, update, get = optimizers.adam(1e-2)
    state = init(net.parameters())
    values = []
    for step in range(20):
        value, gradient = gradient_of_loss(get(state), net, DATA, TARGET)
        state = update(step, gradient, state)
        values.append(float(value))
    net = net.set_attributes(get(state))
    assert values[-1] < values[0] / 2
    assert loss(net.parameters(), net, DATA, TARGET) < values[-1]


def test_the_module_itself_can_be_differentiated() -> None:
    net = network()
    whole = jax.grad(lambda net: net(DATA)[0].sum(), allow_int=True)(net)
    params = jax.grad(lambda p: net.set_attributes(p)(DATA)[0].sum())(net.parameters())
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), whole.parameters(), params
    )


def test_an_ensemble_runs_over_stacked_parameters() -> None:
    net = network()
    keys = jax.random.split(jax.random.key(5), 3)
    ensemble = jax.vmap(lambda key: net.reset_parameters(key).parameters())(keys)
    outputs = jax.vmap(lambda params: net.set_attributes(params)(DATA)[0])(ensemble)
    for index, output in enumerate(outputs):
        params = jax.tree.map(lambda leaf: leaf[index], ensemble)  # noqa: B023
        np.testing.assert_allclose(output, net.set_attributes(params)(DATA)[0], rtol=1e-5)


def test_states_are_the_carry_of_a_scan_over_single_steps() -> None:
    net = network()

    def step(state: Any, sample: Any) -> tuple[Any, Any]:
        output, new_state, _ = net.set_attributes(state)(sample[None, None])
        return new_state, output[0, 0]

    end, online = jax.lax.scan(step, net.state(), DATA[0])
    whole, last, _ = net(DATA[0])
    np.testing.assert_allclose(online, whole[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(end["1_RateJax"]["x"], last["1_RateJax"]["x"], rtol=1e-5)


@pytest.mark.parametrize("record", [False, True])
def test_shapes_are_evaluated_through_module_arguments(record: bool) -> None:
    shapes = jax.eval_shape(lambda net, x: net(x, record=record), network(), DATA)
    found = network()(DATA, record=record)
    assert jax.tree.map(lambda one: (one.shape, one.dtype), shapes) == jax.tree.map(
        lambda one: (one.shape, one.dtype), found
    )


def test_a_module_comes_out_of_a_compiled_function() -> None:
    @jax.jit
    def build(weight: Any, key: Any) -> Any:
        return Sequential(LinearJax((2, 3), weight=weight), LIFJax(3, rng_key=key))

    net = build(jnp.ones((2, 3)), jax.random.key(0))
    other = Sequential(LinearJax((2, 3), weight=np.ones((2, 3))), LIFJax(3))
    assert jax.tree.structure(net) == jax.tree.structure(other)
    assert net(DATA)[0].shape == (2, 12, 3)


def test_nothing_leaks_out_of_a_trace() -> None:
    net = Sequential(LinearJax((2, 3)), LIFJax(3, has_rec=True))
    with jax.checking_leaks():

        @jax.jit
        def value_and_state(params: Any, net: Any) -> Any:
            def inner(params: Any) -> Any:
                output, new_state, _ = net.reset_state().set_attributes(params)(DATA)
                return output.sum(), new_state

            (value, state), gradient = jax.value_and_grad(inner, has_aux=True)(params)
            return value, net.set_attributes(state), gradient

        _, moved, gradient = value_and_state(net.parameters(), net)
    assert jax.tree.structure(moved) == jax.tree.structure(net)
    assert jax.tree.structure(gradient) == jax.tree.structure(net.parameters())


def test_64_bits_are_kept_all_the_way(x64: None) -> None:
    net = Sequential(LinearJax((2, 3)), LIFJax(3, has_rec=True), RateJax(3, noise_std=0.1))
    found = net(DATA, record=True)
    floats = [
        leaf.dtype
        for leaf in jax.tree.leaves((net, found))
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    assert set(floats) == {jnp.dtype("float64")}
    assert jax.tree.structure(net.set_attributes(found[1])) == jax.tree.structure(net)


@pytest.mark.parametrize("key", [jax.random.key(3), jax.random.key_data(jax.random.key(3))])
def test_typed_and_raw_keys_give_the_same(key: Any) -> None:
    wanted = RateJax(2, noise_std=0.1, has_rec=True, rng_key=jax.random.key(3))
    given = RateJax(2, noise_std=0.1, has_rec=True, rng_key=key)
    np.testing.assert_array_equal(given(DATA)[0], wanted(DATA)[0])
    np.testing.assert_array_equal(
        RateJax(2).set_attributes({"rng_key": key}).rng_key, jax.random.key_data(jax.random.key(3))
    )
