"""Writing ONNX graphs: nodes one after the other, constants once, names that never collide.

All that is known at export stands in the outermost graph, from where bodies of loops and branches
see it: onnxruntime prepares weights of that kind once for all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from jaxtyping import Shaped
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 21, 10

FLOAT, INT16, INT32, INT64, UINT8, BOOL = (
    TensorProto.FLOAT,
    TensorProto.INT16,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.UINT8,
    TensorProto.BOOL,
)

Dimension = int | str | None


class Constants:
    """The constants of one model and the counter of its names."""

    def __init__(self) -> None:
        self.tensors: list[onnx.TensorProto] = []
        self._known: dict[tuple[Any, ...], str] = {}
        self._n_names = 0

    def new_name(self, kind: str) -> str:
        """A name nothing else in the model has."""
        self._n_names += 1
        return f"{kind.lower()}_{self._n_names}"

    def add(self, array: Shaped[np.ndarray, ...], label: str) -> str:
        """A constant by its name; the same array is held once."""
        array = np.asarray(array, order="C")  # keeps scalars scalars
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self.new_name(label)
            self.tensors.append(numpy_helper.from_array(array, self._known[key]))
        return self._known[key]


class Block:
    """One graph that is being written: the outermost one, or the body of a loop or a branch.

    Args:
        constants: of the whole model.
    """

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self.nodes: list[onnx.NodeProto] = []

    def inner(self) -> Block:
        """An empty graph inside this one."""
        return Block(self.constants)

    def constant(self, values: Any, dtype: type[np.generic] = np.float32, label: str = "c") -> str:
        """A constant by its name."""
        return self.constants.add(np.asarray(values, dtype), label)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and give the name of that."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, n_outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with several outputs and give their names."""
        outputs = [self.constants.new_name(kind) for _ in range(n_outputs)]
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs

    def named(self, source: str, name: str) -> None:
        """Give a value the name of an output."""
        self.nodes.append(helper.make_node("Identity", [source], [name]))

    def cast(self, source: str, to: int) -> str:
        """A value as another type; what does not fit wraps."""
        return self.op("Cast", source, to=to)

    def columns(self, source: str, start: int, stop: int, axis: int) -> str:
        """A part of an axis."""
        bounds = [self.constant([value], np.int64) for value in (start, stop, axis)]
        return self.op("Slice", source, *bounds)

    def graph(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
    ) -> onnx.GraphProto:
        """What was written, as a body without constants of its own."""
        return helper.make_graph(self.nodes, name, inputs, outputs)


def clipped(block: Block, number: str) -> str:
    """A number as 16 bits with a sign hold it, saturating."""
    return block.op("Clip", number, block.constant(-32768.0), block.constant(32767.0))


def value(name: str, kind: int, shape: Sequence[Dimension]) -> onnx.ValueInfoProto:
    """Declare an input or output of a graph."""
    return helper.make_tensor_value_info(name, kind, shape)


def model(
    block: Block,
    name: str,
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    """A whole model, its constants with it."""
    graph = helper.make_graph(
        block.nodes, name, inputs, outputs, initializer=block.constants.tensors
    )
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="xylograph",
    )
