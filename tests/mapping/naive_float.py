"""Graphs computed neuron by neuron in plain Python, from the equations of the modules alone.

Written from module facts, section 2, and chip facts, section 2. It shares no code with the package:
it looks at the fields of nodes, and at nothing else.
"""

import math
from typing import Any

import numpy as np


def simulate_graph(
    graph: Any, raster: np.ndarray, limits: tuple[float, float] | None = None
) -> dict[str, np.ndarray]:
    """Own spikes (time, neuron) of each population, from rest.

    In the network's time; with `limits`, the most spikes of hidden and output neurons, in the
    chip's: spikes of hidden neurons arrive one step later, and carriers of sums send for all.
    """
    nodes = {node.name: node for node in graph.nodes}
    populations = [node for node in graph.nodes if hasattr(node, "tau_mem")]
    zero = {p.name: [0.0] * len(p.tau_mem) for p in populations}
    isyn = {p.name: [[0.0] * p.tau_syn.shape[1] for _ in p.tau_mem] for p in populations}
    vmem = {p.name: [0.0] * len(p.tau_mem) for p in populations}
    seen: dict[str, list[list[float]]] = {p.name: [] for p in populations}
    sent = dict(zero)
    for counts in raster:
        now = dict(sent)
        for node in populations:
            arriving = sent if limits else now
            current = [0.0] * node.tau_syn.size
            for source in node.sources:
                signals = value(nodes, source, arriving, counts, limits is not None)
                current = [a + b for a, b in zip(current, signals, strict=True)]
            most = node.max_spikes
            if limits:
                most = limits[1] if node.name == graph.output else limits[0]
            copied = copies(nodes, node.name, now) if limits else zero[node.name]
            own = []
            for n in range(len(node.tau_mem)):
                room = most - min(most, copied[n])
                own.append(neuron(node, n, current, isyn[node.name], vmem[node.name], room))
            seen[node.name].append(own)
            now[node.name] = [min(most, a + b) for a, b in zip(own, copied, strict=True)]
        sent = now
    return {name: np.array(spikes) for name, spikes in seen.items()}


def value(
    nodes: dict[str, Any], name: str, sent: dict[str, Any], counts: Any, on_chip: bool
) -> list[float]:
    """What a node gives."""
    node = nodes[name]
    if name in sent:
        return sent[name]
    if not node.sources:
        return [float(count) for count in counts]
    if on_chip and getattr(node, "carrier", None):
        return value(nodes, node.carrier, sent, counts, on_chip)
    parts = [value(nodes, source, sent, counts, on_chip) for source in node.sources]
    total = [sum(channel, 0.0) for channel in zip(*parts, strict=True)]
    if hasattr(node, "weights"):
        bias = [0.0] * node.weights.shape[1] if node.bias is None else list(node.bias)
        for x, row in zip(total, node.weights, strict=True):
            bias = [b + x * w for b, w in zip(bias, row, strict=True)]
        return bias
    if hasattr(node, "scale"):
        return [x * factor for x, factor in zip(total, node.scale, strict=True)]
    return total


def copies(nodes: dict[str, Any], name: str, now: dict[str, Any]) -> list[float]:
    """What a population sends for others: all but itself of the sums that it carries."""
    total = [0.0] * len(now[name])
    for node in nodes.values():
        carried = carrier_of(nodes, node)
        if carried == name and getattr(node, "carrier", None):
            for source in node.sources:
                if source != node.carrier:
                    other = carrier_of(nodes, nodes[source])
                    total = [a + b for a, b in zip(total, now[other], strict=True)]
    return total


def carrier_of(nodes: dict[str, Any], node: Any) -> str:
    while getattr(node, "carrier", None):
        node = nodes[node.carrier]
    return node.name


def neuron(node: Any, n: int, current: Any, isyn: Any, vmem: Any, room: float) -> float:
    k = node.tau_syn.shape[1]
    for synapse in range(k):
        decay = math.exp(-node.dt / node.tau_syn[n, synapse])
        isyn[n][synapse] = (isyn[n][synapse] + current[n * k + synapse]) * decay
    vmem[n] = vmem[n] * math.exp(-node.dt / node.tau_mem[n]) + sum(isyn[n]) + node.bias[n]
    spikes = 0.0
    if vmem[n] >= node.threshold[n]:
        spikes = min(room, math.floor(vmem[n] / node.threshold[n]))
    vmem[n] -= spikes * node.threshold[n]
    return spikes


def simulate_specification(spec: Any, raster: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spikes that hidden neurons send, copies included, and those of outputs (time, neuron)."""
    n_hidden, n_out, k = len(spec.threshold), len(spec.threshold_out), spec.weights_rec.shape[2]
    isyn, vmem = np.zeros((n_hidden, k)), np.zeros(n_hidden)
    isyn_out, vmem_out = np.zeros(n_out), np.zeros(n_out)
    before = np.zeros(n_hidden)
    hidden, output = [], []
    scale = [2.0**s for s in (spec.weight_shift_in, spec.weight_shift_rec, spec.weight_shift_out)]
    for counts in raster:
        for synapse in range(k):
            arriving = counts @ spec.weights_in[:, :, synapse] * scale[0]
            isyn[: arriving.size, synapse] += arriving
            isyn[:, synapse] += before @ spec.weights_rec[:, :, synapse] * scale[1]
        isyn_out += before[n_hidden - len(spec.weights_out) :] @ spec.weights_out * scale[2]
        buffer = np.zeros(n_hidden)
        for n in range(n_hidden):
            for synapse, dashes in zip(range(k), (spec.dash_syn, spec.dash_syn_2), strict=False):
                isyn[n, synapse] *= left(dashes[n])
            vmem[n] = vmem[n] * left(spec.dash_mem[n]) + isyn[n].sum() + spec.bias[n]
            while vmem[n] >= spec.threshold[n] and buffer[n] < 31:
                buffer[n] += 1
                vmem[n] -= spec.threshold[n]
            for target in spec.aliases[n] if spec.aliases else ():
                buffer[target] = min(31, buffer[target] + buffer[n])
        fired = np.zeros(n_out)
        for n in range(n_out):
            isyn_out[n] *= left(spec.dash_syn_out[n])
            vmem_out[n] = vmem_out[n] * left(spec.dash_mem_out[n]) + isyn_out[n] + spec.bias_out[n]
            if vmem_out[n] >= spec.threshold_out[n]:
                fired[n] = 1
                vmem_out[n] -= spec.threshold_out[n]
        before = buffer
        hidden.append(buffer)
        output.append(fired)
    return np.array(hidden), np.array(output)


def left(dash: Any) -> float:
    """Share of a state that a step leaves: a shift of the chip, or a time constant's logarithm."""
    if isinstance(dash, np.integer):
        return 1 - 2.0 ** -int(dash)
    return math.exp(-(2.0**-dash))
