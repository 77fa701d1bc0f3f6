"""First weights and thresholds: the rates that were wanted, within what the chip has."""

from typing import Any

import jax
import numpy as np
import pytest

from xylograph.hw import CHIPS, XyloNetJax, XyloSim

KEY = jax.random.key(3)


def rates(net: XyloNetJax, raster: np.ndarray) -> tuple[float, float]:
    _, _, record = XyloSim(net.to_config())(raster, record=True)
    return float(record["Spikes"].mean()), float(record["Spikes_out"].mean())


@pytest.mark.parametrize("chip", ["SYNS61300", "SYNS61201", "SYNS63300", "SYNS65302"])
@pytest.mark.parametrize("recurrent", [False, True])
def test_neurons_spike_as_often_as_wanted(chip: str, recurrent: bool) -> None:
    net = XyloNetJax.initialize(
        chip, 6, 40, 4, inputs=0.2, hidden_rate=0.08, recurrent=recurrent, rng_key=KEY
    )
    hidden, output = rates(net, np.random.default_rng(1).poisson(0.2, (16, 200, 6)))
    assert 0.06 < hidden < 0.1
    assert 0.06 < output < 0.12
    assert net.to_config().violations() == []
    assert (net.weights_rec is not None) == recurrent


def test_rates_are_those_on_the_data_that_are_given() -> None:
    raster = np.zeros((4, 100, 3), np.uint8)
    raster[:, ::10] = 4
    net = XyloNetJax.initialize("xylo-imu", 3, 20, 2, inputs=raster, rng_key=KEY)
    hidden, output = rates(net, raster)
    assert 0.03 < hidden <= 0.05
    assert output <= 0.1


@pytest.mark.parametrize("chip", ["SYNS61201", "SYNS63300"])
def test_the_largest_network_fits_the_chip(chip: str) -> None:
    limits = CHIPS[chip]
    net = XyloNetJax.initialize(
        limits,
        16,
        limits.max_hidden,
        8,
        n_synapses=limits.max_synapses,
        recurrent=True,
        rng_key=KEY,
    )
    broken = {violation.rule for violation in net.to_config().violations()}
    assert broken == set()


def test_one_key_gives_one_network() -> None:
    first, second = (XyloNetJax.initialize("xylo-imu", 3, 9, 2, rng_key=KEY) for _ in range(2))
    assert first.to_config() == second.to_config()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_in": 20}, "`n_in` is 20; SYNS63300 has 1 to 16"),
        ({"n_synapses": 2}, "`n_synapses` is 2; SYNS63300 has 1 to 1"),
        ({"hidden_rate": 0.0}, "`hidden_rate` is 0.0 spikes a step; it is more than 0"),
        ({"inputs": 0.0}, "with this input `threshold` 1 gives 0 spikes a step, 0.05 are wanted"),
        ({"inputs": -1.0}, "`inputs` is a raster, or the mean spike counts"),
    ],
)
def test_what_the_chip_cannot_do_is_said(settings: dict[str, Any], message: str) -> None:
    sizes = {"n_in": 3, "n_hidden": 9, "n_out": 2}
    with pytest.raises(ValueError, match=message):
        XyloNetJax.initialize("xylo-imu", **{**sizes, "rng_key": KEY, **settings})
