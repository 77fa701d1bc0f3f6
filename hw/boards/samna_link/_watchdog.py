"""Calls into the vendor's software, each with a limit of time."""

import threading
import weakref
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from .._errors import CHECK_LIST, BoardError, BoardLostError

R = TypeVar("R")

CALL_LIMIT_S = 60.0
"""What no call of the vendor's software should take; opening a board takes a few seconds."""

_Job = tuple["Future[Any]", Callable[[], Any]]


class Watchdog:
    """Makes calls in a thread of its own, one after the other, and gives up those that block.

    The vendor's software waits for the board inside compiled code, which no exception and no
    signal reaches. So the calls are made in a thread that can be left behind: it does not keep the
    process from ending. Once a call has blocked, nothing is known of the software any more, and
    every further call fails at once.

    What cannot be caught is a call that blocks and holds the interpreter's lock meanwhile: no other
    thread runs then, this one's watcher neither. Only another process can end that.

    Args:
        whom: the board, as messages name it.
        limit_s: how long a call may take [s].

    >>> watchdog = Watchdog("the board", limit_s=5.0)
    >>> watchdog(lambda: 1 + 1)
    2
    """

    def __init__(self, whom: str, limit_s: float = CALL_LIMIT_S) -> None:
        self._whom, self._limit_s = whom, limit_s
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._is_stuck = self._is_closed = False
        # Holds the queue only, so that whoever forgets to close does not keep the thread for ever.
        threading.Thread(target=_work, args=(self._jobs,), daemon=True).start()
        self._end = weakref.finalize(self, self._jobs.put, None)

    @property
    def is_stuck(self) -> bool:
        """Whether a call has blocked, and may be blocking still."""
        return self._is_stuck

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more calls."""
        return self._is_closed

    def __call__(self, call: Callable[[], R], *, waits_s: float = 0.0) -> R:
        """Make a call.

        Args:
            call: what to do.
            waits_s: how long it is meant to wait by itself [s].

        Raises:
            BoardLostError: it failed, it blocked, or one before it did; or this is closed.
        """
        if self._is_stuck:
            raise BoardLostError(self._stuck())
        if self._is_closed:
            raise BoardLostError(f"{self._whom} is closed: open it again")
        future: Future[R] = Future()
        self._jobs.put((future, call))
        if not futures.wait([future], timeout=self._limit_s + waits_s).done:
            self._is_stuck = True
            raise BoardLostError(self._stuck())
        try:
            return future.result()
        except BoardError:
            raise
        # The vendor's software has no classes to tell its errors apart.
        except Exception as error:
            raise BoardLostError(
                f"samna could not reach {self._whom} ({error}): {CHECK_LIST}"
            ) from error

    def _stuck(self) -> str:
        return (
            f"a call of samna did not come back within {self._limit_s:g} s from {self._whom}: end "
            f"this process, which holds the board until then, and {CHECK_LIST}"
        )

    def close(self) -> None:
        """Take no more calls, and let the thread end; a second time does nothing."""
        self._is_closed = True
        self._end()


def _work(jobs: "SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        future, call = job
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the call was asked for
            future.set_exception(error)
        # Neither result nor error may live on until the next call.
        del job, future, call
