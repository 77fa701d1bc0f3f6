"""What a calibration chooses, and the integers that follow from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from .._specification import Specification
from ._channel import channel_factors
from ._report import FieldLoss
from ._scaling import Ranges, scaled

_DASHES = ("dash_mem", "dash_syn", "dash_syn_2", "dash_mem_out", "dash_syn_out")
# Shares of the largest scale among which that with the least rounding error is looked for.
_SHARES = np.linspace(1.0, 0.7, 61)


@dataclass(frozen=True, eq=False)
class Choices:
    """How a specification becomes integers.

    Attributes:
        shift_hidden: bits by which input and recurrent weights are shifted further.
        shift_out: the same of output weights.
        gain: factor on the threshold of each hidden neuron.
        gain_out: the same of output neurons.
        best_shares: whether each neuron has the scale with the least rounding error, instead of
            the largest.
        dashes: decay shifts that are not those of the specification, by field.
    """

    gain: Float[np.ndarray, " Nhid"]
    gain_out: Float[np.ndarray, " Nout"]
    shift_hidden: int = 0
    shift_out: int = 0
    best_shares: bool = False
    dashes: dict[str, Float[np.ndarray, " n"]] = field(default_factory=dict)

    @classmethod
    def of_channel(cls, spec: Specification) -> Choices:
        """Those with which the integers are those of `channel_quantize`."""
        return cls(np.ones(spec.n_hidden), np.ones(spec.threshold_out.size))

    def integers(
        self, spec: Specification, ranges: Ranges
    ) -> tuple[Specification, tuple[FieldLoss, ...]]:
        """The integers, and what each field loses by rounding."""
        spec = _shifted(spec, self.shift_hidden, self.shift_out)
        hidden, output = channel_factors(spec, ranges)
        if self.best_shares:
            hidden = hidden * _best_shares(_by_hidden(spec) * hidden)
            output = output * _best_shares(
                np.vstack([spec.weights_out, spec.threshold_out]) * output
            )
        values = {
            "threshold": spec.threshold * self.gain,
            "threshold_out": spec.threshold_out * self.gain_out,
        }
        return scaled(replace(spec, **values, **self.dashes), hidden, output, ranges)

    def described(self) -> Iterator[str]:
        """What is chosen otherwise than by `channel_quantize`."""
        if self.shift_hidden or self.shift_out:
            yield (
                f"weights into hidden neurons shifted by {self.shift_hidden} bits more, output "
                f"weights by {self.shift_out}"
            )
        if self.best_shares:
            yield "scales with the least rounding error"

    def altered(self, spec: Specification) -> Iterator[str]:
        """What the neurons are made to do otherwise, so that the integers follow: losses."""
        for name, gain in (("threshold", self.gain), ("threshold_out", self.gain_out)):
            if np.any(gain != 1):
                yield f"`{name}`: changed by up to {np.abs(gain - 1).max():.2%} against rounding"
        for name, dashes in self.dashes.items():
            n_changed = int(np.count_nonzero(np.round(getattr(spec, name)) != dashes))
            yield f"`{name}`: another decay shift than the nearest in {n_changed} places"


def dash_groups(spec: Specification) -> Iterator[tuple[str, int, np.ndarray]]:
    """Neurons of equal decay shift: field, rounded shift, which of its neurons.

    Only fields that count: neurons of one synapse have no second decay.
    """
    for name in _DASHES:
        if name == "dash_syn_2" and spec.weights_rec.shape[2] < 2:
            continue
        rounded = np.round(np.minimum(getattr(spec, name), spec.chip.dash_range.high))
        for value in np.unique(rounded):
            yield name, int(value), rounded == value


def _shifted(spec: Specification, hidden: int, out: int) -> Specification:
    """The same weights, stored as smaller ones that the chip shifts further."""
    return replace(
        spec,
        weights_in=spec.weights_in * 2.0**-hidden,
        weights_rec=spec.weights_rec * 2.0**-hidden,
        weights_out=spec.weights_out * 2.0**-out,
        weight_shift_in=spec.weight_shift_in + hidden,
        weight_shift_rec=spec.weight_shift_rec + hidden,
        weight_shift_out=spec.weight_shift_out + out,
    )


def _by_hidden(spec: Specification) -> Float[np.ndarray, "m Nhid"]:
    """All that arrives at each hidden neuron, and its threshold, in columns."""
    w_in = np.zeros((len(spec.weights_in), spec.n_hidden, spec.weights_in.shape[2]))
    w_in[:, : spec.n_input_expansion] = spec.weights_in
    both = np.concatenate([w_in, spec.weights_rec]).astype(np.float64)
    columns = np.moveaxis(both, 2, 1).reshape(-1, spec.n_hidden)
    return np.vstack([columns, spec.threshold])


def _best_shares(columns: Float[np.ndarray, "m n"]) -> Float[np.ndarray, " n"]:
    """Of each column, by what to scale it so that rounding changes it least, relatively."""
    errors = []
    for share in _SHARES:
        exact = columns * share
        error = np.sum((np.round(exact) - exact)[:-1] ** 2, axis=0) / share**2
        errors.append(error)
    return _SHARES[np.argmin(errors, axis=0)]
