"""A file in each dialect of NIR, with the decays, weights and gains that its tool computes with."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nir", reason="the extra `nir` is not installed")
h5py = pytest.importorskip("h5py", reason="the extra `nir` is not installed")

from xylograph.mapping import LinearNode, from_nir, nir_report, trace

GOLDEN = Path(__file__).parent / "golden" / "nir"
# What is left of the membranes and of the currents after a step, in all of the files.
LEFT_1, LEFT_2, LEFT_SYN = [0.9, 0.8, 0.95], [0.85, 0.9], [0.6, 0.75]
ONES_1, ONES_2 = [1.0, 1.0, 1.0], [1.0, 1.0]
# How a file has to be read, and what an input adds to each membrane in the step it comes.
CASES: dict[str, tuple[dict[str, Any], str, list[float], list[float]]] = {
    "physical": ({"dt": 1e-3}, "physical", ONES_1, ONES_2),
    "euler": ({"dt": 1e-3, "dialect": "euler"}, "euler", ONES_1, ONES_2),
    "snntorch": ({}, "snntorch", ONES_1, ONES_2),
    "rockpool": ({"dt": 1e-3}, "rockpool", ONES_1, LEFT_SYN),
    "rockpool alone": ({"dialect": "rockpool"}, "rockpool", ONES_1, LEFT_SYN),
    "norse": ({"dt": 1e-3}, "norse", [0.1, 0.2, 0.05], [0.15, 0.1]),
    "norse-1.1": ({"dt": 1e-3}, "norse-1.1", [0.1, 0.2, 0.05], [0.15, 0.1]),
    "spyx": ({"dt": 1e-3}, "spyx", ONES_1, ONES_2),
    "sinabs": ({"dt": 1e-3}, "sinabs", ONES_1, ONES_2),
    "hxtorch": ({"dt": 1e-3, "dialect": "hxtorch"}, "hxtorch", ONES_1, ONES_2),
}


def golden(case: str) -> Path:
    return GOLDEN / f"{case.split()[0]}.nir"


def close(value: Any, wanted: Any) -> None:
    np.testing.assert_allclose(value, wanted, rtol=3e-5, atol=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_a_file_is_read_as_its_tool_means_it(case: str) -> None:
    read_as, dialect, gain_1, gain_2 = CASES[case]
    report = nir_report(golden(case), **read_as)
    assert report.dialect == dialect
    close(report.dt, 1e-4 if dialect == "snntorch" else 1e-3)
    network = from_nir(golden(case), **read_as)
    assert list(network.modules()) == ["0", "1", "2", "3"]
    first, second = trace(network).populations
    close(np.exp(-first.dt / first.tau_mem), LEFT_1)
    close(np.exp(-second.dt / second.tau_mem), LEFT_2)
    close(np.exp(-second.dt / second.tau_syn[:, 0]), LEFT_SYN)
    close(first.threshold, [1.0, 0.5, 0.75])
    close(second.threshold, [1.25, 1.0])
    # From an input to the membrane: weight and what the module's synapse leaves of it.
    dense_1, dense_2 = trace(network).of_kind(LinearNode)
    left = np.exp(-first.dt / first.tau_syn[:, 0])
    close(dense_1.weights * left, np.array([[0.5, 1, -0.5], [-0.25, 0.125, 2]]) * gain_1)
    weights = np.array([[1, 0.75], [-0.5, 0.5], [0.25, -1]])
    close(dense_2.weights * LEFT_SYN, weights * gain_2)
    close(np.asarray(dense_2.bias) * LEFT_SYN, np.array([0.0625, -0.125]) * gain_2)
    for layer, gain in zip(report.layers, (gain_1, gain_2), strict=True):
        close(layer.gain, (min(gain), max(gain)))


def test_the_script_beside_the_files_makes_them(tmp_path: Path) -> None:
    made = runpy.run_path(str(GOLDEN / "make_files.py"))
    assert set(made["DIALECTS"]) == {path.stem for path in GOLDEN.glob("*.nir")}
    for name, populations in made["DIALECTS"].items():
        made["write"](tmp_path / f"{name}.nir", *populations)
        one, other = _arrays(tmp_path / f"{name}.nir"), _arrays(GOLDEN / f"{name}.nir")
        assert one.keys() == other.keys()
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key], err_msg=key)


def _arrays(path: Path) -> dict[str, Any]:
    with h5py.File(path) as file:
        names: list[str] = []
        file.visit(names.append)
        return {name: file[name][()] for name in names if isinstance(file[name], h5py.Dataset)}
