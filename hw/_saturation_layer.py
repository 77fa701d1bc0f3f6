"""How far the currents and voltages of one layer can go; the reasoning is in `_saturation.py`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

_LOW, _HIGH = -32768, 32767


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
class Layer:
    """Parameters of the hidden neurons or of the outputs."""

    dash_mem: Int64[np.ndarray, " n"]
    dash_syn: Int64[np.ndarray, "synapse n"]
    threshold: Int64[np.ndarray, " n"]
    bias: Int64[np.ndarray, " n"]
    max_spikes: int
    core_version: int


@dataclass(frozen=True, eq=False)
class Arriving:
    """Sums of all that arrives in one step: of the negative and of the positive weights."""

    low: Int64[np.ndarray, "synapse n"]
    high: Int64[np.ndarray, "synapse n"]

    def __add__(self, other: "Arriving") -> "Arriving":
        return Arriving(self.low + other.low, self.high + other.high)


@dataclass(frozen=True, eq=False)
class LayerBounds:
    """Bounds of the currents, one for each synapse, of the membranes, and of own spikes."""

    currents: tuple[VariableBounds, ...]
    vmem: VariableBounds
    own_spikes: Int64[np.ndarray, " n"]


def layer_bounds(layer: Layer, arriving: Arriving, copied: Int64[np.ndarray, " n"]) -> LayerBounds:
    """How far a layer can go, and how often its neurons can spike.

    Args:
        layer: its parameters.
        arriving: the most that can arrive in a step.
        copied: most spikes of aliases that are there before a neuron's own, which leave it less
            room.
    """
    currents = tuple(
        _current_bounds(dash, low, high)
        for dash, low, high in zip(layer.dash_syn, arriving.low, arriving.high, strict=True)
    )
    lowest = np.sum([bounds.low for bounds in currents], axis=0)
    highest = np.sum([bounds.high for bounds in currents], axis=0)
    vmem, own_spikes = _voltage_bounds(layer, lowest, highest, copied)
    return LayerBounds(currents, vmem, own_spikes)


def _current_bounds(
    dash: Int64[np.ndarray, " n"],
    arriving_low: Int64[np.ndarray, " n"],
    arriving_high: Int64[np.ndarray, " n"],
) -> VariableBounds:
    high = _highest_closed(lambda x: _decayed(_clipped(x + arriving_high), dash), len(dash))
    low = _lowest_closed(lambda x: _decayed(_clipped(x + arriving_low), dash), len(dash))
    return VariableBounds(low, high, low + arriving_low, high + arriving_high)


def _voltage_bounds(
    layer: Layer,
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
    layer: Layer,
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
    vmem: Int64[np.ndarray, " n"], layer: Layer, copied: Int64[np.ndarray, " n"]
) -> Int64[np.ndarray, " n"]:
    """The highest voltage that spikes leave of any voltage up to this one, not clipped."""
    threshold = layer.threshold
    vmem = _clipped(vmem)
    room = layer.max_spikes - copied
    left = np.maximum(np.minimum(vmem, threshold - 1), vmem - room * threshold)
    raised = np.where(vmem >= threshold, vmem - layer.max_spikes * threshold, vmem)
    return np.where(threshold > 0, left, raised)


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
