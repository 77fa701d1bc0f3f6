"""From the masters of a network to the integers of a chip, and to the arrays that are computed with.

Integers are held in float32, which has all that can come about below 2 to the 24, so that gradients
pass. What rounds or clips is invisible to them: they arrive at the masters as if it were not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Float32, Int32, Shaped

from .._fields import INTEGER_FIELDS
from ..chips import Chip, Range
from ..engines._jax_network import Aliases, AnyArray, alias_matrices

Masters: TypeAlias = Mapping[str, Shaped[Array, "..."]]
"""Arrays by the names of a configuration's fields; `weights_rec` is missing without recurrence."""

WEIGHTS = ("weights_in", "weights_rec", "weights_out")


@dataclass(frozen=True)
class Core:
    """What of a network is compiled for, besides its precise numbers.

    Attributes:
        chip: whose arithmetic it is.
        n_inputs: input channels.
        n_hidden: hidden neurons.
        n_outputs: output neurons.
        n_synapses: synaptic currents of a hidden neuron.
        n_input_expansion: hidden neurons with input weights, the first ones.
        n_output_expansion: hidden neurons with output weights, the last ones.
        is_recurrent: whether hidden neurons have weights to each other.
        bias_range: within which biases are clipped.
        surrogate: name of the slope that stands for the staircase of spike counts.
    """

    chip: Chip
    n_inputs: int
    n_hidden: int
    n_outputs: int
    n_synapses: int
    n_input_expansion: int
    n_output_expansion: int
    is_recurrent: bool
    bias_range: Range
    surrogate: str

    @property
    def n_neurons(self) -> int:
        """Hidden neurons, then outputs."""
        return self.n_hidden + self.n_outputs

    @property
    def n_currents(self) -> int:
        """First synaptic currents of all neurons, then, with two synapses, the second ones."""
        return self.n_synapses * self.n_neurons

    def range_of(self, field: str) -> Range:
        """Within which the integers of a field stay."""
        return range_of(self.chip, self.bias_range, field)


def range_of(chip: Chip, bias_range: Range, field: str) -> Range:
    """Within which the integers of a field stay; biases within `bias_range`."""
    return bias_range if field.startswith("bias") else getattr(chip, INTEGER_FIELDS[field].limits)


class Wiring(NamedTuple):
    """What is fixed of a network and yet not compiled for.

    Attributes:
        shift_in: left shift of the input weights [bits].
        shift_rec: left shift of the recurrent weights [bits].
        shift_out: left shift of the output weights [bits].
        aliases: who hands spikes to whom; `None` where nobody does.
        alias_map: how often the spikes of each neuron (row) appear as those of each neuron
            (column), if nothing is cut.
    """

    shift_in: Int32[AnyArray, ""]
    shift_rec: Int32[AnyArray, ""]
    shift_out: Int32[AnyArray, ""]
    aliases: Aliases | None
    alias_map: Float32[AnyArray, "neuron neuron"] | None

    def shift_of(self, field: str) -> Int32[AnyArray, ""]:
        """The left shift of the weights in a field."""
        return {
            "weights_in": self.shift_in,
            "weights_rec": self.shift_rec,
            "weights_out": self.shift_out,
        }[field]


@lru_cache(maxsize=64)
def wiring_of(
    shifts: tuple[int, int, int], aliases: tuple[tuple[int, ...], ...], n_outputs: int
) -> Wiring:
    """The arrays of what is fixed.

    Args:
        shifts: left shifts of input, recurrent and output weights [bits].
        aliases: for each hidden neuron the ids of those that repeat its spikes.
        n_outputs: output neurons, which come after the hidden ones.
    """
    n_neurons = len(aliases) + n_outputs
    matrices, alias_map = alias_matrices(aliases, n_neurons), None
    if matrices is not None:
        itself = np.eye(n_neurons)
        upwards = np.linalg.inv(itself - matrices.upwards)
        alias_map = (upwards @ (itself + matrices.others)).astype(np.float32)
    shift_in, shift_rec, shift_out = map(np.int32, shifts)
    return Wiring(shift_in, shift_rec, shift_out, matrices, alias_map)


