"""`Specification`: a placed network in the shape of a chip's configuration, before rounding."""

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Num

from ..hw import Chip, XyloConfig
from ..hw._wording import counted
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

    def __repr__(self) -> str:
        """Chip and sizes on one line."""
        return (
            f"<Specification {self.chip.name}: {counted(self.weights_in.shape[0], 'input')}, "
            f"{self.n_hidden} hidden, {counted(self.weights_out.shape[1], 'output')}>"
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the specification to one file, JSON and arrays in a safetensors file.

        The same specification always gives the same bytes.

        Args:
            path: where to write; its folder must exist.

        Returns:
            The path.

        Raises:
            OSError: when the file cannot be written.
        """
        from ._placed_files import save_specification

        return save_specification(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> "Specification":
        """Read a specification that `save` wrote, in this version or an earlier one.

        Args:
            path: the file.

        Returns:
            A specification with the same values.

        Raises:
            FormatError: the file is damaged, newer than this version or something else; names the
                place in it.
            OSError: when the file cannot be read.
        """
        from ._placed_files import load_specification

        return load_specification(path)

    def to_config(self) -> XyloConfig:
        """The configuration with these values.

        Raises:
            ValueError: values that are no integers or do not fit; quantize first.
        """
        values: dict[str, Any] = {
            f.name: getattr(self, f.name) for f in fields(self) if f.name != "placement"
        }
        return XyloConfig(**values)
