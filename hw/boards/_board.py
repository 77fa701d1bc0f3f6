"""`Board`: what every board does, real or not."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Shaped

from .._config import XyloConfig
from .._sim import StateArrays
from ..chips import Chip
from ..engines import Recordings
from ._link import BoardIdentity
from ._live import LiveStep


@dataclass(frozen=True, eq=False)
class PowerReading:
    """Measured power.

    Attributes:
        samples: of each channel [W], in the order of time.
        rate_hz: samples in a second that were asked for.

    >>> reading = PowerReading({"core": np.array([2e-4, 4e-4])}, rate_hz=5.0)
    >>> reading.mean_uw
    {'core': 300.0}
    """

    samples: Mapping[str, Float[np.ndarray, "..."]]
    rate_hz: float

    @property
    def mean_uw(self) -> dict[str, float]:
        """Mean of each channel [microwatt]."""
        return {name: float(values.mean() * 1e6) for name, values in self.samples.items()}


B = TypeVar("B", bound="Board")


class Board(ABC):
    """A chip that is driven from outside.

    It follows the protocol of `XyloSim`: `output, new_state, record = board(raster)`, so it can
    stand wherever a simulator can, in `compare` for one. Every call starts from the state after a
    reset; `set_attributes` goes on from where another call ended.

    A result is complete and right, or there is a `BoardError` and no result.
    """

    @property
    @abstractmethod
    def chip(self) -> Chip:
        """The chip on the board."""

    @property
    @abstractmethod
    def config(self) -> XyloConfig:
        """What is loaded.

        Raises:
            BoardError: nothing is.
        """

    @property
    @abstractmethod
    def output_mode(self) -> str:
        """What the output is: `Spike`, `Vmem` or `Isyn`."""

    @property
    @abstractmethod
    def stepwise(self) -> bool:
        """Whether it goes step by step in manual mode."""

    @property
    @abstractmethod
    def notices(self) -> tuple[str, ...]:
        """What was noticed in the last call and did no harm."""

    @abstractmethod
    def identify(self) -> BoardIdentity:
        """Which board it is."""

    @abstractmethod
    def load(self, config: XyloConfig) -> bool:
        """Load a configuration, unless it is the one that is loaded.

        Returns:
            Whether anything was sent to the board.
        """

    @abstractmethod
    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch time output"], StateArrays, Recordings]:
        """Go through a raster as fast as the chip can."""

    @abstractmethod
    def __call__(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch time output"], StateArrays, Recordings]:
        """The same as `evolve`."""

    @property
    @abstractmethod
    def power_channels(self) -> tuple[str, ...]:
        """Names of the channels whose power it can measure; empty: it measures none."""

    @abstractmethod
    def live(
        self,
        n_steps: int,
        *,
        front_end: Mapping[str, Any] | None = None,
        power: bool = False,
    ) -> Iterator[LiveStep]:
        """Follow the sensor in real time: what the board shows of each step, as it comes."""

    @abstractmethod
    def set_attributes(self, new_state: Mapping[str, object]) -> "Board":
        """The board, to go on from where a call ended."""

    @abstractmethod
    def reset_state(self) -> "Board":
        """The board, to start from the state after a reset."""

    @abstractmethod
    def with_options(
        self, *, output_mode: str | None = None, stepwise: bool | None = None
    ) -> "Board":
        """The same board, with another output, or step by step in manual mode."""

    @abstractmethod
    def power(self, duration_s: float = 1.0) -> PowerReading:
        """Measure the power, for so long."""

    @abstractmethod
    def close(self) -> None:
        """Give the board back."""

    def __enter__(self: B) -> B:
        """The board itself; it is closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()
