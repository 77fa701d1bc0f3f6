"""The commands for boards, which `_cli.py` adds to `xylograph`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._options import ConfigArgument, RasterArgument, ResultOption, known_chip, require_output

if TYPE_CHECKING:
    from ..hw import Board, Chip

BoardOption = Annotated[str, typer.Option("--board", help="`virtual`, or `samna`: a real one.")]
SerialOption = Annotated[
    str | None, typer.Option("--serial", help="Which real board; any that is free when not given.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(run)
    app.command()(compare)
    app.command("test-board")(check_board)
    app.command()(monitor)


def run(
    config: ConfigArgument,
    raster: RasterArgument,
    board: BoardOption = "virtual",
    serial: SerialOption = None,
    stepwise: Annotated[
        bool, typer.Option("--stepwise", help="Step by step in manual mode: slow, shows all.")
    ] = False,
    out: ResultOption = None,
) -> None:
    """Run a configuration on a board over a raster, and count the output spikes."""
    from ..hw import XyloConfig
    from ._simulate import run_file

    require_output(out, config, raster)
    require_board(board, serial)
    loaded = XyloConfig.load(config)
    with open_board(board, loaded.chip, serial) as opened:
        print(opened.identify())
        opened.load(loaded)
        for line in run_file(opened.with_options(stepwise=stepwise), raster, out=out):
            print(line)
        for notice in opened.notices:
            print(f"noticed: {notice}")


def compare(
    config: ConfigArgument,
    raster: RasterArgument,
    board: BoardOption = "virtual",
    serial: SerialOption = None,
) -> None:
    """Compare a board with the simulator over a raster: spikes, currents and voltages."""
    from ..hw import XyloConfig, XyloSim
    from ..mapping import compare as compare_both
    from ..models import XylographError
    from ._simulate import blaming, read_raster

    loaded, data = XyloConfig.load(config), read_raster(raster)
    with open_board(board, loaded.chip, serial) as opened:
        opened.load(loaded)
        with blaming(raster):
            comparison = compare_both(XyloSim(loaded), opened, data)
        print(comparison)
        if not comparison.is_equal:
            raise XylographError(f"{opened.identify()} differs from the simulator")


def check_board(
    chip: Annotated[str, typer.Option(help="Chip, such as SYNS65302 or xylo-audio-3.")],
    board: BoardOption = "virtual",
    serial: SerialOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    configurations: Annotated[int, typer.Option(min=0, help="How many random ones.")] = 20,
    steps: Annotated[int, typer.Option(min=1, help="Of the long run.")] = 500,
    out: Annotated[Path, typer.Option(help="JSON file for the report.")] = Path(
        "board-report.json"
    ),
    session: Annotated[
        Path | None, typer.Option(help="File to record all that the board answers in.")
    ] = None,
) -> None:
    """Let a board go through every feature of its chip, and write a report."""
    from ..hw import BoardError, RecordingBoard, run_conformance

    # Not after minutes on the board.
    require_output(session, option="--session")
    require_output(out, session)
    opened = open_board(board, known_chip(chip), serial)
    with opened if session is None else RecordingBoard(opened, session) as tested:
        report = run_conformance(
            tested,
            seed=seed,
            n_random=configurations,
            long_steps=steps,
            progress=lambda result: print(result, flush=True),
        )
    report.save(out)
    print(f"{report}\nThe report is in {out}.")
    if not report.passed:
        raise BoardError(f"{report.board} does not do what the simulator does")


def monitor(
    config: ConfigArgument,
    board: BoardOption = "virtual",
    serial: SerialOption = None,
    raster: Annotated[
        Path | None,
        typer.Option(help="NumPy file (time, channel) that the sensor of a virtual board gives."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many steps; all of the raster, or until Ctrl-C, when not given."
        ),
    ] = None,
    window: Annotated[int, typer.Option(min=1, help="Steps that are summed up.")] = 100,
    power: Annotated[
        bool, typer.Option(help="Measure the power meanwhile, where the board can.")
    ] = True,
) -> None:
    """Follow the sensor of a board in real time: input rates, output spikes and power.

    A table on a terminal, else a line for each window. What a board does not show is said.
    """
    from rich.console import Console

    from ..hw import XyloConfig
    from ._monitor import show
    from ._simulate import blaming, read_raster

    loaded = XyloConfig.load(config)
    if board == "virtual" and raster is None:
        raise typer.BadParameter(
            "a virtual board has no sensor of its own: say what it gives", param_hint="--raster"
        )
    sensed = None if raster is None else read_raster(raster)
    with blaming(raster):
        opened = open_board(board, loaded.chip, serial, sensor=sensed)
    with opened:
        opened.load(loaded)
        end = steps if steps is not None or sensed is None else len(sensed)
        show(opened, end, window, Console(), power=power)


def require_board(board: str, serial: str | None) -> None:
    """See that the options name a kind of board that there is, and a serial number that it has.

    Raises:
        BadParameter: they do not.
    """
    if board not in ("virtual", "samna"):
        raise typer.BadParameter(
            f"no board is called {board!r}; known are virtual, samna", param_hint="--board"
        )
    if board == "virtual" and serial is not None:
        raise typer.BadParameter("a virtual board has none", param_hint="--serial")


def open_board(board: str, chip: "Chip", serial: str | None, *, sensor: object = None) -> "Board":
    """The board that the options ask for."""
    from ..hw import SamnaBoard, VirtualBoard

    require_board(board, serial)
    if board == "virtual":
        return VirtualBoard(chip, sensor=sensor)  # pyright: ignore[reportArgumentType]
    if sensor is not None:
        raise typer.BadParameter("a real board has a sensor of its own", param_hint="--raster")
    return SamnaBoard(chip, serial=serial)
