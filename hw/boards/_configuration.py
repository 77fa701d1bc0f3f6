"""Configurations in the fields of the vendor's software, and back.

`samna_fields` gives nested dictionaries of what JSON has, under the names that the vendor's
configuration objects have. `to_samna` (`_samna_objects.py`) makes such an object of it; `from_samna`
reads either.

Source: mapping facts, section 5.2 (what is written where) and section 9 (what others do wrong);
samna contract, sections 2.1, 3.1 and 4.2.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from jaxtyping import Int, Shaped

from ...models import FormatError
from .._config import XyloConfig
from .._imu_registers import IMURegisters
from ..chips import ChipLike, get_chip
from ._models import VendorModel, vendor_model

Fields: TypeAlias = dict[str, Any]
"""A configuration in the vendor's fields, nested; leaves are numbers, truth values, lists, `None`."""


def samna_fields(config: XyloConfig) -> Fields:
    """A configuration in the fields of the vendor's configuration object.

    Only what follows from the configuration stands in it; operation mode, monitors and clocks are
    set by whoever drives the board.

    - Biases are enabled when one is not zero, and only then.
    - The second synapse is written, on Xylo Audio 3 too.
    - An alias to neuron 0 is an alias; a neuron without one has `None`.
    - The front end of Xylo IMU is written where the configuration has its registers.
    - Where the vendor wants a row of output weights for each hidden neuron, rows of zeros come
      before those of the output expansion neurons.

    Args:
        config: it keeps the design rules of its chip.

    Returns:
        Nested dictionaries that `json.dumps` takes.

    Raises:
        DesignRuleError: it does not keep them; lists every violation.

    Source: mapping facts, sections 5.2 and 9.

    >>> config = XyloConfig("xylo-audio-3", weights_in=[[[9, -4]]], weights_out=[[7]], bias_out=3)
    >>> fields = samna_fields(config)
    >>> fields["input"], fields["bias_enable"]
    ({'weight_bit_shift': 0, 'weights': [[9]], 'syn2_weights': [[-4]]}, True)
    >>> fields["readout"]["neurons"]
    [{'i_syn_decay': 1, 'v_mem_decay': 1, 'v_mem_bias': 3, 'threshold': 0}]
    """
    config.validate()
    return unchecked_fields(config)


def unchecked_fields(config: XyloConfig) -> Fields:
    """`samna_fields` of a configuration that may break rules, to ask the vendor's validator.

    What the vendor has no field for is left out: alias targets after the first one, and the second
    synapse of Xylo IMU.
    """
    model = vendor_model(config.chip)
    has_bias = bool(config.bias.any() or config.bias_out.any())
    has_synapse2 = config.n_synapses == 2
    fields: Fields = {
        "input": {
            "weight_bit_shift": config.weight_shift_in,
            **_synapse_fields(config.weights_in),
        },
        model.hidden_section: {
            "weight_bit_shift": config.weight_shift_rec,
            **_synapse_fields(config.weights_rec),
            "aliasing": any(config.aliases),
            "neurons": _hidden_neurons(config, model),
        },
        "readout": {
            "weight_bit_shift": config.weight_shift_out,
            "weights": _output_weights(config, model).tolist(),
            "neurons": _output_neurons(config),
        },
        "debug": dict.fromkeys(_switches(model, has_bias, has_synapse2), True),
    }
    # Xylo 1 has no biases, and its configuration no switch for them.
    if config.chip.has_bias:
        fields["bias_enable"] = has_bias
    if model.has_synapse2:
        fields["synapse2_enable"] = has_synapse2
    if config.input_interface is not None:
        fields["input_interface"] = {"enable": True} | config.input_interface.as_dict()
    return fields


def _synapse_fields(weights: Int[np.ndarray, "row column synapse"]) -> Fields:
    names = ("weights", "syn2_weights")
    return {names[synapse]: weights[:, :, synapse].tolist() for synapse in range(weights.shape[2])}


