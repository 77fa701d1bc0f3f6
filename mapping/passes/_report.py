"""What a pass says of itself: what it did, and what it cost."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


@dataclass(frozen=True)
class PassReport:
    """What one pass did.

    Attributes:
        name: the pass.
        summary: what it did, one sentence.
        losses: every way in which the result may act differently from what came in, with its
            size; empty when nothing is lost.
    """

    name: str
    summary: str
    losses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(
            (f"{self.name}: {self.summary}", *(f"  loss: {loss}" for loss in self.losses))
        )


class Pass(Protocol[In_contra, Out_co]):
    """A step of the mapping: value in, new value and report out; nothing is changed in place."""

    def __call__(self, value: In_contra, /) -> tuple[Out_co, PassReport]:
        """Do it."""
        ...
