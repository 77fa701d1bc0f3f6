"""Losses for networks that read a class from their output raster."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int


def mse(output: Float[Array, "*shape"], target: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Mean of the squared difference over everything.

    >>> float(mse(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0])))
    2.0
    """
    return jnp.mean((output - target) ** 2)


def rate_cross_entropy(
    output: Float[Array, "batch time classes"],
    labels: Int[Array, " batch"],
    scale: float = 1.0,
    smoothing: float = 0.0,
) -> Float[Array, ""]:
    """Cross-entropy of the classes read from how much each output channel gave in total.

    The logits are `scale` times the sum over time, so the most active channel wins; `scale`
    keeps long rasters from saturating the softmax.

    Args:
        output: output raster, spike counts or voltages.
        labels: class of each sample.
        scale: factor from summed output to logits.
        smoothing: share of the target that is spread over all classes.

    Returns:
        Mean over the batch [nats].
    """
    logits = scale * output.sum(axis=1)
    targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), smoothing)
    return optax.softmax_cross_entropy(logits, targets).mean()


def rate_accuracy(
    output: Float[Array, "batch time classes"], labels: Int[Array, " batch"]
) -> Float[Array, ""]:
    """Share of samples whose most active output channel is their label.

    Ties go to the lowest class, as `argmax` does.
    """
    return jnp.mean(jnp.argmax(output.sum(axis=1), axis=-1) == labels)


def rate_ceiling(spikes: Float[Array, "batch time n"], ceiling: float) -> Float[Array, ""]:
    """Penalty on neurons that spike more often than they should.

    The mean over neurons of `max(0, rate - ceiling)²`, where the rate is spikes a step, averaged
    over batch and time.

    Args:
        spikes: spike counts.
        ceiling: spikes a step that cost nothing.

    >>> float(rate_ceiling(jnp.full((1, 4, 2), 3.0), ceiling=1.0))
    4.0
    """
    return jnp.mean(jax.nn.relu(spikes.mean(axis=(0, 1)) - ceiling) ** 2)
