"""From the architecture in a file back to a module."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from .._classes import find_class, is_usable_name
from .._errors import FormatError
from .._structure import BOOKKEEPING
from ..module import JaxModule
from ..parameters import Declaration, Parameter, SimulationParameter, State
from ._anatomy import Anatomy, assemble
from ._static_json import decode

# More than any axis that fits a memory.
_MOST = 2**40
_KINDS = (Parameter.kind, State.kind, SimulationParameter.kind)


def rebuild(entry: Any, arrays: dict[str, np.ndarray]) -> JaxModule:
    """The module that a file describes.

    Args:
        entry: parsed JSON of the module.
        arrays: the arrays of the file by path; they are taken out.

    Raises:
        FormatError: something is missing, left over, unknown or not of the right type; names the
            place in the file.
    """
    module = _rebuild(entry, "$.module", "", arrays)
    if arrays:
        raise FormatError(f"arrays that belong to nothing: {', '.join(sorted(arrays))}")
    return module


def _rebuild(entry: Any, where: str, path: str, arrays: dict[str, np.ndarray]) -> JaxModule:
    path_of_class = _get(entry, "class", where, str)
    cls = find_class(path_of_class)
    if cls is None:
        raise FormatError(
            f"the class {path_of_class!r} is not defined in this process; import the module that "
            "defines it, then load again"
        )
    values: dict[str, Any] = {}
    resets: dict[str, Any] = {}
    declarations: dict[str, Declaration] = {}
    for index, attribute in enumerate(_get(entry, "attributes", where, list)):
        place = f"{where}.attributes[{index}]"
        name = _name(attribute, place, cls, values)
        declarations[name] = _declaration(attribute, place)
        values[name] = _value(attribute, place, path, declarations[name], arrays)
        if _get(attribute, "given", place, bool):
            resets[name] = _take(arrays, f"{path}{name}@reset", declarations[name])
    children: dict[str, JaxModule] = {}
    for index, child in enumerate(_get(entry, "children", where, list)):
        place = f"{where}.children[{index}]"
        name = _name(child, place, cls, {**values, **children})
        children[name] = _rebuild(child, place, f"{path}{name}.", arrays)
    return assemble(
        cls,
        Anatomy(
            name=_get(entry, "name", where, str),
            shape=_sizes(entry, where, int, type(None)) or (None,),
            spiking_input=_get(entry, "spiking_input", where, bool),
            spiking_output=_get(entry, "spiking_output", where, bool),
            declarations=declarations,
            values=values,
            resets=resets,
            plain=_plain(entry, where, {*values, *children, *BOOKKEEPING}),
            children=children,
        ),
    )


def _declaration(attribute: Any, where: str) -> Declaration:
    kind = _get(attribute, "kind", where, str)
    if kind not in _KINDS:
        raise FormatError(f"{where}.kind: {kind!r} is none of {', '.join(_KINDS)}")
    initializer = decode(_get(attribute, "initializer", where), f"{where}.initializer")
    if not (initializer is None or callable(initializer)):
        raise FormatError(f"{where}.initializer: {initializer!r} is no function")
    return Declaration(
        kind=kind,
        family=_get(attribute, "family", where, str, type(None)),
        shape=None if "value" in attribute else _sizes(attribute, where, int),
        initializer=initializer,
    )


def _sizes(entry: Any, where: str, *kinds: type) -> tuple[Any, ...]:
    sizes = _get(entry, "shape", where, list)
    if not all(type(size) in kinds and (size is None or 0 <= size <= _MOST) for size in sizes):
        raise FormatError(f"{where}.shape: {sizes!r} is no list of sizes")
    return tuple(sizes)


def _value(
    attribute: Any, where: str, path: str, declared: Declaration, arrays: dict[str, np.ndarray]
) -> Any:
    if declared.shape is not None:
        return _take(arrays, path + attribute["name"], declared)
    if declared.kind != SimulationParameter.kind:
        raise FormatError(f"{where}.value: a {declared.kind} is an array")
    return decode(attribute["value"], f"{where}.value")


def _plain(entry: Any, where: str, taken: set[str]) -> dict[str, Any]:
    found = {}
    for name, value in _get(entry, "plain", where, dict).items():
        if name in taken or not is_usable_name(JaxModule, name):
            raise FormatError(f"{where}.plain: {name!r} is not free")
        found[name] = decode(value, f"{where}.plain.{name}")
    return found


def _name(entry: Any, where: str, cls: type[JaxModule], taken: dict[str, Any]) -> str:
    name = _get(entry, "name", where, str)
    if name in taken or not is_usable_name(cls, name):
        raise FormatError(f"{where}.name: {name!r} is not free")
    return name


def _take(arrays: dict[str, np.ndarray], name: str, declared: Declaration) -> Any:
    if name not in arrays:
        raise FormatError(f"the array `{name}` is missing")
    array, shape = arrays.pop(name), declared.shape or ()
    # Stacked modules have further axes in front.
    if array.shape[array.ndim - len(shape) :] != shape:
        raise FormatError(f"the array `{name}` is of shape {array.shape}, declared is {shape}")
    return jnp.array(array)


def _get(entry: Any, name: str, where: str, *kinds: type) -> Any:
    if not isinstance(entry, dict) or name not in entry:
        raise FormatError(f"{where}: `{name}` is missing")
    value = entry[name]
    if kinds and type(value) not in kinds:
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise FormatError(f"{where}.{name} must be {wanted}, got {type(value).__name__}")
    return value
