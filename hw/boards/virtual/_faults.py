"""What can happen between a program and a board, and a wire on which it happens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._errors import CHECK_LIST, BoardLostError
from .._events import Event

KINDS = ("lost", "late", "duplicated", "reordered", "corrupted", "hang", "disconnect")
DIRECTIONS = ("to board", "from board")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that goes wrong on the wire of a virtual board.

    Attributes:
        kind: of one event, `lost`; `late`, by `delay_s`; `duplicated`; `reordered`, which is
            swapped with the one after it; `corrupted`, one of its numbers has a bit flipped. For
            good, `hang`, nothing goes either way any more, and `disconnect`, every call fails.
        direction: `to board` or `from board`.
        at: which event of that direction it befalls, counted from 0 since the board was opened.
        delay_s: how late `late` is [s]; on its way to the board an event comes with the next call
            instead.
        bit: which bit `corrupted` flips.

    Raises:
        ValueError: a kind or direction that is not known.

    >>> Fault(kind="lost", at=3)
    Fault(kind='lost', direction='from board', at=3, delay_s=1.0, bit=0)
    """

    kind: str
    direction: str = "from board"
    at: int = 0
    delay_s: float = 1.0
    bit: int = 0

    def __post_init__(self) -> None:
        """Refuse what is not known."""
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}: known are {', '.join(KINDS)}")
        if self.direction not in DIRECTIONS:
            raise ValueError(
                f"events go {' or '.join(map(repr, DIRECTIONS))}, not {self.direction!r}"
            )


@dataclass
class Wire:
    """One direction of the connection.

    Attributes:
        faults: those of this direction.
        is_dead: whether nothing comes through any more.
        n_passed: events so far.
    """

    faults: Sequence[Fault]
    is_dead: bool = False
    n_passed: int = 0
    _swapped: list[Event] = field(default_factory=list)

    def carry(self, events: Sequence[Event]) -> Iterator[tuple[Event, float]]:
        """The events as they come through, each with its delay [s].

        Raises:
            BoardLostError: the fault `disconnect`.
        """
        for event in events:
            if self.is_dead:
                return
            found = [fault for fault in self.faults if fault.at == self.n_passed]
            self.n_passed += 1
            yield from self._befallen(event, found)
        # The last of a call has nobody to change places with.
        yield from self._held_back()

    def _befallen(self, event: Event, faults: Sequence[Fault]) -> Iterator[tuple[Event, float]]:
        kinds = {fault.kind: fault for fault in faults}
        if "disconnect" in kinds:
            raise BoardLostError(f"the connection broke in the middle of a run: {CHECK_LIST}")
        if "hang" in kinds:
            self.is_dead = True
            return
        if "lost" in kinds:
            return
        if "corrupted" in kinds:
            event = corrupted(event, kinds["corrupted"].bit)
        if "reordered" in kinds:
            self._swapped.append(event)
            return
        delay = kinds["late"].delay_s if "late" in kinds else 0.0
        yield event, delay
        if "duplicated" in kinds:
            yield event, delay
        yield from self._held_back()

    def _held_back(self) -> Iterator[tuple[Event, float]]:
        held, self._swapped = self._swapped, []
        for event in held:
            yield event, 0.0


def corrupted(event: Event, bit: int) -> Event:
    """The event with one bit of one of its numbers flipped; which one, `bit` says.

    >>> from .._events import RegisterValue
    >>> corrupted(RegisterValue(address=3, data=8), bit=1)
    RegisterValue(address=3, data=9)
    """
    places: list[tuple[str, int | None]] = []
    for name, value in vars(event).items():
        if isinstance(value, int):
            places.append((name, None))
        elif isinstance(value, tuple):
            places += [(name, index) for index in range(len(value))]
    if not places:
        return event
    name, index = places[bit % len(places)]
    flip = 1 << (bit // len(places)) % 16
    value: Any = getattr(event, name)
    if index is None:
        return replace(event, **{name: value ^ flip})
    return replace(event, **{name: (*value[:index], value[index] ^ flip, *value[index + 1 :])})