def _hidden_neurons(config: XyloConfig, model: VendorModel) -> list[Fields]:
    neurons = []
    for neuron in range(config.n_hidden):
        fields: Fields = {
            # An id of 0 is a target, too.
            "alias_target": next(iter(config.aliases[neuron]), None),
            "i_syn_decay": int(config.dash_syn[neuron]),
            "v_mem_decay": int(config.dash_mem[neuron]),
            "v_mem_bias": int(config.bias[neuron]),
            "threshold": int(config.threshold[neuron]),
        }
        if model.has_synapse2:
            fields["i_syn2_decay"] = int(config.dash_syn_2[neuron])
        neurons.append(fields)
    return neurons


def _output_neurons(config: XyloConfig) -> list[Fields]:
    return [
        {
            "i_syn_decay": int(config.dash_syn_out[neuron]),
            "v_mem_decay": int(config.dash_mem_out[neuron]),
            "v_mem_bias": int(config.bias_out[neuron]),
            "threshold": int(config.threshold_out[neuron]),
        }
        for neuron in range(config.n_outputs)
    ]


def _output_weights(config: XyloConfig, model: VendorModel) -> Int[np.ndarray, "row output"]:
    n_missing = config.n_hidden - config.n_output_expansion if model.all_output_rows else 0
    return np.pad(config.weights_out, ((n_missing, 0), (0, 0)))


def _switches(model: VendorModel, has_bias: bool, has_synapse2: bool) -> tuple[str, ...]:
    return (
        *model.switches,
        *(model.synapse2_switches if has_synapse2 else ()),
        *(model.bias_switches if has_bias else ()),
    )


def from_samna(source: object, chip: ChipLike, *, dt: float | None = None) -> XyloConfig:
    """A configuration from one of the vendor's software.

    What is switched off there is left out: biases without `bias_enable`, the second synapse
    without `synapse2_enable`, aliases without `aliasing`, the front end of Xylo IMU without
    `enable`. Operation mode, monitors and the front ends of other chips are no part of a
    `XyloConfig`.

    Args:
        source: a configuration object of samna, or its fields as nested mappings, or those as JSON
            text.
        chip: the chip that it is for.
        dt: length of one time step [s]; the vendor's configurations do not hold it. When not given,
            that of the sensor if the front end of Xylo IMU is on, else 1 ms.

    Returns:
        The configuration. Where the vendor has a row of output weights for every hidden neuron,
        so has it.

    Raises:
        FormatError: a field is missing, or is not what it should be.

    >>> config = XyloConfig("xylo-imu", weights_in=[[9, 8]], weights_out=[[7], [5]], bias=3)
    >>> from_samna(samna_fields(config), "xylo-imu") == config
    True
    """
    known_chip = get_chip(chip)
    model = vendor_model(known_chip)
    reader = _Reader(_decoded(source))
    hidden = reader.part(model.hidden_section)
    inputs, readout = reader.part("input"), reader.part("readout")
    neurons, outputs = hidden.parts("neurons"), readout.parts("neurons")
    has_synapse2 = model.has_synapse2 and reader.switch("synapse2_enable")
    has_bias = known_chip.has_bias and reader.switch("bias_enable")
    shape_in = inputs.matrix("weights", None).shape
    given: Fields = {
        "weights_in": _synapses(inputs, has_synapse2, shape_in),
        "weights_rec": _synapses(hidden, has_synapse2, (len(neurons), len(neurons))),
        "weights_out": readout.matrix("weights", None),
        "weight_shift_in": inputs.value("weight_bit_shift"),
        "weight_shift_rec": hidden.value("weight_bit_shift"),
        "weight_shift_out": readout.value("weight_bit_shift"),
        "dash_mem": [neuron.value("v_mem_decay") for neuron in neurons],
        "dash_syn": [neuron.value("i_syn_decay") for neuron in neurons],
        "threshold": [neuron.value("threshold") for neuron in neurons],
        "dash_mem_out": [neuron.value("v_mem_decay") for neuron in outputs],
        "dash_syn_out": [neuron.value("i_syn_decay") for neuron in outputs],
        "threshold_out": [neuron.value("threshold") for neuron in outputs],
    }
    if model.has_synapse2:
        given["dash_syn_2"] = [neuron.value("i_syn2_decay") for neuron in neurons]
    if has_bias:
        given["bias"] = [neuron.value("v_mem_bias") for neuron in neurons]
        given["bias_out"] = [neuron.value("v_mem_bias") for neuron in outputs]
    if hidden.switch("aliasing"):
        targets = [neuron.value("alias_target") for neuron in neurons]
        given["aliases"] = [[] if target is None else [target] for target in targets]
    limits = known_chip.imu
    registers = None if limits is None else _input_interface(reader)
    if dt is None:
        dt = 1e-3 if limits is None or registers is None else 1 / limits.rate_hz
    try:
        return XyloConfig(known_chip, **given, input_interface=registers, dt=dt)
    except (ValueError, TypeError) as error:
        raise FormatError(
            f"this is no samna configuration for {known_chip.name}: {error}"
        ) from error


