"""`to_nir`: a network as a NIR graph, for other tools."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from jaxtyping import Float

from ...hw import XyloConfig
from ...models import ExpSynJax, JaxModule, LowPassJax
from ...models.storage._files import write_atomically
from .._deployment import Deployment
from ..graph._graph import Graph
from ..graph._nodes import ForeignNode, InputNode, LinearNode, NeuronNode, Node, ScaleNode, SumNode
from ..graph._trace import INPUT, Network, trace
from ._nir_dialects import DIALECTS, Dialect, Values
from ._nir_layers import NO_SYNAPSE, no_synapse
from ._nir_metadata import METADATA, Facts, dashes
from ._nir_of_chip import network_of_chip
from ._nir_tree import nir_library

WRITTEN = ("physical", "euler")


def to_nir(
    network: Network | XyloConfig | Deployment,
    path: str | os.PathLike[str] | None = None,
    *,
    dialect: str = "physical",
) -> Any:
    """The NIR graph of a network, or of what a chip was configured to.

    `LIFJax` becomes `CubaLIF`, or with several synapses an `LI` for each and a `LIF`; `LinearJax`
    becomes `Linear` or `Affine`, `LowPassJax` and `ExpSynJax` become `LI`, `w_rec` a cycle. Times
    are seconds; with `x = dt / tau` of the membrane, `r = 1 / x`, `v_leak = bias / x`, and
    `w_in = exp(-dt/tau_syn) tau_syn / dt`, so that readers that take steps of Euler's method give
    each spike the weight that it has here.

    Of a configuration or a deployment it is the network with the integers of the chip: weights
    after their shifts, thresholds, biases, and time constants that lose what the shifts take. States
    of a chip are also rounded and saturate, and its hidden spikes come a step later to the outputs.

    The graph means the same without its metadata, which hold, as JSON under `xylograph`, `dt`, the
    dialect, of each population the most spikes in a step and the decay shifts of a chip, and of a
    configuration the chip, its shifts of weights, and of a deployment the factor between threshold
    and specification. `from_nir` uses them only where they are of the graph.

    Args:
        network: of modules that `trace` knows, without noise; a configuration, or a deployment.
        path: a file to write the graph to as well; replaced in one go.
        dialect: `physical`: time constants as they are; `euler`: such that a step of Euler's
            method, `1 - dt / tau`, leaves what is left here.

    Returns:
        The graph, a `nir.NIRGraph`; node names are the paths of modules.

    Raises:
        TypeError: the network cannot be traced.
        ValueError: layers that NIR has no node for, all named, a decay shift of 0, or another
            dialect.
        MissingExtraError: without the extra `nir`.
        OSError: when the file cannot be written.

    Source: NIR facts; the equations of NIR 1.0.

    >>> from xylograph.models import LIFJax, LinearJax, Sequential
    >>> graph = to_nir(Sequential(LinearJax((2, 3)), LIFJax(3, tau_mem=0.02)))
    >>> [(name, type(node).__name__) for name, node in graph.nodes.items()]
    [('input', 'Input'), ('0_LinearJax', 'Linear'), ('1_LIFJax', 'CubaLIF'), ('output', 'Output')]
    >>> float(graph.nodes["1_LIFJax"].tau_mem[0])  # doctest: +ELLIPSIS
    0.0199999...
    """
    library = nir_library("`to_nir`")
    if dialect not in WRITTEN:
        known = " and ".join(f"`{name}`" for name in WRITTEN)
        raise ValueError(f"`dialect` is {dialect!r}; written are {known}")
    hardware: dict[str, Any] = {}
    if isinstance(network, XyloConfig | Deployment):
        network, hardware = network_of_chip(network)
    graph = _Writer(library, network, trace(network), DIALECTS[dialect]).graph(hardware)
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
        self._nodes: dict[str, Any] = {}
        self._edges: list[tuple[str, str]] = []
        self._refuse()

    def graph(self, hardware: dict[str, Any]) -> Any:
        """The whole graph."""
        for node in self._graph.nodes:
            if isinstance(node, SumNode):
                continue
            name, sources = self._names[node.name], self._sources(node)
            target = self._target_of(node)
            if isinstance(node, NeuronNode) and node.n_synapses > 1:
                self._add_synapses(node, name)
            elif isinstance(node, LinearNode) and target is not None:
                for place in range(target.n_synapses):
                    self._add(f"{name}_syn{place + 1}", self._part(node, target, place), sources)
            else:
                self._add(name, self._node(node), sources)
        output = self._graph[self._graph.output]
        last = self._spread((output.name,))
        self._add("output", self._nir.Output(np.array([output.n_out])), last)
        twice = sorted({f"`{a}` to `{b}`" for a, b in self._edges if self._edges.count((a, b)) > 1})
        if twice:
            raise ValueError(f"NIR has one edge between two nodes; here are more: {twice[0]}")
        text = self._facts(hardware).to_text()
        return self._nir.NIRGraph(self._nodes, self._edges, metadata={METADATA: text})

    def _add(self, name: str, node: Any, sources: list[str]) -> None:
        self._nodes[name] = node
        self._edges += [(self._names[source], name) for source in sources]

    def _target_of(self, node: Node) -> NeuronNode | None:
        """The neurons with several synapses that weights are for alone."""
        sinks = self._graph.sinks_of(node) if isinstance(node, LinearNode) else []
        one = sinks[0] if len(sinks) == 1 else None
        several = isinstance(one, NeuronNode) and one.n_synapses > 1
        return one if several and isinstance(one, NeuronNode) else None

    def _add_synapses(self, node: NeuronNode, name: str) -> None:
        """One filter for each synapse, which add up in the neurons."""
        tau, x = self._tau(node.tau_mem, node.dt)
        ones = np.ones(node.n_out, np.float32)
        self._nodes[name] = self._nir.LIF(
            tau=tau,
            r=_f32(1 / x),
            v_leak=_leak(node.bias, x),
            v_threshold=_f32(node.threshold),
            v_reset=0 * ones,
        )
        for place in range(node.n_synapses):
            exact = node.tau_syn[:, place]
            tau, x = self._tau(exact, node.dt)
            filtered = f"{name}_syn{place + 1}"
            gain = np.exp(-node.dt / exact) / x
            self._nodes[filtered] = self._nir.LI(tau=tau, r=_f32(gain), v_leak=0 * ones)
            self._edges.append((filtered, name))
            for source in self._sources(node):
                sender = f"{self._names[source]}_syn{place + 1}"
                if self._target_of(self._graph[source]) is not node:
                    chosen = np.zeros((node.n_out, node.n_in), np.float32)
                    chosen[:, place :: node.n_synapses] = np.eye(node.n_out)
                    sender = f"{self._names[source]}_to_{filtered}"
                    self._add(sender, self._nir.Linear(weight=chosen), [source])
                self._edges.append((sender, filtered))

    def _part(self, node: LinearNode, target: NeuronNode, place: int) -> Any:
        """Weights to one synapse of each neuron."""
        part = slice(place, None, target.n_synapses)
        bias = None if node.bias is None else node.bias[part]
        return self._weights(node.weights[:, part], bias)

    def _refuse(self) -> None:
        wrong = []
        for node in self._graph.nodes:
            if isinstance(node, ForeignNode) and self._filter(node) is None:
                wrong.append(f"`{node.name}` is {node.kind}")
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
            return self._weights(
                node.weights * factor, None if node.bias is None else node.bias * factor
            )
        if isinstance(node, ScaleNode):
            return self._nir.Scale(scale=_f32(node.scale))
        if isinstance(node, NeuronNode):
            return self._neurons(node)
        assert isinstance(node, ForeignNode)
        return self._low_pass(node)

    def _weights(self, weights: Any, bias: Any) -> Any:
        if bias is None:
            return self._nir.Linear(weight=_f32(weights.T))
        return self._nir.Affine(weight=_f32(weights.T), bias=_f32(bias))

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

    def _facts(self, hardware: dict[str, Any]) -> Facts:
        populations = self._graph.populations
        filters = [self._filter(node) for node in self._graph.of_kind(ForeignNode)]
        steps = [node.dt for node in populations] + [float(one.dt) for one in filters if one]
        named = [(self._names[node.name], node) for node in populations]
        dash_syn = {
            f"{name}_syn{place + 1}" if node.n_synapses > 1 else name: dashes(
                node.tau_syn[:, place], node.dt
            )
            for name, node in named
            for place in range(node.n_synapses)
        }
        return Facts(
            dialect=self._dialect.name,
            dt=steps[0] if steps else 1e-3,
            max_spikes={name: node.max_spikes for name, node in named},
            dash_mem={name: dashes(node.tau_mem, node.dt) for name, node in named},
            dash_syn=dash_syn,
            hardware=hardware,
        )


def _is_bare(node: NeuronNode) -> bool:
    one = node.n_synapses == 1
    return one and bool(np.allclose(node.tau_syn, no_synapse(node.dt), rtol=1e-5, atol=0))


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


def _f32(values: Any) -> Any:
    return np.asarray(values, dtype=np.float32)
