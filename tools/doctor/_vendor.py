"""The vendor's package, and the boards that it sees."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from packaging.version import InvalidVersion, Version

from ...hw._vendor_package import (
    MIN_VERSION,
    NAME,
    VendorPackage,
    VendorPackageStatus,
    vendor_package,
)
from ._finding import Finding, State

_SECONDS = 30.0
# In a process of its own: the vendor's package loads drivers, and may wait for a board for ever.
_LIST = (sys.executable, "-m", "xylograph.tools.doctor._list_boards")


def vendor(
    status: Callable[[], VendorPackageStatus] = vendor_package,
    command: tuple[str, ...] = _LIST,
    seconds: float = _SECONDS,
) -> Iterator[Finding]:
    """Look for the vendor's package, and open each board for a moment, to read its firmware.

    Args:
        status: tells what is installed.
        command: prints the entries of `_list_boards.py` as JSON.
        seconds: how long it may take.
    """
    found = status()
    subject = f"vendor's package `{NAME}`"
    if found.kind is VendorPackage.MISSING:
        text = "not installed; it is needed for real boards only"
        yield Finding(subject, State.NOTE, text, found.advice)
        return
    if found.kind is VendorPackage.INSTALLER:
        yield Finding(subject, State.PROBLEM, "only its installer is there", found.advice)
        return
    if _older(found.version, MIN_VERSION):
        yield Finding(
            subject, State.PROBLEM, f"is {found.version}, needed is {MIN_VERSION}", "upgrade it"
        )
    else:
        yield Finding(subject, State.OK, found.version)
    yield from _boards(command, seconds)


def _boards(command: tuple[str, ...], seconds: float) -> Iterator[Finding]:
    again = "unplug the board, end other programs that use it, and try again"
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        yield Finding("boards", State.PROBLEM, f"no answer within {seconds:g} s", again)
        return
    except OSError as error:
        yield Finding("boards", State.PROBLEM, f"cannot be looked for: {error}", again)
        return
    entries = _entries(done.stdout)
    if done.returncode or entries is None:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        yield Finding("boards", State.PROBLEM, f"the vendor's package fails: {last}", again)
    elif not entries:
        yield Finding(
            "boards",
            State.NOTE,
            "the vendor's package sees none",
            "plug one in; if it is, look at the permissions above",
        )
    else:
        yield from map(_board, entries)


def _board(entry: dict[str, str]) -> Finding:
    subject = f"board {entry['board']}"
    if "problem" in entry:
        return Finding(subject, State.PROBLEM, entry["problem"])
    if "busy" in entry:
        return Finding(subject, State.NOTE, entry["busy"])
    return Finding(subject, State.OK, f"firmware {entry.get('firmware') or 'unknown'}")


def _entries(printed: str) -> list[dict[str, str]] | None:
    """The list in the last line; the vendor's package may print lines of its own before."""
    lines = printed.strip().splitlines()
    try:
        entries: Any = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    is_list = isinstance(entries, list) and all(
        isinstance(entry, dict) and "board" in entry for entry in entries
    )
    return entries if is_list else None


def _older(version: str, needed: str) -> bool:
    try:
        return Version(version) < Version(needed)
    except InvalidVersion:
        return False
