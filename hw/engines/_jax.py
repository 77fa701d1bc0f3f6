"""The `jax` engine: all samples and all neurons of a step at once, compiled by XLA.

`_jax_network.py`, the arrays; `_jax_step.py`, one time step; `_jax_ordered.py`, sums that saturate
in their order; `_jax_scan.py`, all time steps; `_jax_state.py`, states. This file: the engine, and
the pure function below it.
"""

from collections.abc import Mapping, Set as AbstractSet
from functools import cached_property, lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Shaped, UInt8

from .._config import XyloConfig
from .._saturation import SaturationBounds, saturation_bounds
from ._interface import RECORDED, Recordings, empty_recordings
from ._jax_network import Network, Sizes, network_of, products_are_exact, rounded_up, sizes_of
from ._jax_scan import scan
from ._jax_state import packed, unpacked
from ._jax_step import Arrival, Program
from ._state import CoreState

# Compiled once for all configurations of about the same size: their numbers are arguments.
_compiled = jax.jit(scan, static_argnames="program")


class JaxEngine:
    """Computes with float32 products of matrices, exact whole numbers in the arithmetic of a chip.

    The cost does not depend on the activity. It pays for many samples, and on accelerators; JAX
    decides where it runs. The first call for a new size of network or batch, or much longer
    recordings, compiles for about a second.

    Where `saturation_bounds` proves that no current can saturate, spikes are added all at once.
    Else each step is checked, and what could saturate in it is added in the order of arrival.

    Args:
        config: what to compute.
    """

    def __init__(self, config: XyloConfig) -> None:
        self._config = config
        self._sizes = sizes_of(config)

    def evolve(
        self,
        raster: UInt8[np.ndarray, "batch time input"],
        state: CoreState,
        wanted: AbstractSet[str],
    ) -> tuple[Recordings, CoreState]:
        """Compute as many time steps as the raster has; see `Engine`."""
        batch, n_steps, _ = raster.shape
        recordings = empty_recordings(self._config, wanted, batch, n_steps)
        if batch == 0 or n_steps == 0:
            return recordings, state.copy()
        padded = self._padded(raster)
        more = padded.shape[1] - batch
        arrays = {
            name: np.pad(array, [(0, more)] + [(0, 0)] * (array.ndim - 1))
            for name, array in state.arrays().items()
        }
        end, is_quiet, recorded = _compiled(
            program=_program(self._config, self._arrival(state), wanted),
            network=self._network,
            start=packed(self._sizes, self._config.n_synapses, arrays, np),
            was_quiet=arrays["quiet"],
            raster=padded,
            n_steps=np.int32(n_steps),
        )
        for name, array in recordings.items():
            shown = np.asarray(recorded[name])[:n_steps, :batch].swapaxes(0, 1)
            array[...] = shown[..., : array.shape[2]] if array.ndim > 2 else shown
        new_arrays = unpacked(self._sizes, end, is_quiet, np)
        return recordings, CoreState(**{n: array[:batch] for n, array in new_arrays.items()})

    @cached_property
    def _network(self) -> Network:
        return jax.device_put(network_of(self._config))

    @cached_property
    def _bounds(self) -> SaturationBounds:
        return saturation_bounds(self._config)

    @cached_property
    def _is_exact(self) -> bool:
        return products_are_exact(self._config)

    def _arrival(self, state: CoreState) -> Arrival:
        if not self._is_exact:
            return "ordered"
        is_free = self._bounds.currents_never_saturate and _is_within(self._bounds, state)
        return "free" if is_free else "guarded"

    def _padded(
        self, raster: UInt8[np.ndarray, "batch time input"]
    ) -> UInt8[np.ndarray, "time_place batch_place input_place"]:
        batch, n_steps, n_inputs = raster.shape
        places = rounded_up(n_steps, least=32), rounded_up(batch, least=4), self._sizes.input_places
        padded = np.zeros(places, np.uint8)
        padded[:n_steps, :batch, :n_inputs] = raster.swapaxes(0, 1)
        return padded


def evolve_arrays(
    config: XyloConfig,
    raster: Shaped[jax.Array, "batch time input"],
    state: Mapping[str, Shaped[jax.Array, "batch ..."]],
    wanted: AbstractSet[str],
) -> tuple[
    dict[str, Shaped[jax.Array, "batch time ..."]], dict[str, Shaped[jax.Array, "batch ..."]]
]:
    """What `evolve_jax` computes, of arguments that fit."""
    network, is_exact = _prepared(config)
    program = _program(config, "guarded" if is_exact else "ordered", wanted)
    return _compiled_with_sizes(
        program=program, sizes=sizes_of(config), network=network, raster=raster, state=state
    )


# Used while user code is traced, which happens again for each new shape.
@lru_cache(maxsize=16)
def _prepared(config: XyloConfig) -> tuple[Network, bool]:
    return network_of(config), products_are_exact(config)


@partial(jax.jit, static_argnames=("program", "sizes"))
def _compiled_with_sizes(
    program: Program,
    sizes: Sizes,
    network: Network,
    raster: Shaped[jax.Array, "batch time input"],
    state: Mapping[str, Shaped[jax.Array, "batch ..."]],
) -> tuple[
    dict[str, Shaped[jax.Array, "batch time ..."]], dict[str, Shaped[jax.Array, "batch ..."]]
]:
    dtypes = {"spikes": jnp.uint8, "quiet": jnp.bool_}
    start = {name: array.astype(dtypes.get(name, jnp.int16)) for name, array in state.items()}
    # Clipped before they are bytes; to the counters of the chip `step` does it.
    counts = jnp.swapaxes(jnp.clip(raster, 0, 255).astype(jnp.uint8), 0, 1)
    more = (0, sizes.input_places - sizes.n_inputs)
    end, is_quiet, recorded = scan(
        program,
        network,
        packed(sizes, network.neurons.dash_syn.shape[1], start, jnp),
        start["quiet"],
        jnp.pad(counts, ((0, 0), (0, 0), more)),
        jnp.asarray(len(counts), jnp.int32),
    )
    recordings = {}
    for name, array in recorded.items():
        neurons = RECORDED[name].neurons
        kept = array if neurons is None else array[..., : getattr(sizes, neurons)]
        recordings[name] = jnp.swapaxes(kept, 0, 1)
    return recordings, unpacked(sizes, end, is_quiet, jnp)


def _program(config: XyloConfig, arrival: Arrival, wanted: AbstractSet[str]) -> Program:
    return Program(
        core_version=config.chip.core_version,
        hidden_places=sizes_of(config).hidden_places,
        arrival=arrival,
        divides=bool(config.threshold.min() > 0 and config.threshold_out.min() > 0),
        has_hibernation=config.chip.has_hibernation,
        wanted=tuple(name for name in RECORDED if name in wanted),
    )


def _is_within(bounds: SaturationBounds, state: CoreState) -> bool:
    """Whether a state is one of those that the bounds are about; any can be given."""
    variables = ("isyn", "isyn2", "vmem", "isyn_out", "vmem_out")
    pairs = [(getattr(bounds, name), getattr(state, name)) for name in variables]
    return bool((state.spikes <= bounds.spikes[None]).all()) and all(
        ((kept.low[None] <= array) & (array <= kept.high[None])).all() for kept, array in pairs
    )
