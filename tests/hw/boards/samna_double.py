"""A double of the vendor's software, whose devices are virtual ones.

It has the names, fields, defaults and value semantics of the real one as far as they are known
(samna contract, sections 0 to 4), refuses everything else, and writes down each call.
"""

import copy
import enum
import sys
import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from xylograph.hw import CHIPS, Fault
from xylograph.hw.boards import _events as ev
from xylograph.hw.boards._models import VENDOR_MODELS
from xylograph.hw.boards.virtual._link import VirtualLink

Log = list[tuple[Any, ...]]


def struct(name: str, /, **defaults: Any) -> type:
    """A class like those of pybind11: known fields only, values are copied in and lists out."""

    def __init__(self: Any, *args: Any, **given: Any) -> None:
        given |= dict(zip(defaults, args, strict=False))
        for field, default in defaults.items():
            value = default() if isinstance(default, type) else copy.deepcopy(default)
            object.__setattr__(self, field, value)
        for field, value in given.items():
            setattr(self, field, value)

    def __setattr__(self: Any, field: str, value: Any) -> None:
        if field not in defaults:
            raise AttributeError(f"{name} has no field {field}")
        if isinstance(value, float | np.floating) and not isinstance(defaults[field], float):
            raise TypeError(f"{name}.{field} takes no float")
        object.__setattr__(self, field, copy.deepcopy(value))

    def __getattribute__(self: Any, field: str) -> Any:
        value = object.__getattribute__(self, field)
        return copy.deepcopy(value) if isinstance(value, list | np.ndarray) else value

    body = {"__init__": __init__, "__setattr__": __setattr__, "__getattribute__": __getattribute__}
    return type(name, (), body | {"FIELDS": tuple(defaults)})


def plain(value: Any) -> Any:
    """The fields of an object as nested dictionaries, enums by their name."""
    if isinstance(value, enum.Enum):
        return value.name
    if hasattr(type(value), "FIELDS"):
        return {name: plain(getattr(value, name)) for name in type(value).FIELDS}
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [plain(entry) for entry in value] if isinstance(value, list) else value


ZERO = np.zeros((1, 1), np.int8)
OUTPUT = {"i_syn_decay": 0, "v_mem_decay": 0, "v_mem_bias": 0, "threshold": 0}
HIDDEN = {"alias_target": None, "i_syn2_decay": 0, **OUTPUT}
SWITCHES = dict.fromkeys(
    (
        "always_update_omp_stat",
        "isyn_clock_enable",
        "isyn2_clock_enable",
        "ra_clock_enable",
        "bias_clock_enable",
        "hm_clock_enable",
        "ram_power_enable",
    ),
    False,
)
MONITORS = dict.fromkeys(
    (
        "monitor_neuron_i_syn",
        "monitor_neuron_i_syn2",
        "monitor_neuron_spike",
        "monitor_neuron_v_mem",
    )
)


INPUT_INTERFACE = {
    "enable": False,
    "configuration_timeout": 3.0,
    "estimator_k_setting": 4,
    "select_iaf_output": False,
    "bypass_jsvd": False,
    "update_matrix_threshold": 10,
    "delay_threshold": 500,
    "bpf_bb_values": [1] * 15,
    "bpf_bwf_values": [1] * 15,
    "bpf_baf_values": [1] * 15,
    "bpf_a1_values": [1] * 15,
    "bpf_a2_values": [1] * 15,
    "scale_values": [1] * 15,
    "iaf_threshold_values": [1] * 15,
}


