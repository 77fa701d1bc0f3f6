"""A digest of everything that a front end's output depends on."""

import dataclasses
import functools
import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path

import numpy as np

from ... import hw

_PLAIN = (str, bytes, int, float, complex, bool, type(None), Enum)


def fingerprint(*things: object) -> str:
    """The same digest for equal settings, in any process; another one for everything else.

    What an object holds counts: numbers, text, arrays, containers, attributes of objects; of
    functions and classes the file that they are written in. All files of `xylograph.hw.frontends`
    count as well, so that what an older version computed is not taken for what this one would.

    Args:
        things: arrays, numbers, containers, front ends.

    Raises:
        TypeError: when there is something whose content cannot be told, such as an open file.

    >>> from xylograph.hw import IMUIFSim
    >>> fingerprint(IMUIFSim()) == fingerprint(IMUIFSim())
    True
    >>> fingerprint(IMUIFSim()) == fingerprint(IMUIFSim(rotation=None))
    False
    """
    digest = hashlib.sha256(_digest_of_code())
    for part in _parts(list(things), ()):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


@functools.cache
def _digest_of_code() -> bytes:
    folder = Path(hw.__file__).parent / "frontends"
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".json", ".npz"):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.digest()


def _parts(value: object, above: tuple[int, ...]) -> Iterator[bytes]:
    """The content of a value, piece by piece; `above` are the objects that hold it."""
    if id(value) in above:
        yield b"loop %d" % above.index(id(value))
        return
    inside = (*above, id(value))
    if isinstance(value, _PLAIN):
        yield f"{type(value).__name__} {value!r}".encode()
    elif isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcSU":
        array = np.ascontiguousarray(value)
        yield f"array {array.dtype.str} {np.shape(value)}".encode()
        yield array.tobytes()
    elif isinstance(value, Mapping):
        yield b"mapping %d" % len(value)
        # By content, not by order: two mappings that are equal give the same.
        yield from sorted(b"".join(_parts(pair, inside)) for pair in value.items())
    elif isinstance(value, list | tuple):
        yield b"list %d" % len(value)
        for entry in value:
            yield from _parts(entry, inside)
    elif isinstance(value, set | frozenset):
        yield b"set %d" % len(value)
        yield from sorted(b"".join(_parts(entry, inside)) for entry in value)
    elif isinstance(value, functools.partial):
        yield b"partial"
        yield from _parts([value.func, value.args, value.keywords], inside)
    elif inspect.isroutine(value) or inspect.isclass(value):
        yield from _of_code(value, inside)
    elif dataclasses.is_dataclass(value) or hasattr(value, "__dict__"):
        yield from _of_code(type(value), inside)
        yield from _parts(vars(value), inside)
    else:
        raise TypeError(
            f"cannot tell the content of {value!r}, a {type(value).__name__}: apply the front end "
            "without `cache_dir`, or make it of numbers, arrays and text"
        )


def _of_code(thing: Callable[..., object], inside: tuple[int, ...]) -> Iterator[bytes]:
    """A function or a class by its name and file, a function also by what it closes over."""
    yield f"{thing.__module__}.{thing.__qualname__}".encode()
    try:
        path = inspect.getsourcefile(inspect.unwrap(thing))
        yield Path(path).read_bytes() if path else b""
    except (OSError, TypeError):
        yield b""  # Built in, or typed into a console: the name is all there is.
    for cell in getattr(thing, "__closure__", None) or ():
        yield from _parts(cell.cell_contents, inside)
    yield from _parts(getattr(thing, "__defaults__", None) or (), inside)
