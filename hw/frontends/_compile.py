"""How the inner loops of front ends are compiled; imports Numba, so only kernels import this."""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """The function as machine code, kept on disk, and free of the lock that threads share."""
    # The tests' run-time type checker wraps functions; Numba takes the function itself.
    return numba.njit(cache=True, nogil=True)(unwrap(function))
