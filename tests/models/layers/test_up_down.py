import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.models import UpDownJax

N_TIME = 20


def by_hand(
    signal: np.ndarray, thr_up: float, thr_down: float, n_ref_steps: int
) -> list[tuple[int, int]]:
    """The encoder of one channel in Python's integers, for signals that are whole numbers."""
    level, events, free_at = signal[0], [], 0
    for step, value in enumerate(signal):
        up, down = max(0, (value - level) // thr_up), max(0, (level - value) // thr_down)
        if n_ref_steps:
            ready = step >= free_at
            up, down = (min(1, count) if ready else 0 for count in (up, down))
            free_at = step + n_ref_steps if up or down else free_at
            level = value if step < free_at else level
        else:
            level += up * thr_up - down * thr_down
        events.append((int(up), int(down)))
    return events


@pytest.mark.parametrize("n_ref_steps", [0, 1, 3])
@given(
    signal=st.lists(st.integers(-30, 30), min_size=N_TIME, max_size=N_TIME),
    thresholds=st.tuples(st.integers(1, 8), st.integers(1, 8)),
)
@settings(deadline=None, max_examples=30)
def test_events_are_those_counted_by_hand(
    n_ref_steps: int, signal: list[int], thresholds: tuple[int, int]
) -> None:
    output, _, _ = UpDownJax(1, *thresholds, n_ref_steps)(np.array(signal)[:, None])
    assert [tuple(step) for step in output[0].astype(int).tolist()] == by_hand(
        np.array(signal), *thresholds, n_ref_steps
    )


def test_the_signal_can_be_put_together_again() -> None:
    signal = np.cumsum(np.random.default_rng(0).normal(size=(2, 200, 3)), axis=1)
    up, down = np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.2, 0.1])
    output, _, _ = UpDownJax(3, up, down)(signal)
    moves = np.asarray(output, float).reshape(2, 200, 3, 2) @ np.eye(2)
    rebuilt = signal[:, :1] + np.cumsum(moves[..., 0] * up - moves[..., 1] * down, axis=1)
    error = signal - rebuilt
    assert np.all(error < up + 1e-4)
    assert np.all(error > -down - 1e-4)


def test_outputs_are_interleaved_and_repeated() -> None:
    output, _, _ = UpDownJax(2, 1.0, 1.0, repeat_output=3)([[0.0, 0.0], [1.0, -2.0]])
    assert output.tolist() == [[[0, 0, 0, 0], [3, 0, 0, 6]]]


def test_the_level_starts_at_the_first_sample_of_all_and_goes_on_from_there() -> None:
    module = UpDownJax(1, 1.0, 1.0)
    output, state, record = module([[5.0], [6.5]], record=True)
    assert (output.tolist(), record["analog_value"].tolist()) == ([[[0, 0], [1, 0]]], [[[5], [5]]])
    assert (float(state["analog_value"][0]), bool(state["started"])) == (6.0, True)
    later, _, _ = module.set_attributes(state)([[7.0]])
    assert later.tolist() == [[[1, 0]]]
    assert module.set_attributes(state).reset_state()([[7.0]])[0].tolist() == [[[0, 0]]]


def test_a_level_can_be_given() -> None:
    module = UpDownJax(1, 1.0, 1.0).set_attributes({"analog_value": [2.0], "started": True})
    assert module([[5.0]])[0].tolist() == [[[3, 0]]]


def test_each_threshold_is_that_of_its_direction() -> None:
    module = UpDownJax(2, thr_up=[1.0, 2.0], thr_down=[4.0, 8.0])
    output, _, _ = module([[0.0, 0.0], [8.0, 8.0], [0.0, 0.0]])
    assert output[0, 1:].tolist() == [[8, 0, 4, 0], [0, 2, 0, 1]]
    assert list(module.parameters("thresholds")) == ["thr_up", "thr_down"]


# --- gradients ---


