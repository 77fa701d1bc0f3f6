"""`trace`: from a module tree to a `Graph`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from ..models import JaxModule, LIFJax, LinearJax, Sequential
from ._graph import Graph, InputNode, LinearNode, NeuronNode, Node

INPUT = "input"

M = TypeVar("M", bound=JaxModule)
Tracer = Callable[["Wiring", Any, str, str], str]
_TRACERS: dict[type[JaxModule], Tracer] = {}


@dataclass
class Wiring:
    """The nodes found so far, while a network is traced."""

    nodes: list[Node] = field(default_factory=list)

    def add(self, node: Node) -> str:
        """Add a node and give its name."""
        self.nodes.append(node)
        return node.name

    def follow(self, module: JaxModule, source: str, path: str) -> str:
        """Trace a module that receives from `source`; gives the name of the node it ends in.

        Raises:
            TypeError: nobody has said how to trace modules of this class.
        """
        for cls in type(module).__mro__:
            if cls in _TRACERS:
                return _TRACERS[cls](self, module, source, path)
        known = ", ".join(sorted(cls.__name__ for cls in _TRACERS))
        raise TypeError(
            f"`{path or 'the network'}` is a `{module.class_name}`, which cannot be traced; "
            f"known are {known}. Decorate a function that adds its nodes with "
            f"`xylograph.mapping.register_tracer({module.class_name})`"
        )


def register_tracer(cls: type[M]) -> Callable[[Tracer], Tracer]:
    """Say how modules of a class, and of its subclasses, become nodes.

    The decorated function takes the wiring, the module, the name of the node it receives from and
    its path; it adds nodes and gives the name of the node the module ends in.

    Args:
        cls: a module class.
    """

    def register(tracer: Tracer) -> Tracer:
        _TRACERS[cls] = tracer
        return tracer

    return register


def trace(network: JaxModule) -> Graph:
    """The graph of a network.

    Node names are the paths of the modules, `.` between levels; recurrent weights are
    `<neurons>.w_rec`. Values are copied as float64.

    Args:
        network: a module tree of known classes; see `register_tracer` for others.

    Returns:
        The graph.

    Raises:
        TypeError: a module of a class that cannot be traced; names it.

    >>> net = Sequential(LinearJax((2, 3)), LIFJax(3))
    >>> [node.name for node in trace(net).nodes]
    ['input', '0_LinearJax', '1_LIFJax']
    """
    wiring = Wiring([InputNode(INPUT, network.size_in)])
    output = wiring.follow(network, INPUT, "")
    return Graph(tuple(wiring.nodes), output)


def child_path(path: str, name: str) -> str:
    """The path of a child."""
    return f"{path}.{name}" if path else name


@register_tracer(Sequential)
def _trace_sequential(wiring: Wiring, module: Sequential, source: str, path: str) -> str:
    for name, child in module.modules().items():
        source = wiring.follow(child, source, child_path(path, name))
    return source


@register_tracer(LinearJax)
def _trace_linear(wiring: Wiring, module: LinearJax, source: str, path: str) -> str:
    bias = None if np.ndim(module.bias) == 0 else _float(module.bias)
    return wiring.add(LinearNode(path or module.class_name, (source,), _float(module.weight), bias))


@register_tracer(LIFJax)
def _trace_lif(wiring: Wiring, module: LIFJax, source: str, path: str) -> str:
    name, n, k = path or module.class_name, module.size_out, module.n_synapses
    recurrent = child_path(name, "w_rec")
    if module.has_rec:
        wiring.add(LinearNode(recurrent, (name,), _float(module.w_rec)))
    return wiring.add(
        NeuronNode(
            name=name,
            sources=(source, recurrent) if module.has_rec else (source,),
            tau_mem=_float(module.tau_mem, (n,)),
            tau_syn=_float(module.tau_syn, (n, k)),
            threshold=_float(module.threshold, (n,)),
            bias=_float(module.bias, (n,)),
            dt=float(module.dt),
            max_spikes=float(module.max_spikes_per_dt),
            noise_std=float(module.noise_std),
        )
    )


def _float(value: Any, shape: tuple[int, ...] | None = None) -> Float[np.ndarray, "..."]:
    array = np.array(value, dtype=np.float64)
    return array if shape is None else np.broadcast_to(array, shape).copy()
