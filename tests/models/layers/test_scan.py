from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from xylograph.models import Constant, LIFJax, Parameter, ScanJax, SimulationParameter, State

DATA = np.random.default_rng(0).normal(size=(2, 6, 2)).astype(np.float32)


def gru(parameters: Any, state: Any, arriving: Any) -> Any:
    """A gated recurrent unit, as a cell function a user brings along."""
    both = jnp.concatenate([arriving, state["h"]])
    update, forget = jax.nn.sigmoid(both @ parameters["gates"]).reshape(2, -1)
    proposed = jnp.tanh(jnp.concatenate([arriving, forget * state["h"]]) @ parameters["propose"])
    h = (1 - update) * state["h"] + update * proposed
    return {"h": h}, h


def cell(seed: int = 0) -> ScanJax:
    draw = np.random.default_rng(seed)
    return ScanJax(
        (2, 3),
        gru,
        state={"h": np.zeros(3)},
        parameters={
            "gates": Parameter(draw.normal(size=(5, 6)), "weights"),
            "propose": draw.normal(size=(5, 3)),
        },
    )


def test_it_does_what_a_loop_over_samples_and_steps_does() -> None:
    module = cell()
    output, new_state, record = module(DATA, record=True)
    for sample, expected in zip(DATA, output, strict=True):
        state = {"h": jnp.zeros(3)}
        for arriving, wanted in zip(sample, expected, strict=True):
            state, found = gru(module.parameters(), state, arriving)
            np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_array_equal(record["h"], output)
    np.testing.assert_array_equal(new_state["h"], output[0, -1])


def test_gradients_are_differences(x64: None) -> None:
    module = cell()

    def loss(parameters: Any, h: Any, data: Any) -> jax.Array:
        return jnp.sum(module.set_attributes({**parameters, "h": h})(data)[0] ** 2)

    at = (module.parameters(), np.ones(3), DATA.astype(float))
    check_grads(jax.jit(loss), at, order=1, modes=["rev"], eps=1e-6)


def test_it_computes_what_a_neuron_computes() -> None:
    def neuron(parameters: Any, state: Any, arriving: Any) -> Any:
        isyn = (state["isyn"] + arriving) * parameters["beta"]
        vmem = state["vmem"] * parameters["alpha"] + isyn
        spikes = jnp.maximum(jnp.floor(vmem), 0.0)
        return {"isyn": isyn, "vmem": vmem - spikes}, spikes

    module = ScanJax(
        2,
        neuron,
        state={"isyn": np.zeros(2), "vmem": np.zeros(2)},
        parameters={"alpha": np.exp(-1e-3 / 10e-3), "beta": np.exp(-1e-3 / 5e-3)},
    )
    raster = np.random.default_rng(0).poisson(0.5, (2, 30, 2))
    expected, _, record = LIFJax(2, tau_mem=10e-3, tau_syn=5e-3)(raster, record=True)
    output, _, found = module(raster, record=True)
    np.testing.assert_array_equal(output, expected)
    np.testing.assert_allclose(found["vmem"], record["vmem"], atol=1e-4)


def test_a_function_may_have_neither_state_nor_parameters() -> None:
    output, state, record = ScanJax((2, 1), lambda _, x: ({}, x.sum(keepdims=True)))(DATA)
    np.testing.assert_allclose(output[..., 0], DATA.sum(-1), atol=1e-6)
    assert (state, record) == ({}, {})


def test_values_are_declared_as_what_they_are_given_as() -> None:
    module = ScanJax(
        2,
        lambda parameters, state, x: (state, x * parameters["gain"] * parameters["dt"]),
        state={"count": State(np.zeros((), int)), "v": np.zeros(2)},
        parameters={
            "gain": Parameter(2.0, "weights"),
            "fixed": Constant([1.0]),
            "dt": SimulationParameter(0.5),
        },
    )
    assert module.parameters() == {"gain": 2.0}
    assert list(module.parameters("weights")) == ["gain"]
    assert list(module.state()) == ["count", "v"]
    assert list(module.simulation_parameters()) == ["step", "fixed", "dt"]
    np.testing.assert_array_equal(module(DATA)[0], DATA)
    assert module.set_attributes({"count": 3}).reset_state().state()["count"] == 0


