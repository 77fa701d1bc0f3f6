"""One time step of a chip core as ONNX nodes; equal to the engines of `hw`.

Integers are held in float32, where all of them below 2 to the 24 are exact: onnxruntime has few
operators for 16 bits, and floor is the arithmetic shift that integers lack there. Products of
spikes and weights are those of bytes (`MatMulInteger`), which are quickest.

Neurons are hidden ones, then outputs; currents are the first currents of all neurons, then, with
two synapses, the second ones.

Source: chip facts, section 2; onnx facts (why a sum that saturates depends on its order).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float32, Int64

from ...hw import XyloConfig, saturation_bounds
from ._onnx_arrival import Delivery, add_at_once, add_guarded
from ._onnx_builder import BOOL, FLOAT, INT64, UINT8, Block, clipped, value


@dataclass(frozen=True, eq=False)
class Core:
    """The arrays of a configuration as one population: hidden neurons, then outputs.

    Attributes:
        config: where they come from.
        states_are_free: whether a state may be given from outside, about which nothing is proven.
    """

    config: XyloConfig
    states_are_free: bool

    @property
    def n_neurons(self) -> int:
        """Hidden neurons and outputs."""
        return self.config.n_hidden + self.config.n_outputs

    @property
    def n_currents(self) -> int:
        """Synaptic currents of all neurons."""
        return self.config.n_synapses * self.n_neurons

    @cached_property
    def shifted(self) -> Int64[np.ndarray, "source current"]:
        """Weights after their shift, sources in the order of arrival: inputs, then neurons."""
        config, n = self.config, self.config.n_hidden
        shape = (config.n_inputs + self.n_neurons, config.n_synapses, self.n_neurons)
        weights = np.zeros(shape, np.int64)
        inputs, hidden = weights[: config.n_inputs], weights[config.n_inputs :][:n]
        into = np.moveaxis(config.weights_in, -1, 1).astype(np.int64)
        inputs[:, :, : config.n_input_expansion] = into << config.weight_shift_in
        recurrent = np.moveaxis(config.weights_rec, -1, 1).astype(np.int64)
        hidden[:, :, :n] = recurrent << config.weight_shift_rec
        out = config.weights_out.astype(np.int64)
        hidden[n - config.n_output_expansion :, 0, n:] = out << config.weight_shift_out
        # Quirk, kept: the cast leaves the low 16 bits, which shifts above 8 can exceed.
        return weights.reshape(shape[0], -1).astype(np.int16).astype(np.int64)

    @cached_property
    def scale(self) -> Float32[np.ndarray, "source current"]:
        """What the weights were multiplied by, a power of two for each kind of synapse."""
        config = self.config
        shift = np.full((config.n_inputs + self.n_neurons, self.n_neurons), config.weight_shift_rec)
        shift[:, config.n_hidden :] = config.weight_shift_out
        shift[: config.n_inputs] = config.weight_shift_in
        return np.exp2(np.tile(shift, config.n_synapses)).astype(np.float32)

    @cached_property
    def may_saturate(self) -> bool:
        """Whether currents could leave 16 bits on the way, so that the order of spikes counts."""
        if not self.states_are_free:
            return not saturation_bounds(self.config).currents_never_saturate
        # From any state a single spike can, where there is a weight at all.
        return bool(self.shifted.any())

    @cached_property
    def has_bias(self) -> bool:
        """Whether the core adds biases."""
        config = self.config
        return config.chip.has_bias and bool(config.bias.any() or config.bias_out.any())

    def of_neurons(self, hidden: str, outputs: str) -> Float32[np.ndarray, "1 neuron"]:
        """One row of a field of the hidden neurons and the same of the outputs."""
        arrays = [getattr(self.config, name) for name in (hidden, outputs)]
        return np.concatenate(arrays).astype(np.float32)[None]

    @cached_property
    def leak_syn(self) -> Float32[np.ndarray, "1 current"]:
        """What part of a current goes in a step, before rounding."""
        config = self.config
        dashes = [config.dash_syn, config.dash_syn_out]
        dashes += [config.dash_syn_2, np.zeros(config.n_outputs)] * (config.n_synapses == 2)
        return np.exp2(-np.concatenate(dashes).astype(np.float32))[None]

    @cached_property
    def max_spikes(self) -> Float32[np.ndarray, "1 neuron"]:
        """Most spikes of each neuron in a step."""
        chip = self.config.chip
        limits = [chip.max_hidden_spikes, chip.max_output_spikes]
        counts = [self.config.n_hidden, self.config.n_outputs]
        return np.repeat(np.array(limits, np.float32), counts)[None]


@dataclass(frozen=True)
class StepState:
    """Names of the state on one side of a step.

    Attributes:
        spikes: uint8 (batch, neuron).
        isyn: float32 (batch, current).
        vmem: float32 (batch, neuron).
    """

    spikes: str
    isyn: str
    vmem: str


def add_step(block: Block, core: Core, state: StepState, counts: str) -> StepState:
    """Write one time step, in the order of the fact sheet.

    Args:
        block: where to.
        core: the configuration.
        state: before the step.
        counts: uint8 (batch, input), not above what the counters hold.

    Returns:
        The state after the step.
    """
    isyn = _delivered(block, core, state, counts)
    isyn = block.op("Sub", isyn, _loss(block, isyn, core.leak_syn))
    charged = _charged(block, core, state.vmem, _summed(block, core, isyn))
    spikes, own = _spikes(block, core, charged)
    threshold = core.of_neurons("threshold", "threshold_out")
    spent = block.op("Mul", own, block.constant(threshold))
    vmem = block.op("Sub", charged, spent)
    if (threshold < 0).any():
        vmem = _wrapped(block, vmem)
    return StepState(spikes, isyn, vmem)


def _delivered(block: Block, core: Core, state: StepState, counts: str) -> str:
    """Currents after all spikes have arrived, those of inputs before those of hidden neurons."""
    sources = block.op("Concat", counts, state.spikes, axis=1)
    delivery = Delivery(core.shifted, core.scale, core.config.n_inputs)
    add = add_guarded if core.may_saturate else add_at_once
    return add(block, delivery, state.isyn, sources)


def _loss(block: Block, state: str, part: Float32[np.ndarray, "1 n"]) -> str:
    """What a step takes away: an arithmetic shift, above zero at least one unit."""
    shifted = block.op("Floor", block.op("Mul", state, block.constant(part)))
    return block.op("Max", shifted, block.op("Min", state, block.constant(1.0)))


def _summed(block: Block, core: Core, isyn: str) -> str:
    if core.config.n_synapses == 1:
        return isyn
    return block.op("Add", *block.ops("Split", 2, isyn, axis=1, num_outputs=2))


def _wrapped(block: Block, number: str) -> str:
    turns = block.op(
        "Mul", block.op("Add", number, block.constant(2.0**15)), block.constant(2.0**-16)
    )
    turns = block.op("Mul", block.op("Floor", turns), block.constant(2.0**16))
    return block.op("Sub", number, turns)


def _charged(block: Block, core: Core, vmem: str, current: str) -> str:
    """Voltages before the spikes."""
    dash = core.of_neurons("dash_mem", "dash_mem_out")
    loss = _loss(block, vmem, np.exp2(-dash))
    if core.config.chip.core_version == 1:
        return clipped(block, block.op("Add", block.op("Sub", vmem, loss), current))
    if (dash == 0).any():
        # Quirk, kept: -32768 with dash 0 loses -32768, and the opposite of that wraps to -32768.
        loss = block.op("Neg", _wrapped(block, block.op("Neg", loss)))
    change = clipped(block, block.op("Sub", current, loss))
    if core.has_bias:
        bias = block.constant(core.of_neurons("bias", "bias_out"))
        change = clipped(block, block.op("Add", change, bias))
    return clipped(block, block.op("Add", vmem, change))


def _spikes(block: Block, core: Core, charged: str) -> tuple[str, str]:
    """Spikes of each neuron with those of aliases, uint8, and its own ones, float32.

    The own ones lower its voltage.
    """
    threshold = core.of_neurons("threshold", "threshold_out")
    spikes = _divided(block, core, charged, threshold)
    own = block.cast(spikes, FLOAT)
    if (threshold <= 0).any():
        counted = _counted(block, core, charged, threshold)
        own = block.op("Where", block.constant(threshold > 0, np.bool_), own, counted)
        spikes = block.cast(own, UINT8)
    if any(core.config.aliases):
        handed, own = _with_aliases(block, core, own)
        spikes = block.cast(handed, UINT8)
    return spikes, own


def _divided(
    block: Block, core: Core, charged: str, threshold: Float32[np.ndarray, "1 neuron"]
) -> str:
    """How many spikes it takes to get below the threshold, or to the limit; uint8.

    Exact: the quotient of two numbers of 15 bits is a whole number, or below the next one by more
    than 2 to the -16 of itself. So it stays between the same whole numbers when 2 to the -18 of
    itself is added, which is more than what rounding takes away; the cast cuts the rest off.
    """
    inverse = (np.float64(1) + 2.0**-18) / np.maximum(threshold, 1)
    quotient = block.op("Mul", charged, block.constant(inverse))
    above = block.op("Relu", quotient)
    return block.cast(block.op("Min", above, block.constant(core.max_spikes)), UINT8)


def _counted(
    block: Block, core: Core, charged: str, threshold: Float32[np.ndarray, "1 neuron"]
) -> str:
    """The same spike by spike, for thresholds that do not lower the voltage; they may wrap it."""
    body = block.inner()
    names = ("step", "going", "spikes", "vmem")
    step, going, spikes, vmem = (body.constants.new_name(name) for name in names)
    limit = body.constant(threshold)
    fires = body.op(
        "And",
        body.op("GreaterOrEqual", vmem, limit),
        body.op("Less", spikes, body.constant(core.max_spikes)),
    )
    fires = body.cast(fires, FLOAT)
    more = body.op("Add", spikes, fires)
    after = _wrapped(body, body.op("Sub", vmem, body.op("Mul", fires, limit)))
    shape = [None, core.n_neurons]
    goes_on = body.op("Identity", going)
    graph = body.graph(
        "one_spike",
        [
            value(step, INT64, []),
            value(going, BOOL, []),
            value(spikes, FLOAT, shape),
            value(vmem, FLOAT, shape),
        ],
        [value(goes_on, BOOL, []), value(more, FLOAT, shape), value(after, FLOAT, shape)],
    )
    most = block.constant(int(core.max_spikes.max()), np.int64)
    none = block.op("Mul", charged, block.constant(0.0))
    always = block.constant(True, np.bool_)
    return block.ops("Loop", 2, most, always, none, charged, body=graph)[0]


def _with_aliases(block: Block, core: Core, own: str) -> tuple[str, str]:
    """Hand spikes on as if neuron by neuron in the order of ids.

    A neuron hands on its own spikes and those that came from lower ids; so in rounds, each one
    alias further, as many as the longest chain upwards has. Copies take room from own spikes; those
    from higher ids come too late for that. Only neurons that have to do with aliases take part.
    """
    links = _Links.of(core.config)
    limit = block.constant(float(core.config.chip.max_hidden_spikes))
    upwards, others = (block.constant(m.astype(np.float32)) for m in (links.upwards, links.others))

    def copies(spikes: str, to: str) -> str:
        return block.op("Min", block.op("MatMul", spikes, to), limit)

    mine = block.op("Gather", own, block.constant(links.neurons, np.int64), axis=1)
    handed = mine
    for _ in range(links.depth):
        handed = block.op("Min", block.op("Add", mine, copies(handed, upwards)), limit)
    received = copies(handed, upwards)
    spikes = block.op("Min", block.op("Add", handed, copies(handed, others)), limit)
    place = block.constant(links.places(core.n_neurons))
    more = block.op("MatMul", block.op("Sub", spikes, mine), place)
    lower = block.op("MatMul", block.op("Sub", block.op("Sub", handed, received), mine), place)
    return block.op("Add", own, more), block.op("Add", own, lower)


@dataclass(frozen=True, eq=False)
class _Links:
    """Aliases between the neurons that have any: how often each hands its spikes to each."""

    neurons: Int64[np.ndarray, " linked"]
    upwards: Int64[np.ndarray, "linked linked"]
    others: Int64[np.ndarray, "linked linked"]
    depth: int

    @classmethod
    def of(cls, config: XyloConfig) -> "_Links":
        pairs = [(s, t) for s, targets in enumerate(config.aliases) for t in targets]
        neurons = np.unique(np.array(pairs, np.int64))
        upwards, others = np.zeros((2, neurons.size, neurons.size), np.int64)
        chain = np.zeros(neurons.size, np.int64)
        for source, target in np.searchsorted(neurons, np.array(pairs, np.int64)).tolist():
            if target > source:
                upwards[source, target] += 1
                # Sources come in ascending order, so the chain up to each is known.
                chain[target] = max(chain[target], chain[source] + 1)
            else:
                others[source, target] += 1
        return cls(neurons, upwards, others, int(chain.max()))

    def places(self, n_neurons: int) -> Bool[np.ndarray, "linked neuron"]:
        """Where each stands among all neurons."""
        return self.neurons[:, None] == np.arange(n_neurons)
