"""What numbers a network may hold."""

from collections.abc import Iterator

import numpy as np

from ...hw import Chip, Violation
from ...hw._wording import counted
from ..graph._graph import Graph


def neurons_share_one_dt(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """All neurons have the same time step."""
    for node in graph.populations[1:]:
        first = graph.populations[0]
        # One may be a Python number, the other the 32-bit float nearest to it.
        if not np.isclose(node.dt, first.dt, rtol=1e-6, atol=0):
            yield Violation(
                rule="neurons_share_one_dt",
                where=f"`{node.name}`",
                message=f"has dt = {node.dt:g} s, `{first.name}` has {first.dt:g} s; a chip has "
                "one",
                hint="give all neurons the same `dt`",
            )


def time_constants_exceed_dt(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Time constants give a decay shift of at least 1; one of 0 would forget everything."""
    for node in graph.populations:
        for name, taus in (("tau_mem", node.tau_mem), ("tau_syn", node.tau_syn)):
            # The shift is `log2(tau / dt)`, rounded: 0.5 is rounded to 0.
            short = np.argwhere(~(taus > np.sqrt(2) * node.dt))
            if len(short):
                first = tuple(short[0].tolist())
                yield Violation(
                    rule="time_constants_exceed_dt",
                    where=f"`{node.name}`",
                    message=f"has {counted(len(short), 'value')} of `{name}` not above 1.41 dt = "
                    f"{np.sqrt(2) * node.dt:.3g} s; the first is {taus[first]:g} s at {list(first)}",
                    hint="make them at least 1.5 dt, or shorten dt",
                )


def thresholds_are_positive(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """Thresholds are above zero; below, a chip's neuron never stops firing."""
    for node in graph.populations:
        # What is NaN breaks another rule.
        wrong = np.flatnonzero(node.threshold <= 0)
        if len(wrong):
            yield Violation(
                rule="thresholds_are_positive",
                where=f"`{node.name}`",
                message=f"has {counted(len(wrong), 'threshold')} not above 0; the first is "
                f"{node.threshold[wrong[0]]:g} at [{wrong[0]}]",
                hint="train with a lower bound for thresholds",
            )


def values_are_finite(graph: Graph, chip: Chip) -> Iterator[Violation]:
    """No weight, threshold or bias is NaN or infinite."""
    for node in graph.nodes:
        for name in ("weights", "threshold", "bias"):
            values = getattr(node, name, None)
            broken = [] if values is None else np.argwhere(~np.isfinite(values))
            if len(broken):
                yield Violation(
                    rule="values_are_finite",
                    where=f"`{node.name}`",
                    message=f"has {counted(len(broken), 'value')} of `{name}` NaN or infinite; "
                    f"the first is at {broken[0].tolist()}",
                    hint="the training has diverged: lower the learning rate and train again",
                )
