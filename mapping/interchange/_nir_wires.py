"""A NIR graph without graphs in it, and without nodes that only pass on."""

from __future__ import annotations

import numpy as np

from ._nir_tree import MAX_EDGES, NirTree, refuse

_PASS_ON = ("Input", "Output", "Flatten")


class Wires:
    """Nodes by name, and what leads from where to where.

    Args:
        tree: a graph.

    Raises:
        FormatError: edges lead to what is not there, or a graph has not one input and one output.
    """

    def __init__(self, tree: NirTree) -> None:
        self.nodes: dict[str, NirTree] = {}
        self.sources: dict[str, list[str]] = {}
        self.sinks: dict[str, list[str]] = {}
        self._n_edges = 0
        self.input, self.output = self._add_graph(tree, "")
        for name, node in list(self.nodes.items()):
            if node.kind in _PASS_ON and name not in (self.input, self.output):
                self._bypass(name)

    def connect(self, source: str, sink: str) -> None:
        """Let a signal go from one node to another."""
        if sink in self.sinks[source]:
            refuse(f"two ways lead from `{source}` to `{sink}`, on which nothing happens")
        self._n_edges += 1
        if self._n_edges > MAX_EDGES:
            refuse(f"it has more than {MAX_EDGES} edges")
        self.sinks[source].append(sink)
        self.sources[sink].append(source)

    def cut(self, source: str, sink: str) -> None:
        """Take an edge away."""
        self._n_edges -= 1
        self.sinks[source].remove(sink)
        self.sources[sink].remove(source)

    def add(self, name: str, node: NirTree) -> None:
        """Put a node there, without edges."""
        if name in self.nodes:
            refuse(f"the name `{name}` is used twice")
        self.nodes[name], self.sources[name], self.sinks[name] = node, [], []

    def insert(self, name: str, sources: list[str], sink: str) -> str:
        """Put weights between others, instead of their edges; gives the name, which is a free one."""
        while name in self.nodes:
            name += "_"
        self.add(name, NirTree("Linear"))
        for source in sources:
            if sink in self.sinks[source]:
                self.cut(source, sink)
            self.connect(source, name)
        self.connect(name, sink)
        return name

    def drop(self, name: str) -> None:
        """Take a node away with its edges."""
        for source in list(self.sources[name]):
            self.cut(source, name)
        for sink in list(self.sinks[name]):
            self.cut(name, sink)
        del self.nodes[name], self.sources[name], self.sinks[name]

    @property
    def edges(self) -> list[tuple[str, str]]:
        """All edges."""
        return [(source, sink) for source, sinks in self.sinks.items() for sink in sinks]

    def _add_graph(self, tree: NirTree, prefix: str) -> tuple[str, str]:
        """Add all in a graph; gives the names of its input and its output."""
        ends: dict[str, tuple[str, str]] = {}
        for name, node in tree.nodes.items():
            full = prefix + name
            if node.kind == "NIRGraph":
                ends[name] = self._add_graph(node, f"{full}.")
            else:
                self.add(full, node)
                ends[name] = (full, full)
        for source, sink in tree.edges:
            if source not in ends or sink not in ends:
                refuse(f"an edge leads from `{prefix}{source}` to `{prefix}{sink}`; one is no node")
            self.connect(ends[source][1], ends[sink][0])
        found = [
            [prefix + name for name, node in tree.nodes.items() if node.kind == kind]
            for kind in ("Input", "Output")
        ]
        if [len(names) for names in found] != [1, 1]:
            place = f"the graph `{prefix[:-1]}`" if prefix else "it"
            refuse(
                f"{place} has {len(found[0])} inputs and {len(found[1])} outputs; a network here "
                "has one of each"
            )
        return found[0][0], found[1][0]

    def _bypass(self, name: str) -> None:
        sources, sinks = list(self.sources[name]), list(self.sinks[name])
        if name in sources:
            refuse(f"`{name}` feeds itself")
        self.drop(name)
        for source in sources:
            for sink in sinks:
                self.connect(source, sink)


def sizes(wires: Wires) -> dict[str, tuple[int | None, int | None]]:
    """How many channels each node takes and gives, also those that have one number for all.

    Raises:
        FormatError: channels do not fit together, or cannot be told.
    """
    known = {name: _own_sizes(name, node) for name, node in wires.nodes.items()}
    waiting = [name for name, size in known.items() if None in size]
    # From neighbour to neighbour; each round settles at least one, or there is nothing to tell by.
    while waiting:
        for name in waiting:
            told = [known[one][1] for one in wires.sources[name]]
            told += [known[one][0] for one in wires.sinks[name]]
            size = next((one for one in told if one is not None), None)
            known[name] = (size, size)
        left = [name for name in waiting if None in known[name]]
        if len(left) == len(waiting):
            refuse(f"how many channels `{left[0]}` has cannot be told")
        waiting = left
    for source, sink in wires.edges:
        given, taken = known[source][1], known[sink][0]
        if given != taken:
            refuse(f"`{source}` gives {given} channels, `{sink}` takes {taken}")
    return known


def _own_sizes(name: str, node: NirTree) -> tuple[int | None, int | None]:
    arrays = {key: np.asarray(value) for key, value in node.values.items()}
    if "weight" in arrays and node.kind in ("Linear", "Affine"):
        shape = arrays["weight"].shape
        if len(shape) != 2 or 0 in shape:
            refuse(f"`{name}.weight` has the shape {shape}, expected is (n_out, n_in)")
        return shape[1], shape[0]
    if node.kind in ("Input", "Output"):
        shape = arrays.get("shape", np.zeros(0)).reshape(-1)
        # A forged size must not become one of the arrays.
        whole = shape.dtype.kind in "iu" and shape.size and np.all((shape > 0) & (shape < 2**20))
        size = int(np.prod(shape.astype(float))) if whole and shape.size <= 8 else 0
        if not 0 < size < 2**20:
            refuse(f"`{name}` has the shape {shape.tolist()[:8]}")
        return size, size
    most = max((array.size for array in arrays.values()), default=0)
    scalar = all(array.ndim == 0 for array in arrays.values())
    if not most:
        refuse(f"`{name}` has no values")
    return (None, None) if scalar else (most, most)
