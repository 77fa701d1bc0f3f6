"""`Specification`: a placed network in the shape of a chip's configuration, before rounding."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Num

from ..hw import Chip, XyloConfig
from ._placement import Placement


@dataclass(frozen=True, eq=False, kw_only=True)
class Specification:
    """The values of a `XyloConfig`, real numbers until a quantizer has made them integers.

    Columns of `weights_in` are the first hidden neurons, rows of `weights_out` the last ones.
    Thresholds and biases are in the units of the weights; a dash is `log2(tau / dt)`.

    Attributes:
        chip: the chip it was placed on.
        dt: length of a step [s].
        aliases: for each hidden neuron the ids of those that repeat its spikes.
        placement: which neuron is which of the network, where it came from one.

    The other fields are those of `XyloConfig`, where each is explained.
    """

    chip: Chip
    weights_in: Num[np.ndarray, "Nin Nien Nsyn"]
    weights_rec: Num[np.ndarray, "Nhid Nhid Nsyn"]
    weights_out: Num[np.ndarray, "Noen Nout"]
    dash_mem: Num[np.ndarray, " Nhid"]
    dash_syn: Num[np.ndarray, " Nhid"]
    dash_syn_2: Num[np.ndarray, " Nhid"]
    dash_mem_out: Num[np.ndarray, " Nout"]
    dash_syn_out: Num[np.ndarray, " Nout"]
    threshold: Num[np.ndarray, " Nhid"]
    threshold_out: Num[np.ndarray, " Nout"]
    bias: Num[np.ndarray, " Nhid"]
    bias_out: Num[np.ndarray, " Nout"]
    weight_shift_in: int = 0
    weight_shift_rec: int = 0
    weight_shift_out: int = 0
    aliases: tuple[tuple[int, ...], ...] | None = None
    dt: float = 1e-3
    placement: Placement | None = None

    @property
    def n_hidden(self) -> int:
        """Hidden neurons."""
        return self.weights_rec.shape[0]

    @property
    def n_input_expansion(self) -> int:
        """Hidden neurons that have input weights."""
        return self.weights_in.shape[1]

    def to_config(self) -> XyloConfig:
        """The configuration with these values.

        Raises:
            ValueError: values that are no integers or do not fit; quantize first.
        """
        values: dict[str, Any] = {
            f.name: getattr(self, f.name) for f in fields(self) if f.name != "placement"
        }
        return XyloConfig(**values)
