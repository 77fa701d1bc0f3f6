"""How much of a chip's resources a configuration takes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int8, Int64

from .chips import Chip


@dataclass(frozen=True, kw_only=True)
class ResourceUsage:
    """One row of the table of resources.

    Attributes:
        resource: what is counted, in words.
        used: how many the configuration takes.
        limit: how many the chip has.
        chip_field: attribute of `Chip` the limit was read from.

    >>> row = ResourceUsage(resource="outputs", used=9, limit=8, chip_field="max_outputs")
    >>> print(row, row.fits)
    outputs: 9 of 8 False
    """

    resource: str
    used: int
    limit: int
    chip_field: str

    @property
    def fits(self) -> bool:
        """Whether the chip has enough."""
        return self.used <= self.limit

    @property
    def fraction(self) -> float:
        """Part of the chip's resource that is taken; above 1 when it does not fit."""
        return self.used / self.limit

    def __str__(self) -> str:
        """The row as text."""
        return f"{self.resource}: {self.used} of {self.limit}"


def fan_outs(weights_rec: Int8[np.ndarray, "Nhid Nhid Nsyn"]) -> Int64[np.ndarray, " Nhid"]:
    """How many hidden neurons each hidden neuron drives.

    The synapses of a target share one slot of the memory, so a target counts once.

    Args:
        weights_rec: recurrent weights, row: source.

    Returns:
        The number of slots each source takes.

    Source: chip facts, section 1, "Total recurrent entries".

    >>> weights = np.array([[[0, 0], [5, -5]], [[1, 0], [0, 1]]], dtype=np.int8)
    >>> fan_outs(weights)
    array([1, 2])
    """
    return np.count_nonzero(np.any(weights_rec != 0, axis=2), axis=1).astype(np.int64)


def resource_usage(
    chip: Chip,
    *,
    weights_in: Int8[np.ndarray, "Nin Nien Nsyn"],
    weights_rec: Int8[np.ndarray, "Nhid Nhid Nsyn"],
    weights_out: Int8[np.ndarray, "Noen Nout"],
) -> tuple[ResourceUsage, ...]:
    """The table of resources for these weights on that chip.

    Args:
        chip: whose limits are quoted.
        weights_in: input weights.
        weights_rec: recurrent weights.
        weights_out: output weights.

    Returns:
        One row for each resource.
    """
    targets = fan_outs(weights_rec)
    n_weights = sum(np.count_nonzero(w) for w in (weights_in, weights_rec, weights_out))
    rows = (
        ("inputs", weights_in.shape[0], "max_inputs"),
        ("hidden neurons", weights_rec.shape[0], "max_hidden"),
        ("outputs", weights_out.shape[1], "max_outputs"),
        ("input expansion neurons", weights_in.shape[1], "max_input_expansion"),
        ("output expansion neurons", weights_out.shape[0], "max_output_expansion"),
        ("synapses per hidden neuron", weights_in.shape[2], "max_synapses"),
        ("largest fan-out", int(targets.max()), "max_fan_out"),
        ("recurrent entries", int(targets.sum()), "max_recurrent_entries"),
        ("weights", int(n_weights), "max_weights"),
    )
    return tuple(
        ResourceUsage(resource=name, used=used, limit=getattr(chip, field), chip_field=field)
        for name, used, field in rows
    )
