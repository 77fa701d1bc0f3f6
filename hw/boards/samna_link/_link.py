"""`SamnaLink`: one board behind the vendor's software.

Source: samna contract, section 1 (devices, models, graphs, power) and the sections of each chip.
"""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
from jaxtyping import Int

from ...chips import Chip
from .._configuration import Fields
from .._errors import CHECK_LIST, BoardDataError, BoardError, BoardLostError
from .._events import Event
from .._link import BoardIdentity, Link, StateSink
from .._live import PowerSamples
from .._models import vendor_model
from ._lock import BoardLock
from ._objects import EventTranslator, configuration_object


class SamnaLink(Link):
    """What all boards of the vendor have in common.

    Args:
        samna: the vendor's software.
        chip: the chip on the board.
        info: the vendor's description of the device.
        serial: what tells the board from others.
        lock: on the board; given back with it.
    """

    def __init__(
        self, samna: ModuleType, chip: Chip, info: Any, serial: str, lock: BoardLock
    ) -> None:
        self.chip = chip
        self._samna, self._lock = samna, lock
        self._vendor = vendor_model(chip)
        version = str(getattr(samna, "__version__", ""))
        self.identity = BoardIdentity("samna", chip.name, serial, {}, version)
        self._core = getattr(samna, self._vendor.module)
        self._translator = EventTranslator(samna, self._vendor)
        # Graphs must outlive what flows through them.
        self._graphs: list[Any] = []
        self._board: Any = None
        try:
            with self._reaching_the_board():
                self._board = samna.device.open_device(info)
                found = self._board.get_firmware_versions()
                firmware = {part: str(getattr(found, part)) for part in ("fxtree", "unifirm")}
                self._model = self.model_of(self._board)
                self._buffer = samna.graph.sink_from(self._model.get_source_node())
                self._writer = samna.graph.source_to(self._model.get_sink_node())
        except BaseException:
            self.close()
            raise
        self.identity = BoardIdentity("samna", chip.name, serial, firmware, version)

    # What differs between boards ------------------------------------------------------------------

    def model_of(self, board: Any) -> Any:
        """The part of the board that stands for the core."""
        return board.get_model()

    def reset_board(self) -> None:
        """Reset the chip."""
        with self._reaching_the_board():
            self._board.reset_board_soft()

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

    @contextmanager
    def _reaching_the_board(self) -> Iterator[None]:
        """Make errors of the vendor's software ours; it has no classes to tell them apart."""
        try:
            yield
        except BoardError:
            raise
        except Exception as error:
            raise BoardLostError(
                f"samna could not reach {self.identity} ({error}): {CHECK_LIST}"
            ) from error

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
        with self._reaching_the_board():
            self._model.apply_configuration(configuration)

    def write(self, events: Sequence[Event]) -> None:
        """Send events."""
        with self._reaching_the_board():
            self._writer.write(self._translator.to_vendor(events))

    def read(self, timeout_s: float) -> list[Event]:
        """Events that have come."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            with self._reaching_the_board():
                found = self._buffer.get_events_blocking(max(1, round(left * 1000)))
            if not found:
                return []
            # Of events that no driver needs there may be any number.
            if events := self._translator.from_vendor(found):
                return events
        return []

    @contextmanager
    def power_meter(self, rate_hz: float) -> Iterator[Callable[[], PowerSamples]]:
        """Measure power for the length of a block."""
        with self._reaching_the_board():
            monitor = self._board.get_power_monitor()
            buffer = self._samna.graph.sink_from(monitor.get_source_node())
            self.start_stopwatch(self._board.get_stop_watch())
            # Starting twice in a row has crashed the vendor's software.
            if monitor.is_auto_power_measurement_active():
                monitor.stop_auto_power_measurement()
            monitor.start_auto_power_measurement(rate_hz)

        def read() -> PowerSamples:
            with self._reaching_the_board():
                return self._by_channel(buffer.get_events())

        try:
            yield read
        finally:
            with self._reaching_the_board():
                monitor.stop_auto_power_measurement()

    def _by_channel(self, events: Sequence[Any]) -> PowerSamples:
        channels = getattr(self._samna, self._vendor.board_module).MeasurementChannels
        return {
            name: np.array(
                [e.value for e in events if int(e.channel) == int(getattr(channels, name))], float
            )
            for name in self._vendor.power_channels
        }

    def close(self) -> None:
        """Give the board back."""
        board, self._board = self._board, None
        try:
            if board is not None:
                with self._reaching_the_board():
                    self._samna.device.close_device(board)
        finally:
            self._lock.release()


class Audio3Link(SamnaLink):
    """Xylo Audio 3."""

    def start_stopwatch(self, stopwatch: Any) -> None:
        """Start it."""
        stopwatch.start()


class ImuLink(SamnaLink):
    """Xylo IMU."""

    def set_ram_access(self, is_open: bool) -> None:
        """Open or close the state memory."""
        with self._reaching_the_board():
            if is_open:
                self._model.open_ram_access()
            else:
                self._model.close_ram_access()

    def set_sensor(self, is_on: bool) -> None:
        """Take accelerations from the sensor, or from here."""
        with self._reaching_the_board():
            self._board.enable_manual_input_acceleration(not is_on)

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
        with self._reaching_the_board():
            self._board.get_afe_model().set_saer_interface_enable(is_on)

    def state_sink(self) -> StateSink:
        """A new collector behind the core."""
        with self._reaching_the_board():
            node = self._core.NeuronStateSinkNode()
            graph = self._samna.graph.EventFilterGraph()
            graph.sequential([self._model.get_source_node(), node])
        self._graphs.append(graph)
        return _NodeSink(self, node)

    def start_stopwatch(self, stopwatch: Any) -> None:
        """Enable it."""
        stopwatch.set_enable_value(True)


class _NodeSink(StateSink):
    """The vendor's collector of states."""

    def __init__(self, link: SamnaLink, node: Any) -> None:
        self._link, self._node = link, node

    def set_configuration(self, fields: Fields) -> None:
        """Tell it what is monitored."""
        self._node.set_configuration(self._link.configuration(fields))

    def reset(self) -> None:
        """Forget all."""
        self._node.reset()

    def values(self, name: str) -> Int[np.ndarray, "neuron time"]:
        """What was collected."""
        rows = getattr(self._node, f"get_{name}")()
        if len({len(row) for row in rows}) > 1:
            raise BoardDataError(f"`{name}` has neurons with different numbers of steps")
        return np.array(rows, np.int64).reshape(len(rows), len(rows[0]) if rows else 0)


LINKS: Mapping[str, type[SamnaLink]] = MappingProxyType(
    {"SYNS61201": Audio2Link, "SYNS63300": ImuLink, "SYNS65302": Audio3Link}
)
"""By `Chip.name`."""
