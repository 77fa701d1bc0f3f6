from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from xylograph.models import LIFJax
from xylograph.models.time_series import Events

RASTERS = arrays.arrays(
    np.int64, st.tuples(st.integers(0, 30), st.integers(1, 4)), elements=st.integers(0, 3)
)
STEPS = st.floats(1e-6, 1e3)
STARTS = st.floats(-1e4, 1e4)


# Within a second, many at round times.
PAIRS = st.lists(
    st.tuples(st.floats(0.0, 0.99) | st.sampled_from([0.0, 0.1, 0.3, 0.7]), st.integers(0, 3)),
    max_size=30,
)


def events_of(pairs: list[tuple[float, int]]) -> Events:
    times, channels = [time for time, _ in pairs], [channel for _, channel in pairs]
    return Events(times, channels, n_channels=4, t_stop=1.0)


# --- rasters ---


@given(raster=RASTERS, dt=STEPS, t_start=STARTS, at_bin_start=st.booleans())
@settings(deadline=None)
def test_events_of_a_raster_make_the_raster_again(
    raster: np.ndarray, dt: float, t_start: float, at_bin_start: bool
) -> None:
    events = Events.from_raster(raster, dt, t_start=t_start, at_bin_start=at_bin_start)
    assert len(events) == raster.sum()
    np.testing.assert_array_equal(events.raster(dt), raster)
    np.testing.assert_array_equal(events.raster(dt, counts=False), raster > 0)


@given(raster=RASTERS, at_bin_start=st.booleans())
@settings(deadline=None)
def test_they_do_so_in_float32(raster: np.ndarray, at_bin_start: bool) -> None:
    exact = Events.from_raster(raster, 1e-3, at_bin_start=at_bin_start)
    coarse = Events(
        exact.times.astype(np.float32), exact.channels, n_channels=exact.n_channels, t_stop=1.0
    )
    assert coarse.times.dtype == np.float32
    np.testing.assert_array_equal(coarse.raster(1e-3)[: len(raster)], raster)


@given(pairs=PAIRS, dt=st.sampled_from([0.1, 0.25, 0.3, 1.0, 2.0]))
@settings(deadline=None)
def test_every_event_is_counted_once(pairs: list, dt: float) -> None:
    events = events_of(pairs)
    raster = events.raster(dt)
    assert raster.shape == (np.ceil(1.0 / dt), 4)
    by_channel = [len(times) for times in events.by_channel()]
    assert raster.sum(0).tolist() == by_channel


def test_steps_are_half_open() -> None:
    events = Events([0.0, 0.1, 0.1 - 1e-9, 0.3, 0.2], [0] * 5, n_channels=1, t_stop=0.4)
    assert events.raster(0.1)[:, 0].tolist() == [2, 1, 1, 1]


def test_the_grid_begins_where_the_span_does() -> None:
    events = Events([0.25, 0.34], [0, 0], n_channels=1, t_start=0.25, t_stop=0.45)
    assert events.raster(0.1)[:, 0].tolist() == [2, 0]


def test_the_last_step_may_go_beyond_the_span() -> None:
    events = Events([0.24], [1], n_channels=2, t_stop=0.25)
    assert events.raster(0.1).tolist() == [[0, 0], [0, 0], [0, 1]]


def test_more_steps_are_empty_and_fewer_are_refused() -> None:
    events = Events([0.24], [1], n_channels=2, t_stop=0.3)
    raster = events.raster(0.1, n_steps=5)
    assert (raster.shape, raster.sum()) == ((5, 2), 1)
    with pytest.raises(
        ValueError, match=r"2 steps of 0.1 s end before `t_stop`, 0.3 s; take 3, or cut the span"
    ):
        events.raster(0.1, n_steps=2)


@pytest.mark.parametrize("stop", [0.3, 3 * 0.1, np.nextafter(0.3, 1), np.nextafter(0.3, 0)])
def test_an_end_on_a_border_takes_no_further_step(stop: float) -> None:
    assert Events([0.25], [0], n_channels=1, t_stop=stop).raster(0.1).shape == (3, 1)


