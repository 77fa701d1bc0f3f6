"""One of the tools that read or write NIR, in an interpreter of its own: see `test_nir_peers.py`.

`python nir_peer.py TOOL write GRAPH DATA` makes a network, runs the input in DATA, adds what it gave,
and writes GRAPH; `... run GRAPH DATA` runs the network in GRAPH instead. Networks are two layers of
neurons whose voltages stay below two thresholds, where all tools count spikes alike.
"""

# The tools are installed elsewhere.
# pyright: reportMissingImports=false

import sys
import warnings
from typing import Any

import nir
import numpy as np

warnings.simplefilter("ignore")
N_IN, N_HIDDEN, N_OUT = 4, 6, 3


def weights() -> Any:
    """The same for all tools, (n_out, n_in)."""
    rng = np.random.default_rng(0)
    first = rng.uniform(-0.05, 0.25, (N_HIDDEN, N_IN)).astype(np.float32)
    return first, rng.uniform(-0.05, 0.2, (N_OUT, N_HIDDEN)).astype(np.float32)


def torch_layers() -> Any:
    import torch

    made = []
    for matrix in weights():
        layer = torch.nn.Linear(matrix.shape[1], matrix.shape[0], bias=False)
        layer.weight = torch.nn.Parameter(torch.tensor(matrix))
        made.append(layer)
    return made


def step_by_step(network: Any, raster: Any, *, stateful: bool) -> Any:
    """Spikes of a torch module that is called for each step."""
    import torch

    given, state = [], None
    with torch.no_grad():
        for row in torch.tensor(raster):
            if stateful:
                spikes, state = network(row[None], state)
            else:
                spikes = network(row)
            given.append(np.asarray(spikes).reshape(-1))
    return np.array(given)


def snntorch_write(path: str, raster: Any) -> Any:
    import snntorch
    import torch
    from snntorch.export_nir import export_to_nir

    def full(n: int, value: float) -> Any:
        return torch.full((n,), value)

    how = {"reset_mechanism": "subtract", "reset_delay": False, "init_hidden": True}
    first, second = torch_layers()
    network = torch.nn.Sequential(
        first,
        snntorch.Leaky(beta=full(N_HIDDEN, 0.9), threshold=full(N_HIDDEN, 1.0), **how),
        second,
        snntorch.Synaptic(
            alpha=full(N_OUT, 0.5), beta=full(N_OUT, 0.8), threshold=full(N_OUT, 1.0), **how
        ),
    )
    # Before the export, which leaves its own states behind.
    spikes = step_by_step(network, raster, stateful=False)
    nir.write(path, export_to_nir(network, torch.rand(N_IN)))
    return spikes


def snntorch_run(path: str, raster: Any) -> Any:
    from snntorch.import_nir import import_from_nir

    network = import_from_nir(nir.read(path))
    for module in network.modules():
        # It chooses a reset to zero where nothing was said.
        if hasattr(module, "reset_mechanism"):
            module.reset_mechanism = "subtract"
    return step_by_step(network, raster, stateful=True)


def norse_write(path: str, raster: Any) -> Any:
    import norse.torch
    import torch
    from norse.torch.functional.reset import reset_subtract
    from norse.torch.utils.export_nir import to_nir

    first, second = torch_layers()

    def cells(n: int, tau_mem_inv: float) -> Any:
        zeros = torch.zeros(n)
        return norse.torch.LIFBoxCell(
            norse.torch.LIFBoxParameters(
                tau_mem_inv=torch.full((n,), tau_mem_inv),
                v_leak=zeros,
                v_th=torch.full((n,), 0.1),
                v_reset=zeros,
                reset_method=reset_subtract,
            )
        )

    network = norse.torch.SequentialState(
        first, cells(N_HIDDEN, 100.0), second, cells(N_OUT, 200.0)
    )
    spikes = step_by_step(network, raster, stateful=True)
    nir.write(path, to_nir(network, torch.rand(N_IN)))
    return spikes


def norse_run(path: str, raster: Any) -> Any:
    from norse.torch.functional.reset import reset_subtract
    from norse.torch.utils.import_nir import from_nir

    network = from_nir(nir.read(path), reset_method=reset_subtract, ignore_warnings=True)
    return step_by_step(network, raster, stateful=True)


def sinabs_write(path: str, raster: Any) -> Any:
    import sinabs.layers
    import torch
    from sinabs.activation import SingleSpike
    from sinabs.nir import to_nir

    first, second = torch_layers()

    def cells(n: int, tau: float) -> Any:
        return sinabs.layers.LIF(
            tau_mem=torch.full((n,), tau),
            spike_threshold=torch.ones(n),
            shape=(n,),
            spike_fn=SingleSpike,
            norm_input=False,
        )

    network = torch.nn.Sequential(first, cells(N_HIDDEN, 10.0), second, cells(N_OUT, 20.0))
    with torch.no_grad():
        spikes = network(torch.tensor(raster)[None])[0].numpy()
    nir.write(path, to_nir(network, torch.rand(1, 1, N_IN)))
    return spikes


def spyx_layers() -> Any:
    import jax.numpy as jnp
    import spyx.nn
    from flax import nnx

    rngs = nnx.Rngs(0)
    layers = []
    for matrix in weights():
        layer = nnx.Linear(matrix.shape[1], matrix.shape[0], use_bias=False, rngs=rngs)
        layer.kernel.value = jnp.asarray(matrix.T)
        layers.append(layer)
    return spyx.nn.Sequential(
        layers[0],
        spyx.nn.CuBaLIF((N_HIDDEN,), alpha=0.4, beta=0.9, threshold=1.0, rngs=rngs),
        layers[1],
        spyx.nn.CuBaLIF((N_OUT,), alpha=0.5, beta=0.8, threshold=1.0, rngs=rngs),
    )


def spyx_spikes(network: Any, raster: Any) -> Any:
    import jax.numpy as jnp
    import spyx.nn

    return np.asarray(spyx.nn.run(network, jnp.asarray(raster)[:, None])[0]).reshape(-1, N_OUT)


def spyx_write(path: str, raster: Any) -> Any:
    from spyx.nir import to_nir

    network = spyx_layers()
    graph = to_nir(network, {"input": (N_IN,)}, {"output": (N_OUT,)}, dt=1)
    nir.write(path, graph)
    return spyx_spikes(network, raster)


if __name__ == "__main__":
    tool, how, path, data = sys.argv[1:]
    with np.load(data) as file:
        raster = file["input"].astype(np.float32)
    np.savez(data, input=raster, output=globals()[f"{tool}_{how}"](path, raster))
