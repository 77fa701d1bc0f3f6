"""The forward pass: what a chip computes, step by step, the same integers.

Two ways. The quick one adds all spikes of a step at once; it is right where no partial sum can
saturate and all thresholds are above zero. The exact one bounds all partial sums of every step, and
where they could leave 16 bits it adds source by source, in the order of arrival. What comes after
the sums is the code of the `jax` engine in both.

Which one counts is decided after the quick one is through: its states are right up to the first
step in which something could saturate, and for every step it is compared with 16 bits what would
arrive if all spikes came from the source of the largest weight. That costs little, and trained
networks seldom come near it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int16, Int32, Shaped, UInt8

from ..engines._jax_network import Neurons
from ..engines._jax_ordered import HIGH, LOW
from ..engines._jax_step import Program, State, driven, fired
from ._core import Coefficients, Core, Wiring

Value = TypeVar("Value")


class Start(NamedTuple):
    """The state before the first step, integers as floats."""

    spikes: Float[Array, "sample hidden"]
    vmem: Float[Array, "sample neuron"]
    isyn: Float[Array, "sample synapse neuron"]


class States(NamedTuple):
    """The states after all steps, and the one before; in few bits.

    Large arrays cost more by being there, in new pages of memory for every call, than by what is
    computed with them.

    Attributes:
        start: before all steps.
        charged: membrane potentials in each step before its spikes.
        vmem: membrane potentials after each step.
        isyn: synaptic currents after each step.
        spikes: in each step.
    """

    start: State
    charged: Int16[Array, "time sample neuron"]
    vmem: Int16[Array, "time sample neuron"]
    isyn: Int16[Array, "time sample synapse neuron"]
    spikes: UInt8[Array, "time sample neuron"]

    def before(self, name: str) -> Shaped[Array, "time sample ..."]:
        """A state before each step, by its name."""
        after, start = getattr(self, name), getattr(self.start, name)
        return jnp.concatenate([start[None].astype(after.dtype), after])[: len(after)]


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
    if not len(counts):
        return _exact(core, coefficients, neurons, state, counts)
    quick = _quick(core, coefficients, neurons, state, counts)
    is_wrong = _may_saturate(core, coefficients, counts, quick)
    is_wrong |= ~jnp.all(coefficients.threshold > 0)
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
) -> States:
    """All states, if nothing saturates and all thresholds are above zero.

    The loop keeps no more than currents and membranes before spikes, from which all else follows.
    The latter are read from where they are kept, and only they: of a value that is carried, or of a
    second one that is read, XLA makes copies in each step, which take longer than all the rest.
    """
    program = program_of(core, divides=True)

    def one_step(
        vmem: Int32[Array, "sample neuron"],
        isyn: Int32[Array, "sample synapse neuron"],
        spikes: Float[Array, "sample neuron"],
        inputs: Float[Array, "sample input"],
    ) -> tuple[Int32[Array, "sample synapse neuron"], Int32[Array, "sample neuron"]]:
        hidden = spikes[:, : core.n_hidden]
        of_inputs, of_hidden = coefficients.from_inputs, coefficients.from_hidden
        # Numbers too large to be exact are far outside, and stay there when they are rounded.
        added = _whole(arriving_at(core, inputs, hidden, of_inputs, of_hidden))
        return driven(program, neurons, vmem, isyn + added.reshape(isyn.shape))

    def body(t: Array, so_far: tuple[Array, ...]) -> tuple[Array, ...]:
        isyn, currents, voltages = so_far
        spikes, vmem = fired(program, neurons, _whole(_at(voltages, t - 1)))
        isyn, charged = one_step(vmem, isyn, spikes, _at(counts, t))
        return isyn, _put(currents, isyn, t), _put(voltages, charged, t)

    isyn, charged = one_step(start.vmem, start.isyn, start.spikes, counts[0])
    traces = (
        _put(jnp.zeros((len(counts), *first.shape), jnp.int16), first, 0)
        for first in (isyn, charged)
    )
    ends = np.uint32(1), np.uint32(len(counts))
    _, currents, voltages = jax.lax.fori_loop(*ends, body, (isyn, *traces))
    all_steps = voltages.reshape((-1, core.n_neurons))
    spikes, vmem = (x.reshape(voltages.shape) for x in fired(program, neurons, _whole(all_steps)))
    return States(start, voltages, vmem.astype(jnp.int16), currents, spikes.astype(jnp.uint8))


def _may_saturate(
    core: Core,
    coefficients: Coefficients,
    counts: Float[Array, "time sample input"],
    states: States,
) -> Bool[Array, ""]:
    """Whether partial sums may have been outside of 16 bits in any step."""
    spikes = states.before("spikes")[..., : core.n_hidden].astype(jnp.float32)
    # A product: sums over the last axis take twice as long.
    n_inputs, n_spikes = (
        jnp.matmul(x, jnp.ones((x.shape[-1], 1)), precision="highest") for x in (counts, spikes)
    )
    rising, falling = (
        n_inputs * _strongest(sign * coefficients.from_inputs)
        + n_spikes * placed(core, _strongest(sign * coefficients.from_hidden))
        for sign in (1, -1)
    )
    isyn = states.before("isyn").reshape(rising.shape).astype(jnp.float32)
    excess = jnp.maximum(isyn + rising - HIGH, LOW + falling - isyn)
    # By current first, which processors do in parallel.
    return jnp.any(excess.max(axis=(0, 1)) > 0)


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
        added = _whole(added).reshape(state.isyn.shape)
        isyn, charged = driven(program, neurons, state.vmem, added)
        after = State(*fired(program, neurons, charged), isyn)
        kept = (charged, after.vmem, after.isyn)
        short = tuple(array.astype(jnp.int16) for array in kept)
        return after, (*short, after.spikes.astype(jnp.uint8))

    _, kept = jax.lax.scan(one_step, start, counts)
    return States(start, *kept)


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


def _whole(values: Shaped[Array, "*shape"]) -> Int32[Array, "*shape"]:
    return values.astype(jnp.int32)


def _at(array: Shaped[Array, "time ..."], t: Array) -> Shaped[Array, "..."]:
    return jax.lax.dynamic_index_in_dim(array, t, 0, keepdims=False)


def _put(
    array: Shaped[Array, "time ..."], value: Shaped[Array, "..."], t: int | Array
) -> Shaped[Array, "time ..."]:
    return jax.lax.dynamic_update_index_in_dim(array, value.astype(array.dtype), t, 0)
