"""Configurations go out as the networks they stand for; facts of the chip are metadata, and no more."""

import json
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="the extra `nir` is not installed")

from xylograph.hw import XyloConfig
from xylograph.mapping import deploy, from_nir, nir_report, to_nir
from xylograph.models import JaxModule, LIFJax, LinearJax, Sequential

DT = 1e-3


def configuration(**changes: Any) -> XyloConfig:
    rng = np.random.default_rng(0)
    fields: dict[str, Any] = {
        "weights_in": rng.integers(-40, 60, (3, 5, 2)),
        "weights_rec": rng.integers(-30, 5, (5, 5, 2)),
        "weights_out": rng.integers(-40, 60, (5, 2)),
        "dash_mem": rng.integers(1, 6, 5),
        "dash_syn": rng.integers(1, 6, 5),
        "dash_syn_2": rng.integers(1, 6, 5),
        "dash_mem_out": [3, 4],
        "dash_syn_out": 2,
        "threshold": rng.integers(200, 400, 5),
        "threshold_out": [900, 500],
        "bias": [0, 5, 0, -3, 0],
        "weight_shift_in": 2,
        "weight_shift_rec": 1,
        "aliases": [[1, 3], [2], [], [0], []],
    }
    return XyloConfig("xylo-audio-2", **(fields | changes))


def network() -> JaxModule:
    keys = jax.random.split(jax.random.key(0))
    return Sequential(
        LinearJax((3, 4), rng_key=keys[0]),
        LIFJax(4, tau_mem=0.02, tau_syn=0.01),
        LinearJax((4, 2), rng_key=keys[1]),
        LIFJax(2, tau_mem=0.02, tau_syn=0.01),
    )


def left(dash: Any) -> Any:
    return 1 - 2.0 ** -dash.astype(float)


def plain_spikes(config: XyloConfig, raster: Any) -> Any:
    """What a configuration computes without rounding, saturation or delay; neuron by neuron."""
    n, m = config.n_hidden, config.n_outputs
    isyn, vmem, sent = np.zeros((n, 2)), np.zeros(n), np.zeros(n)
    isyn_out, vmem_out, outputs = np.zeros(m), np.zeros(m), []
    w_in = config.weights_in * 2.0**config.weight_shift_in
    w_rec = config.weights_rec * 2.0**config.weight_shift_rec
    w_out = config.weights_out * 2.0**config.weight_shift_out
    left_syn = np.stack([left(config.dash_syn), left(config.dash_syn_2)], axis=1)
    for counts in raster:
        isyn = isyn + np.einsum("i,ijk->jk", counts, w_in) + np.einsum("i,ijk->jk", sent, w_rec)
        isyn *= left_syn
        vmem = vmem * left(config.dash_mem) + isyn.sum(axis=1) + config.bias
        own = np.clip(np.floor(vmem / config.threshold), 0, 31)
        vmem -= own * config.threshold
        sent = own.copy()
        for source, targets in enumerate(config.aliases):
            for target in targets:
                sent[target] += sent[source]
        isyn_out = (isyn_out + sent @ w_out) * left(config.dash_syn_out)
        vmem_out = vmem_out * left(config.dash_mem_out) + isyn_out
        fired = np.clip(np.floor(vmem_out / config.threshold_out), 0, 1)
        vmem_out -= fired * config.threshold_out
        outputs.append(fired)
    return np.array(outputs)


def test_a_configuration_goes_out_as_the_network_it_stands_for() -> None:
    config = configuration()
    raster = np.random.default_rng(1).poisson(0.5, (50, 3))
    copy = from_nir(to_nir(config))
    wanted = plain_spikes(config, raster)
    np.testing.assert_array_equal(copy(raster)[0][0], wanted)
    assert 10 < wanted.sum() < 90