def core_2() -> dict[str, Any]:
    """`samna.xyloCore2.configuration`."""
    neuron_range = struct("NeuronRange", start=0, end=0)
    reservoir = struct(
        "ReservoirConfig",
        weights=ZERO, syn2_weights=ZERO, weight_bit_shift=0, aliasing=False, neurons=[],
    )  # fmt: skip
    return {
        "NeuronRange": neuron_range,
        "ReservoirNeuron": struct("ReservoirNeuron", **HIDDEN),
        "OutputNeuron": struct("OutputNeuron", **OUTPUT),
        "XyloConfiguration": struct(
            "XyloConfiguration",
            operation_mode=None,
            synapse2_enable=False,
            bias_enable=False,
            enable_hibernation_mode=False,
            clear_network_state=False,
            time_resolution_wrap=0,
            input=struct("InputConfig", weights=ZERO, syn2_weights=ZERO, weight_bit_shift=0),
            reservoir=reservoir,
            readout=struct("ReadoutConfig", weights=ZERO, weight_bit_shift=0, neurons=[]),
            debug=struct("DebugConfig", **SWITCHES, **MONITORS),
        ),
    }


def imu() -> dict[str, Any]:
    """`samna.xyloImu.configuration`."""
    one_synapse = {name: value for name, value in HIDDEN.items() if name != "i_syn2_decay"}
    switches = SWITCHES | {"imu_if_clk_enable": False, "imu_if_clock_freq_div": 0}
    switches = {name: value for name, value in switches.items() if "isyn2" not in name}
    monitors = {name: None for name in MONITORS if not name.endswith("2")}
    return {
        "NeuronRange": struct("NeuronRange", start=0, end=0),
        "HiddenNeuron": struct("HiddenNeuron", **one_synapse),
        "OutputNeuron": struct("OutputNeuron", **OUTPUT),
        "XyloConfiguration": struct(
            "XyloConfiguration",
            operation_mode=None,
            imu_if_input_enable=False,
            bias_enable=False,
            enable_hibernation_mode=False,
            time_resolution_wrap=0,
            input=struct("InputConfig", weights=ZERO, weight_bit_shift=0),
            hidden=struct(
                "HiddenConfig", weights=ZERO, weight_bit_shift=0, aliasing=False, neurons=[]
            ),
            readout=struct("ReadoutConfig", weights=ZERO, weight_bit_shift=0, neurons=[]),
            input_interface=struct("InputInterfaceConfig", **INPUT_INTERFACE),
            debug=struct("DebugConfig", **switches, **monitors),
        ),
    }


def audio_3(has_ram_switch: bool = True) -> dict[str, Any]:
    """`samna.xyloAudio3.configuration`; versions before 0.39.10 have no `ram_access_enable`."""
    debug: dict[str, Any] = {name: [] for name in MONITORS}
    debug |= {"always_update_omp_stat": False, "sdm_clock_ratio": 0}
    debug |= {"ram_access_enable": False} if has_ram_switch else {}
    return {
        "HiddenNeuron": struct("HiddenNeuron", **HIDDEN),
        "OutputNeuron": struct("OutputNeuron", **OUTPUT),
        "XyloConfiguration": struct(
            "XyloConfiguration",
            operation_mode=None,
            input_source=None,
            synapse2_enable=False,
            bias_enable=False,
            time_resolution_wrap=0,
            enable_hibernation_mode=False,
            input=struct("InputConfig", weight_bit_shift=0, weights=ZERO, syn2_weights=ZERO),
            hidden=struct(
                "HiddenConfig",
                weight_bit_shift=0,
                weights=ZERO,
                syn2_weights=ZERO,
                neurons=[],
                aliasing=False,
            ),
            readout=struct("ReadoutConfig", weight_bit_shift=0, weights=ZERO, neurons=[]),
            digital_frontend=struct(
                "DigitalFrontend",
                pdm_preprocessing=struct("Pdm", clock_direction=1, clock_edge=0),
                filter_bank=struct("FilterBank", use_global_iaf_threshold=False),
            ),
            debug=struct("DebugConfig", **debug),
        ),
    }


