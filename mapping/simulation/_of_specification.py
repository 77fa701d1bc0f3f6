"""From specifications to `Cells`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Num

from .._specification import Specification
from ._cells import INPUT, Arrival, Cells, Copies


@dataclass(frozen=True, eq=False)
class Groups:
    """Cells of a specification, and which hidden neurons they are; the outputs are the last.

    Attributes:
        cells: populations in the order in which they are computed.
        ids: hidden neuron ids of each but the last.
    """

    cells: list[Cells]
    ids: list[Int[np.ndarray, " _"]]


def cells_of_specification(spec: Specification) -> Groups:
    """The neurons of a specification, in groups.

    Time is the chip's. Decay shifts that are integers are those of the chip; others stand for
    time constants.

    Args:
        spec: real numbers, or integers.

    Raises:
        ValueError: aliases that lead in a circle.
    """
    ids = _groups(spec)
    group_of = np.zeros(spec.n_hidden, dtype=np.int64)
    for group, members in enumerate(ids):
        group_of[members] = group
    cells = [_hidden(spec, ids, group, group_of) for group in range(len(ids))]
    return Groups([*cells, _output(spec, ids)], ids)


def _groups(spec: Specification) -> list[Int[np.ndarray, " _"]]:
    """Hidden neurons that are computed together: those of a population at one depth of aliases."""
    depth = _alias_depth(spec)
    populations = (
        [np.arange(spec.n_hidden)]
        if spec.placement is None
        else list(spec.placement.hidden.values())
    )
    # What is repeated is computed before what repeats it.
    return [
        members[depth[members] == level]
        for level in range(int(depth.max(initial=0)) + 1)
        for members in populations
        if np.any(depth[members] == level)
    ]


def _alias_depth(spec: Specification) -> Int[np.ndarray, " Nhid"]:
    """How many neurons stand before each in a chain of aliases."""
    depth = np.zeros(spec.n_hidden, dtype=np.int64)
    links = list(alias_links(spec))
    for _ in range(spec.n_hidden):
        deeper = [(source, target) for source, target in links if depth[target] <= depth[source]]
        if not deeper:
            return depth
        for source, target in deeper:
            depth[target] = depth[source] + 1
    if links:
        raise ValueError("the aliases of this specification lead in a circle")
    return depth


def alias_links(spec: Specification) -> Iterator[tuple[int, int]]:
    """Ids of each neuron that is repeated, and of the one that repeats it."""
    for source, targets in enumerate(spec.aliases or ()):
        for target in targets:
            yield source, target


def _hidden(
    spec: Specification,
    ids: list[Int[np.ndarray, " _"]],
    group: int,
    group_of: Int[np.ndarray, " Nhid"],
) -> Cells:
    members, n_synapses = ids[group], spec.weights_rec.shape[2]
    arrivals = []
    from_input = np.zeros((len(spec.weights_in), members.size, n_synapses))
    receiving = members < spec.n_input_expansion
    from_input[:, receiving] = spec.weights_in[:, members[receiving]]
    if from_input.any():
        steps = (_flat(from_input) * 2.0**spec.weight_shift_in,)
        arrivals.append(Arrival(INPUT, False, steps))
    for source, senders in enumerate(ids):
        block = spec.weights_rec[np.ix_(senders, members)]
        if block.any():
            steps = (_flat(block) * 2.0**spec.weight_shift_rec,)
            arrivals.append(Arrival(source, True, steps))
    dash_syn = np.stack([spec.dash_syn, spec.dash_syn_2], axis=1)[members, :n_synapses]
    return Cells(
        alpha=remaining(spec.dash_mem[members]),
        beta=remaining(dash_syn),
        threshold=spec.threshold[members].astype(np.float64),
        bias=spec.bias[members].astype(np.float64),
        drive=np.zeros(members.size * n_synapses),
        max_spikes=float(spec.chip.max_hidden_spikes),
        arrivals=tuple(arrivals),
        copies=tuple(_copies(spec, members, group_of, ids)),
    )


def _output(spec: Specification, ids: list[Int[np.ndarray, " _"]]) -> Cells:
    n_hidden, n_out = spec.n_hidden, spec.threshold_out.size
    weights = np.zeros((n_hidden, n_out))
    weights[n_hidden - len(spec.weights_out) :] = spec.weights_out * 2.0**spec.weight_shift_out
    return Cells(
        alpha=remaining(spec.dash_mem_out),
        beta=remaining(spec.dash_syn_out)[:, None],
        threshold=spec.threshold_out.astype(np.float64),
        bias=spec.bias_out.astype(np.float64),
        drive=np.zeros(n_out),
        max_spikes=float(spec.chip.max_output_spikes),
        arrivals=tuple(
            Arrival(source, True, (weights[senders],))
            for source, senders in enumerate(ids)
            if weights[senders].any()
        ),
    )


def remaining(dash: Num[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Share of a state that is left after a step.

    >>> remaining(np.array([1, 2])), remaining(np.log2([10.0])).round(4)
    (array([0.5 , 0.75]), array([0.9048]))
    """
    share = 2.0 ** -dash.astype(np.float64)
    return 1 - share if dash.dtype.kind in "iu" else np.exp(-share)


def _flat(weights: Num[np.ndarray, "n m k"]) -> Float[np.ndarray, "n m_times_k"]:
    return weights.reshape(len(weights), -1).astype(np.float64)


def _copies(
    spec: Specification,
    members: Int[np.ndarray, " n"],
    group_of: Int[np.ndarray, " Nhid"],
    ids: list[Int[np.ndarray, " _"]],
) -> Iterator[Copies]:
    place = {int(neuron): place for place, neuron in enumerate(members)}
    links = [(source, place[target]) for source, target in alias_links(spec) if target in place]
    for group in sorted({int(group_of[source]) for source, _ in links}):
        place_of = {int(neuron): place for place, neuron in enumerate(ids[group])}
        of_group = [(place_of[s], t) for s, t in links if s in place_of]
        of, by = np.array(of_group, dtype=np.int64).T
        yield Copies(group, of, by)
