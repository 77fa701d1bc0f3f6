"""The demo from recordings to a checked configuration."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...hw import Chip, IMUIFSim, XyloConfig, XyloNetJax, XyloSim
from ...mapping import Deployment, compare, compare_observations, deploy, observe
from ...models import JaxModule, MissingExtraError, save
from ..datasets import Dataset, load_dataset, load_speech
from ..frontends import probe
from ._columns import Column, Way, ways
from ._engine_check import EngineCheck
from ._picture import draw_sample
from ._recipe import RECIPES
from ._summary import Summary
from ._training import train, train_on_chip, untrained

_READOUT = "the output neuron that spikes most"

# The reference engine is a definition, not a tool: these many samples take it a few seconds.
_REFERENCE_SAMPLES = 4


@dataclass
class Stopwatch:
    """Times of stages by name [s], in the order in which they ran."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what runs inside."""
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


def run_demo(
    *,
    dataset: str,
    chip: Chip,
    seed: int,
    quick: bool,
    out: Path,
    progress: bool,
    folder: Path | None = None,
) -> Summary:
    """Train, quantize, map, simulate and check, and write everything to a folder.

    Writes `network.safetensors` and `config.json`, the float network and what it is quantized to;
    `chip-network.safetensors` and `chip-config.json`, the same trained on in the chip's arithmetic;
    `sample.png` and `summary.json`.

    Args:
        dataset: name of a data set that the demo has a recipe for.
        chip: the chip to deploy to.
        seed: of initial weights and batches; the same seed gives the same figures.
        quick: whether to cut training short.
        out: the folder, made if need be.
        progress: whether to show a progress bar.
        folder: where the recordings are, of a data set that is no package.

    Returns:
        All figures.

    Raises:
        OSError: the folder cannot be written to; before anything is computed.
        DesignRuleError: the network does not fit the chip; before it is trained.
        MissingExtraError: the recordings are not installed.
    """
    _require_writable(out)
    recipe = RECIPES[dataset].quick() if quick else RECIPES[dataset]
    watch = Stopwatch()
    with watch.stage("data"):
        data = load_dataset(dataset) if folder is None else load_speech(folder)
    network = untrained(data, chip, recipe, seed)
    with watch.stage("trial mapping"):
        # What breaks a rule of the chip now would still break it after the training.
        deploy(network, chip)
    with watch.stage("training"):
        network = train(network, data, recipe, seed, progress=progress).network
    with watch.stage("mapping"):
        deployment = deploy(network, chip)
    with watch.stage("training, chip arithmetic"):
        core = train_on_chip(network, data, chip, recipe, seed, progress=progress)
    save(network, out / "network.safetensors")
    _with_front_end(deployment.config, data).save(out / "config.json")
    save(core, out / "chip-network.safetensors")
    _with_front_end(core.to_config(), data).save(out / "chip-config.json")
    summary = _measure(network, core, deployment, data, watch, out, seed, quick)
    summary.save(out / "summary.json")
    return summary


def _measure(
    network: JaxModule,
    core: XyloNetJax,
    deployment: Deployment,
    data: Dataset,
    watch: Stopwatch,
    out: Path,
    seed: int,
    quick: bool,
) -> Summary:
    rasters, labels = data.test.rasters, data.test.labels
    with watch.stage("probe of the front end"):
        probed = _probed(data)
    with watch.stage("JAX evolution"):
        seen = observe(network, rasters)
    with watch.stage("simulation, native"):
        simulated = observe(deployment, rasters)
    with watch.stage("check against reference"):
        reference = _reference_check(deployment, rasters)
    with watch.stage("quantizers and chip arithmetic"):
        found = ways(network, core, data, seen, deployment, simulated)
        columns, vendor, missing = _columns_and_check(found)
    with watch.stage("picture"):
        draw_sample(out / "sample.png", data, 0, seen, simulated)
    return Summary(
        dataset=data.name,
        chip=deployment.config.chip.name,
        seed=seed,
        quick=quick,
        n_train=len(data.train),
        n_test=len(data.test),
        readout=_READOUT,
        accuracy_network=float(np.mean(seen.classes == labels)),
        accuracy_deployed=float(np.mean(simulated.classes == labels)),
        input_at_limit=float(np.mean(rasters == deployment.config.chip.max_input_spikes)),
        comparison=compare_observations(seen, simulated),
        checks=(reference, *vendor),
        columns=columns,
        losses=deployment.losses,
        usage=tuple(deployment.config.usage()),
        seconds=watch.seconds,
        missing=missing,
        probe=probed,
    )


def _with_front_end(config: XyloConfig, data: Dataset) -> XyloConfig:
    """With the registers of the front end, on the chip that has one."""
    if config.chip.imu is None or not isinstance(data.frontend, IMUIFSim):
        return config
    return data.frontend.configure(config)


def _probed(data: Dataset) -> tuple[str, ...]:
    if data.frontend is None or data.recordings is None:
        return ()
    found = probe(data.frontend, data.recordings)
    return str(found), *found.warnings(data.class_names)


def _reference_check(deployment: Deployment, rasters: np.ndarray) -> EngineCheck:
    """The native engine against the definition, over every step that counts."""
    # The output of the last step comes later by the delay.
    longer = ((0, 0), (0, deployment.placement.output_delay), (0, 0))
    chosen = np.pad(rasters[:_REFERENCE_SAMPLES], longer)
    reference = XyloSim(deployment.config, engine="reference")
    return EngineCheck.of("reference", [compare(XyloSim(deployment.config), reference, chosen)])


def _columns_and_check(
    found: Iterable[Way],
) -> tuple[tuple[Column, ...], tuple[EngineCheck, ...], tuple[str, ...]]:
    """The figures of all ways; the native engine against the vendor's, or why it is left out."""
    columns, comparisons, missing = [], [], ()
    for way in found:
        try:
            vendor = way.in_vendor()
            comparisons.append(compare_observations(way.simulated, vendor))
        except MissingExtraError as error:
            vendor, missing = None, (str(error),)
        columns.append(way.column(vendor))
    checks = (EngineCheck.of("vendor", comparisons),) if comparisons else ()
    return tuple(columns), checks, missing


def _require_writable(folder: Path) -> None:
    probe = folder / ".xylograph-write-test"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise OSError(
            f"the output folder {folder} cannot be written to ({error.strerror}); choose another "
            "with `--out`"
        ) from error
