from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models.training import (
    fan_out_excess,
    l0_norm_approx,
    l2sqr_norm,
    range_excess,
    rate_band,
    rate_ceiling,
    summed_exp_boundary_loss,
    synaptic_operations,
    threshold_excess,
)
from xylograph.models.training._penalties import _fan_out

DRAW = np.random.default_rng(0)
SPIKES = DRAW.poisson(0.7, (3, 8, 5)).astype(np.float32)


def sparse_weights(n_targets: int) -> np.ndarray:
    weights = DRAW.normal(size=(5, n_targets))
    return np.where(DRAW.random(weights.shape) < 0.5, 0.0, np.sign(weights) * (0.1 + abs(weights)))


def test_a_range_costs_the_square_of_what_is_outside() -> None:
    values, high = DRAW.normal(size=(4, 5)), np.linspace(0.1, 0.5, 5)
    below = np.sum((values[values < -0.2] + 0.2) ** 2)
    above = np.sum(np.where(values > high, values - high, 0) ** 2)
    assert float(range_excess(values, -0.2, high)) == pytest.approx((below + above) / 20, rel=1e-5)
    assert float(range_excess(values, low=-0.2)) == pytest.approx(below / 20, rel=1e-5)
    assert float(range_excess(values, high=high)) == pytest.approx(above / 20, rel=1e-5)
    assert float(range_excess(values)) == 0


def test_the_gradient_of_a_range_begins_at_zero() -> None:
    gradient = jax.grad(lambda v: range_excess(v, -1.0, 1.0))(
        jnp.array([-1.5, -1.0, 0.0, 1.0, 3.0])
    )
    np.testing.assert_allclose(gradient, np.array([-1.0, 0, 0, 0, 4.0]) / 5, rtol=1e-6)


def test_thresholds_cost_the_share_that_is_missing_or_too_much() -> None:
    tree = {"a": np.array([50.0, 200.0]), "b": {"c": np.array(600.0)}, "d": {}}
    expected = (0.5**2 + 0 + 0.5**2) / 3
    assert float(threshold_excess(tree, low=100.0, high=400.0)) == pytest.approx(expected)
    # The same in the units of a float network.
    scaled = jax.tree.map(lambda value: value / 1000, tree)
    assert float(threshold_excess(scaled, low=0.1, high=0.4)) == pytest.approx(expected)
    assert float(threshold_excess(tree, high=400.0)) == pytest.approx(0.5**2 / 3)
    assert float(threshold_excess(tree)) == 0
    assert float(threshold_excess({"d": {}}, low=1.0)) == 0
    gradient = jax.grad(lambda v: threshold_excess(v, low=1.0, high=2.0))(
        jnp.array([-1.0, 1.5, 4.0])
    )
    assert gradient[0] < 0 < gradient[2]
    assert gradient[1] == 0


def test_a_target_of_two_synapses_counts_once() -> None:
    weights = np.zeros((2, 3, 2))
    weights[0, 0] = 60.0, -60.0
    weights[0, 1, 1] = 60.0
    found = synaptic_operations(np.array([[[2.0, 1.0]]]), weights, resolution=1e-2)
    assert float(found) == pytest.approx(2 * 2, rel=1e-5)


def test_a_band_costs_what_is_below_and_above_it() -> None:
    spikes = np.zeros((2, 4, 3))
    spikes[..., 1], spikes[:, ::2, 2] = 2.0, 1.0  # rates 0, 2, 0.5
    expected = (0.25**2 + 1.0**2) / 3
    assert float(rate_band(spikes, low=0.25, high=1.0)) == pytest.approx(expected)
    floors = np.array([0.0, 0.0, 0.75])
    assert float(rate_band(spikes, low=floors)) == pytest.approx(0.25**2 / 3)


def test_a_ceiling_costs_what_is_above_it() -> None:
    spikes = np.zeros((2, 4, 3))
    spikes[..., 1], spikes[:, ::2, 2] = 2.0, 1.0
    assert float(rate_ceiling(spikes, 0.75)) == pytest.approx(1.25**2 / 3)
    assert float(rate_ceiling(spikes, np.array([0.0, 1.0, 1.0]))) == pytest.approx(1 / 3)


def test_operations_are_counted_spike_by_spike() -> None:
    weights = sparse_weights(6), sparse_weights(3)
    counted = 0.0
    for sample in SPIKES:
        for step in sample:
            for neuron, n_spikes in enumerate(step):
                counted += n_spikes * sum(np.count_nonzero(one[neuron]) for one in weights)
    found = synaptic_operations(SPIKES, *weights, resolution=1e-4)
    assert float(found) == pytest.approx(counted / (3 * 8), rel=1e-5)


def test_fan_out_adds_up_over_matrices_and_costs_above_the_limit() -> None:
    weights = sparse_weights(6), sparse_weights(3)
    fan_out = sum(np.count_nonzero(one, axis=1) for one in weights)
    expected = np.mean(np.maximum(fan_out / 3 - 1, 0) ** 2)
    found = fan_out_excess(*weights, limit=3.0, resolution=1e-4)
    assert float(found) == pytest.approx(expected, rel=1e-4)
    assert float(fan_out_excess(*weights, limit=9.0)) == 0


