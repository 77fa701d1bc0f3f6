"""`Graph`: what a network consists of, flat and without behaviour.

Three kinds of nodes, each a whole population: the input, weights, neurons. A node names the nodes
whose outputs it receives; where it names several, they add up. Nothing is ever changed: passes
make new graphs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class InputNode:
    """The channels a network is fed through.

    Attributes:
        name: its name.
        size: number of channels.
    """

    name: str
    size: int
    sources: tuple[str, ...] = ()

    @property
    def n_in(self) -> int:
        """Channels it receives."""
        return self.size

    @property
    def n_out(self) -> int:
        """Channels it gives."""
        return self.size


@dataclass(frozen=True, eq=False)
class LinearNode:
    """Weights from one population to another.

    Attributes:
        name: path of the module, such as `0_LinearJax`.
        sources: names of the nodes it receives from.
        weights: row: source channel, column: target channel.
        bias: added to the target channels, or `None`.
    """

    name: str
    sources: tuple[str, ...]
    weights: Float[np.ndarray, "n_in n_out"]
    bias: Float[np.ndarray, " n_out"] | None = None

    @property
    def n_in(self) -> int:
        """Channels it receives."""
        return self.weights.shape[0]

    @property
    def n_out(self) -> int:
        """Channels it gives."""
        return self.weights.shape[1]


@dataclass(frozen=True, eq=False)
class NeuronNode:
    """Leaky integrate-and-fire neurons with exponential synapses.

    Input channel `n * K + k` is synapse `k` of neuron `n`.

    Attributes:
        name: path of the module, such as `1_LIFJax`.
        sources: names of the nodes it receives from.
        tau_mem: membrane time constants [s].
        tau_syn: synaptic time constants [s].
        threshold: voltage of one spike, which a spike subtracts.
        bias: added to the membrane in every step.
        dt: length of a step [s].
        max_spikes: most spikes of a neuron in one step.
        noise_std: standard deviation of the membrane noise.
    """

    name: str
    sources: tuple[str, ...]
    tau_mem: Float[np.ndarray, " n"]
    tau_syn: Float[np.ndarray, "n k"]
    threshold: Float[np.ndarray, " n"]
    bias: Float[np.ndarray, " n"]
    dt: float
    max_spikes: float
    noise_std: float = 0.0

    @property
    def n_synapses(self) -> int:
        """Synaptic currents of each neuron."""
        return self.tau_syn.shape[1]

    @property
    def n_in(self) -> int:
        """Channels it receives: one for each synapse of each neuron."""
        return self.tau_syn.size

    @property
    def n_out(self) -> int:
        """Number of neurons."""
        return self.tau_mem.size


Node: TypeAlias = InputNode | LinearNode | NeuronNode
N = TypeVar("N", InputNode, LinearNode, NeuronNode)


@dataclass(frozen=True, eq=False)
class Graph:
    """A network as nodes that name their sources.

    Args:
        nodes: in the order in which a signal passes.
        output: name of the node that is the network's output.

    Raises:
        ValueError: a name is used twice or missing, or sizes do not fit; lists every place.
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
    def hidden(self) -> tuple[NeuronNode, ...]:
        """Neurons that are not the output."""
        return tuple(node for node in self.of_kind(NeuronNode) if node.name != self.output)


def _wiring_problems(graph: Graph) -> Iterator[str]:
    names = [node.name for node in graph.nodes]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the name `{name}` is used {names.count(name)} times"
    known = {node.name: node for node in graph.nodes}
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
