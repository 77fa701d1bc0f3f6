"""How a graph is printed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from ...hw._wording import counted
from ._nodes import (
    ForeignNode,
    InputNode,
    LinearNode,
    NeuronNode,
    Node,
    ScaleNode,
    SumNode,
)

if TYPE_CHECKING:
    from ._graph import Graph


def graph_text(graph: Graph) -> str:
    """A line for each node: name, kind, size, sources, and what neurons are like."""
    rows = [_row(node) for node in graph.nodes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(
        (graph_sizes(graph), *(f"  {line}".rstrip() for line in lines), f"output: {graph.output}")
    )


def graph_sizes(graph: Graph) -> str:
    """How much there is of what, on one line."""
    n_neurons = sum(node.n_out for node in graph.populations)
    n_weights = sum(int(np.count_nonzero(node.weights)) for node in graph.of_kind(LinearNode))
    return ", ".join(
        (
            counted(sum(node.size for node in graph.of_kind(InputNode)), "input"),
            counted(n_neurons, "neuron"),
            counted(n_weights, "weight"),
        )
    )


def _row(node: Node) -> tuple[str, str, str, str, str]:
    kind, size = _kind_and_size(node)
    sources = f"from {', '.join(node.sources)}" if node.sources else ""
    return (node.name, kind, size, sources, _details(node))


def _kind_and_size(node: Node) -> tuple[str, str]:
    match node:
        case InputNode():
            return "input", f"{node.size}"
        case LinearNode():
            return "weights", f"{node.n_in} x {node.n_out}"
        case ScaleNode():
            return "scale", f"{node.n_out}"
        case SumNode():
            return "sum", f"{node.size}"
        case ForeignNode():
            return node.kind, f"{node.n_in} -> {node.n_out}"
    return "neurons", f"{node.n_out}" + (f" x {node.n_synapses}" if node.n_synapses > 1 else "")


def _details(node: Node) -> str:
    if isinstance(node, NeuronNode):
        spread = {
            "tau_mem": _range(node.tau_mem * 1e3, " ms"),
            "tau_syn": _range(node.tau_syn * 1e3, " ms"),
            "threshold": _range(node.threshold),
            "bias": _range(node.bias) if node.bias.any() else "",
            "noise": f"{node.noise_std:g}" if node.noise_std else "",
        }
        return ", ".join(f"{name} {text}" for name, text in spread.items() if text)
    if isinstance(node, LinearNode) and node.bias is not None and node.bias.any():
        return f"bias {_range(node.bias)}"
    return f"carried by {node.carrier}" if isinstance(node, SumNode) and node.carrier else ""


def _range(values: np.ndarray, unit: str = "") -> str:
    """All values in a few characters."""
    ends = [f"{value:.4g}" for value in (values.min(), values.max())] if values.size else [""]
    return "..".join(end for end, _ in itertools.groupby(ends)) + unit
