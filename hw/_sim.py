"""`XyloSim`: a chip core that computes, with the protocol of a `JaxModule`."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped

from ._config import XyloConfig
from .engines import (
    CoreState,
    Recordings,
    checked_raster,
    checked_state,
    make_engine,
    recordable,
)

StateArrays: TypeAlias = dict[str, Shaped[np.ndarray, " batch *rest"]]

OUTPUT_ARRAYS = {"Spike": "Spikes_out", "Vmem": "Vmem_out", "Isyn": "Isyn_out"}
"""What of a record is the output, by output mode."""


class XyloSim:
    """Computes what a chip computes with a configuration, bit for bit.

    Follows the protocol of a `JaxModule`: `output, new_state, record = sim(data)`, and nothing is
    changed in place. To go on where a recording ended, put the state back:
    `sim = sim.set_attributes(new_state)`; a recording cut into pieces then gives the same integers
    as in one piece.

    Any well-formed configuration runs, also one that its chip would not take.

    Args:
        config: what to compute.
        engine: how: `native` (fast), `reference` (readable, slow), `jax` (large batches, and
            accelerators) or `vendor` (the vendor's simulator, with the extra `xylosim`). All give
            the same integers.
        output_mode: what the output is: `Spike` (0 or 1), `Vmem` (membrane potentials) or `Isyn`
            (synaptic currents) of the output neurons.

    Raises:
        ValueError: when engine or output mode is unknown.
        MissingExtraError: when the engine's package is not installed.

    >>> config = XyloConfig(
    ...     "xylo-imu", weights_in=[[127]], weights_out=[[127]], threshold=127, threshold_out=200
    ... )
    >>> sim = XyloSim(config)
    >>> output, new_state, record = sim([[1], [1], [0], [1]], record=True)
    >>> record["Vmem"][0, :, 0]
    array([ 64,   1,  48, 112], dtype=int16)
    >>> output.shape, int(record["Spikes"].sum())
    ((1, 4, 1), 1)
    >>> sim = sim.set_attributes(new_state)
    """

    def __init__(
        self, config: XyloConfig, engine: str = "native", output_mode: str = "Spike"
    ) -> None:
        if not isinstance(config, XyloConfig):
            raise TypeError(
                f"`XyloSim` takes a `XyloConfig`, this is a `{type(config).__name__}`; give the "
                "`config` of a `Deployment`, and `XyloConfig.load(path)` of a file"
            )
        if output_mode not in OUTPUT_ARRAYS:
            known = ", ".join(map(repr, OUTPUT_ARRAYS))
            raise ValueError(f"no output mode is called {output_mode!r}: known are {known}")
        self._config = config
        self._engine_name = engine
        self._output_mode = output_mode
        self._engine = make_engine(engine, config)
        # `None` after a reset: that state fits any batch.
        self._state: CoreState | None = None

    @property
    def config(self) -> XyloConfig:
        """What is computed."""
        return self._config

    @property
    def engine(self) -> str:
        """Name of the engine that computes."""
        return self._engine_name

    @property
    def output_mode(self) -> str:
        """What the output is: `Spike`, `Vmem` or `Isyn`."""
        return self._output_mode

    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch time output"], StateArrays, Recordings]:
        """Compute as many time steps as the data have.

        Args:
            data: spike counts of the input channels, whole numbers from 0 to 255,
                (time, input) or (batch, time, input). Counts above 15 are clipped, as the chip
                does, with a warning.
            record: whether to record what the neurons did.

        Returns:
            Output (batch, time, output), uint8 spikes or int16 voltages or currents; the state in
            which each sample ends; the record: without `record` an empty dictionary, else

            - `Spikes`, uint8 (batch, time, hidden): hidden spikes, those of aliases included;
            - `Vmem`, `Isyn`, `Isyn2`, int16 (batch, time, hidden): as they are after the step;
              `Isyn2` is zero with one synapse;
            - `Spikes_out`, uint8, `Vmem_out`, `Isyn_out`, int16 (batch, time, output): the same
              of the output neurons;
            - `hibernation`, bool (batch, time), on chips that have it: whether the core slept
              through the step. It costs no result, only less power.

        Raises:
            TypeError: when the data are no numbers.
            ValueError: when they do not fit; names the first bad value of each kind. Also when
                the state is of another number of samples.
            EngineStateError: when the engine cannot go on from the state.

        Warns:
            InputClippedWarning: when counts were clipped.
        """
        raster = checked_raster(data, self._config)
        start = self._start(len(raster))
        output = OUTPUT_ARRAYS[self._output_mode]
        wanted = set(recordable(self._config)) if record else {output}
        recordings, new_state = self._engine.evolve(raster, start, wanted)
        return recordings[output], _as_arrays(new_state), recordings if record else {}

    # The same function and not one that calls it: warnings point at the line of the caller.
    __call__ = evolve

    def state(self) -> StateArrays:
        """The state in which the next call starts, batch first; after a reset of one sample.

        - `spikes`, uint8 (batch, hidden): spikes of the last step, which are still to be delivered;
        - `vmem`, `isyn`, `isyn2`, int16 (batch, hidden);
        - `vmem_out`, `isyn_out`, int16 (batch, output);
        - `quiet`, bool (batch,): whether nothing arrived and nothing moved in the last step;
        - `past`, uint8 (batch, time, input): all input since the reset; `vendor` only.
        """
        return _as_arrays(self._state or CoreState.fresh(self._config, batch=1))

    def set_attributes(self, new_state: Mapping[str, object]) -> "XyloSim":
        """A simulator that goes on from a state.

        Args:
            new_state: what a call returned, or some of its arrays; the others stay as they are.

        Returns:
            The simulator; this one stays as it is.

        Raises:
            ValueError: when an array does not fit; lists everything that is wrong.
        """
        return self._with_state(checked_state(self._config, new_state, self._state))

    def reset_state(self) -> "XyloSim":
        """A simulator that starts from the state after a reset, with any number of samples."""
        return self._with_state(None)

    def _with_state(self, state: CoreState | None) -> "XyloSim":
        other = object.__new__(XyloSim)
        other.__dict__ |= self.__dict__ | {"_state": state}
        return other

    def _start(self, batch: int) -> CoreState:
        if self._state is None or (self._state.is_fresh and self._state.batch != batch):
            return CoreState.fresh(self._config, batch)
        if self._state.batch != batch:
            raise ValueError(
                f"the state is of {self._state.batch} samples, the data are of {batch}: give data "
                f"of {self._state.batch} samples, or start again with `reset_state()`"
            )
        return self._state

    def __repr__(self) -> str:
        """What computes what."""
        return (
            f"<XyloSim {self._config!r}, engine {self._engine_name!r}, "
            f"output {self._output_mode!r}>"
        )


def _as_arrays(state: CoreState) -> StateArrays:
    return state.arrays() | ({} if state.past is None else {"past": state.past})
