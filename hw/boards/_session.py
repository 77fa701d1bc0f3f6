"""`Session`: one opened board, what is loaded on it, and where it stands."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from .._config import XyloConfig
from .._errors import Violation
from ._configuration import Fields, unchecked_fields
from ._errors import BoardDataError, BoardError, BoardRefusedError
from ._link import Link
from ._live import LiveStep, PowerSamples
from .drivers import Driver
from .drivers._driver import ACCELERATED, MANUAL, REAL_TIME, Traces

# What the vendor's configuration has no place for, so that its validator cannot be asked.
_UNSPEAKABLE = frozenset({"alias_targets_within_limit", "synapses_within_limit"})


class _Position(NamedTuple):
    """Where a board stands: after which input since a reset, and at which step of its own count."""

    past: bytes
    next_step: int


class Session:
    """What several handles of one board share.

    Args:
        link: to the board.
        timeout_s: how long the board may be silent while something is awaited [s].
        driver: how the board is driven.

    Attributes:
        link: the same.
        notices: what was noticed in the last call and did no harm.
    """

    def __init__(self, link: Link, timeout_s: float, driver: type[Driver]) -> None:
        self.link = link
        self._driver_class = driver
        self.notices: list[str] = []
        self._timeout_s = timeout_s
        self._config: XyloConfig | None = None
        self._driver: Driver | None = None
        self._position: _Position | None = None
        self._is_dirty = False

    @property
    def config(self) -> XyloConfig:
        """What is loaded."""
        if self._config is None:
            raise BoardError(f"{self.link.identity} has no configuration: `load` one first")
        return self._config

    def load(self, config: XyloConfig, kind: str, *, stepwise: bool) -> bool:
        """Load a configuration, unless it is loaded already; the mode is that of the next run."""
        if config.chip.name != self.link.chip.name:
            raise ValueError(
                f"the configuration is for {config.chip.name}, {self.link.identity} has another "
                "chip: deploy for it"
            )
        if self._driver is not None and self.config == config:
            return False
        self._require_valid(config)
        # From here on the board has neither the old configuration nor surely the new one.
        self._config, self._driver = config, None
        with self._forgetting():
            self._ready_driver().prepare(MANUAL if stepwise else ACCELERATED, kind)
        return True

    def _require_valid(self, config: XyloConfig) -> None:
        found = config.violations()
        can_ask = not _UNSPEAKABLE & {violation.rule for violation in found}
        message = self.link.validate(unchecked_fields(config)) if can_ask else ""
        if found or message:
            raise self._refused(found, message)

    def _refused(self, found: list[Violation], message: str) -> BoardRefusedError:
        return BoardRefusedError(str(self.link.identity), found, message)

    def _ready_driver(self) -> Driver:
        """The driver of the configuration, after a failed call on a board that was reset."""
        if self._driver is None:
            if self._is_dirty:
                self.link.reset_board()
                self._is_dirty = False
            self._driver = self._driver_class(self.link, self.config, self._timeout_s)
            self._position = None
        return self._driver

    def forget(self) -> None:
        """Take nothing for granted any more: the next call begins with a reset and loads anew."""
        self._driver, self._position, self._is_dirty = None, None, True

    def run(
        self,
        past: UInt8[np.ndarray, "past input"],
        counts: UInt8[np.ndarray, "time input"],
        kind: str,
        *,
        stepwise: bool,
        afresh: bool,
    ) -> Traces:
        """Go through a raster.

        Args:
            past: input since the reset.
            counts: the raster.
            kind: what is to be shown.
            stepwise: in manual mode, not in accelerated time.
            afresh: start with a reset, even if the board stands where the past ended.
        """
        with self._forgetting():
            driver = self._ready_driver()
            driver.notices = []
            mode = MANUAL if stepwise else ACCELERATED
            is_there = self._position is not None and self._position.past == _digest(past)
            if driver.prepare(mode, kind) or afresh or not is_there:
                self._position = None
                driver.restart(mode, kind)
                given = np.concatenate([past, counts])
            else:
                given = counts
            start = driver.next_step()
            if self._position is not None and start != self._position.next_step:
                raise BoardDataError(
                    f"{self.link.identity} is at step {start}, it was left at step "
                    f"{self._position.next_step}: check that no other process drives it"
                )
            self._position = None
            traces = driver.step(given, kind, start) if stepwise else driver.run(given, kind, start)
            position = _digest(np.concatenate([past, counts]))
            self._position = _Position(position, start + len(given))
            self.notices += driver.notices
            return {name: values[len(given) - len(counts) :] for name, values in traces.items()}

    def live(
        self,
        n_steps: int,
        front_end: Fields,
        meter: AbstractContextManager[Callable[[], PowerSamples]],
    ) -> Iterator[LiveStep]:
        """Follow the sensor.

        Args:
            n_steps: how many steps.
            front_end: its settings.
            meter: what gives the samples of power since it was asked before.
        """
        # The end of a block that stopped listening is a failure, too: the chip still runs.
        with self._forgetting():
            driver = self._ready_driver()
            self._position = None
            driver.front_end, driver.notices = front_end, []
            driver.restart(REAL_TIME, "Spike")
            with meter as read_power:
                for step in driver.live(n_steps):
                    self.notices, driver.notices = self.notices + driver.notices, []
                    yield replace(step, power=read_power())
            driver.restart(ACCELERATED, "Spike")

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        """After any failure nothing is known of the board."""
        try:
            yield
        except BoardError:
            self.forget()
            raise
        except ValueError as error:
            # The vendor's validator, when the configuration was applied.
            self.forget()
            raise self._refused([], str(error)) from error
        except BaseException:
            self.forget()
            raise


def _digest(raster: UInt8[np.ndarray, "time input"]) -> bytes:
    return hashlib.sha256(f"{raster.shape}".encode() + raster.tobytes()).digest()
