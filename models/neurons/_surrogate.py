"""Spike counts with a gradient.

The count of spikes is a staircase; its derivative is replaced by a surrogate, so that networks
of spiking neurons can be trained by gradient descent. All of these count alike and differ in the
slope they give it, `dS / dv`. The slope by the threshold is `-v / th` times that, as the count
depends on `v / th` only.
"""

from collections.abc import Callable
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


def fast_sigmoid(
    vmem: ArrayLike,
    threshold: ArrayLike,
    window: ArrayLike = 0.5,
    max_spikes: ArrayLike = 2.0**16,
) -> Float[Array, "*n"]:
    """How many spikes a membrane voltage gives, with the slope of a fast sigmoid at every step.

    Forward as `step_pwl`. Backward `dS = (dv - v / th dth) / (th (1 + |d| / window)²)`, where `d`
    is the distance to the nearest voltage at which a spike more is given, a multiple of the
    threshold from 1 to `max_spikes`. Its tails are long: neurons far from the threshold learn, too.

    Args:
        vmem: membrane voltage, of any shape.
        threshold: voltage of one spike; this and the following broadcast against `vmem`.
        window: distance at which the gradient falls to a quarter; the steepness of the source is
            `1 / window`.
        max_spikes: most spikes of one step; no gradient reaches these two.

    Returns:
        Spike counts, as floats.

    Source: Zenke and Ganguli 2018, SuperSpike, Neural Computation 30(6), section 2.2, for one
    threshold; here it repeats at every multiple.

    >>> round(float(jax.grad(fast_sigmoid)(0.5, 1.0)), 3)
    0.25
    """
    return _fast_sigmoid(*_floats(vmem, threshold, window, max_spikes))


def arctan(
    vmem: ArrayLike,
    threshold: ArrayLike,
    window: ArrayLike = 0.5,
    max_spikes: ArrayLike = 2.0**16,
) -> Float[Array, "*n"]:
    """How many spikes a membrane voltage gives, with the slope of an arc tangent at every step.

    Forward as `step_pwl`. Backward `dS = (dv - v / th dth) / (th (1 + (d / window)²))`, where `d`
    is the distance to the nearest voltage at which a spike more is given, a multiple of the
    threshold from 1 to `max_spikes`.

    Args:
        vmem: membrane voltage, of any shape.
        threshold: voltage of one spike; this and the following broadcast against `vmem`.
        window: distance at which the gradient falls to a half; the `alpha` of the source is
            `2 / (pi window)`.
        max_spikes: most spikes of one step; no gradient reaches these two.

    Returns:
        Spike counts, as floats.

    Source: Fang et al. 2021, arXiv 2007.05785, equation 17, for one threshold and scaled to peak
    at `1 / th`; here it repeats at every multiple.

    >>> round(float(jax.grad(arctan)(0.5, 1.0)), 3)
    0.5
    """
    return _arctan(*_floats(vmem, threshold, window, max_spikes))


def _floats(vmem: ArrayLike, *others: ArrayLike) -> tuple[Any, ...]:
    """The voltage and what is compared with it, as floats of one shape."""
    dtype = jnp.result_type(vmem, float)
    voltage, *compared = (jnp.asarray(value, dtype=dtype) for value in (vmem, *others))
    return voltage, *(jnp.broadcast_to(value, voltage.shape) for value in compared)


def _counting(slope: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """The count with the derivative by the voltage that `slope` gives."""

    @jax.custom_jvp
    def count(
        vmem: Float[Array, "*n"],
        threshold: Float[Array, "*n"],
        window: Float[Array, "*n"],
        max_spikes: Float[Array, "*n"],
    ) -> Float[Array, "*n"]:
        spikes = jnp.clip(jnp.floor(vmem / threshold), 0.0, max_spikes)
        return jnp.where(vmem >= threshold, spikes, 0.0)

    @count.defjvp
    def _(primals, tangents):
        vmem, threshold, _, _ = primals
        d_vmem, d_threshold, _, _ = tangents
        # In this order nothing of the size of `vmem` is divided.
        along = d_vmem - vmem * (d_threshold / threshold)
        return count(*primals), slope(*primals) * along

    return count


def _to_nearest_step(vmem: jax.Array, threshold: jax.Array, max_spikes: jax.Array) -> jax.Array:
    return vmem - jnp.clip(jnp.round(vmem / threshold), 1.0, max_spikes) * threshold


@_counting
def _step_pwl(vmem, threshold, window, max_spikes):
    return jnp.where(vmem >= threshold - window, 1.0 / threshold, 0.0)


@_counting
def _periodic_exponential(vmem, threshold, window, max_spikes):
    shifted = vmem - threshold / 2
    above = jnp.minimum(jnp.floor(shifted / threshold), max_spikes - 1)
    within = jnp.where(vmem < threshold, shifted, shifted - above * threshold)
    return jnp.exp(-jnp.abs(within - threshold / 2) / window) / threshold


@_counting
def _fast_sigmoid(vmem, threshold, window, max_spikes):
    distance = jnp.abs(_to_nearest_step(vmem, threshold, max_spikes)) / window
    return 1.0 / (threshold * (1.0 + distance) ** 2)


@_counting
def _arctan(vmem, threshold, window, max_spikes):
    distance = _to_nearest_step(vmem, threshold, max_spikes) / window
    return 1.0 / (threshold * (1.0 + distance**2))
