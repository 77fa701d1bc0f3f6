"""Configurations as files: JSON that outlives versions.

A file is one JSON object with sorted keys, one line for each vector and for each row of a matrix:

- `format`: "xylograph.XyloConfig"; `schema`: 1, or 2 where the key `input_interface` is there: an
  object of the registers of a front end. What has none is written in schema 1, which all can read;
- `chip`: the chip's name;
- each field of `XyloConfig` under its name; weights of one synapse without the synapse axis.

Every key is required and no other is allowed: a file that needs reading between the lines is
refused. A later schema gets a reader of its own beside this one; what schema 1 means never changes.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..models import FormatError
from ..models.storage._files import write_atomically
from ._config import XyloConfig, from_checked_fields
from ._fields import (
    FIELD_NAMES,
    INTEGER_FIELDS,
    IntegerField,
    Problem,
    shown,
)
from ._imu_registers import IMURegisters
from ._storage import checked_fields
from ._wording import counted
from .chips import CHIPS, Chip, get_chip

_FORMAT = "xylograph.XyloConfig"
_SCHEMAS = {1: frozenset[str](), 2: frozenset({"input_interface"})}
_NEWEST = max(_SCHEMAS)
_KEYS = frozenset({"format", "schema", "chip", *FIELD_NAMES})
# Of one field so many problems are written out.
_SHOWN = 10


def save_config(config: XyloConfig, path: str | os.PathLike[str]) -> Path:
    """Write a configuration; see `XyloConfig.save`."""
    return write_atomically(path, config_bytes(config))


def config_hash(config: XyloConfig) -> str:
    """SHA-256 of a configuration's file in hexadecimal digits; the same for the same content.

    >>> config = XyloConfig("xylo-imu", weights_in=[[64]], weights_out=[[10]])
    >>> config_hash(config)[:12]
    '920b9293e724'
    """
    return hashlib.sha256(config_bytes(config)).hexdigest()


def config_bytes(config: XyloConfig) -> bytes:
    """A configuration as the file of it holds it; the same bytes for the same configuration.

    Raises:
        ValueError: the chip is not the one of that name.
    """
    chip = config.chip
    if CHIPS.get(chip.name) != chip:
        raise ValueError(
            f"{chip!r} is not the chip of that name in `CHIPS`, and a file holds the name only: "
            f"save for {', '.join(CHIPS)}"
        )
    content: dict[str, Any] = {name: getattr(config, name) for name in FIELD_NAMES}
    content |= {"format": _FORMAT, "schema": 1, "chip": chip.name}
    if config.input_interface is not None:
        content |= {"schema": 2, "input_interface": config.input_interface.as_dict()}
    lines = (f'  "{key}": {_written(content[key])}' for key in sorted(content))
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


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
    return config_of_bytes(Path(path).read_bytes(), path)


def config_of_bytes(found: bytes, path: str | os.PathLike[str]) -> XyloConfig:
    """The configuration in the content of a file.

    Args:
        found: the content.
        path: where it comes from, for messages.

    Raises:
        FormatError: it is not a configuration; lists what is wrong.
    """
    content = _parsed(found, path)
    _require_schema(path, content)
    chip, problems = _read_chip(content)
    given = {name: content[name] for name in FIELD_NAMES if name in content}
    mistyped = [problem for name, value in given.items() for problem in _mistyped(name, value)]
    unreadable = {problem.field for problem in mistyped} | (set(FIELD_NAMES) - given.keys())
    values, unstorable = checked_fields(chip, given, skip=unreadable)
    problems += _wrong_keys(content)
    problems += [_with_pointer(problem) for problem in mistyped + unstorable]
    if "input_interface" in content and content["schema"] > 1:
        try:
            values["input_interface"] = IMURegisters.from_dict(content["input_interface"])
        except ValueError as err:
            problems.append(f"`$.input_interface`: {err}")
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


def _parsed(found: bytes, path: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON object in the file."""
    try:
        text = found.decode()
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
        _refuse(path, [f"`$.schema` is {found}, expected is a number from 1 to {_NEWEST}"])
    if schema > _NEWEST:
        text = f"`$.schema` is {shown(schema)}, this version reads up to {_NEWEST}"
        way_out = "the file is from a newer Xylograph, upgrade: `pip install -U xylograph`"
        _refuse(path, [f"{text}: {way_out}"])


def _wrong_keys(content: dict[str, Any]) -> list[str]:
    schema = content["schema"]
    keys = _KEYS | _SCHEMAS[schema]
    missing = [f"`$` lacks the key {key!r}" for key in sorted(keys - content.keys())]
    unknown = sorted(content.keys() - keys)
    problems = missing + [
        f"`$` has the key {shown(key)}, which schema {schema} does not know: remove it"
        for key in unknown[:_SHOWN]
    ]
    if len(unknown) > _SHOWN:
        problems.append(f"`$` has {counted(len(unknown) - _SHOWN, 'more unknown key')}")
    return problems


def _read_chip(content: dict[str, Any]) -> tuple[Chip, list[str]]:
    """The chip; on failure any chip, since the stored ranges are the same for all."""
    stand_in = next(iter(CHIPS.values()))
    if "chip" not in content:
        return stand_in, []  # Told with the other missing keys.
    name = content["chip"]
    if not isinstance(name, str):
        return stand_in, [f"`$.chip` is {shown(name)}, not the name of a chip"]
    try:
        return get_chip(name), []
    except ValueError as err:
        return stand_in, [f"`$.chip` is wrong: {err}"]


def _mistyped(name: str, value: object) -> list[Problem]:
    """What in a field has a type or a length that the format does not have there."""
    if name == "dt":
        is_number = type(value) in (int, float)  # Not `isinstance`: `true` is no number.
        wrong = [] if is_number else [((), f"is {shown(value)}, not a number")]
    elif name == "aliases":
        wrong = list(_wrong_lists(value, (None, None)))
    else:
        wrong = list(_wrong_lists(value, _lengths(INTEGER_FIELDS[name], value)))
    problems = [Problem(name, index, text) for index, text in wrong[:_SHOWN]]
    if len(wrong) > _SHOWN:
        more = counted(len(wrong) - _SHOWN, "more such entry", "more such entries")
        problems.append(Problem(name, (), f"has {more}"))
    return problems


def _lengths(field: IntegerField, value: Any) -> tuple[int | None, ...]:
    """How long the lists of a field are on each level, by the first list of that level."""
    lengths: list[int | None] = []
    while isinstance(value, list) and len(lengths) < len(field.axes):
        lengths.append(len(value))
        value = value[0] if value else None
    n_least = len(field.axes) - field.has_synapses
    return (*lengths, *[None] * (n_least - len(lengths)))


def _wrong_lists(
    value: Any, lengths: tuple[int | None, ...], index: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], str]]:
    """Where nested lists of integers are something else, and what they are.

    Args:
        value: what should be a list, or an integer when `lengths` is empty.
        lengths: of the lists on each level; `None`: any.
        index: of the value in the field.
    """
    if not lengths:
        if type(value) is not int:
            yield index, f"is {shown(value)}, not an integer"
    elif not isinstance(value, list):
        yield index, f"is {shown(value)}, not a list"
    elif lengths[0] is not None and len(value) != lengths[0]:
        entries = counted(len(value), "entry", "entries")
        yield index, f"has {entries}, the lists before it have {lengths[0]}"
    elif len(lengths) > 1 or set(map(type, value)) != {int}:
        # Rows of nothing but integers, the usual case, are not walked: a matrix has up to two
        # million entries.
        for place, entry in enumerate(value):
            yield from _wrong_lists(entry, lengths[1:], (*index, place))
