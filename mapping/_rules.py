"""What must hold of a network before it can be placed on a chip.

These rules look at the graph, in the words of the network. What only shows in the finished
configuration (fan-out, memory, ranges) is checked by `XyloConfig.violations`.
"""

from collections.abc import Callable, Iterator

import numpy as np

from ..hw import Chip, Violation
from ..hw._wording import counted
from ..hw.chips import chips_allowing, named_with_limit
from ._graph import Graph, LinearNode, NeuronNode, Node, feeds_output, receives_input

Rule = Callable[[Graph, Chip], Iterator[Violation]]


def graph_violations(graph: Graph, chip: Chip) -> list[Violation]:
    """Everything that keeps a graph from being placed on a chip.

    Args:
        graph: a traced network.
        chip: the chip.

    Returns:
        All violations of all rules, in the order of the rules.

    >>> from xylograph.hw import get_chip
    >>> from xylograph.mapping import trace
    >>> from xylograph.models import LIFJax
    >>> for violation in graph_violations(trace(LIFJax(3)), get_chip("xylo-imu")):
    ...     print(violation.where, violation.message)
    `LIFJax` is a population of neurons that receives the input directly
    the network has 1 population of neurons; the chip needs a hidden and an output one
    """
    rules = (*STRUCTURE_RULES, *SIZE_RULES)
    return [violation for rule in rules for violation in rule(graph, chip)]


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
        if not isinstance(sink, LinearNode):
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
            if isinstance(source, NeuronNode):
                yield Violation(
                    rule="neurons_are_fed_by_weights",
                    where=f"`{node.name}`",
                    message=f"receives from the neurons `{source.name}` without weights",
                    hint="put a `LinearJax` between them",
                )


