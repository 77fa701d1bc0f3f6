"""`SamnaLink`: one board behind the vendor's software.

Source: samna contract, section 1 (devices, models, graphs, power) and the sections of each chip.
"""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
from jaxtyping import Int

from ...chips import Chip
from .._configuration import Fields
from .._errors import BoardDataError, BoardError
from .._events import Event
from .._link import BoardIdentity, Link, StateSink
from .._live import PowerSamples
from .._models import vendor_model
from ._lock import BoardLock
from ._objects import EventTranslator, configuration_object
from ._watchdog import CALL_LIMIT_S, Watchdog


class SamnaLink(Link):
    """What all boards of the vendor have in common.

    Args:
        samna: the vendor's software.
        chip: the chip on the board.
        info: the vendor's description of the device.
        serial: what tells the board from others.
        lock: on the board; given back with it.
        call_limit_s: how long a call of the vendor's software may take [s].
    """

    def __init__(
        self,
        samna: ModuleType,
        chip: Chip,
        info: Any,
        serial: str,
        lock: BoardLock,
        call_limit_s: float = CALL_LIMIT_S,
    ) -> None:
        self.chip = chip
        self._samna, self._lock = samna, lock
        self._vendor = vendor_model(chip)
        version = str(getattr(samna, "__version__", ""))
        self.identity = BoardIdentity("samna", chip.name, serial, {}, version)
        self.call = Watchdog(str(self.identity), call_limit_s)
        self._core = getattr(samna, self._vendor.module)
        self._translator = EventTranslator(samna, self._vendor)
        # Graphs must outlive what flows through them.
        self._graphs: list[Any] = []
        self._board: Any = None
        try:
            firmware = self.call(lambda: self._open(info))
        except BaseException:
            self.close()
            raise
        self.identity = BoardIdentity("samna", chip.name, serial, firmware, version)

    def _open(self, info: Any) -> dict[str, str]:
        """Open the board, and give the versions of its firmware."""
        self._board = self._samna.device.open_device(info)
        found = self._board.get_firmware_versions()
        self._model = self.model_of(self._board)
        self._buffer = self._samna.graph.sink_from(self._model.get_source_node())
        self._writer = self._samna.graph.source_to(self._model.get_sink_node())
        return {part: str(getattr(found, part)) for part in ("fxtree", "unifirm")}

    # What differs between boards ------------------------------------------------------------------

    def model_of(self, board: Any) -> Any:
        """The part of the board that stands for the core."""
        return board.get_model()

    def reset_board(self) -> None:
        """Reset the chip."""
        self.call(lambda: self._board.reset_board_soft())

    def set_ram_access(self, is_open: bool) -> None:
        """Most boards have no such call."""

    def set_sensor(self, is_on: bool) -> None:
        """Most boards have no such call."""

    def state_sink(self) -> StateSink:
        """Most boards need none.

        Raises:
            BoardError: always.
        """
        raise BoardError(f"{self.identity} shows states in its readouts")

    @abstractmethod
    def start_stopwatch(self, stopwatch: Any) -> None:
        """Start what gives events of power their time."""

    # What is the same -----------------------------------------------------------------------------

    def validate(self, fields: Fields) -> str:
        """What the vendor's validator has against a configuration."""
        return self._problem(self.configuration(fields))

    def configuration(self, fields: Fields) -> Any:
        """The vendor's configuration object."""
        return configuration_object(self._samna, self._vendor, fields)

    def _problem(self, configuration: Any) -> str:
        is_valid, message = self._core.validate_configuration(configuration)
        return "" if is_valid else message or "it gives no reason"

    def apply(self, fields: Fields) -> None:
        """Apply a configuration.

        Raises:
            ValueError: the vendor's validator has something against it.
        """
        configuration = self.configuration(fields)
        if problem := self._problem(configuration):
            raise ValueError(problem)
        self.call(lambda: self._model.apply_configuration(configuration))

    def write(self, events: Sequence[Event]) -> None:
        """Send events."""
        translated = self._translator.to_vendor(events)
        self.call(lambda: self._writer.write(translated))

    def read(self, timeout_s: float) -> list[Event]:
        """Events that have come."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            found = self.call(partial(self._await_events, left), waits_s=left)
            if not found:
                return []
            # Of events that no driver needs there may be any number.
            if events := self._translator.from_vendor(found):
                return events
        return []

    def _await_events(self, timeout_s: float) -> list[Any]:
        return self._buffer.get_events_blocking(max(1, round(timeout_s * 1000)))

    @contextmanager
    def power_meter(self, rate_hz: float) -> Iterator[Callable[[], PowerSamples]]:
        """Measure power for the length of a block."""
        monitor, buffer = self.call(lambda: self._start_power(rate_hz))
        try:
            yield lambda: self._by_channel(self.call(lambda: buffer.get_events()))
        finally:
            self.call(lambda: monitor.stop_auto_power_measurement())

    def _start_power(self, rate_hz: float) -> tuple[Any, Any]:
        monitor = self._board.get_power_monitor()
        buffer = self._samna.graph.sink_from(monitor.get_source_node())
        self.start_stopwatch(self._board.get_stop_watch())
        # Starting twice in a row has crashed the vendor's software.
        if monitor.is_auto_power_measurement_active():
            monitor.stop_auto_power_measurement()
        monitor.start_auto_power_measurement(rate_hz)
        return monitor, buffer

    def _by_channel(self, events: Sequence[Any]) -> PowerSamples:
        channels = getattr(self._samna, self._vendor.board_module).MeasurementChannels
        return {
            name: np.array(
                [e.value for e in events if int(e.channel) == int(getattr(channels, name))], float
            )
            for name in self._vendor.power_channels
        }

    def close(self) -> None:
        """Give the board back, unless a call blocks: that one holds it until the process ends."""
        try:
            if not self.call.is_stuck and not self.call.is_closed:
                self.call(self._close_board)
        finally:
            if not self.call.is_stuck:
                self._lock.release()
            self.call.close()

    def _close_board(self) -> None:
        # Asked here and not before: an interrupted opening may have ended just now.
        board, self._board = self._board, None
        if board is not None:
            self._samna.device.close_device(board)


class Audio3Link(SamnaLink):
    """Xylo Audio 3."""

    def start_stopwatch(self, stopwatch: Any) -> None:
        """Start it."""
        stopwatch.start()


class ImuLink(SamnaLink):
    """Xylo IMU."""

    def set_ram_access(self, is_open: bool) -> None:
        """Open or close the state memory."""
        if is_open:
            self.call(lambda: self._model.open_ram_access())
        else:
            self.call(lambda: self._model.close_ram_access())

    def set_sensor(self, is_on: bool) -> None:
        """Take accelerations from the sensor, or from here."""
        self.call(lambda: self._board.enable_manual_input_acceleration(not is_on))

    def start_stopwatch(self, stopwatch: Any) -> None:
        """Enable it."""
        stopwatch.set_enable_value(True)


class Audio2Link(SamnaLink):
    """Xylo Audio 2, with a model of the core and one of the front end."""

    def model_of(self, board: Any) -> Any:
        """The model of the core."""
        return board.get_xylo_model()

    def reset_board(self) -> None:
        """There is no such call; states are cleared with the next configuration."""

    def set_sensor(self, is_on: bool) -> None:
        """Let spikes of the front end in, or not."""
        self.call(lambda: self._board.get_afe_model().set_saer_interface_enable(is_on))

    def state_sink(self) -> StateSink:
        """A new collector behind the core."""
        return _NodeSink(self, self.call(self._joined_sink))

    def _joined_sink(self) -> Any:
        node = self._core.NeuronStateSinkNode()
        graph = self._samna.graph.EventFilterGraph()
        graph.sequential([self._model.get_source_node(), node])
        self._graphs.append(graph)
        return node

    def start_stopwatch(self, stopwatch: Any) -> None:
        """Enable it."""
        stopwatch.set_enable_value(True)


class _NodeSink(StateSink):
    """The vendor's collector of states."""

    def __init__(self, link: SamnaLink, node: Any) -> None:
        self._link, self._node = link, node

    def set_configuration(self, fields: Fields) -> None:
        """Tell it what is monitored."""
        configuration = self._link.configuration(fields)
        self._link.call(lambda: self._node.set_configuration(configuration))

    def reset(self) -> None:
        """Forget all."""
        self._link.call(lambda: self._node.reset())

    def values(self, name: str) -> Int[np.ndarray, "neuron time"]:
        """What was collected."""
        rows = self._link.call(lambda: getattr(self._node, f"get_{name}")())
        if len({len(row) for row in rows}) > 1:
            raise BoardDataError(f"`{name}` has neurons with different numbers of steps")
        return np.array(rows, np.int64).reshape(len(rows), len(rows[0]) if rows else 0)


LINKS: Mapping[str, type[SamnaLink]] = MappingProxyType(
    {"SYNS61201": Audio2Link, "SYNS63300": ImuLink, "SYNS65302": Audio3Link}
)
"""By `Chip.name`."""
