"""What may feed what."""

from collections.abc import Iterator

import numpy as np

from ...hw import Chip, Violation
from ...hw._wording import counted
from ..graph._carriers import Obstacle, find_carrier
from ..graph._graph import Graph
from ..graph._nodes import (
    ForeignNode,
    InputNode,
    LinearNode,
    NeuronNode,
    Node,
    ScaleNode,
    SumNode,
)


def output_is_neurons(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """The network ends in a population of neurons."""
    node = graph[graph.output]
    if not isinstance(node, NeuronNode):
        yield Violation(
            rule="output_is_neurons",
            where=f"`{node.name}`",
            message=f"is the network's output and is {_kind(node)}; the outputs of {chip.name} "
            "are neurons",
            hint="end the network with a `LIFJax`",
        )


def input_feeds_weights(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Between the input and the first neurons there are weights."""
    for sink in graph.sinks_of(graph.input):
        # What is wrong with sums and with what no chip computes is said by rules of their own.
        if isinstance(sink, NeuronNode | ScaleNode):
            yield Violation(
                rule="input_feeds_weights",
                where=f"`{sink.name}`",
                message=f"is {_kind(sink)} that receives the input directly",
                hint="put a `LinearJax` before it",
            )


def neurons_are_fed_by_weights(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Neurons receive from weights only."""
    for node in graph.populations:
        for source in graph.sources_of(node):
            if isinstance(source, NeuronNode | ScaleNode | SumNode):
                yield Violation(
                    rule="neurons_are_fed_by_weights",
                    where=f"`{node.name}`",
                    message=f"receives from {_kind(source, 'the')} `{source.name}` without weights",
                    hint="put a `LinearJax` between them",
                )


def weights_do_not_feed_weights(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Two weight matrices never follow each other."""
    for node in graph.of_kind(LinearNode):
        for source in graph.sources_of(node):
            if isinstance(source, LinearNode | ScaleNode):
                yield Violation(
                    rule="weights_do_not_feed_weights",
                    where=f"`{node.name}`",
                    message=f"receives from {_kind(source, 'the')} `{source.name}`",
                    hint="run `FoldScales` and `FoldLinearMaps` first, or put a `LIFJax` between "
                    "them",
                )


def layers_are_weights_or_neurons(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """The chip computes all there is: weights, and leaky integrate-and-fire neurons."""
    for node in graph.of_kind(ForeignNode):
        yield Violation(
            rule="layers_are_weights_or_neurons",
            where=f"`{node.name}`",
            message=f"is {node.kind}; {chip.name} computes weights and spiking neurons only",
            hint=node.way_out,
        )


def sums_are_aliases(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Of the spikes that are added, one population can repeat all others.

    An alias leads from hidden neurons to hidden neurons, each has one target, and whoever receives
    from the target receives the sum.
    """
    for node in graph.of_kind(SumNode):
        if node.carrier is None:
            found = find_carrier(graph, node, chip.max_alias_targets)
            if isinstance(found, Obstacle):
                yield Violation(
                    rule="sums_are_aliases",
                    where=f"`{node.name}`",
                    message=found.reason,
                    hint=found.way_out,
                )
            else:
                yield Violation(
                    rule="sums_are_aliases",
                    where=f"`{node.name}`",
                    message="adds spikes; a chip does so where neurons repeat those of others",
                    hint=f"run `ResidualsToAliases` first, which lets `{found}` do it",
                )


def weights_have_no_biases(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Weights carry no biases; on the chips only neurons do."""
    for node in graph.of_kind(LinearNode):
        if node.bias is not None and np.any(node.bias):
            yield Violation(
                rule="weights_have_no_biases",
                where=f"`{node.name}`",
                message="has biases; the weights of a chip have none",
                hint="use the `bias` of the neurons it feeds",
            )


def hidden_and_output_neurons(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """There are at least two populations: one becomes hidden, one output."""
    n_populations = len(graph.populations)
    if n_populations < 2:
        yield Violation(
            rule="hidden_and_output_neurons",
            where="the network",
            message=f"has {counted(n_populations, 'population')} of neurons; "
            "the chip needs a hidden and an output one",
            hint="use at least `LinearJax`, `LIFJax`, `LinearJax`, `LIFJax`",
        )


def input_reaches_output(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Signals of the input reach the output, and on their way hidden neurons."""
    output = graph[graph.output]
    weights_into_output = [n for n in graph.sources_of(output) if isinstance(n, LinearNode)]
    for weights in weights_into_output:
        if graph.hidden and graph.input.name in weights.sources:
            yield Violation(
                rule="input_reaches_output",
                where=f"`{weights.name}`",
                message=f"leads from the input to the output `{output.name}`; a chip has input "
                "weights to hidden neurons only",
                hint="put a `LIFJax` and a `LinearJax` between them",
            )
    if not _reaches(graph, graph.input, output):
        yield Violation(
            rule="input_reaches_output",
            where=f"`{output.name}`",
            message="receives nothing that comes from the input",
            hint="connect the input with weights to hidden neurons, and these to the output",
        )


def output_is_not_recurrent(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Output neurons feed nothing."""
    for sink in graph.sinks_of(graph[graph.output]):
        yield Violation(
            rule="output_is_not_recurrent",
            where=f"`{graph.output}`",
            message=f"is the output and feeds `{sink.name}`; output neurons feed nothing",
            hint="make the last `LIFJax` one without recurrence",
        )


def _reaches(graph: Graph, source: Node, target: Node) -> bool:
    reached, waiting = {source.name}, [source]
    while waiting:
        sinks = [sink for sink in graph.sinks_of(waiting.pop()) if sink.name not in reached]
        reached |= {sink.name for sink in sinks}
        waiting += sinks
    return target.name in reached


_KINDS = {
    ForeignNode: ("a", "layer"),
    InputNode: ("the", "input"),
    LinearNode: ("a", "weight matrix"),
    NeuronNode: ("a", "population of neurons"),
    ScaleNode: ("a", "scale"),
    SumNode: ("a", "sum"),
}
# With their names behind.
_NAMED = {LinearNode: "weights", NeuronNode: "neurons"}


def _kind(node: Node, article: str = "") -> str:
    default, noun = _KINDS[type(node)]
    return f"{article} {_NAMED.get(type(node), noun)}" if article else f"{default} {noun}"
