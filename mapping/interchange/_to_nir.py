"""`to_nir`: a network as a NIR graph, for other tools."""

from __future__ import annotations

import io
import json
import os
from typing import Any

import numpy as np
from jaxtyping import Float

from ...models import ExpSynJax, JaxModule, LowPassJax
from ...models.storage._files import write_atomically
from ..graph._graph import Graph
from ..graph._nodes import ForeignNode, InputNode, LinearNode, NeuronNode, Node, ScaleNode, SumNode
from ..graph._trace import INPUT, Network, trace
from ._from_nir import METADATA
from ._nir_dialects import DIALECTS, Dialect, Values
from ._nir_layers import NO_SYNAPSE, no_synapse
from ._nir_tree import nir_library

WRITTEN = ("physical", "euler")


def to_nir(
    network: Network,
    path: str | os.PathLike[str] | None = None,
    *,
    dialect: str = "physical",
) -> Any:
    """The NIR graph of a network.

    `LIFJax` becomes `CubaLIF`, `LinearJax` becomes `Linear` or `Affine`, `LowPassJax` and
    `ExpSynJax` become `LI`, `w_rec` a cycle. Times are seconds; with `x = dt / tau` of the
    membrane, `r = 1 / x`, `v_leak = bias / x`, and `w_in = exp(-dt/tau_syn) tau_syn / dt`, so that
    readers that take steps of Euler's method give each spike the weight that it has here.

    The graph means the same without its metadata, which hold, as JSON under `xylograph`, `dt`, the
    dialect, and of each population the most spikes in a step and the decay shifts of a chip.

    Args:
        network: of modules that `trace` knows, with one synapse a neuron and without noise.
        path: a file to write the graph to as well; replaced in one go.
        dialect: `physical`: time constants as they are; `euler`: such that a step of Euler's
            method, `1 - dt / tau`, leaves what is left here.

    Returns:
        The graph, a `nir.NIRGraph`; node names are the paths of modules.

    Raises:
        TypeError: the network cannot be traced.
        ValueError: layers that NIR has no node for, all named, or another dialect.
        MissingExtraError: without the extra `nir`.
        OSError: when the file cannot be written.

    Source: NIR facts; the equations of NIR 1.0.
    """
    library = nir_library("`to_nir`")
    if dialect not in WRITTEN:
        known = " and ".join(f"`{name}`" for name in WRITTEN)
        raise ValueError(f"`dialect` is {dialect!r}; written are {known}")
    graph = _Writer(library, network, trace(network), DIALECTS[dialect]).graph()
    if path is not None:
        buffer = io.BytesIO()
        library.write(buffer, graph)
        write_atomically(path, buffer.getvalue())
    return graph


