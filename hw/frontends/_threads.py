"""How the threads of the machine share a batch."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

# Below this many values a thread costs more to start than it brings.
_VALUES_WORTH_THREADS = 200_000
_VALUES_OF_A_PART = 500_000
_thread = threading.local()


def over_samples(kernel: Callable[..., int], batch: int, n_values: int, *arrays: Any) -> int:
    """Run `kernel(first, last, *arrays)` over the batch, in threads where that pays.

    Returns:
        The lowest index that the kernel reported as out of range, or -1.
    """
    shares = _shares(batch, n_values)
    if len(shares) == 1 or getattr(_thread, "has_a_share", False):
        return kernel(0, batch, *arrays)
    with ThreadPoolExecutor(len(shares)) as threads:
        found = threads.map(lambda share: kernel(*share, *arrays), shares)
        return min((index for index in found if index >= 0), default=-1)


def over_parts(work: Callable[[int, int], None], batch: int, values_each: int) -> None:
    """Run `work(first, last)` over the whole batch, in parts; threads take a share of them each.

    A chain of stages goes through a part at once, so that no stage has room for the whole batch.
    Threads that met at each stage would wait for each other longer than a stage takes.

    Args:
        work: what to do with the samples from `first` to `last`, excluded.
        batch: how many samples.
        values_each: values of one sample, where a stage has most.
    """
    size = max(1, _VALUES_OF_A_PART // max(values_each, 1))

    def take(share: tuple[int, int]) -> None:
        for first in range(*share, size):
            work(first, min(first + size, share[1]))

    shares = _shares(batch, batch * values_each)
    if len(shares) == 1:
        take((0, batch))
        return
    with ThreadPoolExecutor(len(shares), initializer=_mark_thread) as threads:
        for _ in threads.map(take, shares):
            pass


def _shares(batch: int, n_values: int) -> list[tuple[int, int]]:
    """First and last sample, excluded, of what each thread does; one share where more don't pay."""
    from numba import config

    most_threads: int = config.NUMBA_NUM_THREADS  # pyright: ignore
    n = min(batch, most_threads) if n_values >= _VALUES_WORTH_THREADS else 1
    return [*pairwise(np.linspace(0, batch, max(n, 1) + 1).astype(int).tolist())]


def _mark_thread() -> None:
    """Within a share, stages start no threads of their own."""
    _thread.has_a_share = True
