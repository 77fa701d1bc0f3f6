"""What a configuration can store; the check of everything a caller or a file gives.

`checked_fields` collects all that does not fit, so that `XyloConfig(...)` and
`XyloConfig.load(...)` refuse the same things in the same words. What can be stored and a chip
would not take is a matter of `_rules.py`.
"""

import math
from collections.abc import Iterable, Mapping, Set as AbstractSet
from typing import Any

import numpy as np
from jaxtyping import Bool

from ._fields import INTEGER_FIELDS, IntegerField, Problem, shown
from ._wording import counted
from .chips import Chip

# There are two fields of synaptic decay, `dash_syn` and `dash_syn_2`; no chip has more currents.
_MAX_SYNAPSES = 2
# Of each kind of problem in one field so many are written out; a matrix can have a million.
_SHOWN = 10


def checked_fields(
    chip: Chip, given: Mapping[str, object], *, skip: AbstractSet[str] = frozenset()
) -> tuple[dict[str, Any], list[Problem]]:
    """Read all fields but `chip`, and say what is wrong with them.

    Args:
        chip: whose ranges hold.
        given: what the caller gave, by field; `None` or missing: not given.
        skip: fields known to be wrong already, which are left alone.

    Returns:
        The fields as a configuration stores them (complete only when nothing is wrong), and the
        problems.
    """
    arrays, problems = _read_arrays(chip, given, skip)
    rec_is_missing = given.get("weights_rec") is None and "weights_rec" not in skip
    sizes = _sizes(arrays, rec_is_missing=rec_is_missing)
    problems += _shape_problems(arrays, sizes)
    values: dict[str, Any] = {}
    if "aliases" not in skip:
        values["aliases"], wrong = _read_aliases(given.get("aliases"), sizes.get("hidden"))
        problems += wrong
    if "dt" not in skip:
        values["dt"], wrong = _read_dt(given.get("dt"))
        problems += wrong
    if not problems and not skip:
        values |= {field.name: _stored(field, arrays, sizes) for field in INTEGER_FIELDS.values()}
    return values, problems


