"""`Driver`: what driving all chips has in common.

One driver is one configuration on one board. `prepare` brings the board into a mode, `restart` to
the state after a reset; then `run` goes through a raster in accelerated time, `step` through it
step by step, and `live` follows the sensor.

Source: samna contract, sections 2.6 to 2.8, 3.3 to 3.5, 4.3 and 4.6; section 6 for what others do
wrong.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np
from jaxtyping import Int, Integer, UInt8

from ..._config import XyloConfig
from ...engines import RECORDED
from .. import _events as ev
from .._configuration import Fields, samna_fields
from .._conversation import Conversation
from .._errors import BoardDataError, BoardError, BoardTimeoutError
from .._link import Link
from .._live import LiveStep
from .._maps import MEMORY_MAPS, REGISTER_MAPS
from .._models import vendor_model

Traces: TypeAlias = dict[str, Integer[np.ndarray, "time _"]]
"""Recorded arrays by the names of `XyloSim`."""

KINDS = ("Spike", "Vmem", "Isyn", "all")
"""What is to be shown: the output in one of its modes, or everything."""

CLOCK_HZ = 50_000_000
"""Main clock that all boards start with [Hz]."""

ACCELERATED, MANUAL, REAL_TIME = "AcceleratedTime", "Manual", "RealTime"
_STATES = ("i_syn", "i_syn2", "v_mem", "spike")


class Driver(ABC):
    """Drives one configuration on one board.

    Args:
        link: to the board.
        config: what it computes; it keeps the rules of the chip.
        timeout_s: how long the board may be silent while something is awaited [s].

    Attributes:
        notices: what was noticed and did no harm, since they were last taken away.
        front_end: settings of the front end for real time, in the vendor's fields.
    """

    time_field: ClassVar[str] = "timestep"

    def __init__(self, link: Link, config: XyloConfig, timeout_s: float) -> None:
        self.link = link
        self.config = config
        self.model = vendor_model(link.chip)
        self.registers = REGISTER_MAPS[link.chip.name]
        self.memory = MEMORY_MAPS.get(link.chip.name)
        self.talk = Conversation(link, timeout_s, self.registers.barrier)
        self.notices: list[str] = []
        self.front_end: Mapping[str, Any] = {}
        self._fields = samna_fields(config)
        self._prepared: tuple[str, str] | None = None

    # Bringing the board into a mode --------------------------------------------------------------

    @classmethod
    def open(cls, link: Link, timeout_s: float) -> None:
        """Make sure of a board that was just opened; most need nothing."""
        del link, timeout_s

    def fields(self, mode: str, kind: str) -> Fields:
        """The configuration in the vendor's fields, with mode and monitors."""
        monitors = {
            f"monitor_neuron_{k}": self._monitor(ids) for k, ids in self.shown(kind).items()
        }
        return self._fields | {
            "operation_mode": mode,
            "debug": self._fields["debug"] | monitors,
        }

    def _monitor(self, ids: range) -> object:
        if self.model.monitors_are_ids:
            return list(ids)
        return {"start": ids.start, "end": ids.stop} if ids else None

    def shown(self, kind: str) -> dict[str, range]:
        """Ids of the neurons whose states the readouts show, by state."""
        n_hidden, n_all = self.config.n_hidden, self.config.n_hidden + self.config.n_outputs
        everything = {
            "i_syn": range(n_all),
            "i_syn2": range(n_hidden if self.config.n_synapses == 2 else 0),
            "v_mem": range(n_hidden),
            "spike": range(n_hidden),
        }
        states = [state for state in _STATES if state != "i_syn2" or self.model.has_synapse2]
        shown = dict.fromkeys(states, range(0))
        if kind == "Isyn":
            shown["i_syn"] = range(n_hidden, n_all)
        if kind == "all":
            shown |= {state: everything[state] for state in states}
        return shown

    def prepare(self, mode: str, kind: str) -> bool:
        """Bring the board into a mode.

        Returns:
            Whether the state of the neurons may be gone.
        """
        if self._prepared == (mode, kind):
            return False
        loses_state = self._prepared is None or self._prepared[0] != mode
        self._apply(self.fields(mode, kind), mode, kind)
        return loses_state

    def _apply(self, fields: Fields, mode: str, kind: str) -> None:
        self._prepared = None
        self.link.apply(fields)
        self.talk.barrier()
        self.open_memory(mode, kind)
        self._prepared = (mode, kind)

    @abstractmethod
    def open_memory(self, mode: str, kind: str) -> None:
        """Let states be read, if any are to be read; else not, which costs power."""

    @abstractmethod
    def restart(self, mode: str, kind: str) -> None:
        """Bring the board into a mode, with all states as after a reset."""

    def reset_board(self) -> None:
        """Reset the board, which then has neither mode nor configuration."""
        self._prepared = None
        self.link.reset_board()

    def clear_inputs(self) -> None:
        """Forget spikes that were counted and are not yet processed, such as late ones."""
        self.link.write([ev.WriteRegisterValue(address) for address in self.registers.input_spikes])

    def next_step(self) -> int:
        """Number of the step that is processed next."""
        readout, _ = self.talk.ask(ev.TriggerReadout(), ev.Readout)
        return self.step_after(readout)

    def step_after(self, readout: ev.Readout) -> int:
        """Number of the step after the one that a readout shows."""
        time = getattr(readout, self.time_field)
        if time is None:
            raise BoardDataError(f"{self.link.identity} sent a readout without `{self.time_field}`")
        return time + 1

    # Accelerated time ----------------------------------------------------------------------------

    def run(self, counts: UInt8[np.ndarray, "time input"], kind: str, start: int) -> Traces:
        """Go through a raster in accelerated time.

        Args:
            counts: spikes of each channel in each step.
            kind: what was prepared.
            start: number of the first step, from `next_step`.

        Raises:
            BoardDataError: what came is not exactly one readout for each step.
            BoardTimeoutError: nothing more came.
        """
        self.link.write([*self._spikes(counts, start), *self.last_events(start + len(counts))])
        readouts = self._collected(start, len(counts))
        return self._checked(self.traces(readouts, kind), len(counts))

    def _spikes(self, counts: UInt8[np.ndarray, "time input"], start: int) -> Iterator[ev.Spike]:
        for step, channel in np.argwhere(counts).tolist():
            spike = ev.Spike(channel, **{self.time_field: start + step})
            for _ in range(int(counts[step, channel])):
                yield spike

    @abstractmethod
    def last_events(self, end: int) -> list[ev.Event]:
        """What is sent behind the spikes, so that all steps below `end` are processed."""

    def _collected(self, start: int, n_steps: int) -> list[ev.Readout]:
        found: dict[int, ev.Readout] = {}
        while len(found) < n_steps:
            try:
                events = self.talk.read(f"readouts of {n_steps} steps")
            except BoardTimeoutError as error:
                raise self._incomplete(found, n_steps, error) from error
            self._sort(events, found, start, n_steps)
        # Nothing of this run may turn up in the next one, and duplicates shall be seen.
        self._sort(self.talk.barrier(), found, start, n_steps)
        return [found[step] for step in range(n_steps)]

    def _incomplete(
        self, found: Mapping[int, ev.Readout], n_steps: int, silence: BoardTimeoutError
    ) -> BoardError:
        missing = [step for step in range(n_steps) if step not in found]
        if len(missing) + min(missing) == n_steps:
            return BoardTimeoutError(
                f"{silence}; readouts of the first {len(found)} of {n_steps} steps had come"
            )
        return BoardDataError(
            f"readouts of {len(missing)} of {n_steps} steps never came from {self.link.identity}, "
            f"first step {missing[0]}: run again; if it happens again, try another cable or port"
        )

    def _sort(
        self,
        events: list[ev.Event],
        found: dict[int, ev.Readout],
        start: int,
        n_steps: int,
    ) -> None:
        """Put readouts where they belong; whatever is odd about them is an error or a notice."""
        for event in events:
            if not isinstance(event, ev.Readout):
                continue
            step = self.step_after(event) - 1 - start
            if not 0 <= step < n_steps:
                raise BoardDataError(
                    f"{self.link.identity} sent a readout of step {step + start}, which was not asked "
                    f"for (steps {start} to {start + n_steps - 1} were): run again, and check that "
                    "no other process drives it"
                )
            if step in found and found[step] != event:
                raise BoardDataError(
                    f"{self.link.identity} sent two different readouts of step {step}: run again"
                )
            if step in found:
                self.notices.append(f"the readout of step {step} came twice, with equal content")
            elif found and step < max(found):
                self.notices.append(f"the readout of step {step} came after one of a later step")
            found[step] = event

    def traces(self, readouts: list[ev.Readout], kind: str) -> Traces:
        """What the readouts show, by the names of a record."""
        ids = self.shown(kind)
        traces: Traces = {
            "Spikes_out": self._column(readouts, "output_spikes", self.config.n_outputs),
            "Vmem_out": self._column(readouts, "output_v_mems", self.config.n_outputs),
        }
        fields = {"v_mem": "neuron_v_mems", "i_syn": "neuron_i_syns", "spike": "hidden_spikes"}
        states = {
            state: self._column(readouts, field, len(ids[state])) for state, field in fields.items()
        }
        return traces | self.by_name(states, ids)

    def _column(
        self, readouts: list[ev.Readout], field: str, n_neurons: int
    ) -> Int[np.ndarray, "time _"]:
        rows = [getattr(readout, field) for readout in readouts]
        for step, row in enumerate(rows):
            if len(row) != n_neurons:
                raise BoardDataError(
                    f"the readout of step {step} from {self.link.identity} has {len(row)} values "
                    f"in `{field}`, expected are {n_neurons}: run again"
                )
        return np.array(rows, np.int64).reshape(len(rows), n_neurons)

    def by_name(
        self, states: Mapping[str, Integer[np.ndarray, "time _"]], ids: Mapping[str, range]
    ) -> Traces:
        """States of some neurons by the names of a record, hidden neurons and outputs apart."""
        names = {
            "v_mem": ("Vmem", "Vmem_out"),
            "i_syn": ("Isyn", "Isyn_out"),
            "i_syn2": ("Isyn2", ""),
            "spike": ("Spikes", ""),
        }
        traces: Traces = {}
        for state, values in states.items():
            hidden, output = names[state]
            n_hidden = sum(neuron < self.config.n_hidden for neuron in ids[state])
            if n_hidden:
                traces[hidden] = values[:, :n_hidden]
            if n_hidden < len(ids[state]):
                traces[output] = values[:, n_hidden:]
        return traces

    def _checked(self, traces: Traces, n_steps: int) -> Traces:
        """The traces in the types of a record, if their values can be what a chip shows."""
        chip = self.config.chip
        limits = {
            "Spikes": (0, chip.max_hidden_spikes),
            "Spikes_out": (0, chip.max_output_spikes),
        }
        checked: Traces = {}
        for name, values in traces.items():
            low, high = limits.get(name, (chip.state_range.low, chip.state_range.high))
            outside = (values < low) | (values > high)
            if outside.any():
                step, neuron = np.argwhere(outside)[0].tolist()
                raise BoardDataError(
                    f"{self.link.identity} sent {values[step, neuron]} as `{name}` of neuron "
                    f"{neuron} in step {step}, possible is {low}..{high}: run again"
                )
            if len(values) != n_steps:
                raise BoardDataError(
                    f"{self.link.identity} sent {len(values)} steps of `{name}`, expected are "
                    f"{n_steps}: run again"
                )
            checked[name] = values.astype(RECORDED[name].dtype)
        return checked

    # Step by step --------------------------------------------------------------------------------

    def step(self, counts: UInt8[np.ndarray, "time input"], kind: str, start: int) -> Traces:
        """Go through a raster in manual mode, and read the states after each step.

        Args:
            counts: spikes of each channel in each step.
            kind: what was prepared.
            start: number of the first step, from `next_step`.

        Raises:
            BoardDataError: the chip did not take just these steps.
            BoardTimeoutError: nothing more came.
        """
        ids = self.states_to_read(kind)
        fired, states = [], []
        for row in counts:
            spikes = [ev.Spike(c) for c in np.flatnonzero(row).tolist() for _ in range(int(row[c]))]
            self.link.write([*spikes, ev.TriggerProcessing()])
            self._wait_until_done()
            fired.append(self._outputs_that_fired())
            states.append({state: self.read_states(state, ids[state]) for state in ids})
        # What says that a step is done may speak of the step before.
        if (end := self.next_step()) != start + len(counts):
            raise BoardDataError(
                f"{self.link.identity} went from step {start} to step {end} with {len(counts)} "
                "triggers: a trigger was lost or came twice: run again"
            )
        joined = {state: np.array([step[state] for step in states], np.int64) for state in ids}
        traces = {"Spikes_out": np.array(fired, np.int64), **self.by_name(joined, ids)}
        return self._checked(traces, len(counts))

    def states_to_read(self, kind: str) -> dict[str, range]:
        """Ids of the neurons whose states are read after each step, by state."""
        n_hidden, n_all = self.config.n_hidden, self.config.n_hidden + self.config.n_outputs
        if kind == "all":
            both = {"v_mem": range(n_all), "i_syn": range(n_all), "spike": range(n_hidden)}
            return both | ({"i_syn2": range(n_hidden)} if self.config.n_synapses == 2 else {})
        outputs = range(n_hidden, n_all)
        return {"Isyn": {"i_syn": outputs}, "Vmem": {"v_mem": outputs}}.get(kind, {})

    def _wait_until_done(self) -> None:
        if self.registers.done is None:
            self.talk.wait_for(ev.Interrupt)
            return
        address, bit = self.registers.done
        for _ in range(_MAX_POLLS):
            if self.talk.register(address) >> bit & 1:
                return
        raise BoardTimeoutError(f"{self.link.identity} does not finish a step: reset it")

    def _outputs_that_fired(self) -> list[int]:
        bits = self.talk.register(self.registers.output_spikes)
        return [bits >> neuron & 1 for neuron in range(self.config.n_outputs)]

    @abstractmethod
    def read_states(self, state: str, ids: range) -> list[int]:
        """States of neurons as they are now.

        Args:
            state: `v_mem`, `i_syn`, `i_syn2` or `spike`.
            ids: of the neurons; outputs follow the hidden ones.
        """

    # Real time -----------------------------------------------------------------------------------

    @abstractmethod
    def live(self, n_steps: int) -> Iterator[LiveStep]:
        """Follow the sensor: what the readouts show of each step, as they come."""


_MAX_POLLS = 1000
