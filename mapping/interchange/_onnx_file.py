"""ONNX files of ours: what their metadata say, and reading them as if they were hostile.

Metadata of schema 1, all text:

- `xylograph.format`: "xylograph.core" or "xylograph.network"; `xylograph.schema`: "1";
- `xylograph.graph_sha256`: digest of the graph;
- of a core: `xylograph.chip` and `xylograph.dt`, the chip's name and the length of a step [s];
  `xylograph.config`, the configuration in the form of `XyloConfig.save`, and
  `xylograph.config_sha256`, the digest of that text; `xylograph.names`, JSON of the hidden
  populations with their neuron ids and of the output, where they are known;
- of a network: `xylograph.dt`.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import onnx
from google.protobuf.message import DecodeError

from ...hw import XyloConfig
from ...hw._config_file import config_bytes, config_of_bytes
from ...models import FormatError
from ._onnx_builder import IR_VERSION, OPSET

CORE_FORMAT, NETWORK_FORMAT, SCHEMA = "xylograph.core", "xylograph.network", 1

# All that graphs of ours are made of; none of them reads files or takes time without end.
_OPERATORS = frozenset(
    [
        "Abs",
        "Add",
        "And",
        "Cast",
        "Clip",
        "Concat",
        "Div",
        "Exp",
        "Expand",
        "Floor",
        "Gather",
        "GreaterOrEqual",
        "Greater",
        "Identity",
        "If",
        "Less",
        "LessOrEqual",
        "Loop",
        "MatMul",
        "MatMulInteger",
        "Max",
        "Min",
        "Mul",
        "Neg",
        "NonZero",
        "Pad",
        "ReduceMax",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Scan",
        "ScatterElements",
        "Shape",
        "Size",
        "Slice",
        "Split",
        "Squeeze",
        "Sub",
        "Transpose",
        "Unsqueeze",
        "Where",
    ]
)
# What a message of protocol buffers can hold.
_MAX_BYTES = 2**31 - 1


def core_metadata(config: XyloConfig, names: dict[str, Any]) -> dict[str, str]:
    """What a file of a chip core says besides its graph."""
    text = config_bytes(config).decode()
    return {
        "xylograph.chip": config.chip.name,
        "xylograph.config": text,
        "xylograph.config_sha256": _sha256(text.encode()),
        "xylograph.dt": repr(float(config.dt)),
        "xylograph.names": json.dumps(names, sort_keys=True),
    }


def file_bytes(made: onnx.ModelProto, file_format: str, metadata: dict[str, str]) -> bytes:
    """The file of a model; byte for byte the same for the same model."""
    metadata = metadata | {
        "xylograph.format": file_format,
        "xylograph.graph_sha256": _graph_digest(made),
        "xylograph.schema": str(SCHEMA),
    }
    onnx.helper.set_model_props(made, dict(sorted(metadata.items())))
    content = made.SerializeToString(deterministic=True)
    if len(content) > _MAX_BYTES:
        raise ValueError(
            f"the file would have {len(content)} bytes; one of ONNX has at most {_MAX_BYTES}"
        )
    return content


def read_file(
    path: str | os.PathLike[str],
) -> tuple[bytes, dict[str, str]]:
    """A file of ours: its bytes and its metadata; nothing of it has been run.

    Raises:
        FormatError: it is damaged, was changed, is of a newer version, or is not ours.
        OSError: it cannot be read.
    """
    content, made = parsed(path, lambda reason: refuse(path, reason))
    metadata = {entry.key: entry.value for entry in made.metadata_props}
    if not all(isinstance(text, str) for entry in metadata.items() for text in entry):
        # Protocol buffers give what is not UTF-8 as bytes.
        refuse(path, "its metadata are no text: the file is damaged")
    _require_ours(path, metadata)
    if metadata.get("xylograph.graph_sha256") != _graph_digest(made):
        refuse(path, "its graph does not match its digest: the file was damaged or changed")
    _require_harmless(path, made)
    return content, metadata


def parsed(
    path: str | os.PathLike[str], refuse: Callable[[str], NoReturn]
) -> tuple[bytes, onnx.ModelProto]:
    """A file and the model in it, which may be anything.

    Args:
        path: the file.
        refuse: is told what is wrong, and raises.

    Raises:
        OSError: it cannot be read.
    """
    size = os.stat(path).st_size
    if size > _MAX_BYTES:
        refuse(f"it has {size} bytes, a file of ONNX has at most {_MAX_BYTES}")
    content = Path(path).read_bytes()
    made = onnx.ModelProto()
    try:
        made.ParseFromString(content)
    except (DecodeError, ValueError, RuntimeError) as error:
        refuse(f"it is no ONNX model: {error}: the file is damaged or something else")
    return content, made


def require_valid(made: onnx.ModelProto, refuse: Callable[[str], NoReturn]) -> None:
    """Refuse data in other files, and what the checker of ONNX refuses."""
    if any(tensor.external_data or tensor.data_location for tensor in _tensors(made.graph)):
        refuse("it refers to data in other files")
    try:
        onnx.checker.check_model(made, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        refuse(f"it is no valid model: {str(error)[:300]}")


def config_of(path: str | os.PathLike[str], metadata: dict[str, str]) -> XyloConfig:
    """The configuration in the metadata.

    Raises:
        FormatError: there is none, or it is damaged.
    """
    text = metadata.get("xylograph.config", "").encode()
    if metadata.get("xylograph.config_sha256") != _sha256(text):
        refuse(path, "its configuration does not match its digest: the file was damaged or changed")
    return config_of_bytes(text, path)


def names_of(path: str | os.PathLike[str], metadata: dict[str, str]) -> dict[str, Any]:
    """The names in the metadata.

    Raises:
        FormatError: they are damaged.
    """
    try:
        names = json.loads(metadata.get("xylograph.names", ""))
    except (ValueError, RecursionError) as error:
        refuse(path, f"`xylograph.names` is no JSON: {error}: the file is damaged")
    if not isinstance(names, dict):
        refuse(path, "`xylograph.names` is no object: the file is damaged")
    return names


def refuse(path: str | os.PathLike[str], reason: str) -> NoReturn:
    """Raise that a file cannot be read."""
    raise FormatError(
        f"cannot read {os.fspath(path)!r} as an ONNX file of ours: {reason}"
    ) from None


def _require_ours(path: str | os.PathLike[str], metadata: dict[str, str]) -> None:
    found = metadata.get("xylograph.format")
    if found not in (CORE_FORMAT, NETWORK_FORMAT):
        refuse(
            path,
            "`export_onnx` did not write it; a feed-forward network of another tool is read by "
            "`from_onnx`",
        )
    schema = metadata.get("xylograph.schema", "")
    if not (schema.isascii() and schema.isdigit() and len(schema) < 10) or int(schema) < 1:
        refuse(path, f"its schema is {schema[:20]!r}, expected is a number from 1 to {SCHEMA}")
    if int(schema) > SCHEMA:
        refuse(
            path,
            f"its schema is {schema}, this version reads up to {SCHEMA}: the file is from a newer "
            "Xylograph, upgrade: `pip install -U xylograph`",
        )


def _require_harmless(path: str | os.PathLike[str], made: onnx.ModelProto) -> None:
    """Refuse what no graph of ours has, before a runtime sees it."""
    versions = [(entry.domain, entry.version) for entry in made.opset_import]
    if versions != [("", OPSET)] or made.ir_version != IR_VERSION or len(made.functions):
        refuse(path, f"it is not of opset {OPSET} and IR version {IR_VERSION} alone")
    foreign = sorted({node.op_type for node in nodes_of(made.graph)} - _OPERATORS)
    if foreign or any(node.domain for node in nodes_of(made.graph)):
        refuse(path, f"it has operators that `export_onnx` does not use: {foreign[:5]}")
    require_valid(made, lambda reason: refuse(path, reason))


def nodes_of(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """All nodes, also those of graphs within nodes."""
    return [node for part in _graphs(graph) for node in part.node]


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    # How deep they can lie in each other is limited by the protocol buffers.
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _graphs(inner)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    for part in _graphs(graph):
        yield from part.initializer
        for node in part.node:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)


def _graph_digest(made: onnx.ModelProto) -> str:
    return _sha256(made.graph.SerializeToString(deterministic=True))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
