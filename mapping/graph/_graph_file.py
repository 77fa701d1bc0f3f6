"""Graphs as files: nodes as JSON, their numbers as arrays.

The document holds `output` and `nodes`, each with its `kind` and the fields of its class; arrays are
called `<index of the node>/<field>`. Every key is required and no other is allowed. A later schema
gets a reader of its own beside this one.
"""

import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ...models import FormatError
from ...models.storage._container import Container
from ...models.storage._files import write_atomically
from ...models.storage._static_json import decode, encode
from ._graph import Graph
from ._nodes import (
    ForeignNode,
    InputNode,
    LinearNode,
    NeuronNode,
    Node,
    ScaleNode,
    SumNode,
)

GRAPHS = Container(format="xylograph-graph", version=1, noun="graph", body="graph")

_KINDS: dict[str, type[Node]] = {
    "foreign": ForeignNode,
    "input": InputNode,
    "neurons": NeuronNode,
    "scale": ScaleNode,
    "sum": SumNode,
    "weights": LinearNode,
}
_ARRAYS = {"bias", "scale", "tau_mem", "tau_syn", "threshold", "weights"}
# Of fields that are no arrays: what JSON has for them.
_TYPES: dict[str, tuple[type, ...]] = {
    "carrier": (str, type(None)),
    "dt": (float, int),
    "kind": (str,),
    "max_spikes": (float, int),
    "name": (str,),
    "noise_std": (float, int),
    "size": (int,),
    "size_in": (int,),
    "size_out": (int,),
    "sources": (list,),
    "way_out": (str,),
}


def save_graph(graph: Graph, path: str | os.PathLike[str]) -> Path:
    """Write a graph; see `Graph.save`."""
    arrays: dict[str, np.ndarray] = {}
    body = graph_document(graph, arrays)
    return write_atomically(path, GRAPHS.pack(body, arrays))


def load_graph(path: str | os.PathLike[str]) -> Graph:
    """Read a graph; see `Graph.load`."""
    return read_file(path, GRAPHS, graph_from)


def read_file(
    path: str | os.PathLike[str],
    container: Container,
    build: Callable[[Any, dict[str, np.ndarray]], Any],
) -> Any:
    """What a file of a format holds; of arrays that `build` leaves nothing may be left.

    Raises:
        FormatError: anything in the file that is not as it must be; names the file.
        OSError: when the file cannot be read.
    """
    try:
        body, arrays = container.unpack(Path(path).read_bytes())
        built = build(body, arrays)
        if arrays:
            raise FormatError(f"arrays that belong to nothing: {', '.join(sorted(arrays))}")
        return built
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    except RecursionError as error:
        noun = container.noun
        raise FormatError(f"{path}: not a {noun} file, it is nested too deeply") from error


def graph_document(graph: Graph, arrays: dict[str, np.ndarray], prefix: str = "") -> Any:
    """The nodes as JSON; the arrays go into `arrays`."""
    nodes = []
    for index, node in enumerate(graph.nodes):
        kind = next(kind for kind, cls in _KINDS.items() if type(node) is cls)
        entry: dict[str, Any] = {}
        for name in _field_names(type(node)):
            value = getattr(node, name)
            if name in _ARRAYS:
                entry[name] = value is not None
                if value is not None:
                    arrays[f"{prefix}{index}/{name}"] = np.ascontiguousarray(value)
            elif float in _TYPES.get(name, ()):
                entry[name] = encode(float(value), name)
            else:
                entry[name] = list(value) if isinstance(value, tuple) else value
        nodes.append({"kind": kind, "fields": entry})
    return {"nodes": nodes, "output": graph.output}


def graph_from(body: Any, arrays: dict[str, np.ndarray], prefix: str = "") -> Graph:
    """The graph of a document; its arrays are taken out of `arrays`.

    Raises:
        FormatError: something is missing, left over, unknown or not of the right type; names the
            place in the file.
    """
    entries = checked(body, "nodes", "$", list)
    output = checked(body, "output", "$", str)
    nodes = [
        _node(entry, f"$.nodes[{index}]", f"{prefix}{index}/", arrays)
        for index, entry in enumerate(entries)
    ]
    try:
        return Graph(tuple(nodes), output)
    except ValueError as error:
        raise FormatError(str(error)) from error


def _node(entry: Any, where: str, prefix: str, arrays: dict[str, np.ndarray]) -> Node:
    kind = checked(entry, "kind", where, str)
    if kind not in _KINDS:
        raise FormatError(f"{where}.kind: {kind!r} is none of {', '.join(_KINDS)}")
    given = checked(entry, "fields", where, dict)
    names = _field_names(_KINDS[kind])
    if unknown := sorted(given.keys() - set(names)):
        raise FormatError(f"{where}.fields: unknown are {', '.join(map(repr, unknown))}")
    values = {name: _field(given, name, f"{where}.fields", prefix, arrays) for name in names}
    if lacking := [n for n in names if values[n] is None and n not in ("carrier", "bias")]:
        raise FormatError(f"{where}.fields.{lacking[0]}: {kind} without it")
    try:
        if kind == "input":
            return InputNode(values["name"], values["size"])
        return _KINDS[kind](**values)
    except (ValueError, TypeError) as error:
        raise FormatError(f"{where}: {error}") from error


def _field(given: Any, name: str, where: str, prefix: str, arrays: dict[str, np.ndarray]) -> Any:
    if name in _ARRAYS:
        is_there = checked(given, name, where, bool)
        return take_array(arrays, prefix + name) if is_there else None
    if float in _TYPES[name]:
        # JSON has no infinity: some networks have no limit of spikes.
        return float(_number(given.get(name), f"{where}.{name}"))
    value = checked(given, name, where, *_TYPES[name])
    if name == "sources":
        if not all(type(source) is str for source in value):
            raise FormatError(f"{where}.sources: {value!r} is no list of names")
        return tuple(value)
    if name.startswith("size") and value < 1:
        raise FormatError(f"{where}.{name}: {value} is no size")
    return value


def _number(value: Any, where: str) -> Any:
    number = decode(value, where)
    if type(number) not in (int, float):
        raise FormatError(f"{where} must be a number, got {type(number).__name__}")
    return number


def take_array(arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    """An array of numbers, taken out.

    Raises:
        FormatError: there is none of that name, or it holds something else.
    """
    if name not in arrays:
        raise FormatError(f"the array `{name}` is missing")
    array = arrays.pop(name)
    if array.dtype.kind not in "iuf":
        raise FormatError(f"the array `{name}` holds {array.dtype}, not numbers")
    return array


def checked(entry: Any, name: str, where: str, *kinds: type) -> Any:
    """A value of a JSON object, if it is there and of one of these types.

    Raises:
        FormatError: otherwise; names the place.
    """
    if not isinstance(entry, dict) or name not in entry:
        raise FormatError(f"{where}: `{name}` is missing")
    value = entry[name]
    if type(value) not in kinds:
        wanted = " or ".join("null" if k is type(None) else k.__name__ for k in kinds)
        raise FormatError(f"{where}.{name} must be {wanted}, got {type(value).__name__}")
    return value


def _field_names(cls: type[Node]) -> list[str]:
    return [field.name for field in fields(cls) if field.init]
