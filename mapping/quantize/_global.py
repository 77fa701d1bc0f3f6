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
        fuzzy_scaling: take mean plus two standard deviations of the weights that are not zero for
            their largest, so that few large ones do not cost all others their resolution; what is
            larger is cut.
        bits_per_weight: 2 to 8.
        bits_per_threshold: 2 to 16.

    Returns:
        The integer specification, and what was lost.

    Raises:
        ValueError: bits the chip does not have, or values that are NaN or infinite.

    Source: mapping facts, section 6.1, with the recommended corrections: output biases are scaled
    with the outputs, overflow of a threshold rescales its own population only, biases with it,
    fuzzy scaling cuts instead of wrapping. Biases have a range of their own.

    >>> from xylograph.mapping import Pipeline, trace
    >>> from xylograph.models import LIFJax, LinearJax, Sequential
    >>> net = Sequential(LinearJax((2, 9)), LIFJax(9), LinearJax((9, 3)), LIFJax(3))
    >>> spec, _ = Pipeline("xylo-imu").run(trace(net))
    >>> integers, report = global_quantize(spec, bits_per_weight=6)
    >>> int(np.abs(integers.weights_out).max())
    31
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
    largest = _mostly_largest(weights) if fuzzy else _largest(weights)
    magnitudes = (
        (largest, ranges.weight),
        (_largest(threshold), ranges.threshold),
        (_largest(bias), ranges.bias),
    )
    return float(largest_factor([(np.array([most]), limit) for most, limit in magnitudes])[0])


def _largest(values: Num[np.ndarray, " n"]) -> float:
    return float(np.abs(values).max(initial=0.0))


def _mostly_largest(weights: Num[np.ndarray, " w"]) -> float:
    present = weights[weights != 0]
    return float(abs(present.mean()) + 2 * present.std()) if present.size else 0.0
