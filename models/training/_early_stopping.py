"""`EarlyStopping`: the best epoch so far, and when to stop waiting for a better one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from ..module import Tree


@dataclass(frozen=True)
class EarlyStopping:
    """Keep the parameters of the best epoch, and stop when no better one comes.

    Args:
        patience: how many epochs in a row may be no better than the best before training stops.
        figure: which figure decides: one of the loss function's or, with `val_` in front, one of
            the validation's.
        mode: whether a lower (`min`) or a higher (`max`) figure is better.
        min_delta: by how much it must be better to count.

    Raises:
        ValueError: a patience below 1, or a `min_delta` that is negative.

    >>> EarlyStopping(patience=5, figure="val_accuracy", mode="max")
    EarlyStopping(patience=5, figure='val_accuracy', mode='max', min_delta=0.0)
    """

    patience: int
    figure: str = "val_loss"
    mode: Literal["min", "max"] = "min"
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        problems = []
        if self.patience < 1:
            problems.append(f"`patience` must be at least 1, got {self.patience}")
        if self.mode not in ("min", "max"):
            problems.append(f"`mode` must be 'min' or 'max', got {self.mode!r}")
        if not self.min_delta >= 0:
            problems.append(f"`min_delta` must not be negative, got {self.min_delta}")
        if problems:
            raise ValueError("`EarlyStopping`: " + "\n".join(problems))


@dataclass(frozen=True)
class Best:
    """The best epoch so far.

    Attributes:
        parameters: after that epoch.
        value: its figure; `None` as long as there was none that is a number.
        epoch: its number; 0 is before the first.
    """

    parameters: Tree
    value: float | None = None
    epoch: int = 0

    def updated(
        self, stopping: EarlyStopping, figures: dict[str, float], epoch: int, parameters: Any
    ) -> Best:
        """The best of this one and an epoch that just ended.

        Raises:
            ValueError: there is no such figure.
        """
        if stopping.figure not in figures:
            hint = "; give `validation`" if stopping.figure.startswith("val_") else ""
            raise ValueError(
                f"early stopping looks at {stopping.figure!r}, which is none of the figures: "
                f"{', '.join(map(repr, figures))}{hint}"
            )
        value = figures[stopping.figure]
        if math.isnan(value) or not self._is_beaten_by(value, stopping):
            return self
        return Best(parameters, value, epoch)

    def _is_beaten_by(self, value: float, stopping: EarlyStopping) -> bool:
        if self.value is None:
            return True
        gain = self.value - value if stopping.mode == "min" else value - self.value
        return gain > stopping.min_delta

    def is_final(self, stopping: EarlyStopping, epoch: int) -> bool:
        """Whether so many epochs went by since then that training stops."""
        return epoch - self.epoch >= stopping.patience
