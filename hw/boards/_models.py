"""What differs between the vendor's boards, one row for each chip.

Source: samna contract (names, fields, power channels), chip facts, section 1 (firmware) and
section 6 (power).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from packaging.version import Version

from ..chips import Chip


@dataclass(frozen=True, kw_only=True)
class VendorModel:
    """How the vendor's software sees one chip and its board.

    Attributes:
        chip: name of the chip.
        device_type: `device_type_name` of the board; empty where the vendor dropped it.
        module: module of the core's configuration and events.
        board_module: module of the board's enums.
        hidden_section: section of the configuration with the hidden neurons.
        hidden_neuron: class of a hidden neuron.
        all_output_rows: whether `readout.weights` has a row for every hidden neuron, not only for
            output expansion neurons.
        has_synapse2: whether the configuration has a second synapse.
        switches: fields of `debug` that are on whenever a network is loaded.
        synapse2_switches: those on with two synapses.
        bias_switches: those on with biases.
        monitors_are_ids: whether monitors are lists of ids and not ranges.
        min_firmware: lowest versions, by part.
        core_version: what the core says of itself; empty: it is not asked.
        power_channels: measurement channels by the vendor's name, and our names of them.
        power_rate_hz: usual rate of power measurements.
    """

    chip: str
    device_type: str
    module: str
    board_module: str = ""
    hidden_section: str = "hidden"
    hidden_neuron: str = "HiddenNeuron"
    all_output_rows: bool = False
    has_synapse2: bool = True
    switches: tuple[str, ...] = ()
    synapse2_switches: tuple[str, ...] = ()
    bias_switches: tuple[str, ...] = ()
    monitors_are_ids: bool = False
    min_firmware: Mapping[str, str] = field(default_factory=dict)
    core_version: tuple[int, ...] = ()
    power_channels: Mapping[str, str] = field(default_factory=dict)
    power_rate_hz: float = 5.0


_CORE_2_SWITCHES = ("isyn_clock_enable", "ra_clock_enable", "hm_clock_enable", "ram_power_enable")
_FIRMWARE = MappingProxyType({"fxtree": "0.11.5", "unifirm": "1.1.3"})

_ROWS = (
    # The last driver that the vendor had for it used the classes of Audio 2, without biases.
    VendorModel(
        chip="SYNS61300",
        device_type="",
        module="xyloCore2",
        hidden_section="reservoir",
        hidden_neuron="ReservoirNeuron",
        all_output_rows=True,
        switches=("ram_power_enable",),
        core_version=(1, 0),
    ),
    VendorModel(
        chip="SYNS61201",
        device_type="XyloA2TestBoard",
        module="xyloCore2",
        board_module="xyloA2TestBoard",
        hidden_section="reservoir",
        hidden_neuron="ReservoirNeuron",
        all_output_rows=True,
        switches=_CORE_2_SWITCHES,
        synapse2_switches=("isyn2_clock_enable",),
        bias_switches=("bias_clock_enable",),
        min_firmware=_FIRMWARE,
        core_version=(1, 1),
        power_channels=MappingProxyType(
            {
                "Io": "io",
                "IoAfe": "front end, io",
                "Logic": "core",
                "LogicAfe": "front end, logic",
            }
        ),
    ),
    VendorModel(
        chip="SYNS63300",
        device_type="XyloImuTestBoard",
        module="xyloImu",
        board_module="xyloImuBoards",
        has_synapse2=False,
        switches=("always_update_omp_stat", *_CORE_2_SWITCHES),
        bias_switches=("bias_clock_enable",),
        min_firmware=_FIRMWARE,
        power_channels=MappingProxyType({"Io": "io", "Core": "core"}),
    ),
    # The clocks of the core are left to the vendor's software there.
    VendorModel(
        chip="SYNS65302",
        device_type="XyloAudio3TestBoard",
        module="xyloAudio3",
        board_module="xyloAudio3",
        switches=("always_update_omp_stat",),
        monitors_are_ids=True,
        min_firmware=MappingProxyType({"fxtree": "0.12.2", "unifirm": "1.6.0"}),
        power_channels=MappingProxyType(
            {"Io": "io", "AnalogLogic": "analog", "DigitalLogic": "digital"}
        ),
        power_rate_hz=100.0,
    ),
)

_NUMBERS = re.compile(r"[0-9]+(\.[0-9]+)*")

VENDOR_MODELS: Mapping[str, VendorModel] = MappingProxyType({row.chip: row for row in _ROWS})
"""The rows by `Chip.name`."""


def vendor_model(chip: Chip) -> VendorModel:
    """The row of a chip.

    Raises:
        ValueError: there is none.
    """
    if chip.name not in VENDOR_MODELS:
        raise ValueError(f"no board is known for {chip!r}: known are {', '.join(VENDOR_MODELS)}")
    return VENDOR_MODELS[chip.name]


def outdated(found: Mapping[str, str], needed: Mapping[str, str]) -> list[str]:
    """What of a firmware is older than needed, as phrases.

    >>> outdated({"fxtree": "0.9", "unifirm": "1.6.0"}, {"fxtree": "0.12.2", "unifirm": "1.6.0"})
    ['fxtree is 0.9, needed is 0.12.2']
    """
    return [
        f"{part} is {found.get(part, 'unknown')}, needed is {version}"
        for part, version in needed.items()
        if _release(found.get(part, "")) < Version(version)
    ]


def _release(version: str) -> Version:
    """The numbers of a version; what follows them does not count, and no number is the lowest."""
    numbers = _NUMBERS.match(version)
    return Version(numbers[0] if numbers else "0")
