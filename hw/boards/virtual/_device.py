"""`VirtualDevice`: a chip on its board, as the vendor's events see it.

It computes with the `reference` engine, never with one that it is to judge. What no source says
of the real chip is decided here once: a spike for a step that was already processed counts in the
open step, spikes of channels that are not configured are lost, and counters stop at their limit.

Source: samna contract, sections 2.2, 3.2, 4.3 and 7.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from ..._config import XyloConfig
from ...chips import Chip
from ...engines import CoreState, Engine, make_engine
from .. import _events as ev
from .._configuration import Fields, from_samna
from .._errors import BoardError
from .._maps import REGISTER_MAPS
from .._models import vendor_model
from ..drivers._driver import CLOCK_HZ
from ._memory import Memory
from ._registers import Registers

_RECORDED = frozenset({"Spikes", "Vmem", "Isyn", "Isyn2", "Vmem_out", "Isyn_out", "Spikes_out"})


def validate_fields(chip: Chip, fields: Fields) -> str:
    """What a device has against a configuration; empty: nothing.

    The wording is ours: that of the vendor's validators is not known.
    """
    try:
        _validated(chip, fields)
    except ValueError as error:
        return str(error)
    return ""


def _validated(chip: Chip, fields: Fields) -> XyloConfig:
    config = from_samna(fields, chip)
    if found := config.violations():
        raise ValueError("; ".join(map(str, found)))
    return config


class VirtualDevice:
    """One chip, with what is around it on the board.

    Args:
        chip: which one.
        sensor: spike counts (time, input) that the front end gives in real time; silence after
            their end.

    Attributes:
        sensed: what the core took from the front end, by the step that processed it.
    """

    def __init__(self, chip: Chip, sensor: UInt8[np.ndarray, "time input"] | None = None) -> None:
        self.chip = chip
        self.model = vendor_model(chip)
        self.sensor = sensor
        self.reset()

    def reset(self) -> None:
        """As after power on: no configuration, no state."""
        self.fields: Fields = {}
        self.config: XyloConfig | None = None
        self.ram_is_open = False
        self.sensor_is_on = True
        self.n_processed = 0
        self._engine: Engine | None = None
        self._state: CoreState | None = None
        self._shown: dict[str, Int[np.ndarray, ...]] = {}
        self._pending: dict[int, Int[np.ndarray, ...]] = {}
        # Steps below this one may run; those from `n_processed` on have not run yet.
        self._released = 0
        self._runs_until: int | None = 0
        self._elapsed_s = 0.0
        self._n_sensed = 0
        self.sensed: dict[int, UInt8[np.ndarray, " input"]] = {}
        self.registers = Registers(self)
        self.memory = Memory(self)

    @property
    def mode(self) -> str:
        """Operation mode; accelerated time is what the vendor's boards start in."""
        return self.fields.get("operation_mode", "AcceleratedTime")

    @property
    def state(self) -> CoreState | None:
        """State of the core; `None` before a configuration was applied."""
        return self._state

    @property
    def shown(self) -> dict[str, Int[np.ndarray, "..."]]:
        """What the neurons did in the last step, by the names of a record."""
        return self._shown

    def apply(self, fields: Fields) -> None:
        """Apply a configuration.

        States survive where the sizes stay the same; Audio 3 clears them with each change of the
        operation mode.

        Raises:
            ValueError: the validator has something against it; nothing is applied.
        """
        config, old_mode = _validated(self.chip, fields), self.mode
        keeps_sizes = self._state is not None and _fits(self._state, config)
        changes_mode = self.model.monitors_are_ids and fields.get("operation_mode") != old_mode
        self.fields, self.config = fields, config
        self._engine = make_engine("reference", config)
        self.registers.configure(fields, config)
        if not keeps_sizes or changes_mode or fields.get("clear_network_state", False):
            self._clear()
        if changes_mode or not self.n_processed:
            self.n_processed = self._released = 0
        self._runs_until, self._elapsed_s = 0, 0.0

    def _clear(self) -> None:
        assert self.config is not None
        self._state = CoreState.fresh(self.config, batch=1)
        self._pending, self._shown, self.sensed = {}, {}, {}
        self._released = self.n_processed

    def write(self, events: Sequence[ev.Event]) -> list[ev.Event]:
        """Take events in their order, and give those that come of them."""
        answers: list[ev.Event] = []
        for event in events:
            # Steps that are released run when something else than a spike comes, or at the end:
            # what is shown is the same, and long rasters run in one piece.
            if not isinstance(event, ev.Spike):
                answers += self._run_released()
            answers += self._taken(event)
        return answers + self._run_released()

    def advance(self, seconds: float) -> tuple[float, list[ev.Event]]:
        """Let time pass, up to the end of the next step; only in real time the chip runs by itself.

        Returns:
            How much time passed [s], and what came of it.
        """
        is_stopped = self._runs_until is not None and self.n_processed >= self._runs_until
        if self.mode != "RealTime" or self.config is None or is_stopped:
            return seconds, []
        wait_s = max(1, self.fields.get("time_resolution_wrap", 0)) / CLOCK_HZ - self._elapsed_s
        if wait_s > seconds:
            self._elapsed_s += seconds
            return seconds, []
        self._elapsed_s = 0.0
        self._sense()
        self._released += 1
        return max(0.0, wait_s), self._run_released()

    def _sense(self) -> None:
        assert self.config is not None
        counts = np.zeros(self.config.n_inputs, np.uint8)
        if self.sensor is not None and self.sensor_is_on and self._n_sensed < len(self.sensor):
            if self.sensor.shape[1] != self.config.n_inputs:
                raise BoardError(
                    f"the sensor gives {self.sensor.shape[1]} channels, the configuration has "
                    f"{self.config.n_inputs}: give `sensor` as (time, {self.config.n_inputs})"
                )
            counts = self.sensor[self._n_sensed]
            self._pending[self.n_processed] = counts.astype(np.int64)
        self.sensed[self.n_processed] = counts
        self._n_sensed += 1

    # What comes in -------------------------------------------------------------------------------

    def _taken(self, event: ev.Event) -> list[ev.Event]:
        match event:
            case ev.Spike():
                self._take_spike(event)
                return []
            case ev.TriggerProcessing(target_timestep=target):
                return self._process(target)
            case ev.TriggerReadout():
                return [self._present()]
            case ev.ReadRegisterValue(address=address):
                return [ev.RegisterValue(address, self.registers.read(address))]
            case ev.WriteRegisterValue(address=address, data=data):
                self.registers.write(address, data)
                return []
            case ev.ReadMemoryValue(address=address):
                return [ev.MemoryValue(address, self.memory.read(address))]
            case ev.ReadVersion():
                major, minor = self.model.core_version or (self.chip.core_version, 0)
                return [ev.Version(major, minor)]
            case _:
                return self._state_by_id(event)

    def _take_spike(self, spike: ev.Spike) -> None:
        if self.config is None or not 0 <= spike.neuron_id < self.config.n_inputs:
            return
        time = spike.timestamp if self.model.all_output_rows else spike.timestep
        if self.mode == "AcceleratedTime":
            self._released = max(self._released, time or 0)
        counts = self._open_counters()
        limit = self.chip.max_input_spikes
        counts[spike.neuron_id] = min(limit, counts[spike.neuron_id] + 1)

    def _open_counters(self) -> Int[np.ndarray, " input"]:
        assert self.config is not None
        fresh = np.zeros(self.config.n_inputs, np.int64)
        return self._pending.setdefault(self._released, fresh)

    def open_counts(self) -> Int[np.ndarray, " input"]:
        """Counters of the inputs in the open step."""
        return self._open_counters() if self.config is not None else np.zeros(0, np.int64)

    def _process(self, target: int | None) -> list[ev.Event]:
        if self.config is None:
            return []
        if self.mode == "RealTime":
            self._runs_until = target
            return []
        if self.mode == "Manual":
            self._released = self.n_processed + 1
        elif target is None:
            self._released += 1
        else:
            self._released = max(self._released, target)
        answers = self._run_released()
        needs_interrupt = REGISTER_MAPS[self.chip.name].done is None
        return [*answers, ev.Interrupt()] if needs_interrupt and self.mode == "Manual" else answers

    # What comes out ------------------------------------------------------------------------------

    def _run_released(self) -> list[ev.Event]:
        if self._engine is None or self._released <= self.n_processed:
            return []
        assert self.config is not None and self._state is not None
        steps = range(self.n_processed, self._released)
        raster = np.zeros((1, len(steps), self.config.n_inputs), np.uint8)
        for step in [step for step in self._pending if step in steps]:
            raster[0, step - steps.start] = self._pending.pop(step)
        recordings, self._state = self._engine.evolve(raster, self._state, _RECORDED)
        frames = {name: array[0].astype(np.int64) for name, array in recordings.items()}
        answers: list[ev.Event] = []
        for index in range(len(steps)):
            self.n_processed += 1
            self._shown = {name: array[index] for name, array in frames.items()}
            answers += self._readouts()
        return answers

    def _readouts(self) -> Iterator[ev.Event]:
        if self.mode == "Manual":
            return
        if self.mode == "RealTime":
            for neuron in np.flatnonzero(self._shown["Spikes_out"])[::-1].tolist():
                yield ev.Spike(neuron, timestep=0, timestamp=0)
        shows_states = self.mode == "AcceleratedTime" and self.ram_works
        yield replace(
            self._now(),
            **(self._monitored() if shows_states else {}),
            output_v_mems=tuple(self._shown["Vmem_out"].tolist()),
            output_spikes=tuple(self._shown["Spikes_out"].tolist()),
        )

    def _present(self) -> ev.Readout:
        v_mems = self._shown.get("Vmem_out", np.zeros(0, np.int64))
        return replace(self._now(), output_v_mems=tuple(v_mems.tolist()))

    def _now(self) -> ev.Readout:
        """A readout with nothing but the time."""
        if self.model.all_output_rows:
            return ev.Readout(timestamp=self.n_processed)
        return ev.Readout(timestep=self.n_processed - 1)

    @property
    def ram_works(self) -> bool:
        """Whether the state memory can be read; each chip has its own switch for that."""
        if self.model.monitors_are_ids:
            return bool(self.fields.get("debug", {}).get("ram_access_enable", False))
        if REGISTER_MAPS[self.chip.name].control is not None:
            return self.registers.memory_is_on
        return self.ram_is_open or bool(self.model.all_output_rows)

    def _monitored(self) -> dict[str, Any]:
        everything = {
            "v_mem": np.concatenate([self._shown["Vmem"], self._shown["Vmem_out"]]),
            "i_syn": np.concatenate([self._shown["Isyn"], self._shown["Isyn_out"]]),
            "i_syn2": self._shown["Isyn2"],
            "spike": self._shown["Spikes"],
        }
        names = {
            "v_mem": "neuron_v_mems",
            "i_syn": "neuron_i_syns",
            "i_syn2": "neuron_i_syns2",
            "spike": "hidden_spikes",
        }
        # Readouts of Audio 3 have no second currents, whatever is monitored.
        kinds = [k for k in everything if k != "i_syn2" or self.model.all_output_rows]
        return {names[kind]: self._chosen(kind, everything[kind]) for kind in kinds}

    def _chosen(self, kind: str, values: Int[np.ndarray, " neuron"]) -> tuple[int, ...]:
        monitor = self.fields.get("debug", {}).get(f"monitor_neuron_{kind}")
        if not monitor:
            return ()
        if isinstance(monitor, dict):
            monitor = range(monitor["start"], monitor["end"])
        return tuple(values[list(monitor)].tolist())

    def _state_by_id(self, event: ev.Event) -> list[ev.Event]:
        assert self.config is not None and self._state is not None
        state = self._state
        n_hidden = self.config.n_hidden
        match event:
            case ev.ReadMembranePotential(neuron_id=neuron):
                value = _joined(state.vmem, state.vmem_out)[neuron]
                return [ev.MembranePotential(neuron, int(value))]
            case ev.ReadSynapticCurrent(neuron_id=neuron):
                value = _joined(state.isyn, state.isyn_out)[neuron]
                return [ev.SynapticCurrent(neuron, int(value))]
            case ev.ReadHiddenSynapticCurrent2(neuron_id=neuron) if neuron < n_hidden:
                return [ev.HiddenSynapticCurrent2(neuron, int(state.isyn2[0, neuron]))]
            case ev.ReadHiddenSpikeCount(neuron_id=neuron) if neuron < n_hidden:
                return [ev.HiddenSpikeCount(neuron, int(state.spikes[0, neuron]))]
            case _:
                raise ValueError(f"the device does not know {event}")


def _joined(
    hidden: Int[np.ndarray, "1 hidden"], output: Int[np.ndarray, "1 output"]
) -> Int[np.ndarray, " neuron"]:
    return np.concatenate([hidden[0], output[0]])


def _fits(state: CoreState, config: XyloConfig) -> bool:
    """Whether the neurons are as many as before."""
    sizes = state.vmem.shape[1], state.vmem_out.shape[1]
    return sizes == (config.n_hidden, config.n_outputs)