def slope(distance: float) -> float:
    module = UpDownJax(1, 0.5, 0.5).set_attributes({"started": True})
    return float(jax.grad(lambda x: module(x)[0][0, 0, 0])(jnp.array([[distance]]))[0, 0])


@pytest.mark.parametrize(
    ("distance", "expected"), [(-1.0, 0), (0.1, 0), (0.24, 0), (0.26, 2), (0.7, 2), (3.0, 2)]
)
def test_the_gradient_of_a_count_begins_at_half_a_threshold(
    distance: float, expected: float
) -> None:
    assert slope(distance) == expected


def test_gradients_pass_through_the_level() -> None:
    # All events together bring the level from the first sample to the last.
    def climbed(signal: Any) -> jax.Array:
        output, _, _ = UpDownJax(1, 0.5, 0.5)(signal[:, None])
        return jnp.sum(output[..., 0] - output[..., 1]) * 0.5

    found = jax.grad(climbed)(jnp.array([0.0, 1.1, 2.7, 0.3]))
    np.testing.assert_allclose(found, [-1, 0, 0, 1], atol=1e-5)


def test_gradients_reach_the_thresholds() -> None:
    def count(thresholds: Any) -> jax.Array:
        module = UpDownJax(1).set_attributes(thresholds)
        return module([[0.0], [1.2]])[0].sum()

    found = jax.grad(count)({"thr_up": 0.5, "thr_down": 0.5})
    np.testing.assert_allclose(found["thr_up"], -1.2 / 0.25, rtol=1e-5)
    assert float(found["thr_down"]) == 0


# --- construction ---


@pytest.mark.parametrize(("shape", "n"), [(3, 3), ((3,), 3), ((2, 4), 2), ([1], 1)])
def test_there_are_two_outputs_for_each_input(shape: Any, n: int) -> None:
    module = UpDownJax(shape)
    assert (module.shape, module.spiking_input, module.spiking_output) == ((n, 2 * n), False, True)


@pytest.mark.parametrize("shape", [None, (), (1, 2, 4), "2", 2.0])
def test_other_shapes_are_refused(shape: Any) -> None:
    with pytest.raises(
        ValueError, match=r"`UpDownJax` takes the shape `N` or `\(N, 2 \* N\)`, got"
    ):
        UpDownJax(shape)


@pytest.mark.parametrize("shape", [0, -1, (2, 2), (2, 5)])
def test_other_sizes_are_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="there are two outputs for each input, of which there mu"):
        UpDownJax(shape)


def test_everything_that_makes_no_sense_is_said_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        UpDownJax(1, thr_up=0.0, thr_down=-1.0, n_ref_steps=-1, repeat_output="2")
    assert str(caught.value).splitlines() == [
        "UpDownJax: `repeat_output` must be a number, got '2'",
        "`thr_up` must be positive, got 0.0",
        "`thr_down` must be positive, got -1.0",
        "`n_ref_steps` must not be negative, got -1",
    ]


@pytest.mark.parametrize("n_ref_steps", [1.5, math.inf, True])
def test_refractory_steps_are_whole(n_ref_steps: Any) -> None:
    with pytest.raises(ValueError, match="UpDownJax: `n_ref_steps` must be an int, got"):
        UpDownJax(1, n_ref_steps=n_ref_steps)


def test_refractory_steps_can_be_set_later() -> None:
    signal = np.arange(6.0)[:, None]
    found = UpDownJax(1, 1.0, 1.0).set_attributes({"n_ref_steps": jnp.array(2)})(signal)[0]
    np.testing.assert_array_equal(found, UpDownJax(1, 1.0, 1.0, n_ref_steps=2)(signal)[0])


def test_64_bit_floats_are_used_where_these_are_on(x64: None) -> None:
    output, state, _ = UpDownJax(2)(np.ones((3, 2), np.float32))
    assert {output.dtype, state["analog_value"].dtype} == {np.dtype("float64")}
