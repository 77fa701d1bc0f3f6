"""Every architecture on every chip: it fits and the simulation follows, or all rules are named."""

from typing import Any

import numpy as np
import pytest
from architectures import ARCHITECTURES, BROKEN, N_INPUTS
from mapping_cases import CHIP_NAMES

from xylograph.hw import DesignRuleError
from xylograph.mapping import Pipeline, compare, deploy, trace

RASTER = np.random.default_rng(0).poisson(0.4, (8, 60, N_INPUTS))
FITTING = [(a, c) for a in ARCHITECTURES for c in CHIP_NAMES if (a, c) not in BROKEN]


@pytest.mark.parametrize(("architecture", "chip"), FITTING)
def test_the_simulation_follows_a_network_that_fits(architecture: str, chip: str) -> None:
    network: Any = ARCHITECTURES[architecture]()
    deployment = deploy(network, chip, verify=True, data=RASTER)
    assert deployment.config.violations() == []
    # Signals of ways of different length meet one step apart on the chip, and time constants are
    # rounded: what is placed knows both. What is left is the rounding of weights and states.
    placed, _ = Pipeline(chip).run(trace(network), stop_after="PlaceNeurons")
    change = compare(placed, deployment, RASTER)
    assert change.layers[-1].n_spikes > 50
    assert change.count_error < 0.08


@pytest.mark.parametrize(("architecture", "chip"), BROKEN)
def test_a_network_that_does_not_fit_hears_of_every_rule(architecture: str, chip: str) -> None:
    network: Any = ARCHITECTURES[architecture]()
    with pytest.raises(DesignRuleError) as caught:
        deploy(network, chip)
    assert {violation.rule for violation in caught.value.violations} == BROKEN[architecture, chip]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_graph_computes_what_the_network_does(architecture: str) -> None:
    network: Any = ARCHITECTURES[architecture]()
    found = compare(network, trace(network), RASTER)
    # Floats of 32 and of 64 bits may see a membrane on different sides of a threshold.
    assert found.left_out == ()
    assert found.count_error < 1e-3
