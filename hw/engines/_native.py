"""The `native` engine: compiled code, samples side by side."""

import logging
from collections.abc import Iterator, Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from numba import config as numba_config
from numba.core.event import Event, Listener, install_listener

from .._config import XyloConfig
from ._interface import RECORDED, Recordings, empty_recordings
from ._native_kernel import evolve_samples
from ._native_network import Network, network_of
from ._state import CoreState

_log = logging.getLogger(__name__)

# Below this much work (steps times neurons, all samples) a thread, which takes 80 us to start and
# to end, costs more than it brings.
_WORK_WORTH_THREADS = 200_000
# Samples differ in activity: several parts a thread even that out.
_PARTS_PER_THREAD = 4


class State(NamedTuple):
    """The state of all samples; the arrays of a `CoreState`, changed in place."""

    spikes: np.ndarray
    vmem: np.ndarray
    isyn: np.ndarray
    isyn2: np.ndarray
    vmem_out: np.ndarray
    isyn_out: np.ndarray
    quiet: np.ndarray


class Records(NamedTuple):
    """Where recordings go, (batch, time, neuron); without steps where nothing is recorded."""

    spikes: np.ndarray
    vmem: np.ndarray
    isyn: np.ndarray
    isyn2: np.ndarray
    vmem_out: np.ndarray
    isyn_out: np.ndarray
    spikes_out: np.ndarray
    hibernation: np.ndarray


class NativeEngine:
    """Computes with compiled code; the cost grows with the spikes and the synapses they pass.

    Samples of a batch are computed side by side, in as many threads as Numba is told to use
    (`NUMBA_NUM_THREADS`; else one a processor). They are Python's threads, not Numba's: those
    end the process when two threads of a program use them at the same time.

    Args:
        config: what to compute.
    """

    def __init__(self, config: XyloConfig) -> None:
        self._config = config
        self._network = network_of(config)
        self._unwanted = empty_recordings(config, RECORDED.keys(), batch=1, time=0)

    def evolve(
        self,
        raster: UInt8[np.ndarray, "batch time input"],
        state: CoreState,
        wanted: AbstractSet[str],
    ) -> tuple[Recordings, CoreState]:
        """Compute as many time steps as the raster has; see `Engine`."""
        batch, n_steps, _ = raster.shape
        recordings = empty_recordings(self._config, wanted, batch, n_steps)
        arrays = self._unwanted | recordings
        started = [array.copy() for array in state.arrays().values()]
        # Always read-only: to Numba writeable and read-only arrays are different types, and each
        # would be compiled for.
        raster = np.ascontiguousarray(raster).view()
        raster.flags.writeable = False
        records = Records(*[arrays[name] for name in RECORDED])
        _evolve(raster, self._network, State(*started), records)
        return recordings, CoreState(*started)


def _evolve(
    raster: UInt8[np.ndarray, "batch time input"], network: Network, state: State, records: Records
) -> None:
    batch, n_steps, _ = raster.shape
    # Numba sets its settings at run time, where the type checker does not see them.
    most_threads: int = numba_config.NUMBA_NUM_THREADS  # pyright: ignore
    n_threads = min(batch, most_threads)

    def evolve_parts(parts: Iterator[tuple[int, int]]) -> None:
        for first, last in parts:
            evolve_samples(first, last, raster, network, state, records)

    with _notice_of_compilation():
        if n_threads <= 1 or batch * n_steps * network.threshold.size < _WORK_WORTH_THREADS:
            evolve_parts(iter([(0, batch)]))
            return
        n_parts = min(batch, n_threads * _PARTS_PER_THREAD)
        # Each thread takes the next part there is; this one, too, which saves starting one.
        parts = iter([*pairwise(np.linspace(0, batch, n_parts + 1).astype(int).tolist())])
        with ThreadPoolExecutor(n_threads - 1) as threads:
            others = [threads.submit(evolve_parts, parts) for _ in range(n_threads - 1)]
            evolve_parts(parts)
            for other in others:
                other.result()


def _notice_of_compilation() -> AbstractContextManager[object]:
    if evolve_samples.overloads:
        return nullcontext()
    return install_listener("numba:compile", _CompileNotice())


class _CompileNotice(Listener):
    """Says so when the engine is really compiled, and not loaded from Numba's cache."""

    def on_start(self, event: Event) -> None:
        """Numba starts to compile something."""
        if (event.data or {}).get("dispatcher") is evolve_samples:
            # A warning, because that is what Python shows where nobody has set up logging.
            _log.warning("compiling the native engine, once; it takes some seconds")

    def on_end(self, event: Event) -> None:
        """Numba is done; nothing to say."""
