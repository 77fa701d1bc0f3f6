"""The forward pass: what a chip computes, step by step, the same integers.

Two ways. The quick one adds all spikes of a step at once; it is right where no partial sum can
saturate and all thresholds are above zero. The exact one bounds all partial sums of every step, and
where they could leave 16 bits it adds source by source, in the order of arrival. What comes after
the sums is the code of the `jax` engine in both.

Which one counts is decided after the quick one is through: its states are right up to the first
step in which something could saturate, and in every step it compares with 16 bits what would arrive
if all spikes came from the source of the largest weight. That costs next to nothing, and trained
networks seldom come near it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int16, Int32, UInt8

from ..engines._jax_network import Neurons
from ..engines._jax_ordered import HIGH, LOW
from ..engines._jax_step import Program, State, settled
from ._core import Coefficients, Core, Wiring

Value = TypeVar("Value")


class Start(NamedTuple):
    """The state before the first step, integers as floats."""

    spikes: Float[Array, "sample hidden"]
    vmem: Float[Array, "sample neuron"]
    isyn: Float[Array, "sample synapse neuron"]


class States(NamedTuple):
    """The states before all steps, and at last the one after them; in few bits.

    Large arrays cost more by being there, in new pages of memory for every call, than by what is
    computed with them.

    Attributes:
        spikes: of hidden neurons, which arrive in the step.
        vmem: membrane potentials before the step.
        isyn: synaptic currents before the step.
        fired: spikes of outputs in the step.
        end: after all steps.
    """

    spikes: UInt8[Array, "time sample hidden"]
    vmem: Int16[Array, "time sample neuron"]
    isyn: Int16[Array, "time sample synapse neuron"]
    fired: UInt8[Array, "time sample output"]
    end: State


def states_of(
    core: Core,
    wiring: Wiring,
    coefficients: Coefficients,
    start: Start,
    counts: Float[Array, "time sample input"],
) -> States:
    """Compute all steps.

    Args:
        core: what is compiled for.
        wiring: what is fixed.
        coefficients: the integers.
        start: where each sample starts.
        counts: input spikes, whole numbers within the chip's counters.
    """
    neurons = neurons_of(core, wiring, coefficients)
    spikes = jnp.pad(start.spikes, ((0, 0), (0, core.n_outputs)))
    state = State(spikes, _whole(start.vmem), _whole(start.isyn))
    quick, excess = _quick(core, coefficients, neurons, state, counts)
    is_wrong = jnp.any(excess > 0) | ~jnp.all(coefficients.threshold > 0)
    arguments = (coefficients, neurons, state, counts)
    return _lazily(is_wrong, partial(_exact, core), arguments, quick)


def program_of(core: Core, *, divides: bool) -> Program:
    """What the parts of the `jax` engine are compiled for."""
    return Program(
        core_version=core.chip.core_version,
        hidden_places=core.n_hidden,
        arrival="free",
        divides=divides,
        has_hibernation=core.chip.has_hibernation,
        wanted=(),
    )


def neurons_of(core: Core, wiring: Wiring, coefficients: Coefficients) -> Neurons:
    """The integers that the `jax` engine reads of each neuron."""
    chip, bias = core.chip, _whole(coefficients.bias)
    most = [chip.max_hidden_spikes] * core.n_hidden + [chip.max_output_spikes] * core.n_outputs
    return Neurons(
        dash_syn=_whole(coefficients.dash_syn),
        dash_mem=_whole(coefficients.dash_mem),
        threshold=_whole(coefficients.threshold),
        bias=bias,
        max_spikes=jnp.asarray([most], jnp.float32),
        has_bias=jnp.any(bias != 0),
        aliases=wiring.aliases,
    )


def placed(core: Core, by_target: Float[Array, "*steps target"]) -> Float[Array, "*steps current"]:
    """Values for the targets of hidden neurons among those of all currents."""
    if core.is_recurrent:
        return by_target
    after = core.n_currents - core.n_neurons
    return jnp.pad(by_target, [(0, 0)] * (by_target.ndim - 1) + [(core.n_hidden, after)])


def _lazily(
    is_needed: Bool[Array, ""],
    compute: Callable[..., Value],
    arguments: tuple[Any, ...],
    otherwise: Value,
) -> Value:
    """`compute(*arguments)` where that is needed, or what is there otherwise.

    A loop that runs once at most: under `vmap`, where a condition computes both of its sides, it
    does not run at all when nobody needs it.
    """

    def compute_once(carry: tuple[Bool[Array, ""], Value]) -> tuple[Bool[Array, ""], Value]:
        # Without the barrier what does not change in the loop may be computed before it, always.
        _, held = jax.lax.optimization_barrier((carry[0], arguments))
        return jnp.zeros((), bool), compute(*held)

    return jax.lax.while_loop(lambda carry: carry[0], compute_once, (is_needed, otherwise))[1]


def _quick(
    core: Core,
    coefficients: Coefficients,
    neurons: Neurons,
    start: State,
    counts: Float[Array, "time sample input"],
) -> tuple[States, Float[Array, "sample current"]]:
    """All states, and by how much partial sums may have been outside of 16 bits; below 0: none."""
    program = program_of(core, divides=True)
    of_inputs, of_hidden = coefficients.from_inputs, coefficients.from_hidden
    strongest = [_strongest(sign * of_inputs) for sign in (1, -1)]
    strongest_hidden = [placed(core, _strongest(sign * of_hidden)) for sign in (1, -1)]

    def one_step(
        carry: tuple[State, Float[Array, "sample current"]], inputs: Float[Array, "sample input"]
    ) -> tuple[tuple[State, Float[Array, "sample current"]], tuple[Array, ...]]:
        state, excess = carry
        spikes = state.spikes[:, : core.n_hidden]
        isyn = state.isyn.reshape(excess.shape)
        # Numbers too large to be exact are far outside, and stay there when they are rounded.
        added = isyn + _whole(arriving_at(core, inputs, spikes, of_inputs, of_hidden))
        n_inputs, n_spikes = (x.sum(axis=1, keepdims=True) for x in (inputs, spikes))
        rising, falling = (
            n_inputs * of_input + n_spikes * of_spike
            for of_input, of_spike in zip(strongest, strongest_hidden, strict=True)
        )
        before = isyn.astype(jnp.float32)
        outside = jnp.maximum(before + rising - HIGH, LOW + falling - before)
        after = settled(program, neurons, state.vmem, added.reshape(state.isyn.shape))
        return (after, jnp.maximum(excess, outside)), _kept(core, state, after)

    nothing = jnp.full((counts.shape[1], core.n_currents), -1.0, jnp.float32)
    (end, excess), kept = jax.lax.scan(one_step, (start, nothing), counts)
    return _joined(kept, end), excess


def _exact(
    core: Core,
    coefficients: Coefficients,
    neurons: Neurons,
    start: State,
    counts: Float[Array, "time sample input"],
) -> States:
    program = program_of(core, divides=False)
    signs = [
        [
            jnp.maximum(sign * part, 0)
            for part in (coefficients.from_inputs, coefficients.from_hidden)
        ]
        for sign in (1, -1)
    ]
    by_source = jnp.concatenate([coefficients.from_inputs, placed(core, coefficients.from_hidden)])

    def one_step(
        state: State, inputs: Float[Array, "sample input"]
    ) -> tuple[State, tuple[Array, ...]]:
        spikes = state.spikes[:, : core.n_hidden]
        isyn = state.isyn.reshape((len(inputs), core.n_currents)).astype(jnp.float32)
        # All partial sums lie between the current with all that is positive and with all that is
        # negative. Numbers too large to be exact are far outside, and stay there when rounded.
        rising, falling = (arriving_at(core, inputs, spikes, *weights) for weights in signs)
        may_saturate = jnp.any((isyn + rising > HIGH) | (isyn - falling < LOW))
        sources = jnp.concatenate([inputs, spikes], axis=1)
        at_once = isyn + (rising - falling)
        added = _lazily(may_saturate, _in_order, (isyn, sources, by_source), at_once)
        after = settled(program, neurons, state.vmem, _whole(added).reshape(state.isyn.shape))
        return after, _kept(core, state, after)

    end, kept = jax.lax.scan(one_step, start, counts)
    return _joined(kept, end)


def _joined(kept: tuple[Array, ...], end: State) -> States:
    spikes, vmem, isyn, fired = kept
    return States(spikes, vmem, isyn, fired, end)


def _in_order(
    isyn: Float[Array, "sample current"],
    sources: Float[Array, "sample source"],
    by_source: Float[Array, "source current"],
) -> Float[Array, "sample current"]:
    """Add source by source, clipped in between.

    Spikes of one source all push to the same side, so they can be added together.
    """

    def add_one(
        source: int | Int32[Array, ""], isyn: Float[Array, "sample current"]
    ) -> Float[Array, "sample current"]:
        count = jax.lax.dynamic_slice_in_dim(sources, source, 1, axis=1)
        weights = jax.lax.dynamic_slice_in_dim(by_source, source, 1, axis=0)
        return jnp.clip(isyn + count * weights, LOW, HIGH)

    return jax.lax.fori_loop(0, len(by_source), add_one, isyn)


def _kept(core: Core, before: State, after: State) -> tuple[Array, ...]:
    """What of a step is in `States`."""
    hidden, fired = before.spikes[:, : core.n_hidden], after.spikes[:, core.n_hidden :]
    vmem, isyn = (array.astype(jnp.int16) for array in before[1:])
    return hidden.astype(jnp.uint8), vmem, isyn, fired.astype(jnp.uint8)


def arriving_at(
    core: Core,
    counts: Float[Array, "*steps input"],
    spikes: Float[Array, "*steps hidden"],
    of_inputs: Float[Array, "input current"],
    of_hidden: Float[Array, "hidden target"],
) -> Float[Array, "*steps current"]:
    """What arrives at each current in a step."""
    # `highest`: anything less would round on accelerators.
    product = partial(jnp.matmul, precision="highest")
    if not core.is_recurrent:
        return product(counts, of_inputs) + placed(core, product(spikes, of_hidden))
    sources = jnp.concatenate([counts, spikes], axis=-1)
    return product(sources, jnp.concatenate([of_inputs, of_hidden]))


def _strongest(weights: Float[Array, "source target"]) -> Float[Array, "1 target"]:
    return weights.max(axis=0, keepdims=True, initial=0)


def _whole(values: Float[Array, "*shape"]) -> Int32[Array, "*shape"]:
    return values.astype(jnp.int32)
