"""How many cycles of the main clock a chip needs for one time step."""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from jaxtyping import Float64

from .._config import XyloConfig
from .._usage import fan_outs

# Cycles: chip facts, section 5.
_PER_INPUT = 1
_PER_INPUT_TARGET = 3.5
_PER_HIDDEN_TARGET = 7
_PER_HIDDEN_SYNAPSE = 3
_PER_OUTPUT_TARGET = 8
_PER_SPIKE_TO_OUTPUTS = 1
_PER_HIDDEN = 19
_PER_OUTPUT = 12


@dataclass(frozen=True, kw_only=True)
class Cycles:
    """Cycles of the main clock in one time step, by what they are spent on.

    Attributes:
        input: reading the input channels, and delivering their spikes.
        recurrent: delivering spikes from hidden to hidden neurons.
        output: delivering spikes from hidden to output neurons.
        hidden_neurons: updating the hidden neurons, with what aliases ask for.
        output_neurons: updating the output neurons.

    >>> config = XyloConfig("xylo-imu", weights_in=[[1, 2]], weights_out=[[1], [2]])
    >>> print(worst_case_cycles(config))
    88 cycles: input 8, recurrent 6, output 18, hidden neurons 44, output neurons 12
    """

    input: float
    recurrent: float
    output: float
    hidden_neurons: float
    output_neurons: float

    @classmethod
    def of(cls, parts: Float64[np.ndarray, " part"]) -> "Cycles":
        """The parts in the order of the attributes."""
        names = (field.name for field in fields(cls))
        return cls(**dict(zip(names, map(float, parts), strict=True)))

    @property
    def total(self) -> float:
        """All of them."""
        return self.input + self.recurrent + self.output + self.hidden_neurons + self.output_neurons

    def __str__(self) -> str:
        """The total and its parts."""
        return (
            f"{self.total:,.0f} cycles: input {self.input:,.0f}, recurrent {self.recurrent:,.0f}, "
            f"output {self.output:,.0f}, hidden neurons {self.hidden_neurons:,.0f}, "
            f"output neurons {self.output_neurons:,.0f}"
        )


class Load(NamedTuple):
    """What keeps a core busy in one step, or in each of many: numbers, or arrays of one shape.

    Attributes:
        inputs: input channels with a spike.
        fan_out: hidden neurons driven by the hidden neurons whose spikes of the step before are
            delivered, summed over these.
        sources: those of these that drive outputs.
        spiking: hidden neurons that spike in this step.
    """

    inputs: npt.ArrayLike
    fan_out: npt.ArrayLike
    sources: npt.ArrayLike
    spiking: npt.ArrayLike


def cycles_under(config: XyloConfig, load: Load) -> Float64[np.ndarray, "*steps part"]:
    """Cycles of steps under a load, by part in the order of `Cycles`.

    A neuron costs the same whether it spikes once or several times in a step. The second synapse
    is served beside the first and costs no cycles.

    Source: chip facts, section 5. Its formulas take one probability for all hidden neurons and the
    mean fan-out; here each spiking neuron counts with its own fan-out, which is the same for the
    worst case and for even activity.
    """
    inputs, fan_out, sources, spiking = np.broadcast_arrays(
        *(np.asarray(part, dtype=np.float64) for part in load)
    )
    n_hidden, n_outputs = config.n_hidden, config.n_outputs
    fraction = spiking / n_hidden
    links = sum(map(len, config.aliases)) / n_hidden
    per_neuron = (
        _PER_HIDDEN
        + 2 * np.maximum(fraction, links * links)
        + 3 * np.maximum(fraction * links, links * links)
        + fraction
        + np.maximum(fraction, links) * links
    )
    return np.stack(
        [
            inputs * input_targets(config) * _PER_INPUT_TARGET + _PER_INPUT * config.n_inputs,
            fan_out * _PER_HIDDEN_TARGET + _PER_HIDDEN_SYNAPSE * n_hidden,
            sources * (_PER_SPIKE_TO_OUTPUTS + _PER_OUTPUT_TARGET * n_outputs),
            n_hidden * per_neuron,
            np.full(fraction.shape, float(_PER_OUTPUT * n_outputs)),
        ],
        axis=-1,
    )


def worst_case_cycles(config: XyloConfig) -> Cycles:
    """Cycles of a step in which every channel and every neuron spikes."""
    load = Load(
        inputs=config.n_inputs,
        fan_out=driven_neurons(config).sum(),
        sources=np.count_nonzero(drives_outputs(config)),
        spiking=config.n_hidden,
    )
    return Cycles.of(cycles_under(config, load))


def input_targets(config: XyloConfig) -> int:
    """Hidden neurons that the core goes through for each input spike.

    Chips on which every hidden neuron can have input weights go through all of them; the others
    through those with a weight. Source: chip facts, section 5, "Sizes".
    """
    if config.chip.max_input_expansion == config.chip.max_hidden:
        return config.n_hidden
    return int(np.count_nonzero(np.any(config.weights_in != 0, axis=(0, 2))))


def drives_outputs(config: XyloConfig) -> np.ndarray:
    """Which hidden neurons cost cycles at the outputs when they spike, `(Nhid,)`."""
    if config.chip.max_output_expansion == config.chip.max_hidden:
        return np.ones(config.n_hidden, dtype=bool)
    driving = np.zeros(config.n_hidden, dtype=bool)
    driving[config.n_hidden - config.n_output_expansion :] = np.any(config.weights_out != 0, axis=1)
    return driving


def driven_neurons(config: XyloConfig) -> np.ndarray:
    """How many hidden neurons each hidden neuron drives through its first synapses, `(Nhid,)`."""
    return fan_outs(config.weights_rec[:, :, :1])
