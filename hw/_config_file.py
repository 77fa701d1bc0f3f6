"""Configurations as files: JSON that outlives versions.

A file is one JSON object with sorted keys, one line for each vector and for each row of a matrix:

- `format`: "xylograph.XyloConfig"; `schema`: 1;
- `chip`: the chip's name;
- each field of `XyloConfig` under its name; weights of one synapse without the synapse axis.

Every key is required and no other is allowed: a file that needs reading between the lines is
refused. A later schema gets a reader of its own beside this one; what schema 1 means never changes.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..models import FormatError
from ..models._files import write_atomically
from ._config import XyloConfig, from_checked_fields
from ._fields import FIELD_NAMES, INTEGER_FIELDS, Problem, checked_fields, counted, shown
from .chips import CHIPS, Chip, get_chip

_FORMAT = "xylograph.XyloConfig"
_SCHEMA = 1
_KEYS = frozenset({"format", "schema", "chip", *FIELD_NAMES})
# Of one field so many problems are written out.
_SHOWN = 10


def save_config(config: XyloConfig, path: str | os.PathLike[str]) -> Path:
    """Write a configuration; see `XyloConfig.save`."""
    chip = config.chip
    if CHIPS.get(chip.name) != chip:
        raise ValueError(
            f"{chip!r} is not the chip of that name in `CHIPS`, and a file holds the name only: "
            f"save for {', '.join(CHIPS)}"
        )
    content: dict[str, Any] = {name: getattr(config, name) for name in FIELD_NAMES}
    content |= {"format": _FORMAT, "schema": _SCHEMA, "chip": chip.name}
    lines = (f'  "{key}": {_written(content[key])}' for key in sorted(content))
    return write_atomically(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def _written(value: Any) -> str:
    """JSON of one field, each row of a matrix on its own line."""
    if not isinstance(value, np.ndarray):
        return json.dumps(value)
    if value.ndim == 3 and value.shape[2] == 1:
        value = value[:, :, 0]
    if value.ndim == 1:
        return json.dumps(value.tolist())
    rows = (f"    {json.dumps(row)}" for row in value.tolist())
    return "[\n" + ",\n".join(rows) + "\n  ]"


def load_config(path: str | os.PathLike[str]) -> XyloConfig:
    """Read a configuration; see `XyloConfig.load`."""
    content = _parsed(path)
    _require_schema(path, content)
    problems = [f"`$` lacks the key {key!r}" for key in sorted(_KEYS - content.keys())]
    unknown = sorted(content.keys() - _KEYS)
    problems += [
        f"`$` has the key {shown(key)}, which schema {_SCHEMA} does not know: remove it"
        for key in unknown[:_SHOWN]
    ]
    if len(unknown) > _SHOWN:
        problems.append(f"`$` has {len(unknown) - _SHOWN} more unknown keys")
    chip, wrong = _read_chip(content.get("chip"))
    problems += wrong if "chip" in content else []
    mistyped: list[Problem] = []
    given = {name: content[name] for name in FIELD_NAMES if name in content}
    for name, value in given.items():
        found = list(_mistyped(name, value))
        mistyped += found[:_SHOWN]
        if len(found) > _SHOWN:
            mistyped.append(Problem(name, (), f"has {len(found) - _SHOWN} more such entries"))
    bad = {problem.field for problem in mistyped} | (set(FIELD_NAMES) - given.keys())
    values, outside = checked_fields(chip, given, skip=bad)
    problems += [_with_pointer(problem) for problem in mistyped + outside]
    if problems:
        _refuse(path, problems)
    return from_checked_fields(chip, values)


def _refuse(path: str | os.PathLike[str], problems: list[str]) -> NoReturn:
    what = f"cannot read {os.fspath(path)!r} as a configuration"
    lines = "".join(f"\n- {problem}" for problem in problems)
    raise FormatError(f"{what}, {counted(len(problems), 'problem')}:{lines}") from None


def _with_pointer(problem: Problem) -> str:
    index = "".join(f"[{number}]" for number in problem.index)
    return f"`$.{problem.field}{index}` {problem.text}"


def _parsed(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON object in the file."""
    try:
        text = Path(path).read_bytes().decode()
        content = json.loads(
            text, object_pairs_hook=_object_without_repeats, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError as err:
        _refuse(path, [f"byte {err.start} is not UTF-8: the file is damaged or not JSON"])
    except RecursionError:
        _refuse(path, ["it is nested too deeply: the file is damaged or not one of ours"])
    except ValueError as err:
        _refuse(path, [f"it is not JSON: {err}: the file is damaged, cut short or not one of ours"])
    if not isinstance(content, dict):
        _refuse(path, [f"`$` is {shown(content)}, not an object: the file is not one of ours"])
    return content


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        repeated = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"an object has the key {shown(repeated)} more than once")
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _require_schema(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    name, schema = content.get("format"), content.get("schema")
    if name != _FORMAT:
        found = shown(name) if "format" in content else "missing"
        _refuse(path, [f"`$.format` is {found}, expected is {_FORMAT!r}: this is another file"])
    if type(schema) is not int or schema < 1:
        found = shown(schema) if "schema" in content else "missing"
        _refuse(path, [f"`$.schema` is {found}, expected is a number from 1 to {_SCHEMA}"])
    if schema > _SCHEMA:
        text = f"`$.schema` is {shown(schema)}, this version reads up to {_SCHEMA}"
        way_out = "the file is from a newer Xylograph, upgrade: `pip install -U xylograph`"
        _refuse(path, [f"{text}: {way_out}"])


def _read_chip(value: object) -> tuple[Chip, list[str]]:
    """The chip; on failure any chip, since the ranges of the fields are the same for all."""
    stand_in = next(iter(CHIPS.values()))
    if not isinstance(value, str):
        return stand_in, [f"`$.chip` is {shown(value)}, not the name of a chip"]
    try:
        return get_chip(value), []
    except ValueError as err:
        return stand_in, [f"`$.chip` is wrong: {err}"]


def _mistyped(name: str, value: object) -> Iterator[Problem]:
    """What in the field has a type that the file format does not have there."""
    if name == "dt":
        if type(value) not in (int, float):
            yield Problem(name, (), f"is {shown(value)}, not a number")
    elif name == "aliases":
        yield from _mistyped_lists(name, value, (), depth=2, may_be_ragged=True)
    elif not INTEGER_FIELDS[name].axes:
        yield from _mistyped_numbers(name, value)
    else:
        yield from _mistyped_lists(name, value, (), depth=_depth(name, value))


def _mistyped_numbers(name: str, value: object) -> Iterator[Problem]:
    if type(value) is not int:
        yield Problem(name, (), f"is {shown(value)}, not an integer")


def _depth(name: str, value: object) -> int:
    """How deep the lists of the field go; its first entry tells if it has a synapse axis."""
    field = INTEGER_FIELDS[name]
    first: Any = value
    for _ in range(2):
        first = first[0] if isinstance(first, list) and first else None
    has_axis = not field.has_synapses or isinstance(first, list)
    return len(field.axes) if has_axis else len(field.axes) - 1


def _mistyped_lists(
    name: str, value: Any, index: tuple[int, ...], *, depth: int, may_be_ragged: bool = False
) -> Iterator[Problem]:
    """What in nested lists of integers is no list, no integer, or a list of another length."""
    if not isinstance(value, list):
        yield Problem(name, index, f"is {shown(value)}, not a list")
    elif depth == 1:
        # The usual case in one look: a matrix has up to two million entries.
        if set(map(type, value)) <= {int}:
            return
        for place, number in enumerate(value):
            if type(number) is not int:
                yield Problem(name, (*index, place), f"is {shown(number)}, not an integer")
    else:
        first = next((len(row) for row in value if isinstance(row, list)), 0)
        for place, row in enumerate(value):
            if not may_be_ragged and isinstance(row, list) and len(row) != first:
                text = f"has {len(row)} entries, the rows before have {first}"
                yield Problem(name, (*index, place), text)
            yield from _mistyped_lists(
                name, row, (*index, place), depth=depth - 1, may_be_ragged=may_be_ragged
            )