def _input_interface(reader: "_Reader") -> IMURegisters | None:
    """The front end of Xylo IMU; `None` where it is off, or keeps the vendor's settings."""
    names = [field.name for field in fields_of(IMURegisters)]
    if not reader.has("input_interface"):
        return None
    part = reader.part("input_interface")
    if not all(map(part.has, ("enable", *names))) or not part.switch("enable"):
        return None
    values = {name: part.value(name) for name in names}
    for name in ("bypass_jsvd", "select_iaf_output"):
        values[name] = part.switch(name)
    try:
        return IMURegisters.from_dict(values)
    except ValueError as error:
        raise FormatError(f"`{part.path}` of the samna configuration: {error}") from error


def _synapses(
    part: "_Reader", has_synapse2: bool, shape: tuple[int, ...]
) -> Shaped[np.ndarray, "row column synapse"]:
    names = ("weights", "syn2_weights") if has_synapse2 else ("weights",)
    return np.stack([part.matrix(name, shape) for name in names], axis=2)


def _decoded(source: object) -> object:
    if not isinstance(source, str | bytes):
        return source
    try:
        return json.loads(source)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the samna configuration is no JSON: {error}") from error


class _Reader:
    """Reads fields of objects and of mappings alike, and knows where it is."""

    def __init__(self, source: object, path: str = "$") -> None:
        self.source = source
        self.path = path

    def value(self, name: str) -> Any:
        """The field of that name."""
        source = self.source
        try:
            return source[name] if isinstance(source, Mapping) else getattr(source, name)
        except (KeyError, AttributeError):
            raise FormatError(
                f"the samna configuration lacks `{self.path}.{name}`: is it one of this chip?"
            ) from None

    def has(self, name: str) -> bool:
        """Whether there is a field of that name."""
        source = self.source
        return name in source if isinstance(source, Mapping) else hasattr(source, name)

    def part(self, name: str) -> "_Reader":
        """The section of that name."""
        return _Reader(self.value(name), f"{self.path}.{name}")

    def parts(self, name: str) -> list["_Reader"]:
        """The entries of a list."""
        found = self.value(name)
        if isinstance(found, str | bytes | Mapping) or not isinstance(found, Sequence):
            raise FormatError(f"`{self.path}.{name}` of the samna configuration is no list")
        return [_Reader(entry, f"{self.path}.{name}[{i}]") for i, entry in enumerate(found)]

    def switch(self, name: str) -> bool:
        """A truth value; some versions of the vendor's software show 0 and 1."""
        value = self.value(name)
        if value not in (0, 1):
            raise FormatError(f"`{self.path}.{name}` of the samna configuration is {value!r}")
        return bool(value)

    def matrix(self, name: str, shape: tuple[int, ...] | None) -> npt.NDArray[Any]:
        """A matrix; the 1 x 1 zero of a fresh configuration stands for one of zeros.

        Args:
            name: of the field.
            shape: which one it should have; `None`: any.
        """
        found = self.value(name)
        try:
            array = np.asarray(found)
        except ValueError:
            array = np.empty(0)
        if array.ndim == 2 and array.dtype.kind in "iu":
            if shape is None or array.shape == shape:
                return array
            if array.shape == (1, 1) and not array.any():
                return np.zeros(shape, np.int8)
        needed = "two axes" if shape is None else f"the shape {shape}"
        raise FormatError(
            f"`{self.path}.{name}` of the samna configuration is a matrix of integers with "
            f"{needed}; this has the shape {array.shape}, type {array.dtype}"
        )
