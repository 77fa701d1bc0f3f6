"""How far beyond 16 bits the worst input could drive a network, as a penalty with a gradient.

The same reasoning as that of `saturation_bounds` (`hw/_saturation.py`), in closed forms, which have
gradients. Each is as wide as the range there, or wider:

- What arrives in a step is at most `P`, all positive weights times the largest counts, and at least
  `-Q`, the same of the negative ones. A current with the dash `d` then stays within
  `-Q (2^d - 1) .. P (2^d - 1)`, and its sums within `-Q 2^d .. P 2^d`.
- A membrane driven by at most `B`, currents and bias together, settles at `B 2^d`, or where its
  spikes hold it: below the threshold, or, when `E` is left over with the most spikes of a step, at
  `E 2^d`. Downwards no spikes hold it.
- How often neurons spike follows from their highest voltages, round after round, until it grows no
  more.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from ..engines._jax_ordered import HIGH, LOW
from ._core import Coefficients, Core, Wiring, straight_through, two_to_the
from ._forward import neurons_of, placed

# As many as `saturation_bounds` takes; then spikes that still grow are given the chip's limit.
_ROUNDS = 40


class _Reach(NamedTuple):
    """How far a network goes.

    Attributes:
        sums: the largest sums, as shares of 16 bits, of all kinds of each neuron.
        own_spikes: most spikes of each neuron by itself; not rounded.
    """

    sums: Float[Array, "kind neuron"]
    own_spikes: Float[Array, " neuron"]


class _Spikes(NamedTuple):
    """The most spikes of each neuron in a step.

    Attributes:
        all: those of aliases included.
        copied: those of aliases that are there before its own, which leave it less room.
    """

    all: Float[Array, " neuron"]
    copied: Float[Array, " neuron"]


@partial(jax.jit, static_argnames=("core",))
def overflow_excess(
    core: Core, wiring: Wiring, coefficients: Coefficients, room: Float[Array, ""] | float
) -> Float[Array, ""]:
    """The penalty of `XyloNetJax.overflow_excess`.

    Args:
        core: what is compiled for.
        wiring: what is fixed.
        coefficients: the integers, with gradients.
        room: share of 16 bits that stays free.
    """
    most = neurons_of(core, wiring, coefficients).max_spikes[0]
    fixed = jax.lax.stop_gradient(coefficients)
    spikes = _most_spikes(core, wiring, fixed, most)
    # One round more, for the gradient of the spikes.
    own = _reach(core, coefficients, spikes, most).own_spikes
    handed = _handed_on(wiring, straight_through(jnp.floor(own), own), most)
    spikes = _Spikes(*(straight_through(a, b) for a, b in zip(spikes, handed, strict=True)))
    sums = _reach(core, coefficients, spikes, most).sums
    above = jnp.maximum(jnp.log(jnp.maximum(sums, 1e-6) / (1 - room)), 0)
    # All thresholds have to be above zero: others raise the voltage with each spike.
    below = jnp.maximum(1 - coefficients.threshold[0], 0)
    return jnp.mean((above**2).sum(axis=0) + below**2)


def _most_spikes(
    core: Core, wiring: Wiring, coefficients: Coefficients, most: Float[Array, " neuron"]
) -> _Spikes:
    """The most spikes of each neuron, from none on, until no round adds any."""
    nothing = jnp.zeros_like(most)

    def once_more(
        carry: tuple[Int32[Array, ""], _Spikes, _Spikes],
    ) -> tuple[Int32[Array, ""], _Spikes, _Spikes]:
        n_rounds, _, old = carry
        own = jnp.floor(_reach(core, coefficients, old, most).own_spikes)
        limit = jnp.where(n_rounds >= _ROUNDS, most, 0)
        grown = (
            jnp.where(new > before, jnp.maximum(new, limit), before)
            for new, before in zip(_handed_on(wiring, own, most), old, strict=True)
        )
        return n_rounds + 1, old, _Spikes(*grown)

    def grows(carry: tuple[Int32[Array, ""], _Spikes, _Spikes]) -> Array:
        _, old, new = carry
        return jnp.any(new.all > old.all) | jnp.any(new.copied > old.copied)

    start = jnp.zeros((), jnp.int32), _Spikes(nothing - 1, nothing - 1), _Spikes(nothing, nothing)
    return jax.lax.while_loop(grows, once_more, start)[2]


def _handed_on(
    wiring: Wiring, own: Float[Array, " neuron"], most: Float[Array, " neuron"]
) -> _Spikes:
    """Spikes with those of aliases, as if none were cut on the way; each at most the limit."""
    if wiring.alias_map is None:
        return _Spikes(own, jnp.zeros_like(own))
    assert wiring.aliases is not None
    handed = jnp.minimum(own @ wiring.alias_map, most)
    return _Spikes(handed, jnp.minimum(handed, most * (wiring.aliases.upwards.sum(axis=0) > 0)))


def _reach(core: Core, c: Coefficients, spikes: _Spikes, most: Float[Array, " neuron"]) -> _Reach:
    """How far currents and voltages go, with so many spikes."""
    hidden = spikes.all[: core.n_hidden]
    high, low = (
        core.chip.max_input_spikes * jnp.maximum(sign * c.from_inputs, 0).sum(axis=0)
        + placed(core, hidden @ jnp.maximum(sign * c.from_hidden, 0))
        for sign in (1, -1)
    )
    grown = _power(c.dash_syn[0])
    high, low = high.reshape(grown.shape), low.reshape(grown.shape)
    current_high = (high * (grown - 1)).sum(axis=0)
    current_low = -(low * (grown - 1)).sum(axis=0)
    bias, threshold, settled = c.bias[0], jnp.maximum(c.threshold[0], 1), _power(c.dash_mem[0])
    drive_high, drive_low = current_high + bias, jnp.minimum(current_low + bias, 0)
    left_over = jnp.maximum(drive_high - (most - spikes.copied) * threshold, 0)
    vmem_high = jnp.minimum(
        jnp.maximum(drive_high, 0) * settled,
        jnp.maximum(threshold - 1, left_over * settled),
    )
    # The decay is a whole number, so up to 1 less than its share.
    top = vmem_high * (1 - 1 / settled) + 1 + drive_high
    uppermost, lowest = [*(high * grown), top], [*(low * grown), -drive_low * settled]
    if core.chip.core_version > 1:
        # These add the current to the decay first, and then the bias.
        rising = current_high - drive_low
        falling = current_low - jnp.maximum(vmem_high / settled, jnp.minimum(vmem_high, 1))
        uppermost += [rising, rising + bias]
        lowest += [-falling, -(falling + bias)]
    sums = [jnp.stack(uppermost) / HIGH, jnp.stack(lowest) / -LOW]
    # The half outweighs the rounding of the division.
    spiking = jnp.minimum((top + 0.5) / threshold, most)
    return _Reach(jnp.concatenate(sums), jnp.where(top >= threshold, spiking, 0))


def _power(dash: Float[Array, "*n"]) -> Float[Array, "*n"]:
    return straight_through(two_to_the(dash.astype(jnp.int32)), jnp.exp2(dash))
