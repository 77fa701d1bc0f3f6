from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models.training import binary_peak_loss, peak_loss

OUTPUT = np.random.default_rng(0).normal(size=(6, 12, 4))
LABELS = np.array([2, 0, 1, 2, 3, 1])
OPTIONS: Any = {"max_interval": 4, "weight_nontarget": 0.7, "target_output": 2.0}


def peak_of(channel: np.ndarray, n: int) -> float:
    """Step by step: begin at the largest, and at the end go back to it."""
    largest = step = int(channel.argmax())
    total = 0.0
    for _ in range(n):
        total += channel[step]
        step = step + 1 if step + 1 < len(channel) else largest
    return total / n


def naive_loss(nontarget: float) -> float:
    wanted = np.mean([(peak_of(OUTPUT[i, :, k], 4) - 2.0) ** 2 for i, k in enumerate(LABELS)])
    others = np.mean(
        [(OUTPUT[i, :, c] - nontarget) ** 2 for i in range(6) for c in range(4) if c != LABELS[i]]
    )
    return float(wanted + 0.7 * others)


def test_peak_losses_agree_with_the_golden_numbers(training_golden: Callable[..., Any]) -> None:
    golden = training_golden("peak_losses")
    meta = golden.json("meta")
    options = {name: meta[name] for name in OPTIONS}
    prediction, target = golden["prediction"], golden["target"]
    for name, weight in (("peak", 0.7), ("peak_target", 0.0)):
        found = peak_loss(prediction, target, **{**options, "weight_nontarget": weight})
        assert float(found) == pytest.approx(float(golden[name]), rel=2e-5)
    found = binary_peak_loss(prediction[..., :1], golden["target_binary"], **options)
    assert float(found) == pytest.approx(float(golden["binary_peak"]), rel=2e-5)


@pytest.mark.parametrize("nontarget", [0.0, -0.5])
def test_peak_loss_is_what_a_loop_over_samples_gives(nontarget: float) -> None:
    found = peak_loss(OUTPUT, LABELS, nontarget_output=nontarget, **OPTIONS)
    assert float(found) == pytest.approx(naive_loss(nontarget), rel=1e-5)


@pytest.mark.parametrize("labels", [[1, 0, 1, 0, 0, 1], [0] * 6, [1] * 6])
def test_binary_peak_loss_is_what_a_loop_over_samples_gives(labels: list[int]) -> None:
    channel = OUTPUT[..., 0]
    with_peak = [(peak_of(channel[i], 4) - 2.0) ** 2 for i in range(6) if labels[i]]
    without = [np.mean((channel[i] - 0.5) ** 2) for i in range(6) if not labels[i]]
    expected = sum(with_peak) / max(len(with_peak), 1) + 0.7 * sum(without) / max(len(without), 1)
    found = binary_peak_loss(OUTPUT[..., :1], np.array(labels), nontarget_output=0.5, **OPTIONS)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_gradient_of_the_peak_reaches_its_steps_only() -> None:
    options = {**OPTIONS, "weight_nontarget": 0.0}
    gradient = jax.jit(jax.grad(lambda o: peak_loss(o, LABELS, **options)))(
        jnp.asarray(OUTPUT, dtype=float)
    )
    for sample, label in enumerate(LABELS):
        largest = int(OUTPUT[sample, :, label].argmax())
        steps = np.flatnonzero(np.any(gradient[sample] != 0, axis=1))
        np.testing.assert_array_equal(steps, range(largest, min(largest + 4, 12)))
        assert np.all(np.delete(gradient[sample], label, axis=1) == 0)


def test_an_interval_longer_than_the_raster_goes_round_again() -> None:
    options = {**OPTIONS, "max_interval": 25, "weight_nontarget": 0.0}
    expected = np.mean([(peak_of(OUTPUT[i, :, k], 25) - 2.0) ** 2 for i, k in enumerate(LABELS)])
    assert float(peak_loss(OUTPUT, LABELS, **options)) == pytest.approx(expected, rel=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be `\(batch, time, class\)` and the target `\(bat"):
        peak_loss(OUTPUT[0], LABELS, **OPTIONS)
    with pytest.raises(TypeError, match="the target must be whole numbers, got float32"):
        peak_loss(OUTPUT, LABELS.astype(np.float32), **OPTIONS)
    with pytest.raises(ValueError, match="`max_interval` must be at least 1, got 0"):
        peak_loss(OUTPUT, LABELS, **{**OPTIONS, "max_interval": 0})
    with pytest.raises(ValueError, match="`peak_loss` needs two channels or more; `binary_peak_"):
        peak_loss(OUTPUT[..., :1], LABELS, **OPTIONS)
    with pytest.raises(
        ValueError, match="`binary_peak_loss` takes one channel, got 4; `peak_loss`"
    ):
        binary_peak_loss(OUTPUT, LABELS, **OPTIONS)
