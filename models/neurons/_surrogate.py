"""Spike counts with a gradient.

The count of spikes is a staircase; its derivative is replaced by a surrogate, so that networks
of spiking neurons can be trained by gradient descent.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float


# Plain functions around the differentiated ones: modules that hold them can be pickled.
def step_pwl(
    vmem: ArrayLike,
    threshold: ArrayLike,
    window: ArrayLike = 0.5,
    max_spikes: ArrayLike = 2.0**16,
) -> Float[Array, "*n"]:
    """How many spikes a membrane voltage gives, with a piecewise-linear surrogate gradient.

    Forward `floor(v / th)` where `v >= th`, otherwise 0, at most `max_spikes`. Backward
    `dS = [v >= th - window] (dv / th - v / th² dth)`: the straight line through the staircase,
    from `window` below the threshold on and open above.

    Args:
        vmem: membrane voltage, of any shape.
        threshold: voltage of one spike; this and the following broadcast against `vmem`.
        window: how far below the threshold the gradient begins.
        max_spikes: most spikes of one step; no gradient reaches these two.

    Returns:
        Spike counts, as floats.

    Source: module facts, section 2; golden values in `tests/models/golden/surrogate_grid.npz`.

    >>> step_pwl(jnp.array([0.9, 1.0, 2.5]), 1.0)
    Array([0., 1., 2.], dtype=float32)
    """
    return _step_pwl(*_floats(vmem, threshold, window, max_spikes))


def periodic_exponential(
    vmem: ArrayLike,
    threshold: ArrayLike,
    window: ArrayLike = 0.5,
    max_spikes: ArrayLike = 2.0**16,
) -> Float[Array, "*n"]:
    """How many spikes a membrane voltage gives, with a surrogate that peaks at every step.

    Forward as `step_pwl`. Backward, with `s = v - th / 2` and `k = min(floor(s / th),
    max_spikes - 1)`, `u = s` below the threshold and `s - k th` from there on:
    `dS = exp(-|u - th / 2| / window) / th (dv - v / th dth)`. Unlike `step_pwl` it reaches silent
    neurons and lets go of those that spike as often as they may.

    Args:
        vmem: membrane voltage, of any shape.
        threshold: voltage of one spike; this and the following broadcast against `vmem`.
        window: how far from a multiple of the threshold the gradient falls to a third.
        max_spikes: most spikes of one step; no gradient reaches these two.

    Returns:
        Spike counts, as floats.

    Source: module facts, section 9; golden values in
    `tests/models/golden/torch_periodic_exponential_grid.npz`.

    >>> round(float(jax.grad(periodic_exponential)(0.5, 1.0)), 3)
    0.368
    """
    return _periodic_exponential(*_floats(vmem, threshold, window, max_spikes))


def _floats(vmem: ArrayLike, *others: ArrayLike) -> tuple[Any, ...]:
    """The voltage and what is compared with it, as floats of one shape."""
    dtype = jnp.result_type(vmem, float)
    voltage, *compared = (jnp.asarray(value, dtype=dtype) for value in (vmem, *others))
    return voltage, *(jnp.broadcast_to(value, voltage.shape) for value in compared)


@jax.custom_jvp
def _step_pwl(
    vmem: Float[Array, "*n"],
    threshold: Float[Array, "*n"],
    window: Float[Array, "*n"],
    max_spikes: Float[Array, "*n"],
) -> Float[Array, "*n"]:
    spikes = jnp.clip(jnp.floor(vmem / threshold), 0.0, max_spikes)
    return jnp.where(vmem >= threshold, spikes, 0.0)


@_step_pwl.defjvp
def _step_pwl_jvp(primals, tangents):
    vmem, threshold, window, _ = primals
    d_vmem, d_threshold, _, _ = tangents
    slope = jnp.where(vmem >= threshold - window, 1.0 / threshold, 0.0)
    d_spikes = slope * (d_vmem - (vmem / threshold) * d_threshold)
    return _step_pwl(*primals), d_spikes


@jax.custom_jvp
def _periodic_exponential(
    vmem: Float[Array, "*n"],
    threshold: Float[Array, "*n"],
    window: Float[Array, "*n"],
    max_spikes: Float[Array, "*n"],
) -> Float[Array, "*n"]:
    return _step_pwl(vmem, threshold, window, max_spikes)


@_periodic_exponential.defjvp
def _periodic_exponential_jvp(primals, tangents):
    vmem, threshold, window, max_spikes = primals
    d_vmem, d_threshold, _, _ = tangents
    shifted = vmem - threshold / 2
    above = jnp.minimum(jnp.floor(shifted / threshold), max_spikes - 1)
    within = jnp.where(vmem < threshold, shifted, shifted - above * threshold)
    slope = jnp.exp(-jnp.abs(within - threshold / 2) / window) / threshold
    d_spikes = slope * (d_vmem - (vmem / threshold) * d_threshold)
    return _periodic_exponential(*primals), d_spikes
