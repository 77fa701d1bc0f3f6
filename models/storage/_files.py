"""Writing files so that a reader finds the whole old one or the whole new one."""

import contextlib
import errno
import glob
import os
import secrets
import stat
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file in one step, so that an interrupted write leaves the old content.

    The bytes go to a temporary file in the same folder, which then takes the name. A file that
    was there keeps its permissions; a link stays and its target is replaced.

    Args:
        path: where to write; its folder must exist.
        content: the whole file.

    Returns:
        The path.

    Raises:
        OSError: when the folder does not exist or cannot be written to, or the path is that of
            something else than a file.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not (target.is_file() or target.is_dir()):
        # Taking the name would remove a device or a pipe; of a folder the system itself says no.
        raise OSError(errno.EINVAL, "exists and is not a regular file", str(path))
    temporary = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
    try:
        _write_new(temporary, content)
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        # The temporary name means nothing to who asked for the file.
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return Path(path)


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove what `write_atomically` was writing when its process was killed.

    Call it where nobody else is writing the file.

    Args:
        path: the file that was to be written.
    """
    target = Path(os.path.realpath(path))
    for leftover in target.parent.glob(f".{glob.escape(target.name)}-{'[0-9a-f]' * 16}"):
        leftover.unlink(missing_ok=True)


def _write_new(path: Path, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
