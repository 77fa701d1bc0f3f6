"""What a pass says of itself, what it did and what it cost; and what measuring says of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..models import XylographError
from .comparison._compare import Comparison, Divergence


@dataclass(frozen=True)
class PassCheck:
    """What running both sides of a pass on the same data showed.

    Attributes:
        change: what came in and what came out.
        so_far: what the pipeline began with and what came out.
        tie: where the two sides differ only because a membrane was at its threshold up to the
            rounding of floats; `None` where there is no such place.
        metric: what came out, measured by the user's metric; `None` without one.
    """

    change: Comparison
    so_far: Comparison
    tie: Divergence | None = None
    metric: float | None = None

    def __str__(self) -> str:
        if self.so_far.is_equal:
            text = f"every spike is the same ({self.change.n_samples} samples)"
        elif self.change.is_equal:
            text = "changes no spike"
        else:
            text = f"{_sizes(self.change)}; so far {_sizes(self.so_far)}"
        if self.tie is not None:
            text += f"; a tie, decided by the rounding of floats: {self.tie}"
        return text if self.metric is None else f"{text}; metric {self.metric:.4g}"


def _sizes(comparison: Comparison) -> str:
    """The two figures of a comparison that sum it up."""
    return (
        f"{comparison.count_error:.2%} error of spike counts, "
        f"{comparison.layers[-1].count_error:.2%} at the output"
    )


@dataclass(frozen=True)
class PassReport:
    """What one pass did.

    Attributes:
        name: the pass.
        summary: what it did, one sentence.
        losses: every way in which the result may act differently from what came in, with its
            size; empty when nothing is lost, and then the checker holds the pass to it.
        is_exact: whether the result computes as what came in does, apart from the losses.
        check: what measuring showed, where it was asked for.

    >>> print(PassReport("Prune", "3 of 9 weights are left", ("6 weights became 0",)))
    Prune: 3 of 9 weights are left
      loss: 6 weights became 0
    """

    name: str
    summary: str
    losses: tuple[str, ...] = ()
    is_exact: bool = True
    check: PassCheck | None = None

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.summary}", *(f"  loss: {loss}" for loss in self.losses)]
        return "\n".join(lines if self.check is None else [*lines, f"  measured: {self.check}"])


class VerificationError(XylographError):
    """A pass that reports no loss changes what a network does.

    Args:
        report: of that pass, with its check.

    Attributes:
        report: the same.
    """

    def __init__(self, report: PassReport) -> None:
        self.report = report
        check = report.check
        first = None if check is None else check.change.divergence
        super().__init__(
            f"the pass `{report.name}` reports no loss, but changes spikes; the first difference "
            f"between what came in and what came out: {first}. Mend the pass, or let it report what "
            "it loses"
        )

    def __reduce__(self) -> tuple[type["VerificationError"], tuple[PassReport]]:
        """Rebuild from the report: the default would hand the text to the constructor."""
        return type(self), (self.report,)


# A step of the mapping: value in, new value and report out; nothing is changed in place.
Pass: TypeAlias = Callable[[Any], tuple[Any, PassReport]]
