"""In which order neurons get ids, so that the chip's first and last ones do what only they can."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

# Of neurons that may stand anywhere: which come first. Those that receive input need not be
# counted further than the last of them, and those that feed outputs from the first of them on.
_RANKS = {(True, False): 0, (True, True): 1, (False, False): 2, (False, True): 3}


@dataclass(frozen=True, eq=False)
class Demands:
    """What the ids of neurons must fulfil.

    Attributes:
        receives: which neurons receive input: their ids must be below `n_first`.
        feeds: which neurons feed outputs: their ids must be among the last `n_last`.
        before: pairs of neurons, of which the first must have the lower id.
        n_first: as many of the first ids can receive input.
        n_last: as many of the last ids can feed outputs.
    """

    receives: Bool[np.ndarray, " n"]
    feeds: Bool[np.ndarray, " n"]
    before: Sequence[tuple[int, int]]
    n_first: int
    n_last: int

    @property
    def ranks(self) -> list[int]:
        """Which neurons come first where they may stand anywhere; 0 is first."""
        pairs = zip(self.receives.tolist(), self.feeds.tolist(), strict=True)
        return [_RANKS[pair] for pair in pairs]

    def are_met(self, order: Int[np.ndarray, " n"]) -> bool:
        """Whether ids given in this order fulfil all."""
        ids = np.empty(order.size, dtype=np.int64)
        ids[order] = np.arange(order.size)
        return bool(
            np.all(ids[self.receives] < self.n_first)
            and np.all(ids[self.feeds] >= order.size - self.n_last)
            and all(ids[first] < ids[second] for first, second in self.before)
        )


def by_rank(demands: Demands) -> Int[np.ndarray, " n"]:
    """Neurons that receive input first, those that feed outputs last, as they come otherwise."""
    return np.argsort(np.array(demands.ranks, dtype=np.int64), kind="stable")


def by_deadline(demands: Demands) -> Int[np.ndarray, " n"] | None:
    """An order that fulfils all demands, if there is one.

    Ids are slots of time, and each neuron a job that takes one: one that feeds outputs cannot start
    before a slot, one that receives input must be done by a slot, and some wait for others. Taking
    of those that can start the one with the earliest deadline finds a schedule if there is any,
    once deadlines and starts allow for what waits.

    Returns:
        Neurons in the order of their ids, or `None`.

    Source: scheduling of jobs of one length on one machine, with release times, deadlines and
    precedence. That an order is found whenever there is one is held by an exhaustive search.
    """
    n = demands.receives.size
    start = np.where(demands.feeds, max(0, n - demands.n_last), 0)
    deadline = np.where(demands.receives, min(n, demands.n_first), n)
    chain = _in_order(n, demands.before)
    if chain is None:
        return None
    for first, second in chain:
        start[second] = max(start[second], start[first] + 1)
    for first, second in reversed(chain):
        deadline[first] = min(deadline[first], deadline[second] - 1)
    ranks = demands.ranks
    waiting = sorted(range(n), key=lambda neuron: start[neuron], reverse=True)
    ready: list[tuple[int, int, int]] = []
    order = []
    for slot in range(n):
        while waiting and start[waiting[-1]] <= slot:
            neuron = waiting.pop()
            heapq.heappush(ready, (int(deadline[neuron]), ranks[neuron], neuron))
        if not ready or ready[0][0] <= slot:
            return None
        order.append(heapq.heappop(ready)[2])
    return np.array(order, dtype=np.int64)


def _in_order(n: int, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]] | None:
    """The pairs, each after those that end where it begins; `None` if they lead in a circle."""
    n_before, after = np.zeros(n, dtype=np.int64), {first: [] for first, _ in pairs}
    for first, second in pairs:
        after[first].append(second)
        n_before[second] += 1
    free = [neuron for neuron in after if n_before[neuron] == 0]
    found = []
    while free:
        first = free.pop()
        for second in after.get(first, ()):
            found.append((first, second))
            n_before[second] -= 1
            if n_before[second] == 0:
                free.append(second)
    return found if len(found) == len(pairs) else None
