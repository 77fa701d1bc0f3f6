"""One network three ways: in floats, quantized afterwards, and trained on in the chip's arithmetic."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from ...hw import XyloNetJax, XyloSim
from ...mapping import (
    QUANTIZERS,
    Deployment,
    Observation,
    OnChip,
    compare_observations,
    deploy,
    observe,
)
from ...models import JaxModule, MissingExtraError
from ..datasets import Dataset

CHIP_TRAINED = "chip arithmetic"
"""The name of the column that was trained in the chip's arithmetic."""

# As many follow a network about as well as all of them, and take seconds.
_CALIBRATION_SAMPLES = 64


@dataclass(frozen=True)
class Column:
    """The figures of one way.

    Attributes:
        name: of the quantizer, or `chip arithmetic`.
        accuracy_jax: share of test samples that the network in JAX gets right.
        accuracy_native: the same of the deployed configuration in the `native` engine.
        accuracy_vendor: the same in the vendor's simulator; `None` where it is not installed.
        n_different: spike counts in which the network in JAX and the `native` engine differ, of
            all neurons, steps and test samples.
        n_spikes: spikes of the network in JAX.
    """

    name: str
    accuracy_jax: float
    accuracy_native: float
    accuracy_vendor: float | None
    n_different: int
    n_spikes: int


def columns(
    network: JaxModule, core: XyloNetJax, data: Dataset, seen: Observation
) -> Iterator[Column]:
    """The figures of each way.

    Args:
        network: the float network, trained.
        core: the same trained on in the chip's arithmetic.
        data: whose test samples count.
        seen: what the float network does with the test samples.
    """
    chip, rasters, labels = core.chip, data.test.rasters, data.test.labels
    for quantizer in (*QUANTIZERS, "calibrated"):
        options: dict[str, Any] = {"quantizer": quantizer}
        if quantizer == "calibrated":
            options["data"] = data.train.rasters[:: max(1, len(data.train) // _CALIBRATION_SAMPLES)]
        yield _column(quantizer, seen, deploy(network, chip, **options), rasters, labels)
    # What the chip says to the last step it says one step later.
    longer = np.pad(rasters, ((0, 0), (0, 1), (0, 0)))
    yield _column(CHIP_TRAINED, observe(core, longer), deploy(core, chip), longer, labels)


def _column(
    name: str,
    seen: Observation,
    deployment: Deployment,
    rasters: UInt8[np.ndarray, "sample time channel"],
    labels: Int[np.ndarray, " sample"],
) -> Column:
    simulated = observe(deployment, rasters)
    layers = compare_observations(seen, simulated).layers
    return Column(
        name=name,
        accuracy_jax=_accuracy(seen, labels),
        accuracy_native=_accuracy(simulated, labels),
        accuracy_vendor=_in_vendor(deployment, rasters, labels),
        n_different=sum(layer.n_different for layer in layers),
        n_spikes=sum(layer.n_spikes for layer in layers),
    )


def _in_vendor(
    deployment: Deployment,
    rasters: UInt8[np.ndarray, "sample time channel"],
    labels: Int[np.ndarray, " sample"],
) -> float | None:
    try:
        vendor = XyloSim(deployment.config, engine="vendor")
    except MissingExtraError:
        return None
    return _accuracy(observe(OnChip(vendor, deployment.placement), rasters), labels)


def _accuracy(seen: Observation, labels: Int[np.ndarray, " sample"]) -> float:
    return float(np.mean(seen.classes == labels))
