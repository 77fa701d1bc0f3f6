"""The backward pass: what reaches integers, input and start from the states of all steps.

Rounding and floors are passed over: what arrives is added, a current keeps `b = 1 - 2^-dash_syn` of
itself, a membrane `a = 1 - 2^-dash_mem`. Where something is clipped at an end of 16 bits, the
share `outside` passes. The slope `h` of a surrogate (`_surrogates.py`) stands for the derivative of
spike counts; aliases hand on what reaches them. The gradient also goes through the spikes' reset.

One loop goes back through time, with nothing in it but what a step hands to the step before; the
gradients of all parameters are taken afterwards, over all steps at once.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped

from ..engines._jax_network import Neurons
from ..engines._jax_ordered import HIGH, LOW
from ..engines._jax_step import charge
from ._core import Coefficients, Core, Wiring
from ._forward import Start, States, arriving_at, neurons_of, program_of
from ._surrogates import SURROGATES

# Gradients of recurrent networks can grow with every step. What goes back through spikes is cut
# here, far above anything that is of use, so that no gradient is ever infinite.
_LARGEST = 1e8


class Seen(NamedTuple):
    """What can be seen of each step: the states after it, or what reaches these from outside.

    `None` in the place of an array: nothing does.
    """

    spikes: Float[Array, "time sample hidden"] | None
    vmem: Float[Array, "time sample hidden"] | None
    isyn: Float[Array, "time sample synapse hidden"] | None
    spikes_out: Float[Array, "time sample output"] | None
    vmem_out: Float[Array, "time sample output"] | None
    isyn_out: Float[Array, "time sample output"] | None


class Smoothing(NamedTuple):
    """What the backward pass makes of steps and of ends.

    Attributes:
        window: width of the surrogate [thresholds].
        outside: share of the gradient that passes where something is clipped.
    """

    window: Float[Array, ""]
    outside: Float[Array, ""]


class Within(NamedTuple):
    """The states that the derivatives within a step depend on.

    Attributes:
        before: membranes before the step.
        charged: membranes before the spikes of the step.
        vmem: membranes after it.
        isyn: currents after it.
    """

    before: Float[Array, "sample neuron"]
    charged: Float[Array, "sample neuron"]
    vmem: Float[Array, "sample neuron"]
    isyn: Float[Array, "sample synapse neuron"]


class Slopes(NamedTuple):
    """The derivatives within a step, and what those of the thresholds need.

    Attributes:
        spikes: of spike counts by the charged membrane.
        membrane: of the charged membrane by the membrane before.
        current: of the charged membrane by a current.
        bias: of the charged membrane by the bias.
        leak: of a current after its decay by the current before its decay.
        ratio: charged membrane over threshold.
        own: spikes that lowered the membrane.
    """

    spikes: Float[Array, "sample neuron"]
    membrane: Float[Array, "sample neuron"]
    current: Float[Array, "sample neuron"]
    bias: Float[Array, "sample neuron"]
    leak: Float[Array, "sample synapse neuron"]
    ratio: Float[Array, "sample neuron"]
    own: Float[Array, "sample neuron"]


class Reaching(NamedTuple):
    """What reaches the state after a step from the steps that follow."""

    spikes: Float[Array, "sample hidden"]
    vmem: Float[Array, "sample neuron"]
    isyn: Float[Array, "sample synapse neuron"]


class Sums(NamedTuple):
    """Gradients of what belongs to one neuron, summed over samples and steps."""

    dash_syn: Float[Array, "synapse neuron"]
    dash_mem: Float[Array, " neuron"]
    threshold: Float[Array, " neuron"]
    bias: Float[Array, " neuron"]


def seen_of(core: Core, states: States) -> Seen:
    """What can be seen of all steps."""
    hidden, outputs = slice(core.n_hidden), slice(core.n_hidden, None)
    spikes, vmem, isyn = (
        array.astype(jnp.float32) for array in (states.spikes, states.vmem, states.isyn)
    )
    return Seen(
        spikes=spikes[..., hidden],
        vmem=vmem[..., hidden],
        isyn=isyn[..., hidden],
        spikes_out=spikes[..., outputs],
        vmem_out=vmem[..., outputs],
        isyn_out=isyn[:, :, 0, outputs],
    )


def pulled_back(
    core: Core,
    wiring: Wiring,
    coefficients: Coefficients,
    smoothing: Smoothing,
    counts: Float[Array, "time sample input"],
    states: States,
    cotangents: Seen,
) -> tuple[Coefficients, Start, Float[Array, "time sample input"]]:
    """Gradients of the coefficients, the start and the counts.

    Args:
        core: what is compiled for.
        wiring: what is fixed.
        coefficients: the integers.
        smoothing: what to make of steps and ends.
        counts: input spikes.
        states: what `states_of` gave.
        cotangents: what reaches what is seen of them.
    """
    neurons = neurons_of(core, wiring, coefficients)

    def with_clipping(clips: bool) -> Callable[[], Any]:
        slopes_at = partial(slopes_of, core, neurons, coefficients, smoothing, clips=clips)
        return lambda: reversed_steps(
            core, wiring, coefficients, slopes_at, counts, states, cotangents
        )

    # Most networks never clip anything, and without it a step back takes half as long.
    return jax.lax.cond(may_clip(coefficients, states), *map(with_clipping, (True, False)))


def may_clip(coefficients: Coefficients, states: States) -> Bool[Array, ""]:
    """Whether anything may have been clipped, judged by how far each neuron went at most.

    Args:
        coefficients: the integers.
        states: what `states_of` gave.
    """

    def largest(array: Shaped[Array, "time sample *n"]) -> Float[Array, "*n"]:
        return jnp.abs(array.astype(jnp.float32)).max(axis=(0, 1), initial=0)

    isyn, voltage = largest(states.isyn), largest(states.charged)
    voltage = jnp.maximum(voltage, largest(states.start.vmem[None]))
    dash_syn, dash_mem = coefficients.dash_syn[0], coefficients.dash_mem[0]
    # No further than an end of the range is after its decay. With dash 0 all decays to nothing.
    is_clipped = (isyn >= HIGH - jnp.floor(HIGH * jnp.exp2(-dash_syn)) - 1) & (dash_syn > 0)
    change = isyn.sum(axis=0) + voltage * jnp.exp2(-dash_mem) + 1 + jnp.abs(coefficients.bias[0])
    return jnp.any(is_clipped) | jnp.any(jnp.maximum(change, voltage) >= HIGH)


def slopes_of(
    core: Core,
    neurons: Neurons,
    coefficients: Coefficients,
    smoothing: Smoothing,
    step: Within,
    *,
    clips: bool,
) -> Slopes:
    """The derivatives within a step.

    Args:
        core: what is compiled for.
        neurons: the integers, as the engine has them.
        coefficients: the same as floats.
        smoothing: what to make of steps and ends.
        step: where to take them.
        clips: whether anything may have been clipped.
    """

    def passing(clipped: Array) -> Float[Array, "sample neuron"]:
        return jnp.where((clipped > LOW) & (clipped < HIGH), 1.0, smoothing.outside)

    kept = collected = changed = jnp.ones((1, 1))
    leak = 1 - jnp.exp2(-coefficients.dash_syn)
    if clips:
        current, program = step.isyn.sum(axis=1).astype(jnp.int32), program_of(core, divides=True)
        charged = charge(program, neurons, step.before.astype(jnp.int32), current)
        kept, leak = passing(charged.vmem), leak * _leaving(neurons, smoothing, step)
        if core.chip.core_version > 1:
            collected, changed = passing(charged.collected), passing(charged.change)
    # A neuron whose threshold is not above zero spikes as often as it can, whatever its voltage.
    is_usual, divisor = coefficients.threshold > 0, jnp.maximum(coefficients.threshold, 1)
    ratio = step.charged * (1 / divisor)
    slope = SURROGATES[core.surrogate](ratio, neurons.max_spikes, smoothing.window)
    return Slopes(
        spikes=slope * (is_usual / divisor),
        membrane=kept * (1 - jnp.exp2(-coefficients.dash_mem) * (changed * collected)),
        current=kept * (changed * collected),
        bias=kept * changed,
        leak=leak,
        ratio=ratio,
        own=(step.charged - step.vmem) * (is_usual / divisor),
    )


def _leaving(
    neurons: Neurons, smoothing: Smoothing, step: Within
) -> Float[Array, "sample synapse neuron"]:
    """The share of the gradient that passes where currents are clipped.

    A current that was clipped is known by what an end of the range decays to, which nothing else
    does. Not so with dash 0, where all decays to nothing, and no gradient passes anyway.
    """
    dash = neurons.dash_syn
    highest = HIGH - (HIGH >> dash) - (dash == 15)
    lowest = LOW - (LOW >> dash)
    return jnp.where((step.isyn == highest) | (step.isyn == lowest), smoothing.outside, 1.0)


def reversed_steps(
    core: Core,
    wiring: Wiring,
    coefficients: Coefficients,
    slopes_at: Callable[[Within], Slopes],
    counts: Float[Array, "time sample input"],
    states: States,
    cotangents: Seen,
) -> tuple[Coefficients, Start, Float[Array, "time sample input"]]:
    """Go back through all steps.

    Args:
        core: what is compiled for.
        wiring: what is fixed.
        coefficients: the integers.
        slopes_at: gives the derivatives within a step.
        counts: input spikes.
        states: the states of each step.
        cotangents: what reaches what is seen of them.

    Returns:
        Gradients of the coefficients, the start and the counts.
    """
    dtype, to_hidden = counts.dtype, coefficients.from_hidden.T

    def one_step(
        carry: tuple[Reaching, Sums], at: tuple[Array, tuple[Array, ...], Within, Seen]
    ) -> tuple[tuple[Reaching, Sums], Float[Array, "sample synapse neuron"]]:
        reaching, sums = carry
        inputs, before, within, outside = at
        spikes_before, isyn_before = (array.astype(dtype) for array in before)
        within = Within(*(array.astype(dtype) for array in within))
        slopes = slopes_at(within)
        spikes, vmem, isyn = _with_outside(core, reaching, outside)
        own = spikes if wiring.alias_map is None else spikes @ wiring.alias_map.T
        fired = slopes.spikes * (own - coefficients.threshold * vmem)
        charged = vmem + fired
        isyn += (slopes.current * charged)[:, None]
        arrived = slopes.leak * isyn
        added = arriving_at(
            core, inputs, spikes_before, coefficients.from_inputs, coefficients.from_hidden
        )
        # Currents before their decay, as if sums were clipped at their end only.
        decaying = jnp.clip(isyn_before + added.reshape(isyn.shape), LOW, HIGH)
        # Those of parameters that are not trained are dead code, which the compiler removes.
        sums = Sums(
            dash_syn=sums.dash_syn + (isyn * decaying).sum(axis=0),
            dash_mem=sums.dash_mem + (charged * slopes.current * within.before).sum(axis=0),
            threshold=sums.threshold - (slopes.own * vmem + slopes.ratio * fired).sum(axis=0),
            bias=sums.bias + (slopes.bias * charged).sum(axis=0),
        )
        sent = jnp.clip(_to_targets(core, arrived) @ to_hidden, -_LARGEST, _LARGEST)
        earlier = Reaching(sent, slopes.membrane * charged, arrived)
        return (earlier, sums), arrived

    n_samples = counts.shape[1]
    nothing = Reaching(
        jnp.zeros((n_samples, core.n_hidden), dtype),
        jnp.zeros((n_samples, core.n_neurons), dtype),
        jnp.zeros((n_samples, core.n_synapses, core.n_neurons), dtype),
    )
    of_neuron = jnp.zeros((core.n_neurons,), dtype)
    of_current = jnp.zeros((core.n_synapses, core.n_neurons), dtype)
    no_sums = Sums(of_current, of_neuron, of_neuron, of_neuron)
    hidden_spikes = states.before("spikes")[..., : core.n_hidden]
    before = hidden_spikes, states.before("isyn")
    within = Within(states.before("vmem"), states.charged, states.vmem, states.isyn)
    (first, sums), arrived = jax.lax.scan(
        one_step, (nothing, no_sums), (counts, before, within, cotangents), reverse=True
    )
    of_coefficients, of_counts = _gradients(
        core, coefficients, sums, arrived, hidden_spikes, counts
    )
    return of_coefficients, Start(*first), of_counts


def _with_outside(
    core: Core, reaching: Reaching, outside: Seen
) -> tuple[
    Float[Array, "sample neuron"],
    Float[Array, "sample neuron"],
    Float[Array, "sample synapse neuron"],
]:
    """What reaches the spikes, membranes and currents after a step altogether."""
    n, m = core.n_hidden, core.n_neurons
    spikes = jnp.pad(reaching.spikes, ((0, 0), (0, m - n)))
    vmem, isyn = reaching.vmem, reaching.isyn
    for neurons, of_spikes, of_vmem, of_isyn in (
        (slice(n), outside.spikes, outside.vmem, outside.isyn),
        (slice(n, m), outside.spikes_out, outside.vmem_out, outside.isyn_out),
    ):
        if of_spikes is not None:
            spikes = spikes.at[:, neurons].add(of_spikes)
        if of_vmem is not None:
            vmem = vmem.at[:, neurons].add(of_vmem)
        if of_isyn is not None:
            # Outputs have the first current only.
            of_isyn = of_isyn if of_isyn.ndim == 3 else of_isyn[:, None]
            isyn = isyn.at[:, : of_isyn.shape[1], neurons].add(of_isyn)
    return spikes, vmem, isyn


def _to_targets(
    core: Core, by_current: Float[Array, "*steps synapse neuron"]
) -> Float[Array, "*steps target"]:
    """Of values for all currents those of the targets of hidden neurons."""
    flat = by_current.reshape((*by_current.shape[:-2], core.n_currents))
    return flat if core.is_recurrent else flat[..., core.n_hidden : core.n_neurons]


def _gradients(
    core: Core,
    coefficients: Coefficients,
    sums: Sums,
    arrived: Float[Array, "time sample synapse neuron"],
    spikes: Shaped[Array, "time sample hidden"],
    counts: Float[Array, "time sample input"],
) -> tuple[Coefficients, Float[Array, "time sample input"]]:
    """Gradients of coefficients and counts, from what reaches the currents before their decay."""
    arriving = arrived.reshape((*counts.shape[:2], core.n_currents))
    lost_mem, lost_syn = (
        np.log(2) * jnp.exp2(-dash) for dash in (coefficients.dash_mem, coefficients.dash_syn)
    )

    def products(
        sources: Float[Array, "time sample source"], targets: Float[Array, "time sample target"]
    ) -> Float[Array, "source target"]:
        return jnp.tensordot(sources, targets, ((0, 1), (0, 1)))

    of_coefficients = Coefficients(
        from_inputs=products(counts, arriving),
        from_hidden=products(spikes.astype(counts.dtype), _to_targets(core, arrived)),
        dash_syn=sums.dash_syn[None] * lost_syn,
        dash_mem=sums.dash_mem[None] * lost_mem,
        threshold=sums.threshold[None],
        bias=sums.bias[None],
    )
    return of_coefficients, jnp.matmul(arriving, coefficients.from_inputs.T)
