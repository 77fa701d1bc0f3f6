"""Networks of other tools come in, and ours go out to them, with the same spikes.

The tools run in interpreters of their own, as they are installed there; `XYLOGRAPH_NIR_PEERS` says
where these are: `snntorch=/path/to/python,norse=/path/to/python`. Last run on 2026-11-27 with snntorch
1.0.0, norse 1.1.0, spyx 1.0.0, nirtorch 2.6 and nir 1.0.8, and with sinabs 3.1.3, nirtorch 2.0.2 and
nir 1.0.4.
"""

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nir", reason="the extra `nir` is not installed")

from xylograph.mapping import from_nir, nir_report, to_nir
from xylograph.models import JaxModule, LIFJax, LinearJax, Sequential

pytestmark = pytest.mark.slow
INTERPRETERS = dict(
    pair.split("=", 1) for pair in os.environ.get("XYLOGRAPH_NIR_PEERS", "").split(",") if pair
)
RASTER = (np.random.default_rng(0).random((200, 4)) < 0.6).astype(np.float32)


def peer(tool: str, how: str, graph: Path) -> Any:
    """What a tool computes with a network that it writes, or that is in a file."""
    if tool not in INTERPRETERS:
        pytest.skip(f"`XYLOGRAPH_NIR_PEERS` names no interpreter that has {tool}")
    data = graph.with_suffix(".npz")
    np.savez(data, input=RASTER)
    script = Path(__file__).with_name("nir_peer.py")
    command = [INTERPRETERS[tool], str(script), tool, how, str(graph), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(data) as file:
        return file["output"].reshape(len(RASTER), -1)


@pytest.mark.parametrize(
    ("tool", "read_as", "dialect", "late"),
    [
        ("snntorch", {}, "snntorch", 0),
        ("sinabs", {"dt": 1e-3}, "sinabs", 0),
        # Currents act a step late on each of its layers.
        ("spyx", {"dt": 1e-3}, "spyx", 2),
        ("norse", {"dt": 1e-3}, "norse-1.1", 0),
    ],
    ids=["snntorch", "sinabs", "spyx", "norse"],
)
def test_theirs_spike_alike_here(
    tool: str, read_as: Any, dialect: str, late: int, tmp_path: Path
) -> None:
    wanted = peer(tool, "write", tmp_path / "graph.nir")
    assert nir_report(tmp_path / "graph.nir", **read_as).dialect == dialect
    network = from_nir(tmp_path / "graph.nir", **read_as)
    given = np.asarray(network(RASTER)[0])[0]
    np.testing.assert_array_equal(given[: len(given) - late], wanted[late:])
    assert wanted.sum() > 30


def ours(dt: float) -> JaxModule:
    rng = np.random.default_rng(0)
    first, second = rng.uniform(-0.05, 0.25, (4, 6)), rng.uniform(-0.05, 0.2, (6, 3))
    return Sequential(
        LinearJax((4, 6), weight=np.float32(first), has_bias=False),
        LIFJax(6, tau_mem=10 * dt, tau_syn=2 * dt, max_spikes_per_dt=1.0, dt=dt),
        LinearJax((6, 3), weight=np.float32(second), has_bias=False),
        LIFJax(3, tau_mem=5 * dt, tau_syn=2 * dt, max_spikes_per_dt=1.0, dt=dt),
    )


@pytest.mark.parametrize(("tool", "dt"), [("snntorch", 1e-4), ("norse", 1e-3)])
def test_ours_spike_alike_there(tool: str, dt: float, tmp_path: Path) -> None:
    network = ours(dt)
    to_nir(network, tmp_path / "graph.nir", dialect="euler")
    wanted = np.asarray(network(RASTER)[0])[0]
    np.testing.assert_array_equal(peer(tool, "run", tmp_path / "graph.nir"), wanted)
    assert wanted.sum() > 30
