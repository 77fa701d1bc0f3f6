"""`Graph`: what a network consists of, flat and without behaviour.

Nodes are whole populations (`_nodes.py`). A node names the nodes whose outputs it receives; where
it names several, they add up. Nothing is ever changed: passes make new graphs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from ._nodes import InputNode, LinearNode, NeuronNode, Node

N = TypeVar("N", InputNode, LinearNode, NeuronNode)


@dataclass(frozen=True, eq=False)
class Graph:
    """A network as nodes that name their sources.

    What a population receives from itself, or from one that stands behind it, it receives one
    step later.

    Args:
        nodes: in the order in which a signal passes within a step, the one input among them.
        output: name of the node that is the network's output.

    Raises:
        ValueError: a name is used twice or missing, sizes do not fit, or there is not one input;
            lists every place.

    >>> import numpy as np
    >>> weights = LinearNode("weights", ("@input",), np.ones((2, 3)))
    >>> Graph((InputNode("@input", 2), weights), "weights").input.size
    2
    """

    nodes: tuple[Node, ...]
    output: str

    def __post_init__(self) -> None:
        problems = list(_wiring_problems(self))
        if problems:
            raise ValueError("this is no graph:" + "".join(f"\n- {p}" for p in problems))

    def __getitem__(self, name: str) -> Node:
        """The node of a name."""
        return self._by_name()[name]

    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    def of_kind(self, kind: type[N]) -> tuple[N, ...]:
        """The nodes of one kind, in order."""
        return tuple(node for node in self.nodes if isinstance(node, kind))

    def sources_of(self, node: Node) -> tuple[Node, ...]:
        """The nodes a node receives from."""
        return tuple(self[name] for name in node.sources)

    def sinks_of(self, node: Node) -> tuple[Node, ...]:
        """The nodes that receive from a node."""
        return tuple(other for other in self.nodes if node.name in other.sources)

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


def weights_into(graph: Graph, node: Node) -> list[tuple[LinearNode, Node]]:
    """The weight matrices a population receives through, each with where it comes from."""
    return [
        (weights, source)
        for weights in graph.sources_of(node)
        if isinstance(weights, LinearNode)
        for source in graph.sources_of(weights)
    ]


def receives_input(graph: Graph, node: Node) -> bool:
    """Whether a population has weights from the input."""
    return any(isinstance(source, InputNode) for _, source in weights_into(graph, node))


def feeds_output(graph: Graph, node: Node) -> bool:
    """Whether a population has weights to the output."""
    output = graph[graph.output]
    return any(source.name == node.name for _, source in weights_into(graph, output))
