"""`Graph`: what a network consists of, flat and without behaviour.

Nodes are whole populations (`_nodes.py`). A node names the nodes whose outputs it receives; where
it names several, they add up. Nothing is ever changed: passes make new graphs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from ._nodes import (
    ForeignNode,
    InputNode,
    LinearNode,
    NeuronNode,
    Node,
    ScaleNode,
    SumNode,
)

N = TypeVar("N", InputNode, LinearNode, ScaleNode, SumNode, NeuronNode, ForeignNode)


@dataclass(frozen=True, eq=False)
class Graph:
    """A network as nodes that name their sources.

    What a population receives from itself, or from one that stands behind it, it receives one
    step later.

    Args:
        nodes: in the order in which a signal passes within a step, the one input among them.
        output: name of the node that is the network's output.

    Raises:
        ValueError: a name is used twice or missing, sizes do not fit, there is not one input, or
            nodes without neurons feed each other in a circle; lists every place.

    >>> import numpy as np
    >>> weights = LinearNode("weights", ("@input",), np.ones((2, 3)))
    >>> graph = Graph((InputNode("@input", 2), weights), "weights")
    >>> graph.input.size
    2
    >>> print(graph)
    2 inputs, 0 neurons, 6 weights
      @input   input    2
      weights  weights  2 x 3  from @input
    output: weights
    """

    nodes: tuple[Node, ...]
    output: str

    def __post_init__(self) -> None:
        problems = list(_wiring_problems(self))
        if problems:
            raise ValueError("this is no graph:" + "".join(f"\n- {p}" for p in problems))

    def __getitem__(self, name: str) -> Node:
        """The node of a name."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _sinks(self) -> dict[str, tuple[Node, ...]]:
        found: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for source in dict.fromkeys(node.sources):
                found[source].append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def of_kind(self, kind: type[N]) -> tuple[N, ...]:
        """The nodes of one kind, in order."""
        return tuple(node for node in self.nodes if isinstance(node, kind))

    def sources_of(self, node: Node) -> tuple[Node, ...]:
        """The nodes a node receives from."""
        return tuple(self[name] for name in node.sources)

    def sinks_of(self, node: Node) -> tuple[Node, ...]:
        """The nodes that receive from a node."""
        return self._sinks[node.name]

    @property
    def input(self) -> InputNode:
        """The channels the network is fed through."""
        return self.of_kind(InputNode)[0]

    @property
    def populations(self) -> tuple[NeuronNode, ...]:
        """All neurons, in order."""
        return self.of_kind(NeuronNode)

    @property
    def hidden(self) -> tuple[NeuronNode, ...]:
        """Neurons that are not the output."""
        return tuple(node for node in self.populations if node.name != self.output)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the graph to one file, JSON and arrays in a safetensors file.

        The same graph always gives the same bytes.

        Args:
            path: where to write; its folder must exist.

        Returns:
            The path.

        Raises:
            OSError: when the file cannot be written.
        """
        from ._graph_file import save_graph

        return save_graph(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Graph:
        """Read a graph that `save` wrote, in this version or an earlier one.

        Args:
            path: the file.

        Returns:
            A graph with the same nodes.

        Raises:
            FormatError: the file is damaged, newer than this version or something else; names the
                place in it.
            OSError: when the file cannot be read.
        """
        from ._graph_file import load_graph

        return load_graph(path)

    def __str__(self) -> str:
        """A table of the nodes."""
        from ._graph_text import graph_text

        return graph_text(self)

    def __repr__(self) -> str:
        """Sizes on one line; `print` shows the nodes."""
        from ._graph_text import graph_sizes

        return f"<Graph {graph_sizes(self)}, output `{self.output}`>"


def _wiring_problems(graph: Graph) -> Iterator[str]:
    names = [node.name for node in graph.nodes]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the name `{name}` is used {names.count(name)} times"
    known = {node.name: node for node in graph.nodes}
    if len(graph.of_kind(InputNode)) != 1:
        yield f"it has {len(graph.of_kind(InputNode))} input nodes and needs one"
    if graph.output not in known:
        yield f"the output `{graph.output}` is no node"
    for node in graph.nodes:
        for source in node.sources:
            if source not in known:
                yield f"`{node.name}` receives from `{source}`, which is no node"
            elif known[source].n_out != node.n_in:
                yield (
                    f"`{node.name}` takes {node.n_in} channels, but `{source}` gives "
                    f"{known[source].n_out}"
                )
    yield from _circles(known)


def _circles(known: dict[str, Node]) -> Iterator[str]:
    """Nodes that give what they get in the same step, and get it from themselves."""
    # A circle is found by taking away, again and again, what receives from nothing that is left.
    left = {
        name: {source for source in node.sources if not keeps_time(known.get(source))}
        for name, node in known.items()
        if not keeps_time(node)
    }
    while free := [name for name, sources in left.items() if not sources & left.keys()]:
        for name in free:
            del left[name]
    if left:
        listed = ", ".join(f"`{name}`" for name in left)
        yield f"signals go in a circle without neurons: {listed}"


def keeps_time(node: Node | None) -> bool:
    """Whether a node has a value of its own in each step: neurons, the input, foreign layers."""
    return node is None or isinstance(node, InputNode | NeuronNode | ForeignNode)


def behind(graph: Graph, node: Node) -> tuple[Node, ...]:
    """What a node passes on in a step: itself, or of a sum, all that is added."""
    if isinstance(node, SumNode):
        return tuple(one for source in graph.sources_of(node) for one in behind(graph, source))
    return (node,)


def sender(graph: Graph, node: Node) -> Node:
    """Which node sends the signals of a node on the chip: of a sum its carrier, if it has one."""
    while isinstance(node, SumNode) and node.carrier is not None:
        node = graph[node.carrier]
    return node


def weights_into(graph: Graph, node: Node) -> list[tuple[LinearNode, Node]]:
    """The weight matrices a population receives through, each with every source of its signals."""
    return [
        (weights, one)
        for weights in graph.sources_of(node)
        if isinstance(weights, LinearNode)
        for source in graph.sources_of(weights)
        for one in behind(graph, source)
    ]


def receives_input(graph: Graph, node: Node) -> bool:
    """Whether a population has weights from the input."""
    return any(isinstance(source, InputNode) for _, source in weights_into(graph, node))


def feeds_output(graph: Graph, node: Node) -> bool:
    """Whether a population has weights to the output, on the chip."""
    return any(
        sender(graph, source).name == node.name
        for weights in graph.sources_of(graph[graph.output])
        if isinstance(weights, LinearNode)
        for source in graph.sources_of(weights)
    )


def alias_pairs(graph: Graph) -> list[tuple[NeuronNode, NeuronNode]]:
    """Populations whose spikes others repeat on the chip: source and target, in order."""
    pairs = []
    for node in graph.of_kind(SumNode):
        if node.carrier is not None:
            target = sender(graph, node)
            others = [sender(graph, graph[name]) for name in node.sources if name != node.carrier]
            pairs += [(source, target) for source in others]
    return [
        (source, target)
        for source, target in pairs
        if isinstance(source, NeuronNode) and isinstance(target, NeuronNode)
    ]
