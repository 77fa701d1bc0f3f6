from typing import Any

import pytest

from xylograph.models.training import EarlyStopping
from xylograph.models.training._early_stopping import Best

NAN = float("nan")


def run(stopping: EarlyStopping, values: list[float]) -> tuple[int, int]:
    """Which epoch was best, and after which one training stops."""
    best = Best({"epoch": 0})
    for epoch, value in enumerate(values, start=1):
        best = best.updated(stopping, {stopping.figure: value}, epoch, {"epoch": epoch})
        assert best.parameters == {"epoch": best.epoch}
        if best.is_final(stopping, epoch):
            return best.epoch, epoch
    return best.epoch, len(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0, 2.0, 1.0], (3, 3)),
        ([3.0, 2.0, 2.0, 2.5, 1.0], (2, 4)),  # equal is no better
        ([3.0, 3.5, 2.9, 2.8], (4, 4)),
        ([NAN, NAN, 1.0], (0, 2)),
        ([3.0, NAN, 2.0, NAN, NAN, 1.0], (3, 5)),
        ([float("inf"), 5.0], (2, 2)),
    ],
)
def test_the_lowest_figure_is_best_and_patience_counts_from_it(
    values: list[float], expected: tuple[int, int]
) -> None:
    assert run(EarlyStopping(patience=2), values) == expected


def test_a_higher_figure_may_be_better() -> None:
    stopping = EarlyStopping(patience=2, figure="val_accuracy", mode="max")
    assert run(stopping, [0.5, 0.7, 0.6, 0.7, 0.9]) == (2, 4)


def test_little_gains_may_not_count() -> None:
    assert run(EarlyStopping(patience=2, min_delta=0.1), [3.0, 2.95, 2.92, 1.0]) == (1, 3)
    assert run(EarlyStopping(patience=2, min_delta=0.1), [3.0, 2.95, 2.85, 2.84, 2.83]) == (3, 5)


def test_a_figure_that_does_not_exist_is_refused_with_those_that_do() -> None:
    message = r"looks at 'val_loss', which is none of the figures: 'loss'; give `validation`"
    with pytest.raises(ValueError, match=message):
        Best({}).updated(EarlyStopping(1), {"loss": 1.0}, 1, {})
    with pytest.raises(ValueError, match=r"looks at 'accuracy', which is none .*: 'loss'$"):
        Best({}).updated(EarlyStopping(1, "accuracy"), {"loss": 1.0}, 1, {})


def test_everything_that_makes_no_sense_is_said_at_once() -> None:
    mode: Any = "max"
    with pytest.raises(ValueError) as caught:
        EarlyStopping(patience=0, min_delta=-1.0, mode=mode)
    assert str(caught.value).splitlines() == [
        "`EarlyStopping`: `patience` must be at least 1, got 0",
        "`min_delta` must not be negative, got -1.0",
    ]
