"""`from_onnx`: plain feed-forward networks that other tools wrote, as modules of ours.

Such a graph is one chain from its input to its output. Products with constant matrices become
`LinearJax`, an addition right after one its bias, `Relu` an `InstantJax` that computes the same.
Everything else is refused by name, because no module here means the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from jaxtyping import Float32

from ...models import FormatError, H_ReLU, InstantJax, JaxModule, LinearJax, Sequential
from ._export_onnx import require_onnx

if TYPE_CHECKING:
    import onnx

# More than any network that is written by hand, and few enough to be walked through in a moment.
_MAX_NODES = 10_000
# Since these versions the operators below mean what they mean today.
_FIRST_OPSET, _FIRST_IR = 7, 3


def from_onnx(path: str | os.PathLike[str]) -> JaxModule:
    """The feed-forward network in an ONNX file of another tool.

    Known are chains of `Gemm`, `MatMul`, `Add` of a constant right after one of these, `Relu`, and
    what changes nothing when a network is used: `Identity`, `Dropout`, and `Flatten` of data that
    are flat. All in float32. `load_onnx` reads files of `export_onnx`.

    Args:
        path: the file. Its input is (sample, channel), or has more axes before the channels; here
            each time step of each sample is one row.

    Returns:
        A `Sequential` of `LinearJax` and `InstantJax` with `H_ReLU`, named after the nodes. It
        computes what the graph does, but for the order in which a product adds up.

    Raises:
        FormatError: the file is damaged, or has a part that means nothing here; names the nodes.
        MissingExtraError: without the extra `onnx`.
        OSError: when the file cannot be read.

    Source: the operators of ONNX, opset 21.
    """
    require_onnx("`from_onnx`")
    return _Reader(path, _read(path)).network()


def _read(path: str | os.PathLike[str]) -> onnx.GraphProto:
    from ._onnx_file import nodes_of, parsed, require_valid

    _, made = parsed(path, lambda reason: _refuse(path, reason))
    domains = {entry.domain for entry in made.opset_import} - {"", "ai.onnx"}
    versions = [entry.version for entry in made.opset_import if entry.domain in ("", "ai.onnx")]
    if len(made.functions) or domains or len(versions) != 1 or versions[0] < _FIRST_OPSET:
        _refuse(
            path,
            f"it must use the standard operators of one opset from {_FIRST_OPSET} on, and none of "
            "its own",
        )
    if made.ir_version < _FIRST_IR:
        _refuse(path, f"its IR version is {made.ir_version}, read are versions from {_FIRST_IR} on")
    nodes = nodes_of(made.graph)
    if len(nodes) > _MAX_NODES:
        _refuse(path, f"it has {len(nodes)} nodes, at most {_MAX_NODES} are read")
    words = [(node.op_type, node.name, node.domain, *node.input, *node.output) for node in nodes]
    if not all(isinstance(word, str) for of_node in words for word in of_node):
        # Protocol buffers give what is not UTF-8 as bytes.
        _refuse(path, "names in it are no text: the file is damaged")
    unknown = [_named(node) for node in nodes if node.domain or node.op_type not in _KNOWN]
    if unknown:
        _refuse(
            path,
            f"no module means the same as {', '.join(unknown[:10])}"
            + (f" and {len(unknown) - 10} more" if len(unknown) > 10 else "")
            + f"; known are {', '.join(sorted(_KNOWN))}",
        )
    require_valid(made, lambda reason: _refuse(path, reason))
    return made.graph


def _refuse(path: str | os.PathLike[str], reason: str) -> NoReturn:
    raise FormatError(
        f"cannot read {os.fspath(path)!r} as a feed-forward network: {reason}"
    ) from None


def _named(node: onnx.NodeProto) -> str:
    return f"{node.op_type} {node.name or '/'.join(node.output)!r}"


class _Reader:
    """Follows the one chain of a graph, and collects its layers.

    Args:
        path: named in errors.
        graph: checked to be valid and of known operators.
    """

    def __init__(self, path: str | os.PathLike[str], graph: onnx.GraphProto) -> None:
        self._path, self._graph = path, graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                self._constants[node.output[0]] = self._constant_of(node)
        self._layers: dict[str, JaxModule] = {}
        self._width: int | None = None
        self._lacks_bias = False

    def network(self) -> JaxModule:
        """All layers, one after the other."""
        name, rank = self._input()
        self._rank = rank
        for node in self._chain(name):
            _KNOWN[node.op_type](self, node)
        if not self._layers:
            self._refuse("it has no layers")
        try:
            return Sequential(self._layers)
        except ValueError as error:
            self._refuse(f"its layers do not fit together: {error}")

    def _input(self) -> tuple[str, int]:
        inputs = [port for port in self._graph.input if port.name not in self._constants]
        if len(inputs) != 1 or len(self._graph.output) != 1:
            self._refuse(
                f"it must have one input and one output, it has {len(inputs)} and "
                f"{len(self._graph.output)}"
            )
        return inputs[0].name, len(inputs[0].type.tensor_type.shape.dim)

    def _chain(self, value: str) -> list[onnx.NodeProto]:
        """The nodes from the input to the output, each fed by the one before alone."""
        nodes = [node for node in self._graph.node if node.op_type != "Constant"]
        takers: dict[str, list[onnx.NodeProto]] = {}
        for node in nodes:
            for name in node.input:
                if name not in self._constants:
                    takers.setdefault(name, []).append(node)
        chain = []
        while value in takers:
            if len(takers[value]) > 1:
                ends = ", ".join(map(_named, takers[value]))
                self._refuse(f"it is no chain: {value!r} goes to {ends}")
            chain += takers[value]
            value = chain[-1].output[0]
        if value != self._graph.output[0].name or len(chain) < len(nodes):
            astray = [_named(node) for node in nodes if node not in chain] or ["the output"]
            self._refuse(f"not part of the chain from the input: {', '.join(astray[:5])}")
        return chain

    def matmul(self, node: onnx.NodeProto) -> None:
        """`MatMul`: a matrix on the right."""
        self._add_linear(node, self._matrix(node, 1))

    def gemm(self, node: onnx.NodeProto) -> None:
        """`Gemm`: a matrix on the right, and a bias that is the same for all rows."""
        settings = _attributes(node)
        if settings.get("transA", 0):
            self._refuse(f"{_named(node)} turns its data around")
        matrix = self._matrix(node, 1)
        weight = matrix.T if settings.get("transB", 0) else matrix
        self._add_linear(node, np.float32(settings.get("alpha", 1.0)) * weight)
        if len(node.input) > 2 and node.input[2]:
            self._add_bias(node, np.float32(settings.get("beta", 1.0)) * self._array(node, 2))

    def add(self, node: onnx.NodeProto) -> None:
        """`Add`: the bias of the layer before."""
        place = 0 if node.input[0] in self._constants else 1
        if not self._lacks_bias:
            self._refuse(f"{_named(node)} does not follow a product, so it is no bias")
        self._add_bias(node, self._array(node, place))

    def relu(self, node: onnx.NodeProto) -> None:
        """`Relu`."""
        if self._width is None:
            self._refuse(f"{_named(node)} comes before any product: how many channels are there?")
        self._lacks_bias = False
        self._layers[self._name(node)] = InstantJax(self._width, H_ReLU)

    def dropout(self, node: onnx.NodeProto) -> None:
        """`Dropout`, which a network that is used has no more."""
        if len(node.input) > 2 and node.input[2]:
            training = self._constants.get(node.input[2])
            if training is None or self._to_array(node, training).any():
                self._refuse(f"{_named(node)} drops out in use, too")

    def flatten(self, node: onnx.NodeProto) -> None:
        """`Flatten`, where there is nothing to do."""
        if self._rank != 2 or _attributes(node).get("axis", 1) != 1:
            self._refuse(
                f"{_named(node)} merges axes; only data (sample, channel) stay as they are"
            )

    def nothing(self, node: onnx.NodeProto) -> None:
        """`Identity`."""

    def _add_linear(self, node: onnx.NodeProto, weight: Float32[np.ndarray, "n_in n_out"]) -> None:
        if self._width is not None and weight.shape[0] != self._width:
            self._refuse(f"{_named(node)} takes {weight.shape[0]} channels, gets {self._width}")
        if 0 in weight.shape:
            self._refuse(f"the matrix of {_named(node)} is empty")
        self._width, self._lacks_bias = weight.shape[1], True
        self._layers[self._name(node)] = LinearJax(weight.shape, weight=weight)

    def _add_bias(self, node: onnx.NodeProto, bias: Float32[np.ndarray, "*shape"]) -> None:
        """Give the last layer a bias, in place of the layer without."""
        name, last = self._layers.popitem()
        layer: Any = last
        width = last.size_out
        if bias.size not in (1, width) or bias.shape[-1:] not in ((), (1,), (width,)):
            self._refuse(f"{_named(node)} adds {bias.shape}, not one number for each of {width}")
        values, self._lacks_bias = np.broadcast_to(bias.reshape(-1), width), False
        self._layers[name] = LinearJax(layer.shape, weight=layer.weight, bias=values)

    def _matrix(self, node: onnx.NodeProto, place: int) -> Float32[np.ndarray, "rows columns"]:
        array = self._array(node, place)
        if array.ndim != 2:
            self._refuse(f"input {place} of {_named(node)} is {array.shape}, no matrix")
        return array

    def _array(self, node: onnx.NodeProto, place: int) -> Float32[np.ndarray, "*shape"]:
        tensor = self._constants.get(node.input[place])
        if tensor is None:
            self._refuse(f"input {place} of {_named(node)} must be a constant")
        array = self._to_array(node, tensor)
        if array.dtype != np.float32:
            self._refuse(f"input {place} of {_named(node)} holds {array.dtype}, not float32")
        if not np.isfinite(array).all():
            self._refuse(f"input {place} of {_named(node)} holds numbers that are not finite")
        return array

    def _to_array(self, node: onnx.NodeProto, tensor: onnx.TensorProto) -> np.ndarray:
        from onnx import numpy_helper

        try:
            return numpy_helper.to_array(tensor)
        except (TypeError, ValueError, KeyError, MemoryError) as error:
            self._refuse(f"a constant of {_named(node)} is damaged: {str(error)[:200]}")

    def _constant_of(self, node: onnx.NodeProto) -> onnx.TensorProto:
        value = _attributes(node).get("value")
        if value is None:
            self._refuse(f"{_named(node)} holds no tensor")
        return value

    def _name(self, node: onnx.NodeProto) -> str:
        words = re.sub(r"[^A-Za-z0-9]+", "_", node.name).strip("_") or node.op_type
        return f"{len(self._layers)}_{words}"

    def _refuse(self, reason: str) -> NoReturn:
        _refuse(self._path, reason)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    from onnx import helper

    return {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}


_KNOWN: dict[str, Callable[[_Reader, Any], None]] = {
    "Add": _Reader.add,
    "Constant": _Reader.nothing,
    "Dropout": _Reader.dropout,
    "Flatten": _Reader.flatten,
    "Gemm": _Reader.gemm,
    "Identity": _Reader.nothing,
    "MatMul": _Reader.matmul,
    "Relu": _Reader.relu,
}
