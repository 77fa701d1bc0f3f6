"""From arrays that a caller gives to a `CoreState`, with everything checked."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Shaped

from .._config import XyloConfig
from .._wording import counted
from ..chips import Range
from ._state import CORE_ARRAYS, CoreState

_COUNTER = Range(0, 255)


def checked_state(
    config: XyloConfig, given: Mapping[str, object], start: CoreState | None
) -> CoreState:
    """The state with some or all of its arrays replaced.

    Args:
        config: gives sizes and ranges.
        given: arrays by the names of `CoreState`.
        start: what holds where nothing is given; `None`: the state after a reset.

    Returns:
        The state, in arrays of its own.

    Raises:
        ValueError: when a name is unknown, or an array does not fit; lists everything.
    """
    names = (*CORE_ARRAYS, "past")
    problems = [
        f"`{name}` is no part of a state: parts are {', '.join(names)}"
        for name in given
        if name not in names
    ]
    problems += [
        f"`{name}` is None, not an array" for name in CORE_ARRAYS if given.get(name, 0) is None
    ]
    arrays = {}
    for name in names:
        if given.get(name) is not None:
            arrays[name] = np.asarray(given[name])
            problems += _problems(config, name, arrays[name])
    batches = {name: len(array) for name, array in arrays.items() if array.ndim}
    if start is not None and not start.is_fresh:
        batches |= {name: start.batch for name in CORE_ARRAYS if name not in arrays}
    if len(set(batches.values())) > 1:
        sizes = ", ".join(f"`{name}` {size}" for name, size in batches.items())
        problems.append(f"all arrays are of the same samples; the batch axes are {sizes}")
    if problems:
        lines = "".join(f"\n- {problem}" for problem in problems)
        raise ValueError(
            f"this is no state of the core, {counted(len(problems), 'problem')}:{lines}"
        )
    if start is None or start.is_fresh:
        start = CoreState.fresh(config, batch=next(iter(batches.values()), 1))
    return _replaced(start, arrays)


def _replaced(start: CoreState, arrays: Mapping[str, np.ndarray]) -> CoreState:
    dtypes = {name: array.dtype for name, array in start.arrays().items()} | {"past": np.uint8}
    return replace(start, **{name: array.astype(dtypes[name]) for name, array in arrays.items()})


def _problems(config: XyloConfig, name: str, array: Shaped[np.ndarray, "..."]) -> list[str]:
    if array.dtype.kind not in "biu":
        return [f"`{name}` holds {array.dtype}, not integers"]
    axes = {
        "quiet": ("batch",),
        "past": ("batch", "time", config.n_inputs),
        "vmem_out": ("batch", config.n_outputs),
        "isyn_out": ("batch", config.n_outputs),
    }.get(name, ("batch", config.n_hidden))
    fits = array.ndim == len(axes) and all(
        isinstance(axis, str) or axis == size for axis, size in zip(axes, array.shape, strict=True)
    )
    if not fits:
        needed = ", ".join(map(str, axes))
        return [f"`{name}` has the shape {array.shape}; needed is ({needed})"]
    return _range_problems(name, array, _range(config, name))


def _range(config: XyloConfig, name: str) -> Range:
    chip = config.chip
    # What the core does not have cannot be other than zero.
    ranges = {
        "spikes": Range(0, chip.max_hidden_spikes),
        "quiet": Range(0, int(chip.has_hibernation)),
        "past": _COUNTER,
    }
    if name == "isyn2" and config.n_synapses == 1:
        return Range(0, 0)
    return ranges.get(name, chip.state_range)


def _range_problems(name: str, array: Shaped[np.ndarray, "..."], allowed: Range) -> list[str]:
    outside = (array < allowed.low) | (array > allowed.high)
    if not outside.any():
        return []
    first = tuple(np.argwhere(outside)[0].tolist())
    where = ", ".join(map(str, first))
    return [f"`{name}[{where}]` is {array[first]}, the range is {allowed}"]
