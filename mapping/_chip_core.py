"""Deploying a network that is a chip core already: nothing is placed, nothing is rounded anew."""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from ..hw import Chip, XyloNetJax
from ._deployment import Deployment
from ._placement import Placement
from ._specification import Specification
from .comparison._observation import Observation
from .comparison._observe import observed
from .comparison._of_chip import observed_core
from .passes import CheckSaturation, EmitConfiguration
from .quantize import QuantizationReport


@observed.register
def _of_core(network: XyloNetJax, data: np.ndarray, states: bool) -> Observation:
    return observed_core(network, data, states)


def deployed_core(network: XyloNetJax, chip: Chip) -> Deployment:
    """The configuration of a core, checked against the rules of its chip.

    Args:
        network: the core. Its populations are called `hidden` and `output`, in the chip's time.
        chip: must be that of the core.

    Raises:
        DesignRuleError: the core breaks rules of the chip; lists all violations.
        ValueError: another chip, or masters that are NaN or infinite.
    """
    if chip != network.chip:
        raise ValueError(
            f"the network computes as a {network.chip.name}, so it cannot be deployed to a "
            f"{chip.name}: deploy it to {network.chip.name}"
        )
    config = network.to_config()
    placement = Placement(
        hidden={"hidden": np.arange(config.n_hidden)},
        output="output",
        delay={"hidden": 0, "output": 0},
        n_input_expansion=config.n_input_expansion,
        n_output_expansion=config.n_output_expansion,
    )
    names = {field.name for field in fields(Specification)} - {"placement"}
    values: dict[str, Any] = {name: getattr(config, name) for name in names}
    specification = Specification(**values, placement=placement)
    report = QuantizationReport.of(
        "to_config", "the integers that the network was trained with", ()
    )
    config, emitted = EmitConfiguration(chip)(specification)
    config, saturation = CheckSaturation()(config)
    # States saturate in the network as on the chip: nothing is lost by that.
    saturation = replace(
        saturation, summary="; ".join((saturation.summary, *saturation.losses)), losses=()
    )
    log = (report, replace(emitted, is_exact=True), saturation)
    return Deployment(config, specification, placement, log, report)
