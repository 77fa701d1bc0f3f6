"""Placed graphs and specifications as files: JSON and arrays in a safetensors file."""

import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from ..hw import Chip, Violation, get_chip
from ..models import FormatError
from ..models.storage._container import Container
from ..models.storage._files import write_atomically
from ._placement import PlacedGraph, Placement
from ._specification import Specification
from .graph._graph_file import checked, graph_document, graph_from, read_file, take_array

_PLACED = Container(
    format="xylograph-placed-graph", version=1, noun="placed graph", body="placed_graph"
)
_SPECIFICATIONS = Container(
    format="xylograph-specification", version=1, noun="specification", body="specification"
)
_ARRAYS = tuple(
    field.name
    for field in fields(Specification)
    if field.name.startswith(("weights", "dash", "threshold", "bias"))
)
_SHIFTS = ("weight_shift_in", "weight_shift_rec", "weight_shift_out")


def save_placed_graph(placed: PlacedGraph, path: str | os.PathLike[str]) -> Path:
    """Write a placed graph; the same always gives the same bytes."""
    arrays: dict[str, np.ndarray] = {}
    body = {
        "chip": placed.chip.name,
        "graph": graph_document(placed.graph, arrays),
        "placement": _placement_document(placed.placement, arrays),
    }
    return write_atomically(path, _PLACED.pack(body, arrays))


def load_placed_graph(path: str | os.PathLike[str]) -> PlacedGraph:
    """Read what `save_placed_graph` wrote.

    Raises:
        FormatError: anything in the file that is not as it must be.
        OSError: when the file cannot be read.
    """
    return read_file(path, _PLACED, _placed_graph)


def save_specification(spec: Specification, path: str | os.PathLike[str]) -> Path:
    """Write a specification; see `Specification.save`."""
    arrays = {name: np.ascontiguousarray(getattr(spec, name)) for name in _ARRAYS}
    placement = spec.placement
    body = {
        "aliases": None if spec.aliases is None else [list(targets) for targets in spec.aliases],
        "chip": spec.chip.name,
        "dt": float(spec.dt),
        "placement": None if placement is None else _placement_document(placement, arrays),
        **{name: int(getattr(spec, name)) for name in _SHIFTS},
    }
    return write_atomically(path, _SPECIFICATIONS.pack(body, arrays))


def load_specification(path: str | os.PathLike[str]) -> Specification:
    """Read a specification; see `Specification.load`."""
    return read_file(path, _SPECIFICATIONS, _specification)


def _placed_graph(body: Any, arrays: dict[str, np.ndarray]) -> PlacedGraph:
    graph = graph_from(checked(body, "graph", "$", dict), arrays)
    placement = _placement(checked(body, "placement", "$", dict), "$.placement", arrays)
    names = {node.name: node.n_out for node in graph.hidden}
    if {name: ids.size for name, ids in placement.hidden.items()} != names:
        raise FormatError("$.placement: its populations are not those of the graph")
    return PlacedGraph(graph, placement, _chip(body))


def _specification(body: Any, arrays: dict[str, np.ndarray]) -> Specification:
    values: dict[str, Any] = {name: take_array(arrays, name) for name in _ARRAYS}
    values |= {name: checked(body, name, "$", int) for name in _SHIFTS}
    dt, aliases = (
        checked(body, "dt", "$", float, int),
        checked(body, "aliases", "$", list, type(None)),
    )
    n_hidden, n_out = _sizes(values)
    if aliases is not None:
        aliases = _aliases(aliases, n_hidden)
    placed = checked(body, "placement", "$", dict, type(None))
    placement = None if placed is None else _placement(placed, "$.placement", arrays)
    if placement is not None and placement.n_hidden != n_hidden:
        raise FormatError(f"$.placement: has not the {n_hidden} hidden neurons of the weights")
    for name in _ARRAYS:
        expected = (n_out if name.endswith("_out") else n_hidden,)
        if not name.startswith("weights") and values[name].shape != expected:
            raise FormatError(
                f"the array `{name}` has the shape {values[name].shape}, expected is {expected}"
            )
    return Specification(
        chip=_chip(body), aliases=aliases, dt=float(dt), placement=placement, **values
    )


def _sizes(values: dict[str, Any]) -> tuple[int, int]:
    """Hidden and output neurons, if the matrices fit together."""
    w_in, w_rec, w_out = (values[f"weights_{which}"] for which in ("in", "rec", "out"))
    fits = (
        w_in.ndim == w_rec.ndim == 3
        and w_out.ndim == 2
        and w_rec.shape[0] == w_rec.shape[1] >= max(w_in.shape[1], w_out.shape[0])
        and w_in.shape[2] == w_rec.shape[2]
    )
    if not fits:
        shapes = ", ".join(str(w.shape) for w in (w_in, w_rec, w_out))
        raise FormatError(f"the weights do not fit together: their shapes are {shapes}")
    return w_rec.shape[0], w_out.shape[1]


def _aliases(lists: list[Any], n_hidden: int) -> tuple[tuple[int, ...], ...]:
    right = len(lists) == n_hidden and all(
        isinstance(targets, list)
        and all(type(target) is int and 0 <= target < n_hidden for target in targets)
        for targets in lists
    )
    if not right:
        raise FormatError(f"$.aliases: not {n_hidden} lists of ids of hidden neurons")
    return tuple(map(tuple, lists))


def _chip(body: Any) -> Chip:
    name = checked(body, "chip", "$", str)
    try:
        return get_chip(name)
    except ValueError as error:
        raise FormatError(f"$.chip: {error}") from error


def _placement_document(placement: Placement, arrays: dict[str, np.ndarray]) -> Any:
    for index, ids in enumerate(placement.hidden.values()):
        arrays[f"placement/{index}"] = np.ascontiguousarray(ids)
    return {
        "delay": placement.delay,
        "hidden": list(placement.hidden),
        "n_input_expansion": placement.n_input_expansion,
        "n_output_expansion": placement.n_output_expansion,
        "output": placement.output,
        "violations": [asdict(violation) for violation in placement.violations],
    }


def _placement(entry: Any, where: str, arrays: dict[str, np.ndarray]) -> Placement:
    names = checked(entry, "hidden", where, list)
    output = checked(entry, "output", where, str)
    delay = checked(entry, "delay", where, dict)
    if not all(type(name) is str for name in names) or len(set(names)) != len(names):
        raise FormatError(f"{where}.hidden: no list of different names")
    if delay.keys() != {*names, output} or not all(
        type(d) is int and d >= 0 for d in delay.values()
    ):
        raise FormatError(f"{where}.delay: not a number of steps for each population")
    hidden = {name: take_array(arrays, f"placement/{i}") for i, name in enumerate(names)}
    ids = np.sort(np.concatenate([a.ravel() for a in hidden.values()])) if hidden else np.zeros(0)
    if not hidden or not np.array_equal(ids, np.arange(ids.size)):
        raise FormatError(f"{where}.hidden: the ids are not each number from 0 once")
    violations = checked(entry, "violations", where, list)
    return Placement(
        hidden={name: array.ravel().astype(np.int64) for name, array in hidden.items()},
        output=output,
        delay=delay,
        n_input_expansion=checked(entry, "n_input_expansion", where, int),
        n_output_expansion=checked(entry, "n_output_expansion", where, int),
        violations=tuple(_violation(one, f"{where}.violations") for one in violations),
    )


def _violation(entry: Any, where: str) -> Violation:
    names = ("rule", "message", "where", "hint")
    return Violation(**{name: checked(entry, name, where, str) for name in names})
