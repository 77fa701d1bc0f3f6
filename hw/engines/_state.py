"""`CoreState`: everything a chip core must remember from one time step to the next."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from jaxtyping import Bool, Int16, UInt8

from .._config import XyloConfig


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
        quiet: whether nothing moved in the last step; hibernation with biases looks back at it.
    """

    spikes: UInt8[np.ndarray, "batch hidden"]
    vmem: Int16[np.ndarray, "batch hidden"]
    isyn: Int16[np.ndarray, "batch hidden"]
    isyn2: Int16[np.ndarray, "batch hidden"]
    vmem_out: Int16[np.ndarray, "batch output"]
    isyn_out: Int16[np.ndarray, "batch output"]
    quiet: Bool[np.ndarray, " batch"]

    @classmethod
    def fresh(cls, config: XyloConfig, batch: int) -> Self:
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

    def copy(self) -> Self:
        """The same state in arrays of its own, C-contiguous."""
        return type(self)(**{name: np.array(array) for name, array in self.arrays().items()})

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name, not copied."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
