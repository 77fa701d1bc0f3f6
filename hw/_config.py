"""`XyloConfig`: the integers that make a chip compute one network."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np
from jaxtyping import Int8, Int16, UInt8

from ..models._types import Numbers
from ._errors import DesignRuleError, Violation
from ._fields import FIELD_NAMES
from ._imu_registers import IMURegisters
from ._storage import checked_fields
from ._usage import ResourceUsage, resource_usage
from ._wording import counted
from .chips import Chip, ChipLike, get_chip

# As with `Numbers`: at run time the constructor takes anything and says itself what is wrong.
if TYPE_CHECKING:
    Aliases: TypeAlias = Iterable[Iterable[int]]
else:
    Aliases = object


# Equality and hash are written out: the generated ones compare arrays by `==`, which is no truth
# value. So is `__init__`: what a caller may give is wider than what is stored.
@final
@dataclass(frozen=True, init=False, eq=False, repr=False)
class XyloConfig:
    """All integers of one chip's configuration, well-formed and unchangeable.

    What a caller gives is copied and checked: shapes, and the ranges in which values are stored.
    Nothing is rounded, wrapped or cut. Whether the chip would take the configuration is another
    question, which `violations` and `validate` answer; simulation needs no valid configuration.

    Sizes follow from the weights: inputs, input expansion neurons and synapses from `weights_in`,
    hidden neurons from `weights_rec` (without it, as many as input expansion neurons), outputs
    and output expansion neurons from `weights_out`. Columns of `weights_in` are the **first**
    hidden neurons, rows of `weights_out` are the **last** ones.

    Attributes:
        chip: the chip; in the constructor also one of its names.
        weights_in: weights from input channels to input expansion neurons.
        weights_rec: weights between hidden neurons, row: source, column: target.
        weights_out: weights from output expansion neurons to outputs.
        dash_mem: decay shifts of the hidden membranes [bits].
        dash_syn: decay shifts of the first synaptic current [bits].
        dash_syn_2: decay shifts of the second synaptic current [bits]; unused with one synapse.
        dash_mem_out: decay shifts of the output membranes [bits].
        dash_syn_out: decay shifts of the output synaptic currents [bits].
        threshold: firing thresholds of the hidden neurons; also what a spike subtracts.
        threshold_out: firing thresholds of the outputs.
        bias: constant added to the hidden membranes in every step.
        bias_out: constant added to the output membranes in every step.
        weight_shift_in: left shift of the input weights [bits].
        weight_shift_rec: left shift of the recurrent weights [bits].
        weight_shift_out: left shift of the output weights [bits].
        aliases: for each hidden neuron the ids of those that repeat its spikes.
        dt: length of one time step [s].
        input_interface: registers of the sensor front end that feeds the network; `None` when it is
            fed by rasters. `IMUIFSim.configure` puts them there.

    Source: design page, "Names at the borders"; defaults: mapping facts, section 5.1.

    >>> config = XyloConfig("xylo-imu", weights_in=[[64, -64]], weights_out=[[10], [20]])
    >>> config
    <XyloConfig SYNS63300: 1 input, 2 hidden (2 from input, 2 to output), 1 output, 1 synapse>
    >>> config.weights_rec.shape
    (2, 2, 1)
    >>> XyloConfig("xylo-imu", weights_in=[[64, -200]], weights_out=[[10], [20]])
    Traceback (most recent call last):
        ...
    ValueError: this is no configuration, 1 problem:
    - `weights_in[0, 1]` is -200, the range is -128..127: scale or quantize first
    """

    chip: Chip
    weights_in: Int8[np.ndarray, "Nin Nien Nsyn"]
    weights_rec: Int8[np.ndarray, "Nhid Nhid Nsyn"]
    weights_out: Int8[np.ndarray, "Noen Nout"]
    dash_mem: UInt8[np.ndarray, " Nhid"]
    dash_syn: UInt8[np.ndarray, " Nhid"]
    dash_syn_2: UInt8[np.ndarray, " Nhid"]
    dash_mem_out: UInt8[np.ndarray, " Nout"]
    dash_syn_out: UInt8[np.ndarray, " Nout"]
    threshold: Int16[np.ndarray, " Nhid"]
    threshold_out: Int16[np.ndarray, " Nout"]
    bias: Int16[np.ndarray, " Nhid"]
    bias_out: Int16[np.ndarray, " Nout"]
    weight_shift_in: int
    weight_shift_rec: int
    weight_shift_out: int
    aliases: tuple[tuple[int, ...], ...]
    dt: float
    input_interface: IMURegisters | None

    def __init__(
        self,
        chip: ChipLike,
        *,
        weights_in: Numbers,
        weights_rec: Numbers | None = None,
        weights_out: Numbers,
        dash_mem: Numbers = 1,
        dash_syn: Numbers = 1,
        dash_syn_2: Numbers = 1,
        dash_mem_out: Numbers = 1,
        dash_syn_out: Numbers = 1,
        threshold: Numbers = 0,
        threshold_out: Numbers = 0,
        bias: Numbers = 0,
        bias_out: Numbers = 0,
        weight_shift_in: Numbers = 0,
        weight_shift_rec: Numbers = 0,
        weight_shift_out: Numbers = 0,
        aliases: Aliases | None = None,
        dt: Numbers = 1e-3,
        input_interface: Any = None,
    ) -> None:
        """Check and copy what is given.

        Weights may leave out the synapse axis when there is one synapse; vectors may be one
        number for all neurons; floats are taken when they are whole numbers.

        Raises:
            ValueError: when something cannot be stored; lists everything that is wrong.
            TypeError: when `chip` is neither a name nor a `Chip`, or `input_interface` is something
                else than `IMURegisters`.
        """
        # The arguments, before anything else is a local name.
        given = {name: value for name, value in locals().items() if name in FIELD_NAMES}
        known_chip = get_chip(chip)
        if not isinstance(input_interface, IMURegisters | None):
            raise TypeError(
                f"`input_interface` is `IMURegisters` or None, not {type(input_interface).__name__}: "
                "`IMUIFSim.configure` puts them there"
            )
        values, problems = checked_fields(known_chip, given)
        if problems:
            lines = "".join(f"\n- {problem}" for problem in problems)
            raise ValueError(
                f"this is no configuration, {counted(len(problems), 'problem')}:{lines}"
            )
        _fill(self, known_chip, values | {"input_interface": input_interface})

    @property
    def n_inputs(self) -> int:
        """Input channels."""
        return self.weights_in.shape[0]

    @property
    def n_input_expansion(self) -> int:
        """Hidden neurons that can have input weights: ids 0 to this, excluded."""
        return self.weights_in.shape[1]

    @property
    def n_synapses(self) -> int:
        """Synaptic currents of a hidden neuron, 1 or 2."""
        return self.weights_in.shape[2]

    @property
    def n_hidden(self) -> int:
        """Hidden neurons."""
        return self.weights_rec.shape[0]

    @property
    def n_output_expansion(self) -> int:
        """Hidden neurons that can have output weights: this many, at the end of the ids."""
        return self.weights_out.shape[0]

    @property
    def n_outputs(self) -> int:
        """Output neurons."""
        return self.weights_out.shape[1]

    def usage(self) -> tuple[ResourceUsage, ...]:
        """How much of each resource of the chip the configuration takes.

        >>> config = XyloConfig("xylo-imu", weights_in=[[64, -64]], weights_out=[[10], [20]])
        >>> print(config.usage()[1])
        hidden neurons: 2 of 496
        """
        return self._usage

    # Counting a million weights takes milliseconds, and each violation asks for it.
    @cached_property
    def _usage(self) -> tuple[ResourceUsage, ...]:
        return resource_usage(
            self.chip,
            weights_in=self.weights_in,
            weights_rec=self.weights_rec,
            weights_out=self.weights_out,
        )

    def violations(self) -> list[Violation]:
        """What the chip's design rules have against the configuration; empty: nothing.

        >>> config = XyloConfig("xylo-1", weights_in=[[64]], weights_out=[[10]], bias_out=3)
        >>> [violation.message for violation in config.violations()]
        ['has the bias 3; SYNS61300 has no bias']
        """
        # Here and below: these modules import this class, so it can import them only when called.
        from ._rules import violations

        return violations(self)

    def validate(self) -> None:
        """Do nothing when the chip would take the configuration.

        Raises:
            DesignRuleError: otherwise; lists every violation.
        """
        if found := self.violations():
            raise DesignRuleError(found)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the configuration as a JSON file, in one step.

        The same configuration always gives the same bytes.

        Args:
            path: where to write; its folder must exist.

        Returns:
            The path.

        Raises:
            ValueError: when the chip is not the one of that name in `CHIPS`.
            OSError: when the file cannot be written.
        """
        from ._config_file import save_config

        return save_config(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> "XyloConfig":
        """Read a configuration that `save` wrote, in this version or an earlier one.

        Args:
            path: the file.

        Returns:
            The configuration, equal to the saved one.

        Raises:
            FormatError: when the file is damaged, newer than this version or something else;
                names each place in the file.
            OSError: when the file cannot be read.
        """
        from ._config_file import load_config

        return load_config(path)

    def __eq__(self, other: object) -> bool:
        """Whether chip and all fields hold the same."""
        return isinstance(other, XyloConfig) and self._contents() == other._contents()

    def __hash__(self) -> int:
        """Of the contents, so that equal configurations are one key."""
        return hash(self._contents())

    def _contents(self) -> tuple[object, ...]:
        values = (getattr(self, name) for name in ("chip", *FIELD_NAMES, "input_interface"))
        return tuple(
            (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value
            for value in values
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild by the constructor: unpickled and deep-copied arrays would be writeable."""
        names = ("chip", *FIELD_NAMES, "input_interface")
        return _rebuilt, ({name: getattr(self, name) for name in names},)

    def __repr__(self) -> str:
        """Chip and sizes on one line."""
        return (
            f"<XyloConfig {self.chip.name}: {counted(self.n_inputs, 'input')}, "
            f"{self.n_hidden} hidden ({self.n_input_expansion} from input, "
            f"{self.n_output_expansion} to output), {counted(self.n_outputs, 'output')}, "
            f"{counted(self.n_synapses, 'synapse')}>"
        )


def from_checked_fields(chip: Chip, values: dict[str, Any]) -> XyloConfig:
    """The configuration with these fields, without a second look at them.

    Args:
        chip: the chip.
        values: what `checked_fields` gave when it found no problem, and `input_interface` where
            there is one.
    """
    config = object.__new__(XyloConfig)
    _fill(config, chip, values)
    return config


def _fill(config: XyloConfig, chip: Chip, values: dict[str, Any]) -> None:
    # A frozen dataclass can be filled in no other way.
    object.__setattr__(config, "chip", chip)
    for name in FIELD_NAMES:
        object.__setattr__(config, name, values[name])
    object.__setattr__(config, "input_interface", values.get("input_interface"))


def _rebuilt(fields: dict[str, Any]) -> XyloConfig:
    return XyloConfig(**fields)