@pytest.mark.parametrize("border", [1.0, 0.3, 0.7, 1000.1])
def test_no_event_just_inside_the_span_is_lost(border: float) -> None:
    # So close to the end that the grid alone would put some of them into a step that is not there.
    unit = np.spacing(border)
    for end in [border + n * unit for n in range(12)]:
        times = [border - n * unit for n in range(60)]
        inside = [time for time in times if not _is_refused(time, end)]
        assert inside
        events = Events(inside, np.zeros(len(inside), int), n_channels=1, t_stop=end)
        raster = events.raster(0.1)
        assert raster[-2:].sum() == len(inside)


def _is_refused(time: float, end: float) -> bool:
    try:
        Events([time], [0], n_channels=1, t_stop=end)
    except ValueError:
        return True
    return False


def test_silence_has_a_shape() -> None:
    silence = Events([], [], n_channels=3, t_stop=0.2)
    assert silence.raster(0.1).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert Events.from_raster(np.zeros((2, 3)), 0.1) == silence
    assert Events([], [], n_channels=0, t_stop=0.0).raster(0.1).shape == (0, 0)


def test_a_raster_goes_into_a_module_and_its_output_is_events_again() -> None:
    events = Events([0.005, 0.0051, 0.02], [0, 0, 1], n_channels=2, t_stop=0.03)
    neurons = LIFJax(2, tau_syn=1e-4, threshold=1e-5)
    output, _, _ = neurons(events.raster(1e-3))
    spikes = Events.from_raster(output[0] > 0, 1e-3, at_bin_start=True)
    assert spikes.by_channel()[0][0] == pytest.approx(0.005)
    assert spikes.by_channel()[1][0] == pytest.approx(0.02)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
def test_rasters_of_any_type_are_taken(kind: Any) -> None:
    raster = np.array([[0, 1], [1, 0]], kind)
    for one in (raster, jnp.asarray(raster), raster.tolist()):
        assert Events.from_raster(one, 0.5).channels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("raster", "message"),
    [
        ([[0.0, 0.5]], r"must hold counts, 1 values are none; at step 0, channel 1 is 0.5"),
        ([[0], [-1]], r"must hold counts, 1 values are none; at step 1, channel 0 is -1"),
        ([[np.nan]], r"must hold counts, 1 values are none; at step 0, channel 0 is nan"),
        ([0, 1], r"must be \(time, channel\), got the shape \(2,\); of a batch take one sample"),
        (np.zeros((2, 3, 4)), r"must be \(time, channel\), got the shape \(2, 3, 4\); of a b"),
        ([["a"]], "must hold flags or counts, got <U1"),
    ],
)
def test_what_is_no_raster_is_refused(raster: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Events.from_raster(raster, 0.1)


# --- lists ---


@given(pairs=PAIRS)
@settings(deadline=None)
def test_lists_by_channel_make_the_events_again(pairs: list) -> None:
    events = events_of(pairs)
    lists = events.by_channel()
    assert len(lists) == events.n_channels
    assert all((np.diff(times) >= 0).all() for times in lists)
    assert Events.from_channels(lists, t_stop=1.0) == events


def test_empty_lists_are_silent_channels() -> None:
    assert Events.from_channels([[], []], t_stop=1.0) == Events([], [], n_channels=2, t_stop=1.0)
    events = Events.from_channels([[], np.array([0.5], np.float32)], t_stop=1.0)
    assert (events.times.dtype, events.channels.tolist()) == (np.float32, [1])


def test_a_list_of_lists_is_not_a_list_of_times() -> None:
    with pytest.raises(
        ValueError, match=r"each channel needs a list of times, got .* \[\(1, 1\)\]"
    ):
        Events.from_channels([[[0.1]], [0.2]], t_stop=1.0)


# --- spans ---


@given(pairs=PAIRS, cuts=st.tuples(*[st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 1.0])] * 3))
@settings(deadline=None)
def test_parts_side_by_side_are_the_whole(pairs: list, cuts: tuple[float, ...]) -> None:
    events = events_of(pairs)
    low, middle, high = sorted(cuts)
    whole = events.between(low, high)
    parts = [events.between(low, middle), events.between(middle, high)]
    np.testing.assert_array_equal(np.concatenate([part.times for part in parts]), whole.times)
    assert all(part.t_stop == end for part, end in zip(parts, (middle, high), strict=True))


