"""Computing populations step by step, or all steps at once where nothing comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ._cells import INPUT, Arrival, Cells, Trace


def evolve(
    cells: Sequence[Cells], raster: Float[np.ndarray, "batch time channel"], membranes: bool = False
) -> list[Trace]:
    """What each population does, from rest.

    Args:
        cells: populations in the order in which they are computed within a step; what comes from
            one that stands later, or from the population itself, must be late.
        raster: spike counts of the input.
        membranes: whether to keep membrane potentials.

    Returns:
        A trace for each population.
    """
    traces: dict[int, Trace] = {INPUT: Trace(raster, raster, raster[:, :0])}
    for first, last in _blocks(cells):
        block = range(first, last)
        runs = [_Run.start(cells[i], raster, membranes) for i in block]
        for run in runs:
            run.receive(traces)
        inner = [_inner(run.cells, block) for run in runs]
        for step in range(raster.shape[1]):
            for run, arrivals in zip(runs, inner, strict=True):
                for arrival in arrivals:
                    time = step - arrival.late
                    if time >= 0:
                        sent = runs[arrival.source - first].sent[:, time]
                        run.current[:, step] += passed(sent, arrival)
                run.advance(step, traces, runs, first)
        traces |= {i: run.trace() for i, run in zip(block, runs, strict=True)}
    return [traces[i] for i in range(len(cells))]


def passed(
    signals: Float[np.ndarray, "*batch n_source"], arrival: Arrival
) -> Float[np.ndarray, "*batch n_target"]:
    """Signals after all they pass on their way."""
    # Even with 1 % of spikes a sparse product is faster from a thousand neurons on only (measured
    # with scipy, 32 samples: 0.24 ms and 0.70 ms; with 300 neurons 0.09 ms and 0.08 ms).
    for step in arrival.steps:
        signals = signals * step if step.ndim == 1 else signals @ step
    return signals


def _blocks(cells: Sequence[Cells]) -> Iterator[tuple[int, int]]:
    """Parts of the order between which nothing comes back, as first and last index."""
    last_source = [max((a.source for a in one.arrivals), default=INPUT) for one in cells]
    first = 0
    while first < len(cells):
        last = first + 1
        reach = max(last, last_source[first] + 1)
        while last < reach:
            reach = max(reach, last_source[last] + 1)
            last += 1
        yield first, last
        first = last


def _inner(cells: Cells, block: range) -> list[Arrival]:
    return [arrival for arrival in cells.arrivals if arrival.source in block]


@dataclass
class _Run:
    """A population while it is computed."""

    cells: Cells
    current: Float[np.ndarray, "batch time n_times_k"]
    isyn: Float[np.ndarray, "batch n k"]
    vmem: Float[np.ndarray, "batch n"]
    spikes: Float[np.ndarray, "batch time n"]
    sent: Float[np.ndarray, "batch time n"]
    membrane: Float[np.ndarray, "batch time_or_none n"]

    @classmethod
    def start(cls, cells: Cells, raster: np.ndarray, membranes: bool) -> _Run:
        """At rest, with nothing received."""
        batch, n_steps, _ = raster.shape
        spikes = np.zeros((batch, n_steps, cells.n))
        return cls(
            cells=cells,
            current=np.zeros((batch, n_steps, cells.drive.size)) + cells.drive,
            isyn=np.zeros((batch, *cells.beta.shape)),
            vmem=np.zeros((batch, cells.n)),
            spikes=spikes,
            # Without copies all that is sent is one's own.
            sent=np.zeros_like(spikes) if cells.copies else spikes,
            membrane=np.zeros((batch, n_steps if membranes else 0, cells.n)),
        )

    def receive(self, traces: dict[int, Trace]) -> None:
        """All that comes from populations computed already, of all steps."""
        for arrival in self.cells.arrivals:
            if arrival.source in traces:
                sent = traces[arrival.source].sent
                if arrival.late:
                    self.current[:, 1:] += passed(sent[:, :-1], arrival)
                else:
                    self.current += passed(sent, arrival)

    def advance(
        self, step: int, traces: dict[int, Trace], runs: Sequence[_Run], first: int
    ) -> None:
        """Compute one step, once its current is complete."""
        cells = self.cells
        self.isyn += self.current[:, step].reshape(self.isyn.shape)
        self.isyn *= cells.beta
        self.vmem *= cells.alpha
        self.vmem += self.isyn.sum(axis=2) + cells.bias
        with np.errstate(divide="ignore", invalid="ignore"):
            in_thresholds = self.vmem / cells.threshold
        if self.membrane.size:
            self.membrane[:, step] = in_thresholds
        room = cells.max_spikes
        if cells.copies:
            copied = self.sent[:, step]
            for copy in cells.copies:
                source = traces.get(copy.source) or runs[copy.source - first]
                # Not `+=` with indices: of several copies by one neuron only one would count.
                np.add.at(copied.T, copy.by, source.sent[:, step, copy.of].T)
            np.minimum(copied, cells.max_spikes, out=copied)
            room = cells.max_spikes - copied
        fires = self.vmem >= cells.threshold
        counts = np.where(fires, np.clip(np.floor(in_thresholds), 0, room), 0)
        self.spikes[:, step] = counts
        if cells.copies:
            self.sent[:, step] += counts
        self.vmem -= counts * cells.threshold

    def trace(self) -> Trace:
        """What was recorded."""
        return Trace(self.spikes, self.sent, self.membrane)
