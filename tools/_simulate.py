"""Simulating a configuration file over a raster file."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np

from ..hw import XyloConfig, XyloSim
from ..models import FormatError, XylographError
from ..models.storage._files import write_atomically

if TYPE_CHECKING:
    from ..hw import Board

_SHOWN_SAMPLES = 10


def simulate_file(config: Path, raster: Path, *, engine: str, out: Path | None) -> Iterator[str]:
    """Run a configuration file over a raster file.

    Args:
        config: configuration file.
        raster: `.npy` file of spike counts, `(time, channel)` or `(sample, time, channel)`.
        engine: which engine computes.
        out: `.npz` file for the output, the new state and the record; none when not given.

    Yields:
        Lines that say what came out.

    Raises:
        FormatError: one of the files is not what it should be, or the raster does not fit.
        OSError: a file cannot be read or written.
    """
    yield from run_file(XyloSim(XyloConfig.load(config), engine=engine), raster, out=out)


@contextmanager
def blaming(files: object) -> Iterator[None]:
    """Say of which files an error is that knows only what was in them.

    Raises:
        FormatError: in place of a type or a value that is wrong.
    """
    try:
        yield
    except XylographError:
        raise
    except (TypeError, ValueError) as error:
        raise FormatError(f"{files}: {error}") from error


def run_file(core: "XyloSim | Board", raster: Path, *, out: Path | None) -> Iterator[str]:
    """Run a raster file on a simulation or on a board that is loaded; see `simulate_file`.

    Raises:
        BoardError: the board failed.
    """
    data = read_raster(raster)
    with blaming(raster):
        output, state, record = core(data, record=out is not None)
    yield f"{core.config}"
    for sample, counts in enumerate(output[:_SHOWN_SAMPLES].sum(axis=1)):
        yield f"sample {sample}: output spikes {counts.tolist()}"
    if len(output) > _SHOWN_SAMPLES:
        yield f"all {len(output)} samples: output spikes {output.sum(axis=(0, 1)).tolist()}"
    if out is not None:
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {f"state/{name}": array for name, array in state.items()}
        arrays.update(record, output=output)
        np.savez_compressed(buffer, **arrays)
        write_atomically(out, buffer.getvalue())
        yield f"output, state and record are in {out}"


def read_raster(path: Path) -> np.ndarray:
    """The numbers of a `.npy` file.

    Raises:
        FormatError: it is none.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        try:
            return np.lib.format.read_array(file, allow_pickle=False)
        # NumPy reads a header as Python, and leaves what a damaged one raises as it is.
        except (ValueError, EOFError, SyntaxError, TokenError, MemoryError) as error:
            raise FormatError(
                f"{path} is no `.npy` file of numbers ({error}); write one with `numpy.save`"
            ) from error
