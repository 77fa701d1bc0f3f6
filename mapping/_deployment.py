"""`Deployment`: a network as a chip's configuration, and how it became one."""

from dataclasses import dataclass

import numpy as np

from ..hw import XyloConfig
from ..hw._wording import counted
from ._placement import Placement
from ._report import PassReport
from ._specification import Specification
from .comparison._observation import Observation
from .comparison._observe import observed
from .comparison._of_chip import OnChip
from .quantize._report import QuantizationReport


@dataclass(frozen=True)
class AccuracyCheck:
    """What a metric says of a network and of its deployment.

    Attributes:
        network: of the network.
        deployed: of the configuration.
        max_drop: by how much the second may be less.

    >>> print(AccuracyCheck(network=0.95, deployed=0.945, max_drop=0.01))
    metric 0.95 of the network, 0.945 on the chip: 0.005 less, 0.01 allowed
    """

    network: float
    deployed: float
    max_drop: float

    @property
    def drop(self) -> float:
        """How much less the deployment has."""
        return self.network - self.deployed

    @property
    def is_within(self) -> bool:
        """Whether that is allowed."""
        return bool(self.drop <= self.max_drop)

    def __str__(self) -> str:
        return (
            f"metric {self.network:.4g} of the network, {self.deployed:.4g} on the chip: "
            f"{self.drop:.4g} less, {self.max_drop:g} allowed"
        )


@dataclass(frozen=True, eq=False)
class Deployment:
    """A network as a chip's configuration, and how it became one.

    Attributes:
        config: the integers for the chip.
        specification: the same before they were rounded to integers.
        placement: which neuron of the network is which of the chip.
        log: the report of every step; the last says what can saturate. With what was measured,
            where that was asked for.
        report: the quantizer's report.
        accuracy: what the metric says, where there is one.
    """

    config: XyloConfig
    specification: Specification
    placement: Placement
    log: tuple[PassReport, ...]
    report: QuantizationReport
    accuracy: AccuracyCheck | None = None

    @property
    def losses(self) -> tuple[str, ...]:
        """Every way in which the configuration may act differently from the network."""
        return tuple(loss for report in self.log for loss in report.losses)

    def __repr__(self) -> str:
        """Configuration, quantizer and number of losses on one line."""
        lost = counted(len(self.losses), "loss", "losses")
        return f"<Deployment by {self.report.name}, {lost}: {self.config!r}>"


@observed.register
def _of_deployment(deployment: Deployment, data: np.ndarray, states: bool) -> Observation:
    return observed(OnChip(deployment.config, deployment.placement), data, states)
