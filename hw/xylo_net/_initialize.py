"""First weights and thresholds of a chip core, by the rates at which it shall spike."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import UInt8

from ...models._types import Numbers
from .._config import XyloConfig
from .._sim import XyloSim
from ..chips import Chip
from ..engines import checked_raster

# Of the weights: their spread, and their mean, so that inputs excite more than they inhibit.
_SPREAD, _MEAN = 40.0, 10.0
# Recurrent weights are weaker, by the share of what a neuron receives that comes from neurons.
_RECURRENT_SPREAD = 10.0
# Of the input as much is simulated as settles a rate, no more.
_SAMPLES, _STEPS = 16, 200
_HIGHEST = 2**15 - 1


def initial_fields(
    chip: Chip,
    sizes: tuple[int, int, int],
    rng: np.random.Generator,
    *,
    inputs: Numbers,
    rates: tuple[float, float],
    recurrent: bool,
    n_synapses: int,
    dashes: dict[str, Any],
) -> dict[str, Any]:
    """Fields of a `XyloNetJax`, with masks; see `XyloNetJax.initialize`.

    Raises:
        ValueError: sizes beyond the chip, rates out of range, or an input too sparse for them.
    """
    n_in, n_hidden, n_out = sizes
    _require_sensible(chip, sizes, rates, n_synapses)
    weights_in = rng.normal(
        _MEAN, _SPREAD, (n_in, min(n_hidden, chip.max_input_expansion), n_synapses)
    )
    weights_out = rng.normal(_MEAN, _SPREAD, (min(n_hidden, chip.max_output_expansion), n_out))
    fields: dict[str, Any] = {"weights_in": weights_in, "weights_out": weights_out, **dashes}
    if recurrent or weights_in.shape[1] < n_hidden:
        mask = _connected(chip, n_hidden, rng)
        fields["mask_rec"] = np.repeat(mask[:, :, None], n_synapses, axis=2)
        fields["weights_rec"] = fields["mask_rec"] * rng.normal(
            0.0, _RECURRENT_SPREAD, (n_hidden, n_hidden, n_synapses)
        )
    limits = chip.weight_range
    rounded = {
        name: np.clip(np.round(fields[name]), limits.low, limits.high)
        for name in fields
        if name.startswith("weights")
    }
    config = XyloConfig(
        chip, **{"weights_rec": np.zeros((n_hidden, n_hidden, n_synapses))} | dashes | rounded
    )
    raster = _raster(config, inputs, rng)
    for field, wanted in zip(("threshold", "threshold_out"), rates, strict=True):
        config = _with_threshold(config, field, wanted, raster)
        fields[field] = np.asarray(getattr(config, field), np.float64)
    return fields


def _require_sensible(
    chip: Chip, sizes: tuple[int, int, int], rates: tuple[float, float], n_synapses: int
) -> None:
    limits = (chip.max_inputs, chip.max_hidden, chip.max_outputs)
    names = ("n_in", "n_hidden", "n_out")
    wrong = [
        f"`{name}` is {size}; {chip.name} has 1 to {limit}"
        for name, size, limit in zip(names, sizes, limits, strict=True)
        if not 1 <= size <= limit
    ]
    if not 1 <= n_synapses <= chip.max_synapses:
        wrong.append(f"`n_synapses` is {n_synapses}; {chip.name} has 1 to {chip.max_synapses}")
    most = (chip.max_hidden_spikes, chip.max_output_spikes)
    for name, rate, limit in zip(("hidden_rate", "output_rate"), rates, most, strict=True):
        if not 0 < rate < limit:
            wrong.append(
                f"`{name}` is {rate!r} spikes a step; it is more than 0 and less than {limit}"
            )
    if wrong:
        raise ValueError("\n".join(wrong))


def _connected(chip: Chip, n: int, rng: np.random.Generator) -> np.ndarray:
    """Which neurons feed which: as many, drawn at random, as the memories of the chip hold."""
    fan_out = min(n, chip.max_fan_out, max(1, chip.max_recurrent_entries // n))
    targets = rng.permuted(np.tile(np.arange(n), (n, 1)), axis=1)[:, :fan_out]
    mask = np.zeros((n, n), np.bool_)
    np.put_along_axis(mask, targets, True, axis=1)
    return mask


def _raster(
    config: XyloConfig, inputs: Numbers, rng: np.random.Generator
) -> UInt8[np.ndarray, "batch time input"]:
    """The start of some samples, or counts of a Poisson process with given means."""
    given = np.asarray(inputs)
    if given.ndim >= 2:
        return checked_raster(given, config)[:_SAMPLES, :_STEPS]
    means = np.asarray(given, np.float64)
    if means.shape not in ((), (config.n_inputs,)) or not (np.isfinite(means) & (means >= 0)).all():
        raise ValueError(
            f"`inputs` is a raster, or the mean spike counts of a step, one or {config.n_inputs}, "
            f"from 0 on; got {inputs!r}"
        )
    counts = rng.poisson(means, (_SAMPLES, _STEPS, config.n_inputs))
    return np.minimum(counts, config.chip.max_input_spikes).astype(np.uint8)


def _with_threshold(
    config: XyloConfig, field: str, wanted: float, raster: UInt8[np.ndarray, "batch time input"]
) -> XyloConfig:
    """The lowest threshold, of all neurons alike, with no more spikes a step than wanted."""
    name = "Spikes" if field == "threshold" else "Spikes_out"

    def rate(threshold: int) -> float:
        _, _, record = XyloSim(replace(config, **{field: threshold}))(raster, record=True)
        return float(record[name].mean())

    most = rate(1)
    if most < wanted:
        raise ValueError(
            f"with this input `{field}` 1 gives {most:.3g} spikes a step, {wanted:.3g} are wanted: "
            "the input is too sparse, or the decay shifts are too small"
        )
    return replace(config, **{field: _lowest(lambda value: rate(value) <= wanted)})


def _lowest(holds: Callable[[int], bool]) -> int:
    low, high = 1, _HIGHEST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
