"""Checkpoints: any pytree of arrays and a JSON document, in one file that is whole or not there.

Leaves are named by their paths, so that a checkpoint of something else is told by name, not by
position.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._errors import FormatError
from ..storage._container import Container
from ..storage._files import write_atomically

_CHECKPOINT = Container("xylograph-checkpoint", version=1, noun="checkpoint", body="content")


class CheckpointMismatchError(FormatError):
    """A checkpoint is whole, but of something else than what goes on from it."""


def save_checkpoint(path: str | os.PathLike[str], tree: Any, document: Any = None) -> Path:
    """Write the arrays of a pytree, and a document, to one file.

    A kill at any moment leaves the file as it was before or as it is afterwards.

    Args:
        path: the file to write; its folder must exist.
        tree: any pytree whose leaves are arrays, random keys or numbers, such as a `TrainState`
            with the state of any optax optimizer.
        document: what JSON can hold: dicts, lists, strings, numbers, `None`.

    Returns:
        The path.

    Raises:
        TypeError: the document is nothing for JSON, or a leaf is no array.
        ValueError: the document holds NaN or infinity.
        OSError: the file cannot be written.
    """
    arrays, types = {}, {}
    for name, leaf in _named(tree).items():
        array = np.asarray(_plain(leaf), order="C")
        types[name] = [array.dtype.name, list(array.shape)]
        # safetensors knows NumPy's own types only.
        arrays[name] = array if array.dtype.kind in "biuf" else _as_bytes(array, name)
    content = {"document": document, "types": types}
    json.dumps(document, allow_nan=False)
    return write_atomically(path, _CHECKPOINT.pack(content, arrays))


def load_checkpoint(path: str | os.PathLike[str], like: Any) -> tuple[Any, Any]:
    """Read what `save_checkpoint` wrote.

    Args:
        path: the file.
        like: a pytree of the structure, shapes and types that were saved, such as a `TrainState`
            before the first step.

    Returns:
        The tree, with JAX arrays where `like` has them, and the document.

    Raises:
        FormatError: the file is damaged, no checkpoint of ours, or newer than this version.
        CheckpointMismatchError: a checkpoint of another tree; names every leaf that differs.
        OSError: the file cannot be read.
    """
    try:
        content, arrays = _CHECKPOINT.unpack(Path(path).read_bytes())
        types, document = _contents(content)
        wanted = _named(like)
        _require_match(types, wanted)
        leaves = [
            _like(_restored(arrays, name, *types[name]), leaf) for name, leaf in wanted.items()
        ]
    except FormatError as error:
        raise type(error)(f"{path}: {error}") from error
    except RecursionError as error:
        raise FormatError(f"{path}: not a checkpoint, it is nested too deeply") from error
    return jax.tree.unflatten(jax.tree.structure(like), leaves), document


def _contents(content: Any) -> tuple[dict[str, Any], Any]:
    """Name of the type and shape of each leaf; the document."""
    if not isinstance(content, dict) or {"types", "document"} - content.keys():
        raise FormatError("not a checkpoint: `content` has no types and document")
    types = content["types"]
    if not isinstance(types, dict) or not all(map(_is_type_and_shape, types.values())):
        raise FormatError("not a checkpoint: `content.types` is no type and shape for each name")
    return types, content["document"]


def _is_type_and_shape(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and isinstance(entry[0], str)
        and isinstance(entry[1], list)
        and all(type(size) is int for size in entry[1])
    )


def _require_match(types: dict[str, Any], wanted: dict[str, Any]) -> None:
    problems = [f"`{name}` is missing" for name in wanted if name not in types]
    problems += [f"`{name}` belongs to nothing here" for name in types if name not in wanted]
    for name, leaf in wanted.items():
        here = np.asarray(_plain(leaf))
        if name in types and types[name] != [here.dtype.name, list(here.shape)]:
            dtype, shape = types[name]
            problems.append(
                f"`{name}` is {dtype} {tuple(shape)}, here it is {here.dtype.name} {here.shape}"
            )
    if problems:
        raise CheckpointMismatchError("a checkpoint of something else:\n" + "\n".join(problems))


def _named(tree: Any) -> dict[str, Any]:
    paths = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path) or "value": leaf for path, leaf in paths}


def _is_typed_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _plain(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_typed_key(leaf) else leaf


def _as_bytes(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype.hasobject or array.dtype.kind in "USMm":
        raise TypeError(f"`{name}` is no array of numbers, but {array.dtype}")
    return np.frombuffer(array.tobytes(), dtype=np.uint8)


def _restored(arrays: dict[str, np.ndarray], name: str, dtype: str, shape: list[int]) -> np.ndarray:
    """A leaf of a type and shape that the leaf here has, too."""
    array = arrays.get(name)
    if array is None:
        raise FormatError(f"the array `{name}` is missing")
    if array.dtype.name != dtype:
        whole = array.nbytes == np.dtype(dtype).itemsize * math.prod(shape)
        array = np.frombuffer(array.tobytes(), dtype=dtype).reshape(shape) if whole else array
    if array.dtype.name != dtype or list(array.shape) != shape:
        raise FormatError(
            f"the array `{name}` is {array.dtype} {array.shape}, it should be {dtype} {shape}"
        )
    return array


def _like(array: np.ndarray, leaf: Any) -> Any:
    """An array as the kind of thing that a leaf is."""
    if _is_typed_key(leaf):
        return jax.random.wrap_key_data(jnp.array(array), impl=jax.random.key_impl(leaf))
    if isinstance(leaf, jax.Array):
        return jnp.array(array)
    return array.copy() if isinstance(leaf, np.ndarray) else type(leaf)(array.item())
