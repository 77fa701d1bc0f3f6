"""What an engine is: one method, and the words in which it answers."""

from collections.abc import Callable, Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Shaped, UInt8

from .._config import XyloConfig
from ._state import CoreState

Recordings: TypeAlias = dict[str, Shaped[np.ndarray, "batch time *neuron"]]
"""Recorded arrays by their name; see `RECORDED`."""


@dataclass(frozen=True)
class RecordedArray:
    """How one recorded array looks.

    Attributes:
        dtype: of its entries.
        neurons: attribute of `XyloConfig` with the length of the neuron axis; `None`: no such
            axis, one value for the core.
    """

    dtype: type[np.generic]
    neurons: str | None


RECORDED = {
    "Spikes": RecordedArray(np.uint8, "n_hidden"),
    "Vmem": RecordedArray(np.int16, "n_hidden"),
    "Isyn": RecordedArray(np.int16, "n_hidden"),
    "Isyn2": RecordedArray(np.int16, "n_hidden"),
    "Vmem_out": RecordedArray(np.int16, "n_outputs"),
    "Isyn_out": RecordedArray(np.int16, "n_outputs"),
    "Spikes_out": RecordedArray(np.uint8, "n_outputs"),
    "hibernation": RecordedArray(np.bool_, None),
}
"""What can be recorded; the names are those of a record of `XyloSim`."""


@runtime_checkable
class Engine(Protocol):
    """One way to compute what a chip core computes, for one configuration.

    An engine is prepared once for a configuration and then asked any number of times. It keeps
    nothing from one call to the next that a caller could notice: the state goes in and comes out.
    """

    def evolve(
        self,
        raster: UInt8[np.ndarray, "batch time input"],
        state: CoreState,
        wanted: AbstractSet[str],
    ) -> tuple[Recordings, CoreState]:
        """Compute as many time steps as the raster has.

        Args:
            raster: spikes of each input channel in each step; counts above what the chip's
                counters hold are clipped to that.
            state: where each sample starts; it is not changed.
            wanted: names of `RECORDED`; nothing else is recorded.

        Returns:
            The wanted recordings, and the state in which each sample ends.
        """
        ...


EngineFactory: TypeAlias = Callable[[XyloConfig], Engine]


def recordable(config: XyloConfig) -> tuple[str, ...]:
    """Names of what can be recorded of a configuration, in the order of `RECORDED`.

    >>> config = XyloConfig("xylo-1", weights_in=[[64]], weights_out=[[10]])
    >>> recordable(config)
    ('Spikes', 'Vmem', 'Isyn', 'Isyn2', 'Vmem_out', 'Isyn_out', 'Spikes_out')
    """
    return tuple(name for name in RECORDED if name != "hibernation" or config.chip.has_hibernation)


def empty_recordings(
    config: XyloConfig, wanted: AbstractSet[str], batch: int, time: int
) -> Recordings:
    """Arrays, not yet filled, that take the wanted recordings.

    Args:
        config: gives the numbers of neurons.
        wanted: names of `RECORDED`.
        batch: samples.
        time: steps.
    """
    arrays = {}
    for name, array in RECORDED.items():
        if name in wanted:
            neurons = () if array.neurons is None else (getattr(config, array.neurons),)
            arrays[name] = np.empty((batch, time, *neurons), array.dtype)
    return arrays
