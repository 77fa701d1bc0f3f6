"""Running both sides of each pass on the same data."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped

from ...hw import XyloConfig
from ...models import JaxModule
from .._placement import PlacedGraph, Placement
from .._report import PassCheck, PassReport, VerificationError
from .._specification import Specification
from ..comparison._compare import Comparison, Divergence, compare_observations
from ..comparison._observation import Observation
from ..comparison._observe import batched, observe, require_channels
from ..comparison._of_chip import OnChip
from ..graph._graph import Graph

# From output spikes (batch, time, neuron) to a figure; larger is better.
Metric: TypeAlias = Callable[[Any], float]

# Membranes this near to a threshold are above or below it by the rounding of floats.
_TIE = 1e-9


@dataclass(frozen=True, eq=False)
class _Seen:
    value: Any
    observation: Observation


class Checker:
    """Compares what goes into passes with what comes out.

    Args:
        data: spike counts `(time, channel)` or `(batch, time, channel)`.
        metric: also applied to the output of each.
    """

    def __init__(self, data: npt.ArrayLike, metric: Metric | None = None) -> None:
        self._raster: Shaped[np.ndarray, "batch time channel"] = batched(data)
        self._metric = metric
        self._placement: Placement | None = None
        self._first: _Seen | None = None
        self._last: _Seen | None = None

    def begin(self, value: Any) -> None:
        """Take what the first pass gets."""
        n_channels = value.input.size if isinstance(value, Graph) else None
        n_channels = value.size_in if isinstance(value, JaxModule) else n_channels
        if n_channels is not None:
            require_channels(self._raster, n_channels, "the network")
        self._first = self._last = self._look(value)

    def checked(self, value: Any, report: PassReport) -> PassReport:
        """The report of a pass that gave a value, with what the value does.

        Raises:
            VerificationError: it reports no loss and changes spikes.
        """
        before = self._last
        if before is not None and value is before.value:
            after = before
        else:
            after = self._look(value)
        self._last = after
        if before is None or after is None or self._first is None:
            # What cannot be computed yet: the first that can be is what the others are held to.
            self._first = self._first or after
            return report
        change = compare_observations(before.observation, after.observation)
        check = PassCheck(
            change=change,
            so_far=compare_observations(self._first.observation, after.observation),
            metric=None if self._metric is None else float(self._metric(after.observation.output)),
        )
        if change.is_equal or report.losses or not report.is_exact:
            return replace(report, check=check)
        tie, divergence = self._ties(before, after)
        if divergence is not None:
            check = replace(check, change=_with(change, divergence))
            raise VerificationError(replace(report, check=check))
        return replace(report, check=replace(check, tie=tie))

    def _look(self, value: Any) -> _Seen | None:
        """What a value does; `None` for a graph that computes what no chip does."""
        if isinstance(value, PlacedGraph | Specification):
            self._placement = value.placement
        try:
            return _Seen(value, observe(self._subject(value), self._raster))
        except (TypeError, ValueError):
            # Such a graph is refused by the pass that checks it. Other values of passes of one's
            # own cannot be run at all.
            if isinstance(value, PlacedGraph | Specification | XyloConfig):
                raise
            return None

    def _subject(self, value: Any) -> Any:
        """What to run for a value."""
        if isinstance(value, XyloConfig) and self._placement is not None:
            return OnChip(value, self._placement)
        return value

    def _ties(self, before: _Seen, after: _Seen) -> tuple[Divergence | None, Divergence | None]:
        """The first tie, and the first difference that is none, over all samples that differ."""
        differ = np.zeros(len(self._raster), dtype=bool)
        for name, spikes in before.observation.spikes.items():
            differ |= np.any(spikes != after.observation.spikes[name], axis=(1, 2))
        tie = None
        for sample in np.flatnonzero(differ).tolist():
            alone = self._raster[sample : sample + 1]
            seen = [
                observe(self._subject(one.value), alone, states=True) for one in (before, after)
            ]
            found = compare_observations(*seen).divergence
            if found is None:
                continue
            place = (0, found.step, found.neuron)
            first, second = (float(one.membranes[found.layer][place]) for one in seen)
            found = replace(found, sample=sample, membranes=(first, second))
            if not all(abs(m - round(m)) <= _TIE * max(1.0, abs(m)) for m in (first, second)):
                return tie, found
            tie = tie or found
        return tie, None


def _with(comparison: Comparison, divergence: Divergence) -> Comparison:
    """The comparison with this as the first difference of its layer."""
    layers = (
        replace(layer, divergence=divergence) if layer.layer == divergence.layer else layer
        for layer in comparison.layers
    )
    return replace(comparison, layers=tuple(layers))
