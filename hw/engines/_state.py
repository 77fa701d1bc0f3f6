"""`CoreState`: everything a chip core must remember from one time step to the next."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Int16, Shaped, UInt8

from ...models import XylographError
from .._config import XyloConfig


class EngineStateError(XylographError, ValueError):
    """An engine cannot start from a state it was given."""


@dataclass(frozen=True, eq=False)
class CoreState:
    """The state of a core between two time steps, for a batch of samples.

    Attributes:
        spikes: hidden spikes of the last step, which the next step delivers.
        vmem: membrane potentials of the hidden neurons.
        isyn: first synaptic currents of the hidden neurons.
        isyn2: second synaptic currents; zero where the configuration has one synapse.
        vmem_out: membrane potentials of the output neurons.
        isyn_out: synaptic currents of the output neurons.
        quiet: whether nothing arrived and nothing moved in the last step; hibernation with biases
            looks back at it. Stays false on chips without hibernation.
        past: all input since the reset, for an engine that cannot be put into a state and has to
            go through it again; `None` from all others.
    """

    spikes: UInt8[np.ndarray, "batch hidden"]
    vmem: Int16[np.ndarray, "batch hidden"]
    isyn: Int16[np.ndarray, "batch hidden"]
    isyn2: Int16[np.ndarray, "batch hidden"]
    vmem_out: Int16[np.ndarray, "batch output"]
    isyn_out: Int16[np.ndarray, "batch output"]
    quiet: Bool[np.ndarray, " batch"]
    past: UInt8[np.ndarray, "batch past input"] | None = None

    @classmethod
    def fresh(cls, config: XyloConfig, batch: int) -> "CoreState":
        """The state after a reset: all zero.

        >>> config = XyloConfig("xylo-imu", weights_in=[[64, -64]], weights_out=[[10], [20]])
        >>> CoreState.fresh(config, batch=3).vmem.shape
        (3, 2)
        """
        hidden, output = (batch, config.n_hidden), (batch, config.n_outputs)
        return cls(
            spikes=np.zeros(hidden, np.uint8),
            vmem=np.zeros(hidden, np.int16),
            isyn=np.zeros(hidden, np.int16),
            isyn2=np.zeros(hidden, np.int16),
            vmem_out=np.zeros(output, np.int16),
            isyn_out=np.zeros(output, np.int16),
            quiet=np.zeros(batch, np.bool_),
        )

    @property
    def batch(self) -> int:
        """Samples."""
        return len(self.quiet)

    @property
    def is_fresh(self) -> bool:
        """Whether all is as after a reset."""
        return not any(array.any() for array in self.arrays().values())

    def arrays(self) -> dict[str, Shaped[np.ndarray, " batch *neuron"]]:
        """What the core itself holds, that is all but `past`; not copied."""
        return {name: getattr(self, name) for name in CORE_ARRAYS}

    def copy(self) -> "CoreState":
        """The same in arrays of its own, without `past`."""
        return CoreState(**{name: np.array(array) for name, array in self.arrays().items()})


CORE_ARRAYS = tuple(field.name for field in fields(CoreState) if field.name != "past")
"""Names of the arrays that the core itself holds."""