def weights_do_not_feed_weights(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Two weight matrices never follow each other."""
    for node in graph.of_kind(LinearNode):
        for source in graph.sources_of(node):
            if isinstance(source, LinearNode):
                yield Violation(
                    rule="weights_do_not_feed_weights",
                    where=f"`{node.name}`",
                    message=f"receives from the weights `{source.name}`",
                    hint="put a `LIFJax` between them, or multiply the two matrices into one",
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


def neurons_share_one_dt(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """All neurons have the same time step."""
    for node in graph.populations[1:]:
        first = graph.populations[0]
        # One may be a Python number, the other the 32-bit float nearest to it.
        if not np.isclose(node.dt, first.dt, rtol=1e-6, atol=0):
            yield Violation(
                rule="neurons_share_one_dt",
                where=f"`{node.name}`",
                message=f"has dt = {node.dt:g} s, `{first.name}` has {first.dt:g} s; a chip has "
                "one",
                hint="give all neurons the same `dt`",
            )


def time_constants_exceed_dt(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Time constants give a decay shift of at least 1; one of 0 would forget everything."""
    for node in graph.populations:
        for name, taus in (("tau_mem", node.tau_mem), ("tau_syn", node.tau_syn)):
            # The shift is `log2(tau / dt)`, rounded: 0.5 is rounded to 0.
            short = np.argwhere(~(taus > np.sqrt(2) * node.dt))
            if len(short):
                first = tuple(short[0].tolist())
                yield Violation(
                    rule="time_constants_exceed_dt",
                    where=f"`{node.name}`",
                    message=f"has {counted(len(short), 'value')} of `{name}` not above 1.41 dt = "
                    f"{np.sqrt(2) * node.dt:.3g} s; the first is {taus[first]:g} s at {list(first)}",
                    hint="make them at least 1.5 dt, or shorten dt",
                )


def thresholds_are_positive(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Thresholds are above zero; below, a chip's neuron never stops firing."""
    for node in graph.populations:
        # What is NaN breaks another rule.
        wrong = np.flatnonzero(node.threshold <= 0)
        if len(wrong):
            yield Violation(
                rule="thresholds_are_positive",
                where=f"`{node.name}`",
                message=f"has {counted(len(wrong), 'threshold')} not above 0; the first is "
                f"{node.threshold[wrong[0]]:g} at [{wrong[0]}]",
                hint="train with a lower bound for thresholds",
            )


def values_are_finite(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """No weight, threshold or bias is NaN or infinite."""
    for node in graph.nodes:
        for name in ("weights", "threshold", "bias"):
            values = getattr(node, name, None)
            broken = [] if values is None else np.argwhere(~np.isfinite(values))
            if len(broken):
                yield Violation(
                    rule="values_are_finite",
                    where=f"`{node.name}`",
                    message=f"has {counted(len(broken), 'value')} of `{name}` NaN or infinite; "
                    f"the first is at {broken[0].tolist()}",
                    hint="the training has diverged: lower the learning rate and train again",
                )


def inputs_within_limit(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """The network has no more input channels than the chip."""
    yield from _within_limit(
        graph, chip, "inputs_within_limit", "max_inputs", graph.input.size, "input channels"
    )


def hidden_neurons_within_limit(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """The network has no more hidden neurons than the chip."""
    n_hidden = sum(node.n_out for node in graph.hidden)
    yield from _within_limit(
        graph, chip, "hidden_neurons_within_limit", "max_hidden", n_hidden, "hidden neurons"
    )


def outputs_within_limit(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """The network has no more output neurons than the chip."""
    n_outputs = graph[graph.output].n_out
    yield from _within_limit(
        graph, chip, "outputs_within_limit", "max_outputs", n_outputs, "output neurons"
    )


def synapses_within_limit(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """No neuron has more synapses than the chip's; output neurons have one."""
    for node in graph.populations:
        is_output = node.name == graph.output
        limit = 1 if is_output else chip.max_synapses
        if node.n_synapses > limit:
            kind = "an output neuron" if is_output else "a hidden neuron"
            yield Violation(
                rule="synapses_within_limit",
                where=f"`{node.name}`",
                message=f"has {node.n_synapses} synapses a neuron; {chip.name} allows {kind} "
                f"{limit}",
                hint=f"give each neuron {counted(limit, 'synapse')}"
                + ("" if is_output else _other_chips(graph, "max_synapses", node.n_synapses)),
            )


# Without these a network has no place on a chip.
STRUCTURE_RULES: tuple[Rule, ...] = (
    output_is_neurons,
    input_feeds_weights,
    neurons_are_fed_by_weights,
    weights_do_not_feed_weights,
    weights_have_no_biases,
    hidden_and_output_neurons,
    input_reaches_output,
    output_is_not_recurrent,
    neurons_share_one_dt,
    time_constants_exceed_dt,
    thresholds_are_positive,
    values_are_finite,
    synapses_within_limit,
)

# A network that breaks these can still be placed, and its configuration checked for the rest.
SIZE_RULES: tuple[Rule, ...] = (
    inputs_within_limit,
    hidden_neurons_within_limit,
    outputs_within_limit,
)


def _reaches(graph: Graph, source: Node, target: Node) -> bool:
    reached, waiting = {source.name}, [source]
    while waiting:
        sinks = [sink for sink in graph.sinks_of(waiting.pop()) if sink.name not in reached]
        reached |= {sink.name for sink in sinks}
        waiting += sinks
    return target.name in reached


def _within_limit(
    graph: Graph, chip: Chip, rule: str, limit: str, used: int, resource: str
) -> Iterator[Violation]:
    allowed = getattr(chip, limit)
    if used > allowed:
        yield Violation(
            rule=rule,
            where="the network",
            message=f"has {used} {resource}; {chip.name} allows {allowed}",
            hint=f"use at most {allowed}" + _other_chips(graph, limit, used),
        )


def _other_chips(graph: Graph, limit: str, needed: int) -> str:
    """The end of a hint: chips on which this limit and all sizes fit, if there are any."""
    needs = {
        "max_inputs": graph.input.size,
        "max_hidden": sum(node.n_out for node in graph.hidden),
        "max_outputs": graph[graph.output].n_out,
        "max_input_expansion": sum(n.n_out for n in graph.hidden if receives_input(graph, n)),
        "max_output_expansion": sum(n.n_out for n in graph.hidden if feeds_output(graph, n)),
    }
    roomy = [
        chip
        for chip in chips_allowing(limit, needed)
        if all(used <= getattr(chip, field) for field, used in needs.items())
    ]
    named = named_with_limit(roomy, limit)
    return f", or map to {named}" if named else ""


def _kind(node: Node) -> str:
    if isinstance(node, NeuronNode):
        return "a population of neurons"
    return "a weight matrix" if isinstance(node, LinearNode) else "the input"
