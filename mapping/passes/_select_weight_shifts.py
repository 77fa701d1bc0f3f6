"""`SelectWeightShifts`: by how many bits the chip shifts the weights of each matrix."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ...hw import Chip
from .._report import PassReport
from .._specification import Specification

# Input and recurrent weights are shifted apart if that makes the rounding error so much smaller.
_WORTH_IT = 0.7


@dataclass(frozen=True)
class SelectWeightShifts:
    """Let the chip shift the matrix with the larger weights, so that the other keeps its bits.

    A neuron scales all that arrives at it by one factor. Where input weights are much larger than
    recurrent ones, or the other way round, the small ones would be left with few bits; a shift by
    `s` stores the large ones as `2^-s` of themselves.

    Changes: weight shifts, and with them the weights, so that `weights << shift` is the same.
    Keeps: all values that arrive. Reports: the shifts, and what they do to the rounding error.

    Args:
        chip: whose range of shifts holds.
        headroom: if given, all weights are shifted as far as thresholds leave room for states of
            so many thresholds. Larger states lose less by rounding when they decay; those of
            neurons that are driven further than that saturate. 32 leaves room for all spikes that
            a hidden neuron can have in a step.

    Raises:
        ValueError: a headroom that is not above 1.
    """

    chip: Chip
    headroom: float | None = None

    def __post_init__(self) -> None:
        if self.headroom is not None and not self.headroom > 1:
            raise ValueError(f"`headroom` is {self.headroom!r}; it is a factor above 1")

    def __call__(self, spec: Specification) -> tuple[Specification, PassReport]:
        """Give a specification with shifts; those that it had count as part of its weights."""
        spec = _shifted(spec, 0, 0, 0)
        apart = self._apart(spec)
        s_in, s_rec = max(0, apart), max(0, -apart)
        before, after = _noise(spec, 0, 0), _noise(spec, s_in, s_rec)
        more, more_out = self._further(spec, s_in, s_rec)
        shifts = (s_in + more, s_rec + more, more_out)
        if not any(shifts):
            return spec, PassReport("SelectWeightShifts", "no shifts")
        summary = "input, recurrent and output weights shifted by {}, {} and {} bits".format(
            *shifts
        )
        if apart:
            summary += f"; rounding error of hidden neurons {after / before:.2f} of that without"
        return _shifted(spec, *shifts), PassReport("SelectWeightShifts", summary)

    def _apart(self, spec: Specification) -> int:
        """How much further input weights are shifted than recurrent ones."""
        most = self.chip.weight_shift_range.high
        if not (spec.weights_in.any() and spec.weights_rec.any()) or _is_whole(spec):
            return 0
        # Small differences first: of equal errors the smaller shift counts.
        differences = sorted(range(-most, most + 1), key=abs)
        noises = [_noise(spec, max(0, d), max(0, -d)) for d in differences]
        best = int(np.argmin(noises))
        return differences[best] if noises[best] < _WORTH_IT * noises[0] else 0

    def _further(self, spec: Specification, s_in: int, s_rec: int) -> tuple[int, int]:
        """How much further all hidden and all output weights can be shifted."""
        if self.headroom is None:
            return 0, 0
        allowed, most = (
            self.chip.state_range.high / self.headroom,
            self.chip.weight_shift_range.high,
        )
        hidden = spec.threshold * _factors(spec, s_in, s_rec)
        largest_out = np.abs(spec.weights_out).max(axis=0, initial=0.0)
        output = spec.threshold_out * _factor(largest_out, self.chip)
        further = [
            int(np.clip(np.floor(np.log2(allowed / max(float(reached.max()), 1e-9))), 0, most))
            for reached in (hidden, output)
        ]
        return min(further[0], most - max(s_in, s_rec)), further[1]


def _shifted(spec: Specification, s_in: int, s_rec: int, s_out: int) -> Specification:
    """The same specification with other shifts."""
    return replace(
        spec,
        weights_in=spec.weights_in * 2.0 ** (spec.weight_shift_in - s_in),
        weights_rec=spec.weights_rec * 2.0 ** (spec.weight_shift_rec - s_rec),
        weights_out=spec.weights_out * 2.0 ** (spec.weight_shift_out - s_out),
        weight_shift_in=s_in,
        weight_shift_rec=s_rec,
        weight_shift_out=s_out,
    )


def _is_whole(spec: Specification) -> bool:
    """Whether the hidden neurons consist of integers of the chip, which lose nothing as they are."""
    most = spec.chip.weight_range.high
    matrices, thresholds = (spec.weights_in, spec.weights_rec), spec.threshold
    whole = all(np.array_equal(values, np.round(values)) for values in (*matrices, thresholds))
    return whole and all(float(np.abs(m).max(initial=0.0)) <= most for m in matrices)


def _largest(weights: Float[np.ndarray, "n_source n syn"]) -> Float[np.ndarray, " n"]:
    return np.abs(weights).max(axis=(0, 2), initial=0.0)


def _factors(spec: Specification, s_in: int, s_rec: int) -> Float[np.ndarray, " Nhid"]:
    """By what each hidden neuron would be scaled."""
    largest = _largest(spec.weights_rec) * 2.0**-s_rec
    n = spec.n_input_expansion
    largest[:n] = np.maximum(largest[:n], _largest(spec.weights_in) * 2.0**-s_in)
    return _factor(largest, spec.chip)


def _factor(largest: Float[np.ndarray, " n"], chip: Chip) -> Float[np.ndarray, " n"]:
    return np.where(largest > 0, chip.weight_range.high / np.where(largest > 0, largest, 1), 0.0)


def _noise(spec: Specification, s_in: int, s_rec: int) -> float:
    """The rounding error to expect of what arrives at hidden neurons, in thresholds.

    Each weight that is there is off by up to half a unit, which the shift makes larger; and so is
    the threshold, which makes all weights too large or too small together.

    Returns:
        Root mean square over the neurons.
    """
    threshold = np.where(spec.threshold == 0, 1.0, np.abs(spec.threshold))
    n_in, square_in = np.zeros(spec.n_hidden), np.zeros(spec.n_hidden)
    n_in[: spec.n_input_expansion] = np.count_nonzero(spec.weights_in, axis=(0, 2))
    square_in[: spec.n_input_expansion] = np.sum(spec.weights_in**2, axis=(0, 2))
    n_rec = np.count_nonzero(spec.weights_rec, axis=(0, 2))
    in_thresholds = (square_in + np.sum(spec.weights_rec**2, axis=(0, 2))) / threshold**2
    reached = _factors(spec, s_in, s_rec) * threshold
    unit = np.where(reached > 0, 1 / np.where(reached > 0, reached, 1), 0.0)
    squared = (n_in * 4.0**s_in + n_rec * 4.0**s_rec + in_thresholds) * unit**2 / 12
    return float(np.sqrt(squared.mean()))
