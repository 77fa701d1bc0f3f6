"""Losses for networks that read a class from their output raster."""

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int


def mse(output: ArrayLike, target: ArrayLike) -> Float[Array, ""]:
    """Mean of the squared difference over everything.

    Args:
        output: what a network gives.
        target: what it should give, of a shape that broadcasts to that of the output.

    Raises:
        ValueError: the target does not fit. Broadcasting both would compare what was never meant.

    >>> float(mse(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0])))
    2.0
    """
    wanted, given = jnp.shape(output), jnp.shape(target)
    try:
        fits = jnp.broadcast_shapes(wanted, given) == wanted
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"`mse`: a target of shape {given} does not fit an output of {wanted}")
    return jnp.mean((jnp.asarray(output) - jnp.asarray(target)) ** 2)


def rate_cross_entropy(
    output: ArrayLike, labels: ArrayLike, scale: float = 1.0, smoothing: float = 0.0
) -> Float[Array, ""]:
    """Cross-entropy of the classes read from how much each output channel gave in total.

    The logits are `scale` times the sum over time, so the most active channel wins; `scale`
    keeps long rasters from saturating the softmax.

    Args:
        output: output raster `(batch, time, class)`, spike counts or voltages.
        labels: class of each sample `(batch,)`; one that does not exist makes the loss NaN.
        scale: factor from summed output to logits.
        smoothing: share of the target that is spread over all classes.

    Returns:
        Mean over the batch [nats].

    Raises:
        ValueError: shapes that do not fit.
        TypeError: labels that are not whole numbers.

    >>> round(float(rate_cross_entropy(jnp.zeros((1, 5, 2)), jnp.array([1]))), 4)
    0.6931
    """
    total, labels = _totals(output, labels)
    n_classes = total.shape[-1]
    targets = optax.smooth_labels(jax.nn.one_hot(labels, n_classes), smoothing)
    losses = optax.softmax_cross_entropy(scale * total, targets)
    # `one_hot` would make such a sample count for nothing.
    return jnp.mean(jnp.where((labels >= 0) & (labels < n_classes), losses, jnp.nan))


def rate_accuracy(output: ArrayLike, labels: ArrayLike) -> Float[Array, ""]:
    """Share of samples whose most active output channel is their label.

    Ties go to the lowest class, as `argmax` does.

    Args:
        output: output raster `(batch, time, class)`, spike counts or voltages.
        labels: class of each sample `(batch,)`.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: labels that are not whole numbers.

    >>> float(rate_accuracy(jnp.array([[[0.0, 2.0]], [[1.0, 0.0]]]), jnp.array([1, 1])))
    0.5
    """
    total, labels = _totals(output, labels)
    return jnp.mean(jnp.argmax(total, axis=-1) == labels)


def _totals(
    output: ArrayLike, labels: ArrayLike
) -> tuple[Float[Array, "batch classes"], Int[Array, " batch"]]:
    """The sum of each output channel over time, and the labels, if they fit together."""
    raster, classes = jnp.asarray(output, dtype=float), jnp.asarray(labels)
    if raster.ndim != 3 or classes.shape != raster.shape[:1]:
        raise ValueError(
            "the output must be `(batch, time, class)` and the labels `(batch,)`; their shapes "
            f"are {raster.shape} and {classes.shape}"
        )
    if not jnp.issubdtype(classes.dtype, jnp.integer):
        raise TypeError(f"the labels must be whole numbers, got {classes.dtype}")
    return raster.sum(axis=1), classes


def rate_ceiling(spikes: ArrayLike, ceiling: ArrayLike) -> Float[Array, ""]:
    """Penalty on neurons that spike more often than they should.

    The mean over neurons of `max(0, rate - ceiling)²`, where the rate is spikes a step, averaged
    over batch and time.

    Args:
        spikes: spike counts `(batch, time, n)`.
        ceiling: spikes a step that cost nothing, of all neurons or of each.

    Raises:
        ValueError: not a batch of rasters.

    >>> float(rate_ceiling(jnp.full((1, 4, 2), 3.0), ceiling=1.0))
    4.0
    """
    counts = jnp.asarray(spikes, dtype=float)
    if counts.ndim != 3:
        raise ValueError(f"the spikes must be `(batch, time, n)`; their shape is {counts.shape}")
    return jnp.mean(jax.nn.relu(counts.mean(axis=(0, 1)) - jnp.asarray(ceiling)) ** 2)
