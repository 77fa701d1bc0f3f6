"""All time steps of the `jax` engine, and what is recorded of them; JAX."""

from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32, Shaped, UInt8

from ._interface import RECORDED
from ._jax_network import Network
from ._jax_step import Program, State, quiet, step

# Before a step: the state, and whether nothing arrived and nothing moved in the step before.
_Carry: TypeAlias = tuple[State, Bool[Array, " sample"]]
# Which step, and what comes in.
_Step: TypeAlias = tuple[Int32[Array, ""], UInt8[Array, "sample input"]]
_Shown: TypeAlias = dict[str, Shaped[Array, "sample ..."]]


def scan(
    program: Program,
    network: Network,
    start: State,
    was_quiet: Bool[Array, " sample"],
    raster: UInt8[Array, "time sample input"],
    n_steps: Int32[Array, ""],
) -> tuple[State, Bool[Array, " sample"], dict[str, Shaped[Array, "time sample ..."]]]:
    """Compute the first steps of a raster.

    Args:
        program: what is compiled for.
        network: arrays of the configuration.
        start: where each sample starts.
        was_quiet: whether nothing arrived and nothing moved in the step before the first.
        raster: input spikes, time first.
        n_steps: how many steps; the others are passed over, so that recordings of different
            lengths share compiled code.

    Returns:
        The state at the end, whether nothing arrived and nothing moved in the last step, and what
        is wanted, time first; of steps that were passed over it is zero.
    """
    compute = partial(_computed, program, network, n_steps)

    def compute_or_pass(carry: _Carry, at: _Step) -> tuple[_Carry, _Shown]:
        shapes = jax.eval_shape(compute, carry, at)[1]
        empty = {name: jnp.zeros(shape.shape, shape.dtype) for name, shape in shapes.items()}
        index, _ = at
        return jax.lax.cond(index < n_steps, lambda: compute(carry, at), lambda: (carry, empty))

    steps = jnp.arange(len(raster), dtype=jnp.int32)
    (end, is_quiet), recorded = jax.lax.scan(compute_or_pass, (start, was_quiet), (steps, raster))
    return end, is_quiet, recorded


def _computed(
    program: Program, network: Network, n_steps: Int32[Array, ""], carry: _Carry, at: _Step
) -> tuple[_Carry, _Shown]:
    """One step: what the next one starts from, and what is recorded."""
    (before, was_quiet), (index, counts) = carry, at
    spikes = counts.astype(jnp.float32)
    after = step(program, network, before, spikes)
    look = partial(quiet, program, network.neurons, before, after, spikes)
    nothing = jnp.zeros(was_quiet.shape, bool)
    if not program.has_hibernation:
        no_arrival, is_quiet = nothing, nothing
    elif "hibernation" in program.wanted:
        no_arrival, is_quiet = look()
    else:
        # The last step alone is looked back at, by the first one of the next call.
        no_arrival, is_quiet = jax.lax.cond(index == n_steps - 1, look, lambda: (nothing, nothing))
    # With biases the core decides at the end of a step whether it sleeps in the next one, and a
    # spike that arrives wakes it at once.
    asleep = jnp.where(network.neurons.has_bias, was_quiet & no_arrival, is_quiet)
    return (after, is_quiet), _recorded(program, after, asleep)


def _recorded(program: Program, state: State, asleep: Bool[Array, " sample"]) -> _Shown:
    hidden, outputs = slice(program.hidden_places), slice(program.hidden_places, None)
    isyn = state.isyn[:, :, hidden]
    shown = {
        "Spikes": state.spikes[:, hidden],
        "Vmem": state.vmem[:, hidden],
        "Isyn": isyn[:, 0],
        "Isyn2": isyn[:, 1] if isyn.shape[1] > 1 else jnp.zeros_like(isyn[:, 0]),
        "Vmem_out": state.vmem[:, outputs],
        "Isyn_out": state.isyn[:, 0, outputs],
        "Spikes_out": state.spikes[:, outputs],
        "hibernation": asleep,
    }
    return {name: shown[name].astype(RECORDED[name].dtype) for name in program.wanted}
