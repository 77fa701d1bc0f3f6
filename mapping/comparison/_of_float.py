"""Observing graphs and specifications."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from .._placement import PlacedGraph
from .._specification import Specification
from ..graph._graph import Graph
from ..simulation._cells import Cells, Trace
from ..simulation._evolve import evolve
from ..simulation._of_graph import cells_of_graph
from ..simulation._of_specification import cells_of_specification
from ._observation import Observation
from ._observe import aligned, lengthened, observed, require_channels

# Steps times neurons of all samples at once; each takes up to 40 bytes.
_COUNTS_AT_ONCE = 10_000_000


@observed.register
def _of_graph(graph: Graph, data: np.ndarray, states: bool) -> Observation:
    if graph[graph.output] not in graph.populations:
        raise ValueError(f"the graph ends in `{graph.output}`, which gives no spikes to observe")
    require_channels(data, graph.input.size, "the graph")
    traces = _traces(cells_of_graph(graph), data, states)
    found = {node.name: trace for node, trace in zip(graph.populations, traces, strict=True)}
    return _observation(found, [*(node.name for node in graph.hidden), graph.output])


@observed.register
def _of_placed_graph(placed: PlacedGraph, data: np.ndarray, states: bool) -> Observation:
    graph, delay, chip = placed.graph, placed.placement.delay, placed.chip
    require_channels(data, graph.input.size, "the graph")
    cells = cells_of_graph(
        graph, hidden_limit=chip.max_hidden_spikes, output_limit=chip.max_output_spikes
    )
    traces = _traces(cells, lengthened(data, max(delay.values())), states)
    found = {
        node.name: _shifted(trace, delay[node.name], data.shape[1])
        for node, trace in zip(graph.populations, traces, strict=True)
    }
    return _observation(found, [*placed.placement.hidden, graph.output])


@observed.register
def _of_specification(spec: Specification, data: np.ndarray, states: bool) -> Observation:
    require_channels(data, len(spec.weights_in), "the specification")
    placement, n_steps = spec.placement, data.shape[1]
    if placement is not None:
        data = lengthened(data, max(placement.delay.values()))
    groups = cells_of_specification(spec)
    *parts, output = _traces(groups.cells, data, states)
    hidden = _joined(parts, groups.ids, spec.n_hidden)
    if placement is None:
        return _observation({"hidden": hidden, "output": output}, ["hidden", "output"])
    found = {
        name: _shifted(_chosen(hidden, ids), placement.delay[name], n_steps)
        for name, ids in placement.hidden.items()
    }
    found[placement.output] = _shifted(output, placement.delay[placement.output], n_steps)
    return _observation(found, [*placement.hidden, placement.output])


def _traces(cells: Sequence[Cells], data: np.ndarray, states: bool) -> list[Trace]:
    """What every population does, piece of the batch by piece."""
    n_counts = data.shape[1] * sum(one.n for one in cells)
    size = max(1, _COUNTS_AT_ONCE // n_counts)
    pieces = [
        evolve(cells, data[first : first + size].astype(np.float64), states)
        for first in range(0, len(data), size)
    ]
    return [
        Trace(*(np.concatenate(arrays) for arrays in zip(*map(_arrays, parts), strict=True)))
        for parts in zip(*pieces, strict=True)
    ]


def _arrays(trace: Trace) -> tuple[Float[np.ndarray, "batch time n"], ...]:
    return trace.spikes, trace.sent, trace.membrane


def _joined(parts: Sequence[Trace], ids: Sequence[np.ndarray], n_hidden: int) -> Trace:
    """Groups of hidden neurons side by side, by their ids."""
    joined = []
    for arrays in zip(*map(_arrays, parts), strict=True):
        whole = np.zeros((*arrays[0].shape[:2], n_hidden))
        for array, members in zip(arrays, ids, strict=True):
            whole[:, :, members] = array
        joined.append(whole)
    return Trace(*joined)


def _chosen(trace: Trace, ids: np.ndarray) -> Trace:
    return Trace(*(array[:, :, ids] for array in _arrays(trace)))


def _shifted(trace: Trace, delay: int, n_steps: int) -> Trace:
    return Trace(*(aligned(array, delay, n_steps) for array in _arrays(trace)))


def _observation(traces: dict[str, Trace], order: Sequence[str]) -> Observation:
    return Observation(
        {name: traces[name].spikes.astype(np.int32) for name in order},
        membranes={name: traces[name].membrane for name in order if traces[name].membrane.shape[1]},
    )
