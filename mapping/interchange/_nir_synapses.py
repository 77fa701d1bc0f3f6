"""Filters that lead to neurons alone are their synapses: one module, with as many as there are.

NIR's `CubaLIF` has one synapse. Neurons with several are an `LI` each, which add up in a `LIF`.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from jaxtyping import Float

from ._nir_layers import Cells, Linear
from ._nir_wires import Wires

Layers = dict[str, Linear | Cells]


def join_synapses(wires: Wires, layers: Layers, dt: float) -> None:
    """Make filters the synapses of the neurons they lead to, in place.

    Args:
        wires: what leads from where to where.
        layers: by name.
        dt: length of a step [s].
    """
    for name in [name for name, one in layers.items() if _has_room(one)]:
        filters = _synapses_of(name, wires, layers)
        if filters:
            _join(name, filters, wires, layers, dt)
            _merge_parallel(name, wires, layers)


def _has_room(layer: Linear | Cells) -> bool:
    """Whether these are neurons without synapses of their own."""
    return isinstance(layer, Cells) and layer.kind in ("LIF", "IF")


def _synapses_of(name: str, wires: Wires, layers: Layers) -> list[str]:
    sources = wires.sources[name]
    whole = all(_is_synapse(layers.get(one)) and wires.sinks[one] == [name] for one in sources)
    return list(sources) if whole else []


def _is_synapse(layer: Linear | Cells | None) -> bool:
    if not isinstance(layer, Cells) or layer.kind != "LI":
        return False
    return not np.any(layer.bias)


def _join(name: str, filters: list[str], wires: Wires, layers: Layers, dt: float) -> None:
    neurons: Any = layers[name]
    synapses: list[Any] = [layers[one] for one in filters]
    taus = [one.tau_mem if one.tau_syn is None else one.tau_syn for one in synapses]
    neurons.tau_syn = np.stack(taus, axis=1)
    to_membrane = neurons.effective[:, None]
    effective = np.stack([one.effective for one in synapses], axis=1) * to_membrane
    # What comes to a `LIFJax` has decayed once when it comes to the membrane.
    neurons.gain = (effective / np.exp(-dt / neurons.tau_syn)).reshape(-1)
    neurons.effective = effective.reshape(-1)
    for place, one in enumerate(filters):
        spread = _spread(len(to_membrane), len(filters), place)
        sources = list(wires.sources[one])
        wires.drop(one)
        del layers[one]
        for source in sources:
            weights = layers.get(source)
            if isinstance(weights, Linear) and not wires.sinks[source]:
                weights.weight = weights.weight @ spread
                weights.bias = None if weights.bias is None else weights.bias @ spread
                wires.connect(source, name)
            elif len(filters) == 1:
                wires.connect(source, name)
            else:
                layers[wires.insert(f"{one}_of_{source}", [source], name)] = Linear(spread)


def _spread(n: int, n_synapses: int, place: int) -> Float[np.ndarray, "n channel"]:
    """From neurons to one synapse of each: channel `i * n_synapses + place` of neuron `i`."""
    return np.kron(np.eye(n), np.eye(1, n_synapses, place))


def _merge_parallel(name: str, wires: Wires, layers: Layers) -> None:
    """Make weights from the same to the same one, as they were before they were split."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for one in wires.sources[name]:
        if isinstance(layers.get(one), Linear) and wires.sinks[one] == [name]:
            alike.setdefault(tuple(wires.sources[one]), []).append(one)
    for sources, parts in alike.items():
        if len(parts) < 2:
            continue
        weights: list[Any] = [layers[one] for one in parts]
        biases: Any = [one.bias for one in weights if one.bias is not None]
        total: Any = sum(one.weight for one in weights)
        whole = Linear(total, np.sum(biases, axis=0) if biases else None)
        for one in parts:
            wires.drop(one)
            del layers[one]
        stem = os.path.commonprefix(parts).removesuffix("_syn")
        layers[wires.insert(stem or parts[0], list(sources), name)] = whole
