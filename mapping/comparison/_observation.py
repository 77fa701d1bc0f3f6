"""`Observation`: what populations did, in the network's own time."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

SENT = "sent"
"""The name among states of spikes with what aliases repeat for others."""


@dataclass(frozen=True, eq=False)
class ChipStates:
    """Integer states of the neurons of one population, as they are after each step.

    Attributes:
        threshold: of each neuron; states of two runs are in the same unit where it is the same.
        values: arrays (batch, time, neuron) by name: `isyn`, `isyn2`, `vmem`; of hidden neurons
            with aliases also `sent`, the spikes with what they repeat for others.
    """

    threshold: Int[np.ndarray, " n"]
    values: dict[str, Int[np.ndarray, "batch time n"]]


@dataclass(frozen=True, eq=False)
class Observation:
    """Spike counts of populations over a batch of rasters.

    Attributes:
        spikes: counts of each population by name, the output last. A population that acts later
            on the chip is shifted back, so that step `t` is the network's step `t` everywhere.
            What neurons send for others (aliases) is not counted.
        membranes: membrane potentials just before the spikes, in units of the threshold; empty if
            not asked for.
        states: states of chips, where there are any and they were asked for.

    >>> seen = Observation({"output": np.array([[[0, 1], [0, 1], [1, 0]]])})
    >>> seen.classes
    array([1])
    """

    spikes: dict[str, Int[np.ndarray, "batch time n"]]
    membranes: dict[str, Float[np.ndarray, "batch time n"]] = field(default_factory=dict)
    states: dict[str, ChipStates] = field(default_factory=dict)

    @property
    def output(self) -> Int[np.ndarray, "batch time n"]:
        """Spike counts of the output population."""
        return self.spikes[list(self.spikes)[-1]]

    @property
    def classes(self) -> Int[np.ndarray, " batch"]:
        """The output neuron that spikes most in each sample; the lowest of several."""
        return self.output.sum(axis=1).argmax(axis=1)
