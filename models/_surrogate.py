"""Spike counts with a gradient.

The count of spikes is a staircase; its derivative is replaced by a surrogate, so that networks
of spiking neurons can be trained by gradient descent.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def step_pwl(
    vmem: Float[Array, "*n"],
    threshold: Float[Array, "*#n"],
    window: float = 0.5,
    max_spikes: float = 2.0**16,
) -> Float[Array, "*n"]:
    """How many spikes a membrane voltage gives, with a piecewise-linear surrogate gradient.

    Forward `floor(v / th)` where `v >= th`, otherwise 0, at most `max_spikes`. Backward
    `dS = [v >= th - window] (dv / th - v / th² dth)`: the straight line through the staircase,
    from `window` below the threshold on and open above.

    Args:
        vmem: membrane voltage.
        threshold: voltage of one spike.
        window: how far below the threshold the gradient begins.
        max_spikes: most spikes of one step.

    Returns:
        Spike counts, as floats.

    Source: module facts, section 2; golden values in `tests/models/golden/surrogate_grid.npz`.

    >>> step_pwl(jnp.array([0.9, 1.0, 2.5]), jnp.array(1.0))
    Array([0., 1., 2.], dtype=float32)
    """
    return jnp.clip((vmem >= threshold) * jnp.floor(vmem / threshold), 0.0, max_spikes)


@step_pwl.defjvp
def _step_pwl_jvp(window, max_spikes, primals, tangents):
    vmem, threshold = primals
    d_vmem, d_threshold = tangents
    near = (vmem >= threshold - window).astype(vmem.dtype)
    slope = near / threshold
    spikes = step_pwl(vmem, threshold, window, max_spikes)
    return spikes, slope * d_vmem - slope * (vmem / threshold) * d_threshold
