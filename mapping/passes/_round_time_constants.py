"""`RoundTimeConstants`: to those that the chip's decay shifts give."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from ...hw import Chip
from ...hw._wording import counted
from ...models import dash_to_tau
from .._report import PassReport
from ..graph._graph import Graph
from ..graph._nodes import NeuronNode

ROUNDINGS = ("log2", "nearest")

# Time constants closer than this to what the chip gives are those of the chip, written in 32 bits.
_EXACT = 1e-5
# Of one network so many values are written out.
_SHOWN = 8
# A proposed step is at most so many times longer or shorter, and must better the largest error by
# so much.
_STEP_RANGE, _WORTH_IT = 2.0, 0.8
# Trained time constants are all different: as many are tried for the best step.
_MOST_TRIED = 64


@dataclass(frozen=True)
class RoundedTimeConstant:
    """One value that time constants of a population were rounded from.

    Attributes:
        population: its name.
        field: `tau_mem` or `tau_syn`.
        wanted: what the network has [s].
        obtained: what the chip gives [s].
        dash: the decay shift that gives it [bits].
        n_values: how many neurons or synapses.

    >>> print(RoundedTimeConstant("1_LIFJax", "tau_mem", 0.02, 0.0155, dash=4, n_values=64))
    `1_LIFJax`: `tau_mem` of 20 ms becomes 15.5 ms (shift 4, -22.5%) in 64 places
    """

    population: str
    field: str
    wanted: float
    obtained: float
    dash: int
    n_values: int

    @property
    def error(self) -> float:
        """Relative error of the time constant."""
        return self.obtained / self.wanted - 1

    def __str__(self) -> str:
        return (
            f"`{self.population}`: `{self.field}` of {self.wanted * 1e3:.4g} ms becomes "
            f"{self.obtained * 1e3:.4g} ms (shift {self.dash}, {self.error:+.1%}) in "
            f"{counted(self.n_values, 'place')}"
        )


@dataclass(frozen=True)
class TimeConstantReport(PassReport):
    """What `RoundTimeConstants` did.

    Attributes:
        rounded: every value that changed, the largest error first.
        better_dt: length of a step at which the largest error would be clearly smaller [s];
            `None` if there is none nearby.
    """

    rounded: tuple[RoundedTimeConstant, ...] = ()
    better_dt: float | None = None


@dataclass(frozen=True)
class RoundTimeConstants:
    """Give each time constant the nearest one that a decay shift of the chip gives.

    A shift `d` leaves `1 - 2^-d` of a state after a step, which is what `tau = -dt / ln(1 - 2^-d)`
    leaves in the network.

    Changes: time constants. Keeps: everything else. Reports: every value that changed, with what it
    became and the error, and a `dt` that would fit better.

    Args:
        chip: whose range of shifts holds.
        rounding: `log2`: the shift is `round(log2(tau / dt))`, as in Rockpool. `nearest`: the
            shift whose time constant has the smallest ratio to the wanted one; it differs for
            short ones.

    Raises:
        ValueError: `rounding` is neither.

    Source: mapping facts, section 2.
    """

    chip: Chip
    rounding: str = "log2"

    def __post_init__(self) -> None:
        if self.rounding not in ROUNDINGS:
            known = " and ".join(map(repr, ROUNDINGS))
            raise ValueError(f"`rounding` is {self.rounding!r}; known are {known}")

    def __call__(self, graph: Graph) -> tuple[Graph, TimeConstantReport]:
        """Give a graph with time constants of the chip."""
        nodes = []
        rounded: list[RoundedTimeConstant] = []
        for node in graph.nodes:
            if isinstance(node, NeuronNode):
                changes = {}
                for field in ("tau_mem", "tau_syn"):
                    taus = getattr(node, field)
                    dashes = self._dashes(taus, node.dt)
                    changes[field] = _where_it_differs(taus, dash_to_tau(dashes, node.dt))
                    rounded += _rows(node.name, field, taus, changes[field], dashes)
                node = replace(node, **changes)
            nodes.append(node)
        rounded.sort(key=lambda row: -max(row.obtained / row.wanted, row.wanted / row.obtained))
        better = self._better_dt(graph.populations) if rounded else None
        report = TimeConstantReport(
            name="RoundTimeConstants",
            summary=_summary(rounded, better),
            losses=tuple(_losses(rounded)),
            rounded=tuple(rounded),
            better_dt=None if better is None else better[0],
        )
        return Graph(tuple(nodes), graph.output) if rounded else graph, report

    def _dashes(self, taus: Float[np.ndarray, "*n"], dt: float) -> Int[np.ndarray, "*n"]:
        """The shift for each; of 1 at least, since 0 forgets everything at once."""
        least, most = max(1, self.chip.dash_range.low), self.chip.dash_range.high
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.nan_to_num(taus / dt, nan=1.0)
            if self.rounding == "log2":
                return np.clip(np.round(np.log2(steps)), least, most).astype(np.int64)
            shifts = np.arange(least, most + 1)
            ratios = np.log(steps[..., None] / dash_to_tau(shifts, 1.0))
            return shifts[np.abs(ratios).argmin(axis=-1)]

    def _better_dt(self, populations: Sequence[NeuronNode]) -> tuple[float, float, float] | None:
        """A step at which the largest error is smaller, with that error and the present one."""
        dt, fields = populations[0].dt, ("tau_mem", "tau_syn")
        taus = np.concatenate([getattr(n, f).ravel() for n in populations for f in fields])
        taus = np.unique(taus[np.isfinite(taus)])
        shifts = np.arange(1, self.chip.dash_range.high + 1)
        # At the best step one of the time constants is nearly exact, or all are equally off.
        exact = taus[:_MOST_TRIED, None] / dash_to_tau(shifts, 1.0)
        steps = np.concatenate(
            [exact.ravel(), dt * np.geomspace(1 / _STEP_RANGE, _STEP_RANGE, 201)]
        )
        steps = steps[(steps >= dt / _STEP_RANGE) & (steps <= dt * _STEP_RANGE)]
        steps = steps[np.sqrt(2) * steps < taus.min(initial=np.inf)]
        if not steps.size or not taus.size:
            return None
        errors = self._largest_errors(taus, np.append(steps, dt))
        best, now = int(np.argmin(errors[:-1])), float(errors[-1])
        if errors[best] > _WORTH_IT * now:
            return None
        return float(steps[best]), float(errors[best]), now

    def _largest_errors(
        self, taus: Float[np.ndarray, " n"], dts: Float[np.ndarray, " m"]
    ) -> Float[np.ndarray, " m"]:
        """The largest relative error of the time constants with each length of a step."""
        in_steps = taus / dts[:, None]
        obtained = dash_to_tau(self._dashes(in_steps, 1.0), 1.0)
        return np.abs(obtained / in_steps - 1).max(axis=1)


def _where_it_differs(
    taus: Float[np.ndarray, "*n"], obtained: Float[np.ndarray, "*n"]
) -> Float[np.ndarray, "*n"]:
    """What is obtained, but where that is what it was already, up to the last bits of a float."""
    is_same = np.isclose(obtained, taus, rtol=_EXACT, atol=0)
    return np.where(is_same, taus, obtained)


def _rows(
    population: str,
    field: str,
    wanted: Float[np.ndarray, "*n"],
    obtained: Float[np.ndarray, "*n"],
    dashes: Int[np.ndarray, "*n"],
) -> Iterator[RoundedTimeConstant]:
    changed = wanted != obtained
    triples = np.stack([wanted[changed], obtained[changed], dashes[changed]], axis=1)
    distinct, counts = np.unique(triples, axis=0, return_counts=True)
    for (was, became, dash), count in zip(distinct.tolist(), counts.tolist(), strict=True):
        yield RoundedTimeConstant(population, field, was, became, int(dash), count)


def _summary(
    rounded: Sequence[RoundedTimeConstant], better: tuple[float, float, float] | None
) -> str:
    if not rounded:
        return "all time constants are those of decay shifts"
    n_values = sum(row.n_values for row in rounded)
    text = f"{counted(n_values, 'time constant')} rounded to those of decay shifts"
    if better is None:
        return text
    dt, error, now = better
    return (
        f"{text}; with dt = {dt * 1e3:.4g} ms the largest error would be {error:.1%} instead of "
        f"{now:.1%}"
    )


def _losses(rounded: Sequence[RoundedTimeConstant]) -> Iterator[str]:
    yield from map(str, rounded[:_SHOWN])
    if len(rounded) > _SHOWN:
        rest = rounded[_SHOWN:]
        largest = max(abs(row.error) for row in rest)
        yield f"{counted(len(rest), 'more value')} of time constants, by at most {largest:.1%}"
