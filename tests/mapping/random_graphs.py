"""Random graphs with everything that graphs can have."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mapping_cases import graph

from xylograph.mapping import Graph, LinearNode, NeuronNode, ScaleNode, SumNode


@dataclass
class Features:
    """What the graphs may have besides layers; each thing comes with a chance of one half."""

    two_synapses: bool = True
    recurrence: bool = True
    residuals: bool = True
    chains: bool = True
    scales: bool = True
    weight_biases: bool = True
    neuron_biases: bool = True
    skips: bool = True


@dataclass
class Builder:
    """Makes a graph layer by layer; what a layer may receive from is in `ends`."""

    seed: int
    features: Features
    n_inputs: int = 2
    nodes: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def build(self, n_layers: int) -> Graph:
        end, n = "@input", self.n_inputs
        ends: list[tuple[str, int]] = []
        for layer in range(n_layers):
            if layer and self.features.residuals and self.rng.random() < 0.5:
                end = self.residual(f"r{layer}", end, n)
            else:
                n_new = int(self.rng.integers(2, 5))
                end, n = self.layer(f"h{layer}", [(end, n)], n_new), n_new
            ends.append((end, n))
        sources = [ends[-1]]
        if self.features.skips and len(ends) > 1 and self.rng.random() < 0.5:
            sources.append(ends[0])
        self.layer("out", sources, int(self.rng.integers(1, 4)), is_output=True)
        return graph(*self.nodes, n_inputs=self.n_inputs, output="out")

    def residual(self, name: str, end: str, n: int) -> str:
        inside = self.layer(f"{name}.lif", [(end, n)], n)
        self.nodes.append(SumNode(name, (inside, end), n))
        return name

    def layer(
        self, name: str, sources: list[tuple[str, int]], n: int, is_output: bool = False
    ) -> str:
        synapses = 1 if is_output or not self.features.two_synapses else 1 + self.chance()
        arriving = [self.way(f"{name}.w{i}", *one, n * synapses) for i, one in enumerate(sources)]
        if self.features.recurrence and not is_output and self.chance():
            recurrent = LinearNode(f"{name}.w_rec", (name,), self.weights(n, n * synapses) / 2)
            self.nodes.append(recurrent)
            arriving.append(recurrent.name)
        has_bias = self.features.neuron_biases and self.chance()
        self.nodes.append(
            NeuronNode(
                name=name,
                sources=tuple(arriving),
                tau_mem=self.rng.uniform(0.003, 0.02, n),
                tau_syn=self.rng.uniform(0.003, 0.02, (n, synapses)),
                threshold=self.rng.uniform(0.5, 2, n),
                bias=self.rng.normal(0.02, 0.05, n) * has_bias,
                dt=1e-3,
                max_spikes=1.0 if is_output else 31.0,
            )
        )
        return name

    def way(self, name: str, end: str, n_in: int, n_out: int) -> str:
        """Weights, or several things in a row that are as good as weights."""
        if self.features.chains and self.chance():
            self.linear(f"{name}.first", end, n_in, 3)
            end, n_in = f"{name}.first", 3
        if self.features.scales and self.chance():
            self.nodes.append(ScaleNode(f"{name}.scale", (end,), self.rng.uniform(0.5, 2, n_in)))
            end = f"{name}.scale"
        self.linear(name, end, n_in, n_out)
        return name

    def linear(self, name: str, end: str, n_in: int, n_out: int) -> None:
        has_bias = self.features.weight_biases and self.chance()
        bias = self.rng.normal(0, 0.05, n_out) if has_bias else None
        self.nodes.append(LinearNode(name, (end,), self.weights(n_in, n_out), bias))

    def weights(self, n_in: int, n_out: int) -> np.ndarray:
        return self.rng.normal(0.1, 0.6, (n_in, n_out))

    def chance(self) -> int:
        return int(self.rng.random() < 0.5)


def random_graph(seed: int, n_layers: int = 3, **features: bool) -> Graph:
    return Builder(seed, Features(**features)).build(n_layers)
