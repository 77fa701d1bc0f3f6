import numpy as np
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from xylograph.tools.datasets._cepstra import part_signs, remove_running_mean
from xylograph.tools.datasets._events import count_events

N_STEPS, N_CHANNELS = 30, 3


def strengths(highest: float) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, (N_STEPS, N_CHANNELS), elements=st.floats(0, highest))


def signals() -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, (N_STEPS, N_CHANNELS), elements=st.floats(-50, 50))


cuts = st.integers(1, N_STEPS - 1)


def changed_from(signal: np.ndarray, cut: int) -> np.ndarray:
    return np.concatenate([signal[:cut], 7.0 - 3.0 * signal[cut:]])


# --- events


@settings(deadline=None)
@given(strengths(highest=14.0))
def test_below_saturation_the_sum_of_the_events_is_less_than_one_behind(
    strength: np.ndarray,
) -> None:
    behind = np.cumsum(strength, axis=0) - np.cumsum(count_events(strength, max_count=15), axis=0)
    assert behind.min() >= 0 and behind.max() < 1


@settings(deadline=None)
@given(strengths(highest=100.0))
def test_counts_stay_within_the_limit(strength: np.ndarray) -> None:
    counts = count_events(strength, max_count=15)
    assert counts.dtype == np.uint8 and counts.max() <= 15


@settings(deadline=None)
@given(strengths(highest=40.0), cuts)
def test_what_comes_later_changes_no_earlier_count(strength: np.ndarray, cut: int) -> None:
    other = np.concatenate([strength[:cut], 40.0 - strength[cut:]])
    before = count_events(strength, max_count=15)[:cut]
    np.testing.assert_array_equal(count_events(other, max_count=15)[:cut], before)


@settings(deadline=None)
@given(arrays(np.int64, (N_STEPS, N_CHANNELS), elements=st.integers(0, 15)))
def test_whole_strengths_are_their_own_counts(strength: np.ndarray) -> None:
    counts = count_events(strength.astype(np.float64), max_count=15)
    np.testing.assert_array_equal(counts, strength)


def test_what_saturates_is_lost_and_not_handed_on() -> None:
    counts = count_events(np.array([[99.5], [0.5], [0.0]]), max_count=15)
    np.testing.assert_array_equal(counts, [[15], [1], [0]])


def test_a_strength_too_weak_for_one_step_still_gives_its_events() -> None:
    assert count_events(np.full((100, 1), 0.125), max_count=15).sum() == 12


# --- cepstra


@settings(deadline=None)
@given(signals(), cuts)
def test_later_frames_change_no_earlier_running_mean(frames: np.ndarray, cut: int) -> None:
    start = np.zeros(N_CHANNELS)
    before = remove_running_mean(frames, start, n_frames=8.0)[:cut]
    after = remove_running_mean(changed_from(frames, cut), start, n_frames=8.0)[:cut]
    np.testing.assert_array_equal(after, before)


@settings(deadline=None)
@given(signals())
def test_the_running_mean_is_the_recursion_written_out(frames: np.ndarray) -> None:
    mean, left = np.array([1.0, -2.0, 3.0]), []
    for frame in frames:
        mean = mean + (frame - mean) / 8
        left.append(frame - mean)
    result = remove_running_mean(frames, np.array([1.0, -2.0, 3.0]), n_frames=8.0)
    np.testing.assert_allclose(result, left, atol=1e-9)


def test_a_constant_offset_fades() -> None:
    left = remove_running_mean(np.full((100, 1), 300.0), np.zeros(1), n_frames=8.0)
    assert left[0, 0] == 262.5 and left[99, 0] < 0.01


@settings(deadline=None)
@given(signals())
def test_parted_signs_can_be_put_together_again(values: np.ndarray) -> None:
    parted = part_signs(values)
    assert parted.min() >= 0
    np.testing.assert_array_equal(parted[:, 0::2] - parted[:, 1::2], values)
    assert not (parted[:, 0::2] * parted[:, 1::2]).any()
