"""What a pass says of itself: what it did, and what it cost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class PassReport:
    """What one pass did.

    Attributes:
        name: the pass.
        summary: what it did, one sentence.
        losses: every way in which the result may act differently from what came in, with its
            size; empty when nothing is lost.

    >>> print(PassReport("Prune", "3 of 9 weights are left", ("6 weights became 0",)))
    Prune: 3 of 9 weights are left
      loss: 6 weights became 0
    """

    name: str
    summary: str
    losses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(
            (f"{self.name}: {self.summary}", *(f"  loss: {loss}" for loss in self.losses))
        )


# A step of the mapping: value in, new value and report out; nothing is changed in place.
Pass: TypeAlias = Callable[[Any], tuple[Any, PassReport]]
