"""What rounding to integers lost, field by field."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Num

from .._report import PassReport


@dataclass(frozen=True)
class FieldLoss:
    """What one field of a specification lost by rounding.

    Attributes:
        field: its name.
        n_values: values that were not zero.
        relative_error: root mean square of the error over that of the values. For decay shifts:
            the largest change of the share that remains after a step.
        n_zeroed: values that became zero.
        n_clipped: values that were cut at the end of the range.

    >>> print(FieldLoss("weights_in", n_values=40, relative_error=0.0125, n_zeroed=2))
    `weights_in`: 1.250% rms error over 40 values, 2 became 0
    >>> print(FieldLoss("dash_mem", n_values=8, relative_error=0.03125, n_clipped=1))
    `dash_mem`: the share that remains after a step changes by up to 0.0312, 1 was cut at the end of the range
    """

    field: str
    n_values: int
    relative_error: float
    n_zeroed: int = 0
    n_clipped: int = 0

    def __str__(self) -> str:
        text = f"`{self.field}`: "
        if self.field.startswith("dash"):
            text += (
                f"the share that remains after a step changes by up to {self.relative_error:.3g}"
            )
        else:
            text += f"{self.relative_error:.3%} rms error over {self.n_values} values"
        if self.n_zeroed:
            text += f", {self.n_zeroed} became 0"
        if self.n_clipped:
            verb = "was" if self.n_clipped == 1 else "were"
            text += f", {self.n_clipped} {verb} cut at the end of the range"
        return text


@dataclass(frozen=True)
class QuantizationReport(PassReport):
    """What a quantizer did, with the loss of each field.

    Attributes:
        fields: one entry for each field.
    """

    fields: tuple[FieldLoss, ...] = ()

    @classmethod
    def of(cls, name: str, summary: str, fields: tuple[FieldLoss, ...]) -> "QuantizationReport":
        """The report of these losses; fields without error are not mentioned as losses."""
        losses = tuple(str(f) for f in fields if f.relative_error or f.n_clipped or f.n_zeroed)
        return cls(name, summary, losses, fields=fields)


def field_loss(
    name: str, exact: Num[np.ndarray, "*s"], rounded: Num[np.ndarray, "*s"], limit: int
) -> FieldLoss:
    """The loss of a field that was scaled to `exact` and then rounded."""
    present = exact != 0
    power = float(np.mean(exact[present] ** 2)) if present.any() else 0.0
    error = float(np.mean((rounded - exact)[present] ** 2)) if present.any() else 0.0
    return FieldLoss(
        field=name,
        n_values=int(present.sum()),
        relative_error=float(np.sqrt(error / power)) if power else 0.0,
        n_zeroed=int((present & (rounded == 0)).sum()),
        n_clipped=int((np.abs(np.round(exact)) > limit).sum()),
    )


def decay_loss(
    name: str, exact: Num[np.ndarray, " n"], rounded: Num[np.ndarray, " n"]
) -> FieldLoss:
    """The loss of decay shifts: `exp(-dt / tau)` in the network is `1 - 2^-dash` on the chip."""
    remaining = np.exp(-(2.0 ** -exact.astype(float)))
    on_chip = 1 - 2.0 ** -rounded.astype(float)
    change = np.abs(on_chip - remaining)
    # Time constants made for the chip, `-dt / log(1 - 2^-dash)`, come back exactly but for the
    # last bits of a float.
    largest = float(change.max(initial=0.0))
    return FieldLoss(
        field=name,
        n_values=exact.size,
        relative_error=largest if largest > 1e-6 else 0.0,
        n_clipped=int((np.round(exact) != rounded).sum()),
    )
