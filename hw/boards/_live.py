"""`LiveStep`: what a board shows of one step in real time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Integer

PowerSamples = Mapping[str, Float[np.ndarray, "..."]]


@dataclass(frozen=True, eq=False, kw_only=True)
class LiveStep:
    """One step of a chip that follows its sensor.

    Attributes:
        output_spikes: of each output neuron, 0 or 1, uint8.
        output_vmem: membrane potential of each output neuron after the step, int16.
        dt: how long the step took [s].
        input_spikes: spikes that the front end gave to each input channel, uint8; `None` where the
            board does not show them. Real boards do not: in real time a chip shows its outputs
            only.
        power: samples of each channel [W] that came since the step before, mostly none or one;
            empty if power was not asked for.

    Source: samna contract, sections 3.2, 3.4, 4.3 and 4.7.
    """

    output_spikes: Integer[np.ndarray, " output"]
    output_vmem: Integer[np.ndarray, " output"]
    dt: float
    input_spikes: Integer[np.ndarray, " input"] | None = None
    power: PowerSamples = field(default_factory=lambda: MappingProxyType({}))
