"""`to_nir_data`, `from_nir_data`: rasters and recordings, for comparison with other tools."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

from ...models import FormatError
from ...models.storage._files import write_atomically
from ._nir_tree import (
    MAX_DEPTH,
    hdf5_file,
    members,
    nir_library,
    read_array,
    read_number,
    refuse,
)

Rasters: TypeAlias = Mapping[str, Mapping[str, Any]]
Recording: TypeAlias = (
    Bool[np.ndarray, "batch time n"]
    | Int[np.ndarray, "batch time n"]
    | Float[np.ndarray, "batch time n"]
)
# Times of events are multiples of a step but for rounding: so much of a step belongs to the next.
_EARLY = 1e-6
_MOST_ENTRIES = 2**28


def to_nir_data(
    rasters: Rasters,
    dt: float,
    path: str | os.PathLike[str] | None = None,
    *,
    events: bool = False,
) -> Any:
    """Rasters and recordings as `nir.NIRGraphData`.

    Args:
        rasters: by node and observable, such as `{"1_LIFJax": {"spikes": counts}}`; each
            (time, n) or (batch, time, n).
        dt: length of a step [s].
        path: a file to write the data to as well; replaced in one go.
        events: write arrays of zeros and ones as events, in the middle of their steps, so that no
            reader rounds them into another one; everything else stays on its grid, because
            events of NIR are single.

    Returns:
        The data.

    Raises:
        ValueError: an array of another shape, or a `dt` that is not positive.
        MissingExtraError: without the extra `nir`.
        OSError: when the file cannot be written.

    Source: NIR facts, the section on data.

    >>> data = to_nir_data({"input": {"spikes": np.eye(3, 2, dtype=int)}}, dt=1e-3, events=True)
    >>> data.nodes["input"].observables["spikes"].time
    array([[0.0005, 0.0015]])
    """
    library = nir_library("`to_nir_data`")
    if not dt > 0:
        raise ValueError(f"`dt` is a positive time in seconds, got {dt!r}")
    made = {
        name: library.NIRNodeData(
            {
                observable: _observable(library, np.asarray(raster), dt, events, name, observable)
                for observable, raster in observables.items()
            }
        )
        for name, observables in rasters.items()
    }
    data = library.NIRGraphData(made)
    if path is not None:
        buffer = io.BytesIO()
        library.write_data(buffer, data)
        write_atomically(path, buffer.getvalue())
    return data


def _observable(
    library: Any, raster: Any, dt: float, events: bool, name: str, observable: str
) -> Any:
    raster = raster[None] if raster.ndim == 2 else raster
    if raster.ndim != 3 or raster.dtype.kind not in "biuf":
        raise ValueError(
            f"`{observable}` of `{name}` is {raster.dtype} of the shape {raster.shape}, expected are "
            "numbers (time, n) or (batch, time, n)"
        )
    if not events or not np.isin(raster, (0, 1)).all():
        return library.TimeGriddedData(raster, dt)
    spikes = raster.astype(bool)
    most = int(spikes.sum(axis=(1, 2)).max(initial=0))
    return library.TimeGriddedData(spikes, dt).to_event(most, time_shift=dt / 2)


def from_nir_data(source: Any, dt: float | None = None) -> dict[str, dict[str, Recording]]:
    """The rasters and recordings in `nir.NIRGraphData`.

    Args:
        source: the data, or a file of them.
        dt: length of a step [s]; needed where there are events; what is on another grid is
            refused.

    Returns:
        Arrays (batch, time, n) by node and observable; of nodes in graphs by `graph.node`. Events
        become counts, several of a neuron in one step too, or sums of their values.

    Raises:
        FormatError: the file is damaged, events are outside of their recording, or steps differ.
        ValueError: events without `dt`, or a `dt` that is not positive.
        TypeError: neither data nor a path.
        MissingExtraError: without the extra `nir`.
        OSError: when the file cannot be read.

    Source: NIR facts, the section on data.

    >>> data = to_nir_data({"input": {"spikes": np.eye(3, 2, dtype=int)}}, dt=1e-3, events=True)
    >>> from_nir_data(data, dt=1e-3)["input"]["spikes"]
    array([[[1, 0],
            [0, 1],
            [0, 0]]])
    """
    library = nir_library("`from_nir_data`")
    if dt is not None and not (np.isfinite(dt) and dt > 0):
        raise ValueError(f"`dt` is a positive time in seconds, got {dt!r}")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    if isinstance(source, (str, os.PathLike)):
        with hdf5_file(source) as (file, _):
            _read_group(file, "", 0, found)
    elif isinstance(source, library.NIRGraphData):
        _read_object(library, source, "", 0, found)
    else:
        raise TypeError(
            f"`from_nir_data` takes `nir.NIRGraphData` or a path, got {type(source).__name__}"
        )
    return {
        name: {key: _raster(one, dt, f"{name}.{key}") for key, one in observables.items()}
        for name, observables in found.items()
    }


def _read_group(group: Any, prefix: str, depth: int, found: dict[str, Any]) -> None:
    if depth > MAX_DEPTH or "nodes" not in group:
        refuse("it holds no recordings, or graphs too deep in each other")
    for name, node in members(group["nodes"]):
        entries = dict(members(node))
        if "nodes" in entries:
            _read_group(node, f"{prefix}{name}.", depth + 1, found)
        elif "observables" in entries:
            found[prefix + name] = {
                key: _fields(one, f"`{prefix}{name}.{key}`")
                for key, one in members(entries["observables"])
            }
        else:
            refuse(f"`{prefix}{name}` holds neither observables nor nodes")


def _fields(group: Any, where: str) -> dict[str, Any]:
    attributes = {
        key: read_number(group, key) for key in ("dt", "n_neurons", "t_max") if key in group.attrs
    }
    arrays = {key: read_array(one, f"{where}.{key}") for key, one in members(group)}
    return arrays | attributes


def _read_object(library: Any, data: Any, prefix: str, depth: int, found: dict[str, Any]) -> None:
    if depth > MAX_DEPTH:
        refuse("graphs are too deep in each other")
    for name, node in data.nodes.items():
        if isinstance(node, library.NIRGraphData):
            _read_object(library, node, f"{prefix}{name}.", depth + 1, found)
        else:
            found[prefix + name] = {key: vars(one) for key, one in node.observables.items()}


def _raster(fields: dict[str, Any], dt: float | None, where: str) -> Any:
    if "data" in fields:
        data = np.asarray(fields["data"])
        step = fields.get("dt")
        if data.ndim != 3 or data.dtype.kind not in "biuf" or step is None or not step > 0:
            refuse(f"`{where}` is no array (batch, time, n) with a `dt`")
        if dt is not None and not abs(step / dt - 1) < _EARLY:
            refuse(f"`{where}` has steps of {step:g} s, `dt` is {dt:g} s")
        return data
    if not {"idx", "time", "n_neurons", "t_max"} <= set(fields):
        refuse(f"`{where}` is neither a grid nor events")
    if dt is None:
        raise ValueError(f"`{where}` holds events: give `dt`, the length of a step in seconds")
    return _counts(fields, dt, where)


def _counts(fields: dict[str, Any], dt: float, where: str) -> Any:
    """How many events, or what sum of values, each step has."""
    idx, time = np.asarray(fields["idx"]), np.asarray(fields["time"])
    values = fields.get("value")
    n, t_max = float(fields["n_neurons"]), float(fields["t_max"])
    n_steps = t_max / dt
    whole = idx.dtype.kind in "iu" and time.dtype.kind in "iuf" and idx.ndim == 2
    shapes = idx.shape == time.shape and (values is None or np.shape(values) == idx.shape)
    # Also what is not a number is refused here.
    n_samples = max(1, *idx.shape[:1], 1)
    sized = n >= 1 and n_steps >= 0 and n_samples * n * (n_steps + 1) <= _MOST_ENTRIES
    if not (whole and shapes and sized):
        refuse(f"`{where}` holds no events (batch, event) of a recording of limited size")
    n_steps, n = int(np.ceil(n_steps - _EARLY)), int(n)
    sample, event = np.nonzero(idx != -1)
    neurons, times = idx[sample, event], time[sample, event]
    if not np.all((neurons >= 0) & (neurons < n) & (times >= 0) & (times < t_max + _EARLY * dt)):
        raise FormatError(f"`{where}` has events outside of its {n} neurons or its {t_max:g} s")
    steps = np.floor(times / dt + _EARLY).astype(np.int64)
    if np.any(steps >= n_steps):
        raise FormatError(f"`{where}` has events after its {n_steps} steps")
    raster = np.zeros((len(idx), n_steps, n), np.int64 if values is None else np.float64)
    added = 1 if values is None else np.asarray(values, np.float64)[sample, event]
    np.add.at(raster, (sample, steps, neurons), added)
    return raster
