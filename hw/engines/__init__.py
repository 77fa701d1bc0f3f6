"""Engines: several ways to compute what a chip core computes, with the same integers from all.

In: a configuration, the input spikes of a batch of recordings, and the state in which each of
them starts. Out: what is asked for of spikes, currents, voltages and hibernation flags, step by
step, and the state at the end.

| engine | what it is for |
| --- | --- |
| `reference` | readable NumPy, one rule a line: the definition the others are tested against |
| `native` | the fast one: event-driven compiled code, samples side by side |
| `jax` | products of matrices, for large batches and accelerators; `evolve_jax` is its function |
| `vendor` | the vendor's simulator, where the package `xylosim` is installed: the oracle |

To read in this order: `_reference.py`, the rules; `_interface.py` and `_state.py`, what goes in and
comes out; `_registry.py`; then the other engines. `XyloSim` (`hw/_sim.py`) is the way to use them.

A further engine is one more file with a class that follows `Engine`, and one more line in
`_registry.py`; the conformance tests in `tests/hw/test_engines.py` then cover it.
"""

from ._evolve_jax import evolve_jax as evolve_jax
from ._interface import (
    RECORDED as RECORDED,
    Engine as Engine,
    EngineFactory as EngineFactory,
    RecordedArray as RecordedArray,
    Recordings as Recordings,
    recordable as recordable,
)
from ._raster import InputClippedWarning as InputClippedWarning, checked_raster as checked_raster
from ._reference import decay as decay, sat16 as sat16, wrap16 as wrap16
from ._registry import ENGINES as ENGINES, make_engine as make_engine
from ._state import (
    CORE_ARRAYS as CORE_ARRAYS,
    CoreState as CoreState,
    EngineStateError as EngineStateError,
)
from ._state_check import checked_state as checked_state

__all__ = [
    "CORE_ARRAYS",
    "ENGINES",
    "RECORDED",
    "CoreState",
    "Engine",
    "EngineFactory",
    "EngineStateError",
    "InputClippedWarning",
    "RecordedArray",
    "Recordings",
    "checked_raster",
    "checked_state",
    "decay",
    "evolve_jax",
    "make_engine",
    "recordable",
    "sat16",
    "wrap16",
]
