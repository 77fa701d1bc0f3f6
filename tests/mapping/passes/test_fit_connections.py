from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import chain, specification

from xylograph.hw import DesignRuleError, get_chip
from xylograph.mapping import PassReport, Specification, deploy
from xylograph.mapping.passes import FitConnections

CHIP = replace(get_chip("xylo-audio-3"), max_fan_out=3, max_recurrent_entries=10)


def fitted(spec: Specification, prune: bool = True) -> tuple[Specification, PassReport]:
    return FitConnections(CHIP, prune)(spec)


def test_each_neuron_keeps_its_strongest_connections_in_thresholds() -> None:
    weights = np.zeros((6, 6, 1))
    weights[0, :5, 0] = [1.0, -4.0, 3.0, 2.0, 2.5]
    # Neuron 1 has a high threshold: in thresholds its weight is the weakest but one.
    threshold = np.array([1.0, 4.0, 1.0, 1.0, 1.0, 1.0])
    pruned, report = fitted(specification(n_synapses=1, weights_rec=weights, threshold=threshold))
    assert pruned.weights_rec[0, :, 0].tolist() == [0, 0, 3.0, 2.0, 2.5, 0]
    assert report.summary == "5 connections between hidden neurons, at most 5 from one; 2 dropped"
    assert report.losses == (
        "2 connections of 5 dropped, the strongest of 1 thresholds; together 21.05% of all strength",
        "hidden neuron 0 loses 2 of 5",
    )


def test_then_the_weakest_of_all_go() -> None:
    weights = np.zeros((6, 6, 1))
    weights[:, :2, 0] = np.arange(1, 13).reshape(6, 2)
    pruned, _ = fitted(specification(n_synapses=1, weights_rec=weights, threshold=np.ones(6)))
    assert np.sort(pruned.weights_rec[pruned.weights_rec != 0]).tolist() == list(range(3, 13))


def test_the_two_synapses_of_a_connection_stay_or_go_together() -> None:
    weights = np.zeros((6, 6, 2))
    weights[0, :4, 0] = [0.1, 0.1, 0.1, 0.4]
    weights[0, :4, 1] = [5.0, 0.2, 0.3, 0.0]
    pruned, _ = fitted(specification(weights_rec=weights, threshold=np.ones(6)))
    assert pruned.weights_rec[0, :4].tolist() == [[0.1, 5.0], [0, 0], [0.1, 0.3], [0.4, 0]]


def test_what_fits_comes_back_as_it_is() -> None:
    weights = np.zeros((6, 6, 1))
    weights[0, :3] = 1
    spec = specification(n_synapses=1, weights_rec=weights)
    same, report = fitted(spec)
    assert same is spec
    assert str(report) == (
        "FitConnections: 3 connections between hidden neurons, at most 3 from one"
    )


def test_without_pruning_nothing_is_dropped() -> None:
    spec = specification()
    same, report = fitted(spec, prune=False)
    assert same is spec and report.losses == ()


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), density=st.floats(0, 1))
def test_what_is_left_fits_and_is_never_weaker_than_what_went(seed: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(6, 6, 2)) * (rng.random((6, 6, 1)) < density)
    spec = specification(seed, weights_rec=weights)
    pruned, report = fitted(spec)
    strength = np.abs(weights).max(axis=2) / spec.threshold
    there, left = strength > 0, np.any(pruned.weights_rec != 0, axis=2)
    assert left.sum(axis=1).max() <= 3 and left.sum() <= 10
    assert np.array_equal(pruned.weights_rec, weights * left[:, :, None])
    assert bool(report.losses) == bool((there & ~left).any())
    # No more went than had to.
    of_rows = np.minimum(there.sum(axis=1), 3)
    assert left.sum() == min(10, of_rows.sum())
    for row in range(6):
        if of_rows.sum() <= 10 and there[row].sum() > 3:
            assert strength[row][left[row]].min() >= strength[row][there[row] & ~left[row]].max()


def test_a_dense_network_is_refused_and_deployed_when_asked_to_prune() -> None:
    net = chain(2, 100, 2, recurrent=True)
    with pytest.raises(DesignRuleError, match="drives 100 hidden neurons; SYNS61201 allows 64"):
        deploy(net, "xylo-audio-2")
    deployment = deploy(net, "xylo-audio-2", prune=True)
    assert {row.resource: row.used for row in deployment.config.usage()}["largest fan-out"] <= 64
    losses = [loss for loss in deployment.losses if "loses" in loss]
    assert "`1_LIFJax`[0] (hidden neuron 0) loses 36 of 100" in losses
    assert "92 more neurons lose connections" in deployment.losses
