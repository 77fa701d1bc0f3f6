from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from xylograph.models import H_LReLU, RateJax


def by_hand(module: RateJax, raster: np.ndarray) -> dict[str, np.ndarray]:
    """The step of the class's docstring for tanh, one neuron at a time, in 64 bits."""
    n, dt = module.size_out, float(module.dt)
    tau, bias, threshold = (
        np.broadcast_to(np.asarray(getattr(module, name), float), n)
        for name in ("tau", "bias", "threshold")
    )
    w_rec = np.zeros((n, n)) if module.w_rec is None else np.asarray(module.w_rec, float)
    x = np.array(module.x, float)
    o = np.tanh(x - threshold)
    seen: dict[str, list[np.ndarray]] = {"o": [], "x": [], "rec_input": []}
    for arriving in raster:
        fed_back = np.array([sum(o[i] * w_rec[i, j] for i in range(n)) for j in range(n)])
        for j in range(n):
            x[j] += dt / tau[j] * (-x[j] + arriving[j] + bias[j] + fed_back[j])
        o = np.tanh(x - threshold)
        for name, value in (("o", o), ("x", x), ("rec_input", fed_back)):
            seen[name].append(value.copy())
    return {name: np.stack(values) for name, values in seen.items()}


@pytest.mark.parametrize("has_rec", [False, True])
def test_the_dynamics_are_those_computed_by_hand(has_rec: bool) -> None:
    draw = np.random.default_rng(0)
    module = RateJax(
        3,
        tau=draw.uniform(5e-3, 30e-3, 3),
        bias=draw.normal(size=3),
        threshold=draw.normal(size=3),
        has_rec=has_rec,
        w_rec=draw.normal(size=(3, 3)) if has_rec else None,
        activation_func="tanh",
        dt=2e-3,
    ).set_attributes({"x": draw.normal(size=3)})
    raster = draw.normal(size=(20, 3))
    expected = by_hand(module, raster)
    output, state, record = module(raster, record=True)
    np.testing.assert_allclose(output[0], expected["o"], atol=1e-5)
    for name in ("x", "rec_input"):
        np.testing.assert_allclose(record[name][0], expected[name], atol=1e-5)
    np.testing.assert_array_equal(state["x"], record["x"][0, -1])


def test_a_constant_input_is_approached_exponentially() -> None:
    # Closed form of Euler's method: what is missing shrinks by 1 - dt / tau in each step.
    output, _, _ = RateJax(1, tau=10e-3)(np.full((30, 1), 2.0))
    expected = 2.0 * (1 - 0.9 ** np.arange(1, 31))
    np.testing.assert_allclose(output[0, :, 0], expected, rtol=1e-5)


def test_gradients_are_differences(x64: None) -> None:
    draw = np.random.default_rng(1)
    module = RateJax(2, 5e-3, has_rec=True, activation_func="sigmoid", rng_key=jax.random.key(0))
    weights = draw.normal(size=(1, 6, 2))

    def loss(parameters: Any, x: Any, data: Any) -> jax.Array:
        return jnp.sum(weights * module.set_attributes({**parameters, "x": x})(data)[0])

    at = (module.parameters(), draw.normal(size=2), draw.normal(size=(1, 6, 2)))
    check_grads(jax.jit(loss), at, order=1, modes=["rev"], eps=1e-6)


# --- activations ---

RASTER = np.random.default_rng(2).normal(size=(1, 8, 2)).astype(np.float32)
THRESHOLD = [0.3, -0.2]


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ("tanh", jnp.tanh),
        ("r", jax.nn.relu),
        (H_LReLU, jax.nn.leaky_relu),
        (lambda x, th: jnp.sin(x - th), jnp.sin),
    ],
)
def test_a_function_of_one_argument_gets_what_is_above_the_threshold(given: Any, same: Any) -> None:
    outputs = [
        RateJax(2, threshold=THRESHOLD, activation_func=function)(RASTER)[0]
        for function in (given, same)
    ]
    np.testing.assert_allclose(*outputs, atol=1e-6)


def test_the_output_is_the_activation_of_what_is_recorded() -> None:
    output, _, record = RateJax(2, threshold=THRESHOLD)(RASTER, record=True)
    np.testing.assert_allclose(output, np.maximum(record["x"] - np.array(THRESHOLD, np.float32), 0))


def test_an_activation_of_truth_values_gives_numbers() -> None:
    output, _, _ = RateJax(2, activation_func=lambda x, th: x > th)(RASTER)
    assert output.dtype == jnp.float32
    assert {*np.unique(output)} == {0.0, 1.0}


def test_the_activation_can_be_set_later() -> None:
    module = RateJax(2).set_attributes({"act_fn": jnp.tanh})
    np.testing.assert_array_equal(
        module(RASTER)[0], RateJax(2, activation_func=jnp.tanh)(RASTER)[0]
    )


TRACED: list[float] = []


def scaled_by(scale: float) -> RateJax:
    def scaled(x: Any) -> Any:
        TRACED.append(scale)
        return scale * x

    return RateJax(2, activation_func=scaled)


def test_functions_built_alike_share_what_was_compiled() -> None:
    first = scaled_by(3.0)(RASTER)[0]
    n_traced = len(TRACED)
    np.testing.assert_array_equal(scaled_by(3.0)(RASTER)[0], first)
    assert len(TRACED) == n_traced
    assert np.any(scaled_by(4.0)(RASTER)[0] != first)


