import dataclasses
from importlib.util import find_spec

import numpy as np
import pytest

from xylograph.hw import IMUIFSim
from xylograph.tools.datasets import (
    Dataset,
    Recordings,
    load_dataset,
    load_watch_recordings,
    prepare_recordings,
)
from xylograph.tools.datasets._watch import encode_watch

needs_data = pytest.mark.skipif(
    find_spec("seglearn") is None, reason="needs the extra `data` (seglearn)"
)

TRAIN_SUBJECTS = {"1", "2", "3", "4", "5", "6", "7"}
TEST_SUBJECTS = {"8", "9", "10"}


def synthetic_recordings() -> Recordings:
    """Ten subjects who each move once, in noise, for 13 to 17 s."""
    rng = np.random.default_rng(4)
    lengths = 650 + 20 * np.arange(10)
    return Recordings(
        signals=tuple(rng.normal(size=(n, 6)).astype(np.float32) for n in lengths),
        labels=np.arange(10) % 7,
        groups=np.arange(1, 11).astype(str),
        takes=np.ones(10, np.int64),
        channel_names=("ax", "ay", "az", "wx", "wy", "wz"),
        dt=0.02,
    )


def with_signals(recordings: Recordings, signals: list[np.ndarray]) -> Recordings:
    return dataclasses.replace(recordings, signals=tuple(signals))


def of_subject(dataset: Dataset, subject: str) -> np.ndarray:
    split = dataset.test if subject in TEST_SUBJECTS else dataset.train
    return split.rasters[split.groups == subject]


@pytest.fixture(scope="module")
def watch() -> Dataset:
    return load_dataset("watch")


# --- encoding, on made-up signals


def test_people_train_on_pieces_of_2_5_s_and_are_tested_on_windows_of_5_s() -> None:
    dataset = encode_watch(synthetic_recordings())
    assert dataset.train.rasters.shape[1:] == (500, 15)
    assert dataset.test.rasters.shape[1:] == (1000, 15)
    # At 200 Hz 2600 samples hold five pieces, and the windows that start at 0, 500, 1000 and 1500.
    assert [len(of_subject(dataset, subject)) for subject in ("1", "7")] == [5, 6]
    first, third = of_subject(dataset, "8")[[0, 2]]
    np.testing.assert_array_equal(of_subject(dataset, "8")[1], [*first[500:], *third[:500]])


def test_events_are_those_of_the_front_end_that_the_data_set_names() -> None:
    recordings = synthetic_recordings()
    dataset = encode_watch(recordings)
    assert isinstance(dataset.frontend, IMUIFSim)
    samples = prepare_recordings(
        recordings, channels=("ax", "ay", "az"), rate_hz=200, full_scale=8.0
    )
    raster = dataset.frontend(samples.signals[8])[0][0]
    np.testing.assert_array_equal(of_subject(dataset, "9")[0], raster[:1000])
    registers = dataset.frontend.registers()
    assert registers.bypass_jsvd and not registers.select_iaf_output


def test_subjects_are_either_trained_on_or_tested_on() -> None:
    dataset = encode_watch(synthetic_recordings())
    assert set(dataset.train.groups) == TRAIN_SUBJECTS
    assert set(dataset.test.groups) == TEST_SUBJECTS


def test_labels_follow_their_recordings() -> None:
    dataset = encode_watch(synthetic_recordings())
    assert set(dataset.test.labels[dataset.test.groups == "9"]) == {(9 - 1) % 7}


def test_the_test_subjects_have_no_say_in_the_training_data() -> None:
    recordings = synthetic_recordings()
    louder = with_signals(
        recordings, [*recordings.signals[:7], *(1.5 * s for s in recordings.signals[7:])]
    )
    np.testing.assert_array_equal(
        encode_watch(louder).train.rasters, encode_watch(recordings).train.rasters
    )


