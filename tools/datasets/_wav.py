"""Reading WAV files, one or a folder of them."""

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import SupportsFloat

import numpy as np
from jaxtyping import Float64

from ...models import FormatError
from ._prepare import resample
from ._recordings import Recordings

# The public set of spoken digits: recordings/{digit}_{speaker}_{take}.wav.
_DIGIT_FILE = re.compile(r"(?P<label>[0-9])_(?P<group>[a-z]+)_(?P<take>[0-9]+)\.wav", re.IGNORECASE)
_WAY_OUT = "write it again, as WAV of 16, 24 or 32 bits or float, or take it out of the folder"


@dataclass(frozen=True)
class WavFolder:
    """Recordings of a folder, and what their labels mean.

    Attributes:
        recordings: one channel each, all at one rate.
        class_names: name of each label.
        paths: the file of each recording.
    """

    recordings: Recordings
    class_names: tuple[str, ...]
    paths: tuple[Path, ...]


def read_wav(path: str | os.PathLike[str]) -> tuple[Float64[np.ndarray, "time channel"], float]:
    """The samples of a WAV file, full scale being 1, and its rate.

    Integers of 8, 16, 24 and 32 bits, and floats of 32 and 64; any rate, any number of channels.

    Args:
        path: the file.

    Returns:
        Samples (time, channel) and samples a second.

    Raises:
        FormatError: when it is no such file, is cut short, or holds no samples or values that are
            not finite; names the first of them.
        OSError: when it cannot be read.

    >>> import tempfile
    >>> from scipy.io import wavfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     wavfile.write(f"{folder}/one.wav", 8000, np.array([0, 16384, -32768], np.int16))
    ...     samples, rate = read_wav(f"{folder}/one.wav")
    >>> samples[:, 0], rate
    (array([ 0. ,  0.5, -1. ]), 8000.0)
    """
    from scipy.io import wavfile

    with open(path, "rb") as file, warnings.catch_warnings():
        # What it only warns of: files cut short. Chunks that it does not know are no fault.
        warnings.simplefilter("error", wavfile.WavFileWarning)
        warnings.filterwarnings("ignore", "Chunk .non-data. not understood")
        try:
            rate, samples = wavfile.read(file)
        except OSError:
            raise
        except Exception as error:  # The reader lets errors of `struct` and others through.
            raise _refusal(path, f"cannot be read: {str(error).strip() or 'cut short'}") from error
    values = np.asarray(samples)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    if not len(values) or rate <= 0:
        raise _refusal(path, f"holds {len(values)} samples at {rate} Hz")
    if values.dtype.kind == "f":
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            step, channel = wrong[0].tolist()
            raise _refusal(
                path,
                f"holds {values[step, channel]} in sample {step}, channel {channel} ({len(wrong)} "
                "values are not finite)",
            )
        return values.astype(np.float64), float(rate)
    # Those of 24 bits come in the upper bits of 32; those of 8 have no sign.
    middle = 128 if values.dtype == np.uint8 else 0
    full_scale = 2.0 ** (8 * values.itemsize - 1)
    return (values.astype(np.float64) - middle) / full_scale, float(rate)


def load_wav_folder(
    folder: str | os.PathLike[str], *, rate_hz: SupportsFloat | None = None
) -> WavFolder:
    """All WAV files of a folder, with their classes; channels are averaged.

    Two kinds of folders: `{digit}_{speaker}_{take}.wav`, also below `recordings/`, as the Free
    Spoken Digit Dataset has them; or a folder for each class, whose name is the class. In the
    latter, groups are the classes and takes number the files in order of their names.

    Args:
        folder: where they are.
        rate_hz: samples a second to resample to; that of the first file when not given.

    Returns:
        Recordings in the order of their paths, and the names of the classes.

    Raises:
        FormatError: when the folder is of neither kind, has fewer than two classes, or a file
            cannot be read; names the file.
        OSError: when the folder cannot be read.

    Source: the layout is that of the Free Spoken Digit Dataset.
    """
    found = _digit_files(Path(folder)) or _class_files(Path(folder))
    class_names = tuple(sorted({label for _, label, _, _ in found}))
    if len(class_names) < 2:
        raise FormatError(
            f"{os.fspath(folder)!r} holds WAV files of {len(class_names)} classes, at least 2 are "
            "needed: name files `{digit}_{speaker}_{take}.wav`, or put those of each class into a "
            "folder of its name"
        )
    target = None if rate_hz is None else float(rate_hz)
    signals = []
    for path, _, _, _ in found:
        samples, rate = read_wav(path)
        target = rate if target is None else target
        signals.append(resample(samples.mean(axis=1, keepdims=True), rate, target))
    assert target is not None
    return WavFolder(
        recordings=Recordings(
            signals=tuple(signals),
            labels=np.array([class_names.index(label) for _, label, _, _ in found]),
            groups=np.array([group for _, _, group, _ in found]),
            takes=np.array([take for _, _, _, take in found]),
            channel_names=("audio",),
            dt=1 / target,
        ),
        class_names=class_names,
        paths=tuple(path for path, _, _, _ in found),
    )


_Found = list[tuple[Path, str, str, int]]


def _digit_files(folder: Path) -> _Found:
    below = folder / "recordings"
    names = sorted((below if below.is_dir() else folder).iterdir())
    matched = [(path, _DIGIT_FILE.fullmatch(path.name)) for path in names]
    return [(path, m["label"], m["group"].lower(), int(m["take"])) for path, m in matched if m]


def _class_files(folder: Path) -> _Found:
    return [
        (path, below.name, below.name, take)
        for below in sorted(folder.iterdir())
        if below.is_dir()
        for take, path in enumerate(
            sorted(path for path in below.iterdir() if path.suffix.lower() == ".wav")
        )
    ]


def _refusal(path: str | os.PathLike[str], what: str) -> FormatError:
    return FormatError(f"{os.fspath(path)!r} {what}: {_WAY_OUT}")
