"""`observe`: the spikes of every population, in the network's own time."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Int, Int32, Shaped

from ...hw import XyloConfig, XyloSim
from ...models import JaxModule
from .._deploy import Deployment
from ..graph._trace import trace


@dataclass(frozen=True, eq=False)
class Observation:
    """Spike counts of populations over a batch of rasters.

    Attributes:
        spikes: counts of each population by name, the output last. A population that acts later
            on the chip is shifted back, so that step `t` is the network's step `t` everywhere.

    >>> seen = Observation({"output": np.array([[[0, 1], [0, 1], [1, 0]]])})
    >>> seen.classes
    array([1])
    """

    spikes: dict[str, Int[np.ndarray, "batch time n"]]

    @property
    def output(self) -> Int[np.ndarray, "batch time n"]:
        """Spike counts of the output population."""
        return self.spikes[list(self.spikes)[-1]]

    @property
    def classes(self) -> Int[np.ndarray, " batch"]:
        """The output neuron that spikes most in each sample; the lowest of several."""
        return self.output.sum(axis=1).argmax(axis=1)


@singledispatch
def _observe(subject: object, data: Any) -> Observation:
    raise TypeError(
        f"cannot observe a `{type(subject).__name__}`; known are a JaxModule, a Deployment, a "
        "XyloConfig and a XyloSim"
    )


def observe(subject: object, data: npt.ArrayLike) -> Observation:
    """Run anything that computes spikes, from reset.

    Args:
        subject: a network, a `Deployment`, a `XyloConfig` or a `XyloSim`. The last two know
            nothing of populations: theirs are called `hidden` and `output`, and are not shifted.
        data: spike counts `(time, channel)` or `(batch, time, channel)`.

    Returns:
        The spikes of all populations. A network with noise draws from its own random key, anew
        for each piece of a large batch.

    Raises:
        TypeError: something that cannot be run or traced, or data that are no numbers.
        ValueError: data that does not fit, or a network that does not end in neurons.

    >>> config = XyloConfig("xylo-imu", weights_in=[[9]], weights_out=[[9]], threshold=5)
    >>> observe(config, [[1], [0], [0]]).spikes["hidden"].ravel()
    array([1, 0, 0], dtype=int32)
    """
    return _observe(subject, _batched(data))


def _batched(data: npt.ArrayLike) -> Shaped[np.ndarray, "batch time channel"]:
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError("the data are no array: their rows differ in length") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"the data are spike counts, numbers; these hold {array.dtype}")
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(
            "the data have the shape (time, channel) or (batch, time, channel), at least one of "
            f"each; these have {array.shape}"
        )
    wrong = ~(np.isfinite(array) & (array >= 0) & (array == np.floor(array)))
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0].tolist())
        raise ValueError(
            f"the data are spike counts, whole numbers from 0; at {list(place)} there is "
            f"{array[place]}"
        )
    return array[None] if array.ndim == 2 else array


# A record holds voltages and currents beside the spikes: with 2400 samples of 250 steps and 136 neurons
# observing takes 2.9 GB in one piece and 1.0 GB in pieces of so many counts, and no longer.
_COUNTS_AT_ONCE = 1_000_000


@_observe.register
def _of_network(network: JaxModule, data: np.ndarray) -> Observation:
    graph = trace(network)
    if graph[graph.output] not in graph.populations:
        raise ValueError(
            f"the network ends in `{graph.output}`, which gives no spikes to observe: end it with "
            "neurons"
        )
    _require_channels(network, data)
    names = [*(node.name for node in graph.hidden), graph.output]
    n_counts = data.shape[1] * sum(node.n_out for node in graph.populations)
    fresh = network.reset_state()
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for piece in _pieces(data, max(1, _COUNTS_AT_ONCE // n_counts)):
        _, _, record = fresh(piece, record=True)
        for name in names:
            parts[name].append(_spikes_at(network, record, name))
    return Observation({name: np.concatenate(parts.pop(name))[: len(data)] for name in names})


def _require_channels(network: JaxModule, data: np.ndarray) -> None:
    # JAX modules copy a single channel to all; what is compared takes what the chip takes.
    if data.shape[2] != network.size_in:
        raise ValueError(
            f"the data have {data.shape[2]} channels, the network takes {network.size_in}"
        )


def _pieces(data: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """The batch in pieces of equal size, so that JAX compiles once; the last is filled up."""
    size = -(-len(data) // -(-len(data) // most))
    for first in range(0, len(data), size):
        piece = data[first : first + size]
        yield np.pad(piece, ((0, size - len(piece)), (0, 0), (0, 0)))


def _spikes_at(
    network: JaxModule, record: dict[str, Any], name: str
) -> Int32[np.ndarray, "batch time n"]:
    inside: Any = record
    # A network that is a single module has the name of its class, and its record at the top.
    for part in (*(name.split(".") if network.modules() else ()), "spikes"):
        if not isinstance(inside, dict) or part not in inside:
            raise ValueError(
                f"cannot observe `{name}`: the network's record holds no `{name}.spikes`; tracers "
                "name neurons by the path under which their spikes are recorded"
            )
        inside = inside[part]
    counts = np.asarray(inside)
    whole = counts.astype(np.int32)
    if not np.array_equal(counts, whole):
        raise ValueError(
            f"cannot observe `{name}`: its spikes are not whole numbers, as a chip's are; use a "
            "`spike_generation_fn` that counts"
        )
    return whole


@_observe.register
def _of_deployment(deployment: Deployment, data: np.ndarray) -> Observation:
    placement, n_steps = deployment.placement, data.shape[1]
    # A population answers the last step only after its delay.
    longer = np.pad(data, ((0, 0), (0, max(placement.delay.values())), (0, 0)))
    raw = _observe(deployment.config, longer).spikes

    def aligned(spikes: np.ndarray, name: str) -> Int32[np.ndarray, "batch time n"]:
        return spikes[:, placement.delay[name] :][:, :n_steps]

    found = {
        name: aligned(raw["hidden"][:, :, ids], name) for name, ids in placement.hidden.items()
    }
    return Observation(found | {placement.output: aligned(raw["output"], placement.output)})


@_observe.register
def _of_config(config: XyloConfig, data: np.ndarray) -> Observation:
    return _observe(XyloSim(config), data)


@_observe.register
def _of_simulation(simulation: XyloSim, data: np.ndarray) -> Observation:
    _, _, record = simulation.reset_state()(data, record=True)
    return Observation(
        {
            "hidden": record["Spikes"].astype(np.int32),
            "output": record["Spikes_out"].astype(np.int32),
        }
    )
