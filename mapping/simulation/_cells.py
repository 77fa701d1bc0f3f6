"""`Cells`: a population and what arrives at it, ready to be computed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

INPUT = -1
"""The source of an arrival that is the input."""


@dataclass(frozen=True, eq=False)
class Arrival:
    """Signals of one source on one way.

    Attributes:
        source: index of the population, or `INPUT`.
        late: whether they arrive one step after they were sent.
        steps: what they pass, in order: matrices (source, target) and factors (channel,).
    """

    source: int
    late: bool
    steps: tuple[Float[np.ndarray, ...], ...]


@dataclass(frozen=True, eq=False)
class Copies:
    """Spikes that neurons send besides their own, in the step in which the source sends them.

    Attributes:
        source: index of the population that is repeated.
        of: which of its neurons.
        by: which neurons of the own population repeat them.
    """

    source: int
    of: Int[np.ndarray, " m"]
    by: Int[np.ndarray, " m"]


@dataclass(frozen=True, eq=False)
class Cells:
    """A population of neurons.

    Attributes:
        alpha: share of the membrane that is left after a step.
        beta: share of each synaptic current that is left after a step.
        threshold: what a spike takes and what it takes to spike.
        bias: added to the membranes in each step.
        drive: what arrives at each synapse in each step, whatever the input.
        max_spikes: of a neuron in a step, copies included.
        arrivals: what else arrives.
        copies: what is repeated.
    """

    alpha: Float[np.ndarray, " n"]
    beta: Float[np.ndarray, "n k"]
    threshold: Float[np.ndarray, " n"]
    bias: Float[np.ndarray, " n"]
    drive: Float[np.ndarray, " n_times_k"]
    max_spikes: float
    arrivals: tuple[Arrival, ...]
    copies: tuple[Copies, ...] = field(default=())

    @property
    def n(self) -> int:
        """Number of neurons."""
        return self.alpha.size


@dataclass(frozen=True, eq=False)
class Trace:
    """What a population did.

    Attributes:
        spikes: its own, without copies.
        sent: with copies.
        membrane: just before the spikes, in units of the threshold; empty if not asked for.
    """

    spikes: Float[np.ndarray, "batch time n"]
    sent: Float[np.ndarray, "batch time n"]
    membrane: Float[np.ndarray, "batch time_or_none n"]
