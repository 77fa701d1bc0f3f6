"""`Pipeline`: passes one after the other."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...hw import Chip, get_chip
from ...hw.chips import ChipLike
from .._report import Pass, PassReport
from ..graph._graph import Graph
from ..quantize._names import QuantizerLike, get_quantizer
from ._assemble import AssembleSpecification
from ._check_saturation import CheckSaturation
from ._check_structure import CheckStructure
from ._checker import Checker, Metric
from ._dump import INPUT, Dump
from ._emit_configuration import EmitConfiguration
from ._fit_connections import FitConnections
from ._fold_biases import FoldBiases
from ._fold_linear_maps import FoldLinearMaps
from ._fold_scales import FoldScales
from ._place_neurons import PlaceNeurons
from ._quantize import Quantize
from ._residuals_to_aliases import ResidualsToAliases
from ._round_time_constants import RoundTimeConstants
from ._select_weight_shifts import SelectWeightShifts

# What networks are checked with when nothing else is given: samples, steps, spikes a step.
_MADE_UP = (16, 100, 0.3)


@dataclass(frozen=True, init=False)
class Pipeline:
    """A tuple of passes that leads from a graph to a placed float specification, or further.

    A pass goes by the name of its class or function; a second one of that name is `Name 2`.

    Args:
        chip: the chip to place on, or its name.
        passes: which passes to run, in order; the standard ones when not given.

    >>> pipeline = Pipeline("xylo-imu").drop("FoldScales").drop("FoldBiases")
    >>> print(pipeline)
    Pipeline for SYNS63300 (xylo-imu):
     1 FoldLinearMaps         Multiply weights that follow each other, also through sums, into one matrix a source.
     2 ResidualsToAliases     Let the last population of a sum repeat the spikes of the others.
     3 CheckStructure         Check the rules a network must keep to be placed.
     4 RoundTimeConstants     Give each time constant the nearest one that a decay shift of the chip gives.
     5 PlaceNeurons           Number the hidden neurons: those that receive input first, those that feed outputs last.
     6 AssembleSpecification  Write every weight and parameter to where the chip has it.
     7 FitConnections         Count the connections between hidden neurons; drop the weakest of too many, if asked to.
     8 SelectWeightShifts     Let the chip shift the matrix with the larger weights, so that the other keeps its bits.
    """

    passes: tuple[Pass, ...]
    chip: Chip

    def __init__(self, chip: ChipLike, passes: tuple[Pass, ...] | None = None) -> None:
        chip = get_chip(chip)
        steps = _to_specification(chip, False, "weights") if passes is None else tuple(passes)
        object.__setattr__(self, "passes", steps)
        object.__setattr__(self, "chip", chip)

    @classmethod
    def for_deployment(
        cls,
        chip: ChipLike,
        *,
        quantizer: QuantizerLike = "channel",
        prune: bool = False,
        residuals: str = "weights",
    ) -> Pipeline:
        """The passes from a graph to a checked configuration, which `deploy` runs.

        Args:
            chip: the chip, or its name.
            quantizer: `"channel"`, `"global"`, or a function from a float specification to an
                integer one and a report.
            prune: whether the weakest connections go where the chip has no room for all.
            residuals: what becomes of a residual connection that can be no alias; see
                `ResidualsToAliases`.

        Raises:
            ValueError: an unknown chip, quantizer or way with residual connections.
            TypeError: a quantizer that is neither name nor function.

        >>> Pipeline.for_deployment("xylo-imu").names[-3:]
        ('Quantize', 'EmitConfiguration', 'CheckSaturation')
        """
        function, chip = get_quantizer(quantizer), get_chip(chip)
        last = (Quantize(function), EmitConfiguration(chip), CheckSaturation())
        return cls(chip, (*_to_specification(chip, prune, residuals), *last))

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each pass."""
        found: list[str] = []
        for step in self.passes:
            name = _base_name(step)
            n_before = sum(one == name or one.startswith(f"{name} ") for one in found)
            found.append(f"{name} {n_before + 1}" if n_before else name)
        return tuple(found)

    def insert(
        self, step: Pass, *, before: str | None = None, after: str | None = None
    ) -> Pipeline:
        """A pipeline with one pass more; at the end, if not said where.

        Args:
            step: the pass.
            before: name of the pass it is to stand before.
            after: name of the pass it is to stand after.

        Raises:
            ValueError: no pass has that name, or both are given.
        """
        if before is not None and after is not None:
            raise ValueError("give `before` or `after`, not both")
        place = len(self.passes)
        if before is not None:
            place = self._index(before)
        elif after is not None:
            place = self._index(after) + 1
        return self._with(self.passes[:place], (step,), self.passes[place:])

    def replace(self, name: str, step: Pass) -> Pipeline:
        """A pipeline with another pass in the place of one.

        Raises:
            ValueError: no pass has that name.
        """
        place = self._index(name)
        return self._with(self.passes[:place], (step,), self.passes[place + 1 :])

    def drop(self, name: str) -> Pipeline:
        """A pipeline without a pass.

        Raises:
            ValueError: no pass has that name.
        """
        place = self._index(name)
        return self._with(self.passes[:place], self.passes[place + 1 :])

    def run(
        self,
        value: Any,
        *,
        stop_after: str | None = None,
        resume_from: str | None = None,
        dump: str | os.PathLike[str] | None = None,
        verify: bool = False,
        data: npt.ArrayLike | None = None,
        metric: Metric | None = None,
    ) -> tuple[Any, tuple[PassReport, ...]]:
        """Run the passes.

        Args:
            value: a traced network. With `resume_from`: what that pass takes, or a folder that an
                earlier run was dumped to.
            stop_after: name of the last pass to run.
            resume_from: name of the first pass to run.
            dump: a folder to which every value and the reports are written.
            verify: whether to run data through both sides of each pass, and to hold those that
                report no loss to it.
            data: spike counts to verify with, `(time, channel)` or `(batch, time, channel)`;
                without, random ones are made up.
            metric: a function of output spikes `(batch, time, neuron)`, also measured after each
                pass when verifying.

        Returns:
            What the last pass gives, by default a float `Specification`; and the reports.

        Raises:
            DesignRuleError: the graph breaks rules of the chip.
            VerificationError: a pass that reports no loss changes spikes.
            ValueError: no pass has that name.
            OSError: the folder cannot be written or read.

        >>> from xylograph.mapping import trace
        >>> from xylograph.models import LIFJax, LinearJax, Sequential
        >>> net = Sequential(LinearJax((2, 9)), LIFJax(9), LinearJax((9, 3)), LIFJax(3))
        >>> placed, log = Pipeline("xylo-imu").run(trace(net), stop_after="PlaceNeurons")
        >>> print(log[-1])
        PlaceNeurons: 9 hidden and 3 output neurons; the output comes 1 step later
          loss: `1_LIFJax` may spike 65536 times a step in the network, 31 on the chip
          loss: `3_LIFJax` may spike 65536 times a step in the network, 1 on the chip
        """
        first = 0 if resume_from is None else self._index(resume_from)
        last = len(self.passes) if stop_after is None else self._index(stop_after) + 1
        before = self.names[first - 1] if first else INPUT
        if isinstance(value, str | os.PathLike):
            value = Dump(Path(value)).read(before)
        kept = None if dump is None else Dump(Path(dump))
        checker = None
        if verify:
            checker = Checker(made_up_raster(value) if data is None else data, metric)
            checker.begin(value)
        if kept is not None:
            kept.write(first, before, value)
        log: list[PassReport] = []
        for place, (given, report) in enumerate(self.steps(value, first, last), first):
            value = given
            log.append(report if checker is None else checker.checked(value, report))
            if kept is not None:
                kept.write(place + 1, self.names[place], value)
                kept.write_log(log)
        return value, tuple(log)

    def steps(
        self, value: Any, first: int = 0, last: int | None = None
    ) -> Iterator[tuple[Any, PassReport]]:
        """What each pass gives and reports, one after the other.

        Args:
            value: what the first of them takes.
            first: position of the first pass.
            last: position after the last pass; all when not given.
        """
        for step in self.passes[first:last]:
            value, report = step(value)
            yield value, report

    def __str__(self) -> str:
        """The passes in order, each with the first line of what it says of itself."""
        width = max(map(len, self.names), default=0)
        lines = (
            f"{place:2d} {name:{width}}  {_first_line(step)}".rstrip()
            for place, (name, step) in enumerate(zip(self.names, self.passes, strict=True), 1)
        )
        return "\n".join((f"Pipeline for {self.chip.name} ({self.chip.plain_name}):", *lines))

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise ValueError(f"no pass is called {name!r}; there are {', '.join(self.names)}")
        return self.names.index(name)

    def _with(self, *parts: tuple[Pass, ...]) -> Pipeline:
        return Pipeline(self.chip, tuple(step for part in parts for step in part))