def test_a_weight_that_quantizing_removes_hardly_counts() -> None:
    weights = np.array([[127.0, 0.05, -0.5, 60.0]])
    # 127: fully; 0.05: a tenth of half a step; 0.5: half a step; 60: fully
    found = synaptic_operations(np.ones((1, 1, 1)), weights)
    assert float(found) == pytest.approx(1 + 1e-4 + 0.5 + 1, abs=1e-3)


def test_both_spikes_and_weights_get_a_gradient() -> None:
    weights = jnp.array([[1.0, 0.004], [0.0, 0.0]])
    spikes = jnp.ones((1, 2, 2))
    by_spikes, by_weights = jax.jit(jax.grad(synaptic_operations, argnums=(0, 1)))(spikes, weights)
    assert np.all(by_spikes[..., 0] > 0) and np.all(by_spikes[..., 1] == 0)
    assert by_weights[0, 1] > 0
    assert np.all(np.isfinite(by_weights))


def test_weights_of_any_size_keep_the_count_finite() -> None:
    for size in (1e-30, 1.0, 1e30):
        weights = size * np.array([[1.0, 0.0, 1.0]], dtype=np.float32)
        assert float(synaptic_operations(np.ones((1, 1, 1)), weights)) == pytest.approx(2.0)
    assert float(synaptic_operations(np.ones((1, 1, 1)), np.zeros((1, 3)))) == 0


def test_norms_agree_with_the_golden_numbers(training_golden: Callable[..., Any]) -> None:
    golden = training_golden("losses")
    tree = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=float), golden.tree("p"))
    cases: list[tuple[str, Any]] = [
        ("l2sqr_norm", l2sqr_norm),
        ("l0_norm_approx", l0_norm_approx),
        ("l0_norm_approx_sigma1e-2", lambda tree: l0_norm_approx(tree, 1e-2)),
    ]
    for name, norm in cases:
        value, gradient = jax.jit(jax.value_and_grad(norm))(tree)
        assert float(value) == pytest.approx(float(golden[name]), rel=2e-5)
        for (path, found), expected in zip(
            jax.tree_util.tree_leaves_with_path(gradient),
            jax.tree.leaves(golden.tree(f"{name}_grad")),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=str(path))


@pytest.mark.parametrize("norm", [l2sqr_norm, l0_norm_approx])
def test_norms_take_arrays_pass_over_nan_and_give_nothing_for_nothing(norm: Any) -> None:
    array = np.array([0.5, -2.0], dtype=np.float32)
    assert float(norm(array)) == float(norm({"a": {"b": array}}))
    assert float(norm(np.array([0.5, -2.0, np.nan], dtype=np.float32))) == float(norm(array))
    assert float(norm({})) == 0
    assert float(norm({"0_LIFJax": {}})) == 0


def test_the_boundary_loss_agrees_with_the_golden_numbers(
    training_golden: Callable[..., Any],
) -> None:
    golden = training_golden("peak_losses")
    found = summed_exp_boundary_loss(golden["prediction"], *golden.json("meta")["bounds"])
    assert float(found) == pytest.approx(float(golden["summed_exp"]), rel=2e-5)


def test_a_boundary_of_zero_is_one() -> None:
    data = np.array([-1.0, 2.0])
    assert float(summed_exp_boundary_loss(data, lower_bound=0.0)) == pytest.approx(np.e, rel=1e-6)
    assert float(summed_exp_boundary_loss(data, upper_bound=0.0)) == pytest.approx(
        np.exp(2), rel=1e-6
    )
    assert float(summed_exp_boundary_loss(data)) == 0


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"the spikes must be `\(batch, time, n\)`; their shape is"
    ):
        rate_ceiling(SPIKES[0], 1.0)
    with pytest.raises(ValueError, match=r"`low` of shape \(3,\) does not broadcast to values of "):
        rate_band(SPIKES, low=np.zeros(3))
    with pytest.raises(ValueError, match=r"`low` is above `high`: 0\.5 and 0\.1"):
        rate_band(SPIKES, 0.5, 0.1)
    with pytest.raises(ValueError, match="the spikes are of 5 neurons, the weights have 4 rows"):
        synaptic_operations(SPIKES, np.ones((4, 2)))
    with pytest.raises(
        ValueError, match=r"matrices `\(n, targets\)` out of the same n neurons, go"
    ):
        fan_out_excess(np.ones((4, 2)), np.ones((3, 2)), limit=1.0)
    with pytest.raises(ValueError, match=r"out of the same n neurons, got \[\]"):
        fan_out_excess(limit=1.0)
    with pytest.raises(ValueError, match="matrix 1 of the weights is None, as `weights_rec` of"):
        _fan_out((np.ones((4, 2)), None), None)
    with pytest.raises(ValueError, match=r"`limit` must be positive, got 0\.0"):
        fan_out_excess(np.ones((4, 2)), limit=0.0)
    for options, message in (
        ({"low": 0.0}, r"`low` must be positive, got 0\.0"),
        ({"high": -1.0}, r"`high` must be positive, got -1\.0"),
        ({"low": 3.0, "high": 2.0}, r"`low` is above `high`: 3\.0 and 2\.0"),
    ):
        with pytest.raises(ValueError, match=message):
            threshold_excess(np.ones(2), **options)
