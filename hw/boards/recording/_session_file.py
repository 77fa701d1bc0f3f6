"""The file of a session: requests by their digest, and what the board answered to each.

One safetensors file (see `models/storage/_container.py`) whose document holds the board and a list
of answers; arrays stand under `NUMBER/NAME`, by the number of the answer.
"""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ....models import FormatError
from ....models.storage._container import Container
from ....models.storage._files import write_atomically
from .._link import BoardIdentity

_CONTAINER = Container(
    format="xylograph.BoardSession", version=1, noun="board session", body="session"
)
_IDENTITY = ("kind", "chip", "serial", "firmware", "samna")


@dataclass(frozen=True)
class Answer:
    """What a board answered to one request.

    Attributes:
        request: digest of the request.
        arrays: by name.
        facts: anything else, as JSON has it.
        error: class and text of what was raised; `None`: nothing was.
    """

    request: str
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    error: tuple[str, str] | None = None


def request_digest(call: str, *parts: object) -> str:
    """A digest of what is asked of a board.

    Args:
        call: name of the method.
        parts: arrays, and what `repr` tells apart.
    """
    checksum = hashlib.sha256(call.encode())
    for part in parts:
        if isinstance(part, np.ndarray):
            checksum.update(f"\n{part.dtype.name} {part.shape}\n".encode() + part.tobytes())
        else:
            checksum.update(f"\n{part!r}".encode())
    return checksum.hexdigest()


def save_answers(
    path: str | os.PathLike[str], identity: BoardIdentity, answers: list[Answer]
) -> Path:
    """Write a session, in one step."""
    body = {
        "board": {name: getattr(identity, name) for name in _IDENTITY},
        "answers": [
            {"request": answer.request, "facts": answer.facts, "error": answer.error}
            for answer in answers
        ],
    }
    arrays = {
        f"{number}/{name}": np.ascontiguousarray(array)
        for number, answer in enumerate(answers)
        for name, array in answer.arrays.items()
    }
    return write_atomically(path, _CONTAINER.pack(body, arrays))


def load_answers(path: str | os.PathLike[str]) -> tuple[BoardIdentity, list[Answer]]:
    """Read a session.

    Raises:
        FormatError: the file is damaged, newer than this version, or something else.
        OSError: it cannot be read.
    """
    found = Path(path).read_bytes()
    try:
        body, arrays = _CONTAINER.unpack(found)
        identity = BoardIdentity(**{name: body["board"][name] for name in _IDENTITY})
        answers = [_answer(number, entry, arrays) for number, entry in enumerate(body["answers"])]
    except (FormatError, RecursionError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"cannot read {os.fspath(path)!r} as a board session: {error}") from error
    return identity, answers


def _answer(number: int, entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> Answer:
    prefix = f"{number}/"
    own = {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    error = None if entry["error"] is None else (str(entry["error"][0]), str(entry["error"][1]))
    return Answer(str(entry["request"]), own, dict(entry["facts"]), error)
