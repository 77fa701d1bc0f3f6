from dataclasses import replace

import numpy as np
import pytest

from xylograph.hw import IMUIFSim
from xylograph.tools.datasets import Recordings
from xylograph.tools.frontends import probe

NAMES = ("sitting", "standing", "shaking")


def poses(n_groups: int = 10) -> Recordings:
    """Sitting, standing and shaking; the first two differ in the direction of gravity only."""
    rng = np.random.default_rng(1)
    labels = np.tile([0, 1, 2], 20)
    gravity = np.array([[0, 0, 4096], [0, 4096, 0], [0, 0, 4096]])
    time = np.arange(600)[:, None] / 200
    signals = [
        rng.integers(-60, 61, (600, 3))
        + gravity[label]
        + (label == 2) * (2000 * np.sin(2 * np.pi * 3 * time)).astype(int)
        for label in labels
    ]
    return Recordings(
        signals=tuple(signals),
        labels=labels,
        groups=np.arange(60) // 3 % n_groups,
        takes=np.zeros(60, np.int64),
        channel_names=("ax", "ay", "az"),
        dt=1 / 200,
    )


class WithoutGravity:
    """A front end whose filters have settled: what is constant gives nothing."""

    dt, channel_names = 1 / 200, tuple("abc")

    def __call__(self, data):
        moving = np.abs(data - np.round(data.mean(axis=0)))
        return np.minimum(moving // 100, 15).astype(np.uint8)[None], {}, {}


def test_what_differs_in_gravity_only_becomes_alike_and_is_warned_of() -> None:
    found = probe(WithoutGravity(), poses())
    assert found.before > 0.95
    lost = [pair for pair in found.pairs if pair.is_lost]
    assert [pair.classes for pair in lost] == [(0, 1)]
    assert lost[0].after < 0.75
    (warning,) = found.warnings(NAMES)
    assert warning.startswith("sitting and standing: 100% told apart before the front end, ")
    assert "1 of 3 pairs of classes become alike" in str(found)


def test_what_the_filters_let_through_stays_apart() -> None:
    found = probe(IMUIFSim(rotation=None), poses(n_groups=2))
    by_pair = {pair.classes: pair for pair in found.pairs}
    assert by_pair[(0, 2)].after == 1 and by_pair[(1, 2)].after == 1


def test_labels_that_mean_nothing_are_at_chance_before_and_after() -> None:
    recordings = poses()
    rng = np.random.default_rng(2)
    shuffled = replace(recordings, labels=rng.permutation(recordings.labels))
    found = probe(WithoutGravity(), shuffled)
    assert found.before < 0.6 and found.after < 0.6 and not found.warnings()


def test_one_class_is_no_comparison() -> None:
    recordings = poses()
    alike = replace(recordings, labels=np.zeros(60, np.int64))
    with pytest.raises(ValueError, match="at least two, .* here are 1, the smallest of 60"):
        probe(WithoutGravity(), alike)
