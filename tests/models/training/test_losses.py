from collections.abc import Callable
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models.training import (
    ctc_loss_jax,
    logsoftmax,
    mse,
    rate_accuracy,
    rate_cross_entropy,
    softmax,
    sse,
)

DRAW = np.random.default_rng(0)
OUTPUT = DRAW.poisson(1.0, (5, 7, 3)).astype(float)
LABELS = DRAW.integers(0, 3, 5)


def test_mse_is_the_mean_of_the_squares() -> None:
    output, target = DRAW.normal(size=(2, 3, 4)), DRAW.normal(size=(2, 3, 4))
    assert float(mse(output, target)) == pytest.approx(np.mean((output - target) ** 2), rel=1e-6)
    assert float(mse(jnp.asarray(output), target)) == pytest.approx(
        np.mean((output - target) ** 2), rel=1e-6
    )


def test_sse_is_the_sum_of_the_squares() -> None:
    output, target = DRAW.normal(size=(2, 3, 4)), DRAW.normal(size=(4,))
    assert float(sse(output, target)) == pytest.approx(np.sum((output - target) ** 2), rel=1e-6)


def test_distances_agree_with_the_golden_numbers(training_golden: Callable[..., Any]) -> None:
    golden = training_golden("losses")
    for loss in (mse, sse):
        found = loss(golden["out"], golden["target"])
        assert float(found) == pytest.approx(float(golden[loss.__name__]), rel=2e-5)


@pytest.mark.parametrize("shape", [(), (4,), (3, 4), (1, 3, 4), (2, 1, 1)])
def test_a_target_may_be_shared(shape: tuple) -> None:
    output = DRAW.normal(size=(2, 3, 4))
    assert float(mse(output, np.zeros(shape))) == pytest.approx(np.mean(output**2), rel=1e-6)


@pytest.mark.parametrize("loss", [mse, sse])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 5), (5, 2, 3, 4), (1, 2, 3, 4)])
def test_a_target_that_does_not_fit_is_refused(loss: Any, shape: tuple) -> None:
    with pytest.raises(ValueError, match=r"`.se`: a target of shape .* does not fit an output of"):
        loss(np.ones((2, 3, 4)), np.ones(shape))


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


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_softmax_agrees_with_the_golden_numbers(
    temperature: float, training_golden: Callable[..., Any]
) -> None:
    golden = training_golden("losses")
    for function in (softmax, logsoftmax):
        expected = golden[f"{function.__name__}/{temperature}"]
        np.testing.assert_allclose(function(golden["logits"], temperature), expected, atol=2e-5)


def test_softmax_shares_along_an_axis_or_over_all() -> None:
    logits = DRAW.normal(size=(3, 4))
    for axis in (-1, 0, None):
        expected = np.exp(logits) / np.exp(logits).sum(axis=axis, keepdims=True)
        np.testing.assert_allclose(softmax(logits, axis=axis), expected, rtol=1e-5)
        np.testing.assert_allclose(logsoftmax(logits, axis=axis), np.log(expected), rtol=1e-4)


def test_ctc_agrees_with_the_golden_numbers(training_golden: Callable[..., Any]) -> None:
    golden = training_golden("losses")
    value, gradient = jax.value_and_grad(lambda log_p: ctc_loss_jax(golden["ctc_label"], log_p))(
        jnp.asarray(golden["ctc_log_prob"], dtype=float)
    )
    assert float(value) == pytest.approx(float(golden["ctc_loss_jax"]), rel=2e-5)
    # Ours normalises the probabilities first, which takes off what would change their sum.
    expected, p = golden["ctc_grad_log_prob"], np.exp(golden["ctc_log_prob"])
    expected = expected - p * expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(gradient, expected, atol=1e-4)


def collapsed(path: tuple[int, ...]) -> list[int]:
    kept = [one for n, one in enumerate(path) if n == 0 or one != path[n - 1]]
    return [one for one in kept if one != 0]


@pytest.mark.parametrize("label", [[1, 2], [2, 2]])
@pytest.mark.parametrize("seq_length", [None, 4])
def test_ctc_adds_up_all_alignments(label: list[int], seq_length: int | None) -> None:
    p = np.random.default_rng(1).dirichlet(np.ones(3), size=5)
    n_steps = seq_length or 5
    likelihood = sum(
        np.prod([p[t, one] for t, one in enumerate(path)])
        for path in product(range(3), repeat=n_steps)
        if collapsed(path) == label
    )
    found = ctc_loss_jax(np.array(label), np.log(p), seq_length)
    assert float(found) == pytest.approx(-np.log(likelihood), rel=1e-5)


@pytest.mark.parametrize(
    ("label", "shape", "seq_length"),
    [([[1]], (3, 2), None), ([1], (3,), None), ([1], (3, 2), 4), ([1], (3, 2), 0)],
)
def test_ctc_refuses_what_it_cannot_use(label: Any, shape: tuple, seq_length: int | None) -> None:
    with pytest.raises(ValueError, match=r"`ctc_loss_jax` takes a label `\(n,\)`, `log_prob`"):
        ctc_loss_jax(np.array(label), np.zeros(shape), seq_length)
