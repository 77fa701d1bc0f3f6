from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.models.time_series import steps_in, time_base
from xylograph.models.time_series._grid import bins_of, bins_until

DECIMAL_STEPS = ["0.1", "0.001", "0.003", "0.7", "2.5E-4", "0.000001", "3", "0.0006"]


@given(
    dt=st.sampled_from(DECIMAL_STEPS),
    t_start=st.sampled_from(["0", "0.3", "-12.7", "1000.1"]),
    steps=st.lists(st.integers(0, 10**6), min_size=1, max_size=20),
)
@settings(deadline=None)
def test_times_that_people_write_on_borders_are_on_borders(
    dt: str, t_start: str, steps: list[int]
) -> None:
    borders = [Decimal(t_start) + k * Decimal(dt) for k in steps]
    times = np.array([float(border) for border in borders])
    assert bins_of(times, float(dt), float(t_start)).tolist() == steps
    assert [bins_until(time, float(dt), float(t_start)) for time in times] == steps


@given(
    dt=st.sampled_from(["0.1", "0.001", "0.003", "0.7"]),
    steps=st.lists(st.integers(0, 5000), min_size=1, max_size=20),
)
@settings(deadline=None)
def test_times_in_float32_are_on_borders_too(dt: str, steps: list[int]) -> None:
    times = np.array([float(k * Decimal(dt)) for k in steps], np.float32)
    assert bins_of(times, float(dt), 0.0).tolist() == steps


@given(
    dt=st.floats(1e-6, 1e3),
    t_start=st.floats(-1e4, 1e4),
    offsets=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20),
)
@settings(deadline=None)
def test_a_time_is_in_the_step_that_exact_arithmetic_gives(
    dt: float, t_start: float, offsets: list[float]
) -> None:
    times = t_start + np.array(offsets)
    for time, found in zip(times, bins_of(times, dt, t_start).tolist(), strict=True):
        position = (Fraction(time) - Fraction(t_start)) / Fraction(dt)
        # The only freedom is within rounding of a border, where the later step is taken.
        allowed = Fraction(1e-10) / Fraction(dt) + abs(position) * Fraction(1e-14)
        assert found <= position + allowed
        assert position < found + 1
        if abs(position - round(position)) > allowed:
            assert found == position.__floor__()


@given(dt=st.floats(1e-6, 1e3), n_steps=st.integers(0, 300), t_start=st.floats(-1e4, 1e4))
@settings(deadline=None)
def test_a_time_base_is_one_time_in_each_step(dt: float, n_steps: int, t_start: float) -> None:
    base = time_base(n_steps, dt, t_start)
    assert bins_of(base, dt, t_start).tolist() == list(range(n_steps))
    assert bins_until(t_start + n_steps * dt, dt, t_start) == n_steps


@pytest.mark.parametrize(
    ("duration", "dt", "steps"),
    [(0.3, 0.1, 3), (0.7, 0.1, 7), (1.1, 0.1, 11), (0.25, 0.1, 2), (0.0, 0.1, 0), (2.0, 0.5, 4)],
)
def test_whole_steps_are_counted(duration: float, dt: float, steps: int) -> None:
    assert steps_in(duration, dt) == steps


def test_part_of_a_step_is_covered_by_a_whole_one() -> None:
    assert [bins_until(stop, 0.1, 0.0) for stop in (0.0, 0.05, 0.1, 0.11)] == [0, 1, 1, 2]


@pytest.mark.parametrize("duration", [-0.1, np.nan, np.inf])
def test_a_duration_that_is_none_is_refused(duration: float) -> None:
    with pytest.raises(ValueError, match=r"`duration` must be finite and not negative \[s\], got"):
        steps_in(duration, 0.1)


@pytest.mark.parametrize("dt", [0.0, -1.0, np.nan, np.inf])
def test_a_step_without_length_is_refused(dt: float) -> None:
    for call in (lambda: steps_in(1.0, dt), lambda: time_base(3, dt)):
        with pytest.raises(ValueError, match=r"`dt` must be positive and finite \[s\], got"):
            call()


def test_a_negative_number_of_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="`n_steps` must not be negative, got -1"):
        time_base(-1, 0.1)


def test_steps_that_the_times_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`dt` of 1e-09 s is too short for the time 1000000000.0"):
        bins_of(np.array([0.0, 1e9]), 1e-9, 0.0)
    with pytest.raises(
        ValueError, match=r"known to 0.0001 s only: take longer steps, .* in float6"
    ):
        bins_of(np.array([1000.0], np.float32), 1e-4, 0.0)
