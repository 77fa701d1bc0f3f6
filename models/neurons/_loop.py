"""The loop over time that all kinds of spiking neurons share, and its derivative.

A kind of neurons gives two functions. `integrate` goes from a state and an input to the voltages
before spikes, `finish` from there to spikes and the next state. What lies between, the voltages
and what else `integrate` keeps, and the spikes are all that the derivative needs to know of a step:
the loop stores it, and everything else is computed again on the way back.

The derivative is said once, as what small changes do (`_push_forward`); JAX turns it round. So it
serves forward mode, reverse mode, and both of them on top of each other. Five things make it
quick:

- Nothing but what is kept is stored, and without a derivative nothing but what is asked for.
- Without a derivative, and where recurrent weights are many, two halves of the samples go side by
  side: one has work for the processor while the other waits for its product.
- One raster holds what arrives and then, step for step, what comes of it (`_parts.py`).
- Values that all samples share get a gradient from each sample, summed after the loop: a sum over
  samples in each step takes longer than the rest of the step.
- The gradient of recurrent weights is a product for many steps instead of one for each.

How much faster that is than the loop left to `jax.grad`: `tools/benchmarks/networks.py`.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ._change import Change
from ._forward import Arrays, Forward, Kernel, Run

# With fewer weights, or with fewer samples in each of them, two halves take longer than the whole.
# With a derivative they would be 2 % quicker and need 40 % more memory.
_WEIGHTS, _SAMPLES = 100_000, 8


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def run_over_time(
    kernel: Kernel,
    store_spikes: bool,
    coefficients: Arrays,
    w_rec: Any,
    start: Arrays,
    inputs: Arrays,
) -> Run:
    """Go through all steps.

    Args:
        kernel: what to do in a step.
        store_spikes: whether to store the spikes of each step, which is quicker, or to compute
            them in the end from the voltages, where these must be stored anyway.
        coefficients: `(neuron,)`, `(synapse, neuron)` or scalars.
        w_rec: recurrent weights `(neuron, target)`, or `None`.
        start: state before the first step; with recurrent weights also `recurrent`, what arrives
            from its spikes.
        inputs: what comes from outside, `(batch, time, ...)`, of at least one step.
    """
    n_batch, n_time = inputs["arriving"].shape[:2]
    forward = partial(Forward, kernel, store_spikes, coefficients, w_rec)
    many = w_rec is not None and w_rec.size >= _WEIGHTS and n_batch >= 2 * _SAMPLES
    if not store_spikes or not many or n_batch % 2:
        return _together([forward(start, inputs)], n_time)[0]
    return _whole(_together([forward(*half) for half in _halves((start, inputs))], n_time))


def _together(ways: list[Forward], n_time: int) -> list[Run]:
    """Go with some samples and with others, which do not wait for each other."""

    def body(t: Any, runs: list[Run]) -> list[Run]:
        return [way.step(t, run) for way, run in zip(ways, runs, strict=True)]

    # Time stays the second axis: other than for `scan`, nothing is transposed or copied.
    begun = [way.begin() for way in ways]
    runs = lax.fori_loop(np.uint32(1), np.uint32(n_time), body, begun)
    return [way.end(run) for way, run in zip(ways, runs, strict=True)]


@partial(run_over_time.defjvp, symbolic_zeros=True)
def _push_forward(
    kernel: Kernel, store_spikes: bool, primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Run, Run]:
    del store_spikes
    # Voltages are stored for the derivative, and spikes follow from them.
    run = run_over_time(kernel, False, *primals)
    change = Change.of(Forward(kernel, False, *primals), run, tangents)

    @partial(jax.checkpoint, prevent_cse=False)
    def body(so_far: Any, times: tuple[Any, Any]) -> tuple[Any, None]:
        return change.step(times, so_far), None

    # Both are given, as arrays of JAX: it would compute and copy others in a loop of its own.
    n_time = run.spikes.shape[1]
    times = jnp.arange(n_time - 1, dtype=jnp.uint32), jnp.arange(1, n_time, dtype=jnp.uint32)
    d_run, _ = lax.scan(body, change.begin(), times)
    return run, change.end(d_run)


def _halves(samples: Any) -> list[Any]:
    """Each second sample: so a batch that lies on several devices stays where it is."""

    def half(array: jax.Array, which: int) -> jax.Array:
        return array.reshape((len(array) // 2, 2, *array.shape[1:]))[:, which]

    return [jax.tree.map(partial(half, which=which), samples) for which in (0, 1)]


def _whole(halves: list[Any]) -> Any:
    """The samples of two halves in their order."""

    def both(*arrays: jax.Array) -> jax.Array:
        return jnp.stack(arrays, 1).reshape((2 * len(arrays[0]), *arrays[0].shape[1:]))

    return jax.tree.map(both, *halves)
