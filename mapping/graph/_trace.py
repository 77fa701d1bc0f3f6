"""`trace`: from a module tree to a `Graph`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ...models import JaxModule
from ._graph import Graph
from ._nodes import InputNode, Node

# `@` is in no module's name, so no module can be called like the input.
INPUT = "@input"

# For static checkers; at run time `trace` takes anything and says itself what is wrong.
if TYPE_CHECKING:
    Network: TypeAlias = JaxModule
else:
    Network = object

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
        known = [cls for cls in type(module).__mro__ if cls in _TRACERS]
        if not known:
            names = ", ".join(sorted(cls.__name__ for cls in _TRACERS))
            raise _untraceable(module, path, f"which cannot be traced; known are {names}")
        if type(module).evolve is not known[0].evolve:
            computes = f"which computes otherwise than `{known[0].__name__}`: it defines `evolve`"
            raise _untraceable(module, path, computes)
        return _TRACERS[known[0]](self, module, source, path)


def _untraceable(module: JaxModule, path: str, reason: str) -> TypeError:
    return TypeError(
        f"{f'`{path}`' if path else 'the network'} is a `{module.class_name}`, {reason}. Decorate "
        "a function that adds its nodes with "
        f"`xylograph.mapping.register_tracer({module.class_name})`"
    )


def register_tracer(cls: type[M]) -> Callable[[Tracer], Tracer]:
    """Say how modules of a class become nodes, and of those subclasses that keep its `evolve`.

    The decorated function takes the wiring, the module, the name of the node it receives from and
    its path; it adds nodes and gives the name of the node the module ends in. To be observed,
    neurons are named by the path under which the network records their `spikes`.

    Args:
        cls: a module class.

    Returns:
        A decorator that gives the function back.

    >>> from xylograph.models import LinearJax, Sequential
    >>> class Passes(JaxModule):
    ...     def evolve(self, input_data, record=False):
    ...         return input_data, {}, {}
    >>> @register_tracer(Passes)
    ... def trace_passes(wiring, module, source, path):
    ...     return source
    >>> trace(Sequential(Passes(2), LinearJax((2, 3)))).output
    '1_LinearJax'
    """

    def register(tracer: Tracer) -> Tracer:
        _TRACERS[cls] = tracer
        return tracer

    return register


def trace(network: Network) -> Graph:
    """The graph of a network.

    Node names are the paths of the modules, `.` between levels; a network that is a single module
    bears the name of its class. The input is `@input`, recurrent weights are `<neurons>.w_rec`.
    Values are copied as float64.

    Args:
        network: a module tree of known classes; see `register_tracer` for others.

    Returns:
        The graph.

    Raises:
        TypeError: a module of a class that cannot be traced; names it. Also where the network is
            no module.

    >>> from xylograph.models import LIFJax, LinearJax, Sequential
    >>> net = Sequential(LinearJax((2, 3)), LIFJax(3))
    >>> [node.name for node in trace(net).nodes]
    ['@input', '0_LinearJax', '1_LIFJax']
    """
    if not isinstance(network, JaxModule):
        raise TypeError(
            f"a network is a `JaxModule`, this is a `{type(network).__name__}`: "
            "`xylograph.models.load` reads a network from a file, `from_rockpool`, `from_nir` and "
            "`from_onnx` of `xylograph.mapping` read those of other tools"
        )
    wiring = Wiring([InputNode(INPUT, network.size_in)])
    output = wiring.follow(network, INPUT, "")
    return Graph(tuple(wiring.nodes), output)


def child_path(path: str, name: str) -> str:
    """The path of a child."""
    return f"{path}.{name}" if path else name
