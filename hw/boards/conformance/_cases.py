"""Configurations and rasters that use every feature of a chip.

They are drawn from a seed and sized by the chip's limits, so that a new chip has cases at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from ..._config import XyloConfig
from ...chips import Chip

# As many hidden neurons as a board of any chip has surely room for.
_USUAL_HIDDEN = 24


@dataclass(frozen=True, eq=False)
class ConformanceCase:
    """One thing to try.

    Attributes:
        name: what is tried.
        config: on which configuration.
        raster: with which input.
        stepwise: whether in manual mode.
        cuts: steps at which the raster is cut into pieces.
    """

    name: str
    config: XyloConfig
    raster: UInt8[np.ndarray, "batch time input"]
    stepwise: bool = False
    cuts: tuple[int, ...] = ()


def conformance_cases(
    chip: Chip, seed: int, n_random: int, long_steps: int
) -> Iterator[ConformanceCase]:
    """All cases of a chip.

    Args:
        chip: which one.
        seed: of everything that is drawn.
        n_random: how many random configurations.
        long_steps: steps of the long run.
    """
    draw = _Drawing(chip, np.random.default_rng(seed))
    yield from _features(draw)
    yield from _ways(draw)
    for number in range(n_random):
        name = f"random configuration {number}"
        yield ConformanceCase(name, draw.anything(), draw.raster(12, batch=1 + number % 2))
    yield ConformanceCase("a long run", draw.config(), draw.raster(long_steps))


def _features(draw: "_Drawing") -> Iterator[ConformanceCase]:
    """One feature after the other, each with what makes it show."""
    chip, n = draw.chip, _USUAL_HIDDEN
    features: dict[str, dict[str, Any]] = {
        "feed-forward": {"weights_rec": np.zeros((n, n, 1), int)},
        "recurrent": {},
        # From many neurons: one alone may never spike.
        "aliases to neuron 0": {"aliases": [[0] if i >= n // 2 else [] for i in range(n)]},
        "aliases to a later neuron": {"aliases": [[n - 1] if i < n // 2 else [] for i in range(n)]},
        "weight shifts": {
            "weight_shift_in": 1,
            "weight_shift_rec": 2,
            "weight_shift_out": 3,
        },
        "saturation": {
            "weight_shift_in": chip.weight_shift_range.high,
            "weight_shift_rec": chip.weight_shift_range.high,
            "threshold": chip.threshold_range.high,
        },
        "threshold of zero": {"threshold": 0, "threshold_out": 0},
        # Currents are cleared before they count, so no neuron ever spikes.
        "no decay shift": {"dash_mem": 0, "dash_syn": 0, "dash_mem_out": 0, "dash_syn_out": 0},
        "no decay shift of membranes": {
            "dash_mem": 0,
            "dash_mem_out": 0,
            "threshold": 20,
            "threshold_out": 20,
        },
        "longest decay": dict.fromkeys(
            ("dash_mem", "dash_syn", "dash_mem_out", "dash_syn_out"), chip.dash_range.high
        ),
    }
    if chip.has_bias:
        ends = [chip.bias_range.low, chip.bias_range.high]
        features["biases"] = {"bias": ends * (n // 2), "bias_out": 5}
    for name, changes in features.items():
        yield ConformanceCase(name, draw.config(**changes), draw.raster(15))
    if chip.max_synapses == 2:
        yield ConformanceCase("two synapses", draw.config(n_synapses=2), draw.raster(15))
    widest = draw.config(
        n_inputs=chip.max_inputs, n_outputs=chip.max_outputs, n_hidden=chip.max_outputs + n
    )
    yield ConformanceCase("all inputs and outputs", widest, draw.raster(8, chip.max_inputs))
    full = np.full((1, 6, 4), chip.max_input_spikes, np.uint8)
    yield ConformanceCase("full input counters", draw.config(), full)
    yield ConformanceCase("silence", draw.config(), np.zeros((1, 10, 4), np.uint8))
    # Spikes of hidden neurons reach the outputs in the step after.
    one = np.full((1, 1, 4), 3, np.uint8)
    yield ConformanceCase("a single step", draw.config(threshold=80, threshold_out=0), one)


def _ways(draw: "_Drawing") -> Iterator[ConformanceCase]:
    """One configuration in all the ways it can be run."""
    config, raster = draw.config(n_synapses=draw.chip.max_synapses), draw.raster(20)
    yield ConformanceCase("in one piece", config, raster)
    yield ConformanceCase("in pieces", config, raster, cuts=(1, 7, 7, 19))
    yield ConformanceCase("step by step", config, raster[:, :8], stepwise=True)
    yield ConformanceCase("several samples", config, draw.raster(10, batch=3))
    yield ConformanceCase("after another configuration", draw.config(), draw.raster(10))
    yield ConformanceCase("and back", config, raster)


class _Drawing:
    """Draws configurations and rasters for one chip."""

    def __init__(self, chip: Chip, rng: np.random.Generator) -> None:
        self.chip, self.rng = chip, rng

    def config(
        self,
        n_inputs: int = 4,
        n_hidden: int = _USUAL_HIDDEN,
        n_outputs: int = 3,
        n_synapses: int = 1,
        **changes: Any,
    ) -> XyloConfig:
        """A configuration in which neurons are busy, but not all the time."""
        rng, n = self.rng, n_hidden
        given: dict[str, Any] = {
            "weights_in": rng.integers(-60, 100, (n_inputs, n, n_synapses)),
            "weights_rec": self._sparse((n, n, n_synapses)),
            "weights_out": rng.integers(-60, 90, (n, n_outputs)),
            "dash_mem": rng.integers(1, 6, n),
            "dash_syn": rng.integers(1, 6, n),
            "dash_syn_2": rng.integers(1, 6, n) if n_synapses == 2 else 1,
            "dash_mem_out": rng.integers(1, 6, n_outputs),
            "dash_syn_out": rng.integers(1, 6, n_outputs),
            "threshold": rng.integers(80, 800, n),
            "threshold_out": rng.integers(80, 800, n_outputs),
        }
        return XyloConfig(self.chip, **given | changes)

    def _sparse(self, shape: tuple[int, int, int]) -> np.ndarray:
        # A few targets of each neuron, as networks on these chips have.
        is_there = self.rng.random(shape) < min(1.0, 8 / shape[1])
        return self.rng.integers(-70, 80, shape) * is_there

    def anything(self) -> XyloConfig:
        """A configuration anywhere in what the rules of the chip allow."""
        rng, chip = self.rng, self.chip
        n, n_out = int(rng.integers(2, _USUAL_HIDDEN + 1)), int(rng.integers(1, 5))
        biases: dict[str, Any] = {}
        if chip.has_bias and rng.random() < 0.5:
            low, high = chip.bias_range.low, chip.bias_range.high
            biases = {
                "bias": rng.integers(low, high, n, endpoint=True),
                "bias_out": rng.integers(low, high, n_out, endpoint=True),
            }
        source, target = rng.choice(n, 2, replace=False).tolist()
        return self.config(
            n_hidden=n,
            n_outputs=n_out,
            n_synapses=int(rng.integers(1, chip.max_synapses, endpoint=True)),
            weight_shift_in=int(rng.integers(0, 4)),
            weight_shift_rec=int(rng.integers(0, 4)),
            weight_shift_out=int(rng.integers(0, 4)),
            threshold=rng.integers(1, 5000, n),
            aliases=[[target] if i == source else [] for i in range(n)],
            **biases,
        )

    def raster(
        self, n_steps: int, n_inputs: int = 4, batch: int = 1
    ) -> UInt8[np.ndarray, "batch time input"]:
        """Mostly no spike or one, now and then more."""
        counts = self.rng.poisson(0.6, (batch, n_steps, n_inputs))
        return np.minimum(counts, self.chip.max_input_spikes).astype(np.uint8)
