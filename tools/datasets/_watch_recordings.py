"""Smartwatch shoulder exercises, as recorded."""

import io

import numpy as np

from ._package_file import PackageFile
from ._recordings import Recordings

# Digest taken from the wheel seglearn 1.2.5 (data facts, "Loading 1 and 2").
_FILE = PackageFile(
    dataset="watch",
    distribution="seglearn",
    version="1.2.5",
    path="seglearn/data/watch_dataset.npy",
    sha256="eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537",
)


def load_watch_recordings() -> Recordings:
    """140 recordings of shoulder exercises from one smartwatch, 19 to 52 s each, at 50 Hz.

    Ten healthy people (groups "1" to "10") did seven exercises with either arm (take 0 left, take
    1 right), 20 repetitions a recording. The columns are acceleration `ax ay az` (about g) and
    rotation `wx wy wz` (about rad/s; the units are not stated).

    Returns:
        The recordings; labels are indices into the class names of the data set `watch`.

    Raises:
        MissingExtraError: when the extra `data` is not installed.
        FormatError: when the package that carries the recordings was changed.

    Source: Burns et al. 2018, doi 10.1088/1361-6579/aacfd9; package seglearn 1.2.5.

    >>> load_watch_recordings()
    Recordings(140 signals, 6 channels, dt=0.02 s)
    """
    # A pickle: safe only because `read` returns nothing but the known bytes.
    content = np.load(io.BytesIO(_FILE.read()), allow_pickle=True).item()
    return Recordings(
        signals=tuple(np.asarray(signal, np.float32) for signal in content["X"]),
        labels=content["y"].astype(np.int64),
        groups=content["subject"].astype(np.int64).astype(str),
        takes=content["side"].astype(np.int64),
        channel_names=("ax", "ay", "az", "wx", "wy", "wz"),
        dt=1 / 50,
    )
