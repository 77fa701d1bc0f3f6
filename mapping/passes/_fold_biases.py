"""`FoldBiases`: biases of weights into those of neurons."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ...hw._wording import counted
from .._report import PassReport
from ..graph._graph import Graph
from ..graph._nodes import LinearNode, NeuronNode


@dataclass(frozen=True)
class FoldBiases:
    """Turn what the biases of weights drive into neurons into a bias of the neurons.

    A current `c` in each step lets a synapse that keeps the share `b` settle at `c b / (1 - b)`,
    and that is what the bias becomes. In the network the current grows to that over the synaptic
    time constant; on the chip it is there from the first step.

    Changes: biases. Keeps: weights, and what happens once the currents have settled. Reports: what
    each population gets too much until then, in thresholds.

    Source: the equation of `LIFJax`, summed over all steps.
    """

    def __call__(self, graph: Graph) -> tuple[Graph, PassReport]:
        """Give a graph whose weights have no biases on the way to neurons."""
        biased = {n.name for n in graph.of_kind(LinearNode) if n.bias is not None}
        if not biased:
            return graph, PassReport("FoldBiases", "no weights with biases")
        nodes = []
        losses: list[str] = []
        for node in graph.nodes:
            if isinstance(node, LinearNode) and _feeds_neurons_only(graph, node):
                nodes.append(replace(node, bias=None))
            elif isinstance(node, NeuronNode):
                nodes.append(_with_settled_bias(graph, node))
                losses += _too_early(graph, node)
            else:
                nodes.append(node)
        summary = f"biases of {counted(len(biased), 'matrix', 'matrices')} given to neurons"
        return Graph(tuple(nodes), graph.output), PassReport("FoldBiases", summary, tuple(losses))


def _feeds_neurons_only(graph: Graph, node: LinearNode) -> bool:
    sinks = graph.sinks_of(node)
    return bool(sinks) and all(isinstance(sink, NeuronNode) for sink in sinks)


def _drive(graph: Graph, node: NeuronNode) -> Float[np.ndarray, "n k"]:
    """What arrives in each step at each synapse from biases that are folded."""
    drive = np.zeros(node.n_in)
    for source in graph.sources_of(node):
        if isinstance(source, LinearNode) and _feeds_neurons_only(graph, source):
            drive = drive + (0 if source.bias is None else source.bias)
    return drive.reshape(node.tau_syn.shape)


def _with_settled_bias(graph: Graph, node: NeuronNode) -> NeuronNode:
    drive = _drive(graph, node)
    if not drive.any():
        return node
    return replace(node, bias=node.bias + (drive * _settled(node)).sum(axis=1))


def _settled(node: NeuronNode) -> Float[np.ndarray, "n k"]:
    """Where a current of 1 in each step settles."""
    share = np.exp(-node.dt / node.tau_syn)
    return share / (1 - share)


def _too_early(graph: Graph, node: NeuronNode) -> Iterator[str]:
    drive = _drive(graph, node)
    if not drive.any():
        return
    # What is missing of the current after t steps is share^t of it; the sum over all steps:
    too_much = np.abs((drive * _settled(node) ** 2).sum(axis=1) / node.threshold)
    yield (
        f"`{node.name}` has the biases of its weights from the first step on, which in the network "
        f"grow over tau_syn: up to {too_much.max():.3g} thresholds more until they have settled"
    )
