"""`DeviceBoard`: a board behind a link."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped, UInt8

from .._config import XyloConfig
from .._sim import OUTPUT_ARRAYS, StateArrays
from ..chips import Chip
from ..engines import RECORDED, Recordings, checked_raster, recordable
from ._board import PowerReading
from ._errors import BoardDataError, BoardError, BoardFirmwareError, BoardTimeoutError
from ._handle import BoardHandle
from ._link import BoardIdentity, Link
from ._live import LiveStep, PowerSamples
from ._models import outdated, vendor_model
from ._session import Session
from .drivers import DRIVERS, Driver
from .drivers._driver import Traces


class BoardRetryWarning(UserWarning):
    """A run failed and was done again, from a reset."""


class DeviceBoard(BoardHandle):
    """Drives a board through its link, and lets no incomplete or doubtful result pass.

    Readouts must come for exactly the steps that were asked for; values must be possible; and
    since a board cannot tell that a spike was lost on its way to it, each raster is run twice, from
    a reset, and both must give the same.

    Args:
        link: to the board.
        output_mode: what the output is: `Spike`, `Vmem` or `Isyn`.
        stepwise: use the manual mode, step by step with states read in between: slow, but it shows
            all that there is.
        confirm: run each raster twice. Without it a spike that is lost on its way to the board, or
            a readout with a wrong but possible number, is not noticed.
        retries: how often a run that timed out or gave doubtful data is done again, with a
            `BoardRetryWarning` each time.
        timeout_s: how long the board may be silent while something is awaited [s].
        driver: how the chip is driven; that of `DRIVERS` for it when not given.

    Attributes:
        notices: what was noticed in the last call and did no harm, such as readouts out of order.

    Raises:
        ValueError: an unknown output mode, or a number that is no time or count.
        BoardFirmwareError: the firmware is too old.
        BoardTimeoutError: the board does not answer.
    """

    def __init__(
        self,
        link: Link,
        *,
        output_mode: str = "Spike",
        stepwise: bool = False,
        confirm: bool = True,
        retries: int = 0,
        timeout_s: float = 5.0,
        driver: type[Driver] | None = None,
    ) -> None:
        if not timeout_s > 0 or retries < 0:
            raise ValueError(f"no time or count: timeout_s={timeout_s}, retries={retries}")
        super().__init__(output_mode, stepwise)
        self._confirm = confirm
        self._retries = retries
        driver = driver or DRIVERS[link.chip.name]
        self._session = Session(link, timeout_s, driver)
        try:
            self._require_firmware()
            driver.open(link, timeout_s)
        except BaseException:
            link.close()
            raise

    def _require_firmware(self) -> None:
        identity, chip = self.identify(), self.chip
        if old := outdated(identity.firmware, vendor_model(chip).min_firmware):
            raise BoardFirmwareError(
                f"the firmware of {identity} is too old: {'; '.join(old)}; update it with the "
                "vendor's tool"
            )

    @property
    def chip(self) -> Chip:
        """The chip on the board."""
        return self._session.link.chip

    @property
    def config(self) -> XyloConfig:
        """What is loaded.

        Raises:
            BoardError: nothing is.
        """
        return self._session.config

    @property
    def notices(self) -> tuple[str, ...]:
        """What was noticed in the last call and did no harm."""
        return tuple(self._session.notices)

    def identify(self) -> BoardIdentity:
        """Which board it is."""
        return self._session.link.identity

    def load(self, config: XyloConfig) -> bool:
        """Load a configuration, unless it is the one that is loaded.

        Args:
            config: for the chip of this board.

        Returns:
            Whether anything was sent to the board.

        Raises:
            BoardRefusedError: the chip does not take it, by our rules or the vendor's validator.
            ValueError: it is for another chip.
            BoardError: it could not be sent.
        """
        return self._session.load(config, self._output_mode, stepwise=self._stepwise)

    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch time output"], StateArrays, Recordings]:
        """Go through a raster as fast as the chip can.

        Args:
            data: spike counts of the input channels, whole numbers from 0 to 255,
                (time, input) or (batch, time, input). Counts above 15 are clipped, with a warning.
            record: whether to record what the neurons did; slower.

        Returns:
            Output (batch, time, output); the state, which is the input since the reset, `past`,
            uint8 (batch, time, input); the record, as that of `XyloSim` without `hibernation`,
            and of Audio 3 with two synapses without `Isyn2` unless the board is stepwise.

        Raises:
            TypeError: the data are no numbers.
            ValueError: they do not fit.
            BoardError: the board failed; there is no result, and the next call begins anew.

        Warns:
            InputClippedWarning: counts were clipped.
            BoardRetryWarning: a run was done again.
        """
        raster = checked_raster(data, self.config)
        past = self.past_of(len(raster))
        self._session.notices = []
        kind = "all" if record else self._output_mode
        if raster.size:
            results = [self._with_retries(*pair, kind) for pair in zip(past, raster, strict=True)]
            traces = {name: np.stack([each[name] for each in results]) for name in results[0]}
        else:
            traces = self._nothing(kind, *raster.shape[:2])
        output = traces[OUTPUT_ARRAYS[self._output_mode]]
        new_state: StateArrays = {"past": np.concatenate([past, raster], axis=1)}
        return output, new_state, self._record(traces) if record else {}

    # The same function and not one that calls it: warnings point at the line of the caller.
    __call__ = evolve

    def _nothing(self, kind: str, batch: int, n_steps: int) -> Recordings:
        """Of a raster without samples or without steps."""
        names = recordable(self.config) if kind == "all" else (OUTPUT_ARRAYS[kind],)
        return {
            name: np.zeros((batch, n_steps, getattr(self.config, array.neurons)), array.dtype)
            for name, array in RECORDED.items()
            if name in names and array.neurons is not None
        }

    def _with_retries(
        self,
        past: UInt8[np.ndarray, "past input"],
        counts: UInt8[np.ndarray, "time input"],
        kind: str,
    ) -> Traces:
        for n_left in range(self._retries, -1, -1):
            try:
                return self._confirmed(past, counts, kind)
            # Only what a reset can mend, and starting from one is always safe.
            except (BoardDataError, BoardTimeoutError) as error:
                if not n_left:
                    raise
                warnings.warn(f"run again from a reset: {error}", BoardRetryWarning, stacklevel=4)
        raise AssertionError("unreachable")

    def _confirmed(
        self,
        past: UInt8[np.ndarray, "past input"],
        counts: UInt8[np.ndarray, "time input"],
        kind: str,
    ) -> Traces:
        session, stepwise = self._session, self._stepwise
        first = session.run(past, counts, kind, stepwise=stepwise, afresh=False)
        if not self._confirm:
            return first
        second = session.run(past, counts, kind, stepwise=stepwise, afresh=True)
        for name, values in first.items():
            different = np.argwhere(values != second[name])
            if len(different):
                session.forget()
                step, neuron = different[0].tolist()
                raise BoardDataError(
                    f"{self.identify()} gave two results for one raster: `{name}` of neuron "
                    f"{neuron} in step {step} is {values[step, neuron]} and "
                    f"{second[name][step, neuron]}; input or readouts were lost or damaged: run "
                    "again, and try another cable or port"
                )
        return first

    def _record(self, traces: Mapping[str, Any]) -> Recordings:
        traces = dict(traces)
        if self.config.n_synapses == 1 and "Isyn" in traces:
            traces["Isyn2"] = np.zeros_like(traces["Isyn"])
        return {name: traces[name] for name in RECORDED if name in traces}

    def live(
        self,
        n_steps: int,
        *,
        front_end: Mapping[str, Any] | None = None,
        power: bool = False,
    ) -> Iterator[LiveStep]:
        """Follow the sensor in real time.

        Args:
            n_steps: how many steps.
            front_end: settings of the front end, in the vendor's fields; its defaults where not
                given.
            power: whether to measure the power meanwhile.

        Yields:
            What the board shows of each step, as it comes.

        Raises:
            BoardError: the chip cannot, the board measures no power, or readouts were lost.
        """
        self._session.notices = []
        meter = self._power_meter() if power else nullcontext(dict)
        yield from self._session.live(n_steps, dict(front_end or {}), meter)

    def power(self, duration_s: float = 1.0) -> PowerReading:
        """Measure the power, for so long.

        Args:
            duration_s: how long [s].

        Raises:
            BoardError: the board cannot measure it.
        """
        with self._power_meter() as read_power:
            time.sleep(duration_s)
            samples = read_power()
        if missing := [name for name, values in samples.items() if not len(values)]:
            raise BoardError(
                f"{self.identify()} gave no power of {', '.join(missing)}: measure for longer"
            )
        return PowerReading(samples, vendor_model(self.chip).power_rate_hz)

    @contextmanager
    def _power_meter(self) -> Iterator[Callable[[], PowerSamples]]:
        """The meter of the link, with our names of the channels."""
        model = vendor_model(self.chip)
        with self._session.link.power_meter(model.power_rate_hz) as read:

            def named() -> PowerSamples:
                found = read()
                return {ours: found[name] for name, ours in model.power_channels.items()}

            yield named

    @property
    def power_channels(self) -> tuple[str, ...]:
        """Names of the channels whose power it can measure; empty: it measures none."""
        channels = vendor_model(self.chip).power_channels
        return tuple(channels.values()) if self._session.link.measures_power else ()

    def close(self) -> None:
        """Give the board back; what was taken from it stays valid."""
        self._session.link.close()

    def __repr__(self) -> str:
        """Which board."""
        return f"<{type(self).__name__} {self.identify()}, output {self._output_mode!r}>"
