"""`Link`: what the vendor's software offers of one board, and nothing more."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from ..chips import Chip
from ._configuration import Fields
from ._events import Event
from ._live import PowerSamples


@dataclass(frozen=True)
class BoardIdentity:
    """Which board it is.

    Attributes:
        kind: `virtual`, `samna` or `recorded`.
        chip: name of the chip.
        serial: what tells this board from others.
        firmware: versions by part.
        samna: version of the vendor's software; empty where none is used.
    """

    kind: str
    chip: str
    serial: str
    firmware: Mapping[str, str]
    samna: str = ""

    def __str__(self) -> str:
        """As messages name it: kind, chip, serial number."""
        return f"the {self.kind} {self.chip} board {self.serial!r}"


class StateSink(ABC):
    """What collects states on Xylo Audio 2 and Xylo 1, where readouts do not hold them.

    Each getter gives a list of all steps since the reset for each monitored neuron.
    """

    @abstractmethod
    def set_configuration(self, fields: Fields) -> None:
        """Tell it what is monitored."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all."""

    @abstractmethod
    def values(self, name: str) -> Int[np.ndarray, "neuron time"]:
        """What was collected.

        Args:
            name: `reservoir_i_syn`, `reservoir_i_syn2`, `reservoir_v_mem`, `reservoir_spike` or
                `output_spike`.

        Raises:
            BoardDataError: neurons differ in their number of steps.
        """


class Link(ABC):
    """One opened board, as the vendor's software shows it.

    Events are processed in the order in which they are written. Every method may raise
    `BoardLostError`.

    Attributes:
        chip: the chip on the board.
        identity: which board it is.
        measures_power: whether the board can measure its power.
    """

    chip: Chip
    identity: BoardIdentity
    measures_power: bool = True

    @abstractmethod
    def validate(self, fields: Fields) -> str:
        """What the vendor's validator has against a configuration; empty: nothing."""

    @abstractmethod
    def apply(self, fields: Fields) -> None:
        """Apply a configuration; fields that are not given have the vendor's defaults."""

    @abstractmethod
    def write(self, events: Sequence[Event]) -> None:
        """Send events."""

    @abstractmethod
    def read(self, timeout_s: float) -> list[Event]:
        """Events that have come; waits for at least one, and is empty after the timeout."""

    @abstractmethod
    def reset_board(self) -> None:
        """Reset the chip; its configuration is gone afterwards."""

    @abstractmethod
    def set_ram_access(self, is_open: bool) -> None:
        """Open or close access to the state memory, where a call does that (Xylo IMU)."""

    @abstractmethod
    def set_sensor(self, is_on: bool) -> None:
        """Let the sensor, or events from here, be the input, where a call chooses."""

    @abstractmethod
    def state_sink(self) -> StateSink:
        """What collects states, where readouts do not hold them."""

    @abstractmethod
    def power_meter(self, rate_hz: float) -> AbstractContextManager[Callable[[], PowerSamples]]:
        """Measure power for the length of a block, while the chip does whatever it does.

        Args:
            rate_hz: samples in a second.

        Returns:
            A block in which each call gives the samples of each channel [W], by the vendor's
            names, that came since the call before.

        Raises:
            BoardError: the board cannot measure it.
        """

    def sensed_spikes(self, step: int) -> Integer[np.ndarray, " input"] | None:
        """What the front end gave to the core in a step in real time, where that is known.

        Args:
            step: by the board's own count; each can be asked for once.
        """
        del step
        return None

    @abstractmethod
    def close(self) -> None:
        """Give the board back; closing twice does nothing."""
