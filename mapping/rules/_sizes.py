"""How much of a chip a network may take."""

from collections.abc import Iterator

from ...hw import Chip, Violation
from ...hw._wording import counted
from ...hw.chips import chips_allowing, named_with_limit
from ..graph._graph import Graph, feeds_output, receives_input


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
