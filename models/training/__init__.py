"""Losses, and the loop that minimises them."""

from ._fit import Fitted as Fitted, TrainingDivergedError as TrainingDivergedError, fit as fit
from ._losses import (
    mse as mse,
    rate_accuracy as rate_accuracy,
    rate_ceiling as rate_ceiling,
    rate_cross_entropy as rate_cross_entropy,
)
from ._relative import relative_to as relative_to

__all__ = [
    "Fitted",
    "TrainingDivergedError",
    "fit",
    "mse",
    "rate_accuracy",
    "rate_ceiling",
    "rate_cross_entropy",
    "relative_to",
]
