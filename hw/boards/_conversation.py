"""Asking a board and waiting for its answers, never without a timeout."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from . import _events as ev
from ._errors import CHECK_LIST, BoardDataError, BoardTimeoutError
from ._link import Link

E = TypeVar("E", bound=ev.Event)

# A board that somebody left running talks without end and answers nothing.
_MAX_UNRELATED = 1_000_000


class Conversation:
    """Questions to a link.

    Args:
        link: to the board.
        timeout_s: how long the board may be silent while something is awaited [s].
        barrier: a register that can be read at any time.
    """

    def __init__(self, link: Link, timeout_s: float, barrier: int) -> None:
        self.link = link
        self.timeout_s = timeout_s
        self._barrier = barrier

    def read(self, waiting_for: str) -> list[ev.Event]:
        """The next events.

        Raises:
            BoardTimeoutError: none came in time.
        """
        events = self.link.read(self.timeout_s)
        if not events:
            raise BoardTimeoutError(
                f"{self.link.identity} was silent for {self.timeout_s:g} s, expected was "
                f"{waiting_for}: {CHECK_LIST}; then open it again"
            )
        return events

    def ask(
        self, question: ev.Event, answer: type[E], fits: Callable[[E], bool] = lambda _: True
    ) -> tuple[E, list[ev.Event]]:
        """Ask one thing.

        Args:
            question: what to send.
            answer: class of the answer.
            fits: whether an event of that class answers this question.

        Returns:
            The answer, and what else came with it and before it.
        """
        self.link.write([question])
        return self.wait_for(answer, fits)

    def wait_for(
        self, answer: type[E], fits: Callable[[E], bool] = lambda _: True
    ) -> tuple[E, list[ev.Event]]:
        """Wait for one event; see `ask`."""
        others: list[ev.Event] = []
        while len(others) < _MAX_UNRELATED:
            found: E | None = None
            for event in self.read(f"a `{answer.__name__}`"):
                if found is None and isinstance(event, answer) and fits(event):
                    found = event
                else:
                    others.append(event)
            if found is not None:
                return found, others
        raise BoardTimeoutError(
            f"{self.link.identity} sends events without end, and no `{answer.__name__}`: reset it, "
            "and check that no other process drives it"
        )

    def register(self, address: int) -> int:
        """The value of a register."""
        answer, _ = self.ask(
            ev.ReadRegisterValue(address), ev.RegisterValue, lambda event: event.address == address
        )
        return answer.data

    def barrier(self) -> list[ev.Event]:
        """Wait until all that was sent is processed, and give what has come of it."""
        _, others = self.ask(
            ev.ReadRegisterValue(self._barrier),
            ev.RegisterValue,
            lambda event: event.address == self._barrier,
        )
        return others

    def ask_all(self, questions: Sequence[ev.Event], answer: type[E]) -> list[E]:
        """Ask several things of one kind; answers come in the order of the questions.

        Raises:
            BoardDataError: something else came between.
        """
        self.link.write(questions)
        answers: list[E] = []
        while len(answers) < len(questions):
            for event in self.read(f"{len(questions)} of `{answer.__name__}`"):
                if not isinstance(event, answer):
                    raise BoardDataError(
                        f"{self.link.identity} sent {event!r} between answers of "
                        f"`{answer.__name__}`: run again"
                    )
                answers.append(event)
        if len(answers) > len(questions):
            raise BoardDataError(
                f"{self.link.identity} sent {len(answers)} answers to {len(questions)} questions: "
                "run again"
            )
        return answers
