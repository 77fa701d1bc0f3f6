"""What the tests of mapping share: networks, graphs, specifications, golden numbers."""

import itertools
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from xylograph.hw import get_chip
from xylograph.mapping import (
    Graph,
    InputNode,
    LinearNode,
    NeuronNode,
    QuantizationReport,
    Specification,
)
from xylograph.models import LIFJax, LinearJax, Sequential

CHIP_NAMES = ("xylo-1", "xylo-audio-2", "xylo-imu", "xylo-audio-3")
GOLDEN = Path(__file__).parent / "golden"


def chain(
    *sizes: int, n_synapses: int = 1, recurrent: bool = False, seed: int = 0, **lif: Any
) -> Sequential:
    """Weights and neurons in turn: `sizes` are channels, hidden neurons, outputs.

    Hidden neurons have `n_synapses` and, if wanted, recurrent weights.
    """
    rng = np.random.default_rng(seed)
    modules: list[Any] = []
    for layer, (n_source, n) in enumerate(itertools.pairwise(sizes)):
        is_output = layer == len(sizes) - 2
        n_in = n if is_output else n * n_synapses
        settings: dict[str, Any] = {
            "tau_mem": 0.02,
            "tau_syn": 0.01,
            "max_spikes_per_dt": 1.0 if is_output else 31.0,
        }
        if recurrent and not is_output:
            settings |= {"has_rec": True, "w_rec": rng.normal(0, 0.3, (n, n_in))}
        modules += [
            LinearJax((n_source, n_in), weight=rng.normal(0.2, 0.5, (n_source, n_in))),
            LIFJax((n_in, n), **(settings | lif)),
        ]
    return Sequential(*modules)


def events(*shape: int, seed: int = 0, density: float = 0.3) -> np.ndarray:
    """A raster of single spikes."""
    return (np.random.default_rng(seed).random(shape) < density).astype(np.uint8)


def weights(name: str, sources: tuple[str, ...] | str, values: object) -> LinearNode:
    sources = (sources,) if isinstance(sources, str) else sources
    return LinearNode(name, sources, np.array(values, dtype=float))


def neurons(
    name: str, sources: tuple[str, ...] | str, n: int, n_synapses: int = 1, **changes: Any
) -> NeuronNode:
    sources = (sources,) if isinstance(sources, str) else sources
    values = {
        "tau_mem": np.full(n, 0.02),
        "tau_syn": np.full((n, n_synapses), 0.01),
        "threshold": np.ones(n),
        "bias": np.zeros(n),
        "dt": 1e-3,
        "max_spikes": 31.0,
    }
    return NeuronNode(name, sources, **(values | changes))


def graph(*nodes: Any, n_inputs: int = 2, output: str = "out") -> Graph:
    return Graph((InputNode("@input", n_inputs), *nodes), output)


def two_layers(
    hidden: dict[str, Any] | None = None, out: dict[str, Any] | None = None, n_inputs: int = 2
) -> Graph:
    """Input, 3 hidden neurons, 2 outputs; with other values where given."""
    one_spike: dict[str, Any] = {"max_spikes": 1.0}
    return graph(
        weights("w_in", "@input", np.ones((n_inputs, 3))),
        neurons("hid", "w_in", 3, **(hidden or {})),
        weights("w_out", "hid", np.ones((3, 2))),
        neurons("out", "w_out", 2, **(one_spike | (out or {}))),
        n_inputs=n_inputs,
    )


def specification(
    seed: int = 0, chip: str = "xylo-audio-3", n_synapses: int = 2, **changes: Any
) -> Specification:
    """Random real numbers: 4 of 6 hidden neurons from the input, 5 to 3 outputs."""
    rng = np.random.default_rng(seed)
    n_inputs, n_ien, n_hidden, n_oen, n_out = 3, 4, 6, 5, 3
    values: dict[str, Any] = {
        "chip": get_chip(chip),
        "weights_in": rng.normal(0, 1, (n_inputs, n_ien, n_synapses)),
        "weights_rec": rng.normal(0, 1, (n_hidden, n_hidden, n_synapses)),
        "weights_out": rng.normal(0, 1, (n_oen, n_out)),
        "dash_mem": rng.uniform(1, 6, n_hidden),
        "dash_syn": rng.uniform(1, 6, n_hidden),
        "dash_syn_2": rng.uniform(1, 6, n_hidden),
        "dash_mem_out": rng.uniform(1, 6, n_out),
        "dash_syn_out": rng.uniform(1, 6, n_out),
        "threshold": rng.uniform(0.5, 2, n_hidden),
        "threshold_out": rng.uniform(0.5, 2, n_out),
        "bias": rng.uniform(-0.5, 0.5, n_hidden),
        "bias_out": rng.uniform(-0.5, 0.5, n_out),
    }
    return Specification(**(values | changes))


def golden(n_synapses: int) -> tuple[Specification, dict[str, np.ndarray]]:
    """The float specification of a golden file, and all its arrays."""
    with np.load(GOLDEN / f"quantize_{n_synapses}syn.npz") as file:
        arrays = {name: file[name] for name in file.files}
    given = {name[3:]: array for name, array in arrays.items() if name.startswith("in/")}
    for name in ("weights_in", "weights_rec"):
        given[name] = given[name].reshape((*given[name].shape[:2], n_synapses))
    return Specification(chip=get_chip("xylo-audio-3"), **given), arrays


def only_rounded(spec: Specification) -> tuple[Specification, QuantizationReport]:
    """A quantizer for networks whose weights, thresholds and biases are integers already."""
    arrays = {f.name: getattr(spec, f.name) for f in fields(spec)}
    rounded = {
        name: np.round(array).astype(np.int64)
        for name, array in arrays.items()
        if isinstance(array, np.ndarray)
    }
    return replace(spec, **rounded), QuantizationReport("only_rounded", "rounded")
