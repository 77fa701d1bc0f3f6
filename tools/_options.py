"""Arguments and options that several commands have, and the checks of their names."""

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..hw import Chip

RASTER_HELP = "NumPy file of spike counts, (time, channel) or (sample, time, channel)"

ConfigArgument = Annotated[Path, typer.Argument(help="Configuration file.")]
RasterArgument = Annotated[Path, typer.Argument(help=f"{RASTER_HELP}.")]
ResultOption = Annotated[
    Path | None, typer.Option("--out", help="NumPy .npz file for output, state and record.")
]
ENGINE_HELP = "`native`, `jax`, `reference` or `vendor`."


def known_chip(name: str) -> "Chip":
    """The chip that `--chip` names.

    Raises:
        BadParameter: there is none.
    """
    from ..hw import get_chip

    try:
        return get_chip(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--chip") from error


def require_output(out: Path | None, *read: Path | None, option: str = "--out") -> None:
    """See, before anything is computed, that a file can be written where it takes no other's place.

    Args:
        out: file to write, if any.
        read: files that are read, or written besides.
        option: that names `out`.

    Raises:
        BadParameter: it would take the place of one that is read.
        OSError: there is no folder for it, or there is a folder of its name.
    """
    if out is None:
        return
    if not out.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(out.parent))
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, "Is a folder, name a file", str(out))
    for source in read:
        if source is None:
            continue
        exist = source.exists() and out.exists()
        if out.resolve() == source.resolve() or (exist and out.samefile(source)):
            raise typer.BadParameter(
                f"{out} is named twice, and would be overwritten: give another file to write",
                param_hint=option,
            )


def require_engine(name: str) -> None:
    """See that there is the engine that `--engine` names.

    Raises:
        BadParameter: there is none.
    """
    from ..hw import ENGINES

    if name not in ENGINES:
        raise typer.BadParameter(
            f"no engine is called {name!r}; known are {', '.join(ENGINES)}",
            param_hint="--engine",
        )
