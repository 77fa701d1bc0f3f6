"""`apply_frontend`: recordings through a sensor front end."""

import math
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped

from ._fingerprint import fingerprint
from ._raster_cache import read_raster_file, write_raster
from ._recordings import Recordings

# Clocks of sensors are off by less than this share; the nearest usual rates, 48 and 48.8 kHz, differ
# by more.
_CLOCK = 0.01
# So many recordings wait for a thread; all at once would hold each of them twice.
_AHEAD = 4


@runtime_checkable
class FrontEnd(Protocol):
    """What `apply_frontend` needs of a front end; all of `xylograph.hw` have it."""

    @property
    def dt(self) -> float:
        """Time between two rows of the raster [s]."""
        ...

    @property
    def channel_names(self) -> tuple[str, ...]:
        """What each channel of the raster carries."""
        ...

    def __call__(self, data: npt.ArrayLike, /) -> tuple[Any, Any, Any]:
        """Raster (batch, time, channel), state and record of a signal (time, channel)."""
        ...


def apply_frontend(
    dataset: Recordings,
    frontend: FrontEnd,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    n_workers: int | None = None,
    progress: bool = False,
) -> Recordings:
    """The recordings as rasters: each goes through the front end, which starts anew each time.

    Recordings are computed in several threads. With a folder for the cache each raster is a file
    there as soon as it is computed, named by a digest of signal, front end and code: what was
    computed once is read, and after a kill the rest is computed. Files of other front ends stay;
    the folder may be deleted at any time.

    Args:
        dataset: signals that the front end takes; `prepare_recordings` makes them.
        frontend: from `xylograph.hw`, or anything with `dt`, `channel_names` and the call of a
            front end.
        cache_dir: folder of the cache; made if need be.
        n_workers: threads; as many as there are processors when not given.
        progress: whether to show a progress bar on standard error.

    Returns:
        The same recordings, labels and groups; signals are rasters (time, channel).

    Raises:
        TypeError: when `dataset` is no `Recordings`, or `frontend` is a class or no front end.
        ValueError: when the recordings are not at the rate of the front end, its `input_rate` where
            it has one; when the front end refuses a recording, which the note of the error names;
            or `n_workers` is below 1.
        OSError: when the cache cannot be written.

    Source: the project's own.

    >>> from xylograph.hw import IMUIFSim
    >>> from xylograph.tools.datasets import load_watch_recordings, prepare_recordings
    >>> recordings = prepare_recordings(
    ...     load_watch_recordings(), channels=("ax", "ay", "az"), rate_hz=200, full_scale=8.0
    ... )
    >>> apply_frontend(recordings, IMUIFSim(rotation=None))
    Recordings(140 signals, 15 channels, dt=0.005 s)
    """
    if n_workers is not None and n_workers < 1:
        raise ValueError(f"`n_workers` is at least 1, not {n_workers}")
    _check(dataset, frontend)
    folder = None if cache_dir is None else Path(cache_dir)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    frontend = frontend.reset_state() if hasattr(frontend, "reset_state") else frontend  # pyright: ignore
    of_frontend = "" if folder is None else fingerprint(frontend)

    def one(number: int) -> Shaped[np.ndarray, "time channel"]:
        signal = dataset.signals[number]
        path = None
        if folder is not None:
            path = folder / f"{fingerprint(of_frontend, signal)}.npz"
            known = read_raster_file(path)
            if known is not None:
                return known
        raster = _raster_of(frontend, signal, number)
        if path is not None:
            write_raster(path, raster)
        return raster

    with _bar(len(dataset), progress) as advance:
        rasters = [*_in_threads(one, len(dataset), n_workers or _n_processors(), advance)]
    return replace(
        dataset,
        signals=tuple(rasters),
        channel_names=tuple(frontend.channel_names),
        dt=frontend.dt,
    )


def _check(dataset: object, frontend: object) -> None:
    if not isinstance(dataset, Recordings):
        raise TypeError(
            f"`apply_frontend` takes `Recordings`, not {type(dataset).__name__}: one signal goes "
            "into the front end itself, `frontend(signal)`"
        )
    if isinstance(frontend, type):
        name = frontend.__name__
        raise TypeError(f"`apply_frontend` takes a front end, not its class: give `{name}()`")
    lacking = [n for n in ("dt", "channel_names", "__call__") if not hasattr(frontend, n)]
    if lacking:
        raise TypeError(
            f"`apply_frontend` takes a front end, as those of `xylograph.hw`; a "
            f"`{type(frontend).__name__}` has no {', '.join(f'`{name}`' for name in lacking)}"
        )
    rate, wanted = 1 / dataset.dt, getattr(frontend, "input_rate", None)
    if wanted is not None and not math.isclose(rate, wanted, rel_tol=_CLOCK):
        raise ValueError(
            f"the recordings have {rate:g} samples a second, `{type(frontend).__name__}` takes "
            f"{wanted:g}: bring them to its rate with `prepare_recordings(..., rate_hz={wanted:g})`"
        )


def _raster_of(
    frontend: FrontEnd, signal: np.ndarray, number: int
) -> Shaped[np.ndarray, "time channel"]:
    try:
        return np.asarray(frontend(signal)[0])[0]
    except Exception as error:
        error.add_note(f"in recording {number}, of the shape {signal.shape}")
        raise


def _n_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_threads(
    work: Callable[[int], np.ndarray], n: int, n_workers: int, advance: Callable[[], None]
) -> Iterator[np.ndarray]:
    """The results in order; what waits is dropped when one fails."""
    with ThreadPoolExecutor(n_workers) as threads:
        waiting: deque[Future[np.ndarray]] = deque()
        try:
            for number in range(n):
                waiting.append(threads.submit(work, number))
                if len(waiting) >= _AHEAD * n_workers:
                    yield waiting.popleft().result()
                    advance()
            while waiting:
                yield waiting.popleft().result()
                advance()
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


@contextmanager
def _bar(total: int, enabled: bool) -> Iterator[Callable[[], None]]:
    if not enabled:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("front end", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
