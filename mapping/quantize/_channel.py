"""`channel_quantize`: each neuron with a scale of its own."""

import numpy as np
from jaxtyping import Float, Num

from .._specification import Specification
from ._report import QuantizationReport
from ._scaling import Ranges, largest_factor, scaled


def channel_quantize(
    spec: Specification, *, bits_per_weight: int = 8, bits_per_threshold: int = 16
) -> tuple[Specification, QuantizationReport]:
    """Round a specification to integers, scaling each neuron to the full range of its weights.

    All that arrives at a neuron (input and recurrent weights of all synapses), its threshold and
    its bias are multiplied by one factor: the largest at which all of them fit.

    Args:
        spec: a float specification; stays as it is.
        bits_per_weight: 2 to 8.
        bits_per_threshold: 2 to 16.

    Returns:
        The integer specification, and what was lost.

    Raises:
        ValueError: bits the chip does not have, or values that are NaN or infinite.

    Source: mapping facts, section 6.2, with the recommended corrections: biases are scaled with
    their neuron, overflow is judged by magnitude, and arguments are not changed. A neuron that
    nothing arrives at is scaled by its threshold and bias.

    >>> from xylograph.mapping import Pipeline, trace
    >>> from xylograph.models import LIFJax, LinearJax, Sequential
    >>> net = Sequential(LinearJax((2, 9)), LIFJax(9), LinearJax((9, 3)), LIFJax(3))
    >>> spec, _ = Pipeline("xylo-imu").run(trace(net))
    >>> integers, report = channel_quantize(spec)
    >>> np.abs(integers.weights_out).max(axis=0)
    array([127, 127, 127])
    """
    ranges = Ranges.of_bits(spec, bits_per_weight, bits_per_threshold)
    hidden, output = channel_factors(spec, ranges)
    integers, losses = scaled(spec, hidden, output, ranges)
    summary = f"each neuron scaled to {bits_per_weight} bits a weight"
    return integers, QuantizationReport.of("channel_quantize", summary, losses)


def channel_factors(
    spec: Specification, ranges: Ranges
) -> tuple[Float[np.ndarray, " Nhid"], Float[np.ndarray, " Nout"]]:
    """The largest factor of each hidden and output neuron at which all that is its own fits."""
    w_in = np.zeros(spec.n_hidden)
    w_in[: spec.n_input_expansion] = _largest_by_target(spec.weights_in)
    hidden = largest_factor(
        [
            (np.maximum(w_in, _largest_by_target(spec.weights_rec)), ranges.weight),
            (spec.threshold, ranges.threshold),
            (spec.bias, ranges.bias),
        ]
    )
    output = largest_factor(
        [
            (np.abs(spec.weights_out).max(axis=0, initial=0.0), ranges.weight),
            (spec.threshold_out, ranges.threshold),
            (spec.bias_out, ranges.bias),
        ]
    )
    return hidden, output


def _largest_by_target(weights: Num[np.ndarray, "n_in n syn"]) -> Float[np.ndarray, " n"]:
    return np.abs(weights).max(axis=(0, 2), initial=0.0).astype(np.float64)
