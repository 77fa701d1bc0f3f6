from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models.training import mse, rate_accuracy, rate_ceiling, rate_cross_entropy

DRAW = np.random.default_rng(0)
OUTPUT = DRAW.poisson(1.0, (5, 7, 3)).astype(float)
LABELS = DRAW.integers(0, 3, 5)


def test_mse_is_the_mean_of_the_squares() -> None:
    output, target = DRAW.normal(size=(2, 3, 4)), DRAW.normal(size=(2, 3, 4))
    assert float(mse(output, target)) == pytest.approx(np.mean((output - target) ** 2), rel=1e-6)
    assert float(mse(jnp.asarray(output), target)) == pytest.approx(
        np.mean((output - target) ** 2), rel=1e-6
    )


@pytest.mark.parametrize("shape", [(), (4,), (3, 4), (1, 3, 4), (2, 1, 1)])
def test_a_target_may_be_shared(shape: tuple) -> None:
    output = DRAW.normal(size=(2, 3, 4))
    assert float(mse(output, np.zeros(shape))) == pytest.approx(np.mean(output**2), rel=1e-6)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 5), (5, 2, 3, 4), (1, 2, 3, 4)])
def test_a_target_that_does_not_fit_is_refused(shape: tuple) -> None:
    with pytest.raises(ValueError, match=r"`mse`: a target of shape .* does not fit an output of"):
        mse(np.ones((2, 3, 4)), np.ones(shape))


def test_a_forgotten_axis_is_not_broadcast() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        mse(np.ones((2, 5, 1)), np.ones((2, 5)))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_cross_entropy_is_that_of_the_summed_output(scale: float, smoothing: float) -> None:
    logits = scale * OUTPUT.sum(1)
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    targets = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    expected = -(targets * log_p).sum(1).mean()
    found = rate_cross_entropy(OUTPUT, LABELS, scale, smoothing)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_gradient_of_cross_entropy_is_softmax_minus_target() -> None:
    gradient = jax.grad(lambda o: rate_cross_entropy(o, LABELS, 0.5))(jnp.asarray(OUTPUT))
    p = np.exp(0.5 * OUTPUT.sum(1))
    p /= p.sum(1, keepdims=True)
    expected = 0.5 * (p - np.eye(3)[LABELS]) / 5
    np.testing.assert_allclose(gradient, np.repeat(expected[:, None], 7, axis=1), atol=1e-6)


@pytest.mark.parametrize("label", [3, -1])
def test_a_class_that_does_not_exist_is_no_number(label: int) -> None:
    labels = jnp.asarray(LABELS).at[2].set(label)
    assert np.isnan(rate_cross_entropy(OUTPUT, labels))
    assert np.isnan(jax.jit(rate_cross_entropy)(OUTPUT, labels))


def test_accuracy_counts_the_most_active_channel() -> None:
    expected = np.mean(OUTPUT.sum(1).argmax(1) == LABELS)
    assert float(rate_accuracy(OUTPUT, LABELS)) == pytest.approx(expected)


def test_ties_go_to_the_lowest_class() -> None:
    assert float(rate_accuracy(np.zeros((2, 3, 4)), np.array([0, 1]))) == 0.5


@pytest.mark.parametrize("loss", [rate_cross_entropy, rate_accuracy])
@pytest.mark.parametrize(
    ("output", "labels"),
    [(np.ones((7, 3)), np.ones(7, int)), (OUTPUT, np.ones(4, int)), (OUTPUT, np.ones((5, 1), int))],
)
def test_shapes_that_do_not_fit_are_refused(loss: Any, output: Any, labels: Any) -> None:
    with pytest.raises(
        ValueError, match=r"the output must be `\(batch, time, class\)` and the lab"
    ):
        loss(output, labels)


@pytest.mark.parametrize("loss", [rate_cross_entropy, rate_accuracy])
def test_labels_that_are_no_whole_numbers_are_refused(loss: Any) -> None:
    with pytest.raises(TypeError, match="the labels must be whole numbers, got float32"):
        loss(OUTPUT, LABELS.astype(np.float32))


def test_a_ceiling_costs_what_is_above_it() -> None:
    spikes = np.zeros((2, 4, 3))
    spikes[..., 1], spikes[:, ::2, 2] = 2.0, 1.0
    assert float(rate_ceiling(spikes, 0.75)) == pytest.approx(1.25**2 / 3)
    assert float(rate_ceiling(spikes, np.array([0.0, 1.0, 1.0]))) == pytest.approx(1 / 3)
    with pytest.raises(
        ValueError, match=r"the spikes must be `\(batch, time, n\)`; their shape is"
    ):
        rate_ceiling(spikes[0], 1.0)
