"""From graphs to `Cells`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from ..graph._graph import Graph, alias_pairs, sender
from ..graph._nodes import ForeignNode, InputNode, LinearNode, NeuronNode, Node, ScaleNode
from ._cells import INPUT, Arrival, Cells, Copies

_Steps = tuple[Float[np.ndarray, "..."], ...]


def cells_of_graph(
    graph: Graph, *, hidden_limit: int | None = None, output_limit: int | None = None
) -> list[Cells]:
    """The populations of a graph, in its order.

    Matrices that follow each other stay apart, so that folding them can be checked.

    Args:
        graph: any graph without layers that no chip computes.
        hidden_limit: on the chip, most spikes of a hidden neuron in a step. Time is the network's
            where it is not given, and the chip's where it is.
        output_limit: the same of an output neuron.

    Raises:
        TypeError: a layer that is neither weights nor neurons.
    """
    on_chip = hidden_limit is not None
    index = {node.name: i for i, node in enumerate(graph.populations)}
    found = []
    for node in graph.populations:
        sources = graph.sources_of(node)
        ways = [way for source in sources for way in _ways(graph, source, on_chip)]
        limit = output_limit if node.name == graph.output else hidden_limit
        found.append(
            Cells(
                alpha=np.exp(-node.dt / node.tau_mem),
                beta=np.exp(-node.dt / node.tau_syn),
                threshold=node.threshold,
                bias=node.bias,
                drive=sum((_constant(graph, one) for one in sources), np.zeros(node.n_in)),
                max_spikes=float(node.max_spikes if limit is None else limit),
                arrivals=tuple(_arrival(index, node, way, on_chip) for way in ways),
                copies=tuple(_copies(graph, index, node)) if on_chip else (),
            )
        )
    return found


def _arrival(
    index: dict[str, int], target: NeuronNode, way: tuple[Node, _Steps], on_chip: bool
) -> Arrival:
    source, steps = way
    if isinstance(source, InputNode):
        return Arrival(INPUT, False, steps)
    place = index[source.name]
    return Arrival(place, on_chip or place >= index[target.name], steps)


def _ways(graph: Graph, node: Node, on_chip: bool) -> Iterator[tuple[Node, _Steps]]:
    """Every way that ends at a node: the neurons or the input it begins at, and what it passes."""
    if isinstance(node, InputNode | NeuronNode):
        yield node, ()
        return
    if isinstance(node, ForeignNode):
        raise TypeError(f"`{node.name}` is {node.kind}, which is not simulated here")
    if on_chip and sender(graph, node) is not node:
        yield from _ways(graph, sender(graph, node), on_chip)
        return
    steps: _Steps = ()
    if isinstance(node, LinearNode):
        steps = (node.weights,)
    elif isinstance(node, ScaleNode):
        steps = (node.scale,)
    for source in graph.sources_of(node):
        for origin, before in _ways(graph, source, on_chip):
            yield origin, (*before, *steps)


def _constant(graph: Graph, node: Node) -> Float[np.ndarray, " n"]:
    """What a node gives when nothing spikes."""
    if isinstance(node, InputNode | NeuronNode | ForeignNode):
        return np.zeros(node.n_out)
    given = sum((_constant(graph, one) for one in graph.sources_of(node)), np.zeros(node.n_in))
    if isinstance(node, LinearNode):
        return given @ node.weights + (0 if node.bias is None else node.bias)
    return given * node.scale if isinstance(node, ScaleNode) else given


def _copies(graph: Graph, index: dict[str, int], node: NeuronNode) -> Iterator[Copies]:
    everyone = np.arange(node.n_out)
    for source, target in alias_pairs(graph):
        if target is node:
            yield Copies(index[source.name], everyone, everyone)
