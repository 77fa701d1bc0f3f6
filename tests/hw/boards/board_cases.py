"""What the tests of boards share: configurations that chips take, and what must come out."""

from collections.abc import Iterable

import numpy as np

from xylograph.hw import CHIPS, LiveStep, XyloConfig, XyloSim

CHIP_NAMES = tuple(CHIPS)


def obedient(config: XyloConfig) -> XyloConfig:
    """A configuration as like this one as the design rules of its chip allow."""
    chip = config.chip
    bias_range = chip.bias_range if chip.has_bias else type(chip.bias_range)(0, 0)
    given = {
        name: getattr(config, name)
        for name in ("weights_in", "weights_rec", "weights_out", "threshold", "threshold_out")
    }
    given |= {name: getattr(config, name) for name in vars(config) if name.startswith("dash_")}
    for name in ("bias", "bias_out"):
        given[name] = np.clip(getattr(config, name), bias_range.low, bias_range.high)
    for name in ("weight_shift_in", "weight_shift_rec", "weight_shift_out"):
        given[name] = min(getattr(config, name), chip.weight_shift_range.high)
    aliases = [[t for t in targets if t != i][:1] for i, targets in enumerate(config.aliases)]
    return XyloConfig(chip, **given, aliases=aliases)


def random_config(chip: str, seed: int, n_hidden: int = 7) -> XyloConfig:
    """A small configuration in which most neurons spike."""
    rng = np.random.default_rng(seed)
    n_synapses = CHIPS[chip].max_synapses
    has_bias = CHIPS[chip].has_bias
    return XyloConfig(
        chip,
        weights_in=rng.integers(-60, 100, (3, n_hidden, n_synapses)),
        weights_rec=rng.integers(-40, 50, (n_hidden, n_hidden, n_synapses)),
        weights_out=rng.integers(-60, 90, (n_hidden, 2)),
        dash_mem=rng.integers(0, 5, n_hidden),
        dash_syn=rng.integers(0, 5, n_hidden),
        dash_syn_2=rng.integers(0, 5, n_hidden) if n_synapses == 2 else 1,
        dash_mem_out=2,
        dash_syn_out=3,
        threshold=rng.integers(60, 300, n_hidden),
        threshold_out=rng.integers(60, 300, 2),
        bias=rng.integers(-9, 10, n_hidden) if has_bias else 0,
        aliases=[[0] if i == n_hidden - 1 else [] for i in range(n_hidden)],
    )


def random_raster(seed: int, n_steps: int = 6, batch: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.7, (batch, n_steps, 3)).astype(np.uint8)


def expected(config: XyloConfig, raster: np.ndarray) -> dict[str, np.ndarray]:
    """The record that a board must give."""
    _, _, record = XyloSim(config)(raster, record=True)
    return {name: array for name, array in record.items() if name != "hibernation"}


def live_record(steps: Iterable[LiveStep]) -> dict[str, np.ndarray]:
    """The outputs of steps in real time, as a record has them."""
    rows = list(steps)
    return {
        "Spikes_out": np.array([step.output_spikes for step in rows])[None],
        "Vmem_out": np.array([step.output_vmem for step in rows])[None],
    }


def assert_same(got: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    """Fail unless all that was got is exactly what was wanted, types too."""
    for name, array in got.items():
        assert array.dtype == wanted[name].dtype, name
        np.testing.assert_array_equal(array, wanted[name], err_msg=name)
