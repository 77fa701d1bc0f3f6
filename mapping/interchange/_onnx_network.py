"""A float network over a whole sequence as one ONNX graph, from its `Graph`.

Each step computes the nodes in their order; what a node receives from one that stands behind it, or
from itself, is what that gave in the step before. All in float32, as JAX computes, though sums may
be rounded in another order.

Source: module facts, section 2, the step of `LIFJax`.
"""

from dataclasses import dataclass

import numpy as np
import onnx

from ..graph._graph import Graph
from ..graph._nodes import ForeignNode, InputNode, LinearNode, NeuronNode, ScaleNode, SumNode
from ._onnx_builder import FLOAT, Block, Constants, Dimension, model, value
from ._onnx_ports import INPUT, NEW_STATE_PREFIX, OUTPUT, STATE_PREFIX


@dataclass(frozen=True)
class Population:
    """Names of the state of one population, each float32 (batch, ...)."""

    spikes: str
    isyn: str
    vmem: str


def state_shapes(node: NeuronNode) -> dict[str, tuple[int, ...]]:
    """The arrays of a population's state, without the batch axis."""
    return {"spikes": (node.n_out,), "isyn": (node.n_out, node.n_synapses), "vmem": (node.n_out,)}


def network_model(graph: Graph, *, batch: int | None, states: bool) -> onnx.ModelProto:
    """The model; see `export_onnx`."""
    foreign = [f"`{node.name}` is {node.kind}" for node in graph.of_kind(ForeignNode)]
    if foreign:
        raise ValueError(
            f"{', '.join(foreign)}; what can be exported is weights and spiking neurons"
        )
    noisy = [node.name for node in graph.populations if node.noise_std > 0]
    if noisy:
        raise ValueError(
            f"`{noisy[0]}` has noise, which ONNX graphs do not have: set `noise_std` to 0"
        )
    block = Block(Constants())
    rows: Dimension = "batch" if batch is None else batch
    inputs = [value(INPUT, FLOAT, [rows, "time", graph.input.size])]
    shapes = {node.name: state_shapes(node) for node in graph.populations}
    ports = {f"{name}.{part}": shape for name, of in shapes.items() for part, shape in of.items()}
    if states:
        inputs += [value(STATE_PREFIX + port, FLOAT, [rows, *ports[port]]) for port in ports]
        start = {port: block.op("Identity", STATE_PREFIX + port) for port in ports}
    else:
        start = {port: _zeros(block, shape) for port, shape in ports.items()}
    end, output = _scan(block, graph, start)
    block.named(output, OUTPUT)
    outputs = [value(OUTPUT, FLOAT, [rows, "time", graph[graph.output].n_out])]
    if states:
        for port, array in end.items():
            block.named(array, NEW_STATE_PREFIX + port)
            outputs.append(value(NEW_STATE_PREFIX + port, FLOAT, [rows, *ports[port]]))
    return model(block, "network", inputs, outputs)


def _zeros(block: Block, shape: tuple[int, ...]) -> str:
    rows = block.columns(block.op("Shape", INPUT), 0, 1, axis=0)
    full = block.op("Concat", rows, block.constant(shape, np.int64), axis=0)
    return block.op("Expand", block.constant(0.0), full)


def _scan(block: Block, graph: Graph, start: dict[str, str]) -> tuple[dict[str, str], str]:
    """All steps: the states at the end by port, and the output raster."""
    body = block.inner()
    before = {port: body.constants.new_name("state") for port in start}
    arriving = body.constants.new_name("arriving")
    given, after = _step(body, graph, before, arriving)
    shown = body.op("Identity", given)
    ends = {port: body.op("Identity", after[port]) for port in before}
    shapes = {
        f"{node.name}.{part}": [None, *shape]
        for node in graph.populations
        for part, shape in state_shapes(node).items()
    }
    step = body.graph(
        "time_step",
        [
            *(value(before[port], FLOAT, shapes[port]) for port in before),
            value(arriving, FLOAT, [None, graph.input.size]),
        ],
        [
            *(value(ends[port], FLOAT, shapes[port]) for port in before),
            value(shown, FLOAT, [None, graph[graph.output].n_out]),
        ],
    )
    *states, output = block.ops(
        "Scan",
        len(start) + 1,
        *start.values(),
        INPUT,
        body=step,
        num_scan_inputs=1,
        scan_input_axes=[1],
        scan_output_axes=[1],
    )
    return dict(zip(start, states, strict=True)), output


def _step(
    body: Block, graph: Graph, before: dict[str, str], arriving: str
) -> tuple[str, dict[str, str]]:
    """One step: the output, and the states after it by port."""
    earlier = {node.name: before[f"{node.name}.spikes"] for node in graph.populations}
    now: dict[str, str] = {}
    after: dict[str, str] = {}
    for node in graph.nodes:
        if isinstance(node, InputNode):
            now[node.name] = arriving
            continue
        # What stands behind was given in the step before; tracing lets only populations do that.
        data = _sum(body, [now[n] if n in now else earlier[n] for n in node.sources])
        if isinstance(node, LinearNode):
            now[node.name] = _linear(body, node, data)
        elif isinstance(node, ScaleNode):
            now[node.name] = body.op("Mul", data, body.constant(node.scale))
        elif isinstance(node, SumNode):
            now[node.name] = data
        elif isinstance(node, NeuronNode):
            ports = {part: before[f"{node.name}.{part}"] for part in state_shapes(node)}
            state = _neurons(body, node, Population(**ports), data)
            now[node.name] = state.spikes
            after |= {f"{node.name}.{part}": name for part, name in vars(state).items()}
    return now[graph.output], after


def _sum(body: Block, arrays: list[str]) -> str:
    total = arrays[0]
    for array in arrays[1:]:
        total = body.op("Add", total, array)
    return total


def _linear(body: Block, node: LinearNode, data: str) -> str:
    product = body.op("MatMul", data, body.constant(node.weights))
    return product if node.bias is None else body.op("Add", product, body.constant(node.bias))


def _neurons(body: Block, node: NeuronNode, before: Population, data: str) -> Population:
    n, k = node.n_out, node.n_synapses
    alpha = np.exp(-np.float32(node.dt) / node.tau_mem.astype(np.float32))
    beta = np.exp(-np.float32(node.dt) / node.tau_syn.astype(np.float32))
    arriving = body.op("Reshape", data, body.constant([-1, n, k], np.int64))
    isyn = body.op("Mul", body.op("Add", before.isyn, arriving), body.constant(beta))
    current = body.op("ReduceSum", isyn, body.constant([2], np.int64), keepdims=0)
    vmem = body.op("Add", body.op("Mul", before.vmem, body.constant(alpha)), current)
    vmem = body.op("Add", vmem, body.constant(node.bias))
    threshold = body.constant(node.threshold)
    count = body.op("Floor", body.op("Div", vmem, threshold))
    most = body.constant(float(node.max_spikes))
    count = body.op("Clip", count, body.constant(0.0), most)
    reached = body.op("GreaterOrEqual", vmem, threshold)
    spikes = body.op("Where", reached, count, body.constant(0.0))
    vmem = body.op("Sub", vmem, body.op("Mul", spikes, threshold))
    return Population(spikes, isyn, vmem)
