"""Spikes that arrive at currents, as ONNX nodes: exact also where sums saturate on the way.

Three ways, each exact where the one before may not be:

1. All at once, as one product of matrices. Two products, with the positive and with the negative
   weights, bound every partial sum, in whatever order; if none can leave 16 bits, their sum is it.
   With many weights a coarser bound comes first, which costs next to nothing.
2. Block by block of sources, in their order, each block like that. What cancels within the first
   blocks need not be bounded with what comes later.
3. Source by source, clipped in between; for the currents that need it. `n` spikes of one source go
   in one direction, so `n` saturating additions are one.

Source: onnx facts, finding 1.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
from jaxtyping import Float32, Int8, Int64

from ._onnx_builder import FLOAT, INT32, UINT8, Block, clipped, value

_HIGH = 32767.0
# Sources of one block: fewer bound more closely and cost more nodes.
_BLOCK = 128
# From this many weights on the product for the bounds costs more than a coarse bound before it.
_MANY_WEIGHTS = 100_000


@dataclass(frozen=True, eq=False)
class Delivery:
    """The synapses of a core.

    Attributes:
        shifted: weights after their shift, sources in the order of arrival.
        scale: the powers of two that the shifts multiplied them by; the rows of all inputs are
            alike, and those of all neurons.
        n_inputs: how many of the sources are inputs.
    """

    shifted: Int64[np.ndarray, "source current"]
    scale: Float32[np.ndarray, "source current"]
    n_inputs: int

    @property
    def n_currents(self) -> int:
        """Targets of the synapses."""
        return self.shifted.shape[1]

    @cached_property
    def weights(self) -> Int8[np.ndarray, "source current"]:
        """Weights before their shift."""
        return (self.shifted / self.scale).astype(np.int8)

    @cached_property
    def signed(self) -> Int8[np.ndarray, "source two_currents"]:
        """The positive weights, then the negative ones."""
        return np.concatenate([np.maximum(self.weights, 0), np.minimum(self.weights, 0)], axis=1)

    @cached_property
    def furthest(self) -> "Delivery":
        """As far as a spike of each source can move any current: synapses of one current.

        Rounded up to what fits into bytes again.
        """
        scale = 2 * self.scale.max(axis=1, keepdims=True)
        largest = np.abs(self.shifted).max(axis=1, keepdims=True)
        rounded = np.ceil(largest / scale) * scale
        return Delivery(rounded.astype(np.int64), scale, self.n_inputs)

    @property
    def kinds(self) -> tuple["Delivery", "Delivery"]:
        """Synapses of the inputs and of the neurons."""
        n = self.n_inputs
        return (
            Delivery(self.shifted[:n], self.scale[:n], n),
            Delivery(self.shifted[n:], self.scale[n:], 0),
        )


def add_at_once(block: Block, delivery: Delivery, isyn: str, sources: str) -> str:
    """Write the addition for currents that are proven not to leave 16 bits.

    Args:
        block: where to.
        delivery: the synapses.
        isyn: float32 (batch, current).
        sources: uint8 (batch, source), the spikes.

    Returns:
        The currents with all that arrives.
    """
    return block.op("Add", isyn, _product(block, delivery, delivery.weights, sources))


def add_guarded(block: Block, delivery: Delivery, isyn: str, sources: str) -> str:
    """Write the addition for any currents; see `add_at_once`."""
    if delivery.weights.size < _MANY_WEIGHTS:
        both = _product(block, delivery, delivery.signed, sources)
        bounds = _Bounds.of_both(block, isyn, both)
        return _bounded_by_target(block, delivery, isyn, sources, bounds)
    # Outside of the branches: onnxruntime packs the weights of a branch anew at every step, which
    # takes twice as long as the product (1.32, 2026-11-27).
    arriving = _product(block, delivery, delivery.weights, sources)
    at_once, bounded = block.inner(), block.inner()
    rising = _product(bounded, delivery, np.maximum(delivery.weights, 0), sources)
    bounds = _Bounds.of(bounded, isyn, rising, bounded.op("Sub", arriving, rising))
    return block.op(
        "If",
        _is_surely_safe(block, delivery, isyn, sources),
        then_branch=_branch(at_once, "safe", at_once.op("Add", isyn, arriving)),
        else_branch=_branch(
            bounded, "bounded", _bounded_by_target(bounded, delivery, isyn, sources, bounds)
        ),
    )


def _is_surely_safe(block: Block, delivery: Delivery, isyn: str, sources: str) -> str:
    """Whether nothing could leave 16 bits if every spike met its largest weight everywhere.

    Coarser than a bound for each target, and without a large product of matrices.
    """
    arriving = _product(block, delivery.furthest, delivery.furthest.weights, sources)
    present = block.op("ReduceMax", block.op("Abs", isyn), block.constant([1], np.int64))
    furthest = block.op("ReduceMax", block.op("Add", present, arriving), keepdims=0)
    return block.op("LessOrEqual", furthest, block.constant(_HIGH))


def _bounded_by_target(
    block: Block, delivery: Delivery, isyn: str, sources: str, bounds: "_Bounds"
) -> str:
    return block.op(
        "If",
        bounds.any_leaves(block),
        then_branch=_block_by_block(block.inner(), delivery, isyn, sources),
        else_branch=bounds.sum_branch(block.inner()),
    )


@dataclass(frozen=True)
class _Bounds:
    """Between what all partial sums lie: names of (batch, current)."""

    top: str
    bottom: str
    falling: str

    @classmethod
    def of(cls, block: Block, isyn: str, rising: str, falling: str) -> "_Bounds":
        return cls(block.op("Add", isyn, rising), block.op("Add", isyn, falling), falling)

    @classmethod
    def of_both(cls, block: Block, isyn: str, both: str) -> "_Bounds":
        """From a product with `Delivery.signed`."""
        return cls.of(block, isyn, *block.ops("Split", 2, both, axis=1, num_outputs=2))

    def furthest(self, block: Block) -> str:
        """How far sums can go, as much as 16 bits hold is 32767 on both sides."""
        below = block.op("Sub", block.constant(-1.0), self.bottom)
        return block.op("Max", self.top, below)

    def any_leaves(self, block: Block) -> str:
        """Whether any can leave 16 bits."""
        furthest = block.op("ReduceMax", self.furthest(block), keepdims=0)
        return block.op("Greater", furthest, block.constant(_HIGH))

    def sum_branch(self, block: Block) -> onnx.GraphProto:
        """The whole sum."""
        return _branch(block, "at_once", block.op("Add", self.top, self.falling))


def _branch(block: Block, name: str, result: str) -> onnx.GraphProto:
    return block.graph(name, [], [value(result, FLOAT, [None, None])])


def _product(
    block: Block, delivery: Delivery, weights: Int8[np.ndarray, "source entry"], sources: str
) -> str:
    """Spikes times weights, shifted, float32 (batch, entry).

    A sum that is not exact in float32 is far beyond 16 bits, and stays so.
    """
    n, scale = delivery.n_inputs, np.tile(delivery.scale, weights.shape[1] // delivery.n_currents)
    if n in (0, len(weights)) or (scale == scale[:1]).all():
        return _scaled(block, sources, weights, scale[:1])
    inputs = block.columns(sources, 0, n, axis=1)
    neurons = block.columns(sources, n, len(weights), axis=1)
    return block.op(
        "Add",
        _scaled(block, inputs, weights[:n], scale[:1]),
        _scaled(block, neurons, weights[n:], scale[n : n + 1]),
    )


def _scaled(
    block: Block,
    sources: str,
    weights: Int8[np.ndarray, "source entry"],
    scale: Float32[np.ndarray, "1 entry"],
) -> str:
    product = block.op("MatMulInteger", sources, block.constant(weights, np.int8, "weights"))
    product = block.cast(product, FLOAT)
    return block.op("Mul", product, block.constant(scale)) if (scale != 1).any() else product


def _active(block: Block, sources: str) -> str:
    """Indices of the sources that spike in any sample, int64 (active,)."""
    first = block.constant([0], np.int64)
    busiest = block.op("ReduceMax", sources, first, keepdims=0)
    return block.op("Squeeze", block.op("NonZero", block.cast(busiest, INT32)), first)


def _block_by_block(block: Block, delivery: Delivery, isyn: str, sources: str) -> onnx.GraphProto:
    n = delivery.n_inputs
    if len(delivery.weights) <= _BLOCK:
        return _branch(block, "in_order", _source_by_source(block, delivery, isyn, sources))
    for kind, start in zip(delivery.kinds, (0, n), strict=True):
        part = block.columns(sources, start, start + len(kind.weights), axis=1)
        isyn = _scan_of_blocks(block, kind, isyn, part)
    return _branch(block, "by_blocks", isyn)


def _scan_of_blocks(block: Block, kind: Delivery, isyn: str, sources: str) -> str:
    """All blocks of one kind of sources, the last one filled up with silent ones."""
    n_blocks = -(-len(kind.weights) // _BLOCK)
    more = n_blocks * _BLOCK - len(kind.weights)
    width = kind.n_currents
    padding = block.constant([0, 0, 0, more], np.int64)
    padded = block.op("Pad", sources, padding, block.constant(0, np.uint8))
    shape = block.constant([0, n_blocks, _BLOCK], np.int64)
    by_block = block.op("Transpose", block.op("Reshape", padded, shape), perm=[1, 0, 2])
    signed = np.pad(kind.signed, ((0, more), (0, 0))).reshape(n_blocks, _BLOCK, -1)
    shifted = np.pad(kind.shifted, ((0, more), (0, 0))).reshape(n_blocks, _BLOCK, -1)
    body = block.inner()
    before, spikes, weights, exact = (
        body.constants.new_name(name) for name in ("isyn", "spikes", "signed", "shifted")
    )
    both = body.cast(body.op("MatMulInteger", spikes, weights), FLOAT)
    scale = np.tile(kind.scale[:1], 2)
    both = body.op("Mul", both, body.constant(scale)) if (scale != 1).any() else both
    bounds = _Bounds.of_both(body, before, both)
    one_by_one = body.inner()
    ordered = _in_order(one_by_one, bounds.furthest(one_by_one), before, spikes, exact)
    after = body.op(
        "If",
        bounds.any_leaves(body),
        then_branch=_branch(one_by_one, "in_order", ordered),
        else_branch=bounds.sum_branch(body.inner()),
    )
    graph = body.graph(
        "one_block",
        [
            value(before, FLOAT, [None, width]),
            value(spikes, UINT8, [None, _BLOCK]),
            value(weights, 3, [_BLOCK, 2 * width]),
            value(exact, FLOAT, [_BLOCK, width]),
        ],
        [value(after, FLOAT, [None, width])],
    )
    return block.op(
        "Scan",
        isyn,
        by_block,
        block.constant(signed, np.int8, "weights"),
        block.constant(shifted, np.float32, "weights"),
        body=graph,
        num_scan_inputs=3,
    )


def _source_by_source(block: Block, delivery: Delivery, isyn: str, sources: str) -> str:
    both = _product(block, delivery, delivery.signed, sources)
    furthest = _Bounds.of_both(block, isyn, both).furthest(block)
    return _in_order(block, furthest, isyn, sources, block.constant(delivery.shifted))


def _in_order(block: Block, furthest: str, isyn: str, sources: str, weights: str) -> str:
    """Currents that can leave 16 bits in any sample one source after the other, others at once.

    Args:
        block: where to.
        furthest: how far each sum can go.
        isyn: before anything arrives.
        sources: the spikes.
        weights: float32 (source, current).
    """
    active = _active(block, sources)
    weights = block.op("Gather", weights, active, axis=0)
    counts = block.cast(block.op("Gather", sources, active, axis=1), FLOAT)
    summed = block.op("Add", isyn, block.op("MatMul", counts, weights))
    first = block.constant([0], np.int64)
    leaves = block.op("ReduceMax", furthest, first, keepdims=0)
    leaves = block.op(
        "NonZero", block.cast(block.op("Greater", leaves, block.constant(_HIGH)), INT32)
    )
    columns = block.op("Squeeze", leaves, first)
    by_source = block.op("Transpose", counts, perm=[1, 0])
    body = block.inner()
    before, count, weight = (body.constants.new_name(kind) for kind in ("isyn", "count", "weight"))
    column = body.op("Unsqueeze", count, body.constant([1], np.int64))
    after = clipped(body, body.op("Add", before, body.op("Mul", column, weight)))
    graph = body.graph(
        "one_source",
        [
            value(before, FLOAT, [None, None]),
            value(count, FLOAT, [None]),
            value(weight, FLOAT, [None]),
        ],
        [value(after, FLOAT, [None, None])],
    )
    start = block.op("Gather", isyn, columns, axis=1)
    chosen = block.op("Gather", weights, columns, axis=1)
    ordered = block.op("Scan", start, by_source, chosen, body=graph, num_scan_inputs=2)
    places = block.op("Expand", columns, block.op("Shape", ordered))
    return block.op("ScatterElements", summed, places, ordered, axis=1)
