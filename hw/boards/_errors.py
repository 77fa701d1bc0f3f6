"""What can go wrong with a board, one class for each thing one can do about it.

BoardError             (XylographError)
+ BoardNotFoundError   no such board is attached, or the vendor's software is missing
+ BoardBusyError       another process holds the board
+ BoardLostError       the connection broke, or the board was closed
+ BoardTimeoutError    the board answers no more
+ BoardDataError       what it answered is incomplete or contradicts itself
+ BoardFirmwareError   its firmware is too old
+ BoardRefusedError    the chip does not take the configuration (also ValueError)
"""

from collections.abc import Iterable

from ...models import XylographError
from .._errors import DesignRuleError, Violation


class BoardError(XylographError):
    """A board could not do what was asked for; no result of it was returned."""


class BoardNotFoundError(BoardError):
    """No such board is attached, or what is needed to reach it is not installed."""


class BoardBusyError(BoardError):
    """Another process holds the board."""


class BoardLostError(BoardError):
    """The connection to the board broke, or it was closed before."""


class BoardTimeoutError(BoardError):
    """The board did not answer in time."""


class BoardDataError(BoardError):
    """What the board answered is incomplete, or contradicts itself."""


class BoardFirmwareError(BoardError):
    """The firmware of the board is older than what it is driven by needs."""


class BoardRefusedError(BoardError, ValueError):
    """The chip does not take a configuration.

    Args:
        board: the board, as messages name it.
        violations: what our design rules have against the configuration; may be empty.
        vendor_message: what the vendor's validator said; empty where it found nothing.

    Attributes:
        violations: the same, as a tuple.
        vendor_message: the same.
    """

    def __init__(self, board: str, violations: Iterable[Violation], vendor_message: str) -> None:
        self.board = board
        self.violations = tuple(violations)
        self.vendor_message = vendor_message
        ours = str(DesignRuleError(self.violations)) if self.violations else "nothing"
        vendors = vendor_message or "nothing"
        super().__init__(
            f"{board} does not take the configuration\nour design rules found: {ours}\n"
            f"the vendor's validator found: {vendors}"
        )

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """Rebuild from the parts: the default would hand the text to the constructor."""
        return type(self), (self.board, self.violations, self.vendor_message)


CHECK_LIST = (
    "check that the board is plugged in and powered, that the udev rule of the vendor is "
    "installed, that no other process uses the board, and that its firmware is up to date"
)
"""What to look at when a board is silent or gone; the end of many messages."""
