from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from xylograph.hw import AFESimExternal
from xylograph.models import FormatError
from xylograph.tools.datasets import Dataset, load_speech, load_wav_folder


def tone(path: Path, frequency_hz: float, seconds: float = 0.3, level: float = 0.2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(8000 * seconds)) / 8000
    wavfile.write(
        path,
        8000,
        np.round(32767 * level * np.sin(2 * np.pi * frequency_hz * time)).astype(np.int16),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    for digit, frequency_hz in enumerate((400, 1500)):
        for take in (0, 4, 5, 6):
            tone(folder / "recordings" / f"{digit}_ann_{take}.wav", frequency_hz, 0.3 + 0.2 * take)
    return folder


@pytest.fixture(scope="module")
def speech(folder: Path) -> Dataset:
    return load_speech(folder)


def test_takes_0_to_4_test_and_the_others_train(speech: Dataset) -> None:
    assert (len(speech.train), len(speech.test)) == (4, 4)
    assert speech.class_names == ("0", "1")
    assert speech.train.rasters.shape == (4, 98, 16)
    assert set(speech.train.groups) == {"ann"}


def test_events_are_those_of_the_front_end_and_silence_fills_up(
    folder: Path, speech: Dataset
) -> None:
    assert isinstance(speech.frontend, AFESimExternal)
    (signal, *_) = load_wav_folder(folder).recordings.signals
    raster = speech.frontend(signal * 0.1 / np.sqrt(np.mean(signal**2)))[0][0]
    assert 25 < len(raster) < 98
    np.testing.assert_array_equal(speech.test.rasters[0, : len(raster)], raster)
    assert not speech.test.rasters[0, len(raster) :].any()


def test_a_high_tone_excites_higher_channels(speech: Dataset) -> None:
    channels = np.arange(16)
    low, high = (
        np.average(channels, weights=speech.train.rasters[speech.train.labels == label].sum((0, 1)))
        for label in (0, 1)
    )
    assert high > low + 2


def test_loudness_does_not_matter(folder: Path, speech: Dataset, tmp_path: Path) -> None:
    for digit, frequency_hz in enumerate((400, 1500)):
        for take in (0, 5):
            level = 0.2 if take == 0 else 0.1
            tone(tmp_path / f"{digit}_ann_{take}.wav", frequency_hz, 0.3, level)
    data = load_speech(tmp_path)
    difference = np.abs(data.train.rasters.astype(int) - data.test.rasters)
    assert difference.mean() < 0.05


def test_every_fifth_file_of_a_class_in_a_folder_tests(tmp_path: Path) -> None:
    for name in ("left", "right"):
        for take in range(6):
            tone(tmp_path / name / f"{take}.wav", 500)
    data = load_speech(tmp_path)
    assert (len(data.train), len(data.test), data.class_names) == (8, 4, ("left", "right"))


def test_what_cannot_be_split_is_refused(tmp_path: Path) -> None:
    for digit in (0, 1):
        tone(tmp_path / f"{digit}_ann_7.wav", 500)
    with pytest.raises(FormatError, match="of the 2 files .* 0 are to test on: takes 0 to 4 test"):
        load_speech(tmp_path)
    for name in range(33):
        tone(tmp_path / "many" / str(name) / "a.wav", 500)
    with pytest.raises(FormatError, match="holds 33 classes; SYNS65302 has 32 outputs"):
        load_speech(tmp_path / "many")
