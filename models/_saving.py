"""Saving networks: one safetensors file that also holds the architecture as JSON.

Nothing is pickled and nothing in a file is executed: classes are those already defined in the
process, functions those registered by `register_function`.
"""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as read_arrays, save as write_arrays

from ._anatomy import Anatomy, assemble, dissect
from ._classes import find_class, public_path
from ._errors import FormatError
from ._files import write_atomically
from ._initializers import Fill, kaiming, uniform_sqrt, unit_eigs, xavier
from ._module import JaxModule
from ._parameters import Declaration
from ._surrogate import periodic_exponential, step_pwl

FORMAT = "xylograph-network"
VERSION = 1
_METADATA_KEY = "xylograph"

F = TypeVar("F", bound=Callable[..., Any])
_FUNCTIONS: dict[str, Callable[..., Any]] = {}


def register_function(function: F) -> F:
    """Let files refer to a function by its module and name; usable as a decorator.

    Functions that a network holds (initializers, activations) are saved by name, and loading
    finds only registered ones.
    """
    _FUNCTIONS[public_path(function)] = function
    return function


for _function in (kaiming, periodic_exponential, step_pwl, uniform_sqrt, unit_eigs, xavier):
    register_function(_function)


def save(network: JaxModule, path: str | os.PathLike[str]) -> Path:
    """Write a network, with its architecture, to one file; `load` reads it back.

    Args:
        network: any module.
        path: the file to write, usually `*.safetensors`. It appears whole or not at all.

    Returns:
        The path.

    Raises:
        ValueError: the network holds something a file cannot, such as an unregistered function.
        OSError: the file cannot be written.
    """
    arrays: dict[str, np.ndarray] = {}
    document = {
        "format": FORMAT,
        "version": VERSION,
        "module": _describe(network, "", arrays),
    }
    text = json.dumps(document, sort_keys=True, allow_nan=False)
    # One metadata key: several would be written in random order.
    return write_atomically(path, write_arrays(arrays, metadata={_METADATA_KEY: text}))


def load(path: str | os.PathLike[str]) -> JaxModule:
    """Read a network that `save` wrote.

    Args:
        path: the file.

    Returns:
        A network equal to the saved one in values, states, and structure.

    Raises:
        FormatError: the file is damaged, not a network of ours, newer than this version, or
            refers to a class or function that is not defined in this process.
        OSError: the file cannot be read.
    """
    content = Path(path).read_bytes()
    try:
        arrays = read_arrays(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        document = json.loads(header["__metadata__"][_METADATA_KEY])
        kind, version = document["format"], document["version"]
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is not a network file, or is damaged: {error}") from error
    if kind != FORMAT:
        raise FormatError(f"{path} holds {kind!r}, not {FORMAT!r}")
    if version != VERSION:
        raise FormatError(
            f"{path} has the schema version {version!r}; this Xylograph reads {VERSION}: "
            "upgrade Xylograph, or save the network again with this version"
        )
    try:
        network = _rebuild(document["module"], "", arrays)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{path} is damaged: {type(error).__name__} {error}") from error
    if arrays:
        raise FormatError(f"{path} holds arrays that belong to nothing: {', '.join(arrays)}")
    return network


def _describe(network: JaxModule, path: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    parts = dissect(network)
    attributes = []
    for name, declared in parts.declarations.items():
        where = path + name
        entry: dict[str, Any] = {
            "name": name,
            "kind": declared.kind,
            "family": declared.family,
            "initializer": _encode(declared.initializer, f"the initializer of {where}"),
            "given": name in parts.resets,
        }
        if declared.shape is None:
            entry["value"] = _encode(parts.values[name], where)
        else:
            # safetensors writes arrays that are not contiguous wrongly.
            arrays[where] = np.ascontiguousarray(parts.values[name])
        if name in parts.resets:
            arrays[f"{where}@reset"] = np.ascontiguousarray(parts.resets[name])
        attributes.append(entry)
    return {
        "class": public_path(type(network)),
        "name": parts.name,
        "attributes": attributes,
        "plain": {name: _encode(value, path + name) for name, value in parts.plain.items()},
        "children": [
            _describe(child, f"{path}{name}.", arrays) for name, child in parts.children.items()
        ],
    }


def _rebuild(entry: dict[str, Any], path: str, arrays: dict[str, np.ndarray]) -> JaxModule:
    cls = find_class(entry["class"])
    if cls is None:
        raise FormatError(
            f"the class {entry['class']!r} is not defined in this process; import the module that "
            "defines it, then load again"
        )
    values: dict[str, Any] = {}
    resets: dict[str, Any] = {}
    declarations: dict[str, Declaration] = {}
    for attribute in entry["attributes"]:
        name, static = attribute["name"], "value" in attribute
        values[name] = _decode(attribute["value"]) if static else _take(arrays, path + name)
        if attribute["given"]:
            resets[name] = _take(arrays, f"{path}{name}@reset")
        declarations[name] = Declaration(
            kind=attribute["kind"],
            family=attribute["family"],
            shape=None if static else values[name].shape,
            initializer=_decode(attribute["initializer"]),
        )
    anatomy = Anatomy(
        name=entry["name"],
        declarations=declarations,
        values=values,
        resets=resets,
        plain={name: _decode(value) for name, value in entry["plain"].items()},
        children={
            child["name"]: _rebuild(child, f"{path}{child['name']}.", arrays)
            for child in entry["children"]
        },
    )
    return assemble(cls, anatomy)


def _take(arrays: dict[str, np.ndarray], name: str) -> Any:
    if name not in arrays:
        raise FormatError(f"the array `{name}` is missing")
    return jnp.array(arrays.pop(name))


def _encode(value: Any, where: str) -> Any:
    """A static value as JSON; what JSON lacks becomes an object of one key."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, (list, tuple)):
        items = [_encode(item, where) for item in value]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _encode(item, where) for key, item in value.items()}}
    if isinstance(value, Fill):
        return {"fill": _encode(value.value, where)}
    for name, function in _FUNCTIONS.items():
        if function is value:
            return {"function": name}
    raise ValueError(
        f"`{where}` is {value!r}, which a file cannot hold; make arrays a `SimulationParameter` "
        "and decorate functions with `xylograph.models.register_function`"
    )


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "float":
        return float(content)
    if kind == "tuple":
        return tuple(_decode(item) for item in content)
    if kind == "dict":
        return {key: _decode(item) for key, item in content.items()}
    if kind == "fill":
        return Fill(_decode(content))
    if kind == "function" and content in _FUNCTIONS:
        return _FUNCTIONS[content]
    raise FormatError(
        f"{kind} {content!r} is not known in this process; register it with "
        "`xylograph.models.register_function`, then load again"
    )
