"""What a NIR graph holds, as plain names, arrays and edges: from an object or from an HDF5 file.

Files are read here and not by `nir.read`, which reads whatever is there at whatever depth and size:
links out of the file, nodes of unknown kinds, and arrays that a few bytes declare to be gigabytes
are refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn

import numpy as np

from ...models import FormatError, MissingExtraError

# Far more than any chip takes, and few enough to be looked through in a moment.
MAX_NODES, MAX_DEPTH, MAX_EDGES = 1000, 16, 4000
_MAX_BYTES = 256 * 2**20
# Deflate packs at most 1032 bytes into one.
_MOST_PACKED = 1040


@dataclass(frozen=True, eq=False)
class NirTree:
    """One node, which may be a graph.

    Attributes:
        kind: its type, such as `LIF`.
        values: arrays by name; of ends the `shape`.
        nodes: of a graph.
        edges: of a graph.
        metadata: text that was added to it; all else is left out.
    """

    kind: str
    values: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, NirTree] = field(default_factory=dict)
    edges: tuple[tuple[str, str], ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)


def nir_library(what: str) -> Any:
    """The package `nir`, or the one sentence that helps where it is missing."""
    if find_spec("nir") is None or find_spec("h5py") is None:
        raise MissingExtraError(what, "nir")
    return import_module("nir")


def refuse(reason: str) -> NoReturn:
    """Say that something is no network that can be read."""
    raise FormatError(f"cannot read this as a NIR graph: {reason}") from None


def tree_of(source: Any, what: str) -> NirTree:
    """The content of a graph or of a file.

    Raises:
        FormatError: the file is damaged, too large, or not of NIR.
        MissingExtraError: without the extra `nir`.
        OSError: when the file cannot be read.
        TypeError: neither a path nor a graph.
    """
    library = nir_library(what)
    if isinstance(source, (str, os.PathLike)):
        with hdf5_file(source) as (file, content):
            if "node" not in file:
                refuse(f"there is no graph in {os.fspath(source)!r}")
            tree = _Walk(content).node(file["node"])
    elif isinstance(source, library.NIRGraph):
        tree = _of_object(source, [0], 0)
    else:
        raise TypeError(f"`{what}` takes a `nir.NIRGraph` or a path, got {type(source).__name__}")
    if tree.kind != "NIRGraph":
        refuse(f"its root is of the kind {tree.kind!r}, not a graph")
    return tree


# What h5py makes of whatever the C library says of damaged files.
_OF_DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SystemError,
    TypeError,
    ValueError,
)


@contextmanager
def hdf5_file(path: str | os.PathLike[str]) -> Iterator[tuple[Any, bytes]]:
    """An open HDF5 file, read from memory, and its bytes; what is wrong is a `FormatError`."""
    h5py = import_module("h5py")
    with open(path, "rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        refuse(f"{os.fspath(path)!r} is larger than {_MAX_BYTES} bytes")
    _require_sound_heaps(content)
    try:
        with h5py.File(h5py.h5f.open_file_image(content), "r") as file:
            yield file, content
    except FormatError:
        raise
    except _OF_DAMAGE as error:
        refuse(
            f"{os.fspath(path)!r} is no HDF5 file, or damaged: {type(error).__name__}: "
            f"{str(error)[:200]}"
        )


def _require_sound_heaps(content: bytes) -> None:
    """Refuse heaps of texts whose entries do not add up: the C library goes round and round there.

    Source: HDF5 file format 3.0, section III.E, global heaps.
    """
    start = content.find(b"GCOL")
    while start >= 0:
        end = start + int.from_bytes(content[start + 8 : start + 16], "little")
        place = start + 16
        while place + 16 <= min(end, len(content)):
            size = int.from_bytes(content[place + 8 : place + 16], "little")
            is_free = content[place : place + 2] == b"\0\0"
            # Free room counts its own head, and is the last entry: it reaches to the end.
            step = size if is_free else 16 + (size + 7) // 8 * 8
            if step < 16 or place + step > end or (is_free and place + step != end):
                refuse("it is damaged: entries of a heap of texts do not add up")
            place += step
        if end > len(content):
            refuse("it is damaged: a heap of texts is longer than the file")
        start = content.find(b"GCOL", start + 4)


def members(group: Any) -> Iterator[tuple[str, Any]]:
    """Names and objects in a group of a file, none of them elsewhere."""
    h5py = import_module("h5py")
    if not isinstance(group, h5py.Group):
        refuse("a part of it should be a group and is none")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            refuse(f"{name!r} is a link out of its place")
        yield name, group[name]


def read_array(dataset: Any, where: str) -> Any:
    """An array of numbers of a file.

    Raises:
        FormatError: it is not plain numbers, or larger than what the file holds.
    """
    _require_own_data(dataset, where)
    if dataset.dtype.kind not in "biuf":
        refuse(f"{where} holds {dataset.dtype}, not numbers")
    return dataset[()]


def _require_own_data(dataset: Any, where: str) -> None:
    """Refuse what is no array, is elsewhere, or is declared to be larger than what is there."""
    h5py = import_module("h5py")
    if not isinstance(dataset, h5py.Dataset):
        refuse(f"{where} should be an array and is none")
    if dataset.is_virtual or dataset.external or dataset.shape is None:
        refuse(f"{where} holds no data of its own")
    declared, stored = int(dataset.size) * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if declared > _MAX_BYTES or declared > _MOST_PACKED * stored + 4096:
        refuse(f"{where} is declared to have {declared} bytes, of which {stored} are there")


def _is_text(dataset: Any) -> bool:
    h5py = import_module("h5py")
    return isinstance(dataset, h5py.Dataset) and h5py.check_string_dtype(dataset.dtype) is not None


def _read_text(dataset: Any, content: bytes, where: str) -> Any:
    """A text of a file, or an array of them.

    Raises:
        FormatError: there are too many, or they are longer than the file.
    """
    _require_own_data(dataset, where)
    if dataset.size > 2 * MAX_EDGES:
        refuse(f"{where} has {dataset.size} texts")
    place = dataset.id.get_offset()
    # Of texts in chunks it is not known. The first one that is not there ends the reading.
    if dataset.dtype.kind == "O" and place is not None:
        # Each begins with its length, for which the C library clears memory, up to 4 GiB, before
        # it looks for the text. Source: HDF5 file format 3.0, section IV.B, variable length.
        entry = dataset.id.get_storage_size() // dataset.size
        entries = np.frombuffer(content, np.uint8, entry * dataset.size, place)
        longest = int(entries.reshape(-1, entry)[:, :4].copy().view("<u4").max())
        if longest > len(content):
            refuse(f"{where} is declared to have {longest} letters, more than the file")
    return dataset.asstr()[()]


def read_number(group: Any, name: str) -> float:
    """An attribute of a group. Not of texts, whose lengths cannot be seen before they are read.

    Raises:
        FormatError: it is not one number.
    """
    attribute = group.attrs.get_id(name)
    if attribute.shape not in ((), (1,)) or attribute.dtype.kind not in "biuf":
        refuse(f"the attribute {name!r} is {attribute.dtype} {attribute.shape}, not a number")
    return float(np.reshape(group.attrs[name], ()))


class _Walk:
    """Reads nodes, and counts them.

    Args:
        content: the bytes of the file.
    """

    def __init__(self, content: bytes) -> None:
        self._content, self._n_nodes = content, 0

    def node(self, group: Any, where: str = "", depth: int = 0) -> NirTree:
        """A node with all in it."""
        self._n_nodes += 1
        if self._n_nodes > MAX_NODES or depth > MAX_DEPTH:
            refuse(f"it has more than {MAX_NODES} nodes, or graphs {MAX_DEPTH} deep in each other")
        entries = dict(members(group))
        if "type" not in entries:
            refuse(f"`{where}` has no type")
        kind = self._read(entries.pop("type"), f"`{where}.type`")
        metadata = self._texts(entries.pop("metadata", None))
        if kind == "NIRGraph":
            return self._graph(entries, metadata, where, depth)
        values = {name: self._read(one, f"`{where}.{name}`") for name, one in entries.items()}
        return NirTree(str(kind), values, metadata=metadata)

    def _graph(
        self, entries: dict[str, Any], metadata: dict[str, str], where: str, depth: int
    ) -> NirTree:
        if "nodes" not in entries or "edges" not in entries:
            refuse(f"the graph `{where}` lacks nodes or edges")
        nodes = {
            name: self.node(one, f"{where}.{name}" if where else name, depth + 1)
            for name, one in members(entries["nodes"])
        }
        edges = np.asarray(self._read(entries["edges"], "the edges"))
        if edges.size and (edges.ndim != 2 or edges.shape[1] != 2):
            refuse(f"its edges have the shape {edges.shape}, expected is (n, 2)")
        pairs = tuple((str(a), str(b)) for a, b in edges) if edges.size else ()
        return NirTree("NIRGraph", {}, nodes, pairs, metadata)

    def _texts(self, group: Any) -> dict[str, str]:
        """All texts in a group."""
        entries = () if group is None else members(group)
        return {
            name: str(_read_text(one, self._content, f"the metadata {name!r}"))
            for name, one in entries
            if _is_text(one)
        }

    def _read(self, dataset: Any, where: str) -> Any:
        """An array or a text."""
        if _is_text(dataset):
            return _read_text(dataset, self._content, where)
        return read_array(dataset, where)


_NOT_VALUES = ("input_type", "output_type", "metadata", "nodes", "edges")


def _of_object(node: Any, counter: list[int], depth: int) -> NirTree:
    counter[0] += 1
    if counter[0] > MAX_NODES or depth > MAX_DEPTH:
        refuse(f"it has more than {MAX_NODES} nodes, or graphs {MAX_DEPTH} deep in each other")
    kind = type(node).__name__
    metadata = node.metadata if isinstance(node.metadata, dict) else {}
    texts = {name: text for name, text in metadata.items() if isinstance(text, str)}
    if kind == "NIRGraph":
        nodes = {name: _of_object(one, counter, depth + 1) for name, one in node.nodes.items()}
        edges = tuple((str(a), str(b)) for a, b in node.edges)
        return NirTree(kind, {}, nodes, edges, texts)
    values = {name: value for name, value in vars(node).items() if name not in _NOT_VALUES}
    shapes = {"Input": "input_type", "Output": "output_type", "Flatten": "input_type"}
    if kind in shapes:
        shape = getattr(node, shapes[kind])
        shape = next(iter(shape.values())) if isinstance(shape, dict) and shape else None
        values |= {} if shape is None else {"shape": np.asarray(shape)}
    return NirTree(kind, values, metadata=texts)
