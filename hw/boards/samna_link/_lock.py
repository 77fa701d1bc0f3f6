"""A lock on a board, so that two processes cannot drive it.

The operating system takes the lock away when the process ends, however it ends; a file that stays
behind means nothing.
"""

import contextlib
import os
import re
import sys
import tempfile
from pathlib import Path

from .._errors import BoardBusyError


class BoardLock:
    """Holds a board for this process, from its making to `release`.

    Args:
        serial: of the board.

    Raises:
        BoardBusyError: it is held already; names the process, where it can be read.
    """

    def __init__(self, serial: str) -> None:
        name = re.sub(r"[^A-Za-z0-9._-]", "_", serial)
        self.path = Path(tempfile.gettempdir()) / f"xylograph-board-{name}.lock"
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            self._file = os.open(self.path, flags, 0o666)
        except OSError as error:
            raise BoardBusyError(
                f"the lock file {self.path} of board {serial!r} cannot be opened "
                f"({error.strerror}): it belongs to another user, who may hold the board"
            ) from error
        try:
            _lock(self._file)
        except OSError:
            holder = os.read(self._file, 20).decode(errors="replace").strip()
            os.close(self._file)
            raise BoardBusyError(
                f"board {serial!r} is held by process {holder or 'unknown'} (lock file "
                f"{self.path}): end that process, or close the board there"
            ) from None
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let others have the board; a second time does nothing."""
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = -1


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        # A byte far behind the content, which others may still read.
        os.lseek(file, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
