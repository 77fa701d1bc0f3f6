"""`to_chip`, and `deploy` of what it gives: nothing is lost."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

from xylograph.hw import DesignRuleError, XyloConfig, XyloNetJax, XyloSim
from xylograph.mapping import OnChip, compare, deploy, observe, to_chip
from xylograph.models import JaxModule, LIFJax, LinearJax, Residual, Sequential

KEYS = [jax.random.key(i) for i in range(5)]
DATA = np.random.default_rng(0).poisson(0.5, (3, 30, 4))


def lif(n: int, key: jax.Array, recurrent: bool = False) -> LIFJax:
    return LIFJax(n, has_rec=recurrent, tau_mem=0.01, tau_syn=0.005, dt=1e-3, rng_key=key)


def layered(recurrent: bool = False) -> JaxModule:
    return Sequential(
        LinearJax((4, 8), rng_key=KEYS[0]),
        lif(8, KEYS[1], recurrent),
        LinearJax((8, 5), rng_key=KEYS[2]),
        lif(5, KEYS[3]),
        LinearJax((5, 2), rng_key=KEYS[4]),
        lif(2, KEYS[0]),
    )


def residual() -> JaxModule:
    return Sequential(
        LinearJax((4, 6), rng_key=KEYS[0]),
        lif(6, KEYS[1]),
        Residual(LinearJax((6, 6), rng_key=KEYS[2]), lif(6, KEYS[3])),
        LinearJax((6, 2), rng_key=KEYS[4]),
        lif(2, KEYS[0]),
    )


def two_synapses() -> JaxModule:
    return Sequential(
        LinearJax((4, 12), rng_key=KEYS[0]),
        LIFJax((12, 6), tau_mem=0.01, tau_syn=np.array([[0.004, 0.02]] * 6), dt=1e-3),
        LinearJax((6, 2), rng_key=KEYS[4]),
        lif(2, KEYS[0]),
    )


NETWORKS = {
    "layered": layered,
    "recurrent": lambda: layered(recurrent=True),
    "residual": residual,
    "two synapses": two_synapses,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_core_computes_what_the_deployed_network_does(name: str) -> None:
    network = NETWORKS[name]()
    deployment, core = deploy(network, "xylo-audio-3"), to_chip(network, "xylo-audio-3")
    assert core.to_config() == deployment.config
    # In the network's own time, with its placement.
    seen = compare(deployment, OnChip(core, deployment.placement), DATA)
    assert seen.is_equal
    assert observe(deployment, DATA).spikes[deployment.placement.output].any()


def test_a_trained_core_is_deployed_without_any_change() -> None:
    core = to_chip(layered(), "xylo-imu", trainable=["weights", "threshold"])
    rng = np.random.default_rng(1)
    moved = {
        name: array + rng.normal(0, 5, array.shape).astype(np.float32)
        for name, array in core.parameters().items()
    }
    trained = core.set_attributes(moved)
    deployment = deploy(
        trained, "xylo-imu", data=(DATA, 0), metric=lambda output, _: float(output.sum())
    )
    assert deployment.config == trained.to_config() != core.to_config()
    assert deployment.losses == ()
    assert deployment.accuracy is not None
    assert deployment.accuracy.drop == 0
    assert compare(trained, deployment, DATA).is_equal


@pytest.mark.parametrize("is_trained", [False, True])
def test_a_core_with_aliases_equals_its_deployment_configuration_and_simulator(
    is_trained: bool,
) -> None:
    core = to_chip(residual(), "xylo-audio-3")
    if is_trained:
        rng = np.random.default_rng(2)
        changes = {
            name: array + rng.normal(0, 5, array.shape).astype(np.float32)
            for name, array in core.parameters("weights").items()
        }
        core = core.set_attributes(changes)
    deployment = deploy(core, "xylo-audio-3")
    config = deployment.config
    _, _, record = XyloSim(config)(DATA, record=True)
    # At the limit of 31 what a neuron sends does not tell what it spiked itself.
    assert any(config.aliases) and 0 < record["Spikes"].max() < 31
    own = observe(config, DATA).spikes["hidden"]
    copies = [
        (source, target) for source, targets in enumerate(config.aliases) for target in targets
    ]
    for source, target in copies:
        sent = record["Spikes"][:, :, target].astype(int)
        assert np.array_equal(sent, own[:, :, target] + record["Spikes"][:, :, source])
    assert any(record["Spikes"][:, :, source].any() for source, _ in copies)
    levels = [
        core,
        deployment,
        config,
        XyloSim(config),
        XyloSim(config, engine="reference"),
        OnChip(core, deployment.placement),
    ]
    for level in levels:
        result = compare(core, level, DATA)
        assert result.is_equal, str(result)
        assert result.layers[0].n_states
        assert compare(level, XyloSim(config), DATA).is_equal


def test_chips_are_compared_by_what_they_send_for_others_too() -> None:
    values = {"weights_in": [[9, 0]], "weights_out": [[0], [0]], "threshold": [5, 100]}
    config = XyloConfig("xylo-audio-3", **values, aliases=[[], []])
    copying = replace(config, aliases=[[1], []])
    for pair in ((config, copying), (copying, config)):
        result = compare(*pair, [[1], [0]])
        # Neuron 1 itself spikes in neither.
        assert [layer.n_different for layer in result.layers] == [0, 0]
        assert result.divergence is not None
        assert (result.divergence.variable, result.divergence.neuron) == ("sent", 1)


def test_synapses_rounded_to_zero_can_be_trained_and_absent_ones_cannot() -> None:
    network = layered()
    tiny = np.asarray(network.parameters()["0_LinearJax"]["weight"]).copy()
    tiny[0] *= 1e-6
    core: Any = to_chip(network.set_attributes({"0_LinearJax": {"weight": tiny}}), "xylo-imu")
    assert not core.to_config().weights_in[0].any()
    assert np.asarray(core.mask_in)[0, :8].all()
    # The second layer feeds no hidden neuron.
    assert not np.asarray(core.mask_rec)[8:].any()


def test_another_chip_is_refused() -> None:
    core = to_chip(layered(), "xylo-imu")
    with pytest.raises(ValueError, match="computes as a SYNS63300, so it cannot be deployed to a"):
        deploy(core, "xylo-audio-3")


def test_a_core_that_breaks_rules_is_refused() -> None:
    core = XyloNetJax("xylo-imu", weights_in=np.ones((17, 3)), weights_out=np.ones((3, 2)))
    with pytest.raises(DesignRuleError, match="17"):
        deploy(core, "xylo-imu")