class Coefficients(NamedTuple):
    """What a network computes with: integers as floats; hidden neurons first, then outputs.

    Attributes:
        from_inputs: shifted weights of the input channels to each current.
        from_hidden: shifted weights of the hidden neurons to each current; without recurrence
            only to the currents of the outputs.
        dash_syn: decay shifts of the currents [bits].
        dash_mem: decay shifts of the membranes [bits].
        threshold: firing thresholds.
        bias: biases; zero where the chip has none.
    """

    from_inputs: Float[Array, "input current"]
    from_hidden: Float[Array, "hidden target"]
    dash_syn: Float[Array, "1 synapse neuron"]
    dash_mem: Float[Array, "1 neuron"]
    threshold: Float[Array, "1 neuron"]
    bias: Float[Array, "1 neuron"]


def integers(
    core: Core,
    masters: Masters,
    masks: Mapping[str, Bool[Array, "..."]],
    outside: Float[Array, ""],
) -> dict[str, Float[Array, "..."]]:
    """The integers that masters stand for: rounded half to even, clipped, absent synapses zero.

    Args:
        core: whose ranges hold.
        masters: trained values, in units of the chip.
        masks: which synapses there are.
        outside: share of the gradient that reaches masters outside of their range.

    Returns:
        Integers, with a gradient.
    """

    def integer(name: str, master: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        limits = core.range_of(name)
        present = jnp.where(masks[name], master, 0.0) if name in masks else master
        within = (present >= limits.low) & (present <= limits.high)
        passing = jnp.where(within, present, outside * present)
        return straight_through(jnp.clip(jnp.round(present), limits.low, limits.high), passing)

    return {name: integer(name, jnp.asarray(master)) for name, master in masters.items()}


def arranged(core: Core, wiring: Wiring, values: Masters) -> Coefficients:
    """The integers of a configuration's fields in the arrays that are computed with.

    Args:
        core: what is compiled for.
        wiring: what is fixed.
        values: what `integers` gives.
    """
    n, m = core.n_hidden, core.n_neurons
    shifted = {
        name: _shifted(values[name], wiring.shift_of(name)) for name in WEIGHTS if name in values
    }
    inputs = _by_current(core, shifted["weights_in"])
    outputs = jnp.pad(shifted["weights_out"], ((n - core.n_output_expansion, 0), (0, 0)))
    if core.is_recurrent:
        hidden = _by_current(core, shifted["weights_rec"]).at[:, n:m].set(outputs)
    else:
        hidden = outputs
    dash_syn = [jnp.concatenate([values["dash_syn"], values["dash_syn_out"]])]
    if core.n_synapses > 1:
        # Outputs have one synapse: nothing arrives at their second one.
        dash_syn.append(jnp.pad(values["dash_syn_2"], (0, core.n_outputs)))
    has_bias = float(core.chip.has_bias)
    return Coefficients(
        from_inputs=inputs,
        from_hidden=hidden,
        dash_syn=jnp.stack(dash_syn)[None],
        dash_mem=jnp.concatenate([values["dash_mem"], values["dash_mem_out"]])[None],
        threshold=jnp.concatenate([values["threshold"], values["threshold_out"]])[None],
        bias=jnp.concatenate([values["bias"], values["bias_out"]])[None] * has_bias,
    )


def two_to_the(shift: Int32[AnyArray, "*shape"]) -> Float32[Array, "*shape"]:
    """Powers of two, exact, which those of JAX are not."""
    return (jnp.ones((), jnp.int32) << shift).astype(jnp.float32)


def _shifted(weights: Float[Array, "*shape"], shift: Int32[AnyArray, ""]) -> Float[Array, "*shape"]:
    # Quirk, kept: a shift above 8 can move bits out of the 16 that there are.
    shifted = weights * two_to_the(shift).astype(weights.dtype)
    wrapped = shifted - 65_536 * jnp.floor((shifted + 32_768) / 65_536)
    return straight_through(wrapped, shifted)


def _by_current(
    core: Core, weights: Float[Array, "source expansion synapse"]
) -> Float[Array, "source current"]:
    missing = core.n_neurons - weights.shape[1]
    by_synapse = jnp.pad(jnp.moveaxis(weights, -1, 1), ((0, 0), (0, 0), (0, missing)))
    return by_synapse.reshape((len(weights), core.n_currents))


def straight_through(
    value: Float[Array, "*shape"], passing: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """A value with the gradient of another one."""
    return jax.lax.stop_gradient(value) + (passing - jax.lax.stop_gradient(passing))