class _Writer:
    """Makes one node of NIR after the other."""

    def __init__(self, library: Any, network: JaxModule, graph: Graph, dialect: Dialect) -> None:
        self._nir, self._network, self._graph, self._dialect = library, network, graph, dialect
        self._names = _names(graph)
        # Neurons without a synapse: what makes up for it is taken out of the weights again.
        self._bare = {node.name for node in graph.populations if _is_bare(node)}
        self._refuse()

    def graph(self) -> Any:
        """The whole graph."""
        nodes = {
            self._names[node.name]: self._node(node)
            for node in self._graph.nodes
            if not isinstance(node, SumNode)
        }
        output = self._graph[self._graph.output]
        nodes["output"] = self._nir.Output(np.array([output.n_out]))
        edges = [
            (self._names[source], self._names[node.name])
            for node in self._graph.nodes
            if not isinstance(node, SumNode)
            for source in self._sources(node)
        ]
        edges += [(self._names[one], "output") for one in self._spread((output.name,))]
        twice = sorted({f"`{a}` to `{b}`" for a, b in edges if edges.count((a, b)) > 1})
        if twice:
            raise ValueError(f"NIR has one edge between two nodes; here are more: {twice[0]}")
        text = json.dumps(self._metadata())
        return self._nir.NIRGraph(nodes, edges, metadata={METADATA: text})

    def _refuse(self) -> None:
        wrong = []
        for node in self._graph.nodes:
            if isinstance(node, ForeignNode) and self._filter(node) is None:
                wrong.append(f"`{node.name}` is {node.kind}")
            elif isinstance(node, NeuronNode) and node.n_synapses > 1:
                wrong.append(f"`{node.name}` has {node.n_synapses} synapses a neuron")
            elif isinstance(node, NeuronNode) and node.noise_std > 0:
                wrong.append(f"`{node.name}` has noise: set `noise_std` to 0")
        steps = sorted({node.dt for node in self._graph.populations})
        if len(steps) > 1:
            wrong.append(f"its steps are {', '.join(f'{step:g}' for step in steps)} s long")
        if wrong:
            raise ValueError("NIR has no node for this:" + "".join(f"\n- {one}" for one in wrong))

    def _filter(self, node: ForeignNode) -> LowPassJax | ExpSynJax | None:
        module: Any = self._network
        for part in node.name.split("."):
            module = module.modules().get(part, module)
        if type(module) not in (LowPassJax, ExpSynJax):
            return None
        return None if type(module) is ExpSynJax and float(module.noise_std) > 0 else module

    def _sources(self, node: Node) -> list[str]:
        return self._spread(node.sources)

    def _spread(self, sources: tuple[str, ...]) -> list[str]:
        """The nodes that sources stand for: of sums, what they add."""
        found: list[str] = []
        for name in sources:
            node = self._graph[name]
            found += self._spread(node.sources) if isinstance(node, SumNode) else [name]
        return found

    def _node(self, node: Node) -> Any:
        if isinstance(node, InputNode):
            return self._nir.Input(np.array([node.size]))
        if isinstance(node, LinearNode):
            factor = NO_SYNAPSE if self._is_unfolded(node) else 1.0
            weight = _f32(node.weights.T * factor)
            if node.bias is None:
                return self._nir.Linear(weight=weight)
            return self._nir.Affine(weight=weight, bias=_f32(node.bias * factor))
        if isinstance(node, ScaleNode):
            return self._nir.Scale(scale=_f32(node.scale))
        if isinstance(node, NeuronNode):
            return self._neurons(node)
        assert isinstance(node, ForeignNode)
        return self._low_pass(node)

    def _neurons(self, node: NeuronNode) -> Any:
        ones, zeros = np.ones(node.n_out, np.float32), np.zeros(node.n_out, np.float32)
        if node.name in self._bare and np.all(node.tau_mem == node.tau_syn[:, 0]):
            return self._nir.Threshold(threshold=_f32(node.threshold))
        gain = 1.0 if node.name in self._bare and self._all_unfolded(node) else None
        spiking = {"v_threshold": _f32(node.threshold), "v_reset": zeros}
        if node.name in self._bare:
            gain = NO_SYNAPSE if gain is None else gain
            if np.all(np.isinf(node.tau_mem)) and not np.any(node.bias):
                return self._nir.IF(r=_f32(gain / node.dt * ones), **spiking)
            tau, x = self._tau(node.tau_mem, node.dt)
            leak = _leak(node.bias, x)
            return self._nir.LIF(tau=tau, r=_f32(gain / x), v_leak=leak, **spiking)
        tau_mem, x_mem = self._tau(node.tau_mem, node.dt)
        tau_syn, x_syn = self._tau(node.tau_syn[:, 0], node.dt)
        decay = np.exp(-node.dt / node.tau_syn[:, 0])
        return self._nir.CubaLIF(
            tau_mem=tau_mem,
            tau_syn=tau_syn,
            r=_f32(1 / x_mem),
            w_in=_f32(decay / x_syn),
            v_leak=_leak(node.bias, x_mem),
            **spiking,
        )

    def _low_pass(self, node: ForeignNode) -> Any:
        module: Any = self._filter(node)
        dt, n = float(module.dt), module.size_out
        exact = np.broadcast_to(np.asarray(module.tau, np.float64), n)
        gain = np.exp(-dt / exact) if type(module) is ExpSynJax else np.ones(n)
        if np.all(np.isinf(exact)):
            return self._nir.I(r=_f32(gain / dt))
        tau, x = self._tau(exact, dt)
        return self._nir.LI(tau=tau, r=_f32(gain / x), v_leak=np.zeros(n, np.float32))

    def _tau(self, tau: Values, dt: float) -> tuple[Float[np.ndarray, " n"], Values]:
        """Time constants as they are written, and a step in units of these."""
        if self._dialect.euler:
            tau = dt / -np.expm1(-dt / tau)
        written = _f32(tau)
        return written, dt / written.astype(np.float64)

    def _is_unfolded(self, node: LinearNode) -> bool:
        sinks = self._graph.sinks_of(node)
        return len(sinks) == 1 and sinks[0].name in self._bare

    def _all_unfolded(self, node: NeuronNode) -> bool:
        sources = [self._graph[name] for name in self._sources(node)]
        return all(isinstance(one, LinearNode) and self._is_unfolded(one) for one in sources)

    def _metadata(self) -> dict[str, Any]:
        populations = self._graph.populations
        filters = [self._filter(node) for node in self._graph.of_kind(ForeignNode)]
        steps = [node.dt for node in populations] + [float(one.dt) for one in filters if one]
        return {
            "version": 1,
            "dialect": self._dialect.name,
            "dt": steps[0] if steps else 1e-3,
            "max_spikes": {self._names[node.name]: node.max_spikes for node in populations},
            "dash_mem": {self._names[n.name]: _dashes(n.tau_mem, n.dt) for n in populations},
            "dash_syn": {self._names[n.name]: _dashes(n.tau_syn[:, 0], n.dt) for n in populations},
        }


def _is_bare(node: NeuronNode) -> bool:
    return bool(np.allclose(node.tau_syn, no_synapse(node.dt), rtol=1e-5, atol=0))


def _names(graph: Graph) -> dict[str, str]:
    """Names of nodes: those of the graph, but that the ends are called as everywhere."""
    made = {INPUT: "input"}
    taken = {"input", "output"}
    for node in graph.nodes:
        if node.name != INPUT:
            name = node.name.replace("/", "_")
            while name in taken:
                name += "_"
            taken.add(name)
            made[node.name] = name
    return made


def _leak(bias: Values, x: Values) -> Any:
    """`v_leak` that gives the bias back in 32 bits: in 32 bits where these can."""
    exact = bias / x
    short = exact.astype(np.float32)
    same = (short.astype(np.float64) * x).astype(np.float32) == bias.astype(np.float32)
    return short if np.all(same) else exact


def _dashes(tau: Values, dt: float) -> list[int | None]:
    steps = np.log2(np.maximum(tau / dt, 2))
    return [round(one) if np.isfinite(one) else None for one in steps.tolist()]


def _f32(values: Any) -> Any:
    return np.asarray(values, dtype=np.float32)
