"""`global_quantize`: one scale for all hidden neurons, one for all outputs."""

import numpy as np
from jaxtyping import Num

from .._specification import Specification
from ._report import QuantizationReport
from ._scaling import Ranges, largest_factor, scaled


def global_quantize(
    spec: Specification,
    *,
    fuzzy_scaling: bool = False,
    bits_per_weight: int = 8,
    bits_per_threshold: int = 16,
) -> tuple[Specification, QuantizationReport]:
    """Round a specification to integers with one factor for hidden and one for output neurons.

    The factor is the largest at which weights, thresholds and biases fit.

    Args:
        spec: a float specification; stays as it is.
        fuzzy_scaling: take mean plus two standard deviations of the weights for their largest, so
            that few large ones do not cost all others their resolution; what is larger is cut.
        bits_per_weight: 2 to 8.
        bits_per_threshold: 2 to 16.

    Returns:
        The integer specification, and what was lost.

    Raises:
        ValueError: bits the chip does not have.

    Source: mapping facts, section 6.1, with the recommended corrections: output biases are scaled
    with the outputs, overflow of a threshold rescales its own population only, biases with it,
    and fuzzy scaling cuts instead of wrapping.
    """
    ranges = Ranges.of_bits(spec, bits_per_weight, bits_per_threshold)
    into_hidden = np.concatenate([spec.weights_in.ravel(), spec.weights_rec.ravel()])
    hidden = _factor(into_hidden, spec.threshold, spec.bias, ranges, fuzzy_scaling)
    output = _factor(
        spec.weights_out.ravel(), spec.threshold_out, spec.bias_out, ranges, fuzzy_scaling
    )
    integers, losses = scaled(
        spec,
        np.full(spec.n_hidden, hidden),
        np.full(spec.threshold_out.size, output),
        ranges,
    )
    summary = f"scaled by {hidden:.4g} (hidden) and {output:.4g} (output)"
    return integers, QuantizationReport.of("global_quantize", summary, losses)


def _factor(
    weights: Num[np.ndarray, " w"],
    threshold: Num[np.ndarray, " n"],
    bias: Num[np.ndarray, " n"],
    ranges: Ranges,
    fuzzy: bool,
) -> float:
    largest = _mostly_largest(weights) if fuzzy else np.abs(weights).max(initial=0.0)
    largest_bias = 0.0 if fuzzy else np.abs(bias).max(initial=0.0)
    magnitudes = [
        (np.array([float(max(largest, largest_bias))]), ranges.weight),
        (np.array([float(np.abs(threshold).max(initial=0.0))]), ranges.threshold),
    ]
    return float(largest_factor(magnitudes)[0])


def _mostly_largest(weights: Num[np.ndarray, " w"]) -> float:
    present = weights[weights != 0]
    return float(abs(present.mean()) + 2 * present.std()) if present.size else 0.0
