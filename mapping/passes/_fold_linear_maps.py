"""`FoldLinearMaps`: weights that follow each other become one matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ...hw._wording import counted
from .._report import PassReport
from ..graph._graph import Graph
from ..graph._nodes import LinearNode, Node, SumNode


@dataclass(frozen=True)
class FoldLinearMaps:
    """Multiply weights that follow each other, also through sums, into one matrix a source.

    A chip has one matrix between two populations. Sums of which a part is weights (a residual
    connection around weights alone) are folded with them.

    Changes: weights, their biases, and which nodes there are. Keeps: what every population
    receives, but for the rounding of floats. Reports: the number of matrices that were folded.
    """

    def __call__(self, graph: Graph) -> tuple[Graph, PassReport]:
        """Give a graph in which no weights feed weights on the way to neurons."""
        folding = _Folding(graph)
        made: set[str] = set()
        nodes: list[Node] = []
        for node in graph.nodes:
            if node not in graph.populations:
                nodes.append(node)
                continue
            sources: list[str] = []
            for source in graph.sources_of(node):
                folded = folding.folded(source)
                nodes += [one for one in folded if one.name not in made]
                made |= {one.name for one in folded}
                sources += [one.name for one in folded] or [source.name]
            is_same = tuple(sources) == node.sources
            nodes.append(node if is_same else replace(node, sources=tuple(sources)))
        if not made:
            return graph, PassReport("FoldLinearMaps", "no weights follow each other")
        kept = _needed(nodes, graph.output)
        old = {node.name for node in graph.of_kind(LinearNode)}
        n_gone = len(old - {node.name for node in kept})
        summary = f"{counted(n_gone, 'matrix', 'matrices')} folded into {len(made)}"
        return Graph(tuple(kept), graph.output), PassReport("FoldLinearMaps", summary)


@dataclass(frozen=True, eq=False)
class _Term:
    """What one source contributes: its signals times a matrix, `None` for none."""

    weights: Float[np.ndarray, "n_in n_out"] | None
    path: tuple[str, ...]

    def plus(self, other: _Term) -> _Term:
        """Both together."""
        size = next((len(one.weights) for one in (self, other) if one.weights is not None), 0)
        first, second = (
            np.eye(size) if one.weights is None else one.weights for one in (self, other)
        )
        return _Term(first + second, max(self.path, other.path, key=len))

    def through(self, weights: Float[np.ndarray, "n_in n_out"], name: str) -> _Term:
        """What is left of it after further weights."""
        product = weights if self.weights is None else self.weights @ weights
        return _Term(product, (*self.path, name))


class _Folding:
    """What nodes give, as terms of what is behind them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._terms: dict[str, tuple[dict[str, _Term], np.ndarray]] = {}

    def folded(self, node: Node) -> list[LinearNode]:
        """One matrix for each source behind a node; none if the node may stay as it is."""
        behind = self.graph.sources_of(node)
        if not self._is_linear(node) or (
            isinstance(node, LinearNode) and not any(map(self._is_linear, behind))
        ):
            return []
        terms, constant = self._terms_of(node)
        matrices = []
        for source, term in terms.items():
            # The constant part is there once.
            bias = constant if constant.any() and not matrices else None
            path = term.path if len(terms) == 1 else (source, *term.path)
            weights = np.eye(node.n_out) if term.weights is None else term.weights
            matrices.append(LinearNode(" > ".join(path), (source,), weights, bias))
        return matrices

    def _is_linear(self, node: Node) -> bool:
        """Whether there are weights in what a node gives in a step."""
        if isinstance(node, SumNode):
            return any(map(self._is_linear, self.graph.sources_of(node)))
        return isinstance(node, LinearNode)

    def _terms_of(self, node: Node) -> tuple[dict[str, _Term], Float[np.ndarray, " n"]]:
        if node.name not in self._terms:
            self._terms[node.name] = self._found(node)
        return self._terms[node.name]

    def _found(self, node: Node) -> tuple[dict[str, _Term], Float[np.ndarray, " n"]]:
        if not self._is_linear(node):
            return {node.name: _Term(None, ())}, np.zeros(node.n_out)
        total: dict[str, _Term] = {}
        constant = np.zeros(node.n_in)
        for source in self.graph.sources_of(node):
            terms, part = self._terms_of(source)
            constant = constant + part
            for name, term in terms.items():
                total[name] = total[name].plus(term) if name in total else term
        if not isinstance(node, LinearNode):
            return {n: replace(t, path=(*t.path, node.name)) for n, t in total.items()}, constant
        constant = constant @ node.weights + (0 if node.bias is None else node.bias)
        return {n: t.through(node.weights, node.name) for n, t in total.items()}, constant


def _needed(nodes: list[Node], output: str) -> list[Node]:
    """Nodes without weights and sums that nobody receives from any more."""
    while True:
        read = {source for node in nodes for source in node.sources} | {output}
        kept = [
            node
            for node in nodes
            if node.name in read or not isinstance(node, LinearNode | SumNode)
        ]
        if len(kept) == len(nodes):
            return nodes
        nodes = kept