TIME = {"timestep": 0, "timestamp": 0}
ADDRESS, DATA, NEURON = {"address": 0}, {"address": 0, "data": 0}, {"neuron_id": 0}
COMMON_EVENTS = {
    "TriggerReadout": {},
    "ReadRegisterValue": ADDRESS,
    "WriteRegisterValue": DATA,
    "ReadMemoryValue": ADDRESS,
    "RegisterValue": DATA,
    "MemoryValue": DATA,
}
BY_ID = {
    "TriggerProcessing": {"target_timestep": None},
    "ReadMembranePotential": NEURON,
    "ReadSynapticCurrent": NEURON,
    "ReadHiddenSpikeCount": NEURON,
    "MembranePotential": NEURON | {"value": 0},
    "SynapticCurrent": NEURON | {"value": 0},
    "HiddenSpikeCount": NEURON | {"count": 0},
    "Readout": {
        "timestep": 0,
        "neuron_v_mems": [],
        "neuron_i_syns": [],
        "hidden_spikes": [],
        "output_v_mems": [],
        "output_spikes": [],
    },
}
EVENTS = {
    "xyloCore2": COMMON_EVENTS
    | {
        "Spike": NEURON | {"timestamp": 0},
        "TriggerProcessing": {},
        "ReadVersion": {},
        "Version": {"major": 0, "minor": 0},
        "Readout": {"timestamp": 0},
    },
    "xyloImu": COMMON_EVENTS | BY_ID | {"Spike": NEURON | {"timestep": 0}, "Interrupt": {}},
    "xyloAudio3": COMMON_EVENTS
    | BY_ID
    | {
        "Spike": NEURON | TIME,
        "ReadHiddenSynapticCurrent2": NEURON,
        "HiddenSynapticCurrent2": NEURON | {"value": 0},
    },
}
MODES = {
    "xyloCore2": "Manual AcceleratedTime RealTime",
    "xyloImu": "Manual AcceleratedTime RealTime",
    "xyloAudio3": "Manual AcceleratedTime RealTime Recording DirectOutput",
}
CONFIGURATIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "xyloCore2": core_2,
    "xyloImu": imu,
    "xyloAudio3": audio_3,
}
CHANNELS = {
    "xyloA2TestBoard": "Io IoAfe Logic LogicAfe",
    "xyloImuBoards": "Io Core",
    "xyloAudio3": "Io AnalogLogic DigitalLogic",
}
MODULES = {"SYNS61201": "xyloCore2", "SYNS63300": "xyloImu", "SYNS65302": "xyloAudio3"}


