from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import (
    LIFJax,
    arctan,
    fast_sigmoid,
    load,
    periodic_exponential,
    save,
    step_pwl,
)

SURROGATES = [step_pwl, periodic_exponential, fast_sigmoid, arctan]


@partial(jax.jit, static_argnames="count")
def slopes(count: Any, x: Any, *others: Any) -> Any:
    """Counts and derivatives by voltage and threshold, along a grid."""

    def along(v: Any, th: Any) -> Any:
        return count(v, th, *others[1:])

    both = jax.vmap(jax.value_and_grad(along, argnums=(0, 1)), in_axes=(0, None))
    return both(x, others[0])


@pytest.fixture
def grid(golden: Callable[[str], Any]) -> Any:
    return golden("surrogate_grid")


@pytest.mark.parametrize("threshold", ["0.5", "1.0", "1.7"])
def test_step_pwl_is_that_of_the_reference(
    threshold: str, grid: Any, assert_close: Callable[..., None]
) -> None:
    valid = grid[f"valid/{threshold}"]
    x = grid["x"].astype(np.float32)
    counts, (by_v, by_threshold) = slopes(step_pwl, x, float(threshold), 0.5, 65536.0)
    np.testing.assert_array_equal(counts[valid], grid[f"spikes/{threshold}"][valid])
    assert_close(by_v[valid], grid[f"dx/{threshold}"][valid], 1e-4, 1e-2)
    assert_close(by_threshold[valid], grid[f"dthr/{threshold}"][valid], 1e-4, 1e-2)
    capped, _ = slopes(step_pwl, x, float(threshold), 0.5, 2.0)
    np.testing.assert_array_equal(capped[valid], grid[f"spikes_max2/{threshold}"][valid])


@pytest.mark.parametrize("cap", [65536, 2])
@pytest.mark.parametrize("window", [0.5, 0.2])
@pytest.mark.parametrize("threshold", [0.5, 1.0, 1.7])
def test_periodic_exponential_is_that_of_the_reference(
    threshold: float,
    window: float,
    cap: int,
    golden: Callable[[str], Any],
    assert_close: Callable[..., None],
) -> None:
    reference = golden("torch_periodic_exponential_grid")
    key = f"thr{threshold}_win{window}_max{cap}"
    x = reference["x"].astype(np.float32)
    counts, (by_v, by_threshold) = slopes(periodic_exponential, x, threshold, window, float(cap))
    np.testing.assert_array_equal(counts, reference[f"spikes/{key}"])
    assert_close(by_v, reference[f"dx/{key}"], 1e-4, 1e-2)
    assert_close(by_threshold, reference[f"dthr/{key}"], 1e-4, 1e-2)


@pytest.mark.parametrize("count", SURROGATES)
def test_spikes_are_counted_from_the_threshold_on(count: Callable[..., Any]) -> None:
    np.testing.assert_array_equal(
        count(jnp.array([-1.0, 0.0, 0.99, 1.0, 1.5, 2.0, 7.9]), 1.0), [0, 0, 0, 1, 1, 2, 7]
    )


@pytest.mark.parametrize("count", SURROGATES)
def test_each_neuron_may_have_its_threshold_and_cap(count: Callable[..., Any]) -> None:
    counts = count(jnp.full((2, 3), 5.0), jnp.array([1.0, 2.0, 6.0]), 0.5, jnp.array([3, 9, 9]))
    np.testing.assert_array_equal(counts, [[3, 2, 0], [3, 2, 0]])


def test_the_gradient_begins_a_window_below_the_threshold() -> None:
    slope = jax.vmap(jax.grad(step_pwl), in_axes=(0, None, None))
    np.testing.assert_array_equal(slope(jnp.array([0.74, 0.75, 3.0]), 1.0, 0.25), [0, 1, 1])


@pytest.mark.parametrize("count", SURROGATES)
def test_window_and_cap_can_be_traced_and_get_no_gradient(count: Callable[..., Any]) -> None:
    gradients = jax.jit(jax.grad(count, argnums=(2, 3)))(0.9, 1.0, 0.5, 4.0)
    assert [float(g) for g in gradients] == [0.0, 0.0]


@pytest.mark.parametrize("count", SURROGATES)
def test_forward_mode_gives_the_same_slope(count: Callable[..., Any]) -> None:
    v = jnp.array(0.8)
    np.testing.assert_allclose(jax.jacfwd(count)(v, 1.0), jax.grad(count)(v, 1.0), rtol=1e-6)


@pytest.mark.parametrize("count", SURROGATES)
def test_nothing_widens_or_broadcasts_by_accident(count: Callable[..., Any]) -> None:
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        counts = count(jnp.full((2, 3), 2.5), jnp.ones(3))
        jax.grad(lambda v: count(v, jnp.ones(3)).sum())(jnp.full((2, 3), 2.5))
    np.testing.assert_array_equal(counts, 2)


@pytest.mark.parametrize("count", SURROGATES)
@pytest.mark.parametrize("given", [2, 2.5, np.float64(2.5), np.array([2, 3]), jnp.array([2, 3])])
def test_whole_numbers_and_numpy_values_are_taken_as_floats(
    count: Callable[..., Any], given: Any
) -> None:
    assert count(given, 1).dtype == jnp.float32
    np.testing.assert_array_equal(count(given, 1), np.floor(given))


@pytest.mark.parametrize(
    ("count", "slope"),
    [
        (fast_sigmoid, lambda d, window: (1 + np.abs(d) / window) ** -2.0),
        (arctan, lambda d, window: 1 / (1 + (d / window) ** 2)),
    ],
)
def test_the_slope_falls_with_the_distance_to_the_nearest_step(
    count: Callable[..., Any], slope: Callable[..., Any]
) -> None:
    # With a threshold of 2 and at most two spikes there are steps at 2 and 4.
    voltages = np.array([-1.0, 0.5, 2.0, 2.9, 3.2, 4.0, 7.0], np.float32)
    distances = np.array([-3.0, -1.5, 0.0, 0.9, -0.8, 0.0, 3.0])
    counts, (by_v, by_threshold) = slopes(count, voltages, 2.0, 0.25, 2.0)
    wanted = slope(distances, 0.25) / 2.0
    np.testing.assert_array_equal(counts, [0, 0, 1, 1, 1, 2, 2])
    np.testing.assert_allclose(by_v, wanted, rtol=1e-5)
    np.testing.assert_allclose(by_threshold, -voltages / 2.0 * wanted, rtol=1e-5)


@pytest.mark.parametrize("count", SURROGATES)
def test_neurons_that_count_by_it_can_be_saved(count: Callable[..., Any], tmp_path: Path) -> None:
    save(LIFJax(2, spike_generation_fn=count), tmp_path / "neurons.xylograph")
    assert load(tmp_path / "neurons.xylograph").simulation_parameters()["spike_generation_fn"] is (
        count
    )
