"""The kinds of nodes a `Graph` consists of, each a whole population.

Arrays are kept as float64 and cannot be written to: passes make new nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from jaxtyping import Num

# Whoever writes a tracer makes these arrays: shapes are checked here, with names, not by types.
Values: TypeAlias = Num[np.ndarray, "..."]


@dataclass(frozen=True, eq=False)
class InputNode:
    """The channels a network is fed through.

    Attributes:
        name: its name.
        size: number of channels.
    """

    name: str
    size: int
    sources: tuple[str, ...] = field(default=(), init=False)

    @property
    def n_in(self) -> int:
        """Channels it receives."""
        return self.size

    @property
    def n_out(self) -> int:
        """Channels it gives."""
        return self.size


@dataclass(frozen=True, eq=False)
class LinearNode:
    """Weights from one population to another.

    Attributes:
        name: path of the module, such as `0_LinearJax`.
        sources: names of the nodes it receives from.
        weights: `(n_in, n_out)`, row: source channel, column: target channel.
        bias: `(n_out,)`, added to the target channels, or `None`.

    Raises:
        ValueError: shapes that do not fit; lists all.

    >>> LinearNode("0_LinearJax", ("@input",), np.array([[1, 2]])).n_out
    2
    """

    name: str
    sources: tuple[str, ...]
    weights: Values
    bias: Values | None = None

    def __post_init__(self) -> None:
        if np.ndim(self.weights) != 2:
            raise ValueError(
                f"`{self.name}`: `weights` has the shape {np.shape(self.weights)}, expected is "
                "(n_in, n_out)"
            )
        given = {} if self.bias is None else {"bias": (self.n_out,)}
        _settle(self, {"weights": self.weights.shape} | given)

    @property
    def n_in(self) -> int:
        """Channels it receives."""
        return self.weights.shape[0]

    @property
    def n_out(self) -> int:
        """Channels it gives."""
        return self.weights.shape[1]


@dataclass(frozen=True, eq=False)
class ScaleNode:
    """One factor for each channel.

    Attributes:
        name: path of the module.
        sources: names of the nodes it receives from.
        scale: `(n,)`, what each channel is multiplied by.

    >>> ScaleNode("0_Gain", ("@input",), np.array([2.0, 0.5])).n_out
    2
    """

    name: str
    sources: tuple[str, ...]
    scale: Values

    def __post_init__(self) -> None:
        _settle(self, {"scale": (np.size(self.scale),)})

    @property
    def n_in(self) -> int:
        """Channels it receives."""
        return self.scale.size

    @property
    def n_out(self) -> int:
        """Channels it gives."""
        return self.scale.size


@dataclass(frozen=True, eq=False)
class SumNode:
    """The sum of its sources, channel by channel: where a residual connection ends.

    Attributes:
        name: path of the module that adds.
        sources: names of the nodes it receives from.
        size: number of channels.
        carrier: the one of its sources whose neurons also send, on the chip, what the other
            sources send (their aliases); `None` before that is decided.

    >>> SumNode("2_JaxResidual", ("1_LIFJax", "2_JaxResidual.1_LIFJax"), 8).n_out
    8
    """

    name: str
    sources: tuple[str, ...]
    size: int
    carrier: str | None = None

    def __post_init__(self) -> None:
        if self.carrier is not None and self.carrier not in self.sources:
            raise ValueError(f"`{self.name}`: the carrier `{self.carrier}` is none of its sources")

    @property
    def n_in(self) -> int:
        """Channels it receives."""
        return self.size

    @property
    def n_out(self) -> int:
        """Channels it gives."""
        return self.size


@dataclass(frozen=True, eq=False)
class NeuronNode:
    """Leaky integrate-and-fire neurons with exponential synapses.

    Input channel `n * K + k` is synapse `k` of neuron `n`.

    Attributes:
        name: path of the module, such as `1_LIFJax`.
        sources: names of the nodes it receives from.
        tau_mem: `(n,)`, membrane time constants [s].
        tau_syn: `(n, K)`, synaptic time constants [s].
        threshold: `(n,)`, voltage of one spike, which a spike subtracts.
        bias: `(n,)`, added to the membrane in every step.
        dt: length of a step [s].
        max_spikes: most spikes of a neuron in one step.
        noise_std: standard deviation of the membrane noise.

    Raises:
        ValueError: shapes that do not fit; lists all.

    >>> taus, ones = np.full(3, 0.02), np.ones(3)
    >>> node = NeuronNode(
    ...     "1_LIFJax", ("weights",), taus, taus[:, None], ones, 0 * ones, dt=1e-3, max_spikes=31.0
    ... )
    >>> node.n_out, node.n_synapses
    (3, 1)
    """

    name: str
    sources: tuple[str, ...]
    tau_mem: Values
    tau_syn: Values
    threshold: Values
    bias: Values
    dt: float
    max_spikes: float
    noise_std: float = 0.0

    def __post_init__(self) -> None:
        n = np.size(self.tau_mem)
        k = max(1, np.size(self.tau_syn) // max(1, n))
        _settle(self, {"tau_mem": (n,), "tau_syn": (n, k), "threshold": (n,), "bias": (n,)})

    @property
    def n_synapses(self) -> int:
        """Synaptic currents of each neuron."""
        return self.tau_syn.shape[1]

    @property
    def n_in(self) -> int:
        """Channels it receives: one for each synapse of each neuron."""
        return self.tau_syn.size

    @property
    def n_out(self) -> int:
        """Number of neurons."""
        return self.tau_mem.size


@dataclass(frozen=True, eq=False)
class ForeignNode:
    """A layer that no chip computes; it keeps its place, so that everything wrong is told at once.

    Attributes:
        name: path of the module.
        sources: names of the nodes it receives from.
        size_in: channels it receives.
        size_out: channels it gives.
        kind: what it is, for messages: "a population of rate neurons".
        way_out: what to do instead, in the imperative.
    """

    name: str
    sources: tuple[str, ...]
    size_in: int
    size_out: int
    kind: str
    way_out: str

    @property
    def n_in(self) -> int:
        """Channels it receives."""
        return self.size_in

    @property
    def n_out(self) -> int:
        """Channels it gives."""
        return self.size_out


Node: TypeAlias = InputNode | LinearNode | ScaleNode | SumNode | NeuronNode | ForeignNode


def _settle(node: LinearNode | ScaleNode | NeuronNode, shapes: dict[str, tuple[int, ...]]) -> None:
    """Keep copies of the arrays of a node as float64, if their shapes are these."""
    arrays = {name: np.array(getattr(node, name), dtype=np.float64) for name in shapes}
    wrong = [
        f"`{name}` has the shape {array.shape}, expected is {shapes[name]}"
        for name, array in arrays.items()
        if array.shape != shapes[name]
    ]
    if wrong:
        raise ValueError(f"`{node.name}`: " + "; ".join(wrong))
    for name, array in arrays.items():
        array.flags.writeable = False
        object.__setattr__(node, name, array)