class SamnaDouble:
    """The double, with boards attached to it.

    Args:
        chips: of the attached boards.
        faults: of each of them.
        firmware: of each of them.
        sensor: what their front ends give.
        refuses: what the validators say.
    """

    def __init__(
        self,
        *chips: str,
        faults: tuple[Fault, ...] = (),
        firmware: dict[str, str] | None = None,
        sensor: np.ndarray | None = None,
        refuses: str = "",
    ) -> None:
        self.log: Log = []
        self.faults, self.sensor, self.refuses = faults, sensor, refuses
        self.firmware = firmware
        self.breaks: set[str] = set()
        self.blocks: set[str] = set()
        self.unblocked = threading.Event()
        self.samna: Any = ModuleType("samna")
        self.samna.__version__ = "0.48.6"
        self.modules = {"samna": self.samna}
        for name, events in EVENTS.items():
            self._add(f"{name}.configuration", CONFIGURATIONS[name]())
            classes = {event: struct(event, **fields) for event, fields in events.items()}
            self._add(f"{name}.event", classes)
            self._add(name, {"OperationMode": enum.Enum("OperationMode", MODES[name])})
            self._add(name, {"validate_configuration": self._validator(name)})
        sources = "SpikeEvents DigitalMicrophone AnalogMicrophone PdmEvents AdcEvents"
        self._add("xyloAudio3", {"InputSource": enum.Enum("InputSource", sources)})
        for name, channels in CHANNELS.items():
            names = {channel: place for place, channel in enumerate(channels.split())}
            self._add(name, {"MeasurementChannels": enum.IntEnum("MeasurementChannels", names)})
        self._add("xyloCore2", {"NeuronStateSinkNode": lambda: SinkNode(self)})
        self.infos = [
            SimpleNamespace(device_type_name=VENDOR_MODELS[chip].device_type, chip=chip)
            for chip in chips
        ]
        device = {
            "get_all_devices": lambda: self.infos,
            "open_device": self._open,
            "close_device": lambda board: self.note("close_device"),
        }
        self._add("device", device)
        graph = {
            "sink_from": lambda source: Buffer(self, source),
            "source_to": lambda sink: Writer(self, sink),
            "EventFilterGraph": lambda: Graph(self),
        }
        self._add("graph", graph)

    def _add(self, path: str, names: dict[str, Any]) -> None:
        parent = self.samna
        for depth, part in enumerate(parts := path.split(".")):
            full = ".".join(["samna", *parts[: depth + 1]])
            if full not in self.modules:
                self.modules[full] = ModuleType(full)
                setattr(parent, part, self.modules[full])
            parent = self.modules[full]
        for name, value in names.items():
            setattr(parent, name, value)

    def _validator(self, module: str) -> Callable[[Any], tuple[bool, str]]:
        chip = next(chip for chip, name in MODULES.items() if name == module)

        def validate(configuration: Any) -> tuple[bool, str]:
            self.note("validate_configuration")
            problem = self.refuses or VirtualLink(CHIPS[chip], "", {}).validate(
                plain(configuration)
            )
            return not problem, problem

        return validate

    def _open(self, info: Any) -> "Board":
        self.note("open_device", info.device_type_name)
        return Board(self, info.chip)

    def note(self, name: str, *arguments: Any) -> None:
        self.log.append((name, *arguments))
        if name in self.blocks:
            self.unblocked.wait()
        if name in self.breaks:
            raise RuntimeError("LIBUSB_ERROR_NO_DEVICE")

    def install(self, monkeypatch: Any) -> None:
        for name, module in self.modules.items():
            monkeypatch.setitem(sys.modules, name, module)

    def taken(self) -> Log:
        """What was called since the last time."""
        log, self.log = self.log, []
        return log


class Board:
    def __init__(self, double: SamnaDouble, chip: str) -> None:
        self.double, self.chip = double, chip
        firmware = double.firmware or dict(VENDOR_MODELS[chip].min_firmware)
        self.firmware = SimpleNamespace(**firmware)
        self.link = VirtualLink(CHIPS[chip], "", firmware, double.faults, "", double.sensor)
        self.model = Model(self)
        self.is_measuring = False
        allowed = {
            "SYNS61201": ("get_xylo_model", "get_afe_model"),
            "SYNS63300": ("get_model", "reset_board_soft", "enable_manual_input_acceleration"),
            "SYNS65302": ("get_model", "reset_board_soft"),
        }[chip]
        for name in ("get_xylo_model", "get_model"):
            if name in allowed:
                setattr(self, name, self._noted(name, lambda: self.model))
        if "get_afe_model" in allowed:
            front_end = SimpleNamespace(
                set_saer_interface_enable=self._noted(
                    "set_saer_interface_enable", self.link.set_sensor
                )
            )
            self.get_afe_model = lambda: front_end
        if "reset_board_soft" in allowed:
            self.reset_board_soft = self._noted("reset_board_soft", self.link.reset_board)
        if "enable_manual_input_acceleration" in allowed:
            self.enable_manual_input_acceleration = self._noted(
                "enable_manual_input_acceleration", lambda on: self.link.set_sensor(not on)
            )

    def _noted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            self.double.note(name, *arguments)
            return call(*arguments)

        return noted

    def get_firmware_versions(self) -> Any:
        self.double.note("get_firmware_versions")
        return self.firmware

    def get_stop_watch(self) -> Any:
        call = "start" if self.chip == "SYNS65302" else "set_enable_value"
        return SimpleNamespace(**{call: self._noted(f"stop_watch.{call}", lambda *_: None)})

    def get_power_monitor(self) -> Any:
        def switch(on: bool) -> Callable[..., None]:
            return lambda *_: setattr(self, "is_measuring", on)

        return SimpleNamespace(
            get_source_node=lambda: ("power", self),
            is_auto_power_measurement_active=lambda: self.is_measuring,
            start_auto_power_measurement=self._noted("start_power", switch(True)),
            stop_auto_power_measurement=self._noted("stop_power", switch(False)),
        )


