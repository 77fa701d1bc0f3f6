"""The penalty on what could saturate, against the static bound, which shares no code with it."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import optax
import pytest
from engine_cases import CHIP_NAMES, REGIMES, case_of

from xylograph.hw import XyloConfig, XyloNetJax, saturation_bounds
from xylograph.models.training import rate_cross_entropy, relative_to


def config_of(chip: str, regime: str, seed: int) -> XyloConfig:
    """Weights of all sizes."""
    config = case_of(chip, regime, seed, one_each=seed % 2 == 0).config
    share = np.random.default_rng(seed).choice([1, 0.3, 0.1, 0.03])
    names = ("weights_in", "weights_rec", "weights_out", "bias", "bias_out")
    return replace(config, **{name: np.round(share * getattr(config, name)) for name in names})


@pytest.mark.parametrize("chip", CHIP_NAMES)
def test_where_the_penalty_is_zero_the_static_bound_proves_it(chip: str) -> None:
    everywhere = {"mask_in": True, "mask_rec": True, "mask_out": True}
    proven, free = [], []
    for seed in range(3):
        for regime in REGIMES:
            config = config_of(chip, regime, seed)
            net = XyloNetJax.from_config(config, **everywhere)
            proven.append(saturation_bounds(config).overflow_impossible)
            free.append(float(net.overflow_excess(room=0.0)) == 0)
    assert not np.any(np.array(free) & ~np.array(proven))
    # And hardly wider than the static bound: of what that proves, it frees nearly all.
    assert sum(proven) > 2
    assert sum(free) >= 0.9 * sum(proven)


@pytest.mark.parametrize(
    ("fields", "largest"),
    [
        # 15 spikes of 100 and of 50, the sums 2^3 as large.
        ({"weights_in": [[100], [50]], "dash_syn": 3, "threshold": 32_000}, 2250 * 8),
        ({"weights_in": [[-100], [-50]], "dash_syn": 3, "dash_mem": 0, "threshold": 99}, 2250 * 8),
    ],
)
def test_the_penalty_is_the_logarithm_of_what_is_above_the_limit(
    fields: dict[str, Any], largest: int
) -> None:
    # Silent outputs, and membranes that forget at once.
    options: dict[str, Any] = {"dash_mem": 0} | fields
    net = XyloNetJax("xylo-1", weights_out=[[0]], threshold_out=1, **options)
    range_16_bits = 32_767 if fields["weights_in"][0][0] > 0 else 32_768
    share = largest / range_16_bits
    settled = (largest - 2250) / range_16_bits  # the membrane, where current and decay end
    room = 0.9
    expected = sum(max(0, np.log(x / (1 - room))) ** 2 for x in (share, settled)) / 2
    assert float(net.overflow_excess(room=room)) == pytest.approx(expected, rel=2e-3)


def test_a_threshold_below_one_costs() -> None:
    net = XyloNetJax("xylo-imu", weights_in=[[1]], weights_out=[[0]], threshold=-2, threshold_out=1)
    assert float(net.overflow_excess()) == pytest.approx(3**2 / 2)


def test_a_room_that_is_no_share_is_refused() -> None:
    net = XyloNetJax("xylo-imu", weights_in=[[1]], weights_out=[[0]])
    with pytest.raises(ValueError, match=r"`room` is a share, 0 or more and below 1, got 1\.5"):
        net.overflow_excess(1.5)


@pytest.mark.slow
def test_training_with_the_penalty_makes_a_saturating_network_provably_safe() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 2
    rasters = rng.poisson(0.2, (24, 30, 4)).astype(np.float32)
    rasters[labels == 1, :, :2] += rng.poisson(0.6, (12, 30, 2))
    net = XyloNetJax.initialize(
        "xylo-imu",
        4,
        16,
        2,
        inputs=rasters,
        recurrent=True,
        trainable=["weights", "threshold"],
        rng_key=jax.random.key(1),
    )
    assert not saturation_bounds(net.to_config()).currents_never_saturate
    optimizer = relative_to(optax.adam(0.05), net.scales())

    def loss(parameters: Any) -> jax.Array:
        moved = net.set_attributes(parameters)
        task = rate_cross_entropy(moved(rasters)[0], labels, scale=0.3)
        return task + 10 * moved.overflow_excess()

    @jax.jit
    def step(parameters: Any, progress: Any) -> tuple[Any, Any]:
        gradient = jax.grad(loss)(parameters)
        updates, progress = optimizer.update(gradient, progress, parameters)
        return optax.apply_updates(parameters, updates), progress

    parameters = net.parameters()
    progress = optimizer.init(parameters)
    trained, n_steps = net, 0
    while not saturation_bounds(trained.to_config()).overflow_impossible:
        assert n_steps < 400, "still not safe"
        for _ in range(20):
            parameters, progress = step(parameters, progress)
        trained, n_steps = net.set_attributes(parameters), n_steps + 20
    guesses = np.asarray(trained(rasters)[0]).sum(axis=1).argmax(axis=1)
    assert np.mean(guesses == labels) >= 0.9
