"""`PlaceNeurons`: give each neuron of the network an id on the chip."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from ...hw import Chip, Violation
from ...hw._wording import counted
from ...hw.chips import chips_allowing, named_with_limit
from .._placement import PlacedGraph, Placement
from .._report import PassReport
from ..graph._graph import Graph, alias_pairs, feeds_output, receives_input, sender, weights_into
from ..graph._nodes import InputNode, LinearNode, NeuronNode, Node
from ..rules._rules import SIZE_RULES
from ._arrange import Demands, by_deadline, by_rank


@dataclass(frozen=True)
class PlaceNeurons:
    """Number the hidden neurons: those that receive input first, those that feed outputs last.

    Chips read input weights into their first hidden neurons and output weights from their last
    ones, so populations that do both stand between, and what is neither follows them. Where that
    does not fulfil the chip's limits, neurons are numbered one by one, in an order that does
    whenever there is one; then the neurons of a population need not follow each other.

    Changes: nothing. Keeps: the graph. Reports: by how many steps populations come later than in
    the network, and where signals that the network adds in one step meet at different delays, or
    come back later; biases that act before the first signal; spike limits and noise that the chip
    does not share.

    A network that is too large is placed as well as can be, and `Placement.violations` says what is
    in the way, so that everything else is found, too; `EmitConfiguration` refuses it.

    Source: mapping facts, section 3, with its recommendations.
    """

    chip: Chip

    def __call__(self, graph: Graph) -> tuple[PlacedGraph, PassReport]:
        """Place a graph that keeps the rules of structure."""
        n_hidden = sum(node.n_out for node in graph.hidden)
        found = _arranged(graph, self.chip)
        delay = _delays(graph)
        sizes = (violation for rule in SIZE_RULES for violation in rule(graph, self.chip))
        placement = Placement(
            hidden=found.ids,
            output=graph.output,
            delay=delay,
            n_input_expansion=max(found.receiving, default=0) + 1,
            n_output_expansion=n_hidden - min(found.feeding, default=n_hidden - 1),
            violations=(*sizes, *found.violations),
        )
        summary = (
            f"{n_hidden} hidden and {graph[graph.output].n_out} output neurons; the output comes "
            f"{counted(placement.output_delay, 'step')} later"
        )
        losses = (
            *_uneven_delays(graph, delay),
            *_longer_loops(graph, delay),
            *_early_biases(graph, delay),
            *_limits_not_shared(graph, self.chip),
        )
        return PlacedGraph(graph, placement, self.chip), PassReport("PlaceNeurons", summary, losses)


@dataclass(frozen=True, eq=False)
class _Arrangement:
    """Ids of each population, which of all ids receive input or feed outputs, and what is wrong."""

    ids: dict[str, Int[np.ndarray, " _"]]
    receiving: list[int]
    feeding: list[int]
    violations: tuple[Violation, ...] = ()


def _arranged(graph: Graph, chip: Chip) -> _Arrangement:
    # Whole populations first: then those that belong together stand together.
    whole, single = (_demands(graph, chip, one_by_one) for one_by_one in (False, True))
    simple = by_rank(whole)
    if whole.are_met(simple):
        return _arrangement(graph, whole, simple)
    for demands in (whole, single):
        order = by_deadline(demands)
        if order is not None:
            return _arrangement(graph, demands, order)
    return _arrangement(graph, single, by_rank(single), tuple(_too_many(single, chip)))


def _arrangement(
    graph: Graph,
    demands: Demands,
    order: Int[np.ndarray, " n"],
    violations: tuple[Violation, ...] = (),
) -> _Arrangement:
    ids = np.empty(order.size, dtype=np.int64)
    ids[order] = np.arange(order.size)
    sizes = [node.n_out for node in graph.hidden]
    parts = np.split(ids, np.cumsum(sizes)[:-1])
    named = {node.name: part for node, part in zip(graph.hidden, parts, strict=True)}
    return _Arrangement(
        # In the order of the chip.
        ids=dict(sorted(named.items(), key=lambda item: int(item[1].min()))),
        receiving=ids[demands.receives].tolist(),
        feeding=ids[demands.feeds].tolist(),
        violations=violations,
    )


def _demands(graph: Graph, chip: Chip, one_by_one: bool) -> Demands:
    receives, feeds = [], []
    for node in graph.hidden:
        from_input, to_output = _input_rows(graph, node), _output_rows(graph, node)
        if not one_by_one:
            from_input = np.full(node.n_out, receives_input(graph, node))
            to_output = np.full(node.n_out, feeds_output(graph, node))
        receives.append(from_input)
        feeds.append(to_output)
    return Demands(
        receives=np.concatenate(receives),
        feeds=np.concatenate(feeds),
        before=list(_chained(graph)),
        n_first=chip.max_input_expansion,
        n_last=chip.max_output_expansion,
    )


def _input_rows(graph: Graph, node: NeuronNode) -> Bool[np.ndarray, " n"]:
    """Which neurons have input weights that are not zero."""
    found = np.zeros(node.tau_syn.shape, dtype=bool)
    for weights, source in weights_into(graph, node):
        if isinstance(source, InputNode):
            found |= np.any(weights.weights != 0, axis=0).reshape(found.shape)
    return np.asarray(found.any(axis=1))


def _output_rows(graph: Graph, node: NeuronNode) -> Bool[np.ndarray, " n"]:
    """Which neurons have output weights that are not zero."""
    found = np.zeros(node.n_out, dtype=bool)
    for weights in graph.sources_of(graph[graph.output]):
        senders = [sender(graph, source).name for source in graph.sources_of(weights)]
        if isinstance(weights, LinearNode) and node.name in senders:
            found |= np.any(weights.weights != 0, axis=1)
    return found


def _chained(graph: Graph) -> Iterator[tuple[int, int]]:
    """Pairs of neurons of which the second passes on what it repeats of the first.

    On the chip it does so only if the first was computed before it; what comes later is sent, but
    not passed on.
    """
    first = np.cumsum([0, *(node.n_out for node in graph.hidden)]).tolist()
    place = {node.name: start for node, start in zip(graph.hidden, first, strict=False)}
    pairs = alias_pairs(graph)
    passing_on = {source.name for source, _ in pairs}
    for source, target in pairs:
        if target.name in passing_on:
            starts = place[source.name], place[target.name]
            yield from ((starts[0] + n, starts[1] + n) for n in range(source.n_out))


def _too_many(demands: Demands, chip: Chip) -> Iterator[Violation]:
    """Why there is no order that fulfils all demands, in numbers of the network."""
    n = demands.receives.size
    n_both = int(np.sum(demands.receives & demands.feeds))
    exceeded = []
    for rule, what, flags, limit in (
        ("input_expansion_within_limit", "receive input", demands.receives, "max_input_expansion"),
        ("output_expansion_within_limit", "feed the output", demands.feeds, "max_output_expansion"),
    ):
        n_used, allowed = int(flags.sum()), getattr(chip, limit)
        exceeded.append(n_used > allowed)
        if exceeded[-1]:
            roomy = named_with_limit(chips_allowing(limit, n_used), limit)
            yield Violation(
                rule=rule,
                where="the network",
                message=f"has {n_used} hidden neurons that {what}; {chip.name} allows {allowed}",
                hint=f"let at most {allowed} {what}" + (f", or map to {roomy}" if roomy else ""),
            )
    room = demands.n_first + demands.n_last - n_both
    if n_both and not any(exceeded):
        yield Violation(
            rule="expansion_neurons_overlap",
            where="the network",
            message=f"has {n} hidden neurons, of which {n_both} both receive input and feed the "
            f"output; on {chip.name} these must be among the first {demands.n_first} and the last "
            f"{demands.n_last}, which leaves room for {max(0, room)} hidden neurons",
            hint="let the first layer feed the output through another one",
        )


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