def made_up_raster(value: Any) -> np.ndarray:
    """Random spike counts for whatever takes as many channels, always the same."""
    n_channels = value.input.size if isinstance(value, Graph) else _n_channels(value)
    batch, n_steps, rate = _MADE_UP
    return np.random.default_rng(0).poisson(rate, (batch, n_steps, n_channels))


def _n_channels(value: Any) -> int:
    graph, weights = getattr(value, "graph", None), getattr(value, "weights_in", None)
    if isinstance(graph, Graph):
        return graph.input.size
    if weights is None:
        raise ValueError(
            f"a `{type(value).__name__}` says not how many channels it takes: give data"
        )
    return len(weights)


def _to_specification(chip: Chip, prune: bool, residuals: str) -> tuple[Pass, ...]:
    return (
        FoldScales(),
        FoldLinearMaps(),
        FoldBiases(),
        ResidualsToAliases(chip, residuals),
        CheckStructure(chip),
        RoundTimeConstants(chip),
        PlaceNeurons(chip),
        AssembleSpecification(chip),
        FitConnections(chip, prune),
        SelectWeightShifts(chip),
    )


def _base_name(step: Pass) -> str:
    return step.__name__ if inspect.isroutine(step) else type(step).__name__


def _first_line(step: Pass) -> str:
    # A dataclass without a docstring has its signature for one.
    text = inspect.getdoc(step if inspect.isroutine(step) else type(step)) or ""
    line = text.splitlines()[0] if text else ""
    return "" if line.startswith(f"{_base_name(step)}(") else line
