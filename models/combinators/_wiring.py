"""The edges of a graph of modules: what they must be, and in which order they are followed."""

import difflib
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from ..module import JaxModule

INPUT, OUTPUT = "input", "output"

Edges = tuple[tuple[str, str], ...]


def as_edges(paths: Any) -> Edges:
    """Pairs of names from paths of two or more.

    Raises:
        TypeError: not a list of paths, or a path is no tuple or list of at least two names.

    >>> as_edges([("input", "a", "output"), ("a", "b")])
    (('input', 'a'), ('a', 'output'), ('a', 'b'))
    """
    edges: list[tuple[str, str]] = []
    if not isinstance(paths, (list, tuple)):
        raise TypeError(f"edges are a list of tuples of names, got {type(paths).__name__}")
    for path in paths:
        names = list(path) if isinstance(path, (tuple, list)) else []
        if len(names) < 2 or not all(isinstance(name, str) for name in names):
            raise TypeError(f"an edge is a tuple of two or more names, got {path!r}")
        edges += pairwise(names)
    return tuple(edges)


def sources_of(edges: Edges, name: str) -> list[str]:
    """The names a signal comes from."""
    return [source for source, sink in edges if sink == name]


def evaluation_order(edges: Edges) -> list[str]:
    """The names of the modules, each after all it receives from.

    Raises:
        CycleError: there is no such order; its second argument is a cycle.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for source, sink in edges:
        sorter.add(sink, source)
    return [name for name in sorter.static_order() if name not in (INPUT, OUTPUT)]


def problems_of(edges: Edges, modules: Mapping[Any, JaxModule]) -> Iterator[str]:
    """Everything that is wrong with a graph, one sentence each."""
    for name in modules:
        if name in (INPUT, OUTPUT):
            yield f"a module cannot be called `{name}`, which is an end of the graph"
    for edge in dict.fromkeys(edges):
        if edges.count(edge) > 1:
            yield f"the edge {_shown(edge)} is given {edges.count(edge)} times"
    yield from _unknown_ends(edges, modules)
    for name in modules:
        if not sources_of(edges, name):
            yield f"`{name}` receives nothing; an edge must lead to it"
        if not any(source == name for source, _ in edges):
            yield f"`{name}` leads nowhere; an edge must lead from it, be it to `{OUTPUT}`"
    if not sources_of(edges, OUTPUT):
        yield f"no edge leads to `{OUTPUT}`"
    yield from _cycles(edges)
    yield from _size_problems(edges, modules)


def size_of_input(edges: Edges, modules: Mapping[str, JaxModule]) -> int | None:
    """How many channels the modules take that the input leads to; `None` for any number."""
    taken = [modules[sink].size_in for source, sink in edges if source == INPUT and sink in modules]
    return next((size for size in taken if size is not None), None)


def size_given(edges: Edges, modules: Mapping[str, JaxModule], name: str) -> int | None:
    """How many channels a module or the input gives; `None` where this is not known."""
    if name == INPUT:
        return size_of_input(edges, modules)
    return modules[name].size_out if name in modules else None


def size_of_output(edges: Edges, modules: Mapping[str, JaxModule]) -> int | None:
    """How many channels come together at the output; `None` where this is not known."""
    sizes = (size_given(edges, modules, source) for source in sources_of(edges, OUTPUT))
    return next((size for size in sizes if size is not None), None)


def takes_spikes(edges: Edges, modules: Mapping[str, JaxModule]) -> bool:
    """Whether all modules that the input leads to take counts of events."""
    sinks = [sink for source, sink in edges if source == INPUT and sink in modules]
    return bool(sinks) and all(modules[sink].spiking_input for sink in sinks)


def gives_spikes(edges: Edges, modules: Mapping[str, JaxModule]) -> bool:
    """Whether all that comes together at the output is counts of events."""
    return all(
        takes_spikes(edges, modules) if source == INPUT else modules[source].spiking_output
        for source in sources_of(edges, OUTPUT)
    )


def _unknown_ends(edges: Edges, modules: Mapping[str, JaxModule]) -> Iterator[str]:
    for source, sink in edges:
        for name, other in ((source, OUTPUT), (sink, INPUT)):
            if name == other:
                yield f"the edge {_shown((source, sink))}: nothing leads {_WAY[name]} `{name}`"
            elif name not in (*modules, INPUT, OUTPUT):
                close = difflib.get_close_matches(name, [*modules, INPUT, OUTPUT], n=1)
                hint = f" (did you mean `{close[0]}`?)" if close else ""
                yield f"the edge {_shown((source, sink))}: there is no module `{name}`{hint}"


_WAY = {INPUT: "to", OUTPUT: "from"}


def _cycles(edges: Edges) -> Iterator[str]:
    try:
        evaluation_order(edges)
    except CycleError as error:
        # The sorter lists a cycle from each name to one that receives from it.
        cycle = " → ".join(f"`{name}`" for name in error.args[1])
        yield (
            f"the edges form a cycle, {cycle}: in one call each module runs once, over the whole "
            "raster. Feedback belongs inside a module: `has_rec=True` of neurons, or a step function "
            "in `ScanJax`"
        )


def _size_problems(edges: Edges, modules: Mapping[str, JaxModule]) -> Iterator[str]:
    for sink in (*modules, OUTPUT):
        given = {name: size_given(edges, modules, name) for name in sources_of(edges, sink)}
        known = {name: size for name, size in given.items() if size is not None}
        takes = modules[sink].size_in if sink in modules else None
        if len({*known.values(), *([] if takes is None else [takes])}) > 1:
            listed = ", ".join(f"`{name}` gives {size}" for name, size in known.items())
            yield (
                f"`{sink}`: what meets there must have the same number of channels: {listed}"
                + ("" if takes is None else f", it takes {takes}")
            )


def _shown(edge: tuple[str, str]) -> str:
    return f"`{edge[0]}` → `{edge[1]}`"