def test_the_beginning_of_a_part_belongs_to_it_and_its_end_does_not() -> None:
    events = Events([0.1, 0.3, 0.5], [0, 0, 0], n_channels=1, t_stop=1.0)
    assert events.between(0.1, 0.5).times.tolist() == [0.1, 0.3]
    # `3 * 0.1` is a bit later than `0.3`.
    assert events.between(3 * 0.1, 0.5).times.tolist() == [0.3]
    assert events.between(0.1, 3 * 0.1).times.tolist() == [0.1]
    assert events.between(3 * 0.1, 0.5).raster(0.1).tolist() == [[1], [0]]


def test_a_part_may_end_where_rounding_puts_the_end() -> None:
    events = Events([0.1], [0], n_channels=1, t_stop=0.3)
    assert len(events.between(0.0, 3 * 0.1)) == 1


@pytest.mark.parametrize("part", [(-0.1, 0.5), (0.5, 1.1), (0.5, 0.4)])
def test_a_part_beyond_the_span_is_refused(part: tuple[float, float]) -> None:
    with pytest.raises(
        ValueError, match=f"from {part[0]} s to {part[1]} s is no part of 0.0 s to 1"
    ):
        Events([], [], n_channels=1, t_stop=1.0).between(*part)


# --- what events are ---


def test_events_are_in_order_of_time_and_cannot_be_changed() -> None:
    events = Events([0.3, 0.1, 0.3], [1, 2, 0], n_channels=3, t_stop=1.0)
    assert (events.times.tolist(), events.channels.tolist()) == ([0.1, 0.3, 0.3], [2, 0, 1])
    assert (len(events), events.t_stop, repr(events)) == (
        3,
        1.0,
        "<Events: 3 on 3 channels, 0.0 s to 1.0 s>",
    )
    with pytest.raises(ValueError, match="read-only"):
        events.times[0] = 5.0
    with pytest.raises(AttributeError):
        events.t_stop = 2.0  # pyright: ignore[reportAttributeAccessIssue]


def test_events_do_not_share_memory_with_what_was_given() -> None:
    times = np.array([0.1, 0.2])
    events = Events(times, [0, 0], n_channels=1, t_stop=1.0)
    times[:] = 0.7
    assert events.times.tolist() == [0.1, 0.2]


def test_events_are_equal_when_all_is_the_same() -> None:
    base = {"times": [0.1], "channels": [0], "n_channels": 2, "t_stop": 1.0}
    events = Events(**base)
    assert events == Events(**base)
    for other in ({"times": [0.2]}, {"channels": [1]}, {"n_channels": 3}, {"t_stop": 2.0}):
        assert events != Events(**{**base, **other})
    assert events != "events"
    with pytest.raises(TypeError, match="unhashable"):
        hash(events)


@pytest.mark.parametrize(
    ("changed", "messages"),
    [
        ({"times": [0.1, 0.2]}, [r"must be lists of one length, got shapes \(\(2,\), \(1,\)\)"]),
        ({"times": 0.1, "channels": 0}, [r"must be lists of one length, got shapes \(\(\), \(\)"]),
        ({"times": ["a"]}, ["`times` must be real numbers .s., got <U1"]),
        ({"times": [np.nan]}, ["`times` must be finite, number 0 is not"]),
        ({"channels": [0.0]}, ["`channels` must be whole numbers, got float64"]),
        ({"channels": [2]}, [r"must be from 0 to 1 \(`n_channels` is 2\), 1 are not; one is 2"]),
        ({"channels": [-1]}, [r"must be from 0 to 1 .*; one is -1"]),
        ({"t_start": 2.0}, ["a span cannot be from 2.0 s to 1.0 s"]),
        ({"t_stop": np.nan}, ["a span cannot be from 0.0 s to nan s"]),
        ({"times": [1.0]}, ["1 times are not before `t_stop`, 1.0 s, which no longer belongs to"]),
        ({"times": [10 * 0.1 - 1e-16]}, ["1 times are not before `t_stop`, 1.0 s"]),
        (
            {"times": [-0.1], "channels": [7]},
            ["1 times are before `t_start`, 0.0 s; one is -0.1 s", "one is 7"],
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_at_once(
    changed: dict[str, Any], messages: list[str]
) -> None:
    base = {"times": [0.1], "channels": [0], "n_channels": 2, "t_stop": 1.0}
    with pytest.raises(ValueError, match="these are no events of one recording:") as caught:
        Events(**{**base, **changed})
    for message in messages:
        assert caught.match(message)
