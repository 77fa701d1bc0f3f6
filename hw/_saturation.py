"""How far currents and voltages of a configuration can go, whatever the input.

The reasoning, for every neuron and for all time at once:

1. A range of values is *closed* when a step that starts in it ends in it, with any input. If it
   also holds the state after a reset, which is zero, no state ever leaves it.
2. What arrives in a step is at least nothing (after a reset nobody spikes) and at most the largest
   count of every source. So the sums that arrive on the way, in whatever order, lie between all
   negative weights and all positive weights times their counts: one pair of numbers for all partial
   sums, and for the whole. Those are weights after their shift, 16 bits that wrap.
3. Decay, clipping, currents and bias keep order: a higher value before them is no lower one after
   them. The two places where that could fail do not: with dash 0 the wrapped decay of -32768 sends
   the lowest value to the lowest change. So the ends of a range tell of all between them.
4. What decays away grows with the value, by no more than the value does. So the higher a value,
   the less a step can add to it, and the smallest value that a step does not take further is found
   by halving. That one is reached by input that is always at its worst, or approached as closely
   as whole numbers allow.
5. A threshold above zero leaves less than itself, or what is left over when the most spikes of a
   step are used up (spikes copied from aliases use them up, too). A threshold of zero leaves the
   voltage, one below zero raises it, once for each spike; where that could pass 32767 it wraps, and
   the range is all that 16 bits hold.
6. How often a neuron can spike follows from its highest voltage, and what arrives at others follows
   from that: ranges grow, round after round, until none does. After `_ROUNDS` rounds, neurons whose
   spikes still grow are given the chip's limit, so that it ends.

Every step of this takes too much rather than too little: values of one neuron that cannot come
together (a high voltage with a low current) are taken to do so, spikes of several neurons likewise.

Source: chip facts, section 2; onnx facts, finding 1 (why the order of sums matters).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, Integer

from ._config import XyloConfig
from ._saturation_layer import Arriving, Layer, VariableBounds, layer_bounds
from ._wording import counted

# More than the most spikes of a step, so that one neuron whose spikes rise one by one settles.
_ROUNDS = 40
# Of each variable so many neurons are written out.
_SHOWN = 10


@dataclass(frozen=True, eq=False)
class SaturationBounds:
    """How far the state of a configuration can go; from `saturation_bounds`.

    Attributes:
        isyn: first synaptic currents of the hidden neurons.
        isyn2: second synaptic currents; zero with one synapse.
        vmem: membrane potentials of the hidden neurons.
        isyn_out: synaptic currents of the outputs.
        vmem_out: membrane potentials of the outputs.
        spikes: most spikes of each hidden neuron in one step, those of aliases included.
    """

    isyn: VariableBounds
    isyn2: VariableBounds
    vmem: VariableBounds
    isyn_out: VariableBounds
    vmem_out: VariableBounds
    spikes: Int64[np.ndarray, " hidden"]

    @property
    def currents_never_saturate(self) -> bool:
        """Whether no sum of a synaptic current, in any order of arrival, leaves 16 bits."""
        currents = (self.isyn, self.isyn2, self.isyn_out)
        return not any(bounds.can_saturate.any() for bounds in currents)

    @property
    def overflow_impossible(self) -> bool:
        """Whether no sum at all leaves 16 bits: then nothing is ever clipped, and nothing wraps."""
        voltages = (self.vmem, self.vmem_out)
        return self.currents_never_saturate and not any(v.can_saturate.any() for v in voltages)

    def __str__(self) -> str:
        """The neurons that can saturate, and how far their sums can go."""
        lines = [line for name, kind in _VARIABLES.items() for line in self._lines(name, kind)]
        if not lines:
            return "overflow is impossible: no sum can leave -32768..32767"
        found = sum(int(getattr(self, name).can_saturate.sum()) for name in _VARIABLES)
        heading = f"{counted(found, 'state variable')} can saturate at -32768 or 32767:"
        return "\n".join([heading, *lines])

    def _lines(self, name: str, kind: str) -> list[str]:
        bounds = getattr(self, name)
        ids = np.flatnonzero(bounds.can_saturate).tolist()
        lines = [
            f"- {name} of {kind} {i}: sums from {bounds.lowest[i]} to {bounds.highest[i]}"
            for i in ids[:_SHOWN]
        ]
        return lines + [f"- {name}: {len(ids) - _SHOWN} more"] * (len(ids) > _SHOWN)


_VARIABLES = {
    "isyn": "hidden neuron",
    "isyn2": "hidden neuron",
    "vmem": "hidden neuron",
    "isyn_out": "output",
    "vmem_out": "output",
}


def saturation_bounds(config: XyloConfig) -> SaturationBounds:
    """The range that each state variable can reach from a reset, with any input.

    A guarantee when it says that something cannot happen: inputs of 0 to 15 spikes a channel, all
    orders of arrival, all states on the way are covered. That something can saturate is not
    certain in the same way; the ranges are the smallest ones for a neuron that is driven at its
    worst, and wider than what comes about where neurons depend on each other.

    Args:
        config: well-formed; whether its chip would take it does not matter.

    Returns:
        The ranges.

    Source: reasoning in the docstring of `hw/_saturation.py`; held against the `reference` engine
    by `tests/hw/test_saturation.py`.

    >>> config = XyloConfig(
    ...     "xylo-imu", weights_in=[[100, 7]], weights_out=[[10], [20]], dash_syn=3, threshold=500
    ... )
    >>> bounds = saturation_bounds(config)
    >>> bounds.isyn.low, bounds.isyn.high
    (array([0, 0]), array([10500,   735]))
    >>> print(bounds)
    overflow is impossible: no sum can leave -32768..32767
    >>> print(saturation_bounds(XyloConfig("xylo-imu", weights_in=[[100]], weights_out=[[0]],
    ...     dash_syn=5, threshold=500)))
    2 state variables can saturate at -32768 or 32767:
    - isyn of hidden neuron 0: sums from 0 to 33244
    - vmem of hidden neuron 0: sums from -8633 to 40378
    """
    hidden, output = _hidden_layer(config), _output_layer(config)
    inputs = _shifted(config.weights_in, config.weight_shift_in)
    recurrent = _shifted(config.weights_rec, config.weight_shift_rec)
    outputs = _shifted(config.weights_out, config.weight_shift_out)[:, :, None]
    most_inputs = np.full(config.n_inputs, config.chip.max_input_spikes)
    from_inputs = _arriving(most_inputs, inputs, config.n_hidden)
    spikes, copied = np.zeros((2, config.n_hidden), np.int64)
    n_rounds = 0
    while True:
        arriving = from_inputs + _arriving(spikes, recurrent, config.n_hidden)
        bounds = layer_bounds(hidden, arriving, copied)
        grown = _handed_on(bounds.own_spikes, config)
        if not any((new > old).any() for new, old in zip(grown, (spikes, copied), strict=True)):
            break
        limit = config.chip.max_hidden_spikes if n_rounds >= _ROUNDS else 0
        spikes = _widened(spikes, grown[0], limit)
        copied = _widened(copied, grown[1], limit)
        n_rounds += 1
    expansion = spikes[config.n_hidden - config.n_output_expansion :]
    out = layer_bounds(
        output, _arriving(expansion, outputs, config.n_outputs), np.zeros(config.n_outputs, int)
    )
    return SaturationBounds(
        isyn=bounds.currents[0],
        isyn2=bounds.currents[-1] if config.n_synapses > 1 else _nothing(config.n_hidden),
        vmem=bounds.vmem,
        isyn_out=out.currents[0],
        vmem_out=out.vmem,
        spikes=spikes,
    )


def _hidden_layer(config: XyloConfig) -> Layer:
    dash_syn = np.stack([config.dash_syn, config.dash_syn_2])[: config.n_synapses]
    return Layer(
        dash_mem=config.dash_mem.astype(np.int64),
        dash_syn=dash_syn.astype(np.int64),
        threshold=config.threshold.astype(np.int64),
        bias=config.bias.astype(np.int64) * config.chip.has_bias,
        max_spikes=config.chip.max_hidden_spikes,
        core_version=config.chip.core_version,
    )


def _output_layer(config: XyloConfig) -> Layer:
    return Layer(
        dash_mem=config.dash_mem_out.astype(np.int64),
        dash_syn=config.dash_syn_out.astype(np.int64)[None],
        threshold=config.threshold_out.astype(np.int64),
        bias=config.bias_out.astype(np.int64) * config.chip.has_bias,
        max_spikes=config.chip.max_output_spikes,
        core_version=config.chip.core_version,
    )


def _shifted(
    weights: Integer[np.ndarray, "source n *synapse"], shift: int
) -> Integer[np.ndarray, "source n *synapse"]:
    # Through 16 bits and back: what shifts above 8 move out of them is lost.
    return (weights.astype(np.int64) << shift).astype(np.int16)


def _arriving(
    counts: Int64[np.ndarray, " source"],
    weights: Integer[np.ndarray, "source n synapse"],
    n_targets: int,
) -> Arriving:
    """What can arrive at `n_targets` neurons, of which the first `n` have weights."""
    ends = []
    for part in (np.minimum(weights, 0), np.maximum(weights, 0)):
        # Exact: integers below 2 to the 53; ten times quicker than a product of integers.
        sums = np.tensordot(counts.astype(float), part.astype(float), axes=1).astype(np.int64)
        ends.append(np.pad(sums.T, ((0, 0), (0, n_targets - len(sums)))))
    return Arriving(*ends)


def _nothing(n: int) -> VariableBounds:
    zero = np.zeros(n, np.int64)
    return VariableBounds(zero, zero, zero, zero)


def _handed_on(
    own_spikes: Int64[np.ndarray, " hidden"], config: XyloConfig
) -> tuple[Int64[np.ndarray, " hidden"], Int64[np.ndarray, " hidden"]]:
    """Most spikes of each neuron with those of aliases, and how many were there before its own."""
    limit = config.chip.max_hidden_spikes
    spikes, copied = np.zeros((2, config.n_hidden), np.int64)
    for neuron, targets in enumerate(config.aliases):
        copied[neuron] = spikes[neuron]
        spikes[neuron] = handed = min(limit, spikes[neuron] + own_spikes[neuron])
        for target in targets:
            spikes[target] = min(limit, spikes[target] + handed)
    return spikes, copied


def _widened(
    old: Int64[np.ndarray, " n"], new: Int64[np.ndarray, " n"], limit: int
) -> Int64[np.ndarray, " n"]:
    """What grew, grown as far as it did or up to the limit, whichever is more."""
    return np.where(new > old, np.maximum(new, limit), old)
