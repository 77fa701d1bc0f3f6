"""`examine`: everything, one finding after the other."""

from collections.abc import Iterator

from ._finding import Finding
from ._installation import engines, packages
from ._usb import usb
from ._vendor import vendor


def examine() -> Iterator[Finding]:
    """Look at packages, engines, the vendor's package, boards and permissions.

    Nothing is changed; boards that are free are opened for a moment, to read their firmware. Works
    with nothing installed and nothing attached.

    Yields:
        What is found, as soon as it is.
    """
    yield from packages()
    yield from engines()
    yield from usb()
    yield from vendor()
