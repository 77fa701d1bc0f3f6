"""Which neurons can send a sum on the chip, as aliases of others."""

from collections import Counter
from dataclasses import dataclass

from ._graph import Graph, alias_pairs, sender
from ._nodes import InputNode, NeuronNode, SumNode


@dataclass(frozen=True)
class Obstacle:
    """Why no neurons can send a sum.

    Attributes:
        reason: a predicate of the sum.
        way_out: what to do, in the imperative.
    """

    reason: str
    way_out: str


_BY_WEIGHTS = 'use `ResidualsToAliases(chip, otherwise="weights")`'


def find_carrier(graph: Graph, node: SumNode, max_targets: int) -> str | Obstacle:
    """The source of a sum whose neurons can repeat the spikes of all others.

    Args:
        graph: where the sum stands; sums before it that have carriers count as their neurons.
        node: the sum.
        max_targets: neurons that may repeat one neuron.

    Returns:
        Its name, or why there is none.
    """
    obstacle = _in_what_is_added(graph, node)
    if obstacle:
        return obstacle
    # The last one: what it repeats is there when it spikes.
    order = {population.name: place for place, population in enumerate(graph.populations)}
    by_order = sorted(node.sources, key=lambda name: order[sender(graph, graph[name]).name])
    *others, carrier = by_order
    return (
        _heard_alone(graph, node, carrier)
        or next(
            (o for name in others if (o := _all_taken(graph, name, carrier, max_targets))), None
        )
        or carrier
    )


def _in_what_is_added(graph: Graph, node: SumNode) -> Obstacle | None:
    if node.name == graph.output:
        return Obstacle(
            "is the network's output; the outputs of a chip are neurons, which add nothing",
            "let a `LinearJax` and a `LIFJax` follow it",
        )
    senders = [sender(graph, graph[name]) for name in node.sources]
    for one in senders:
        if isinstance(one, InputNode):
            return Obstacle(
                "adds the input to spikes; only neurons have aliases",
                f"put a `LinearJax` and a `LIFJax` before it, or {_BY_WEIGHTS}",
            )
        if not isinstance(one, NeuronNode):
            return Obstacle(
                f"adds `{one.name}`, which is not neurons; only neurons have aliases", _BY_WEIGHTS
            )
        if one.name == graph.output:
            return Obstacle(
                f"adds `{one.name}`, the output, whose neurons send nothing",
                "add other neurons to the sum",
            )
    names = [one.name for one in senders]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is None:
        return None
    return Obstacle(f"adds `{twice}` to itself; a neuron is no alias of itself", _BY_WEIGHTS)


def _heard_alone(graph: Graph, node: SumNode, carrier: str) -> Obstacle | None:
    """Who receives from the carrier what on the chip would be the sum."""
    heard = graph[carrier]
    for sink in graph.sinks_of(heard):
        if sink is not node:
            return Obstacle(
                f"would be sent by `{sender(graph, heard).name}`, of which `{sink.name}` receives "
                "the own spikes alone",
                f"put a `LinearJax` and a `LIFJax` between them, or {_BY_WEIGHTS}",
            )
    if isinstance(heard, SumNode) and heard.carrier is not None:
        return _heard_alone(graph, heard, heard.carrier)
    return None


def _all_taken(graph: Graph, name: str, carrier: str, max_targets: int) -> Obstacle | None:
    source, target = sender(graph, graph[name]), sender(graph, graph[carrier])
    taken = Counter(one.name for from_, one in alias_pairs(graph) if from_ is source)
    if taken.total() < max_targets:
        return None
    listed = " and ".join(f"`{one}`" for one in taken)
    return Obstacle(
        f"needs `{target.name}` to repeat `{source.name}`, which {listed} repeats already; a neuron "
        f"has at most {max_targets} alias target",
        f'{_BY_WEIGHTS} or `otherwise="neurons"`',
    )
