"""Spike counts with a gradient.

The count of spikes is a staircase; its derivative is replaced by a surrogate, so that networks
of spiking neurons can be trained by gradient descent.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@jax.custom_jvp
def step_pwl(
    vmem: Float[Array, "*n"],
    threshold: Float[Array, "*#n"],
    window: float | Float[Array, "*#n"] = 0.5,
    max_spikes: float | Float[Array, "*#n"] = 2.0**16,
) -> Float[Array, "*n"]:
    """How many spikes a membrane voltage gives, with a piecewise-linear surrogate gradient.

    Forward `floor(v / th)` where `v >= th`, otherwise 0, at most `max_spikes`. Backward
    `dS = [v >= th - window] (dv / th - v / th² dth)`: the straight line through the staircase,
    from `window` below the threshold on and open above.

    Args:
        vmem: membrane voltage.
        threshold: voltage of one spike.
        window: how far below the threshold the gradient begins.
        max_spikes: most spikes of one step; no gradient reaches these two.

    Returns:
        Spike counts, as floats.

    Source: module facts, section 2; golden values in `tests/models/golden/surrogate_grid.npz`.

    >>> step_pwl(jnp.array([0.9, 1.0, 2.5]), jnp.array(1.0))
    Array([0., 1., 2.], dtype=float32)
    """
    spikes = jnp.clip(jnp.floor(vmem / threshold), 0.0, max_spikes)
    return jnp.where(vmem >= threshold, spikes, 0.0)


@step_pwl.defjvp
def _step_pwl_jvp(primals, tangents):
    vmem, threshold, window, _ = primals
    d_vmem, d_threshold, _, _ = tangents
    slope = jnp.where(vmem >= threshold - window, 1.0 / threshold, 0.0)
    d_spikes = slope * (d_vmem - (vmem / threshold) * d_threshold)
    return step_pwl(*primals), d_spikes
