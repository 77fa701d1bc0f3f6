"""Deployment packages as files: safetensors with a JSON document in its metadata, schema 1.

The document holds `config`, the text of the configuration's own file; `note`; `made_with`. The
arrays are `raster` and, as `golden/NAME`, what the chip must make of it.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from ...models import FormatError
from ...models.storage._container import Container
from ...models.storage._files import write_atomically
from .._config import XyloConfig
from .._config_file import config_bytes, config_of_bytes
from ..engines._interface import RECORDED, recordable
from ._package import DeploymentPackage

_FILE = Container(
    format="xylograph.DeploymentPackage", version=1, noun="deployment package", body="package"
)
_GOLDEN = "golden/"
_TEXTS = ("config", "note", "made_with")


def save_package(package: DeploymentPackage, path: str | os.PathLike[str]) -> Path:
    """Write a package; see `DeploymentPackage.save`."""
    body = {
        "config": config_bytes(package.config).decode(),
        "note": package.note,
        "made_with": package.made_with,
    }
    arrays = {_GOLDEN + name: array for name, array in package.golden.items()}
    arrays["raster"] = package.raster
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return write_atomically(path, _FILE.pack(body, contiguous))


def load_package(path: str | os.PathLike[str]) -> DeploymentPackage:
    """Read a package; see `DeploymentPackage.load`."""
    content = Path(path).read_bytes()
    try:
        body, arrays = _FILE.unpack(content)
        return _package(body, arrays, path)
    except FormatError as error:
        raise FormatError(f"cannot read {os.fspath(path)!r}: {error}") from error
    except RecursionError as error:
        raise FormatError(f"cannot read {os.fspath(path)!r}: nested too deeply") from error


def _package(
    body: Any, arrays: dict[str, np.ndarray], path: str | os.PathLike[str]
) -> DeploymentPackage:
    if not isinstance(body, dict) or set(body) != set(_TEXTS):
        raise FormatError(f"the document does not hold just {', '.join(_TEXTS)}")
    if not all(isinstance(value, str) for value in body.values()):
        raise FormatError(f"{', '.join(_TEXTS)} are not all texts")
    config = config_of_bytes(body["config"].encode(), path)
    expected = {"raster", *(_GOLDEN + name for name in recordable(config))}
    if set(arrays) != expected:
        raise FormatError(
            f"holds the arrays {', '.join(sorted(arrays))}; a package of {config.chip.name} holds "
            f"{', '.join(sorted(expected))}"
        )
    raster = arrays.pop("raster")
    _check_raster(raster, config)
    golden = {name: arrays[_GOLDEN + name] for name in recordable(config)}
    for name, array in golden.items():
        _check_golden(name, array, raster, config)
    return DeploymentPackage(
        config=config,
        raster=raster,
        golden=golden,
        note=body["note"],
        made_with=body["made_with"],
    )


def _check_raster(raster: np.ndarray, config: XyloConfig) -> None:
    fits = raster.dtype == np.uint8 and raster.ndim == 3 and raster.shape[2] == config.n_inputs
    if not fits or 0 in raster.shape:
        raise FormatError(
            f"`raster` is {raster.dtype} {raster.shape}, not uint8 (sample, time, "
            f"{config.n_inputs})"
        )
    if raster.max() > config.chip.max_input_spikes:
        raise FormatError(
            f"`raster` holds the count {raster.max()}, the most is {config.chip.max_input_spikes}"
        )


def _check_golden(name: str, array: np.ndarray, raster: np.ndarray, config: XyloConfig) -> None:
    look = RECORDED[name]
    neurons = () if look.neurons is None else (getattr(config, look.neurons),)
    shape = (*raster.shape[:2], *neurons)
    if array.dtype != look.dtype or array.shape != shape:
        raise FormatError(
            f"`{_GOLDEN}{name}` is {array.dtype} {array.shape}, not {np.dtype(look.dtype)} {shape}"
        )
