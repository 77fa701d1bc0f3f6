"""Arguments and options that several commands have, and the checks of their names."""

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


def require_other_file(out: Path, *read: Path | None, option: str = "--out") -> None:
    """See that what is written does not take the place of what is read.

    Raises:
        BadParameter: it would.
    """
    for source in read:
        if source is not None and source.exists() and out.exists() and out.samefile(source):
            raise typer.BadParameter(
                f"{out} is what is read, and would be overwritten: give another file to write",
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
