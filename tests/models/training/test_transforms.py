from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from xylograph.models import Constant, LIFJax, LinearJax, Sequential, dash_to_tau
from xylograph.models.training import (
    by_family,
    deterministic_rounding,
    dropout,
    fit,
    floor_passthrough,
    int_quant,
    mse,
    round_passthrough,
    round_tau,
    stochastic_rounding,
    straight_through,
)

VALUES = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)


def network() -> Any:
    return Sequential(
        LinearJax((2, 3), rng_key=jax.random.key(0)),
        LIFJax(3, threshold=0.7, rng_key=jax.random.key(1)),
        LinearJax((3, 1), rng_key=jax.random.key(2)),
    )


# --- value functions ---


def golden_cases() -> list[tuple[str, Callable[..., Any]]]:
    cases: list[tuple[str, Callable[..., Any]]] = []
    for bits in (3, 4, 8):
        cases += [
            (f"int_quant/{bits}", partial(int_quant, n_bits=bits)),
            (f"int_quant_map_to_max/{bits}", partial(int_quant, n_bits=bits, map_to_max=True)),
            (f"int_quant_nozero/{bits}", partial(int_quant, n_bits=bits, maintain_zero=False)),
        ]
    for levels in (5, 16, 256):
        rounding = partial(deterministic_rounding, num_levels=levels)
        cases += [
            (f"det/{levels}", rounding),
            (f"det_nozero/{levels}", partial(rounding, maintain_zero=False)),
        ]
    return cases


def test_roundings_agree_with_the_golden_numbers(training_golden: Callable[..., Any]) -> None:
    golden = training_golden("qat_transforms")
    for name, function in golden_cases():
        np.testing.assert_allclose(function(golden["v"]), golden[name], atol=2e-5, err_msg=name)


def test_gradients_of_roundings_agree_with_the_golden_numbers(
    training_golden: Callable[..., Any],
) -> None:
    golden = training_golden("qat_transforms")
    value, cotangent = jnp.asarray(golden["v"]), golden["cot"]
    for name, function in (
        ("int_quant_grad/4", partial(int_quant, n_bits=4)),
        ("det_grad/16", partial(deterministic_rounding, num_levels=16)),
    ):
        gradient = jax.jit(jax.grad(lambda v, f=function: jnp.sum(cotangent * f(v))))(value)
        worst = np.abs(golden[name]).max()
        np.testing.assert_allclose(gradient, golden[name], atol=1e-4 * worst, err_msg=name)


@pytest.mark.parametrize("function", [round_passthrough, floor_passthrough])
def test_straight_through_gives_the_very_values_and_the_gradient_of_the_identity(
    function: Any,
) -> None:
    # Values at which adding the difference from the rounded one would be off.
    values = jnp.asarray(np.random.default_rng(0).uniform(-1e4, 1e4, 2000), dtype=float)
    plain = jnp.round if function is round_passthrough else jnp.floor
    for call in (function, jax.jit(function)):
        np.testing.assert_array_equal(call(values), plain(values))
    cotangent = jnp.arange(2000.0)
    gradient = jax.grad(lambda v: jnp.sum(cotangent * function(v)))(values)
    np.testing.assert_array_equal(gradient, cotangent)


def test_integers_are_whole_symmetric_and_keep_zero() -> None:
    values = np.append(VALUES.ravel(), 0.0)
    for bits in (2, 5, 8):
        found = np.asarray(int_quant(values, n_bits=bits))
        most = 2 ** (bits - 1) - 1
        assert np.all(found == np.round(found))
        assert np.abs(found).max() == most
        assert found[-1] == 0


def test_an_odd_number_of_levels_keeps_zero_and_an_even_one_does_not() -> None:
    values = np.array([0.0, 1.0, -0.3])
    assert float(deterministic_rounding(values, num_levels=7)[0]) == 0
    assert float(deterministic_rounding(values, num_levels=8)[0]) != 0


@pytest.mark.parametrize(
    "function",
    [partial(int_quant, n_bits=4), partial(deterministic_rounding, num_levels=9)],
    ids=["int_quant", "deterministic_rounding"],
)
def test_channels_have_a_scale_of_their_own(function: Any) -> None:
    values = VALUES * np.array([1.0, 10.0, 0.1, 1.0, 3.0], dtype=np.float32)
    found = function(values, axis=0)
    for column in range(values.shape[1]):
        alone = function(values[:, column])
        np.testing.assert_allclose(found[:, column], alone, rtol=1e-6)


def test_values_become_levels_of_another_range() -> None:
    found = deterministic_rounding(
        np.array([-1.0, -0.2, 0.4, 1.0]), (-1.0, 1.0), (0.0, 4.0), num_levels=5
    )
    np.testing.assert_allclose(found, [0.0, 2.0, 3.0, 4.0], atol=1e-6)


@pytest.mark.parametrize(
    "function", [int_quant, deterministic_rounding, partial(stochastic_rounding, key=None)]
)
def test_what_has_no_width_stays_and_has_finite_gradients(function: Any) -> None:
    zeros = jnp.zeros(3)
    np.testing.assert_array_equal(function(zeros), zeros)
    assert np.all(np.isfinite(jax.grad(lambda v: jnp.sum(function(v)))(zeros)))


def test_stochastic_rounding_takes_the_two_nearest_levels_with_the_right_mean() -> None:
    value, n = 0.3, 20_000
    values = jnp.full(n, value).at[0].set(1.0)  # levels -1, -0.5, 0, 0.5, 1
    found = stochastic_rounding(values, num_levels=5, key=jax.random.key(3))[1:]
    assert set(np.unique(found)) == {0.0, 0.5}
    spread = 0.5 * np.sqrt(0.6 * 0.4 / n)
    assert float(found.mean()) == pytest.approx(value, abs=5 * spread)
    gradient = jax.grad(
        lambda v: jnp.sum(stochastic_rounding(v, (-1.0, 1.0), num_levels=5, key=jax.random.key(0)))
    )(values[:4])
    np.testing.assert_allclose(gradient, 1.0, rtol=1e-6)


