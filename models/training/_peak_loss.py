"""Losses for networks that answer with a peak of one output channel."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float


def peak_loss(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    max_interval: int,
    weight_nontarget: ArrayLike,
    target_output: ArrayLike,
    nontarget_output: ArrayLike = 0.0,
) -> Float[Array, ""]:
    """How far the target channel's peak is from a value, and the other channels from silence.

    The target part is the mean over samples of `(peak - target_output)²`, where the peak is the
    mean of `max_interval` steps of the target channel, beginning with its largest. An interval that
    runs past the end goes on at the largest. The other part is the mean of
    `(other channels - nontarget_output)²` over everything.

    Args:
        prediction: output `(batch, time, class)`, usually voltages.
        target: class of each sample `(batch,)`.
        max_interval: length of the peak [steps].
        weight_nontarget: weight of the second part.
        target_output: what the peak should be.
        nontarget_output: what the other channels should be.

    Returns:
        The target part, and the other part by its weight.

    Raises:
        ValueError: shapes that do not fit, a single channel, or an empty interval.
        TypeError: targets that are not whole numbers.

    Source: training facts, section 1; golden values in
    `tests/models/training/golden/peak_losses.npz`.

    >>> output = jnp.zeros((1, 4, 2)).at[0, 2:, 1].set(3.0)
    >>> options = {"max_interval": 2, "weight_nontarget": 1.0}
    >>> float(peak_loss(output, jnp.array([1]), target_output=3.0, **options))
    0.0
    >>> float(peak_loss(output, jnp.array([0]), target_output=3.0, **options))
    13.5
    """
    output, classes = _checked(prediction, target, max_interval)
    n_classes = output.shape[-1]
    if n_classes < 2:
        raise ValueError("`peak_loss` needs two channels or more; `binary_peak_loss` takes one")
    is_target = jax.nn.one_hot(classes, n_classes, dtype=bool)
    channel = jnp.take_along_axis(output, classes[:, None, None], axis=2)[..., 0]
    wanted = jnp.mean((_peaks(channel, max_interval) - target_output) ** 2)
    others = jnp.where(is_target[:, None], 0.0, (output - nontarget_output) ** 2)
    n_others = output.shape[0] * output.shape[1] * (n_classes - 1)
    return wanted + weight_nontarget * jnp.sum(others) / n_others


def binary_peak_loss(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    max_interval: int,
    weight_nontarget: ArrayLike,
    target_output: ArrayLike,
    nontarget_output: ArrayLike = 0.0,
) -> Float[Array, ""]:
    """As `peak_loss` for a single channel that should peak in some samples and not in others.

    Args:
        prediction: output `(batch, time, 1)`.
        target: 1 for each sample with a peak, 0 for one without `(batch,)`.
        max_interval: length of the peak [steps].
        weight_nontarget: weight of the samples without a peak.
        target_output: what the peak should be.
        nontarget_output: what the output should be where there is none.

    Returns:
        The mean over samples with a peak, and the mean over those without by its weight. What
        there are no samples of adds nothing.

    Raises:
        ValueError: shapes that do not fit, or an empty interval.
        TypeError: targets that are not whole numbers.

    Source: as `peak_loss`.

    >>> options = {"max_interval": 1, "weight_nontarget": 0.5, "target_output": 1.0}
    >>> float(binary_peak_loss(jnp.full((2, 3, 1), 2.0), jnp.array([1, 0]), **options))
    3.0
    """
    output, classes = _checked(prediction, target, max_interval)
    if output.shape[-1] != 1:
        raise ValueError(
            f"`binary_peak_loss` takes one channel, got {output.shape[-1]}; `peak_loss` takes more"
        )
    channel, peaks = output[..., 0], classes == 1
    wanted = (_peaks(channel, max_interval) - target_output) ** 2
    others = jnp.mean((channel - nontarget_output) ** 2, axis=1)
    return _mean_where(peaks, wanted) + weight_nontarget * _mean_where(~peaks, others)


def _peaks(channel: Float[Array, "batch time"], max_interval: int) -> Float[Array, " batch"]:
    n_time = channel.shape[1]
    largest = jnp.argmax(channel, axis=1)[:, None]
    steps = largest + jnp.arange(max_interval) % (n_time - largest)
    return jnp.mean(jnp.take_along_axis(channel, steps, axis=1), axis=1)


def _mean_where(chosen: Array, values: Float[Array, " batch"]) -> Float[Array, ""]:
    return jnp.sum(jnp.where(chosen, values, 0.0)) / jnp.maximum(jnp.sum(chosen), 1)


def _checked(
    prediction: ArrayLike, target: ArrayLike, max_interval: int
) -> tuple[Float[Array, "batch time n"], Array]:
    output, classes = jnp.asarray(prediction, dtype=float), jnp.asarray(target)
    if output.ndim != 3 or classes.shape != output.shape[:1]:
        raise ValueError(
            "the prediction must be `(batch, time, class)` and the target `(batch,)`; their "
            f"shapes are {output.shape} and {classes.shape}"
        )
    if not jnp.issubdtype(classes.dtype, jnp.integer):
        raise TypeError(f"the target must be whole numbers, got {classes.dtype}")
    if max_interval < 1:
        raise ValueError(f"`max_interval` must be at least 1, got {max_interval}")
    return output, classes