def test_the_training_subjects_set_the_scales() -> None:
    recordings = synthetic_recordings()
    louder = with_signals(
        recordings, [*(1.9 * s for s in recordings.signals[:7]), *recordings.signals[7:]]
    )
    before, after = encode_watch(recordings).frontend, encode_watch(louder).frontend
    assert isinstance(before, IMUIFSim) and isinstance(after, IMUIFSim)
    shifts = np.subtract(after.registers().scale_values, before.registers().scale_values)
    assert set(shifts.tolist()) <= {0, 1, 2} and shifts.mean() > 0.5


def test_later_samples_change_no_earlier_count() -> None:
    recordings = synthetic_recordings()
    changed = recordings.signals[9].copy()
    changed[300:] = 2.0
    before = of_subject(encode_watch(recordings), "10")
    after = of_subject(
        encode_watch(with_signals(recordings, [*recordings.signals[:9], changed])), "10"
    )
    # The filter that resamples looks ahead by 10 samples of the recording.
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_array_equal(after[1][:660], before[1][:660])
    assert (after[1][660:] != before[1][660:]).any()


def test_rotation_is_not_looked_at() -> None:
    recordings = synthetic_recordings()
    still = [
        np.where(np.arange(6) < 3, signal, 0.0).astype(np.float32) for signal in recordings.signals
    ]
    np.testing.assert_array_equal(
        encode_watch(with_signals(recordings, still)).test.rasters,
        encode_watch(recordings).test.rasters,
    )


def test_an_axis_is_found_by_its_name() -> None:
    recordings = synthetic_recordings()
    turned = dataclasses.replace(
        recordings,
        signals=tuple(signal[:, ::-1] for signal in recordings.signals),
        channel_names=recordings.channel_names[::-1],
    )
    np.testing.assert_array_equal(
        encode_watch(turned).test.rasters, encode_watch(recordings).test.rasters
    )


# --- the real recordings


@needs_data
def test_the_recordings_are_those_of_the_paper() -> None:
    recordings = load_watch_recordings()
    lengths = [len(signal) for signal in recordings.signals]
    assert (len(recordings), min(lengths), max(lengths)) == (140, 947, 2618)
    assert np.bincount(recordings.labels).tolist() == [20] * 7
    who = {*zip(recordings.groups, recordings.takes, recordings.labels, strict=True)}
    assert len(who) == 140 and set(recordings.takes) == {0, 1}
    assert all(np.isfinite(signal).all() for signal in recordings.signals)


@needs_data
def test_the_unit_of_acceleration_is_about_g() -> None:
    everything = np.concatenate(load_watch_recordings().signals)[:, :3]
    assert np.linalg.norm(everything, axis=1).mean() == pytest.approx(1.15, abs=0.005)


@needs_data
def test_windows_and_classes_are_counted_as_in_the_facts(watch: Dataset) -> None:
    # The facts count 1737 windows of 5 s; those of the test subjects are the same here.
    assert np.bincount(watch.test.labels).tolist() == [60, 99, 97, 82, 83, 61, 70]
    assert (len(watch.train), len(watch.test)) == (1283, 552)


@needs_data
def test_no_real_subject_is_on_both_sides(watch: Dataset) -> None:
    assert set(watch.train.groups) == TRAIN_SUBJECTS
    assert set(watch.test.groups) == TEST_SUBJECTS


@needs_data
def test_channels_carry_about_three_events_a_step_and_seldom_saturate(watch: Dataset) -> None:
    # By powers of two: within a factor of the square root of two, less what the limit cuts.
    means = watch.train.rasters.mean(axis=(0, 1))
    assert means.min() > 3 / 2**0.5 - 0.5 and means.max() < 3 * 2**0.5
    assert watch.train.rasters.max() == 15
    assert (watch.train.rasters == 15).mean() < 0.02


@needs_data
def test_no_recording_leaves_the_range_of_the_sensor() -> None:
    highest = max(np.abs(s[:, :3]).max() for s in load_watch_recordings().signals)
    assert highest < 8.0


@needs_data
def test_loading_twice_gives_the_same_events(watch: Dataset) -> None:
    again = load_dataset("watch")
    np.testing.assert_array_equal(again.train.rasters, watch.train.rasters)
    np.testing.assert_array_equal(again.test.rasters, watch.test.rasters)
