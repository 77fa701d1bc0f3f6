"""The list of all rules for graphs; a new rule is a new function and a line here."""

from collections.abc import Callable, Iterator

from ...hw import Chip, Violation
from ..graph._graph import Graph
from . import _sizes, _structure, _values

Rule = Callable[[Graph, Chip], Iterator[Violation]]

# Without these a network has no place on a chip.
STRUCTURE_RULES: tuple[Rule, ...] = (
    _structure.output_is_neurons,
    _structure.input_feeds_weights,
    _structure.neurons_are_fed_by_weights,
    _structure.weights_do_not_feed_weights,
    _structure.layers_are_weights_or_neurons,
    _structure.sums_are_aliases,
    _structure.weights_have_no_biases,
    _structure.hidden_and_output_neurons,
    _structure.input_reaches_output,
    _structure.output_is_not_recurrent,
    _values.neurons_share_one_dt,
    _values.time_constants_exceed_dt,
    _values.thresholds_are_positive,
    _values.values_are_finite,
    _sizes.synapses_within_limit,
)

# A network that breaks these can still be placed, and its configuration checked for the rest.
SIZE_RULES: tuple[Rule, ...] = (
    _sizes.inputs_within_limit,
    _sizes.hidden_neurons_within_limit,
    _sizes.outputs_within_limit,
)


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
