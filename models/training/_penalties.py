"""Penalties: what activity and parameters cost besides the task.

Each is a plain function of what a network recorded or of its parameters. Add it to a loss, with a
factor. Costs of ranges grow with the square of how far outside a value is, so that their gradient
begins at zero.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ._bounds import bounds_cost


def range_excess(
    values: ArrayLike, low: ArrayLike | None = None, high: ArrayLike | None = None
) -> Float[Array, ""]:
    """Penalty on values outside a range.

    The mean of `max(0, low - value)² + max(0, value - high)²`: of thresholds that should stay
    positive, of recorded voltages or currents that should stay away from saturation.

    Args:
        values: any array.
        low: what the values should not be below, of all or of each; `None` for no such limit.
        high: what the values should not be above.

    Raises:
        ValueError: a limit does not broadcast to the values, or numbers are given of which the
            lower is above the upper.

    >>> float(range_excess(jnp.array([0.0, 1.0, 4.0, -1.0]), low=0.0, high=2.0))
    1.25
    """
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        raise ValueError(f"`low` is above `high`: {low} and {high}")
    array = jnp.asarray(values, dtype=float)
    excess = jnp.zeros_like(array)
    for name, limit, sign in (("low", low, -1.0), ("high", high, 1.0)):
        if limit is None:
            continue
        _require_broadcast(name, limit, array)
        excess += jax.nn.relu(sign * (array - jnp.asarray(limit))) ** 2
    return jnp.mean(excess)


def threshold_excess(
    thresholds: Any, low: float | None = None, high: float | None = None
) -> Float[Array, ""]:
    """Penalty on firing thresholds outside a range, relative to its ends.

    The mean over neurons of `max(0, 1 - threshold / low)² + max(0, threshold / high - 1)²`. Being
    relative it suits thresholds of 1 in a float network as well as those of thousands on a chip.
    A threshold that is low makes neurons spike many times a step, and on a chip one below 1 makes
    them spike without end; one that is high is never reached.

    Args:
        thresholds: an array, or a tree such as `network.parameters("threshold")`, in which each
            neuron weighs the same; an empty tree costs nothing.
        low: what the thresholds should not be below; `None` for no such limit.
        high: what they should not be above.

    Raises:
        ValueError: a limit that is not positive, or a lower one above the upper one.

    >>> round(float(threshold_excess({"a": jnp.array([100.0, 400.0])}, low=200.0, high=300.0)), 4)
    0.1806
    """
    for name, limit in (("low", low), ("high", high)):
        if limit is not None and not limit > 0:
            raise ValueError(f"`{name}` must be positive, got {limit}")
    if low is not None and high is not None and low > high:
        raise ValueError(f"`low` is above `high`: {low} and {high}")
    leaves = [jnp.ravel(jnp.asarray(leaf, dtype=float)) for leaf in jax.tree.leaves(thresholds)]
    if not leaves:
        return jnp.zeros(())
    values = jnp.concatenate(leaves)
    below = jnp.zeros(()) if low is None else jax.nn.relu(1 - values / low)
    above = jnp.zeros(()) if high is None else jax.nn.relu(values / high - 1)
    return jnp.mean(below**2 + above**2)


def rate_band(
    spikes: ArrayLike, low: ArrayLike | None = None, high: ArrayLike | None = None
) -> Float[Array, ""]:
    """Penalty on neurons that spike less or more often than they should.

    The mean over neurons of `max(0, low - rate)² + max(0, rate - high)²`, where the rate is spikes
    a step, averaged over batch and time. A silent neuron gets a gradient only where the surrogate
    reaches it.

    Args:
        spikes: spike counts `(batch, time, n)`.
        low: spikes a step that are enough, of all neurons or of each; `None` for any.
        high: spikes a step that cost nothing yet.

    Raises:
        ValueError: not a batch of rasters, or a limit that does not broadcast to the neurons.

    >>> spikes = jnp.array([[[0.0, 1.0, 3.0]] * 4])
    >>> round(float(rate_band(spikes, low=1.0, high=2.0)), 4)
    0.6667
    """
    counts = _rasters(spikes)
    return range_excess(counts.mean(axis=(0, 1)), low, high)


def rate_ceiling(spikes: ArrayLike, ceiling: ArrayLike) -> Float[Array, ""]:
    """Penalty on neurons that spike more often than they should; `rate_band` without a floor.

    Args:
        spikes: spike counts `(batch, time, n)`.
        ceiling: spikes a step that cost nothing, of all neurons or of each.

    Raises:
        ValueError: not a batch of rasters.

    >>> float(rate_ceiling(jnp.full((1, 4, 2), 3.0), ceiling=1.0))
    4.0
    """
    return rate_band(spikes, high=ceiling)


def synaptic_operations(
    spikes: ArrayLike, *weights: ArrayLike, resolution: ArrayLike | None = None
) -> Float[Array, ""]:
    """How many synapses the spikes of a layer reach, a sample and a step.

    On a chip that computes on events this is what most of the power goes to. Each spike costs its
    neuron's fan-out: how many weights of its row are not zero. The count is smooth, see
    `fan_out_excess`, so that spikes and weights both get a gradient.

    Args:
        spikes: spike counts of the source neurons `(batch, time, n)`.
        *weights: matrices that the spikes go through `(n, targets)`: to the next layer, recurrent.
            With a last axis for synapses a target counts once, as in the memory of a chip.
        resolution: as for `fan_out_excess`.

    Returns:
        Operations a step, mean over batch and time.

    Raises:
        ValueError: not a batch of rasters, or weights with another number of rows.

    >>> weights = jnp.array([[1.0, 0.0], [1.0, -1.0]])
    >>> round(float(synaptic_operations(jnp.ones((1, 5, 2)), weights)), 3)
    3.0
    """
    counts = _rasters(spikes)
    fan_out = _fan_out(weights, resolution)
    if fan_out.shape != counts.shape[2:]:
        raise ValueError(
            f"the spikes are of {counts.shape[2]} neurons, the weights have {fan_out.size} rows"
        )
    return jnp.mean(counts @ fan_out)


def fan_out_excess(
    *weights: ArrayLike, limit: float, resolution: ArrayLike | None = None
) -> Float[Array, ""]:
    """Penalty on neurons that drive more others than they may.

    The mean over source neurons of `max(0, fan_out / limit - 1)²`. A weight `w` counts
    `w⁴ / (w⁴ + resolution⁴)`: one that is large fully, one of size `resolution` half, one that
    quantizing would round to zero hardly.

    Args:
        *weights: matrices out of the same neurons `(n, targets)`: to the next layer, recurrent.
            With a last axis for synapses, as `XyloNetJax.weights_rec` has it, a target counts once.
        limit: the largest fan-out that costs nothing.
        resolution: the size of a weight that counts half; by default half a step of 8-bit
            quantization of each matrix, `max|w| / 254`.

    Raises:
        ValueError: no weights, not matrices, unequal numbers of rows, or a limit that is not
            positive.

    Source: the count is that of `l0_norm_approx`.

    >>> round(float(fan_out_excess(jnp.eye(4), jnp.ones((4, 2)), limit=2.0)), 3)
    0.25
    """
    if not limit > 0:
        raise ValueError(f"`limit` must be positive, got {limit}")
    return jnp.mean(jax.nn.relu(_fan_out(weights, resolution) / limit - 1) ** 2)


def summed_exp_boundary_loss(
    data: ArrayLike, lower_bound: ArrayLike | None = None, upper_bound: ArrayLike | None = None
) -> Float[Array, ""]:
    """What data out of bounds cost: exponentially, and at least 1 an element.

    The sum of `exp(data - upper_bound)` over what is above and of `exp(lower_bound - data)` over
    what is below: `bounds_cost` for one array. `range_excess` begins gently.

    Args:
        data: any array, such as recorded voltages.
        lower_bound: what costs nothing yet; `None` for no such bound.
        upper_bound: what costs nothing yet.

    Raises:
        ValueError: a bound does not broadcast to the data.

    Source: training facts, section 1; golden values in
    `tests/models/training/golden/peak_losses.npz`.

    >>> round(float(summed_exp_boundary_loss(jnp.array([0.0, 3.0]), upper_bound=2.0)), 4)
    2.7183
    """
    low = -jnp.inf if lower_bound is None else lower_bound
    high = jnp.inf if upper_bound is None else upper_bound
    return bounds_cost({"data": jnp.asarray(data)}, {"data": low}, {"data": high})


def l2sqr_norm(parameters: Any) -> Float[Array, ""]:
    """Mean of the squares, in which each array of a tree weighs the same.

    Args:
        parameters: an array, or a tree such as `network.parameters("weights")`. NaN is passed
            over; an empty tree costs nothing.

    Source: training facts, section 1; golden values in `tests/models/training/golden/losses.npz`.

    >>> float(l2sqr_norm({"a": jnp.array([1.0, 1.0]), "b": jnp.array(3.0)}))
    5.0
    """
    return _mean_of_means(parameters, lambda value: value**2)


def l0_norm_approx(parameters: Any, sigma: ArrayLike = 1e-4) -> Float[Array, ""]:
    """About which share of the values is not zero, in which each array of a tree weighs the same.

    The mean of `p⁴ / (p⁴ + sigma)`.

    Args:
        parameters: an array, or a tree such as `network.parameters("weights")`. NaN is passed
            over; an empty tree costs nothing.
        sigma: the fourth power of the size that counts half.

    Source: training facts, section 1; golden values in
    `tests/models/training/golden/losses.npz`.

    >>> round(float(l0_norm_approx(jnp.array([0.0, 5.0, 0.1, 0.0]))), 4)
    0.375
    """
    return _mean_of_means(parameters, lambda value: _nonzero(value, sigma))


def _nonzero(value: Array, sigma: ArrayLike) -> Array:
    return value**4 / (value**4 + sigma)


def _mean_of_means(tree: Any, function: Any) -> Float[Array, ""]:
    leaves = [jnp.asarray(leaf, dtype=float) for leaf in jax.tree.leaves(tree)]
    if not leaves:
        return jnp.zeros(())
    return jnp.mean(jnp.stack([jnp.nanmean(function(leaf)) for leaf in leaves]))


def _fan_out(
    weights: tuple[ArrayLike | None, ...], resolution: ArrayLike | None
) -> Float[Array, " n"]:
    missing = [i for i, one in enumerate(weights) if one is None]
    if missing:
        raise ValueError(
            f"matrix {missing[0]} of the weights is None, as `weights_rec` of a network without "
            "recurrent weights: leave it out, and take `weights_out`, say"
        )
    matrices = [jnp.asarray(one, dtype=float) for one in weights if one is not None]
    shapes = [one.shape for one in matrices]
    if not matrices or any(len(s) not in (2, 3) for s in shapes) or len({s[0] for s in shapes}) > 1:
        raise ValueError(
            f"the weights must be matrices `(n, targets)` out of the same n neurons, got {shapes}"
        )
    return jnp.sum(jnp.stack([_row_counts(one, resolution) for one in matrices]), axis=0)


def _row_counts(matrix: Array, resolution: ArrayLike | None) -> Float[Array, " n"]:
    half = jax.lax.stop_gradient(jnp.max(jnp.abs(matrix), initial=0.0)) / 254
    half = half if resolution is None else jnp.asarray(resolution)
    # In units of the resolution, and at most a million of them: fourth powers leave the floats.
    scaled = jnp.clip(matrix / jnp.where(half > 0, half, 1.0), -1e6, 1e6)
    by_synapse = _nonzero(scaled, 1.0).reshape((*matrix.shape[:2], -1))
    return jnp.sum(1 - jnp.prod(1 - by_synapse, axis=2), axis=1)


def _rasters(spikes: ArrayLike) -> Float[Array, "batch time n"]:
    counts = jnp.asarray(spikes, dtype=float)
    if counts.ndim != 3:
        raise ValueError(f"the spikes must be `(batch, time, n)`; their shape is {counts.shape}")
    return counts


def _require_broadcast(name: str, limit: ArrayLike, array: Array) -> None:
    try:
        fits = jnp.broadcast_shapes(jnp.shape(limit), array.shape) == array.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"`{name}` of shape {jnp.shape(limit)} does not broadcast to values of {array.shape}"
        )
