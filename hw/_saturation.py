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

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, Integer

from ._config import XyloConfig
from ._fields import counted

_LOW, _HIGH = -32768, 32767
# More than the most spikes of a step, so that one neuron whose spikes rise one by one settles.
_ROUNDS = 40
# Of each variable so many neurons are written out.
_SHOWN = 10


@dataclass(frozen=True, eq=False)
class VariableBounds:
    """How far one state variable can go, neuron by neuron.

    Attributes:
        low: lowest value at the end of a step, after the decay of a current, after the spikes.
        high: highest value at the end of a step.
        lowest: lowest sum on the way through a step, not yet clipped to 16 bits.
        highest: highest sum on the way.
    """

    low: Int64[np.ndarray, " n"]
    high: Int64[np.ndarray, " n"]
    lowest: Int64[np.ndarray, " n"]
    highest: Int64[np.ndarray, " n"]

    @property
    def can_saturate(self) -> Bool[np.ndarray, " n"]:
        """Which neurons may have a sum that 16 bits do not hold."""
        return (self.lowest < _LOW) | (self.highest > _HIGH)


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
    for n_rounds in itertools.count():
        arriving = from_inputs + _arriving(spikes, recurrent, config.n_hidden)
        bounds = _layer_bounds(hidden, arriving, copied)
        grown = _handed_on(bounds.own_spikes, config)
        if not any((new > old).any() for new, old in zip(grown, (spikes, copied), strict=True)):
            break
        limit = config.chip.max_hidden_spikes if n_rounds >= _ROUNDS else 0
        spikes = _widened(spikes, grown[0], limit)
        copied = _widened(copied, grown[1], limit)
    expansion = spikes[config.n_hidden - config.n_output_expansion :]
    out = _layer_bounds(
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


@dataclass(frozen=True, eq=False)
class _Layer:
    """Parameters of the hidden neurons or of the outputs."""

    dash_mem: Int64[np.ndarray, " n"]
    dash_syn: Int64[np.ndarray, "synapse n"]
    threshold: Int64[np.ndarray, " n"]
    bias: Int64[np.ndarray, " n"]
    max_spikes: int
    core_version: int


@dataclass(frozen=True, eq=False)
class _Arriving:
    """Sums of all that arrives in one step: of the negative and of the positive weights."""

    low: Int64[np.ndarray, "synapse n"]
    high: Int64[np.ndarray, "synapse n"]

    def __add__(self, other: "_Arriving") -> "_Arriving":
        return _Arriving(self.low + other.low, self.high + other.high)


@dataclass(frozen=True, eq=False)
class _LayerBounds:
    currents: tuple[VariableBounds, ...]
    vmem: VariableBounds
    own_spikes: Int64[np.ndarray, " n"]


def _hidden_layer(config: XyloConfig) -> _Layer:
    dash_syn = np.stack([config.dash_syn, config.dash_syn_2])[: config.n_synapses]
    return _Layer(
        dash_mem=config.dash_mem.astype(np.int64),
        dash_syn=dash_syn.astype(np.int64),
        threshold=config.threshold.astype(np.int64),
        bias=config.bias.astype(np.int64) * config.chip.has_bias,
        max_spikes=config.chip.max_hidden_spikes,
        core_version=config.chip.core_version,
    )


def _output_layer(config: XyloConfig) -> _Layer:
    return _Layer(
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
) -> _Arriving:
    """What can arrive at `n_targets` neurons, of which the first `n` have weights."""
    ends = []
    for part in (np.minimum(weights, 0), np.maximum(weights, 0)):
        # Exact: integers below 2 to the 53; ten times quicker than a product of integers.
        sums = np.tensordot(counts.astype(float), part.astype(float), axes=1).astype(np.int64)
        ends.append(np.pad(sums.T, ((0, 0), (0, n_targets - len(sums)))))
    return _Arriving(*ends)


def _nothing(n: int) -> VariableBounds:
    zero = np.zeros(n, np.int64)
    return VariableBounds(zero, zero, zero, zero)


def _layer_bounds(
    layer: _Layer, arriving: _Arriving, copied: Int64[np.ndarray, " n"]
) -> _LayerBounds:
    currents = tuple(
        _current_bounds(dash, low, high)
        for dash, low, high in zip(layer.dash_syn, arriving.low, arriving.high, strict=True)
    )
    lowest = np.sum([bounds.low for bounds in currents], axis=0)
    highest = np.sum([bounds.high for bounds in currents], axis=0)
    vmem, own_spikes = _voltage_bounds(layer, lowest, highest, copied)
    return _LayerBounds(currents, vmem, own_spikes)


def _current_bounds(
    dash: Int64[np.ndarray, " n"],
    arriving_low: Int64[np.ndarray, " n"],
    arriving_high: Int64[np.ndarray, " n"],
) -> VariableBounds:
    high = _highest_closed(lambda x: _decayed(_clipped(x + arriving_high), dash), len(dash))
    low = _lowest_closed(lambda x: _decayed(_clipped(x + arriving_low), dash), len(dash))
    return VariableBounds(low, high, low + arriving_low, high + arriving_high)


def _voltage_bounds(
    layer: _Layer,
    current_low: Int64[np.ndarray, " n"],
    current_high: Int64[np.ndarray, " n"],
    copied: Int64[np.ndarray, " n"],
) -> tuple[VariableBounds, Int64[np.ndarray, " n"]]:
    """How far the membranes go, and how often the neurons can spike by themselves in a step."""
    threshold, n = layer.threshold, len(layer.threshold)
    high = _highest_closed(
        lambda x: _clipped(_after_spikes(_charged(layer, x, current_high)[-1], layer, copied)), n
    )
    low = _lowest_closed(lambda x: _clipped(_charged(layer, x, current_low)[-1]), n)
    raised = _after_spikes(_charged(layer, high, current_high)[-1], layer, copied)
    wraps = (threshold < 0) & (raised > _HIGH)
    low, high = np.where(wraps, _LOW, low), np.where(wraps, _HIGH, high)
    ends = [
        *_charged(layer, low, current_low, other_end=high),
        *_charged(layer, high, current_high, other_end=low),
    ]
    top = _clipped(_charged(layer, high, current_high)[-1])
    raised = np.where(threshold < 0, _after_spikes(top, layer, copied), top)
    fires = top >= threshold
    spikes = np.where(threshold > 0, top // np.maximum(threshold, 1), layer.max_spikes)
    own_spikes = np.where(fires, np.minimum(spikes, layer.max_spikes), 0)
    lowest, highest = np.min([low, *ends], axis=0), np.max([high, raised, *ends], axis=0)
    return VariableBounds(low, high, lowest, highest), own_spikes


def _charged(
    layer: _Layer,
    vmem: Int64[np.ndarray, " n"],
    current: Int64[np.ndarray, " n"],
    other_end: Int64[np.ndarray, " n"] | None = None,
) -> list[Int64[np.ndarray, " n"]]:
    """All sums, none clipped, on the way to the voltage before the spikes, which is the last one.

    The decay of the voltage at the other end of the range pushes the first sums further to this
    end than the decay of this voltage does.
    """
    if layer.core_version == 1:
        return [vmem - _loss(vmem, layer.dash_mem) + current]
    first = -_loss(vmem if other_end is None else other_end, layer.dash_mem) + current
    second = _clipped(first) + layer.bias
    # Quirk of the core: with dash 0 the decay of -32768 is 32768, which wraps.
    loss = -_loss(vmem, layer.dash_mem)
    change = _clipped(np.where(loss > _HIGH, _LOW, loss) + current)
    return [first, second, vmem + _clipped(change + layer.bias)]


def _after_spikes(
    vmem: Int64[np.ndarray, " n"], layer: _Layer, copied: Int64[np.ndarray, " n"]
) -> Int64[np.ndarray, " n"]:
    """The highest voltage that spikes leave of any voltage up to this one, not clipped."""
    threshold = layer.threshold
    vmem = _clipped(vmem)
    room = layer.max_spikes - copied
    left = np.maximum(np.minimum(vmem, threshold - 1), vmem - room * threshold)
    raised = np.where(vmem >= threshold, vmem - layer.max_spikes * threshold, vmem)
    return np.where(threshold > 0, left, raised)


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


def _highest_closed(
    step: Callable[[Int64[np.ndarray, " n"]], Int64[np.ndarray, " n"]], n: int
) -> Int64[np.ndarray, " n"]:
    """The smallest value from zero on that a step takes no further up."""
    low = np.zeros(n, np.int64)
    # First at zero: with thresholds below zero a step can take much further just above it.
    high = np.where(step(low) <= low, low, _HIGH)
    while (low < high).any():
        middle = (low + high) // 2
        is_closed = step(middle) <= middle
        low, high = np.where(is_closed, low, middle + 1), np.where(is_closed, middle, high)
    return high


def _lowest_closed(
    step: Callable[[Int64[np.ndarray, " n"]], Int64[np.ndarray, " n"]], n: int
) -> Int64[np.ndarray, " n"]:
    """The highest value from zero down that a step takes no further down."""
    low, high = np.full(n, _LOW), np.zeros(n, np.int64)
    while (low < high).any():
        middle = (low + high + 1) // 2
        is_closed = step(middle) >= middle
        low, high = np.where(is_closed, middle, low), np.where(is_closed, high, middle - 1)
    return low


def _loss(value: Int64[np.ndarray, " n"], dash: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    shifted = value >> dash
    return shifted + ((shifted == 0) & (value > 0))


def _decayed(
    value: Int64[np.ndarray, " n"], dash: Int64[np.ndarray, " n"]
) -> Int64[np.ndarray, " n"]:
    return value - _loss(value, dash)


def _clipped(value: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    return np.clip(value, _LOW, _HIGH)
