"""Scaling a specification to integers, once the factors are known."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from .._specification import Specification
from ._report import FieldLoss, decay_loss, field_loss

_SCALED = (
    "weights_in",
    "weights_rec",
    "weights_out",
    "threshold",
    "threshold_out",
    "bias",
    "bias_out",
)
_DASHES = ("dash_mem", "dash_syn", "dash_syn_2", "dash_mem_out", "dash_syn_out")


@dataclass(frozen=True)
class Ranges:
    """The largest magnitudes that integers may have.

    Attributes:
        weight: of weights.
        threshold: of thresholds.
        bias: of biases.
    """

    weight: int
    threshold: int
    bias: int

    @classmethod
    def of_bits(cls, spec: Specification, weight_bits: int, threshold_bits: int) -> "Ranges":
        """Symmetric ranges of so many bits; biases have what the chip gives them.

        Raises:
            ValueError: more bits than the chip has, or fewer than 2.
        """
        chip = spec.chip
        for name, bits, most in (
            ("bits_per_weight", weight_bits, chip.weight_range.high),
            ("bits_per_threshold", threshold_bits, chip.threshold_range.high),
        ):
            if not 2 <= bits <= most.bit_length() + 1:
                raise ValueError(
                    f"`{name}` is {bits!r}; {chip.name} stores 2 to {most.bit_length() + 1} bits"
                )
        return cls(2 ** (weight_bits - 1) - 1, 2 ** (threshold_bits - 1) - 1, chip.bias_range.high)


def scaled(
    spec: Specification,
    hidden: Float[np.ndarray, " Nhid"],
    output: Float[np.ndarray, " Nout"],
    ranges: Ranges,
) -> tuple[Specification, tuple[FieldLoss, ...]]:
    """Multiply each neuron's weights, threshold and bias by its factor, and round.

    One factor for all that a neuron adds up and compares changes nothing in what it does, except
    by rounding. Rounding is half to even. A threshold above zero stays at least 1, because a
    neuron with threshold 0 never stops firing.

    Args:
        spec: a float specification.
        hidden: factor of each hidden neuron.
        output: factor of each output neuron.
        ranges: what is larger is cut.

    Returns:
        The integer specification, and what each field lost.

    Raises:
        ValueError: values that are NaN or infinite; names every field.
    """
    _require_finite(spec)
    factors = {
        "weights_in": (hidden[None, : spec.n_input_expansion, None], ranges.weight),
        "weights_rec": (hidden[None, :, None], ranges.weight),
        "weights_out": (output[None, :], ranges.weight),
        "threshold": (hidden, ranges.threshold),
        "threshold_out": (output, ranges.threshold),
        "bias": (hidden, ranges.bias),
        "bias_out": (output, ranges.bias),
    }
    integers, losses = {}, []
    for name, (factor, limit) in factors.items():
        exact = getattr(spec, name) * factor
        rounded = np.clip(np.round(exact), -limit, limit)
        if name.startswith("threshold"):
            rounded = np.where((exact > 0) & (rounded < 1), 1, rounded)
        integers[name] = rounded.astype(np.int64)
        losses.append(field_loss(name, exact, rounded, limit))
    for name in _DASHES:
        exact = getattr(spec, name)
        dashes = spec.chip.dash_range
        integers[name] = np.clip(np.round(exact), dashes.low, dashes.high).astype(np.int64)
        losses.append(decay_loss(name, exact, integers[name]))
    return replace(spec, **integers), tuple(losses)


def _require_finite(spec: Specification) -> None:
    values = {name: getattr(spec, name) for name in _SCALED}
    # A time constant can be infinite: its decay shift is cut, and that reported.
    most = spec.chip.dash_range.high
    values |= {name: np.minimum(getattr(spec, name), most) for name in _DASHES}
    wrong = [f"`{name}`" for name, array in values.items() if not np.all(np.isfinite(array))]
    if wrong:
        raise ValueError(
            f"cannot quantize NaN or infinite values in {', '.join(wrong)}: has the training "
            "diverged?"
        )


def largest_factor(
    limits: list[tuple[Float[np.ndarray, " n"], int]],
) -> Float[np.ndarray, " n"]:
    """The largest factor at which every magnitude stays within its limit; 1 where all are zero.

    Args:
        limits: magnitudes of each neuron, with the limit for them.

    >>> largest_factor([(np.array([0.5, 0.0]), 127)])
    array([254.,   1.])
    """
    factors = np.full(limits[0][0].shape, np.inf)
    for magnitudes, limit in limits:
        with np.errstate(divide="ignore", over="ignore"):
            factors = np.minimum(factors, limit / np.abs(magnitudes))
    return np.where(np.isinf(factors), 1.0, factors)
