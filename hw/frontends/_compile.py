"""How the inner loops of front ends are compiled; imports Numba, so only kernels import this."""

import logging
from collections.abc import Callable
from inspect import unwrap
from typing import Any

import numba
from numba.core.event import Event, Listener, register

_log = logging.getLogger(__name__)
_ours: set[int] = set()


def compiled(function: Callable[..., Any]) -> Any:
    """The function as machine code, kept on disk, and free of the lock that threads share."""
    # The tests' run-time type checker wraps functions; Numba takes the function itself.
    dispatcher = numba.njit(cache=True, nogil=True)(unwrap(function))
    if not _ours:
        register("numba:compile", _Notice())
    _ours.add(id(dispatcher))
    return dispatcher


class _Notice(Listener):
    """Says so when a front end is really compiled, and not loaded from Numba's cache."""

    told = False

    def on_start(self, event: Event) -> None:
        """Numba starts to compile something."""
        if not self.told and id((event.data or {}).get("dispatcher")) in _ours:
            self.told = True
            # A warning, because that is what Python shows where nobody has set up logging.
            _log.warning("compiling a front end, once; it takes some seconds")

    def on_end(self, event: Event) -> None:
        """Numba is done; nothing to say."""
