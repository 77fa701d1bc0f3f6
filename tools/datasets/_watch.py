"""The data set `watch`: seven shoulder exercises through the front end of Xylo IMU."""

from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from ...hw import IMUIFSim, get_chip
from ...hw.frontends import BandPassFilter, ScaleEncoder
from ._apply_frontend import apply_frontend
from ._dataset import Dataset, DatasetInfo, Split
from ._prepare import prepare_recordings
from ._recordings import Recordings
from ._watch_recordings import load_watch_recordings

_AXES = ("ax", "ay", "az")
_CHIP = get_chip("xylo-imu")
assert _CHIP.imu is not None
_RATE_HZ = _CHIP.imu.rate_hz

# 1 g becomes 4096, as on the kit of the vendor. The recordings reach 6.7 g.
_FULL_SCALE_G = 8.0

# Repetitions last 1 to 2.5 s; the recordings, at 50 Hz, hold nothing above 25 Hz. A support vector
# machine on mean magnitudes, leaving out each training subject in turn: 87 % with these octaves,
# 73 % with the chip's default bands; removing the rotation costs 5 to 18 points.
_BANDS_HZ = ((0.4, 0.8), (0.8, 1.6), (1.6, 3.2), (3.2, 6.4), (6.4, 12.8))

# Mean events per channel and step to come close to by powers of two, on the training subjects.
# Networks on held-out training subjects: 83 % with 2, 86 % with 3.
_MEAN_COUNT = 3.0

# Trained on pieces of 2.5 s, of which the same time of training takes in twice as many; tested on
# windows of 5 s, which start every 2.5 s.
_TRAIN_STEPS, _TRAIN_HOP = 500, 500
_TEST_STEPS, _TEST_HOP = 1000, 500

# By subject, never by window: published figures are 99 % on people seen in training, 87 % on others.
_TEST_SUBJECTS = ("8", "9", "10")

WATCH = DatasetInfo(
    name="watch",
    title="shoulder exercises, smartwatch",
    class_names=("PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"),
    class_titles=(
        "pendulum",
        "abduction",
        "forward elevation",
        "internal rotation",
        "external rotation",
        "trapezius extension",
        "upright row",
    ),
    channel_names=tuple(f"{axis} {low:g}-{high:g} Hz" for axis in _AXES for low, high in _BANDS_HZ),
    dt=1 / _RATE_HZ,
    chip=_CHIP.plain_name,
    source="Burns et al. 2018, doi 10.1088/1361-6579/aacfd9; in the package seglearn 1.2.5",
    license="package BSD-3-Clause; no separate license of the data is stated",
)


def load_watch() -> Dataset:
    """Pieces of ten people's exercises: seven train, three are never seen before the test.

    Returns:
        1283 samples of 2.5 s to train on, 552 of 5 s to test; 15 channels, five bands of each axis
        of the accelerometer, 200 steps a second, as the front end of Xylo IMU gives them. Groups
        are the subjects, "1" to "10".

    Raises:
        MissingExtraError: when the extra `data` is not installed.
        FormatError: when the package that carries the recordings was changed.

    >>> watch = load_watch()
    >>> watch.train, watch.test
    (Split(rasters=(1283, 500, 15), groups=7), Split(rasters=(552, 1000, 15), groups=3))
    """
    return encode_watch(load_watch_recordings())


def encode_watch(recordings: Recordings) -> Dataset:
    """The recordings through the front end, cut into pieces and parted by subject.

    They are resampled to the 200 Hz of the chip and become integers of its sensor. Each is one
    stream and cut afterwards, as the chip would see it: only the first piece holds the onset of
    the filters. The scale of each channel is that which suits the training subjects; the test
    subjects have no say.

    Args:
        recordings: acceleration in g in the columns `ax ay az`, subjects "1" to "10" as groups.

    Raises:
        FrontEndRangeError: when an acceleration is above 8 g.
    """
    samples = prepare_recordings(
        recordings, channels=_AXES, rate_hz=_RATE_HZ, full_scale=_FULL_SCALE_G
    )
    in_test = np.isin(recordings.groups, _TEST_SUBJECTS)
    frontend = _front_end(_chosen(samples, ~in_test))
    rasters = apply_frontend(samples, frontend)
    return Dataset(
        **vars(WATCH),
        train=_split(_chosen(rasters, ~in_test), _TRAIN_STEPS, _TRAIN_HOP),
        test=_split(_chosen(rasters, in_test), _TEST_STEPS, _TEST_HOP),
        frontend=frontend,
        recordings=samples,
    )


def _front_end(training: Recordings) -> IMUIFSim:
    """Without removal of the rotation; the scale of each channel from the training recordings."""
    filters = 3 * tuple(BandPassFilter.from_band(*band) for band in _BANDS_HZ)
    open_scale = IMUIFSim(filters, rotation=None, encoder=ScaleEncoder(0))
    totals = [
        np.abs(open_scale(signal, record=True)[2]["filtered"]).sum(axis=(0, 1))
        for signal in training.signals
    ]
    means = np.sum(totals, axis=0) / max(sum(map(len, training.signals)), 1)
    # Of a channel that is silent no scale makes events.
    shifts = np.round(np.log2(np.maximum(means, 1) / _MEAN_COUNT))
    return IMUIFSim(
        filters, rotation=None, encoder=ScaleEncoder([max(0, int(shift)) for shift in shifts])
    )


def _chosen(recordings: Recordings, which: np.ndarray) -> Recordings:
    return replace(
        recordings,
        signals=tuple(s for s, chosen in zip(recordings.signals, which, strict=True) if chosen),
        labels=recordings.labels[which],
        groups=recordings.groups[which],
        takes=recordings.takes[which],
    )


def _split(rasters: Recordings, n_steps: int, hop: int) -> Split:
    pieces = [_pieces(raster, n_steps, hop) for raster in rasters.signals]
    n_pieces = [len(of_one) for of_one in pieces]
    return Split(
        rasters=np.concatenate(pieces),
        labels=np.repeat(rasters.labels, n_pieces),
        groups=np.repeat(rasters.groups, n_pieces),
    )


def _pieces(
    raster: UInt8[np.ndarray, "time channel"], n_steps: int, hop: int
) -> UInt8[np.ndarray, "piece step channel"]:
    views = np.lib.stride_tricks.sliding_window_view(raster, n_steps, axis=0)
    return views[::hop].transpose(0, 2, 1)
