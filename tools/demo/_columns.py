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
from ...models import JaxModule
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


@dataclass(frozen=True, eq=False)
class Way:
    """One way onto the chip, and what was computed for its figures.

    Attributes:
        name: of the quantizer, or `chip arithmetic`.
        deployment: what goes to the chip.
        rasters: what all of them were given.
        in_jax: what the network in JAX does.
        simulated: what the deployment does in the `native` engine.
        labels: the classes.
    """

    name: str
    deployment: Deployment
    rasters: UInt8[np.ndarray, "sample time channel"]
    in_jax: Observation
    simulated: Observation
    labels: Int[np.ndarray, " sample"]

    def in_vendor(self) -> Observation:
        """What the deployment does in the vendor's simulator.

        Raises:
            MissingExtraError: when it is not installed.
        """
        core = XyloSim(self.deployment.config, engine="vendor")
        return observe(OnChip(core, self.deployment.placement), self.rasters)

    def column(self, vendor: Observation | None = None) -> Column:
        """The figures.

        Args:
            vendor: of `in_vendor`.
        """
        layers = compare_observations(self.in_jax, self.simulated).layers
        return Column(
            name=self.name,
            accuracy_jax=_accuracy(self.in_jax, self.labels),
            accuracy_native=_accuracy(self.simulated, self.labels),
            accuracy_vendor=None if vendor is None else _accuracy(vendor, self.labels),
            n_different=sum(layer.n_different for layer in layers),
            n_spikes=sum(layer.n_spikes for layer in layers),
        )


def ways(
    network: JaxModule,
    core: XyloNetJax,
    data: Dataset,
    seen: Observation,
    deployment: Deployment,
    simulated: Observation,
) -> Iterator[Way]:
    """All ways onto the chip, one after the other: each takes hundreds of megabytes.

    Args:
        network: the float network, trained.
        core: the same trained on in the chip's arithmetic.
        data: whose test samples count.
        seen: what the float network does with the test samples.
        deployment: the float network, quantized as `deploy` does unasked.
        simulated: what this does with the test samples.
    """
    chip, rasters, labels = core.chip, data.test.rasters, data.test.labels
    unasked = deployment.report.name.removesuffix("_quantize")
    yield Way(unasked, deployment, rasters, seen, simulated, labels)
    for quantizer in (*QUANTIZERS, "calibrated"):
        if quantizer == unasked:
            continue
        options: dict[str, Any] = {"quantizer": quantizer}
        if quantizer == "calibrated":
            options["data"] = data.train.rasters[:: max(1, len(data.train) // _CALIBRATION_SAMPLES)]
        other = deploy(network, chip, **options)
        yield Way(quantizer, other, rasters, seen, observe(other, rasters), labels)
    # What the chip says to the last step it says one step later.
    longer = np.pad(rasters, ((0, 0), (0, 1), (0, 0)))
    same = deploy(core, chip)
    yield Way(CHIP_TRAINED, same, longer, observe(core, longer), observe(same, longer), labels)


def _accuracy(seen: Observation, labels: Int[np.ndarray, " sample"]) -> float:
    return float(np.mean(seen.classes == labels))