def _read_arrays(
    chip: Chip, given: Mapping[str, object], skip: AbstractSet[str]
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """The integer fields that were given and whose shape can be used, and what is wrong."""
    problems: list[Problem] = []
    arrays: dict[str, np.ndarray] = {}
    for field in INTEGER_FIELDS.values():
        value = given.get(field.name)
        if field.name in skip or (value is None and field.default is not None):
            continue
        array, wrong = _read_integers(field, value, chip)
        problems += wrong
        if array is not None:
            arrays[field.name] = array
    return arrays, problems


def _read_integers(
    field: IntegerField, value: object, chip: Chip
) -> tuple[np.ndarray | None, list[Problem]]:
    """The value as an array of whole numbers with the axes of the field, and what is wrong.

    The array is `None` when not even its shape can be used.
    """
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        return None, [Problem(field.name, (), "is no array: its rows differ in length or type")]
    problems = _not_whole(field.name, array) or _wrong_rank(field, array)
    if problems:
        return None, problems
    if array.dtype.kind == "f":
        # In half precision 32767 is 32768, and the comparison would let that pass.
        array = array.astype(np.float64)
    allowed = getattr(chip, field.limits)
    outside = np.asarray((array < allowed.low) | (array > allowed.high), dtype=bool)
    problems = _entries(field.name, array, outside, f"the range is {allowed}: {field.way_out}")
    # The values are wrong, but the shape is good: the other fields can still be measured by it.
    array = np.where(outside, 0, array).astype(field.dtype) if problems else array
    return (array[..., None] if _lacks_synapses(field, array) else array), problems


def _lacks_synapses(field: IntegerField, array: np.ndarray) -> bool:
    return field.has_synapses and array.ndim == len(field.axes) - 1


def _not_whole(name: str, array: np.ndarray) -> list[Problem]:
    way_out = "not an integer: quantize first (`channel_quantize`, `global_quantize`)"
    if array.dtype.kind in "iu":
        return []
    if array.dtype.kind == "f":
        return _entries(name, array, _is_broken(array), way_out)
    if array.dtype.kind == "O":
        return _entries(name, array, _is_no_integer(array), "not an integer")
    return [Problem(name, (), f"holds {array.dtype}, not integers: convert it first")]


def _is_broken(array: np.ndarray) -> Bool[np.ndarray, "..."]:
    """Which floats are no whole numbers."""
    return np.asarray(~np.isfinite(array) | (np.trunc(array) != array))


def _is_no_integer(array: np.ndarray) -> Bool[np.ndarray, "..."]:
    """Which objects are no integers; truth values are none."""
    wrong = [isinstance(x, bool) or not isinstance(x, int | np.integer) for x in array.flat]
    return np.array(wrong, dtype=bool).reshape(array.shape)


def _entries(
    name: str, array: np.ndarray, wrong: Bool[np.ndarray, "..."], text: str
) -> list[Problem]:
    """A problem for each wrong entry; the many are counted after the first few."""
    found = np.argwhere(wrong)
    problems = []
    for index in found[:_SHOWN]:
        place = tuple(int(number) for number in index)
        problems.append(Problem(name, place, f"is {shown(array[place])}, {text}"))
    if len(found) > _SHOWN:
        more = counted(len(found) - _SHOWN, "more such entry", "more such entries")
        problems.append(Problem(name, (), f"has {more}"))
    return problems


def _wrong_rank(field: IntegerField, array: np.ndarray) -> list[Problem]:
    n_axes = len(field.axes)
    # Vectors may be given as one number for all neurons, matrices without the synapse axis.
    allowed = {n_axes} | ({0} if n_axes == 1 else set()) | ({2} if field.has_synapses else set())
    if array.ndim not in allowed:
        ranks = " or ".join(str(rank) for rank in sorted(allowed))
        expected = f"{ranks} ({', '.join(field.axes)})" if field.axes else "a single number"
        text = f"has {counted(array.ndim, 'axis', 'axes')}, expected is {expected}"
        return [Problem(field.name, (), text)]
    if array.size == 0:
        return [Problem(field.name, (), f"is empty, its shape is {array.shape}")]
    return []


def _sizes(arrays: Mapping[str, np.ndarray], *, rec_is_missing: bool) -> dict[str, int]:
    """Length of each named axis, as far as it is known."""
    sizes: dict[str, int] = {}
    for name in ("weights_in", "weights_out"):
        if name in arrays:
            sizes |= dict(zip(INTEGER_FIELDS[name].axes, arrays[name].shape, strict=True))
    if "weights_rec" in arrays:
        sizes["hidden"] = arrays["weights_rec"].shape[0]
        sizes.setdefault("synapse", arrays["weights_rec"].shape[2])
    elif rec_is_missing and "expansion" in sizes:
        # Without recurrent weights the input weights alone say how many hidden neurons there are.
        sizes["hidden"] = sizes["expansion"]
    return sizes


def _shape_problems(arrays: Mapping[str, np.ndarray], sizes: Mapping[str, int]) -> list[Problem]:
    if sizes.get("synapse", 1) > _MAX_SYNAPSES:
        text = f"has {sizes['synapse']} synapses, 1 or {_MAX_SYNAPSES} fit"
        return [Problem("weights_in", (), text)]
    problems = []
    for name, array in arrays.items():
        axes = INTEGER_FIELDS[name].axes if array.ndim else ()
        expected = tuple(sizes.get(axis, n) for axis, n in zip(axes, array.shape, strict=True))
        if array.shape != expected:
            text = f"has the shape {array.shape}, expected is {expected} (axes: {', '.join(axes)})"
            if axes[-1:] == ("synapse",) and array.shape[-1] != expected[-1]:
                text += ": input and recurrent weights need the same number of synapses"
            problems.append(Problem(name, (), text))
    return problems + _expansion_problems(sizes)


def _expansion_problems(sizes: Mapping[str, int]) -> list[Problem]:
    problems = []
    for name, axis, side in (
        ("weights_in", "expansion", "columns"),
        ("weights_out", "output expansion", "rows"),
    ):
        n_hidden, n_expansion = sizes.get("hidden"), sizes.get(axis)
        if n_hidden is not None and n_expansion is not None and n_expansion > n_hidden:
            text = (
                f"has {n_expansion} {side} for {n_hidden} hidden neurons: drop {side}, "
                "or give `weights_rec` with a row for each hidden neuron"
            )
            problems.append(Problem(name, (), text))
    return problems


def _stored(
    field: IntegerField, arrays: Mapping[str, np.ndarray], sizes: Mapping[str, int]
) -> np.ndarray | int:
    value = arrays.get(field.name)
    if value is None:
        value = np.asarray(field.default)
    if not field.axes:
        return int(value)
    stored = np.empty(tuple(sizes[axis] for axis in field.axes), dtype=field.dtype)
    stored[...] = value
    stored.flags.writeable = False
    return stored


def _read_aliases(
    value: object, n_hidden: int | None
) -> tuple[tuple[tuple[int, ...], ...], list[Problem]]:
    if value is None:
        return ((),) * (n_hidden or 0), []
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return (), [Problem("aliases", (), f"is {shown(value)}, not a list of lists")]
    lists: list[tuple[int, ...]] = []
    problems: list[Problem] = []
    for source, targets in enumerate(value):
        ids, wrong = _read_targets(source, targets, n_hidden)
        lists.append(ids)
        problems += wrong
    if n_hidden is not None and len(lists) != n_hidden:
        text = f"has {len(lists)} lists for {n_hidden} hidden neurons: give each neuron one"
        problems.append(Problem("aliases", (), text))
    return tuple(lists), problems


def _read_targets(
    source: int, targets: object, n_hidden: int | None
) -> tuple[tuple[int, ...], list[Problem]]:
    if isinstance(targets, str | bytes | Mapping) or not isinstance(targets, Iterable):
        text = f"is {shown(targets)}, not a list of neuron ids"
        return (), [Problem("aliases", (source,), text)]
    ids: list[int] = []
    problems: list[Problem] = []
    for place, target in enumerate(targets):
        if not isinstance(target, int | np.integer) or isinstance(target, bool):
            text = f"is {shown(target)}, not a neuron id"
            problems.append(Problem("aliases", (source, place), text))
        elif n_hidden is not None and not 0 <= target < n_hidden:
            text = f"is {shown(target)}, hidden neurons are 0..{n_hidden - 1}"
            problems.append(Problem("aliases", (source, place), text))
        else:
            ids.append(int(target))
    return tuple(ids), problems


def _read_dt(value: object) -> tuple[float, list[Problem]]:
    text = f"is {shown(value)}, not a time in seconds above zero"
    try:
        array = np.asarray(value)
        dt = float(array) if array.ndim == 0 and array.dtype.kind in "iuf" else math.nan
    except (ValueError, TypeError, OverflowError):
        dt = math.nan
    if math.isfinite(dt) and dt > 0:
        return dt, []
    return math.nan, [Problem("dt", (), text)]
