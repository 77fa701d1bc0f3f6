"""Losses: distances from a target raster, and for networks whose output tells a class."""

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
    return jnp.mean(_difference("mse", output, target) ** 2)


def sse(output: ArrayLike, target: ArrayLike) -> Float[Array, ""]:
    """Sum of the squared difference over everything.

    Args:
        output: what a network gives.
        target: what it should give, of a shape that broadcasts to that of the output.

    Raises:
        ValueError: the target does not fit.

    >>> float(sse(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0])))
    4.0
    """
    return jnp.sum(_difference("sse", output, target) ** 2)


def _difference(name: str, output: ArrayLike, target: ArrayLike) -> Float[Array, "*shape"]:
    wanted, given = jnp.shape(output), jnp.shape(target)
    try:
        fits = jnp.broadcast_shapes(wanted, given) == wanted
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"`{name}`: a target of shape {given} does not fit an output of {wanted}")
    return jnp.asarray(output, dtype=float) - jnp.asarray(target, dtype=float)


def softmax(
    x: ArrayLike, temperature: ArrayLike = 1.0, axis: int | tuple[int, ...] | None = -1
) -> Float[Array, "*shape"]:
    """Shares that add up to one: `exp(x / temperature)` over its sum.

    Args:
        x: any array.
        temperature: the lower, the more the largest takes.
        axis: over which axes the shares add up to one; `None` for all.

    >>> softmax(jnp.array([[0.0, 0.0], [100.0, 0.0]]))
    Array([[0.5, 0.5],
           [1. , 0. ]], dtype=float32)
    """
    return jax.nn.softmax(jnp.asarray(x, dtype=float) / temperature, axis=axis)


def logsoftmax(
    x: ArrayLike, temperature: ArrayLike = 1.0, axis: int | tuple[int, ...] | None = -1
) -> Float[Array, "*shape"]:
    """The logarithm of `softmax`, exact where the shares are too small for floats.

    Args:
        x: any array.
        temperature: the lower, the more the largest takes.
        axis: over which axes the shares add up to one; `None` for all.

    >>> logsoftmax(jnp.array([0.0, 200.0]))
    Array([-200.,    0.], dtype=float32)
    """
    return jax.nn.log_softmax(jnp.asarray(x, dtype=float) / temperature, axis=axis)


def ctc_loss_jax(
    label: ArrayLike, log_prob: ArrayLike, seq_length: int | None = None
) -> Float[Array, ""]:
    """Connectionist temporal classification: how unlikely a sequence of classes is.

    Class 0 is the blank. `optax.ctc_loss` does the work, and takes batches and padding.

    Args:
        label: the classes that should be told, in order, without blanks `(n,)`.
        log_prob: logarithms of the probabilities of all classes `(time, class)`.
        seq_length: how many of the time steps count; all when not given.

    Returns:
        The negative log-likelihood [nats].

    Raises:
        ValueError: wrong ranks, or more steps than there are.

    Source: Graves et al. 2006; golden values in `tests/models/training/golden/losses.npz`.

    >>> half = jnp.log(jnp.full((2, 2), 0.5))
    >>> round(float(jnp.exp(-ctc_loss_jax(jnp.array([1]), half))), 4)  # 1-, -1 or 11
    0.75
    """
    labels, log_p = jnp.asarray(label), jnp.asarray(log_prob, dtype=float)
    n_time = log_p.shape[0] if log_p.ndim == 2 else 0
    n_steps = n_time if seq_length is None else seq_length
    if labels.ndim != 1 or not 0 < n_steps <= n_time:
        raise ValueError(
            "`ctc_loss_jax` takes a label `(n,)`, `log_prob` `(time, class)` and at most as many "
            f"steps; got {labels.shape}, {log_p.shape} and {seq_length}"
        )
    return _ctc(log_p, (jnp.arange(n_time) >= n_steps).astype(float), labels)


@jax.jit
def _ctc(log_p: Array, unused: Array, labels: Array) -> Array:
    loss = optax.ctc_loss(log_p[None], unused[None], labels[None], jnp.zeros((1, labels.size)))
    return loss[0]


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
