"""`observe`: the spikes of every population, in the network's own time."""

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Int

from ..hw import XyloConfig, XyloSim
from ..models import JaxModule
from ._deploy import Deployment
from ._graph import NeuronNode
from ._trace import trace


@dataclass(frozen=True, eq=False)
class Observation:
    """Spike counts of populations over a batch of rasters.

    Attributes:
        spikes: counts of each population by name, the output last. A population that acts later
            on the chip is shifted back, so that step `t` is the network's step `t` everywhere.
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
        The spikes of all populations.

    Raises:
        TypeError: something that cannot be run.
        ValueError: data that does not fit.
    """
    data = np.asarray(data)
    return _observe(subject, data[None] if data.ndim == 2 else data)


@_observe.register
def _of_network(network: JaxModule, data: np.ndarray) -> Observation:
    _, _, record = network.reset_state()(data, record=True)
    graph = trace(network)
    names = [*(node.name for node in graph.hidden), graph.output]
    names = [name for name in names if isinstance(graph[name], NeuronNode)]
    return Observation({name: _spikes_at(record, name) for name in names})


def _spikes_at(record: dict[str, Any], name: str) -> Int[np.ndarray, "batch time n"]:
    for part in name.split("."):
        record = record[part]
    return np.asarray(record["spikes"]).astype(np.int64)


@_observe.register
def _of_deployment(deployment: Deployment, data: np.ndarray) -> Observation:
    placement, n_steps = deployment.placement, data.shape[1]
    # The last population answers the last step only after its delay.
    longer = np.pad(data, ((0, 0), (0, placement.output_delay), (0, 0)))
    raw = _observe(deployment.config, longer).spikes
    found = {}
    for name, ids in placement.hidden.items():
        found[name] = _shifted(raw["hidden"][:, :, ids], placement.delay[name], n_steps)
    found[placement.output] = _shifted(raw["output"], placement.output_delay, n_steps)
    return Observation(found)


def _shifted(
    spikes: Int[np.ndarray, "batch longer n"], delay: int, n_steps: int
) -> Int[np.ndarray, "batch time n"]:
    return spikes[:, delay : delay + n_steps]


@_observe.register
def _of_config(config: XyloConfig, data: np.ndarray) -> Observation:
    return _observe(XyloSim(config), data)


@_observe.register
def _of_simulation(simulation: XyloSim, data: np.ndarray) -> Observation:
    _, _, record = simulation.reset_state()(data, record=True)
    return Observation(
        {
            "hidden": record["Spikes"].astype(np.int64),
            "output": record["Spikes_out"].astype(np.int64),
        }
    )
