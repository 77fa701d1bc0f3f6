"""Saving networks: one safetensors file that also holds the architecture as JSON.

Nothing is pickled and nothing in a file is executed: classes are those already defined in the
process, functions those registered by `register_function`. `_container.py` is the file around it.
"""

import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._classes import public_path
from .._errors import FormatError
from ..module import JaxModule
from ._anatomy import dissect
from ._container import Container
from ._files import write_atomically
from ._rebuild import rebuild
from ._static_json import encode

_NETWORKS = Container(format="xylograph-network", version=1, noun="network", body="module")


def save(network: JaxModule, path: str | os.PathLike[str]) -> Path:
    """Write a network, with its architecture, to one file; `load` reads it back.

    Saving the same network twice gives the same bytes.

    Args:
        network: any module.
        path: the file to write, usually `*.safetensors`. It appears whole or not at all.

    Returns:
        The path.

    Raises:
        TypeError: `network` is no module.
        ValueError: the network holds something a file cannot, such as an unregistered function.
        OSError: the file cannot be written.
    """
    if not isinstance(network, JaxModule):
        raise TypeError(
            f"`save` takes a network and then a path, not a `{type(network).__name__}` first: "
            "configurations have their own `config.save(path)`"
        )
    arrays: dict[str, np.ndarray] = {}
    module = _describe(network, "", arrays)
    return write_atomically(path, _NETWORKS.pack(module, arrays))


def load(path: str | os.PathLike[str]) -> JaxModule:
    """Read a network that `save` wrote.

    Args:
        path: the file.

    Returns:
        A network equal to the saved one in values, states, and structure. Arrays of a precision
        that is switched off (`jax_enable_x64`) take the default one.

    Raises:
        FormatError: the file is damaged, not a network of ours, newer than this version, or
            refers to a class or function that is not defined in this process.
        OSError: the file cannot be read.
    """
    try:
        return rebuild(*_NETWORKS.unpack(Path(path).read_bytes()))
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    except RecursionError as error:
        raise FormatError(f"{path}: not a network file, it is nested too deeply") from error


def _describe(network: JaxModule, path: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The architecture as JSON; the arrays go into `arrays` under their paths."""
    parts = dissect(network)
    attributes = []
    for name, declared in parts.declarations.items():
        where = path + name
        entry: dict[str, Any] = {
            "name": name,
            "kind": declared.kind,
            "family": declared.family,
            "initializer": encode(declared.initializer, f"the initializer of {where}"),
            "given": name in parts.resets,
        }
        if declared.shape is None:
            entry["value"] = encode(parts.values[name], where)
        else:
            entry["shape"] = list(declared.shape)
            arrays[where] = _contiguous(parts.values[name], where)
        if name in parts.resets:
            arrays[f"{where}@reset"] = _contiguous(parts.resets[name], where)
        attributes.append(entry)
    return {
        "class": public_path(type(network)),
        "name": parts.name,
        "shape": list(parts.shape),
        "spiking_input": parts.spiking_input,
        "spiking_output": parts.spiking_output,
        "attributes": attributes,
        "plain": {name: encode(value, path + name) for name, value in parts.plain.items()},
        "children": [
            _describe(child, f"{path}{name}.", arrays) for name, child in parts.children.items()
        ],
    }


def _contiguous(value: Any, where: str) -> np.ndarray:
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        raise ValueError(
            f"`{where}` is a typed random key, which a file cannot hold; keep "
            "`jax.random.key_data(key)` instead"
        )
    if value.dtype.kind not in "biuf":
        raise ValueError(
            f"`{where}` holds {value.dtype}, which a file cannot hold; convert it to float32"
        )
    # safetensors writes arrays that are not contiguous wrongly.
    return np.asarray(value, order="C")
