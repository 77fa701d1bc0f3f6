import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from xylograph.hw import get_chip
from xylograph.tools import datasets
from xylograph.tools.datasets import DATASETS, Dataset, Split, load_dataset

KNOCKS: dict[str, Any] = {
    "name": "knocks",
    "title": "Knocks on a table",
    "class_names": ("once", "twice"),
    "class_titles": ("one knock", "two knocks"),
    "channel_names": ("low", "high"),
    "dt": 0.01,
    "chip": "xylo-audio-3",
    "source": "my table",
    "license": "CC0",
}


def a_split(n_samples: int = 3, n_channels: int = 2, label: int = 1, count: int = 15) -> Split:
    return Split(
        rasters=np.full((n_samples, 5, n_channels), count, np.uint8),
        labels=np.full(n_samples, label),
        groups=np.array(["me"] * n_samples),
    )


def test_all_names_what_is_exported() -> None:
    public = {
        name
        for name, value in vars(datasets).items()
        if not name.startswith("_") and type(value) is not type(sys)
    }
    assert sorted(public) == sorted(datasets.__all__)


def test_importing_the_data_sets_loads_nothing_heavy() -> None:
    program = (
        "import sys, xylograph.tools.datasets; "
        "print(*sorted({'jax', 'numba', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []


def test_every_data_set_is_listed_by_its_own_name() -> None:
    assert {name: info.name for name, info in DATASETS.items()} == {
        "watch": "watch",
        "digits": "digits",
    }


@pytest.mark.parametrize("name", DATASETS)
def test_the_default_chip_has_room_for_channels_and_classes(name: str) -> None:
    info, chip = DATASETS[name], get_chip(DATASETS[name].chip)
    assert chip.plain_name == info.chip
    assert len(info.channel_names) <= chip.max_inputs
    assert len(info.class_names) <= chip.max_outputs


def test_a_misspelt_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match=r"^unknown data set 'Wach': .*; did you mean `watch`\?$"):
        load_dataset("Wach")


def test_a_name_like_none_is_answered_with_the_list() -> None:
    with pytest.raises(ValueError) as caught:
        load_dataset("imagenet")
    assert str(caught.value) == "unknown data set 'imagenet': known are `digits`, `watch`"


def test_the_table_of_data_sets_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="does not support item assignment"):
        DATASETS["mine"] = DATASETS["watch"]  # pyright: ignore[reportIndexIssue]


def test_the_arrays_of_a_split_cannot_be_changed() -> None:
    split = a_split()
    for array in (split.rasters, split.labels, split.groups):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]


def test_the_arrays_that_a_split_was_made_of_stay_the_callers() -> None:
    rasters = np.zeros((1, 5, 2), np.uint8)
    Split(rasters, [0], ["me"])
    rasters[0, 0, 0] = 3
    assert rasters.flags.writeable


def test_a_split_shows_sizes_not_numbers() -> None:
    assert (len(a_split()), repr(a_split())) == (3, "Split(rasters=(3, 5, 2), groups=1)")


def test_a_split_of_wrong_kinds_is_refused_with_all_of_them_named() -> None:
    with pytest.raises(ValueError) as caught:
        Split([[1]], np.zeros((3, 1)), [0.5])
    assert str(caught.value) == (
        "the split does not fit together:\n"
        "- rasters is int64 of shape (1, 1): give event counts as uint8, (sample, time, channel)\n"
        "- labels is float64 of shape (3, 1): give one integer for each sample\n"
        "- groups is float64 of shape (1,): give one name or number for each sample"
    )


def test_a_split_of_signed_rasters_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rasters is int64 of shape \(2, 5, 3\): give event"):
        Split(np.zeros((2, 5, 3), np.int64), np.zeros(2, np.int64), np.array(["a", "b"]))


def test_a_split_of_unequal_lengths_is_refused_with_both_named() -> None:
    with pytest.raises(ValueError) as caught:
        Split(np.zeros((3, 5, 2), np.uint8), np.array([0, 1]), np.array(["me"]))
    assert str(caught.value) == (
        "the split does not fit together:\n"
        "- labels has 2 entries for 3 samples: give one each\n"
        "- groups has 1 entries for 3 samples: give one each"
    )


def test_a_data_set_of_the_users_own_is_taken() -> None:
    knocks = Dataset(**KNOCKS, train=a_split(7), test=a_split(3))
    assert (len(knocks.train), len(knocks.test), knocks.chip) == (7, 3, "xylo-audio-3")


def test_a_data_set_that_does_not_fit_together_is_refused_with_everything_named() -> None:
    bad: dict[str, Any] = {**KNOCKS, "class_titles": ("one knock",)}
    with pytest.raises(ValueError) as caught:
        Dataset(**bad, train=a_split(n_channels=3, label=2), test=a_split(label=-1, count=16))
    assert str(caught.value) == (
        "the data set `knocks` does not fit together:\n"
        "- train.rasters has 3 channels; channel_names has 2 entries: name every channel once\n"
        "- train.labels[0] is 2; the 2 classes are 0..1: name the class, or correct the label\n"
        "- test.labels[0] is -1; the 2 classes are 0..1: name the class, or correct the label\n"
        "- test.rasters reaches 16 events in one step; SYNS65302 takes 15: "
        "scale down before rounding, or shorten dt\n"
        "- class_titles gives 1 for 2 class names: give one each"
    )


def test_a_data_set_for_an_unknown_chip_is_refused() -> None:
    bad: dict[str, Any] = {**KNOCKS, "chip": "xylo-imo"}
    with pytest.raises(ValueError, match="xylo-imu"):
        Dataset(**bad, train=a_split(), test=a_split())
