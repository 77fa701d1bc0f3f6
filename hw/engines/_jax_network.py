"""From a configuration to the arrays that the compiled code of the `jax` engine reads; NumPy only.

Neurons are hidden ones, then outputs: the rules differ only in how often they may spike and in that
nobody listens to outputs. Sizes are rounded up, with inputs that never spike and neurons that
nothing reaches, so that configurations of almost the same size share compiled code.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float32, Int16, Int32, Int64

from .._config import XyloConfig

# Up to here all whole numbers are float32 numbers, and sums of whole numbers are exact.
_EXACT_IN_FLOAT32 = 2**24
# Below half of what 32 bits hold: a state and two such sums can be added.
_EXACT_IN_INT32 = 2**30
# A neuron that is not there never reaches it: its voltage stays zero.
_UNREACHED = 32_767


# Of NumPy when a configuration is prepared, of JAX when it is computed with.
AnyArray: TypeAlias = Any


class Arrivals(NamedTuple):
    """Weights of one kind of source, inputs or hidden neurons, as `shifted = weight << shift`.

    `current` counts the currents of all neurons: the first ones, then, with two synapses, the
    second ones.

    Attributes:
        weights: weights before their shift; where the shift moves bits out of the 16 that there
            are, what is left of them.
        shift: left shift of the weights to each current [bits].
        rising: sum of the positive shifted weights of each current of a hidden neuron.
        falling: sum of the negative shifted weights of each current of a hidden neuron.
    """

    weights: Float32[AnyArray, "source current"]
    shift: Int32[AnyArray, "1 current"]
    rising: Int32[AnyArray, "1 current"]
    falling: Int32[AnyArray, "1 current"]


class Aliases(NamedTuple):
    """How often each neuron (row) hands its spikes to each neuron (column).

    Attributes:
        upwards: to higher ids, which have not spiked yet when the spikes arrive.
        others: to lower ids and to itself.
        depth: most aliases in a row that lead upwards.
    """

    upwards: Float32[AnyArray, "neuron neuron"]
    others: Float32[AnyArray, "neuron neuron"]
    depth: Int32[AnyArray, ""]


class Neurons(NamedTuple):
    """What is said of each neuron, and who repeats whose spikes.

    Attributes:
        dash_syn: decay shifts of the currents [bits].
        dash_mem: decay shifts of the membranes [bits].
        threshold: firing thresholds.
        bias: biases, zero where the chip has none.
        max_spikes: most spikes of each neuron in one step.
        has_bias: whether there is any bias.
        aliases: `None` where there are none.
    """

    dash_syn: Int32[AnyArray, "1 synapse neuron"]
    dash_mem: Int32[AnyArray, "1 neuron"]
    threshold: Int32[AnyArray, "1 neuron"]
    bias: Int32[AnyArray, "1 neuron"]
    max_spikes: Float32[AnyArray, "1 neuron"]
    has_bias: Bool[AnyArray, ""]
    aliases: Aliases | None


class Network(NamedTuple):
    """All that a configuration says.

    Attributes:
        neurons: all but the weights.
        from_inputs: weights of the input channels.
        from_hidden: weights of all neurons, zero from outputs.
        to_outputs: of those the positive weights to outputs, then the negative ones.
        by_current: the shifted weights of both in their order of arrival, for each current.
        max_input_spikes: most spikes of an input channel in one step.
    """

    neurons: Neurons
    from_inputs: Arrivals
    from_hidden: Arrivals
    to_outputs: Float32[AnyArray, "neuron two_outputs"]
    by_current: Int16[AnyArray, "current source"]
    max_input_spikes: Float32[AnyArray, ""]


@dataclass(frozen=True)
class Sizes:
    """How many there are of a kind, and how many places the arrays have for them."""

    n_inputs: int
    n_hidden: int
    n_outputs: int
    input_places: int
    hidden_places: int
    output_places: int

    @property
    def neuron_places(self) -> int:
        """Places for hidden neurons and outputs together."""
        return self.hidden_places + self.output_places

    def of_neurons(self, hidden: np.ndarray, outputs: np.ndarray, empty: int) -> np.ndarray:
        """One array for all neurons, (1, neuron), from one for each kind.

        Args:
            hidden: values of the hidden neurons, (hidden,).
            outputs: values of the outputs, (output,).
            empty: value of places without a neuron.
        """
        values = np.full((1, self.neuron_places), empty)
        values[0, : self.n_hidden] = hidden
        values[0, self.hidden_places : self.hidden_places + self.n_outputs] = outputs
        return values


def rounded_up(n: int, least: int) -> int:
    """The next size for which code is compiled: at most one eighth more, or a multiple of `least`.

    >>> [rounded_up(n, least=16) for n in (1, 16, 63, 130, 1000)]
    [16, 16, 64, 144, 1024]
    """
    unit = max(least, 2 ** (n.bit_length() - 1) // 8)
    return -(-n // unit) * unit


def sizes_of(config: XyloConfig) -> Sizes:
    """Sizes of a configuration and of its arrays."""
    n_inputs, n_hidden, n_outputs = config.n_inputs, config.n_hidden, config.n_outputs
    return Sizes(
        n_inputs,
        n_hidden,
        n_outputs,
        input_places=rounded_up(n_inputs, least=16),
        hidden_places=rounded_up(n_hidden, least=16),
        output_places=rounded_up(n_outputs, least=8),
    )


def network_of(config: XyloConfig) -> Network:
    """All arrays of a configuration.

    Args:
        config: what to compute.

    Returns:
        The arrays, rounded up in size.
    """
    chip, sizes = config.chip, sizes_of(config)
    inputs, hidden = _from_inputs(config, sizes), _from_hidden(config, sizes)
    from_hidden = _arrivals(*hidden, sizes)
    to_outputs = from_hidden.weights[:, sizes.hidden_places : sizes.neuron_places]
    return Network(
        neurons=_neurons(config, sizes),
        from_inputs=_arrivals(inputs[0], inputs[1], sizes),
        from_hidden=from_hidden,
        to_outputs=np.hstack([np.maximum(to_outputs, 0), np.minimum(to_outputs, 0)]),
        by_current=np.concatenate([_shifted(*inputs), _shifted(*hidden)]).T.astype(np.int16),
        max_input_spikes=np.array(chip.max_input_spikes, np.float32),
    )


def _neurons(config: XyloConfig, sizes: Sizes) -> Neurons:
    chip = config.chip
    has_bias = chip.has_bias and bool(config.bias.any() or config.bias_out.any())
    bias = sizes.of_neurons(config.bias, config.bias_out, 0).astype(np.int32)
    dash_syn = [sizes.of_neurons(config.dash_syn, config.dash_syn_out, 0)]
    if config.n_synapses > 1:
        dash_syn.append(sizes.of_neurons(config.dash_syn_2, np.array(0), 0))
    threshold = sizes.of_neurons(config.threshold, config.threshold_out, _UNREACHED)
    most_hidden, most_out = np.array(chip.max_hidden_spikes), np.array(chip.max_output_spikes)
    return Neurons(
        dash_syn=np.stack(dash_syn, axis=1).astype(np.int32),
        dash_mem=sizes.of_neurons(config.dash_mem, config.dash_mem_out, 0).astype(np.int32),
        threshold=threshold.astype(np.int32),
        bias=bias * np.int32(has_bias),
        max_spikes=sizes.of_neurons(most_hidden, most_out, 0).astype(np.float32),
        has_bias=np.array(has_bias),
        aliases=alias_matrices(config.aliases, sizes.neuron_places),
    )


def products_are_exact(config: XyloConfig) -> bool:
    """Whether products of counts and weights are exact in the arithmetic of the engine.

    Whatever the counts: all sums of weights before their shift are below 2 to the 24, where
    float32 holds all whole numbers, and all sums after it below 2 to the 30. So it is for all
    networks that fit a chip: 31 spikes of each of 1000 neurons with weights up to 128 are 4
    million, and 2 to the 15 times 31 thousand is just below 2 to the 30.
    """
    chip, sizes = config.chip, sizes_of(config)
    total = np.zeros(1)
    for (weights, shift), most in (
        (_from_inputs(config, sizes), chip.max_input_spikes),
        (_from_hidden(config, sizes), chip.max_hidden_spikes),
    ):
        shifted = np.abs(_shifted(weights, shift)) * most
        if (shifted >> shift).sum(axis=0).max() >= _EXACT_IN_FLOAT32:
            return False
        total = total + shifted.sum(axis=0)
    return bool(total.max() < _EXACT_IN_INT32)


def _from_inputs(
    config: XyloConfig, sizes: Sizes
) -> tuple[Int64[np.ndarray, "source current"], Int64[np.ndarray, "1 current"]]:
    """Weights and their shifts."""
    weights = np.zeros((sizes.input_places, config.n_synapses, sizes.neuron_places), np.int64)
    given = np.moveaxis(config.weights_in, -1, 1)
    weights[: config.n_inputs, :, : config.n_input_expansion] = given
    weights = weights.reshape(len(weights), -1)
    return weights, np.full((1, weights.shape[1]), config.weight_shift_in)


def _from_hidden(
    config: XyloConfig, sizes: Sizes
) -> tuple[Int64[np.ndarray, "source current"], Int64[np.ndarray, "1 current"]]:
    """Weights and their shifts."""
    n, out, m = config.n_hidden, sizes.hidden_places, sizes.neuron_places
    weights = np.zeros((m, config.n_synapses, m), np.int64)
    weights[:n, :, :n] = np.moveaxis(config.weights_rec, -1, 1)
    weights[n - config.n_output_expansion : n, 0, out : out + config.n_outputs] = config.weights_out
    shift = np.full((config.n_synapses, m), config.weight_shift_rec)
    shift[:, out:] = config.weight_shift_out
    return weights.reshape(m, -1), shift.reshape(1, -1)


def _shifted(
    weights: Int64[np.ndarray, "source current"], shift: Int64[np.ndarray, "1 current"]
) -> Int64[np.ndarray, "source current"]:
    # Quirk, kept: the cast leaves the low 16 bits, which shifts above 8 can exceed.
    return (weights << shift).astype(np.int16).astype(np.int64)


def _arrivals(
    weights: Int64[np.ndarray, "source current"],
    shift: Int64[np.ndarray, "1 current"],
    sizes: Sizes,
) -> Arrivals:
    shifted = _shifted(weights, shift)
    is_hidden = np.arange(shifted.shape[1]) % sizes.neuron_places < sizes.hidden_places
    sums = [
        part.sum(axis=0) * is_hidden for part in (np.maximum(shifted, 0), np.minimum(shifted, 0))
    ]
    rising, falling = (part[None].astype(np.int32) for part in sums)
    exact = (shifted >> shift).astype(np.float32)
    return Arrivals(exact, shift.astype(np.int32), rising, falling)


def alias_matrices(aliases: tuple[tuple[int, ...], ...], n_places: int) -> Aliases | None:
    """Who hands spikes to whom; `None` where nobody does.

    Args:
        aliases: for each hidden neuron the ids of those that repeat its spikes.
        n_places: places for neurons.
    """
    if not any(aliases):
        return None
    upwards, others = np.zeros((2, n_places, n_places), np.float32)
    chain = [0] * len(aliases)
    for source, target in _pairs(aliases):
        if target > source:
            upwards[source, target] += 1
            # Sources come in ascending order, so the chain up to each is known.
            chain[target] = max(chain[target], chain[source] + 1)
        else:
            others[source, target] += 1
    return Aliases(upwards, others, np.array(max(chain), np.int32))


def _pairs(aliases: Iterable[Iterable[int]]) -> list[tuple[int, int]]:
    return [(source, target) for source, targets in enumerate(aliases) for target in targets]
