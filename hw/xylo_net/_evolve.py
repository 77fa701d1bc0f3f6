"""A whole call: masters in, spikes, state and record out, with gradients."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Bool, Float, Shaped

from ..engines._jax_step import State, quiet
from ._backward import Seen, Smoothing, pulled_back, seen_of
from ._core import Coefficients, Core, Masters, Wiring, arranged, integers
from ._forward import Start, States, neurons_of, program_of, states_of

STATES = ("spikes", "vmem", "isyn", "isyn2", "vmem_out", "isyn_out", "quiet")
"""Names of the states, as `XyloSim` has them."""

_OF_STATES = ("Spikes", "Vmem", "Isyn", "Isyn2", "Vmem_out", "Isyn_out")


@partial(jax.jit, static_argnames=("core", "output", "record"))
def evolve(
    core: Core,
    wiring: Wiring,
    masters: Masters,
    masks: Mapping[str, Bool[Array, "..."]],
    smoothing: Smoothing,
    state: Mapping[str, Shaped[Array, "sample ..."]],
    data: Float[Array, "sample time input"],
    *,
    output: str,
    record: bool,
) -> tuple[
    Float[Array, "sample time output"],
    dict[str, Shaped[Array, "sample ..."]],
    dict[str, Shaped[Array, "sample time ..."]],
]:
    """Compute all steps of all samples.

    Args:
        core: what is compiled for.
        wiring: what is fixed.
        masters: trained values.
        masks: which synapses there are.
        smoothing: what the backward pass makes of steps and ends.
        state: where each sample starts, by the names in `STATES`.
        data: input spikes.
        output: name of the recorded array that is the output.
        record: whether to give all of them.

    Returns:
        The output, the state of each sample at the end, and the record.
    """
    coefficients = jax.tree.map(
        lambda array: array.astype(jnp.float32),
        arranged(core, wiring, integers(core, masters, masks, smoothing.outside)),
    )
    counts = _counted(core, jnp.swapaxes(data, 0, 1), smoothing.outside).astype(jnp.float32)
    start = _packed(core, state)
    # Checkers lose the type behind `custom_vjp`.
    both: Any = _seen(core, wiring, coefficients, smoothing, start, counts)
    seen, states = both
    recorded = {name: jnp.swapaxes(array, 0, 1) for name, array in _recorded(core, seen).items()}
    asleep, is_quiet = _sleep(core, wiring, coefficients, states, counts, state["quiet"], record)
    traces: dict[str, Any] = dict(recorded) if record else {}
    if record and core.chip.has_hibernation:
        traces["hibernation"] = jnp.swapaxes(asleep, 0, 1)
    end = {
        name: array[:, -1] if len(counts) else state[name].astype(array.dtype)
        for name, array in zip(STATES, (recorded[name] for name in _OF_STATES), strict=False)
    }
    return recorded[output], end | {"quiet": is_quiet}, traces


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _seen(
    core: Core,
    wiring: Wiring,
    coefficients: Coefficients,
    smoothing: Smoothing,
    start: Start,
    counts: Float[Array, "time sample input"],
) -> tuple[Seen, States]:
    states = states_of(core, wiring, coefficients, start, counts)
    return seen_of(core, states), states


def _seen_with_residuals(
    core: Core, wiring: Any, coefficients: Any, smoothing: Any, start: Any, counts: Any
) -> tuple[tuple[Seen, States], tuple[Any, ...]]:
    # Each comes with a flag that says whether its gradient is wanted.
    wiring, coefficients, smoothing, start, counts = jax.tree.map(
        lambda primal: primal.value,
        (wiring, coefficients, smoothing, start, counts),
        is_leaf=lambda node: hasattr(node, "perturbed"),
    )
    states = states_of(core, wiring, coefficients, start, counts)
    residuals = (wiring, coefficients, smoothing, counts, states)
    return (seen_of(core, states), states), residuals


def _pulled_back(core: Core, residuals: tuple[Any, ...], cotangents: Any) -> tuple[Any, ...]:
    wanted: Any = [None if isinstance(c, SymbolicZero) else c for c in cotangents[0]]
    reaching = Seen._make(wanted)
    wiring, coefficients, smoothing, counts, states = residuals
    of_coefficients, of_start, of_counts = pulled_back(
        core, wiring, coefficients, smoothing, counts, states, reaching
    )
    return None, of_coefficients, None, of_start, of_counts


_seen.defvjp(_seen_with_residuals, _pulled_back, symbolic_zeros=True)


def _counted(
    core: Core, data: Float[Array, "time sample input"], outside: Float[Array, ""]
) -> Float[Array, "time sample input"]:
    """Whole spikes, as many as the counters of the chip hold."""
    most = core.chip.max_input_spikes
    passing = jnp.where((data >= 0) & (data <= most), data, outside * data)
    counts = jnp.clip(jnp.floor(data), 0, most)
    return jax.lax.stop_gradient(counts - passing) + passing


def _sleep(
    core: Core,
    wiring: Wiring,
    coefficients: Coefficients,
    states: States,
    counts: Float[Array, "time sample input"],
    was_quiet: Bool[Array, " sample"],
    record: bool,
) -> tuple[Bool[Array, "time sample"], Bool[Array, " sample"]]:
    """Which steps the core sleeps through, and whether the last step was quiet."""
    n_steps, n_samples, _ = counts.shape
    nothing = jnp.zeros((n_steps, n_samples), bool)
    if not core.chip.has_hibernation or not n_steps:
        return nothing, was_quiet
    coefficients, states, counts = jax.lax.stop_gradient((coefficients, states, counts))
    # Without a record the last step alone is looked back at, by the first one of the next call.
    first = 0 if record else n_steps - 1
    before, after = _before_and_after(states, first)
    neurons = neurons_of(core, wiring, coefficients)
    program = program_of(core, divides=True)
    looked = quiet(program, neurons, before, after, counts[first:].reshape((-1, core.n_inputs)))
    no_arrival, is_quiet = (flags.reshape((-1, n_samples)) for flags in looked)
    if not record:
        return nothing, is_quiet[-1]
    # With biases the core decides at the end of a step whether it sleeps in the next one, and a
    # spike that arrives wakes it at once.
    quiet_before = jnp.concatenate([was_quiet[None], is_quiet[:-1]])
    return jnp.where(neurons.has_bias, quiet_before & no_arrival, is_quiet), is_quiet[-1]


def _before_and_after(states: States, first: int) -> tuple[State, State]:
    """The states before and after all steps from the first on, steps and samples on one axis."""

    def flat(arrays: Iterable[Shaped[Array, "time sample ..."]]) -> State:
        kept = zip(arrays, (jnp.float32, jnp.int32, jnp.int32), strict=True)
        parts = ((array[first:], dtype) for array, dtype in kept)
        return State(*(part.reshape((-1, *part.shape[2:])).astype(dtype) for part, dtype in parts))

    names = State._fields
    return flat(map(states.before, names)), flat(getattr(states, name) for name in names)


def _recorded(core: Core, seen: Seen) -> dict[str, Float[Array, "time sample neuron"]]:
    assert seen.isyn is not None
    isyn, second = seen.isyn[:, :, 0], seen.isyn[:, :, -1]
    recorded: dict[str, Any] = {
        "Spikes": seen.spikes,
        "Vmem": seen.vmem,
        "Isyn": isyn,
        "Isyn2": second if core.n_synapses > 1 else jnp.zeros_like(isyn),
        "Vmem_out": seen.vmem_out,
        "Isyn_out": seen.isyn_out,
        "Spikes_out": seen.spikes_out,
    }
    return recorded


def _packed(core: Core, state: Mapping[str, Shaped[Array, "sample ..."]]) -> Start:
    floats = {name: state[name].astype(jnp.float32) for name in STATES if name != "quiet"}
    isyn = [
        jnp.concatenate([floats["isyn"], floats["isyn_out"]], axis=1),
        jnp.concatenate([floats["isyn2"], jnp.zeros_like(floats["isyn_out"])], axis=1),
    ]
    return Start(
        spikes=floats["spikes"],
        vmem=jnp.concatenate([floats["vmem"], floats["vmem_out"]], axis=1),
        isyn=jnp.stack(isyn[: core.n_synapses], axis=1),
    )
