"""The data set `fsdd`: spoken words in WAV files through the front end of Xylo Audio 3."""

import os
from dataclasses import replace

import numpy as np
from jaxtyping import Float, UInt8

from ...hw import AFESimExternal, get_chip
from ...models import FormatError
from ._apply_frontend import apply_frontend
from ._dataset import Dataset, DatasetInfo, Split
from ._recordings import Recordings
from ._wav import WavFolder, load_wav_folder

_CHIP = get_chip("xylo-audio-3")
_RATE_HZ = 8000
_DT = 10.24e-3
# 1 s; of the public set few utterances are longer, and lose their end.
_N_STEPS = 98
# Loudness differs from speaker to speaker, and the peak is a matter of chance.
_RMS = 0.1
# The official split of the Free Spoken Digit Dataset: takes 0 to 4 test.
_N_TEST_TAKES = 5
# Of classes in folders, whose takes only number the files.
_TEST_EVERY = 5

SPEECH: DatasetInfo = DatasetInfo(
    name="fsdd",
    title="spoken words, from a folder of WAV files",
    class_names=tuple("0123456789"),
    class_titles=tuple("0123456789"),
    channel_names=AFESimExternal().channel_names,
    dt=_DT,
    chip=_CHIP.plain_name,
    source="a folder of the user's, such as the Free Spoken Digit Dataset",
    license="that of the files; the Free Spoken Digit Dataset is CC BY-SA 4.0",
)


def load_speech(folder: str | os.PathLike[str]) -> Dataset:
    """Words of up to 1 s out of a folder of WAV files; see `load_wav_folder` for its layout.

    Of the public spoken digits, takes 0 to 4 test, which is the official split. Of a folder for
    each class, every fifth file of a class tests.

    Args:
        folder: where the files are.

    Returns:
        Events of 16 channels in steps of 10.24 ms; groups are the speakers, where names tell them.

    Raises:
        FormatError: when the folder is of neither kind, a file cannot be read, there are more
            classes than the chip has outputs, or nothing is left to train on or to test.
        OSError: when the folder cannot be read.
    """
    found = load_wav_folder(folder, rate_hz=_RATE_HZ)
    if len(found.class_names) > _CHIP.max_outputs:
        raise FormatError(
            f"{os.fspath(folder)!r} holds {len(found.class_names)} classes; {_CHIP.name} has "
            f"{_CHIP.max_outputs} outputs: leave some out"
        )
    in_test = _in_test(found)
    if in_test.all() or not in_test.any():
        raise FormatError(
            f"of the {len(in_test)} files in {os.fspath(folder)!r}, {int(in_test.sum())} are to "
            "test on: takes 0 to 4 test and the others train, so give some of both"
        )
    return encode_speech(found, in_test)


def encode_speech(found: WavFolder, in_test: np.ndarray) -> Dataset:
    """The recordings through the front end, cut or filled with silence to 1 s."""
    levelled = replace(
        found.recordings, signals=tuple(_levelled(signal) for signal in found.recordings.signals)
    )
    frontend = AFESimExternal.from_specification(
        dt=_DT, input_rate=1 / found.recordings.dt, overflow="saturate"
    )
    rasters = apply_frontend(levelled, frontend)
    names = found.class_names
    return Dataset(
        **vars(SPEECH)
        | {
            "class_names": names,
            "class_titles": names,
            "channel_names": frontend.channel_names,
            "dt": frontend.dt,
        },
        train=_split(rasters, ~in_test),
        test=_split(rasters, in_test),
        frontend=frontend,
        recordings=levelled,
    )


def _in_test(found: WavFolder) -> np.ndarray:
    takes = found.recordings.takes
    by_class = set(found.recordings.groups.tolist()) == set(found.class_names)
    return takes % _TEST_EVERY == 0 if by_class else takes < _N_TEST_TAKES


def _levelled(signal: Float[np.ndarray, "time 1"]) -> Float[np.ndarray, "time 1"]:
    rms = float(np.sqrt(np.mean(np.square(signal))))
    return signal * (_RMS / rms) if rms > 0 else signal


def _split(rasters: Recordings, chosen: np.ndarray) -> Split:
    taken = np.flatnonzero(chosen)
    return Split(
        rasters=np.stack([_filled(rasters.signals[i]) for i in taken]),
        labels=rasters.labels[taken],
        groups=rasters.groups[taken],
    )


def _filled(raster: UInt8[np.ndarray, "time channel"]) -> UInt8[np.ndarray, "step channel"]:
    cut = raster[:_N_STEPS]
    return np.pad(cut, ((0, _N_STEPS - len(cut)), (0, 0)))