def test_each_sample_may_draw_from_a_key_of_its_own() -> None:
    def noisy(state: Any, arriving: Any) -> Any:
        after, now = jax.random.split(state["key"])
        return {"key": after}, arriving + jax.random.normal(now, arriving.shape)

    module = ScanJax(2, noisy, state={"key": jax.random.key_data(jax.random.key(0))})
    alike = np.asarray(module(np.zeros((3, 4, 2)))[0])
    np.testing.assert_array_equal(alike[0], alike[1])
    keys = jax.random.key_data(jax.random.split(jax.random.key(1), 3))
    apart = module.batch_state(3).set_attributes({"key": keys})(np.zeros((3, 4, 2)))[0]
    assert len(np.unique(np.asarray(apart))) == 3 * 4 * 2


# --- functions that do not keep to the form ---


@pytest.mark.parametrize(
    ("step", "problems"),
    [
        (
            lambda state, x: x,
            ["`step` must give `(new state, output)`, got DynamicJaxprTracer"],
        ),
        (
            lambda state, x: (state, x[:1]),
            ["`step` must give an output of shape (2,), got (1,)"],
        ),
        (
            lambda state, x: ({"w": x}, x.sum()),
            [
                "`step` must give an output of shape (2,), got ()",
                "`step` must give the states ['n', 'v'], got ['w']",
            ],
        ),
        (
            lambda state, x: (x, x),
            ["`step` must give the states ['n', 'v'], got DynamicJaxprTracer"],
        ),
        (
            lambda state, x: ({"v": x[:1], "n": state["n"] + 0.5}, x),
            [
                "`step` gives `n` as float32, it was int32",
                "`step` gives `v` of shape (1,), it was (2,)",
            ],
        ),
    ],
)
def test_what_a_function_gives_wrong_is_said_at_once(step: Any, problems: list[str]) -> None:
    module = ScanJax(2, step, state={"v": np.zeros(2), "n": 0})
    with pytest.raises(ValueError) as caught:
        module(DATA)
    assert str(caught.value).splitlines() == [f"ScanJax: {problems[0]}", *problems[1:]]


def test_a_state_keeps_its_precision() -> None:
    def halve(state: Any, arriving: Any) -> Any:
        return {"v": (state["v"] / 2).astype(jnp.float16)}, arriving

    assert ScanJax(2, halve, state={"v": np.ones(2)})(DATA)[1]["v"].dtype == jnp.float32


# --- construction ---


@pytest.mark.parametrize("shape", [None, (None, 2)])
def test_without_a_shape_it_is_refused(shape: Any) -> None:
    with pytest.raises(
        ValueError, match=r"`ScanJax` takes the shape `N` or `\(n_in, n_out\)`, got"
    ):
        ScanJax(shape, gru)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(ValueError, match="ScanJax: `step` must be callable, got 3"):
        ScanJax(2, 3)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"state": {"shape": 1.0}}, ValueError, "'shape' cannot name an attribute"),
        ({"state": {"step": 1.0}}, ValueError, "`step` exists already"),
        ({"state": {"rng_key": 1}}, ValueError, "`rng_key` is the key of a whole batch; name the"),
        ({"state": {"v": Parameter(1.0)}}, TypeError, "`v` cannot be a `Parameter` here"),
        ({"parameters": {"v": State(1.0)}}, TypeError, "`v` cannot be a `State` here"),
        ({"state": {"v": "zero"}}, TypeError, "`v` must be an array or a number: "),
        (
            {"parameters": {"f": SimulationParameter(jnp.tanh)}},
            TypeError,
            "ScanJax: `f` must be an array or a number, got <",
        ),
        ({"state": {"v": 1.0}, "parameters": {"v": 1.0}}, ValueError, "`v` exists already"),
    ],
)
def test_values_that_cannot_be_declared_are_refused(given: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        ScanJax(2, gru, **given)
