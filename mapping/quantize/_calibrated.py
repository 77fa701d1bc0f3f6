"""`calibrated_quantize`: integers that do on data what the network does."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Int

from ...hw import XyloConfig
from .._specification import Specification
from ..comparison._observation import Observation
from ..comparison._observe import batched, observe, require_channels
from ..comparison._of_chip import OnChip
from ._choices import Choices, dash_groups
from ._report import FieldLoss, QuantizationReport
from ._scaling import Ranges

# How far thresholds may go from where they were.
_LEAST_GAIN, _MOST_GAIN = 0.5, 2.0
# Which part of a difference of spike counts thresholds make up for at once; the whole is too much
# where neurons feed each other.
_STEPS = (1.0, 0.5, 0.25)
# By how much thresholds are changed to see what comes of it: standard deviation of the logarithm.
_WOBBLE = 0.02


def calibrated_quantize(
    spec: Specification,
    calibration: npt.ArrayLike,
    *,
    reference: object = None,
    metric: Callable[[Any], float] | None = None,
    bits_per_weight: int = 8,
    bits_per_threshold: int = 16,
    n_trials: int = 80,
    seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[Specification, QuantizationReport]:
    """Round a specification to the integers that follow the network best on calibration data.

    Begins with what `channel_quantize` gives, simulates it, and tries changes one after the other:
    weights shifted further, which makes states larger and their rounding as they decay smaller;
    the scale of each neuron at which its weights are rounded least; neighbouring decay shifts; and
    thresholds, raised where the chip spikes more than the network and lowered where it spikes
    less, or by chance. A change stays only if it makes things better, so that on the calibration
    data neither the metric nor the error is worse than with `channel_quantize`.

    What is better: a larger `metric`, if there is one, as long as the network is followed no
    worse than at first; with the same metric, or none, a smaller error

        `e = (E(hidden) + E(output)) / 2`,  `E = sum(|n - m|) / sum(n)`

    with the spike counts `n` of the reference and `m` of the chip, of each neuron in each sample.

    Args:
        spec: a float specification; stays as it is.
        calibration: spike counts `(time, channel)` or `(batch, time, channel)`, such as part of
            the training data. The time it takes is that of `n_trials` simulations of them.
        reference: what to follow: anything that `observe` runs and that has the populations of
            the specification; the specification itself when not given.
        metric: a function of output spikes `(batch, time, neuron)`; larger is better.
        bits_per_weight: 2 to 8.
        bits_per_threshold: 2 to 16.
        n_trials: changes to try.
        seed: of the choice of neurons whose thresholds change together.
        progress: called after each trial with how many are done and how many there are.

    Returns:
        The integer specification, and what was lost. The same arguments give the same integers.

    Raises:
        ValueError: data that do not fit, a reference without the populations of the
            specification, bits the chip does not have, a number of trials below 0, or values that
            are NaN or infinite.
        TypeError: data that are no numbers, or a reference that cannot be run.

    >>> from xylograph.mapping import Pipeline, trace
    >>> from xylograph.models import LIFJax, LinearJax, Sequential
    >>> net = Sequential(LinearJax((2, 9)), LIFJax(9), LinearJax((9, 3)), LIFJax(3))
    >>> spec, _ = Pipeline("xylo-imu").run(trace(net))
    >>> raster = np.random.default_rng(0).poisson(0.3, (4, 50, 2))
    >>> integers, report = calibrated_quantize(spec, raster, n_trials=10)
    >>> report.name, integers.weights_in.dtype.name
    ('calibrated_quantize', 'int64')
    """
    if n_trials < 0:
        raise ValueError(f"`n_trials` is {n_trials}; it is a number of changes to try, from 0")
    raster = batched(calibration)
    require_channels(raster, len(spec.weights_in), "the specification")
    ranges = Ranges.of_bits(spec, bits_per_weight, bits_per_threshold)
    wanted = observe(spec if reference is None else reference, raster)
    search = _Search(spec, ranges, raster, wanted, metric)
    start = best = search.trial(Choices.of_channel(spec))
    changes = search.changes(np.random.default_rng(seed), is_given=reference is not None)
    next(changes)
    for done in range(n_trials):
        candidate = search.trial(changes.send(best))
        if candidate.score > best.score and candidate.error <= start.error:
            best = candidate
        if progress is not None:
            progress(done + 1, n_trials)
    report = QuantizationReport.of("calibrated_quantize", _summary(start, best), best.losses)
    altered = tuple(best.choices.altered(spec))
    return best.integers, replace(report, losses=(*report.losses, *altered))


@dataclass(frozen=True, eq=False)
class _Trial:
    choices: Choices
    integers: Specification
    losses: tuple[FieldLoss, ...]
    seen: Observation
    errors: tuple[float, float]
    metric: float | None

    @property
    def error(self) -> float:
        """Of hidden and output neurons, with the same weight."""
        return sum(self.errors) / 2

    @property
    def score(self) -> tuple[float, float]:
        """By which trials are ordered."""
        return (0.0 if self.metric is None else self.metric, -self.error)


@dataclass(frozen=True, eq=False)
class _Search:
    """Integers on the data, beside what they are to follow."""

    spec: Specification
    ranges: Ranges
    raster: np.ndarray
    wanted: Observation
    metric: Callable[[Any], float] | None

    def trial(self, choices: Choices) -> _Trial:
        """Simulate what follows from choices."""
        integers, losses = choices.integers(self.spec, self.ranges)
        seen = observe(self._subject(integers.to_config()), self.raster)
        _require_populations(seen, self.wanted)
        metric = None if self.metric is None else float(self.metric(seen.output))
        return _Trial(choices, integers, losses, seen, _errors(self.wanted, seen), metric)

    def _subject(self, config: XyloConfig) -> object:
        return config if self.spec.placement is None else OnChip(config, self.spec.placement)

    def changes(self, rng: np.random.Generator, is_given: bool) -> Generator[Any, _Trial]:
        """Choices to try next, without end; each is sent the best trial so far."""
        best = yield None
        room = self.spec.chip.weight_shift_range.high
        used = max(self.spec.weight_shift_in, self.spec.weight_shift_rec)
        for shift in range(1, room - used + 1):
            best = yield replace(best.choices, shift_hidden=shift)
        for shift in range(1, room - self.spec.weight_shift_out + 1):
            best = yield replace(best.choices, shift_out=shift)
        best = yield replace(best.choices, best_shares=True)
        for name, dash, members in dash_groups(self.spec):
            exact = getattr(self.spec, name)[members]
            # With the specification for a reference, whole decay shifts are what is wanted.
            if is_given or np.any(np.abs(exact - dash) > 1e-6):
                for other in _neighbours(self.spec, dash):
                    given = np.round(getattr(self.spec, name))
                    now: Any = best.choices.dashes.get(name, given)
                    dashes = best.choices.dashes | {name: np.where(members, other, now)}
                    best = yield replace(best.choices, dashes=dashes)
        while True:
            for step in _STEPS:
                best = yield self._towards(best, step, rng)
                best = yield self._by_chance(best, step, rng)

    def _towards(self, best: _Trial, step: float, rng: np.random.Generator) -> Choices:
        """Thresholds of half of the neurons, so that they make up for differences of counts."""
        pairs = zip(
            _by_neuron(self.spec, self.wanted), _by_neuron(self.spec, best.seen), strict=True
        )
        factors = [((seen + 1) / (wanted + 1)) ** step for wanted, seen in pairs]
        return _with_gains(best.choices, factors, 0.5, rng)

    def _by_chance(self, best: _Trial, step: float, rng: np.random.Generator) -> Choices:
        """Thresholds of a quarter of the neurons, a little higher or lower."""
        gains = best.choices.gain, best.choices.gain_out
        factors = [np.exp(_WOBBLE * step * rng.standard_normal(gain.size)) for gain in gains]
        return _with_gains(best.choices, factors, 0.25, rng)


def _with_gains(
    choices: Choices, factors: list[np.ndarray], share: float, rng: np.random.Generator
) -> Choices:
    """Other thresholds of some neurons, each drawn with the probability `share`."""
    gain, gain_out = (
        np.clip(old * np.where(rng.random(old.size) < share, factor, 1.0), _LEAST_GAIN, _MOST_GAIN)
        for old, factor in zip((choices.gain, choices.gain_out), factors, strict=True)
    )
    return replace(choices, gain=gain, gain_out=gain_out)


def _neighbours(spec: Specification, dash: int) -> list[int]:
    # A shift of 0 keeps nothing from one step to the next: that is another neuron.
    return [d for d in (dash - 1, dash + 1) if 1 <= d <= spec.chip.dash_range.high]


def _require_populations(seen: Observation, wanted: Observation) -> None:
    missing = [f"`{name}`" for name in seen.spikes if name not in wanted.spikes]
    # Doubles of neurons are of the chip alone.
    missing = [name for name in missing if not name.endswith(" (double)`")]
    if missing:
        raise ValueError(
            f"the reference does not show {', '.join(missing)} of the specification: take the "
            "network that it was made of"
        )


def _counts(seen: Observation, name: str) -> Int[np.ndarray, "batch n"]:
    return seen.spikes[name].sum(axis=1)


def _errors(wanted: Observation, seen: Observation) -> tuple[float, float]:
    """Of hidden and of output neurons."""
    *hidden, output = [name for name in seen.spikes if name in wanted.spikes]
    found = []
    for names in (hidden, [output]):
        differences = [np.abs(_counts(wanted, n) - _counts(seen, n)).sum() for n in names]
        found.append(float(sum(differences) / max(1, sum(_counts(wanted, n).sum() for n in names))))
    return found[0], found[1]


def _by_neuron(spec: Specification, seen: Observation) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of each hidden neuron, by its id, and of each output neuron."""
    output = seen.output.sum(axis=(0, 1)).astype(float)
    if spec.placement is None:
        return seen.spikes["hidden"].sum(axis=(0, 1)).astype(float), output
    hidden = np.zeros(spec.n_hidden)
    for name, ids in spec.placement.hidden.items():
        if name in seen.spikes:
            hidden[ids] = seen.spikes[name].sum(axis=(0, 1))
    return hidden, output


def _summary(start: _Trial, best: _Trial) -> str:
    before, after = (
        f"{trial.errors[0]:.2%} (hidden) and {trial.errors[1]:.2%} (output)"
        for trial in (start, best)
    )
    if best is start:
        return f"each neuron scaled to its range; spike counts differ by {before}"
    text = f"spike counts differ by {after}, scaled by channel alone by {before}"
    if best.metric is not None and start.metric is not None:
        text += f"; metric {best.metric:.4g}, by channel alone {start.metric:.4g}"
    return "; ".join([text, *best.choices.described()])
