"""The command `xylograph`.

Nothing heavy is imported before a command needs it: `xylograph --help` loads neither JAX nor
Numba.
"""

import json
import math
import sys
import warnings
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ..models import XylographError
from ._board_commands import (
    SerialOption,
    add_to as add_board_commands,
    open_board,
    require_board,
)
from ._options import (
    ENGINE_HELP,
    RASTER_HELP,
    ConfigArgument,
    RasterArgument,
    ResultOption,
    known_chip,
    require_engine,
    require_output,
)

app = typer.Typer(
    name="xylograph",
    help="Deploy spiking networks trained in JAX onto Xylo-class neuromorphic chips.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ChipOption = Annotated[
    str | None, typer.Option("--chip", help="Chip, such as SYNS63300 or xylo-imu.")
]


def main() -> NoReturn:
    """Run the command line; what goes wrong is one message and exit code 1, or 2 for usage."""
    warnings.showwarning = _warn
    try:
        app()
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except XylographError as error:
        _fail(str(error))
    sys.exit(0)


def _warn(message: Warning | str, *_: object) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)


def _print_version(wanted: bool | None) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"xylograph {version('xylograph')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Version."),
    ] = None,
) -> None:
    pass


@app.command()
def demo(
    dataset: Annotated[
        str, typer.Option(help="`watch`, `digits`, or `fsdd` with `--data`.")
    ] = "watch",
    chip: ChipOption = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of weights and batches.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="Train less, for a first look.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of WAV files for `fsdd`: `{digit}_{speaker}_{take}.wav`, or one folder a class."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("xylograph-demo"),
) -> None:
    """Train on real recordings, deploy, simulate bit-accurately, and check."""
    from .datasets import DATASETS, SPEECH

    known = {**DATASETS, SPEECH.name: SPEECH}
    if dataset not in known:
        raise typer.BadParameter(
            f"no data set is called {dataset!r}; known are {', '.join(known)}",
            param_hint="--dataset",
        )
    if (dataset == SPEECH.name) != (data is not None):
        raise typer.BadParameter(
            f"the data set {SPEECH.name!r} needs a folder of WAV files, and no other takes one",
            param_hint="--data",
        )
    target = known_chip(chip or known[dataset].chip)

    from rich.console import Console

    from .demo import run_demo

    console = Console()
    console.print(f"[bold]{known[dataset].title}[/bold] on {target.name}")
    summary = run_demo(
        dataset=dataset,
        chip=target,
        seed=seed,
        quick=quick,
        out=out,
        progress=True,
        folder=data,
    )
    console.print(summary.table())
    print(f"Network, configuration, figures and a picture are in {out}.")


