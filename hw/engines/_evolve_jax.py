"""`evolve_jax`: what a core computes, as a pure function of JAX arrays."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ...models._types import Numbers
from .._config import XyloConfig
from ._interface import RECORDED
from ._state import CORE_ARRAYS

# At run time anything: what is wrong is said below, and JAX is not loaded to look at it.
if TYPE_CHECKING:
    import jax

    JaxArrays: TypeAlias = dict[str, jax.Array]
    StateArrays: TypeAlias = Mapping[str, Numbers]
    Names: TypeAlias = Iterable[str]
else:
    JaxArrays = dict[str, Any]
    StateArrays = object
    Names = object


def evolve_jax(
    config: XyloConfig,
    raster: Numbers,
    state: StateArrays | None = None,
    *,
    wanted: Names = ("Spikes_out",),
) -> tuple[JaxArrays, JaxArrays]:
    """Compute what a chip computes with a configuration, as a pure function for `jit` and `vmap`.

    The same integers as from `XyloSim`, which is simpler and checks its input. Values of arrays
    that are traced cannot be looked at, so nothing is said of counts that are no spike counts:
    they are cut to whole numbers, and clipped to 0..15 as the counters of the chip do.

    Give the configuration from outside of what is traced: it decides what is compiled. Gradients
    are zero, as integers have none. Under `vmap` both ways to add spikes are computed in every
    step, the quick one and the one in order; a batch axis in the raster is much faster.

    Args:
        config: what to compute.
        raster: spike counts, (batch, time, input).
        state: where each sample starts, arrays as in what is returned; `None`: after a reset.
        wanted: what to record, names of a record of `XyloSim`.

    Returns:
        What is wanted, (batch, time, neuron), `hibernation` (batch, time); and the state at the
        end: `spikes`, `vmem`, `isyn`, `isyn2` (batch, hidden), `vmem_out`, `isyn_out` (batch,
        output), `quiet` (batch,), as in `XyloSim.state`.

    Raises:
        ValueError: when a shape or a name does not fit; lists all that is wrong.

    >>> import jax
    >>> config = XyloConfig("xylo-imu", weights_in=[[90]], weights_out=[[9]], threshold=60)
    >>> evolve = jax.jit(lambda raster: evolve_jax(config, raster, wanted=["Spikes", "Vmem"])[0])
    >>> recorded = evolve([[[1], [0], [2]]])
    >>> recorded["Spikes"].ravel().tolist(), recorded["Vmem"].ravel().tolist()
    ([0, 0, 2], [45, 46, 5])
    """
    import jax.numpy as jnp

    from ._jax import evolve_arrays

    counts, names = jnp.asarray(raster), list(wanted)
    problems = _raster_problems(config, counts)
    arrays = {} if state is None else {name: jnp.asarray(state[name]) for name in state}
    batch = counts.shape[0] if counts.ndim else 0
    shapes = _state_shapes(config, batch)
    if state is not None and not problems:
        problems += _state_problems(arrays, shapes)
    known = ", ".join(RECORDED)
    problems += [
        f"`wanted` has {name!r}: what can be recorded is {known}"
        for name in names
        if name not in RECORDED
    ]
    if problems:
        raise ValueError("\n- ".join(["this cannot be computed:", *problems]))
    zeros = {name: jnp.asarray(np.zeros(shape, np.int16)) for name, shape in shapes.items()}
    return evolve_arrays(config, counts, arrays or zeros, set(names))


def _raster_problems(config: XyloConfig, counts: Any) -> list[str]:
    if counts.ndim == 3 and counts.shape[2] == config.n_inputs:
        return []
    return [f"`raster` has the shape {counts.shape}; needed is (batch, time, {config.n_inputs})"]


def _state_shapes(config: XyloConfig, batch: int) -> dict[str, tuple[int, ...]]:
    outputs = {"vmem_out": (batch, config.n_outputs), "isyn_out": (batch, config.n_outputs)}
    hidden = dict.fromkeys(CORE_ARRAYS, (batch, config.n_hidden))
    return hidden | outputs | {"quiet": (batch,)}


def _state_problems(arrays: JaxArrays, shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    unknown = [
        f"`state` has {name!r}: parts are {', '.join(shapes)}"
        for name in arrays
        if name not in shapes
    ]
    wrong = [
        f"`state[{name!r}]` has the shape {arrays[name].shape}; needed is {shape}"
        for name, shape in shapes.items()
        if name in arrays and arrays[name].shape != shape
    ]
    missing = [f"`state` has no {name!r}" for name in shapes if name not in arrays]
    return unknown + wrong + missing
