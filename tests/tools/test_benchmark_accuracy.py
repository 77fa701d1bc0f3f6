import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from xylograph.tools.benchmarks.accuracy import Result, folds, results_of, table
from xylograph.tools.datasets import Dataset, Split
from xylograph.tools.demo import RECIPES, Recipe


def small(n_groups: int) -> Dataset:
    """Two classes that are easily told apart, by which of two channels is active."""
    rng = np.random.default_rng(0)
    labels = np.arange(12 * n_groups) % 2
    rasters = rng.poisson(0.2, (len(labels), 20, 2))
    rasters[np.arange(len(labels)), :, labels] += 2
    split = Split(rasters.astype(np.uint8), labels, np.arange(len(labels)) // 12)
    return Dataset(
        name="small",
        title="two classes",
        class_names=("a", "b"),
        class_titles=("a", "b"),
        channel_names=("left", "right"),
        dt=0.01,
        chip="xylo-imu",
        source="this test",
        license="none",
        train=split,
        test=split,
    )


@pytest.mark.slow
def test_all_ways_are_measured_and_chip_arithmetic_differs_nowhere() -> None:
    recipe = Recipe(n_hidden=8, epochs=12, batch_size=12, chip_epochs=2, input_gain=2.0)
    found = {one.way: one for one in results_of(small(4), recipe, "test", seed=0)}
    assert list(found) == ["float", "channel", "global", "calibrated", "chip arithmetic"]
    assert found["chip arithmetic"].n_different == 0
    assert all(one.accuracy > 0.8 for one in found.values())


def test_every_group_is_tested_on_once() -> None:
    data = small(7)
    parts = [(set(fold.train.groups), set(fold.test.groups)) for _, fold in folds(data)]
    assert all(train.isdisjoint(test) for train, test in parts)
    assert sorted(group for _, test in parts for group in test) == list(range(7))


def test_long_samples_are_cut_to_the_length_of_the_short_ones() -> None:
    data = small(5)
    long = np.concatenate([data.test.rasters, 2 * data.test.rasters, data.test.rasters[:, :7]], 1)
    longer = Split(long, data.test.labels, data.test.groups)
    for _, fold in folds(replace(data, test=longer)):
        samples = np.concatenate([fold.train.rasters, fold.test.rasters])
        assert samples.shape == (3 * 60, 20, 2)
        # Each recording is there as it was trained on, as tested, and twice as strong.
        assert samples.sum() == (1 + 1 + 2) * data.train.rasters.sum(dtype=int)
    cut = next(folds(replace(data, test=longer)))[1].test
    assert cut.groups.tolist() == [0] * 36
    assert np.array_equal(cut.rasters[13], 2 * cut.rasters[12])
    assert cut.labels[12] == cut.labels[13]


def test_the_table_has_means_spreads_and_what_is_lost() -> None:
    results = [
        Result("small", "test", seed, way, accuracy, different)
        for way, accuracies, different in (("float", (0.8, 0.9), 0), ("channel", (0.78, 0.9), 12))
        for seed, accuracy in enumerate(accuracies)
    ]
    shown = io.StringIO()
    Console(file=shown, width=100).print(table(results, "small"))
    assert "channel" in shown.getvalue()
    row = next(line.split() for line in shown.getvalue().splitlines() if "channel" in line)
    assert row == ["channel", "84.0", "8.5", "-1.0", "12"]


def test_every_recipe_trains_on_the_chip() -> None:
    assert all(recipe.on_chip().epochs == recipe.chip_epochs > 0 for recipe in RECIPES.values())
