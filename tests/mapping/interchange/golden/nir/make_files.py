"""Writes the files beside it: one network in each dialect of NIR, by h5py alone.

The numbers are those that each tool writes for a network whose membranes keep `A` and whose currents
keep `B` of themselves in a step of `DT`; see `README.md`. `python make_files.py`
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

HERE = Path(__file__).parent
DT = 1e-3
# Membranes of the first and of the second layer, currents of the second.
A_1, A_2 = np.array([0.9, 0.8, 0.95]), np.array([0.85, 0.9])
B_2 = np.array([0.6, 0.75])
WEIGHT_1 = np.array([[0.5, -0.25], [1.0, 0.125], [-0.5, 2.0]])
WEIGHT_2, BIAS_2 = np.array([[1.0, -0.5, 0.25], [0.75, 0.5, -1.0]]), np.array([0.0625, -0.125])
THRESHOLD_1, THRESHOLD_2 = np.array([1.0, 0.5, 0.75]), np.array([1.25, 1.0])


def exponential(left: Any, step: float) -> Any:
    """Time constants of exponential decay."""
    return -step / np.log(left)


def euler(left: Any, step: float) -> Any:
    """Time constants that steps of Euler's method turn into the same decay."""
    return step / (1 - left)


def neurons(tau: Any, tau_syn: Any, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two populations, with what each dialect adds."""
    first = {"tau": tau(A_1), "v_leak": 0 * A_1, "v_threshold": THRESHOLD_1}
    second = {"tau_mem": tau(A_2), "tau_syn": tau_syn(B_2), "v_leak": 0 * A_2}
    second["v_threshold"] = THRESHOLD_2
    for name, value in more.items():
        if name != "w_in":
            first[name] = value(A_1) + 0 * A_1
        second[name] = value(B_2 if name == "w_in" else A_2) + 0 * A_2
    return first, second


def zero(left: Any) -> Any:
    return 0 * left


def one(left: Any) -> Any:
    return 0 * left + 1


def in_seconds(left: Any) -> Any:
    return exponential(left, DT)


DIALECTS: dict[str, Any] = {
    # r = tau / dt, w_in = tau_syn / dt.
    "physical": neurons(
        in_seconds,
        in_seconds,
        r=lambda a: in_seconds(a) / DT,
        w_in=lambda b: in_seconds(b) / DT,
        v_reset=zero,
    ),
    # The same for a reader that takes steps of Euler's method.
    "euler": neurons(
        lambda a: euler(a, DT),
        lambda b: euler(b, DT),
        r=lambda a: euler(a, DT) / DT,
        w_in=lambda b: euler(b, DT) / DT,
        v_reset=zero,
    ),
    # dt is 0.1 ms, whatever it was.
    "snntorch": neurons(
        lambda a: euler(a, 1e-4),
        lambda b: euler(b, 1e-4),
        r=lambda a: 1 / (1 - a),
        w_in=lambda b: 1 / (1 - b),
        v_reset=zero,
    ),
    # r = tau exp(-dt/tau) / dt; neither w_in nor v_reset.
    "rockpool": neurons(in_seconds, in_seconds, r=lambda a: in_seconds(a) * a / DT),
    # r and w_in are 1.
    "norse": neurons(lambda a: euler(a, DT), lambda b: euler(b, DT), r=one, w_in=one, v_reset=zero),
    # The same, with times multiplied by a step.
    "norse-1.1": neurons(
        lambda a: DT * euler(a, DT), lambda b: DT * euler(b, DT), r=one, w_in=one, v_reset=zero
    ),
    # Steps; r is what is left of the membrane, w_in 1.
    "spyx": neurons(
        lambda a: euler(a, 1.0), lambda b: euler(b, 1.0), r=lambda a: a, w_in=one, v_reset=zero
    ),
    # Steps; r is 1, w_in and v_reset are not there.
    "sinabs": neurons(lambda a: exponential(a, 1.0), lambda b: exponential(b, 1.0), r=one),
    # Milliseconds.
    "hxtorch": neurons(
        lambda a: euler(a, 1e3 * DT),
        lambda b: euler(b, 1e3 * DT),
        r=lambda a: euler(a, DT) / DT,
        w_in=lambda b: euler(b, DT) / DT,
        v_reset=zero,
    ),
}


def write(path: Path, first: dict[str, Any], second: dict[str, Any]) -> None:
    """One file: dense weights, `LIF`, dense weights with a bias, `CubaLIF`."""
    nodes: dict[str, tuple[str, dict[str, Any]]] = {
        "input": ("Input", {"shape": np.array([2])}),
        "0": ("Linear", {"weight": np.float32(WEIGHT_1)}),
        "1": ("LIF", {name: np.float32(value) for name, value in first.items()}),
        "2": ("Affine", {"weight": np.float32(WEIGHT_2), "bias": np.float32(BIAS_2)}),
        "3": ("CubaLIF", {name: np.float32(value) for name, value in second.items()}),
        "output": ("Output", {"shape": np.array([2])}),
    }
    edges = [("input", "0"), ("0", "1"), ("1", "2"), ("2", "3"), ("3", "output")]
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("version", data="1.0.4")
        graph = file.create_group("node")
        graph.create_dataset("type", data="NIRGraph")
        graph.create_dataset("edges", data=edges, dtype=h5py.string_dtype())
        for name, (kind, values) in nodes.items():
            node = graph.create_group(f"nodes/{name}")
            node.create_dataset("type", data=kind)
            for key, value in values.items():
                node.create_dataset(key, data=value)


if __name__ == "__main__":
    for name, populations in DIALECTS.items():
        write(HERE / f"{name}.nir", *populations)