class Model:
    def __init__(self, board: Board) -> None:
        self.board = board
        self.classes = board.double.modules[f"samna.{MODULES[board.chip]}.event"]
        if board.chip == "SYNS63300":
            self.open_ram_access = lambda: self._ram(True)
            self.close_ram_access = lambda: self._ram(False)

    def _ram(self, is_open: bool) -> None:
        self.board.double.note("open_ram_access" if is_open else "close_ram_access")
        self.board.link.set_ram_access(is_open)

    def get_source_node(self) -> Any:
        return ("events", self.board)

    def get_sink_node(self) -> Any:
        return self

    def apply_configuration(self, configuration: Any) -> None:
        fields = plain(configuration)
        self.board.double.note("apply_configuration", fields)
        self.board.link.apply(fields)


class Buffer:
    def __init__(self, double: SamnaDouble, source: Any) -> None:
        self.double = double
        self.kind, self.board = source
        double.note("sink_from", self.kind)

    def get_events_blocking(self, timeout: int) -> list[Any]:
        assert isinstance(timeout, int)
        if "get_events_blocking" in self.double.blocks:
            self.double.unblocked.wait()
        return [self._vendors(event) for event in self.board.link.read(timeout / 1000)]

    def _vendors(self, event: ev.Event) -> Any:
        kind = getattr(self.board.model.classes, type(event).__name__)
        given = {name: getattr(event, name) for name in kind.FIELDS}
        return kind(**{k: list(v) if isinstance(v, tuple) else v for k, v in given.items()})

    def get_events(self) -> list[Any]:
        """Of power: each channel its number in milliwatt, and twice that."""
        module = VENDOR_MODELS[self.board.chip].board_module
        channels = getattr(self.double.samna, module).MeasurementChannels
        return [
            SimpleNamespace(channel=int(channel), value=(1 + int(channel)) * 1e-3 * times)
            for times in (1, 2)
            for channel in channels
            if self.board.is_measuring
        ]


class Writer:
    def __init__(self, double: SamnaDouble, model: Model) -> None:
        self.double, self.model = double, model
        double.note("source_to")

    def write(self, events: list[Any]) -> None:
        assert isinstance(events, list)
        translated = []
        for event in events:
            name = type(event).__name__
            assert isinstance(event, getattr(self.model.classes, name))
            given = {field: getattr(event, field) for field in type(event).FIELDS}
            self.double.note(name, *given.values())
            translated.append(getattr(ev, name)(**given))
        self.model.board.link.write(translated)


class Graph:
    def __init__(self, double: SamnaDouble) -> None:
        self.double = double

    def sequential(self, nodes: list[Any]) -> tuple[Any, ...]:
        (kind, board), sink = nodes
        assert kind == "events"
        sink.join(board)
        return tuple(nodes)


class SinkNode:
    """`NeuronStateSinkNode`."""

    def __init__(self, double: SamnaDouble) -> None:
        self.double = double

    def join(self, board: Board) -> None:
        self.double.note("sequential", "NeuronStateSinkNode")
        self.sink = board.link.state_sink()
        for name in ("reservoir_i_syn", "reservoir_i_syn2", "reservoir_v_mem", "reservoir_spike"):
            setattr(self, f"get_{name}", lambda name=name: self.sink.values(name).tolist())
        self.get_output_spike = lambda: self.sink.values("output_spike").tolist()

    def set_configuration(self, configuration: Any) -> None:
        self.double.note("sink.set_configuration", plain(configuration)["debug"])

    def reset(self) -> None:
        self.double.note("sink.reset")
        self.sink.reset()
