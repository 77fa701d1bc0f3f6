"""One line of the report."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How a finding is to be taken."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong, but something that one may want is not there."""
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """What was found out about one thing.

    Attributes:
        subject: what was looked at.
        state: how to take it.
        text: what was found.
        remedy: what to do; empty where nothing is to be done.

    >>> print(Finding("firmware", State.PROBLEM, "is 0.9, needed is 0.12.2", "update it"))
    problem  firmware: is 0.9, needed is 0.12.2
             -> update it
    """

    subject: str
    state: State
    text: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """The same for JSON."""
        return {
            "subject": self.subject,
            "state": self.state.value,
            "text": self.text,
            "remedy": self.remedy,
        }

    def __str__(self) -> str:
        """One line, and one for the remedy."""
        line = f"{self.state.value:<8} {self.subject}: {self.text}"
        return f"{line}\n{'':<8} -> {self.remedy}" if self.remedy else line
