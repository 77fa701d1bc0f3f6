from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.models.time_series import sample, sample_clocked, steps_in, time_base

TIMES, SAMPLES = [0.0, 0.1, 0.3, 0.7], [1.0, 2.0, -1.0, 5.0]
# Either on a sample, or further from it than rounding explains.
CHOSEN = st.lists(
    st.sampled_from(TIMES)
    | st.floats(0.0, 0.7).filter(lambda time: all(abs(time - one) > 1e-9 for one in TIMES)),
    max_size=20,
)


@given(at=CHOSEN)
@settings(deadline=None)
def test_each_sample_is_held_until_the_next(at: list[float]) -> None:
    expected = [SAMPLES[sum(one <= time for one in TIMES) - 1] for time in at]
    assert sample(TIMES, SAMPLES, at).tolist() == expected


@given(at=CHOSEN)
@settings(deadline=None)
def test_lines_between_samples_are_those_of_numpy(at: list[float]) -> None:
    expected = np.interp(at, TIMES, SAMPLES)
    np.testing.assert_allclose(sample(TIMES, SAMPLES, at, kind="linear"), expected, atol=1e-12)


def test_a_time_that_rounding_puts_before_a_sample_is_on_it() -> None:
    assert 0.3 < 3 * 0.1
    assert sample([0.0, 3 * 0.1], [1, 2], [0.3]).tolist() == [2]
    assert sample([0.0, 0.7], [1, 2], np.array([0.7], np.float32)).tolist() == [2]
    assert sample(np.array([0.0, 0.1], np.float32), [1, 2], [0.1]).tolist() == [2]
    assert sample_clocked(np.arange(10), 0.1, [k / 10 for k in range(10)]).tolist() == [*range(10)]


@given(dt=st.floats(1e-6, 1e3), t_start=st.floats(-1e4, 1e4), n_steps=st.integers(1, 50))
@settings(deadline=None)
def test_a_clocked_signal_on_its_own_clock_is_itself(
    dt: float, t_start: float, n_steps: int
) -> None:
    values, base = np.arange(n_steps), time_base(n_steps, dt, t_start)
    np.testing.assert_array_equal(sample_clocked(values, dt, base, t_start=t_start), values)


def test_a_finer_clock_repeats_and_a_coarser_one_leaves_out() -> None:
    values = np.arange(6.0)
    fine = time_base(steps_in(0.6, 0.02), 0.02)
    np.testing.assert_array_equal(sample_clocked(values, 0.1, fine), np.repeat(values, 5))
    coarse = time_base(steps_in(0.6, 0.3), 0.3)
    np.testing.assert_array_equal(sample_clocked(values, 0.1, coarse), [0, 3])


def test_axes_behind_time_are_kept() -> None:
    values = np.arange(24).reshape(4, 3, 2)
    assert sample(TIMES, values, [0.2, 0.7]).tolist() == values[[1, 3]].tolist()
    halfway = sample(TIMES, values, [0.2], kind="linear")
    np.testing.assert_allclose(halfway[0], values[1:3].mean(0))
    filled = sample(TIMES, values, [-1.0, 0.0], outside=-7.0)
    assert filled.tolist() == [np.full((3, 2), -7.0).tolist(), values[0].tolist()]


@pytest.mark.parametrize(
    ("kind", "given", "wanted"),
    [
        ("previous", np.int16, np.int16),
        ("previous", bool, bool),
        ("linear", np.float32, np.float32),
        ("linear", np.float64, np.float64),
        ("linear", np.int8, np.float32),
    ],
)
def test_values_keep_their_type_where_they_can(kind: Any, given: Any, wanted: Any) -> None:
    values = np.array([0, 100, -100, 1]).astype(given)
    assert sample(TIMES, values, [0.2], kind=kind).dtype == wanted


def test_lines_between_small_integers_do_not_overflow() -> None:
    assert sample([0.0, 1.0], np.array([-100, 100], np.int8), [0.5], kind="linear") == 0


@pytest.mark.parametrize("kind", ["previous", "linear"])
def test_the_last_sample_holds_as_long_as_is_said(kind: Any) -> None:
    assert sample(TIMES, SAMPLES, [0.7], kind=kind) == 5
    assert sample(TIMES, SAMPLES, [0.7, 0.99], kind=kind, t_stop=1.0).tolist() == [5, 5]
    assert sample_clocked(SAMPLES, 0.1, [0.39], kind=kind) == 5


@pytest.mark.parametrize(
    ("at", "t_stop", "message"),
    [
        (
            [-0.1, 0.1],
            None,
            "known from 0.0 s to 0.7 s, 1 of the chosen times are not there, one a",
        ),
        ([0.1, 0.8], None, "one at 0.8 s; choose others, or say what holds there, with `outside`"),
        (
            [0.8, 1.0],
            1.0,
            "known from 0.0 s to 1.0 s, 1 of the chosen times are not there, one at 1",
        ),
    ],
)
def test_where_a_signal_is_not_known_it_is_not_made_up(
    at: list[float], t_stop: float | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sample(TIMES, SAMPLES, at, t_stop=t_stop)
    filled = sample(TIMES, SAMPLES, at, t_stop=t_stop, outside=np.nan)
    assert np.isnan(filled).sum() == 1


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (([], [], [0.0]), [r"`times` must be a list of times \[s\], got float64 \(0,\)"]),
        (([0.0, 0.0], [1, 2], [0.0]), ["`times` must be finite, each later than the one before"]),
        (([0.0, np.nan], [1, 2], [0.0]), ["`times` must be finite, each later than the one befo"]),
        (
            ([0.0, 1.0], [1], [0.0]),
            [r"`samples` of shape \(1,\) must have one entry for each of th"],
        ),
        (([0.0], ["a"], [0.0]), ["`samples` must be numbers, got <U1"]),
        (
            ([0.0], [1], [np.inf]),
            [r"`at` must be a list of finite times \[s\], got float64 \(1,\)"],
        ),
        (
            ([0.0], [1], [[0.0]]),
            [r"`at` must be a list of finite times \[s\], got float64 \(1, 1\)"],
        ),
        (([0.0], [1], [0.0], "cubic"), ["`kind` must be 'previous' or 'linear', got 'cubic'"]),
        (([], [1], [np.nan]), ["`times` must", r"`samples` of shape \(1,\)", "`at` must"]),
    ],
)
def test_what_does_not_fit_together_is_refused_at_once(
    arguments: tuple[Any, ...], messages: list[str]
) -> None:
    with pytest.raises(ValueError, match="cannot sample this signal:") as caught:
        sample(*arguments[:3], kind=(*arguments, "previous")[3])
    for message in messages:
        assert caught.match(message)
