"""`FoldScales`: factors into the weights beside them."""

from dataclasses import dataclass, replace

import numpy as np

from ...hw._wording import counted
from .._report import PassReport
from ..graph._graph import Graph
from ..graph._nodes import LinearNode, Node, ScaleNode


@dataclass(frozen=True)
class FoldScales:
    """Multiply factors into the weights after them, or before them; what is left becomes weights.

    Changes: weights, and which nodes there are. Keeps: what every population receives. Reports: the
    number of scales.
    """

    def __call__(self, graph: Graph) -> tuple[Graph, PassReport]:
        """Give a graph without `ScaleNode`s."""
        scales = graph.of_kind(ScaleNode)
        for scale in scales:
            graph = _folded(graph, scale)
        summary = f"{counted(len(scales), 'scale')} folded into weights" if scales else "no scales"
        return graph, PassReport("FoldScales", summary)


def _folded(graph: Graph, scale: ScaleNode) -> Graph:
    sinks, sources = graph.sinks_of(scale), graph.sources_of(scale)
    is_output = scale.name == graph.output
    if sinks and not is_output and all(_reads_only(sink, scale) for sink in sinks):
        after = {
            sink.name: replace(
                sink, sources=scale.sources, weights=scale.scale[:, None] * sink.weights
            )
            for sink in sinks
            if isinstance(sink, LinearNode)
        }
        return _without(graph, scale, after, ())
    if sources and not is_output and all(_is_read_only_by(graph, one, scale) for one in sources):
        before = {
            one.name: replace(
                one,
                weights=one.weights * scale.scale,
                bias=None if one.bias is None else one.bias * scale.scale,
            )
            for one in sources
            if isinstance(one, LinearNode)
        }
        return _without(graph, scale, before, scale.sources)
    diagonal = LinearNode(scale.name, scale.sources, np.diag(scale.scale))
    return Graph(tuple(diagonal if node is scale else node for node in graph.nodes), graph.output)


def _reads_only(sink: Node, scale: ScaleNode) -> bool:
    return isinstance(sink, LinearNode) and sink.sources == (scale.name,)


def _is_read_only_by(graph: Graph, source: Node, scale: ScaleNode) -> bool:
    return isinstance(source, LinearNode) and graph.sinks_of(source) == (scale,)


def _without(
    graph: Graph, scale: ScaleNode, changed: dict[str, LinearNode], instead: tuple[str, ...]
) -> Graph:
    """The graph with other weights, in which `instead` stands for the scale."""
    nodes = [changed.get(node.name, node) for node in graph.nodes if node is not scale]
    return Graph(tuple(renamed(node, scale.name, instead) for node in nodes), graph.output)


def renamed(node: Node, name: str, instead: tuple[str, ...]) -> Node:
    """A node that receives from others, wherever it received from one of that name."""
    if name not in node.sources:
        return node
    sources = [new for old in node.sources for new in (instead if old == name else (old,))]
    return replace(node, sources=tuple(sources))