# --- construction ---


@pytest.mark.parametrize(("shape", "kept"), [(3, (3,)), ((3,), (3,)), ((3, 3), (3, 3))])
def test_the_shape_is_kept_as_given(shape: Any, kept: tuple) -> None:
    assert repr(RateJax(shape)) == f"RateJax  with shape {kept}"


def test_unequal_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`RateJax` takes the shape `N` or `\(N, N\)`.*\(2, 3\)"):
        RateJax((2, 3))


def test_weights_without_recurrence_are_refused() -> None:
    with pytest.raises(ValueError, match="RateJax: `w_rec` was given without `has_rec=True`"):
        RateJax(2, w_rec=np.ones((2, 2)))


def test_without_recurrence_there_are_no_weights() -> None:
    module = RateJax(2)
    assert (module.has_rec, module.w_rec) == (False, None)
    assert list(module.parameters()) == ["tau", "bias", "threshold"]
    assert RateJax(2, has_rec=True).parameters("weights").keys() == {"w_rec"}


def test_families_are_those_documented() -> None:
    module = RateJax(2, has_rec=True)
    families = {name: module.declaration(name).family for name in module.parameters()}
    assert families == {
        "tau": "taus",
        "bias": "bias",
        "threshold": "thresholds",
        "w_rec": "weights",
    }


def test_everything_that_makes_no_sense_is_said_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        RateJax(2, tau=[0.01, 0.0], noise_std=-1, dt=np.ones(2))
    assert str(caught.value).splitlines() == [
        "RateJax: `dt` must be a number, got Array([1., 1.], dtype=float32)",
        "`tau` must be positive, got [0.01 0.  ]",
        "`noise_std` must not be negative, got -1",
    ]


@pytest.mark.parametrize("name", ["tau", "bias", "threshold", "w_rec"])
def test_a_value_that_does_not_fit_is_refused_by_its_name(name: str) -> None:
    given: dict[str, Any] = {name: np.ones(5)}
    with pytest.raises(ValueError, match=rf"`{name}` must be of shape .* got \(5,\)"):
        RateJax(2, has_rec=True, **given)


def test_scalars_stay_scalars_and_act_on_all_neurons() -> None:
    scalar = RateJax(2, tau=0.03, bias=0.1, threshold=0.2)
    vector = RateJax(2, tau=[0.03] * 2, bias=[0.1] * 2, threshold=[0.2] * 2)
    assert {leaf.shape for leaf in jax.tree.leaves(scalar.parameters())} == {()}
    np.testing.assert_allclose(scalar(RASTER)[0], vector(RASTER)[0], rtol=1e-6)


def test_a_key_typed_or_raw_fixes_weights_and_noise() -> None:
    typed = RateJax(3, has_rec=True, rng_key=jax.random.key(1))
    raw = RateJax(3, has_rec=True, rng_key=jax.random.key_data(jax.random.key(1)))
    for a, b in zip(jax.tree.leaves(typed), jax.tree.leaves(raw), strict=True):
        np.testing.assert_array_equal(a, b)


def test_numpys_seed_fixes_the_default() -> None:
    drawn = []
    for _ in range(2):
        np.random.seed(4)
        drawn.append(RateJax(3, has_rec=True).w_rec)
    np.testing.assert_array_equal(*drawn)


# --- noise and precision ---


def test_noise_has_the_stated_standard_deviation() -> None:
    # With a time constant of one step, x is the noise itself.
    module = RateJax(
        500,
        tau=0.01,
        dt=0.01,
        noise_std=0.5,
        activation_func=lambda x: x,
        rng_key=jax.random.key(0),
    )
    output = np.asarray(module(np.zeros((2, 20, 500)))[0])
    assert output.std() == pytest.approx(0.5 * np.sqrt(0.01), rel=0.02)
    assert abs(np.corrcoef(output[0, 0], output[0, 1])[0, 1]) < 0.15
    assert abs(np.corrcoef(output[0, 0], output[1, 0])[0, 1]) < 0.15


def test_the_key_moves_on_with_noise_and_repeats_after_a_reset() -> None:
    module = RateJax(2, noise_std=1.0, rng_key=jax.random.key(0))
    first, state, _ = module(np.zeros((8, 2)))
    second, _, _ = module.set_attributes({"rng_key": state["rng_key"]})(np.zeros((8, 2)))
    again, _, _ = module.set_attributes(state).reset_state()(np.zeros((8, 2)))
    assert np.any(first != second)
    np.testing.assert_array_equal(first, again)


def test_without_noise_the_key_stays() -> None:
    module = RateJax(2)
    np.testing.assert_array_equal(module(RASTER)[1]["rng_key"], module.rng_key)


def test_64_bit_floats_are_used_where_these_are_on(x64: None) -> None:
    output, state, _ = RateJax(2, has_rec=True)(np.ones((3, 2), np.float32))
    assert {output.dtype, state["x"].dtype} == {np.dtype("float64")}


def test_parameters_of_half_precision_give_single_precision() -> None:
    module = RateJax(2, has_rec=True, rng_key=jax.random.key(0))
    half = jax.tree.map(
        lambda leaf: leaf.astype(jnp.bfloat16) if leaf.dtype == jnp.float32 else leaf, module
    )
    assert half(np.ones((5, 2)))[0].dtype == jnp.float32
