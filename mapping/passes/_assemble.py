"""`AssembleSpecification`: weights and neuron parameters into the chip's matrices."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ...hw import Chip
from .._placement import PlacedGraph
from .._report import PassReport
from .._specification import Specification
from ..graph._graph import alias_pairs, sender
from ..graph._nodes import InputNode, LinearNode, NeuronNode


@dataclass(frozen=True)
class AssembleSpecification:
    """Write every weight and parameter to where the chip has it.

    Weights between hidden populations and recurrent weights share `weights_rec`; several matrices
    between the same populations add up. Time constants become decay shifts `log2(tau / dt)`.

    Changes: the form. Keeps: all values. Reports: the number of weights.

    Source: mapping facts, sections 2 and 4.
    """

    chip: Chip

    def __call__(self, placed: PlacedGraph) -> tuple[Specification, PassReport]:
        """Assemble the specification of a placed graph."""
        graph, placement = placed.graph, placed.placement
        output = graph[graph.output]
        assert isinstance(output, NeuronNode)
        weights, rows = _weights(placed), _hidden_rows(placed)
        spec = Specification(
            chip=self.chip,
            placement=placement,
            weights_in=weights["in"],
            weights_rec=weights["rec"],
            weights_out=weights["out"],
            dash_mem=rows["dash_mem"],
            dash_syn=rows["dash_syn"],
            dash_syn_2=rows["dash_syn_2"],
            threshold=rows["threshold"],
            bias=rows["bias"],
            dash_mem_out=_dash(output.tau_mem, output.dt),
            dash_syn_out=_dash(output.tau_syn[:, 0], output.dt),
            threshold_out=output.threshold,
            bias_out=output.bias,
            aliases=_aliases(placed),
            dt=output.dt,
        )
        n_weights = sum(int(np.count_nonzero(matrix)) for matrix in weights.values())
        return spec, PassReport("AssembleSpecification", f"{n_weights} weights")


def _weights(placed: PlacedGraph) -> dict[str, Float[np.ndarray, "..."]]:
    """The three weight matrices, zero where nothing connects."""
    graph, placement = placed.graph, placed.placement
    n_hidden, n_out = placement.n_hidden, graph[graph.output].n_out
    n_synapses = max(node.n_synapses for node in graph.hidden)
    weights_in = np.zeros((graph.input.size, n_hidden, n_synapses))
    weights_rec = np.zeros((n_hidden, n_hidden, n_synapses))
    weights_out = np.zeros((n_hidden, n_out))
    for node in graph.of_kind(LinearNode):
        for target in graph.sinks_of(node):
            assert isinstance(target, NeuronNode)
            block = node.weights.reshape((node.n_in, target.n_out, target.n_synapses))
            for source in graph.sources_of(node):
                source = sender(graph, source)
                if target.name == graph.output:
                    weights_out[placement.hidden[source.name]] += block[:, :, 0]
                    continue
                columns = placement.hidden[target.name]
                if isinstance(source, InputNode):
                    weights_in[:, columns, : target.n_synapses] += block
                else:
                    lines = placement.hidden[source.name]
                    weights_rec[np.ix_(lines, columns, np.arange(target.n_synapses))] += block
    return {
        "in": weights_in[:, : placement.n_input_expansion],
        "rec": weights_rec,
        "out": weights_out[n_hidden - placement.n_output_expansion :],
    }


def _aliases(placed: PlacedGraph) -> tuple[tuple[int, ...], ...] | None:
    """For each hidden neuron those that repeat its spikes."""
    targets: list[list[int]] = [[] for _ in range(placed.placement.n_hidden)]
    hidden = placed.placement.hidden
    for source, target in alias_pairs(placed.graph):
        pairs = zip(hidden[source.name].tolist(), hidden[target.name].tolist(), strict=True)
        for repeated, repeating in pairs:
            targets[repeated].append(repeating)
    return tuple(map(tuple, targets)) if any(targets) else None


def _hidden_rows(placed: PlacedGraph) -> dict[str, Float[np.ndarray, " Nhid"]]:
    """The parameters of the hidden neurons, by id."""
    placement = placed.placement
    rows = {name: np.zeros(placement.n_hidden) for name in ("dash_mem", "dash_syn")}
    rows |= {name: np.zeros(placement.n_hidden) for name in ("threshold", "bias")}
    rows["dash_syn_2"] = np.full(placement.n_hidden, _DASH_OF_NO_SYNAPSE)
    for node in placed.graph.hidden:
        ids = placement.hidden[node.name]
        rows["dash_mem"][ids] = _dash(node.tau_mem, node.dt)
        rows["dash_syn"][ids] = _dash(node.tau_syn[:, 0], node.dt)
        if node.n_synapses > 1:
            rows["dash_syn_2"][ids] = _dash(node.tau_syn[:, 1], node.dt)
        rows["threshold"][ids] = node.threshold
        rows["bias"][ids] = node.bias
    return rows


# What is not there gets the configuration's default, a shift of 1: the time constant that a shift
# of 1 gives exactly, so that nothing is lost where nothing is.
_DASH_OF_NO_SYNAPSE = float(np.log2(1 / np.log(2)))


def _dash(tau: Float[np.ndarray, " n"], dt: float) -> Float[np.ndarray, " n"]:
    return np.log2(tau / dt)
