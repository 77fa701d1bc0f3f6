"""What a training step in the chip's arithmetic costs, against a float network of the same shape.

Workload: 16 inputs, recurrent hidden neurons, 8 outputs, a batch of 32 random rasters of 100 steps.
A step is a compiled call that gives loss and gradients and updates the parameters with Adam. The
float network, of `LIFJax`, begins with the weights of the `XyloNetJax`, over the thresholds, so
that both spike alike; both train all weights. They take turns; what counts is the shortest time of
each.

`python -m xylograph.tools.benchmarks.chip_training`
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import numpy as np
import optax
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from ...hw import XyloNetJax
from ...models import Constant, JaxModule, LIFJax, LinearJax, Sequential, dash_to_tau
from ...models.training import rate_cross_entropy, relative_to

_CHIP, _N_INPUTS, _N_OUTPUTS = "xylo-audio-3", 16, 8
_BATCH, _STEPS, _RATE = 32, 100, 0.3
_SIZES = (63, 250)


@dataclass(frozen=True)
class Point:
    """Times of one size.

    Attributes:
        hidden: hidden neurons.
        float_ms: a training step of the float network [ms].
        chip_ms: one of the chip's network [ms].
    """

    hidden: int
    float_ms: float
    chip_ms: float

    @property
    def ratio(self) -> float:
        """How many times as long the chip's network takes."""
        return self.chip_ms / self.float_ms


def networks(hidden: int, rasters: np.ndarray) -> tuple[XyloNetJax, JaxModule]:
    """A recurrent chip core, and a float network that does about the same."""
    core = XyloNetJax.initialize(
        _CHIP,
        _N_INPUTS,
        hidden,
        _N_OUTPUTS,
        inputs=rasters,
        recurrent=True,
        trainable="weights",
        rng_key=jax.random.key(0),
    )
    return core, as_floats(core)


def as_floats(core: XyloNetJax) -> JaxModule:
    """The weights of a core over its thresholds, in layers of `LIFJax`."""

    def neurons(end: str, n: int, most: int, w_rec: Any) -> LIFJax:
        mem, syn = (np.asarray(getattr(core, f"dash_{of}{end}")) for of in ("mem", "syn"))
        return LIFJax(
            n,
            tau_mem=Constant(dash_to_tau(mem, core.dt)),
            tau_syn=Constant(dash_to_tau(syn, core.dt)[:, None]),
            bias=Constant(0.0),
            threshold=Constant(1.0),
            w_rec=w_rec,
            has_rec=w_rec is not None,
            max_spikes_per_dt=most,
            dt=core.dt,
        )

    chip, n, m = core.chip, core.n_hidden, core.size_out
    # Not all hidden neurons of a chip have room for inputs, nor all for outputs.
    w_in = np.pad(core.weights_in[..., 0], ((0, 0), (0, n - core.weights_in.shape[1])))
    w_out = np.pad(core.weights_out, ((n - core.weights_out.shape[0], 0), (0, 0)))
    return Sequential(
        LinearJax((core.size_in, n), weight=w_in / core.threshold),
        neurons("", n, chip.max_hidden_spikes, core.weights_rec[..., 0] / core.threshold),
        LinearJax((n, m), weight=w_out / core.threshold_out),
        neurons("_out", m, chip.max_output_spikes, None),
    )


def training_step(
    network: JaxModule, scales: Any, rasters: np.ndarray, labels: np.ndarray
) -> Callable[[], Any]:
    """One compiled step, each time from the same parameters."""
    optimizer = relative_to(optax.adam(1e-2), scales)
    parameters = network.parameters()
    progress = optimizer.init(parameters)

    @jax.jit
    def step(parameters: Any, progress: Any, rasters: Any, labels: Any) -> Any:
        def loss(parameters: Any) -> jax.Array:
            output, _, _ = network.set_attributes(parameters)(rasters)
            return rate_cross_entropy(output, labels, scale=0.1)

        value, gradient = jax.value_and_grad(loss)(parameters)
        updates, changed = optimizer.update(gradient, progress, parameters)
        return value, optax.apply_updates(parameters, updates), changed

    on_device = jax.device_put((parameters, progress, rasters, labels))
    return lambda: jax.block_until_ready(step(*on_device))


def measure(hidden: int, turns: int) -> Point:
    """Time a step of both networks.

    Args:
        hidden: hidden neurons.
        turns: of each; the shortest time counts.
    """
    rng = np.random.default_rng(0)
    rasters = np.minimum(rng.poisson(_RATE, (_BATCH, _STEPS, _N_INPUTS)), 15).astype(np.uint8)
    labels = rng.integers(0, _N_OUTPUTS, _BATCH)
    core, floats = networks(hidden, rasters)
    ones = jax.tree.map(np.ones_like, floats.parameters())
    steps = [
        training_step(floats, ones, rasters, labels),
        training_step(core, core.scales(), rasters, labels),
    ]
    best = [math.inf, math.inf]
    for turn in range(turns + 1):
        for which, step in enumerate(steps):
            start = time.perf_counter()
            step()
            # The first turn compiles.
            seconds = time.perf_counter() - start if turn else math.inf
            best[which] = min(best[which], seconds)
    return Point(hidden, best[0] * 1e3, best[1] * 1e3)


def main(
    hidden: Annotated[list[int] | None, typer.Option(help="Hidden neurons.")] = None,
    turns: Annotated[int, typer.Option(min=1, help="Turns of each network.")] = 50,
) -> None:
    """Measure training steps in the chip's arithmetic against those of float networks."""
    table = Table(box=box.SIMPLE_HEAD, title="a training step in ms")
    for header in ("hidden", "float", "chip", "ratio"):
        table.add_column(header, justify="right")
    for size in hidden or _SIZES:
        point = measure(size, turns)
        table.add_row(
            f"{point.hidden}",
            f"{point.float_ms:.2f}",
            f"{point.chip_ms:.2f}",
            f"{point.ratio:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
