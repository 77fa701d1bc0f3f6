"""What a data set is once it is encoded: event counts, split into train and test."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Shaped, UInt8

from ...hw import get_chip
from ._apply_frontend import FrontEnd
from ._recordings import Recordings


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Split:
    """The samples to train on, or the samples to test on.

    The arrays are read-only views: one experiment cannot change the data of the next by accident.

    Attributes:
        rasters: input events of a chip, counts per channel and step.
        labels: class of each sample, an index into the class names.
        groups: who each sample comes from (subject or speaker), to split by.

    Raises:
        ValueError: when the arrays are not of these kinds or not of one length; lists all of it.

    >>> Split(np.zeros((3, 40, 2), np.uint8), [0, 1, 0], ["me", "me", "you"])
    Split(rasters=(3, 40, 2), groups=2)
    """

    rasters: UInt8[np.ndarray, "sample time channel"]
    labels: Int[np.ndarray, " sample"]
    groups: Shaped[np.ndarray, " sample"]

    # Written by hand because the one of `dataclass` takes no more than is stored: what a caller
    # may give is wider, and is refused in words.
    def __init__(self, rasters: object, labels: object, groups: object) -> None:
        """Take the arrays, or anything NumPy makes such arrays of."""
        arrays = {
            name: np.asarray(value).view()
            for name, value in (("rasters", rasters), ("labels", labels), ("groups", groups))
        }
        problems = _kind_problems(arrays) or _length_problems(arrays)
        if problems:
            raise ValueError(_listing("the split", problems))
        for name, array in arrays.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.rasters)

    def __repr__(self) -> str:
        """Sizes only: the arrays would fill the screen."""
        return f"Split(rasters={self.rasters.shape}, groups={len(np.unique(self.groups))})"


@dataclass(frozen=True, eq=False, kw_only=True)
class DatasetInfo:
    """What is known of a data set before it is loaded.

    Attributes:
        name: what `load_dataset` takes, "watch".
        title: one line for tables.
        class_names: short name of each class.
        class_titles: the same in full words.
        channel_names: what each input channel carries.
        dt: length of a time step [s].
        chip: plain name of the chip it suits best, "xylo-imu".
        source: who recorded it, and the package that carries it.
        license: what is stated on its use.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    class_titles: tuple[str, ...]
    channel_names: tuple[str, ...]
    dt: float
    chip: str
    source: str
    license: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset(DatasetInfo):
    """A loaded data set: `DatasetInfo` with the samples.

    Attributes:
        train: samples to train on; whatever the encoding had to learn is learnt from these.
        test: samples for the final figure; they may be longer than those to train on.
        frontend: the front end of `xylograph.hw` that made the events, or None. Of Xylo IMU it goes
            into a configuration with `frontend.configure(config)`.
        recordings: what the front end was given, so that `probe` can tell what it kept.

    Raises:
        ValueError: when arrays, names and chip do not fit together; lists all of it.

    Source: the project's own; a set of the user's own is made the same way:

    >>> one = Split(np.ones((1, 40, 2), np.uint8), np.array([0]), np.array(["me"]))
    >>> knocks = Dataset(
    ...     name="knocks", title="Knocks on a table", class_names=("once", "twice"),
    ...     class_titles=("one knock", "two knocks"), channel_names=("low", "high"), dt=0.01,
    ...     chip="xylo-audio-3", source="my table", license="CC0", train=one, test=one,
    ... )
    >>> knocks.train
    Split(rasters=(1, 40, 2), groups=1)
    """

    train: Split
    test: Split
    frontend: FrontEnd | None = None
    recordings: Recordings | None = None

    def __post_init__(self) -> None:
        """Refuse parts that do not fit together, before a training run trips over them."""
        problems = [
            problem
            for where, split in (("train", self.train), ("test", self.test))
            for problem in _content_problems(where, split, self)
        ]
        if len(self.class_titles) != len(self.class_names):
            problems.append(
                f"class_titles gives {len(self.class_titles)} for "
                f"{len(self.class_names)} class names: give one each"
            )
        if problems:
            raise ValueError(_listing(f"the data set `{self.name}`", problems))


def _listing(what: str, problems: list[str]) -> str:
    return f"{what} does not fit together:\n" + "\n".join(f"- {problem}" for problem in problems)


# Kinds of numbers, number of axes, and what to give instead of anything else.
_WANTED = {
    "rasters": ((np.uint8,), 3, "event counts as uint8, (sample, time, channel)"),
    "labels": ((np.integer,), 1, "one integer for each sample"),
    "groups": ((np.integer, np.str_), 1, "one name or number for each sample"),
}


def _kind_problems(arrays: dict[str, np.ndarray]) -> list[str]:
    problems = []
    for name, (kinds, n_axes, way_out) in _WANTED.items():
        array = arrays[name]
        if array.ndim != n_axes or not any(np.issubdtype(array.dtype, kind) for kind in kinds):
            problems.append(f"{name} is {array.dtype} of shape {array.shape}: give {way_out}")
    return problems


def _length_problems(arrays: dict[str, np.ndarray]) -> list[str]:
    n_samples = len(arrays["rasters"])
    return [
        f"{name} has {len(array)} entries for {n_samples} samples: give one each"
        for name, array in arrays.items()
        if len(array) != n_samples
    ]


def _content_problems(where: str, split: Split, info: DatasetInfo) -> list[str]:
    chip = get_chip(info.chip)
    n_channels, n_classes = split.rasters.shape[2], len(info.class_names)
    problems = []
    if n_channels != len(info.channel_names):
        problems.append(
            f"{where}.rasters has {n_channels} channels; channel_names has "
            f"{len(info.channel_names)} entries: name every channel once"
        )
    strays = np.flatnonzero((split.labels < 0) | (split.labels >= n_classes))
    if len(strays):
        first = strays[0]
        problems.append(
            f"{where}.labels[{first}] is {split.labels[first]}; the {n_classes} classes are "
            f"0..{n_classes - 1}: name the class, or correct the label"
        )
    highest = split.rasters.max(initial=0)
    if highest > chip.max_input_spikes:
        problems.append(
            f"{where}.rasters reaches {highest} events in one step; {chip.name} takes "
            f"{chip.max_input_spikes}: scale down before rounding, or shorten dt"
        )
    return problems
