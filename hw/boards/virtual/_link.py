"""`VirtualLink`: a virtual device behind a wire that can fail, with a clock of its own.

No time is waited for: a read that finds nothing lets the clock jump to when something comes, or to
its timeout. What takes hours with a board that hangs takes no time here.
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn

import numpy as np
from jaxtyping import Int, UInt8

from ...chips import Chip
from .._configuration import Fields
from .._errors import BoardDataError, BoardError, BoardLostError
from .._events import Event, Readout
from .._link import BoardIdentity, Link, StateSink
from ._device import VirtualDevice, validate_fields
from ._faults import Fault, Wire

_SINK_FIELDS = {
    "reservoir_i_syn": "neuron_i_syns",
    "reservoir_i_syn2": "neuron_i_syns2",
    "reservoir_v_mem": "neuron_v_mems",
    "reservoir_spike": "hidden_spikes",
    "output_spike": "output_spikes",
}


class VirtualSink(StateSink):
    """Collects what readouts of Audio 2 and Xylo 1 hold, as the vendor's node does."""

    def __init__(self) -> None:
        self._steps: list[Readout] = []

    def set_configuration(self, fields: Fields) -> None:
        """Forget all; what is monitored the readouts say themselves."""
        self.reset()

    def reset(self) -> None:
        """Forget all."""
        self._steps = []

    def feed(self, event: Event) -> None:
        """Take what came from the device; the answer to `TriggerReadout` has no output spikes."""
        if isinstance(event, Readout) and event.output_spikes:
            self._steps.append(event)

    def values(self, name: str) -> Int[np.ndarray, "neuron time"]:
        """What was collected."""
        rows = [getattr(step, _SINK_FIELDS[name]) for step in self._steps]
        if len({len(row) for row in rows}) > 1:
            raise BoardDataError(f"`{name}` has steps of different length")
        width = len(rows[0]) if rows else 0
        return np.array(rows, np.int64).reshape(len(rows), width).T


class VirtualLink(Link):
    """The way to one virtual device.

    Args:
        chip: which one.
        serial: of the board.
        firmware: versions by part.
        faults: what goes wrong.
        refuses: what the validator says of every configuration; empty: it says what is so.
        sensor: what the front end gives in real time.
    """

    measures_power = False

    def __init__(
        self,
        chip: Chip,
        serial: str,
        firmware: Mapping[str, str],
        faults: Sequence[Fault] = (),
        refuses: str = "",
        sensor: UInt8[np.ndarray, "time input"] | None = None,
    ) -> None:
        self.chip = chip
        self.identity = BoardIdentity("virtual", chip.name, serial, dict(firmware))
        self.device = VirtualDevice(chip, sensor)
        self._refuses = refuses
        self._to_board = Wire([f for f in faults if f.direction == "to board"])
        self._from_board = Wire([f for f in faults if f.direction == "from board"])
        self._now_s = 0.0
        # What is on its way: when it is due, and what.
        self._coming: list[tuple[float, Event]] = []
        self._held: list[Event] = []
        self._sinks: list[VirtualSink] = []
        self._is_lost = False

    def validate(self, fields: Fields) -> str:
        """What the validator has against a configuration."""
        self._require_open()
        return self._refuses or validate_fields(self.chip, fields)

    def apply(self, fields: Fields) -> None:
        """Apply a configuration."""
        self._require_open()
        if self._refuses:
            raise ValueError(self._refuses)
        if not self._to_board.is_dead:
            self.device.apply(fields)

    def write(self, events: Sequence[Event]) -> None:
        """Send events."""
        self._require_open()
        self._send([*self._held, *events], n_held=len(self._held))

    def _send(self, events: Sequence[Event], n_held: int) -> None:
        held, self._held = events[:n_held], []
        through: list[Event] = list(held) if not self._to_board.is_dead else []
        try:
            for event, delay in self._to_board.carry(events[n_held:]):
                (self._held if delay else through).append(event)
            self._emit(self.device.write(through))
        except BoardLostError:
            self._is_lost = True
            raise

    def _emit(self, events: Sequence[Event]) -> None:
        for event, delay in self._from_board.carry(events):
            self._coming.append((self._now_s + delay, event))
        self._coming.sort(key=lambda entry: entry[0])

    def read(self, timeout_s: float) -> list[Event]:
        """Events that have come."""
        self._require_open()
        if not self._is_due():
            self._wait(timeout_s)
        due = [event for time, event in self._coming if time <= self._now_s]
        self._coming = self._coming[len(due) :]
        for event in due:
            for sink in self._sinks:
                sink.feed(event)
        return due

    def _wait(self, timeout_s: float) -> None:
        until = self._now_s + timeout_s
        try:
            while self._now_s < until and not self._is_due():
                next_due = self._coming[0][0] if self._coming else until
                elapsed, events = self.device.advance(min(until, next_due) - self._now_s)
                self._now_s += elapsed
                self._emit(events)
        except BoardLostError:
            self._is_lost = True
            raise

    def _is_due(self) -> bool:
        return bool(self._coming) and self._coming[0][0] <= self._now_s

    def reset_board(self) -> None:
        """Reset the chip."""
        self._require_open()
        if not self._to_board.is_dead:
            self.device.reset()

    def set_ram_access(self, is_open: bool) -> None:
        """Open or close the state memory."""
        self._require_open()
        self.device.ram_is_open = is_open

    def set_sensor(self, is_on: bool) -> None:
        """Let the sensor be the input in real time."""
        self._require_open()
        self.device.sensor_is_on = is_on

    def state_sink(self) -> StateSink:
        """A new collector of states."""
        sink = VirtualSink()
        self._sinks.append(sink)
        return sink

    def power_meter(self, rate_hz: float) -> NoReturn:
        """A virtual board has no power that could be measured.

        Raises:
            BoardError: always.
        """
        raise BoardError(
            "a virtual board draws no power: measure on a real one, or see the range that "
            "`estimate_cost` gives"
        )

    def sensed_spikes(self, step: int) -> UInt8[np.ndarray, " input"] | None:
        """What the front end gave to the core in a step."""
        return self.device.sensed.pop(step, None)

    def close(self) -> None:
        """Give the board back."""
        self._is_lost = True

    def _require_open(self) -> None:
        if self._is_lost:
            raise BoardLostError(
                f"{self.identity} is closed or its connection broke: open it again"
            )
