"""`NirReport`: what was assumed of a NIR graph, and what each of its layers does in a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._nir_layers import Cells, no_synapse
from ._nir_metadata import dashes


@dataclass(frozen=True)
class NirLayer:
    """What became of one population.

    Attributes:
        name: of the module.
        kind: of the node.
        gain: least and most of what a spike of weight 1 adds to a membrane when it comes.
        steps_mem: time constants of the membranes in steps, least and most; infinite: no leak.
        steps_syn: the same of the synapses; `None` where there are none.
        dash_mem, dash_syn: `log2` of these, rounded: the decay shifts of a chip.
    """

    name: str
    kind: str
    gain: tuple[float, float]
    steps_mem: tuple[float, float] | None
    steps_syn: tuple[float, float] | None
    dash_mem: tuple[int, int] | None
    dash_syn: tuple[int, int] | None

    def __str__(self) -> str:
        parts = [f"gain {_span(self.gain)}"]
        for label, steps, dash in (
            ("tau_mem", self.steps_mem, self.dash_mem),
            ("tau_syn", self.steps_syn, self.dash_syn),
        ):
            if steps is not None:
                shifts = "no shift" if dash is None else f"dash {_span(dash)}"
                parts.append(f"{label}/dt {_span(steps)} ({shifts})")
        return f"{self.name} ({self.kind}): {', '.join(parts)}"


@dataclass(frozen=True)
class NirReport:
    """What was assumed of a NIR graph, which does not say it.

    Attributes:
        dialect: how its numbers were read.
        dt: length of a step [s].
        assumptions: one sentence each.
        layers: the neurons and filters.
    """

    dialect: str
    dt: float
    assumptions: tuple[str, ...]
    layers: tuple[NirLayer, ...]

    def __str__(self) -> str:
        lines = [f"read as {self.dialect}, dt = {self.dt * 1e3:g} ms"]
        return "\n".join(lines + [f"- {one}" for one in (*self.assumptions, *self.layers)])


def layer_of(name: str, cells: Cells, dt: float) -> NirLayer:
    """What a population or filter does in a step of `dt`."""
    steps_mem, steps_syn = _in_steps(cells.tau_mem, dt), _in_steps(cells.tau_syn, dt)
    return NirLayer(
        name,
        cells.kind,
        _range(cells.effective),
        steps_mem,
        steps_syn,
        _dashes(steps_mem),
        _dashes(steps_syn),
    )


def _range(values: Any) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _in_steps(tau: Any, dt: float) -> tuple[float, float] | None:
    if tau is None or np.all(tau <= 1.01 * no_synapse(dt)):
        return None
    return _range(tau / dt)


def _dashes(steps: tuple[float, float] | None) -> tuple[int, int] | None:
    low, high = (None, None) if steps is None else dashes(np.array(steps), 1.0)
    return None if low is None or high is None else (low, high)


def _span(values: tuple[float, float] | tuple[int, int]) -> str:
    low, high = (f"{one:.4g}" for one in values)
    return low if low == high else f"{low} to {high}"
