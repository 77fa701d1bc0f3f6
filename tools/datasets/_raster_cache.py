"""Rasters in files: two counts a byte, compressed, named by what they were made of."""

import io
import logging
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from ...models.storage._files import remove_leftovers, write_atomically

_log = logging.getLogger(__name__)
_NIBBLE = 15


def write_raster(path: Path, raster: Shaped[np.ndarray, "time channel"]) -> None:
    """Write one raster, in one step: a kill leaves the whole file or none.

    Args:
        path: where; its folder must exist.
        raster: counts of events; those up to 15 take half a byte each before compression.

    Raises:
        OSError: when it cannot be written.
    """
    arrays = {"shape": np.array(raster.shape)}
    if raster.dtype == np.uint8 and raster.max(initial=0) <= _NIBBLE:
        # Time runs along the bytes: a channel that is silent for long compresses to nothing.
        counts = raster.T.ravel()
        pairs = np.append(counts, np.zeros(len(counts) % 2, np.uint8)).reshape(-1, 2)
        arrays["pairs"] = pairs[:, 0] << 4 | pairs[:, 1]
    else:
        arrays["counts"] = raster
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    remove_leftovers(path)
    try:
        write_atomically(path, buffer.getvalue())
    except FileNotFoundError:
        # Two threads or processes with equal recordings take each other's temporary file for a
        # leftover. The last of them writes the file, which is the same for all.
        if not path.parent.is_dir():
            raise


def read_raster_file(path: Path) -> Shaped[np.ndarray, "time channel"] | None:
    """Read one raster; `None` when the file is missing or damaged, of which the log is told."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            n_steps, n_channels = (int(size) for size in archive["shape"])
            if "counts" in archive:
                return archive["counts"].reshape(n_steps, n_channels)
            pairs = archive["pairs"]
        counts = np.stack([pairs >> 4, pairs & _NIBBLE], axis=1).ravel()[: n_steps * n_channels]
        return np.ascontiguousarray(counts.reshape(n_channels, n_steps).T)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        _log.warning("%s is damaged (%s): computing it again", path, error)
        return None
