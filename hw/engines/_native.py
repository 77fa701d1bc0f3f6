"""The `native` engine: event-driven compiled code, samples side by side."""

import logging
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise

import numpy as np
from jaxtyping import UInt8
from numba import config as numba_config
from numba.core.event import Event, Listener, install_listener

from .._config import XyloConfig
from ._interface import RECORDED, Recordings, empty_recordings
from ._native_kernel import Network, Records, State, evolve_samples
from ._native_network import network_of
from ._state import CoreState

_log = logging.getLogger(__name__)

# Below this much work (steps times neurons, all samples) threads cost more than they bring.
_WORK_WORTH_THREADS = 20_000
# Samples differ in activity: several parts a thread even that out.
_PARTS_PER_THREAD = 4


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

    def evolve(
        self,
        raster: UInt8[np.ndarray, "batch time input"],
        state: CoreState,
        wanted: AbstractSet[str],
    ) -> tuple[Recordings, CoreState]:
        """Compute as many time steps as the raster has; see `Engine`."""
        batch, n_steps, _ = raster.shape
        recordings = empty_recordings(self._config, wanted, batch, n_steps)
        unwanted = empty_recordings(self._config, RECORDED.keys() - wanted, batch, 0)
        arrays = recordings | unwanted
        new_state = state.copy()
        # Always read-only: to Numba writeable and read-only arrays are different types, and each
        # would be compiled for.
        raster = np.ascontiguousarray(raster).view()
        raster.flags.writeable = False
        _evolve(
            raster,
            self._network,
            State(**new_state.arrays()),
            Records(*(arrays[name] for name in RECORDED)),
        )
        return recordings, new_state


def _evolve(
    raster: UInt8[np.ndarray, "batch time input"], network: Network, state: State, records: Records
) -> None:
    batch, n_steps, _ = raster.shape
    # Numba sets its settings at run time, where the type checker does not see them.
    most_threads: int = numba_config.NUMBA_NUM_THREADS  # pyright: ignore
    n_threads = min(batch, most_threads)
    with _notice_of_compilation():
        if n_threads <= 1 or batch * n_steps * network.threshold.size < _WORK_WORTH_THREADS:
            evolve_samples(0, batch, raster, network, state, records)
            return
        n_parts = min(batch, n_threads * _PARTS_PER_THREAD)
        borders = np.linspace(0, batch, n_parts + 1).astype(int).tolist()
        with ThreadPoolExecutor(n_threads) as threads:
            parts = [
                threads.submit(evolve_samples, first, last, raster, network, state, records)
                for first, last in pairwise(borders)
            ]
            for part in parts:
                part.result()


def _notice_of_compilation() -> AbstractContextManager[object]:
    if evolve_samples.overloads:
        return nullcontext()
    return install_listener("numba:compile", _CompileNotice())


class _CompileNotice(Listener):
    """Says so when the engine is really compiled, and not loaded from Numba's cache."""

    def on_start(self, event: Event) -> None:
        """Numba starts to compile something."""
        if (event.data or {}).get("dispatcher") is evolve_samples:
            _log.info("compiling the native engine, once; it takes some seconds")

    def on_end(self, event: Event) -> None:
        """Numba is done; nothing to say."""
