"""`PlaceNeurons`: give each neuron of the network an id on the chip."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...hw import Chip
from ...hw._wording import counted
from .._placement import PlacedGraph, Placement
from ..graph._graph import Graph, feeds_output, receives_input, weights_into
from ..graph._nodes import NeuronNode, Node
from ._report import PassReport


@dataclass(frozen=True)
class PlaceNeurons:
    """Number the hidden neurons: those that receive input first, those that feed outputs last.

    Chips read input weights into their first hidden neurons and output weights from their last
    ones, so populations that do both stand between, and what is neither follows them.

    Changes: nothing. Keeps: the graph. Reports: by how many steps populations come later than in
    the network, and where signals that the network adds in one step meet at different delays, or
    come back later; biases that act before the first signal; spike limits and noise that the chip
    does not share.

    Source: mapping facts, section 3, with its recommendations.
    """

    chip: Chip

    def __call__(self, graph: Graph) -> tuple[PlacedGraph, PassReport]:
        """Place a graph that keeps the rules of structure."""
        receiving = {node.name for node in graph.hidden if receives_input(graph, node)}
        feeding = {node.name for node in graph.hidden if feeds_output(graph, node)}
        order = sorted(graph.hidden, key=lambda node: _rank(node.name, receiving, feeding))
        hidden: dict[str, np.ndarray] = {}
        first = 0
        for node in order:
            hidden[node.name] = np.arange(first, first + node.n_out)
            first += node.n_out
        delay = _delays(graph)
        placement = Placement(
            hidden=hidden,
            output=graph.output,
            delay=delay,
            n_input_expansion=max(int(hidden[name][-1]) + 1 for name in receiving),
            n_output_expansion=first - min(int(hidden[name][0]) for name in feeding),
        )
        summary = (
            f"{first} hidden and {graph[graph.output].n_out} output neurons; the output comes "
            f"{counted(placement.output_delay, 'step')} later"
        )
        losses = (
            *_uneven_delays(graph, delay),
            *_longer_loops(graph, delay),
            *_early_biases(graph, delay),
            *_limits_not_shared(graph, self.chip),
        )
        return PlacedGraph(graph, placement, self.chip), PassReport("PlaceNeurons", summary, losses)


def _rank(name: str, receiving: set[str], feeding: set[str]) -> int:
    if name in receiving:
        return 1 if name in feeding else 0
    return 3 if name in feeding else 2


def _delays(graph: Graph) -> dict[str, int]:
    """Steps by which each population lags behind the network."""
    delay: dict[str, int] = {}
    for node in graph.populations:
        delay[node.name] = max(_arrivals(graph, node, delay).values(), default=0)
    return delay


def _arrivals(graph: Graph, node: NeuronNode, delay: dict[str, int]) -> dict[str, int]:
    """Steps by which what a population receives within one step of the network comes later."""
    arriving: dict[str, int] = {}
    for source in _inputs_of_step(graph, node):
        arriving[source.name] = delay[source.name] + 1 if isinstance(source, NeuronNode) else 0
    return arriving


def _inputs_of_step(graph: Graph, node: NeuronNode) -> list[Node]:
    """The sources of a population that stand before it: their signals take no time."""
    order = [other.name for other in graph.populations]
    later = set(order[order.index(node.name) :])
    return [source for _, source in weights_into(graph, node) if source.name not in later]


def _uneven_delays(graph: Graph, delay: dict[str, int]) -> Iterator[str]:
    for node in graph.populations:
        arriving = _arrivals(graph, node, delay)
        if len(set(arriving.values())) > 1:
            paths = ", ".join(f"`{name}` after {steps}" for name, steps in arriving.items())
            yield f"`{node.name}` adds signals of different delay [steps]: {paths}"


def _longer_loops(graph: Graph, delay: dict[str, int]) -> Iterator[str]:
    """What comes back one step later in the network, and later than that on the chip.

    A population that feeds itself does so after one step in both.
    """
    for node in graph.populations:
        within_step = {source.name for source in _inputs_of_step(graph, node)}
        for _, source in weights_into(graph, node):
            if source.name not in within_step and delay[source.name] != delay[node.name]:
                yield (
                    f"`{node.name}` receives `{source.name}` back after 1 step in the network, "
                    f"after {1 + delay[source.name] - delay[node.name]} on the chip"
                )


def _early_biases(graph: Graph, delay: dict[str, int]) -> Iterator[str]:
    """After a reset all neurons of a chip start at once, those that signals reach later, too."""
    for node in graph.populations:
        steps = delay[node.name]
        if steps and np.any(node.bias):
            yield (
                f"`{node.name}` has biases, which act {counted(steps, 'step')} "
                "before its first signal can arrive"
            )


def _limits_not_shared(graph: Graph, chip: Chip) -> Iterator[str]:
    for node in graph.populations:
        is_output = node.name == graph.output
        limit = chip.max_output_spikes if is_output else chip.max_hidden_spikes
        if node.max_spikes != limit:
            yield (
                f"`{node.name}` may spike {node.max_spikes:g} times a step in the network, "
                f"{limit} on the chip"
            )
        if node.noise_std:
            yield f"`{node.name}` has noise (noise_std = {node.noise_std:g}); the chip has none"