def test_without_a_key_nothing_is_random() -> None:
    np.testing.assert_array_equal(
        stochastic_rounding(VALUES, num_levels=9), deterministic_rounding(VALUES, num_levels=9)
    )
    np.testing.assert_array_equal(dropout(VALUES, 0.9), VALUES)


def test_dropout_drops_its_share_and_keeps_the_rest() -> None:
    values = jnp.full(20_000, 3.0)
    found = np.asarray(dropout(values, 0.2, key=jax.random.key(0)))
    assert set(np.unique(found)) == {0.0, 3.0}
    assert np.mean(found == 0) == pytest.approx(0.2, abs=5 * np.sqrt(0.16 / 20_000))


def test_time_constants_become_those_of_decay_shifts() -> None:
    dt = 1e-3
    dashes = np.arange(1, 16)
    exact = dash_to_tau(dashes, dt)
    np.testing.assert_allclose(round_tau(exact, dt), exact, rtol=1e-4)
    shifts = np.clip(np.round(np.log2(np.array([0.0001, 0.03, 0.02, 100.0]) / dt)), 1, 6)
    found = round_tau(np.array([0.0001, 0.03, 0.02, 100.0]), dt, max_dash=6)
    np.testing.assert_allclose(found, dash_to_tau(shifts, dt), rtol=1e-5)
    np.testing.assert_array_equal(jax.grad(lambda t: jnp.sum(round_tau(t, dt)))(jnp.ones(2)), 1)


def test_what_cannot_be_rounded_to_is_refused() -> None:
    with pytest.raises(ValueError, match="2 bits or more are needed, got 1 and 8"):
        int_quant(VALUES, n_bits=1)
    with pytest.raises(ValueError, match="`num_levels` must be at least 2, got 1"):
        deterministic_rounding(VALUES, num_levels=1)
    with pytest.raises(ValueError, match=r"`dt` must be positive, got 0\.0"):
        round_tau(VALUES, 0.0)


# --- transforms of all parameters ---


def test_families_are_transformed_and_the_others_are_not() -> None:
    net = network()
    before = net.parameters()
    after = by_family(net, {"weights": partial(int_quant, n_bits=3), "threshold": jnp.negative})(
        before
    )
    for layer in ("0_LinearJax", "2_LinearJax"):
        np.testing.assert_array_equal(
            after[layer]["weight"], int_quant(before[layer]["weight"], n_bits=3)
        )
    assert float(after["1_LIFJax"]["threshold"]) == pytest.approx(-0.7)
    assert after["1_LIFJax"]["tau_mem"] is before["1_LIFJax"]["tau_mem"]
    jax.tree.map(np.testing.assert_array_equal, before, network().parameters())
    assert net.set_attributes(after)[0].weight is after["0_LinearJax"]["weight"]


def test_several_functions_act_in_order_each_with_a_key_of_its_own() -> None:
    def add(value: Any, *, key: Any = None) -> Any:
        return value if key is None else value + jax.random.uniform(key)

    net = network()
    transform = by_family(net, {"weights": [add, lambda value: 0 * value, add, add]})
    weights = [
        transform(net.parameters(), jax.random.key(seed))[layer]["weight"]
        for seed in (0, 1)
        for layer in ("0_LinearJax", "2_LinearJax")
    ]
    assert len({float(one[0, 0]) for one in weights}) == 4
    assert all(np.all(one == one[0, 0]) and 0 < float(one[0, 0]) < 2 for one in weights)
    assert float(transform(net.parameters())["0_LinearJax"]["weight"].sum()) == 0


def test_a_family_without_parameters_is_refused() -> None:
    net = Sequential(LinearJax((2, 2)), LIFJax(2, threshold=Constant(1.0)))
    with pytest.raises(
        ValueError, match="no parameter is of the families 'threshold', 'weight'; v"
    ):
        by_family(net, {"threshold": jnp.round, "weight": jnp.round, "weights": jnp.round})


def test_training_quantized_weights_finds_the_best_quantized_ones() -> None:
    # Weights that float training would drive to 0.4 and 1.0; with 3 levels, -m, 0, m, the best is
    # 0.4 -> 0 or m: the loss sees the quantized ones.
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(64, 1, 2)).astype(np.float32)
    targets = inputs @ np.array([[0.4], [1.0]], dtype=np.float32)
    net = LinearJax((2, 1), weight=[[0.6], [0.8]])
    quantize = by_family(net, {"weights": partial(deterministic_rounding, num_levels=3)})
    options: Any = {
        "loss": lambda net, x, y: mse(net(x)[0], y),
        "optimizer": optax.adam(0.02),
        "epochs": 40,
        "batch_size": 64,
    }
    trained = fit(net, inputs, targets, transform=quantize, **options)
    seen = quantize(trained.network.parameters())["weight"].ravel()
    reported = mse(inputs @ np.asarray(seen)[:, None], targets)
    assert trained.history[-1]["loss"] == pytest.approx(float(reported), rel=0.2)
    assert not np.allclose(trained.network.weight.ravel(), seen, atol=1e-3)
    assert float(reported) < float(mse(inputs @ np.array([[0.8], [0.8]]), targets))


def test_a_function_of_ones_own_is_passed_through() -> None:
    halves = straight_through(lambda x: jnp.round(2 * x) / 2)
    np.testing.assert_array_equal(halves(np.array([0.3, 0.7])), [0.5, 0.5])
