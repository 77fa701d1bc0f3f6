"""One time step of the `jax` engine, all samples and all neurons at once; JAX.

Counts of spikes are float32, because products of float32 matrices are ten times as fast as those
of integers (onnx facts, speed table) and just as exact below 2 to the 24; all else is int32.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32

from ._jax_network import Aliases, Arrivals, Network, Neurons
from ._jax_ordered import HIGH, LOW, add_in_order

Arrival: TypeAlias = Literal["free", "guarded", "ordered"]
"""How spikes are added to currents: `free`, all at once, because it is proven that nothing
saturates; `guarded`, in order where in a step something may; `ordered`, always in order."""


@dataclass(frozen=True)
class Program:
    """What is compiled for, besides the shapes of the arrays.

    Attributes:
        core_version: 1 or 2.
        hidden_places: places of hidden neurons, which come before outputs.
        arrival: how spikes are added to currents.
        divides: whether all thresholds are above zero, so that a division tells how many spikes.
        has_hibernation: whether the chip has it.
        wanted: what is recorded, in the order of `RECORDED`.
    """

    core_version: int
    hidden_places: int
    arrival: Arrival
    divides: bool
    has_hibernation: bool
    wanted: tuple[str, ...]


class State(NamedTuple):
    """The state of all samples."""

    spikes: Float32[Array, "sample neuron"]
    vmem: Int32[Array, "sample neuron"]
    isyn: Int32[Array, "sample synapse neuron"]


def step(
    program: Program, network: Network, state: State, counts: Float32[Array, "sample input"]
) -> State:
    """One time step, in the order of the fact sheet.

    Args:
        program: what is compiled for.
        network: arrays of the configuration.
        state: before the step.
        counts: input spikes.

    Returns:
        The state after the step.
    """
    counts = jnp.minimum(counts, network.max_input_spikes)
    isyn = _delivered(program, network, state, counts)
    return settled(program, network.neurons, state.vmem, isyn)


def settled(
    program: Program,
    neurons: Neurons,
    vmem: Int32[Array, "sample neuron"],
    isyn: Int32[Array, "sample synapse neuron"],
) -> State:
    """What is left to do in a step when all spikes have arrived.

    Args:
        program: what is compiled for.
        neurons: what is said of them.
        vmem: before the step.
        isyn: with all that arrived.

    Returns:
        The state after the step.
    """
    isyn, charged = driven(program, neurons, vmem, isyn)
    return State(*fired(program, neurons, charged), isyn)


def driven(
    program: Program,
    neurons: Neurons,
    vmem: Int32[Array, "sample neuron"],
    isyn: Int32[Array, "sample synapse neuron"],
) -> tuple[Int32[Array, "sample synapse neuron"], Int32[Array, "sample neuron"]]:
    """The first half of `settled`: currents after their decay, membranes before the spikes."""
    isyn -= _loss(isyn, neurons.dash_syn)
    return isyn, charge(program, neurons, vmem, isyn.sum(axis=1, dtype=jnp.int32)).vmem


def fired(
    program: Program, neurons: Neurons, charged: Int32[Array, "sample neuron"]
) -> tuple[Float32[Array, "sample neuron"], Int32[Array, "sample neuron"]]:
    """The second half of `settled`: spikes with those of aliases, and membranes after them."""
    spikes, own = _spikes(program, neurons, charged)
    return spikes, _wrapped(charged - own.astype(jnp.int32) * neurons.threshold)


def quiet(
    program: Program,
    neurons: Neurons,
    before: State,
    after: State,
    counts: Float32[Array, "sample input"],
) -> tuple[Bool[Array, " sample"], Bool[Array, " sample"]]:
    """Whether nothing arrived in a step, and whether, besides, nothing moved.

    From the states on both sides of the step and not in it, because it is seldom asked for, and
    makes a step half as long again.
    """
    hidden_spikes = before.spikes[:, : program.hidden_places]
    arrived = jnp.any(counts > 0, axis=1) | jnp.any(hidden_spikes > 0, axis=1)
    # Where nothing arrives, the difference is what leaked away; elsewhere it does not matter.
    leaked = jnp.any(before.isyn != after.isyn, axis=(1, 2))
    current = after.isyn.sum(axis=1, dtype=jnp.int32)
    moved = charge(program, neurons, before.vmem, current).change
    return ~arrived, ~(arrived | leaked | jnp.any(moved != 0, axis=1))


def _delivered(
    program: Program, network: Network, state: State, counts: Float32[Array, "sample input"]
) -> Int32[Array, "sample synapse neuron"]:
    """Currents after all spikes have arrived, those of inputs before those of hidden neurons."""
    isyn = state.isyn.reshape(len(counts), -1)
    sources = jnp.concatenate([counts, state.spikes], axis=1).astype(jnp.int32)

    def at_once() -> Int32[Array, "sample current"]:
        return isyn + _product(counts, network.from_inputs, state.spikes, network.from_hidden)

    def in_order_where_needed() -> Int32[Array, "sample current"]:
        added = at_once()
        needed = _may_saturate(network, isyn, added, counts, state.spikes)
        start = jnp.where(needed, isyn, added)
        return add_in_order(start, sources, network.by_current, needed)

    if program.arrival == "free":
        added = at_once()
    elif program.arrival == "ordered":
        everything = jnp.ones(isyn.shape, bool)
        added = add_in_order(isyn, sources, network.by_current, everything)
    else:
        safe = _cannot_saturate(program, network, isyn, counts, state.spikes)
        added = jax.lax.cond(safe, at_once, in_order_where_needed)
    return added.reshape(state.isyn.shape)


def _product(
    counts: Float32[Array, "sample input"],
    from_inputs: Arrivals,
    spikes: Float32[Array, "sample neuron"],
    from_hidden: Arrivals,
) -> Int32[Array, "sample current"]:
    # `highest`: anything less would round on accelerators. Shifted afterwards, so that the sums
    # stay where float32 is exact.
    inputs = jnp.matmul(counts, from_inputs.weights, precision="highest")
    hidden = jnp.matmul(spikes, from_hidden.weights, precision="highest")
    shifts = from_inputs.shift, from_hidden.shift
    return (inputs.astype(jnp.int32) << shifts[0]) + (hidden.astype(jnp.int32) << shifts[1])


def _cannot_saturate(
    program: Program,
    network: Network,
    isyn: Int32[Array, "sample current"],
    counts: Float32[Array, "sample input"],
    spikes: Float32[Array, "sample neuron"],
) -> Bool[Array, ""]:
    """Whether no partial sum can leave 16 bits even if all sources spiked as often as the busiest.

    Coarser than `_may_saturate`, and without a large product of matrices. Outputs have weights from
    many neurons, of which few spike: for them it would be too coarse, and they are few.
    """
    inputs = jnp.max(counts, axis=1, keepdims=True).astype(jnp.int32)
    hidden = jnp.max(spikes[:, : program.hidden_places], axis=1, keepdims=True).astype(jnp.int32)
    top = isyn + inputs * network.from_inputs.rising + hidden * network.from_hidden.rising
    bottom = isyn + inputs * network.from_inputs.falling + hidden * network.from_hidden.falling
    outputs = slice(program.hidden_places, network.neurons.threshold.shape[1])
    shift = network.from_hidden.shift[:, outputs]
    arriving = jnp.matmul(spikes, network.to_outputs, precision="highest").astype(jnp.int32)
    rising, falling = jnp.split(arriving, 2, axis=1)
    return (
        jnp.all((top <= HIGH) & (bottom >= LOW))
        & jnp.all(isyn[:, outputs] + (rising << shift) <= HIGH)
        & jnp.all(isyn[:, outputs] + (falling << shift) >= LOW)
    )


def _may_saturate(
    network: Network,
    isyn: Int32[Array, "sample current"],
    added: Int32[Array, "sample current"],
    counts: Float32[Array, "sample input"],
    spikes: Float32[Array, "sample neuron"],
) -> Bool[Array, "sample current"]:
    """Which currents could leave 16 bits if their positive, or negative, weights came first.

    All partial sums lie in between, in whatever order. `added`: the currents with all that arrives.
    """
    inputs, hidden = (
        arrivals._replace(weights=jnp.maximum(arrivals.weights, 0))
        for arrivals in (network.from_inputs, network.from_hidden)
    )
    rising = _product(counts, inputs, spikes, hidden)
    return (isyn + rising > HIGH) | (added - rising < LOW)


def _loss(value: Int32[Array, "*n"], dash: Int32[Array, "*#n"]) -> Int32[Array, "*n"]:
    """What one step takes away; above zero at least one unit."""
    shifted = value >> dash
    return shifted + ((shifted == 0) & (value > 0)).astype(jnp.int32)


def _clipped(value: Int32[Array, "*n"]) -> Int32[Array, "*n"]:
    return jnp.clip(value, LOW, HIGH)


def _wrapped(value: Int32[Array, "*n"]) -> Int32[Array, "*n"]:
    return value.astype(jnp.int16).astype(jnp.int32)


class Charge(NamedTuple):
    """Membranes after leak, currents and bias, before the spikes; and how far they moved.

    Attributes:
        vmem: membrane potentials.
        change: what was added to them.
        collected: the change before the bias, on core 2.
    """

    vmem: Int32[Array, "sample neuron"]
    change: Int32[Array, "sample neuron"]
    collected: Int32[Array, "sample neuron"]


def charge(
    program: Program,
    neurons: Neurons,
    vmem: Int32[Array, "sample neuron"],
    current: Int32[Array, "sample neuron"],
) -> Charge:
    """Leak, and add the currents, all synapses together.

    Args:
        program: what is compiled for.
        neurons: what is said of them.
        vmem: membrane potentials before the step.
        current: what arrives at each membrane.
    """
    loss = _loss(vmem, neurons.dash_mem)
    if program.core_version == 1:
        charged = _clipped(vmem - loss + current)
        return Charge(charged, charged - vmem, charged - vmem)
    # Quirk, kept: -32768 with dash 0 loses -32768, and the opposite of that wraps to -32768.
    collected = _clipped(_wrapped(-loss) + current)
    change = _clipped(collected + neurons.bias)
    return Charge(_clipped(vmem + change), change, collected)


def _spikes(
    program: Program, neurons: Neurons, charged: Int32[Array, "sample neuron"]
) -> tuple[Float32[Array, "sample neuron"], Float32[Array, "sample neuron"]]:
    """Spikes of each neuron with those of aliases, and its own ones, which lower its voltage."""
    own = _divided(neurons, charged) if program.divides else _counted(neurons, charged)
    if neurons.aliases is None:
        return own, own
    return _with_aliases(neurons.aliases, neurons.max_spikes, own)


def _divided(
    neurons: Neurons, charged: Int32[Array, "sample neuron"]
) -> Float32[Array, "sample neuron"]:
    """How many spikes it takes to get below the threshold, or to the limit.

    Exact in float32, also where a division is a few units off in the last place: with the half,
    the quotient of two numbers of 15 bits is further from all whole numbers than 2 to the -17 of
    itself. And quicker than the division of integers, which processors do one by one.
    """
    quotient = (charged.astype(jnp.float32) + 0.5) / neurons.threshold.astype(jnp.float32)
    return jnp.clip(jnp.floor(quotient), 0, neurons.max_spikes)


def _counted(
    neurons: Neurons, charged: Int32[Array, "sample neuron"]
) -> Float32[Array, "sample neuron"]:
    """The same for all thresholds, spike by spike: those below zero raise the voltage, wrapping."""

    def once_more(
        _: int | Int32[Array, ""],
        counted: tuple[Float32[Array, "sample neuron"], Int32[Array, "sample neuron"]],
    ) -> tuple[Float32[Array, "sample neuron"], Int32[Array, "sample neuron"]]:
        spikes, vmem = counted
        fires = (vmem >= neurons.threshold) & (spikes < neurons.max_spikes)
        vmem = _wrapped(vmem - fires.astype(jnp.int32) * neurons.threshold)
        return spikes + fires.astype(jnp.float32), vmem

    most = jnp.max(neurons.max_spikes).astype(jnp.int32)
    start = jnp.zeros(charged.shape, jnp.float32), charged
    return jax.lax.fori_loop(0, most, once_more, start)[0]


def _with_aliases(
    aliases: Aliases,
    max_spikes: Float32[Array, "1 neuron"],
    own: Float32[Array, "sample neuron"],
) -> tuple[Float32[Array, "sample neuron"], Float32[Array, "sample neuron"]]:
    """Hand spikes on as if neuron by neuron in the order of ids.

    A neuron hands on its own spikes and those that came from lower ids. Each round carries them one
    alias further; after as many as the longest chain has, nothing changes any more. Copies take
    room from own spikes; those from higher ids come too late for that.
    """

    def copies(
        spikes: Float32[Array, "sample neuron"], to: Float32[Array, "neuron neuron"]
    ) -> Float32[Array, "sample neuron"]:
        return jnp.minimum(jnp.matmul(spikes, to, precision="highest"), max_spikes)

    def further(
        _: int | Int32[Array, ""], handed: Float32[Array, "sample neuron"]
    ) -> Float32[Array, "sample neuron"]:
        return jnp.minimum(own + copies(handed, aliases.upwards), max_spikes)

    handed = jax.lax.fori_loop(0, aliases.depth, further, own)
    spikes = jnp.minimum(handed + copies(handed, aliases.others), max_spikes)
    return spikes, handed - copies(handed, aliases.upwards)
