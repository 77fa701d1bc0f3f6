"""Regularizers and robustness tools do with chip networks what they do with float ones.

What compiles a gradient of a whole training takes long, and runs in the slow suite.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from xylograph.hw import XyloNetJax
from xylograph.models import Constant, JaxModule, LIFJax, LinearJax, Sequential
from xylograph.models.training import (
    adversarial_loss,
    bit_flips,
    by_family,
    fan_out_excess,
    fit,
    gaussian_noise,
    l0_norm_approx,
    l2sqr_norm,
    mismatch_generator,
    mse,
    pga_attack,
    range_excess,
    rate_band,
    relative_to,
    synaptic_operations,
    threshold_excess,
)

KEY = jax.random.key(0)
DRAW = np.random.default_rng(0)
RASTER = DRAW.poisson(0.4, (3, 25, 4)).astype(np.float32)
WEIGHTS = {
    "in": DRAW.normal(30, 40, (4, 8)).round(),
    "rec": DRAW.normal(0, 20, (8, 8)).round(),
    "out": DRAW.normal(30, 40, (8, 2)).round(),
}
THRESHOLD = 150.0


class Subject(NamedTuple):
    """A network, and what the tools are given of it."""

    network: Any
    hidden: Callable[[Any], Any]
    recurrent: Callable[[Any], Any]
    low_threshold: float
    bit_step: float | None


def chip() -> Subject:
    core = XyloNetJax(
        "xylo-imu",
        weights_in=WEIGHTS["in"],
        weights_rec=WEIGHTS["rec"],
        weights_out=WEIGHTS["out"],
        dash_mem=2,
        dash_syn=2,
        threshold=THRESHOLD,
        threshold_out=THRESHOLD,
        trainable=["weights", "threshold"],
    )
    return Subject(
        core,
        lambda record: record["Spikes"],
        lambda net: net.weights_rec,
        2 * THRESHOLD,
        1.0,
    )


def floats() -> Subject:
    tau = Constant(3.5e-3)
    neurons: dict[str, Any] = {"tau_mem": tau, "tau_syn": tau, "threshold": 1.0, "dt": 1e-3}
    net = Sequential(
        LinearJax((4, 8), weight=WEIGHTS["in"] / THRESHOLD),
        LIFJax(8, w_rec=WEIGHTS["rec"] / THRESHOLD, has_rec=True, **neurons),
        LinearJax((8, 2), weight=WEIGHTS["out"] / THRESHOLD),
        LIFJax(2, **neurons),
    )
    return Subject(
        net,
        lambda record: record["1_LIFJax"]["spikes"],
        lambda net: net[1].w_rec,
        2.0,
        None,
    )


@pytest.fixture(scope="module", params=[chip, floats], ids=["chip", "float"])
def subject(request: pytest.FixtureRequest) -> Subject:
    return request.param()


@pytest.mark.slow
def test_every_regularizer_costs_something_and_has_a_gradient(subject: Subject) -> None:
    network, hidden, recurrent, low_threshold, _ = subject

    def costs(parameters: Any) -> dict[str, jax.Array]:
        moved = network.set_attributes(parameters)
        _, _, record = moved(RASTER, record=True)
        spikes, weights = hidden(record), recurrent(moved)
        found = {
            "rate_band": rate_band(spikes, low=2.0, high=3.0),
            "range_excess": range_excess(spikes.sum(axis=1), high=0.5),
            "synaptic_operations": synaptic_operations(spikes, weights),
            "fan_out_excess": fan_out_excess(weights, limit=3.0),
            "threshold_excess": threshold_excess(moved.parameters("threshold"), low=low_threshold),
            "l0_norm_approx": l0_norm_approx(moved.parameters("weights")),
            "l2sqr_norm": l2sqr_norm(moved.parameters("weights")),
        }
        return found | ({} if not hasattr(moved, "overflow_excess") else overflow(moved))

    def overflow(moved: Any) -> dict[str, jax.Array]:
        return {"overflow_excess": moved.overflow_excess(room=0.95)}

    parameters = network.parameters()
    values, gradients = jax.jit(lambda p: (costs(p), jax.jacrev(costs)(p)))(parameters)
    for name, value in values.items():
        slopes = jax.tree.leaves(gradients[name])
        assert value > 0, name
        assert all(bool(jnp.isfinite(one).all()) for one in slopes), name
        assert any(bool(jnp.any(one != 0)) for one in slopes), name
    # One threshold each, half of the limit.
    assert float(values["threshold_excess"]) == pytest.approx(0.25)
    assert float(values["fan_out_excess"]) > 1


@pytest.mark.slow
def test_training_stands_bits_that_flip_and_thresholds_that_are_noisy(subject: Subject) -> None:
    network, *_, bit_step = subject
    transform = by_family(
        network,
        {
            "weights": partial(bit_flips, probability=0.005, step=bit_step),
            "threshold": partial(gaussian_noise, std=0.05),
        },
    )
    noisy = [transform(network.parameters(), jax.random.key(i)) for i in range(2)]
    outputs = [network.set_attributes(one)(RASTER)[0] for one in (network.parameters(), *noisy)]
    assert not np.array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[1], outputs[2])

    def loss(net: JaxModule, inputs: Any, targets: Any) -> jax.Array:
        return mse(net(inputs)[0].mean(axis=1), targets)

    scales = jax.tree.map(jnp.ones_like, network.parameters())
    scales = network.scales() if hasattr(network, "scales") else scales
    fitted = fit(
        network,
        RASTER,
        np.array([[0.9, 0.1]] * 3, np.float32),
        loss=loss,
        optimizer=relative_to(optax.adam(0.05), scales),
        epochs=40,
        batch_size=3,
        transform=transform,
    )
    losses = [epoch["loss"] for epoch in fitted.history]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:3])


def test_devices_with_mismatch_differ_from_each_other(subject: Subject) -> None:
    network, *_ = subject
    regenerate = mismatch_generator(["weights", "threshold"], percent_deviation=0.5)
    devices = [network.set_attributes(regenerate(network, jax.random.key(i))) for i in range(2)]
    outputs = [np.asarray(one(RASTER)[0]) for one in (network, *devices)]
    assert not np.array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[1], outputs[2])


def test_an_attack_does_more_harm_than_the_noise_that_it_begins_with(subject: Subject) -> None:
    network, *_ = subject
    original = network(RASTER)[0]
    attacked, losses = pga_attack(
        network.parameters("weights"),
        network,
        RASTER,
        original,
        mse,
        KEY,
        mismatch_level=0.4,
        # Less may change no spike, on a chip not even a weight, and leave no way up.
        initial_std=0.05,
        attack_steps=6,
    )
    harm = float(mse(original, network.set_attributes(attacked)(RASTER)[0]))
    assert harm > 1.5 * float(losses[0]) > 0


@pytest.mark.slow
def test_the_robust_loss_has_gradients(subject: Subject) -> None:
    network, *_ = subject
    target = jnp.ones((3, 25, 2)) * 0.3
    value, gradient = jax.value_and_grad(
        lambda p: adversarial_loss(
            p,
            network,
            RASTER,
            target,
            mse,
            mse,
            KEY,
            mismatch_level=0.3,
            initial_std=0.05,
            attack_steps=3,
        )
    )(network.parameters())
    plain = float(mse(target, network(RASTER)[0]))
    assert float(value) > plain
    assert all(bool(jnp.isfinite(one).all()) for one in jax.tree.leaves(gradient))
    assert any(bool(jnp.any(one != 0)) for one in jax.tree.leaves(gradient))
