"""`ResidualsToAliases`: sums of spikes as neurons that repeat others."""

from dataclasses import dataclass, replace

from ...hw import Chip
from .._report import PassReport
from ..graph._carriers import Obstacle, find_carrier
from ..graph._graph import Graph, alias_pairs, sender
from ..graph._nodes import LinearNode, NeuronNode, Node, SumNode
from ._fold_scales import renamed

WAYS_OUT = ("weights", "neurons", "refuse")


@dataclass(frozen=True)
class ResidualsToAliases:
    """Let the last population of a sum repeat the spikes of the others.

    On the chip an alias target sends the spikes of its sources besides its own. That costs no
    weights, but a neuron can have only so many targets, and whoever receives from the target
    receives the sum. Sums of what comes out of weights need none: their readers receive each part.

    Changes: sums, and what stands for them where there can be no alias. Keeps: what every
    population receives. Reports: the aliases, what was done instead, and limits of spikes that
    are shared.

    Args:
        chip: whose limit of alias targets holds.
        otherwise: what to do with a sum for which there can be no alias. `weights`: the weights
            that read the sum are given to each source, which takes more of the weight memory and
            the fan-out. `neurons`: where a neuron would need several targets, it is doubled, and
            the double only repeated; other sums are left. `refuse`: the sum is left, and
            `CheckStructure` says why.

    Raises:
        ValueError: `otherwise` is none of these.

    Source: chip facts, section 2, step 5, and section 1, "Alias".
    """

    chip: Chip
    otherwise: str = "weights"

    def __post_init__(self) -> None:
        if self.otherwise not in WAYS_OUT:
            known = ", ".join(map(repr, WAYS_OUT))
            raise ValueError(f"`otherwise` is {self.otherwise!r}; known are {known}")

    def __call__(self, graph: Graph) -> tuple[Graph, PassReport]:
        """Give a graph whose sums have carriers, as far as that is possible."""
        instead: list[str] = []
        for name in _inner_first(graph):
            node = graph[name]
            assert isinstance(node, SumNode)
            if name != graph.output and _of_weights(graph, node):
                graph = _dissolved(graph, node)
                continue
            found = find_carrier(graph, node, self.chip.max_alias_targets)
            if isinstance(found, Obstacle) and self.otherwise == "neurons":
                graph, found = _with_doubles(graph, node, found, self.chip, instead)
                node = graph[name]
                assert isinstance(node, SumNode)
            if isinstance(found, str):
                graph = _replaced(graph, node, replace(node, carrier=found))
            elif self.otherwise == "weights" and name != graph.output:
                graph = _dissolved(graph, node)
                instead.append(
                    f"each source of `{name}` gets the weights that read it, since it {found.reason}"
                )
        pairs = alias_pairs(graph)
        aliases = [f"`{target.name}` repeats `{source.name}`" for source, target in pairs]
        summary = "; ".join([*aliases, *instead]) or "no sums"
        return graph, PassReport("ResidualsToAliases", summary, _shared_limits(pairs, self.chip))


def _inner_first(graph: Graph) -> list[str]:
    """Sums without carriers, each after those that it adds."""
    depth: dict[str, int] = {}

    def depth_of(node: SumNode) -> int:
        if node.name not in depth:
            inner = [one for one in graph.sources_of(node) if isinstance(one, SumNode)]
            depth[node.name] = 1 + max(map(depth_of, inner), default=0)
        return depth[node.name]

    sums = [node for node in graph.of_kind(SumNode) if node.carrier is None]
    return [node.name for node in sorted(sums, key=depth_of)]


def _of_weights(graph: Graph, node: SumNode) -> bool:
    """Whether what is added comes out of weights: wherever that arrives, it adds up anyway."""
    return all(isinstance(one, LinearNode) for one in graph.sources_of(node))


def _dissolved(graph: Graph, node: SumNode) -> Graph:
    nodes = (renamed(one, node.name, node.sources) for one in graph.nodes if one is not node)
    return Graph(tuple(nodes), graph.output)


def _replaced(graph: Graph, old: Node, new: Node) -> Graph:
    return Graph(tuple(new if node is old else node for node in graph.nodes), graph.output)


def _with_doubles(
    graph: Graph, node: SumNode, obstacle: Obstacle, chip: Chip, did: list[str]
) -> tuple[Graph, str | Obstacle]:
    """A graph in which sources with no target left are doubled, if that gives the sum a carrier."""
    repeated = {source.name for source, _ in alias_pairs(graph)}
    # The double of neurons that send a sum would have to send it, too.
    carriers = {sender(graph, one).name for one in graph.of_kind(SumNode) if one.carrier}
    doubles: dict[str, NeuronNode] = {}
    for name in node.sources:
        source = sender(graph, graph[name])
        if isinstance(source, NeuronNode) and source.name in repeated - carriers:
            doubles[source.name] = replace(source, name=f"{source.name} (double)")
    sources = tuple(doubles[name].name if name in doubles else name for name in node.sources)
    nodes: list[Node] = []
    for one in graph.nodes:
        # Before the neurons, so that what comes back from them does so one step later in both.
        nodes += [doubles[one.name]] if one.name in doubles else []
        nodes.append(replace(node, sources=sources) if one is node else one)
    doubled = Graph(tuple(nodes), graph.output)
    new = doubled[node.name]
    assert isinstance(new, SumNode)
    found = find_carrier(doubled, new, chip.max_alias_targets)
    if isinstance(found, Obstacle):
        return graph, obstacle
    did += [f"`{name}` is doubled for `{node.name}`" for name in doubles]
    return doubled, found


def _shared_limits(pairs: list[tuple[NeuronNode, NeuronNode]], chip: Chip) -> tuple[str, ...]:
    losses = []
    for target in dict.fromkeys(target for _, target in pairs):
        repeated = [source for source, one in pairs if one is target]
        most = target.max_spikes + sum(source.max_spikes for source in repeated)
        if most > chip.max_hidden_spikes:
            names = ", ".join(f"`{source.name}`" for source in repeated)
            losses.append(
                f"`{target.name}` sends at most {chip.max_hidden_spikes} spikes a step together "
                f"with those it repeats for {names}"
            )
    return tuple(losses)
