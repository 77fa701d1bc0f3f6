"""Decay and saturation, for all values there are."""

import math
from typing import Any

import numpy as np
import pytest
from engine_cases import each_own_engine, needs_vendor

from xylograph.hw import XyloConfig, XyloSim
from xylograph.hw.engines import CoreState, decay, make_engine, sat16, wrap16

ALL_STATES = np.arange(-32_768, 32_768)
DASHES = np.arange(16)
# Around zero and around the powers of two, for the engines that take minutes for all.
POWERS = 2 ** np.arange(9, 16)[:, None] + np.arange(-2, 3)
SOME_STATES = np.intersect1d(
    ALL_STATES, np.concatenate([np.arange(-300, 301), POWERS.ravel(), -POWERS.ravel()])
)
STATES = {"native": ALL_STATES, "jax": ALL_STATES, "reference": SOME_STATES}


def after_decay(state: int, dash: int) -> int:
    """What is left, in words other than the engine's: real division, then one unit at least."""
    loss = math.floor(state / 2**dash)
    return state - (loss if loss else (state > 0))


LEFT = np.array([[after_decay(state, dash) for dash in range(16)] for state in ALL_STATES.tolist()])


def quiet_config(chip: str, **fields: Any) -> XyloConfig:
    """16 hidden neurons, one for each dash."""
    defaults: dict[str, Any] = {
        "weights_in": np.zeros((1, 16)),
        "weights_out": np.zeros((16, 1)),
        "threshold": 32_767,
    }
    return XyloConfig(chip, **defaults | fields)


def test_decay_takes_away_what_the_formula_says_for_every_state_and_dash() -> None:
    states, dashes = np.meshgrid(ALL_STATES, DASHES, indexing="ij")
    assert np.array_equal(states - decay(states, dashes), LEFT)


@each_own_engine
@pytest.mark.parametrize("chip", ["xylo-1", "xylo-imu"])
def test_currents_decay_by_every_dash(engine: str, chip: str) -> None:
    config = quiet_config(chip, dash_syn=DASHES)
    states = STATES[engine]
    left = one_step(engine, config, "isyn", states)["Isyn"]
    assert np.array_equal(left, LEFT[states + 32_768])


@each_own_engine
@pytest.mark.parametrize("chip", ["xylo-1", "xylo-imu"])
def test_voltages_decay_by_every_dash(engine: str, chip: str) -> None:
    config = quiet_config(chip, dash_mem=DASHES)
    states = STATES[engine]
    expected = LEFT[states + 32_768]
    if chip == "xylo-imu":
        # The one value that wraps; `test_vendor_rules.py` has it from the vendor's simulator.
        expected[states == -32_768, 0] = -32_768
    left = one_step(engine, config, "vmem", states)["Vmem"]
    assert np.array_equal(left, expected)


def one_step(
    engine: str, config: XyloConfig, name: str, states: np.ndarray
) -> dict[str, np.ndarray]:
    """Recordings (state, dash) after one step without input, a sample for each state."""
    start = CoreState.fresh(config, len(states))
    getattr(start, name)[:] = states[:, None]
    raster = np.zeros((len(states), 1, 1), np.uint8)
    recordings, _ = make_engine(engine, config).evolve(raster, start, {"Isyn", "Vmem"})
    return {recorded: array[:, 0] for recorded, array in recordings.items()}


@needs_vendor
@pytest.mark.parametrize("chip", ["xylo-1", "xylo-imu"])
@pytest.mark.parametrize("states", [SOME_STATES, pytest.param(ALL_STATES, marks=pytest.mark.slow)])
def test_currents_decay_in_the_vendors_simulator_as_the_formula_says(
    chip: str, states: np.ndarray
) -> None:
    # It cannot be put into a state; 18 channels of full weight with up to 15 spikes each reach
    # every current, with two channels for the rest.
    full = np.where(states > 0, 127, 128)
    whole, rest = np.divmod(np.abs(states), full)
    one_sign = np.zeros((len(states), 20), np.uint8)
    one_sign[:, :18] = np.clip(whole[:, None] - 15 * np.arange(18), 0, 15)
    one_sign[:, 18], one_sign[:, 19] = np.divmod(rest, 9)
    positive = (states > 0)[:, None]
    counts = np.concatenate([one_sign * positive, one_sign * ~positive], axis=1)
    channels = [*[127] * 18, 9, 1, *[-128] * 18, -9, -1]
    weights = np.repeat(np.array(channels)[:, None], 16, axis=1)
    config = quiet_config(chip, dash_syn=DASHES, weights_in=weights)
    _, _, record = XyloSim(config, engine="vendor")(counts[:, None], record=True)
    assert np.array_equal(record["Isyn"][:, 0], LEFT[states + 32_768])


def test_saturation_clips_and_wrapping_wraps() -> None:
    values = np.arange(-200_000, 200_001)
    assert np.array_equal(sat16(values), [min(max(v, -32_768), 32_767) for v in values.tolist()])
    assert np.array_equal(wrap16(values), values.astype(np.int16))


@each_own_engine
@pytest.mark.parametrize("shift", [0, 7])
def test_every_weight_saturates_at_the_borders_as_one_addition_after_the_other(
    engine: str, shift: int
) -> None:
    """All weights, from states near both borders and around zero, with 1 to 15 spikes."""
    weights = np.arange(-128, 128)
    near = np.concatenate([border + np.arange(-3, 4) for border in (-32_765, 0, 32_764)])
    states, counts = (axis.ravel() for axis in np.meshgrid(near, np.arange(1, 16)))
    config = XyloConfig(
        "xylo-imu",
        weights_in=weights[None],
        weights_out=np.zeros((256, 1)),
        weight_shift_in=shift,
        threshold=32_767,
        dash_syn=3,
    )
    start = CoreState.fresh(config, len(states))
    start.isyn[:] = states[:, None]
    raster = counts.astype(np.uint8)[:, None, None]
    recordings, _ = make_engine(engine, config).evolve(raster, start, {"Isyn"})
    expected = np.repeat(states[:, None], 256, axis=1)
    for spike in range(15):
        added = np.clip(expected + (weights << shift), -32_768, 32_767)
        expected = np.where(counts[:, None] > spike, added, expected)
    assert np.array_equal(recordings["Isyn"][:, 0], LEFT[expected + 32_768, 3])
