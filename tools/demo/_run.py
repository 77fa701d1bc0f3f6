"""The demo from recordings to a checked configuration."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...hw import Chip, IMUIFSim, XyloConfig, XyloNetJax, XyloSim
from ...mapping import Deployment, compare, compare_observations, deploy, observe
from ...models import JaxModule, MissingExtraError, save
from ..datasets import Dataset, load_dataset, load_speech
from ..frontends import probe
from ._columns import columns
from ._picture import draw_sample
from ._recipe import RECIPES
from ._summary import EngineCheck, Summary
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
    checks, missing = _engine_checks(deployment, rasters, watch)
    with watch.stage("quantizers and chip arithmetic"):
        ways = tuple(columns(network, core, data, seen))
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
        checks=checks,
        columns=ways,
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


def _engine_checks(
    deployment: Deployment, rasters: np.ndarray, watch: Stopwatch
) -> tuple[tuple[EngineCheck, ...], tuple[str, ...]]:
    """The native engine against all others that are there, over every step that counts."""
    checks, missing = [], []
    # The output of the last step comes later by the delay.
    rasters = np.pad(rasters, ((0, 0), (0, deployment.placement.output_delay), (0, 0)))
    for engine, n_samples in (("reference", _REFERENCE_SAMPLES), ("vendor", len(rasters))):
        chosen = rasters[:n_samples]
        try:
            other = XyloSim(deployment.config, engine=engine)
        except MissingExtraError as error:
            missing.append(str(error))
            continue
        with watch.stage(f"check against {engine}"):
            comparison = compare(XyloSim(deployment.config), other, chosen)
        checks.append(EngineCheck.of(engine, len(chosen), comparison))
    return tuple(checks), tuple(missing)


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
