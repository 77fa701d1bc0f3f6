"""Writing files so that a reader finds the whole old one or the whole new one."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file in one step, so that an interrupted write leaves the old content.

    The bytes go to a temporary file in the same folder, which then takes the name.

    Args:
        path: where to write; its folder must exist.
        content: the whole file.

    Returns:
        The path.

    Raises:
        OSError: when the folder does not exist or cannot be written to.
    """
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file private; a result is as readable as any other file of the user.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