def test_the_chip_and_its_shifts_are_metadata() -> None:
    told = json.loads(to_nir(configuration()).metadata["xylograph"])
    assert told["hardware"] == {
        "chip": "SYNS61201",
        "unit": "integers of the chip",
        "weight_shift_in": 2,
        "weight_shift_rec": 1,
        "weight_shift_out": 0,
    }
    config = configuration()
    assert told["dash_mem"] == {"hidden": config.dash_mem.tolist(), "readout": [3, 4]}
    assert told["dash_syn"]["hidden_syn2"] == config.dash_syn_2.tolist()
    assert told["max_spikes"] == {"hidden": 31, "readout": 1}


def test_of_a_deployment_the_scales_are_too() -> None:
    deployment = deploy(network(), "xylo-audio-3")
    graph = to_nir(deployment)
    told = json.loads(graph.metadata["xylograph"])["hardware"]
    assert told["chip"] == "SYNS65302"
    weights = graph.nodes["weights_in"].weight.T / np.array(told["scale"])
    exact = np.asarray(deployment.specification.weights_in)[..., 0]
    # Rounded, to as many units as a threshold has.
    np.testing.assert_allclose(weights, exact, atol=1 / min(told["scale"]))
    assert "made from a configuration of SYNS65302" in str(nir_report(graph))


def test_a_shift_that_leaves_nothing_is_refused() -> None:
    config = replace(configuration(), dash_mem=np.array([1, 0, 2, 0, 3], np.uint8))
    with pytest.raises(ValueError, match="`dash_mem` is 0 for 2 neurons, the first is 1"):
        to_nir(config)


@pytest.mark.parametrize("name", ["threshold", "threshold_out"])
def test_a_threshold_that_no_network_has_is_refused(name: str) -> None:
    threshold = getattr(configuration(), name).copy()
    threshold[1] = 0
    with pytest.raises(ValueError, match=f"`{name}` is not above 0 for 1 neurons, the first is 1"):
        to_nir(replace(configuration(), **{name: threshold}))


@pytest.mark.parametrize(
    "change",
    [
        {"dash_mem": {"1_LIFJax": [6, 6, 6, 6]}},
        {"dash_mem": {"1_LIFJax": [4, 4]}},
        {"dt": 2e-2},
        {"max_spikes": {"elsewhere": 3.0}},
        {"dash_mem": {"1_LIFJax": [None, 4, 4, 4]}},
    ],
    ids=["another decay", "another size", "another step", "another name", "no decay"],
)
def test_metadata_of_another_graph_are_left_out(change: dict[str, Any]) -> None:
    graph = to_nir(network())
    told = json.loads(graph.metadata["xylograph"]) | change
    graph.metadata["xylograph"] = json.dumps(told)
    with pytest.raises(ValueError, match="give `dt`, in seconds"):
        from_nir(graph)
    report = nir_report(graph, dt=DT)
    assert "the metadata are not of this graph, and are left out" in report.assumptions
    assert any("a neuron spikes at most once" in one for one in report.assumptions)


def test_whole_metadata_are_used() -> None:
    assert "`to_nir` wrote so" in str(nir_report(to_nir(network())))


WHOLE = {"version": 1, "dialect": "physical", "dt": 1e-3, "max_spikes": {}, "dash_mem": {}}
FORGED = [
    json.dumps(WHOLE | {"dash_syn": {"1_LIFJax": dashes}})
    for dashes in ([1e308] * 4, [-1] * 4, ["x"] * 4, [float("nan")] * 4, 3)
]
LACKING = [
    json.dumps({key: value for key, value in (WHOLE | {"dash_syn": {}}).items() if key != name})
    for name in (*WHOLE, "dash_syn")
]


@pytest.mark.parametrize(
    "text", ["[]", "{}", "nonsense", "[" * 10_000, *LACKING, *FORGED], ids=range(15)
)
def test_metadata_that_are_none_are_left_out(text: str) -> None:
    graph = to_nir(network())
    graph.metadata["xylograph"] = text
    assert "`to_nir` wrote so" not in str(nir_report(graph, dt=DT))
