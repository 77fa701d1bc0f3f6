"""`estimate_cost`: cycles, clock, time and a range of energy of a configuration."""

import math
from dataclasses import dataclass

import numpy.typing as npt

from .._config import XyloConfig
from ._activity import Activity, activity
from ._cycles import Cycles, worst_case_cycles
from ._power import PowerAnchor, anchors_for, power_range


@dataclass(frozen=True, kw_only=True)
class CostEstimate:
    """What a configuration costs on its chip. A model, not a measurement.

    Attributes:
        config: what runs.
        main_clock: of the chip, in hertz.
        margin: part by which the clock exceeds what the cycles ask for.
        worst_case: cycles of a step in which everything spikes.
        activity: cycles that given recordings ask for; `None` without any.
        anchors: published measurements that the range of power comes from.
    """

    config: XyloConfig
    main_clock: float
    margin: float
    worst_case: Cycles
    activity: Activity | None
    anchors: tuple[PowerAnchor, ...]

    @property
    def min_clock(self) -> float:
        """Lowest main clock, in hertz, at which even the worst step ends within `dt`."""
        return self._clock_for(self.worst_case)

    @property
    def min_clock_for_activity(self) -> float | None:
        """Lowest main clock, in hertz, for the busiest step of the recordings."""
        return None if self.activity is None else self._clock_for(self.activity.busiest)

    @property
    def keeps_up(self) -> bool:
        """Whether the main clock is high enough for the worst step in real time."""
        return self.main_clock >= self.min_clock

    @property
    def step_time(self) -> float:
        """Seconds that the core computes in the worst step."""
        return self.worst_case.total / self.main_clock

    @property
    def mean_step_time(self) -> float | None:
        """Seconds that the core computes in a step of the recordings, on the mean."""
        return None if self.activity is None else self.activity.mean.total / self.main_clock

    @property
    def power(self) -> tuple[float, float]:
        """Least and most power of the core, in watts, that published measurements leave open."""
        return power_range(self.anchors, self.main_clock)

    @property
    def energy_per_step(self) -> tuple[float, float]:
        """Least and most energy of the core for one `dt` in real time, in joules."""
        low, high = self.power
        return low * self.config.dt, high * self.config.dt

    def _clock_for(self, cycles: Cycles) -> float:
        return cycles.total * (1 + self.margin) / self.config.dt

    def __str__(self) -> str:
        """One line for each thing that is known."""
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        dt, clock = self.config.dt, self.main_clock
        enough = "enough" if self.keeps_up else "TOO SLOW for the worst step in real time"
        lines = [
            f"{self.config.chip.name} at {clock / 1e6:g} MHz, steps of {dt * 1e3:g} ms: {enough}",
            f"worst step: {self.worst_case}",
            (
                f"  {_seconds(self.step_time)} of {_seconds(dt)}; lowest clock "
                f"{_hertz(self.min_clock)} with {self.margin:.0%} margin"
            ),
        ]
        if self.activity is not None:
            lines += self._activity_lines(self.activity)
        (low, high), (least, most) = self.power, self.energy_per_step
        lines += [
            (
                f"power of the core: {low * 1e6:.0f} to {high * 1e6:.0f} uW, energy of a step "
                f"{least * 1e6:.3g} to {most * 1e6:.3g} uJ (a range from published measurements, "
                "nothing was measured)"
            ),
            *(f"  {anchor}" for anchor in self.anchors),
        ]
        if all(anchor.chip != self.config.chip.name for anchor in self.anchors):
            lines.append(
                f"  nobody published one of {self.config.chip.name}: these are of other chips"
            )
        return lines

    def _activity_lines(self, active: Activity) -> list[str]:
        assert self.mean_step_time is not None and self.min_clock_for_activity is not None
        return [
            f"mean of {active.n_steps:,} steps: {active.mean}",
            (
                f"  {_seconds(self.mean_step_time)}, {self.mean_step_time / self.config.dt:.1%} of the "
                f"time; {active.mean.total / self.worst_case.total:.0%} of the worst case"
            ),
            f"busiest, sample {active.sample}, step {active.step}: {active.busiest}",
            f"  lowest clock {_hertz(self.min_clock_for_activity)} for these recordings",
        ]


def estimate_cost(
    config: XyloConfig,
    raster: npt.ArrayLike | None = None,
    *,
    main_clock: float | None = None,
    margin: float = 0.2,
    engine: str = "native",
) -> CostEstimate:
    """How many cycles a configuration needs, which clock, and what that may cost in energy.

    Args:
        config: what runs.
        raster: recordings to count the activity of, spike counts `(time, channel)` or
            `(sample, time, channel)`; each starts from rest. Without it only the worst case.
        main_clock: of the chip, in hertz; its usual one when not given.
        margin: part by which the clock is to exceed what the cycles ask for.
        engine: of `XyloSim`, which counts the spikes.

    Returns:
        The estimate; printed, a short report.

    Raises:
        ValueError: clock or margin is no positive number, or the raster does not fit.
        TypeError: the raster holds no integers.

    Source: chip facts, section 5 (cycles), section 6 (power).

    >>> config = XyloConfig("xylo-imu", weights_in=[[1, 2]], weights_out=[[1], [2]], dt=0.01)
    >>> cost = estimate_cost(config, [[1], [0], [0]])
    >>> cost.worst_case.total, cost.activity.mean.total < 88
    (88.0, True)
    >>> round(cost.min_clock)
    10560
    """
    clock = config.chip.main_clock if main_clock is None else main_clock
    if not (math.isfinite(clock) and clock > 0):
        raise ValueError(f"`main_clock` is {main_clock!r}: give hertz above zero, such as 12.5e6")
    if not (math.isfinite(margin) and margin >= 0):
        raise ValueError(f"`margin` is {margin!r}: give zero or more, such as 0.2 for 20 %")
    return CostEstimate(
        config=config,
        main_clock=float(clock),
        margin=float(margin),
        worst_case=worst_case_cycles(config),
        activity=None if raster is None else activity(config, raster, engine),
        anchors=anchors_for(config.chip.name),
    )


def _seconds(value: float) -> str:
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} us"


def _hertz(value: float) -> str:
    return f"{value / 1e6:.3g} MHz" if value >= 1e6 else f"{value / 1e3:.3g} kHz"
