"""`GraphJax`: named modules wired freely."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add
from typing import Any

from .._raster import as_batch
from ..module import Tree
from ._container import Container, Run, require_module
from ._wiring import (
    INPUT,
    OUTPUT,
    as_edges,
    evaluation_order,
    gives_spikes,
    problems_of,
    size_of_input,
    size_of_output,
    sources_of,
    takes_spikes,
)


class GraphJax(Container):
    """Modules wired freely: signals may part, go around modules, and add up where they meet.

    Edges lead from `input` over modules to `output`. Each module runs once a call, after all it
    receives from; where several edges lead to one name, the signals are added. New states and
    records are nested under the names; the record also holds each module's output as
    `f"{name}_output"`.

    Attributes:
        edges: pairs of names.

    Args:
        modules: a dict of modules by name.
        edges: a list of tuples of two or more names; a signal passes from each to the next.

    Raises:
        ValueError: edges that form a cycle, name what does not exist or are given twice, modules
            that receive nothing or lead nowhere, sizes that do not fit; lists all.
        TypeError: something that is no JaxModule, or no edge.

    >>> from xylograph.models import LIFJax, LinearJax
    >>> net = GraphJax(
    ...     {"w_in": LinearJax((4, 8)), "hidden": LIFJax(8), "w_out": LinearJax((8, 2)),
    ...      "w_skip": LinearJax((4, 2)), "readout": LIFJax(2)},
    ...     edges=[("input", "w_in", "hidden", "w_out", "readout", "output"),
    ...            ("input", "w_skip", "readout")],
    ... )
    >>> net.sources_of("readout")
    ('w_out', 'w_skip')
    """

    def __init__(self, modules: Any, edges: Any) -> None:
        if not isinstance(modules, Mapping):
            raise TypeError(f"`GraphJax` takes modules by name, got {type(modules).__name__}")
        modules = {name: require_module(one, "GraphJax") for name, one in modules.items()}
        pairs = as_edges(edges)
        problems = list(problems_of(pairs, modules))
        if problems:
            raise ValueError("this is no graph:" + "".join(f"\n- {one}" for one in problems))
        super().__init__(
            (size_of_input(pairs, modules), size_of_output(pairs, modules)),
            spiking_input=takes_spikes(pairs, modules),
            spiking_output=gives_spikes(pairs, modules),
        )
        self.edges = pairs
        for name, module in modules.items():
            setattr(self, name, module)

    def sources_of(self, name: str) -> tuple[str, ...]:
        """What leads to a module or to `output`, in the order in which it is added."""
        return tuple(sources_of(self.edges, name))

    @property
    def order(self) -> tuple[str, ...]:
        """The names of the modules in the order in which they run."""
        return tuple(evaluation_order(self.edges))

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, Tree, Tree]:
        """Run each module over the sum of what leads to it.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        signals = {INPUT: as_batch(input_data, self.size_in, self._label())}
        run = Run(self, record)
        for name in self.order:
            signals[name] = run(name, self._sum(name, signals))
        return run.result(self._sum(OUTPUT, signals))

    def _sum(self, name: str, signals: Tree) -> Any:
        parts = {source: signals[source] for source in self.sources_of(name)}
        if len({part.shape for part in parts.values()}) > 1:
            shapes = ", ".join(f"`{source}` gives {part.shape}" for source, part in parts.items())
            raise ValueError(f"{self._label()}: shapes that meet at `{name}` differ: {shapes}")
        return reduce(add, parts.values())
