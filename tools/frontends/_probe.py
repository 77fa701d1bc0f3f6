"""`probe`: how much of what tells the classes apart survives a front end."""

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from jaxtyping import Bool, Float64, Int, Shaped

from ..datasets import FrontEnd, Recordings, apply_frontend

# Parts of a recording that are looked at one by one, so that what comes first counts.
_N_PARTS = 3
_N_OCTAVES = 8
_N_FOLDS = 5
# Of the share of the weights that a linear classifier pays for: features are standardized.
_RIDGE = 10.0
# A pair is warned of when it was told apart this well before, and loses this much.
_TOLD_APART, _LOST = 0.8, 0.15


@dataclass(frozen=True)
class PairProbe:
    """Two classes, before and after a front end.

    Attributes:
        classes: their labels.
        before: share of their recordings that a linear classifier gets right from the signals.
        after: the same from the rasters.
    """

    classes: tuple[int, int]
    before: float
    after: float

    @property
    def is_lost(self) -> bool:
        """Whether the front end takes away what tells the two apart."""
        return self.before >= _TOLD_APART and self.before - self.after >= _LOST


@dataclass(frozen=True)
class Probe:
    """What `probe` found.

    Attributes:
        before: share of all recordings that a linear classifier gets right from the signals.
        after: the same from the rasters.
        pairs: each pair of classes.
    """

    before: float
    after: float
    pairs: tuple[PairProbe, ...]

    def warnings(self, class_names: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A sentence for each pair that the front end makes alike.

        Args:
            class_names: names of the labels; numbers when not given.
        """
        return tuple(
            f"{_name(pair.classes[0], class_names)} and {_name(pair.classes[1], class_names)}: "
            f"{pair.before:.0%} told apart before the front end, {pair.after:.0%} after it"
            for pair in self.pairs
            if pair.is_lost
        )

    def __str__(self) -> str:
        """The figures, and how many pairs are lost."""
        n_lost = sum(pair.is_lost for pair in self.pairs)
        return (
            f"a linear classifier gets {self.before:.1%} before the front end and {self.after:.1%} "
            f"after it; {n_lost} of {len(self.pairs)} pairs of classes become alike"
        )


def probe(frontend: FrontEnd, data: Recordings) -> Probe:
    """How much of what the labels need survives the front end, in a few seconds.

    A linear classifier (ridge regression on standardized statistics) is trained and tested on five
    parts of the recordings in turn, before and after the front end: of the signals the mean, the
    deviation and the power in octaves, of the rasters mean and deviation of the counts, each in
    three parts of a recording. Parts are of different groups where there are five groups or more.
    It is a quick look: what such statistics do not hold, such as the order of sounds within a part,
    it does not see, and chance moves single pairs by some percent.

    Args:
        frontend: from `xylograph.hw`.
        data: signals that it takes.

    Returns:
        Shares of recordings that are right, of all classes and of each pair.

    Raises:
        ValueError: when there are fewer than two classes, or fewer than two recordings of one;
            or the front end refuses a recording.
        TypeError: when `frontend` is no front end, or `data` no `Recordings`.

    Source: ridge classification, T. Hastie et al., The Elements of Statistical Learning, 2nd
    edition, section 4.2 and equation 3.44.

    Lying still and standing still differ in gravity only, which no band-pass lets through:

    >>> from xylograph.hw import IMUIFSim
    >>> from xylograph.hw.frontends import RotationRemoval
    >>> rng = np.random.default_rng(0)
    >>> poses = np.arange(40) % 2
    >>> data = Recordings(
    ...     signals=tuple(rng.integers(-9, 10, (400, 3)) + [[0, 4096 * p, 4096 - 4096 * p]] for p in poses),
    ...     labels=poses, groups=np.arange(40) // 4, takes=np.zeros(40, int),
    ...     channel_names=("ax", "ay", "az"), dt=1 / 200,
    ... )
    >>> found = probe(IMUIFSim(rotation=RotationRemoval()), data)
    >>> found.before
    1.0
    """
    if not isinstance(data, Recordings):
        raise TypeError(
            f"`probe` takes a front end and then `Recordings`, not a `{type(data).__name__}`"
        )
    labels = np.asarray(data.labels)
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2 or counts.min() < 2:
        raise ValueError(
            f"`probe` compares classes: at least two, each of two recordings or more; here are "
            f"{len(classes)}, the smallest of {min(counts, default=0)}"
        )
    rasters = apply_frontend(data, frontend)
    before = np.stack([_of_signal(signal) for signal in data.signals])
    after = np.stack([_of_parts(_moments, raster) for raster in rasters.signals])
    folds = _folds(np.asarray(data.groups))
    pairs = []
    for pair in combinations(classes.tolist(), 2):
        chosen = np.isin(labels, pair)
        shares = [_share(x[chosen], labels[chosen], folds[chosen]) for x in (before, after)]
        pairs.append(PairProbe(pair, *shares))
    return Probe(_share(before, labels, folds), _share(after, labels, folds), tuple(pairs))


def _name(label: int, class_names: tuple[str, ...]) -> str:
    return class_names[label] if class_names else f"class {label}"


def _folds(groups: Shaped[np.ndarray, " recording"]) -> Int[np.ndarray, " recording"]:
    _, number = np.unique(groups, return_inverse=True)
    if number.max(initial=0) + 1 >= _N_FOLDS:
        return np.asarray(number % _N_FOLDS)
    return np.arange(len(groups)) % _N_FOLDS


def _of_parts(statistics, values: np.ndarray) -> np.ndarray:
    parts = np.array_split(np.asarray(values, np.float64), _N_PARTS)
    # A recording shorter than its parts repeats its last row.
    return np.concatenate([statistics(part if len(part) else values[-1:]) for part in parts])


def _of_signal(signal: np.ndarray) -> np.ndarray:
    return np.concatenate([_of_parts(_moments, signal), _of_parts(_octaves, signal)])


def _moments(part: Float64[np.ndarray, "time channel"]) -> Float64[np.ndarray, " feature"]:
    return np.concatenate([part.mean(axis=0), part.std(axis=0)])


def _octaves(part: Float64[np.ndarray, "time channel"]) -> Float64[np.ndarray, " feature"]:
    """Logarithms of the power in octaves, from half the rate downward."""
    level = part - part.mean(axis=0)
    power = np.abs(np.fft.rfft(level * np.hanning(len(level))[:, None], axis=0)) ** 2
    edges = np.round(len(power) / 2.0 ** np.arange(_N_OCTAVES + 1)).astype(int)
    # Relative to all of it: loudness is in the deviation.
    whole = power.sum(axis=0) + 1e-12
    bands = [power[low:high].sum(axis=0) / whole for high, low in pairwise(edges)]
    return np.log(np.concatenate(bands) + 1e-6)


def _share(
    features: Float64[np.ndarray, "recording feature"],
    labels: Int[np.ndarray, " recording"],
    folds: Int[np.ndarray, " recording"],
) -> float:
    """Share of the recordings that are right when their fold is left out of the training."""
    right = [
        _predicted(features, labels, folds == fold) == labels[folds == fold]
        for fold in np.unique(folds)
        if len(np.unique(labels[folds != fold])) > 1
    ]
    return float(np.mean(np.concatenate(right))) if right else 0.0


def _predicted(
    features: Float64[np.ndarray, "recording feature"],
    labels: Int[np.ndarray, " recording"],
    held_out: Bool[np.ndarray, " recording"],
) -> Int[np.ndarray, " chosen"]:
    known = features[~held_out]
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    # What never changes tells nothing, and must not be divided by.
    scaled = (features - mean) / np.where(deviation > 1e-9 * (1 + np.abs(mean)), deviation, np.inf)
    classes, targets = np.unique(labels[~held_out], return_inverse=True)
    wanted = np.eye(len(classes))[targets]
    offset = wanted.mean(axis=0)
    x = scaled[~held_out]
    weights = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ (wanted - offset))
    return classes[(scaled[held_out] @ weights + offset).argmax(axis=1)]
