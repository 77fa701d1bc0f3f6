"""Observing networks."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int32

from ...models import JaxModule
from ..graph._graph import Graph
from ..graph._nodes import NeuronNode
from ..graph._trace import trace
from ._observation import Observation
from ._observe import observed, require_channels

# A record holds voltages and currents beside the spikes: with 2400 samples of 250 steps and 136 neurons
# observing takes 2.9 GB in one piece and 1.0 GB in pieces of so many counts, and no longer.
_COUNTS_AT_ONCE = 1_000_000


@observed.register
def _of_network(network: JaxModule, data: np.ndarray, states: bool) -> Observation:
    graph = trace(network)
    if graph[graph.output] not in graph.populations:
        raise ValueError(
            f"the network ends in `{graph.output}`, which gives no spikes to observe: end it with "
            "neurons"
        )
    require_channels(data, network.size_in, "the network")
    names = [*(node.name for node in graph.hidden), graph.output]
    n_counts = data.shape[1] * sum(node.n_out for node in graph.populations)
    fresh = network.reset_state()
    spikes: dict[str, list[np.ndarray]] = {name: [] for name in names}
    membranes: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for piece in _pieces(data, max(1, _COUNTS_AT_ONCE // n_counts)):
        _, _, record = fresh(piece, record=True)
        for name in names:
            inside = _record_of(network, record, name)
            spikes[name].append(_counts(inside, name))
            if states and "vmem" in inside:
                membranes[name].append(_membrane(graph, inside, name))
    return Observation(
        {name: np.concatenate(spikes.pop(name))[: len(data)] for name in names},
        membranes={
            name: np.concatenate(parts)[: len(data)] for name, parts in membranes.items() if parts
        },
    )


def _pieces(data: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """The batch in pieces of equal size, so that JAX compiles once; the last is filled up."""
    size = -(-len(data) // -(-len(data) // most))
    for first in range(0, len(data), size):
        piece = data[first : first + size]
        yield np.pad(piece, ((0, size - len(piece)), (0, 0), (0, 0)))


def _record_of(network: JaxModule, record: dict[str, Any], name: str) -> dict[str, Any]:
    """What the network recorded of a population."""
    inside: Any = record
    # A network that is a single module has the name of its class, and its record at the top.
    for part in name.split(".") if network.modules() else ():
        inside = inside.get(part) if isinstance(inside, dict) else None
    if not isinstance(inside, dict) or "spikes" not in inside:
        raise ValueError(
            f"cannot observe `{name}`: the network's record holds no `{name}.spikes`; tracers "
            "name neurons by the path under which their spikes are recorded"
        )
    return inside


def _counts(inside: dict[str, Any], name: str) -> Int32[np.ndarray, "batch time n"]:
    counts = np.asarray(inside["spikes"])
    whole = counts.astype(np.int32)
    if not np.array_equal(counts, whole):
        raise ValueError(
            f"cannot observe `{name}`: its spikes are not whole numbers, as a chip's are; use a "
            "`spike_generation_fn` that counts"
        )
    return whole


def _membrane(graph: Graph, inside: dict[str, Any], name: str) -> Float[np.ndarray, "batch time n"]:
    """Membrane potentials before the spikes, which a record holds after them."""
    node = graph[name]
    assert isinstance(node, NeuronNode)
    return np.asarray(inside["vmem"], np.float64) / node.threshold + np.asarray(inside["spikes"])