@app.command()
def deploy(
    network: Annotated[Path, typer.Argument(help="Network file of `xylograph.models.save`.")],
    chip: Annotated[str, typer.Option(help="Chip, such as SYNS63300 or xylo-imu.")],
    quantizer: Annotated[
        str, typer.Option(help="`channel`, `global` or `calibrated`.")
    ] = "channel",
    data: Annotated[
        Path | None,
        typer.Option(help=f"{RASTER_HELP}, that `calibrated` is to do well on."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Configuration file to write.")] = Path("config.json"),
) -> None:
    """Turn a saved network into a chip configuration."""
    target = known_chip(chip)

    from ..mapping import QUANTIZERS, deploy as deploy_network
    from ..mapping.quantize._names import CALIBRATED
    from ..models import load
    from ._simulate import blaming, read_raster

    if quantizer not in (*QUANTIZERS, CALIBRATED):
        raise typer.BadParameter(
            f"no quantizer is called {quantizer!r}; known are {', '.join(QUANTIZERS)}, {CALIBRATED}",
            param_hint="--quantizer",
        )
    if (quantizer == CALIBRATED) != (data is not None):
        raise typer.BadParameter(
            f"the quantizer {CALIBRATED!r} needs data, and no other takes any",
            param_hint="--data",
        )
    require_output(out, network, data)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(
        console=Console(stderr=True), transient=True, disable=quantizer != CALIBRATED
    ) as bar:
        task = bar.add_task("calibrating")
        loaded, raster = load(network), None if data is None else read_raster(data)
        with blaming(network if data is None else f"{network} with {data}"):
            deployment = deploy_network(
                loaded,
                target,
                quantizer=quantizer,
                data=raster,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    deployment.config.save(out)
    for report in deployment.log:
        print(report)
    print(f"{deployment.config} is in {out}")


@app.command()
def check(config: ConfigArgument) -> None:
    """Check a configuration against the rules of its chip, and show what it uses."""
    from ..hw import XyloConfig

    loaded = XyloConfig.load(config)
    print(loaded)
    for row in loaded.usage():
        print(f"  {row}")
    loaded.validate()
    print("keeps all design rules")


@app.command()
def simulate(
    config: ConfigArgument,
    raster: RasterArgument,
    engine: Annotated[str, typer.Option(help=ENGINE_HELP)] = "native",
    out: ResultOption = None,
) -> None:
    """Run a configuration bit-accurately over a raster, and count the output spikes."""
    from ._simulate import simulate_file

    require_engine(engine)
    require_output(out, config, raster)
    for line in simulate_file(config, raster, engine=engine, out=out):
        print(line)


@app.command()
def cost(
    config: ConfigArgument,
    raster: Annotated[
        Path | None,
        typer.Argument(
            help=f"{RASTER_HELP}, whose activity is counted; without it only the worst case."
        ),
    ] = None,
    clock: Annotated[
        float | None, typer.Option(help="Main clock in MHz; the chip's usual one otherwise.")
    ] = None,
    margin: Annotated[
        float, typer.Option(help="By which the clock is to exceed what is needed, such as 0.2.")
    ] = 0.2,
) -> None:
    """Estimate cycles, lowest clock, time of a step, and a range of energy."""
    from ..hw import XyloConfig, estimate_cost
    from ._simulate import blaming, read_raster

    loaded = XyloConfig.load(config)
    data = None if raster is None else read_raster(raster)
    if clock is not None and not (math.isfinite(clock) and clock > 0):
        raise typer.BadParameter(f"{clock} is no clock: give MHz", param_hint="--clock")
    if not (math.isfinite(margin) and margin >= 0):
        raise typer.BadParameter(f"{margin} is below zero, or no number", param_hint="--margin")
    hertz = None if clock is None else clock * 1e6
    with blaming(raster):
        print(estimate_cost(loaded, data, main_clock=hertz, margin=margin))


@app.command()
def pack(
    config: ConfigArgument,
    raster: RasterArgument,
    note: Annotated[str, typer.Option(help="Text that goes into the package.")] = "",
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("deployment.xylopack"),
) -> None:
    """Put a configuration and what the chip must compute into one file, for others to check."""
    from ..hw import DeploymentPackage, XyloConfig
    from ._simulate import blaming, read_raster

    require_output(out, config, raster)
    loaded, data = XyloConfig.load(config), read_raster(raster)
    with blaming(raster):
        package = DeploymentPackage.create(loaded, data, note=note)
    package.save(out)
    print(f"{package} is in {out}")
    if silent := package.silent_neurons():
        print(f"{silent} neurons spike in no recording: little of them is checked")


@app.command()
def verify(
    package: Annotated[Path, typer.Argument(help="File of `xylograph pack`.")],
    engine: Annotated[
        str | None, typer.Option(help=f"{ENGINE_HELP} `native` when not given.")
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(
            "--board", help="Ask a board and no engine: `virtual`, or `samna`: a real one."
        ),
    ] = None,
    serial: SerialOption = None,
) -> None:
    """Check that an engine or a board computes what a deployment package says."""
    from ..hw import DeploymentPackage

    if board is not None and engine is not None:
        raise typer.BadParameter("ask an engine or a board, not both", param_hint="--engine")
    if board is None and serial is not None:
        raise typer.BadParameter(
            "only a board has one: give `--board samna`", param_hint="--serial"
        )
    engine = engine or "native"
    require_engine(engine)
    if board is not None:
        require_board(board, serial)
    loaded = DeploymentPackage.load(package)
    print(loaded, *([loaded.note] if loaded.note else []), sep="\n")
    if board is None:
        verification = loaded.verify(engine)
    else:
        with open_board(board, loaded.config.chip, serial) as opened:
            verification = loaded.verify(opened)
    print(verification)
    if not verification.passed:
        raise typer.Exit(1)


@app.command()
def export(
    source: Annotated[
        Path, typer.Argument(help="Configuration file, or network file of `xylograph.models.save`.")
    ],
    out: Annotated[
        Path, typer.Argument(help="File to write: ONNX, or, where it ends in `.nir`, NIR.")
    ] = Path("core.onnx"),
    states: Annotated[
        bool, typer.Option(help="Let the state go in and out, for recordings in pieces.")
    ] = True,
    record: Annotated[
        str,
        typer.Option(
            help="What a configuration gives besides the output: `spikes,vmem,isyn`, or some."
        ),
    ] = "",
) -> None:
    """Write a configuration or a network as a graph of ONNX or NIR."""
    from ..hw import XyloConfig
    from ..mapping import export_onnx, to_nir
    from ..models import FormatError, load

    require_output(out, source, option="OUT")
    # Configurations are JSON; networks are not.
    with source.open("rb") as file:
        is_config = file.read(1) == b"{"
    loaded = XyloConfig.load(source) if is_config else load(source)
    names = [name.strip() for name in record.split(",") if name.strip()]
    is_nir = out.suffix == ".nir"
    if is_nir and (names or not states):
        raise typer.BadParameter(
            "a graph of NIR has neither recordings nor states that go in and out: leave out "
            "`--record` and `--no-states`, or write ONNX",
            param_hint="--record" if names else "--no-states",
        )
    try:
        if is_nir:
            to_nir(loaded, out)
        else:
            export_onnx(loaded, out, states=states, record=names)
    except ValueError as error:
        hint = "SOURCE" if is_nir else "--record"
        raise typer.BadParameter(str(error), param_hint=hint) from error
    except TypeError as error:
        raise FormatError(f"{source}: {error}") from error
    print(f"{loaded} is in {out}")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list instead.")] = False,
) -> None:
    """Look at packages, engines, the vendor's package, boards and permissions; change nothing.

    Exit code 1 when something is wrong.
    """
    from .doctor import State, examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            print(finding, flush=True)
    if as_json:
        print(json.dumps([finding.as_dict() for finding in findings], indent=2))
    if any(finding.state is State.PROBLEM for finding in findings):
        raise typer.Exit(1)


add_board_commands(app)
