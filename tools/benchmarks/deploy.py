"""How long `deploy` takes for a large network.

Workload: 16 inputs, a thousand hidden neurons that are all connected with each other, 8 outputs,
as one `Sequential`. No real chip has the memory for a million recurrent weights, so the chip is
Xylo Audio 2 with room for them. Verified is with 32 samples of 100 steps.

The first call compiles and is left out; what counts is the shortest time of the others.

`python -m xylograph.tools.benchmarks.deploy`
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import typer

from ...hw import Chip, get_chip
from ...mapping import deploy
from ...models import JaxModule, LIFJax, LinearJax, Sequential, dash_to_tau

_N_INPUTS, _N_OUTPUTS, _DT = 16, 8, 1e-3
_SAMPLES, _STEPS, _RATE = 32, 100, 0.3


def roomy_chip(n_hidden: int) -> Chip:
    """Xylo Audio 2 with memory for all connections between so many hidden neurons."""
    return replace(
        get_chip("xylo-audio-2"),
        max_hidden=n_hidden,
        max_fan_out=n_hidden,
        max_recurrent_entries=n_hidden**2,
    )


def dense_network(n_hidden: int) -> JaxModule:
    """Inputs, hidden neurons that are all connected, outputs."""
    rng = np.random.default_rng(0)
    taus: dict[str, Any] = {"tau_mem": dash_to_tau(4, _DT), "tau_syn": dash_to_tau(3, _DT)}
    w_rec = rng.normal(0, 0.1 / n_hidden**0.5, (n_hidden, n_hidden))
    return Sequential(
        LinearJax((_N_INPUTS, n_hidden), weight=rng.normal(0, 0.05, (_N_INPUTS, n_hidden))),
        LIFJax(n_hidden, has_rec=True, w_rec=w_rec, max_spikes_per_dt=31, **taus),
        LinearJax((n_hidden, _N_OUTPUTS), weight=rng.normal(0, 0.05, (n_hidden, _N_OUTPUTS))),
        LIFJax(_N_OUTPUTS, max_spikes_per_dt=1, **taus),
    )


def measure(n_hidden: int, repeats: int) -> tuple[float, float]:
    """Seconds of `deploy` without and with verifying, when it has run before."""
    network, chip = dense_network(n_hidden), roomy_chip(n_hidden)
    raster = np.random.default_rng(0).poisson(_RATE, (_SAMPLES, _STEPS, _N_INPUTS))

    def plain() -> object:
        return deploy(network, chip)

    def verified() -> object:
        return deploy(network, chip, verify=True, data=raster)

    return _shortest(plain, repeats), _shortest(verified, repeats)


def _shortest(run: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def main(
    hidden: Annotated[int, typer.Option(min=1, help="Hidden neurons.")] = 1000,
    repeats: Annotated[int, typer.Option(min=1, help="Turns of each.")] = 3,
) -> None:
    """Measure `deploy`, without and with verifying."""
    plain, verified = measure(hidden, repeats)
    print(f"deploy of {hidden} all connected hidden neurons: {plain:.2f} s")
    print(f"verified on {_SAMPLES} x {_STEPS} steps: {verified - plain:.2f} s more")


if __name__ == "__main__":
    typer.run(main)
