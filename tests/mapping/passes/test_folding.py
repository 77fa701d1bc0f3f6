"""`FoldScales`, `FoldLinearMaps`, `FoldBiases`: by what they make, and by what then spikes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import events, graph, neurons, two_layers, weights
from naive_float import simulate_graph
from random_graphs import random_graph

from xylograph.mapping import Graph, LinearNode, NeuronNode, ScaleNode, SumNode
from xylograph.mapping.passes import FoldBiases, FoldLinearMaps, FoldScales, PassReport

SEEDS = st.integers(0, 2**32 - 1)


def names(net: Graph) -> list[str]:
    return [node.name for node in net.nodes]


def weights_of(net: Graph, name: str) -> LinearNode:
    node = net[name]
    assert isinstance(node, LinearNode)
    return node


def neurons_of(net: Graph, name: str) -> NeuronNode:
    node = net[name]
    assert isinstance(node, NeuronNode)
    return node


def assert_spikes_as(net: Graph, other: Graph, seed: int) -> None:
    raster = events(25, 2, seed=seed, density=0.5)
    before, after = simulate_graph(net, raster), simulate_graph(other, raster)
    for name, spikes in before.items():
        np.testing.assert_array_equal(after[name], spikes, name)


# --- scales ---


def test_a_scale_goes_into_the_rows_of_the_weights_after_it() -> None:
    net = graph(
        ScaleNode("gain", ("@input",), np.array([2.0, 3.0])),
        weights("w", "gain", [[1, 10], [100, 1000]]),
        neurons("out", "w", 2),
    )
    folded, report = FoldScales()(net)
    assert names(folded) == ["@input", "w", "out"]
    assert weights_of(folded, "w").weights.tolist() == [[2, 20], [300, 3000]]
    assert folded["w"].sources == ("@input",)
    assert str(report) == "FoldScales: 1 scale folded into weights"


def test_a_scale_before_neurons_goes_into_the_columns_and_biases_of_the_weights_before_it() -> None:
    net = graph(
        LinearNode("w", ("@input",), np.array([[1.0, 10], [100, 1000]]), np.array([1.0, 1])),
        ScaleNode("gain", ("w",), np.array([2.0, 3.0])),
        neurons("out", "gain", 2),
    )
    folded, _ = FoldScales()(net)
    assert weights_of(folded, "w").weights.tolist() == [[2, 30], [200, 3000]]
    bias = weights_of(folded, "w").bias
    assert bias is not None and bias.tolist() == [2, 3]
    assert folded["out"].sources == ("w",)


def test_a_scale_between_others_than_weights_becomes_weights() -> None:
    net = graph(
        weights("w", "@input", np.ones((2, 2))),
        neurons("a", "w", 2),
        ScaleNode("gain", ("a",), np.array([2.0, 3.0])),
        neurons("out", "gain", 2),
    )
    folded, _ = FoldScales()(net)
    assert weights_of(folded, "gain").weights.tolist() == [[2, 0], [0, 3]]


def test_a_scale_that_weights_share_with_other_signals_does_not_scale_these() -> None:
    net = graph(
        weights("first", "@input", np.ones((2, 2))),
        neurons("a", "first", 2),
        ScaleNode("gain", ("a",), np.array([2.0, 3.0])),
        weights("w", ("gain", "a"), np.ones((2, 2))),
        neurons("out", "w", 2),
    )
    folded, _ = FoldScales()(net)
    assert not folded.of_kind(ScaleNode)
    assert_spikes_as(net, folded, 0)


def test_without_scales_the_graph_comes_back() -> None:
    net = two_layers()
    same, report = FoldScales()(net)
    assert same is net and str(report) == "FoldScales: no scales"


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS)
def test_folding_scales_changes_no_spike(seed: int) -> None:
    net = random_graph(seed)
    folded, report = FoldScales()(net)
    assert not folded.of_kind(ScaleNode) and report.losses == ()
    assert_spikes_as(net, folded, seed)


# --- linear maps ---


def test_weights_that_follow_each_other_are_multiplied_and_named_by_both() -> None:
    net = graph(
        LinearNode("a", ("@input",), np.array([[1.0, 2], [3, 4]]), np.array([1.0, 0])),
        LinearNode("b", ("a",), np.array([[5.0, 6], [7, 8]]), np.array([0.0, 1])),
        neurons("out", "b", 2),
    )
    folded, report = FoldLinearMaps()(net)
    assert names(folded) == ["@input", "a > b", "out"]
    assert weights_of(folded, "a > b").weights.tolist() == [[19, 22], [43, 50]]
    bias = weights_of(folded, "a > b").bias
    assert bias is not None and bias.tolist() == [5, 7]
    assert str(report) == "FoldLinearMaps: 2 matrices folded into 1"


def test_each_source_of_weights_in_a_row_gets_a_matrix_and_the_bias_is_there_once() -> None:
    net = graph(
        weights("w", "@input", np.ones((2, 2))),
        neurons("p", "w", 2),
        LinearNode("a", ("p", "@input"), np.eye(2), np.array([1.0, 2])),
        weights("b", "a", 2 * np.eye(2)),
        neurons("out", "b", 2),
    )
    folded, _ = FoldLinearMaps()(net)
    assert folded["out"].sources == ("p > a > b", "@input > a > b")
    biases = [weights_of(folded, name).bias for name in folded["out"].sources]
    assert biases[0] is not None and biases[0].tolist() == [2, 4]
    assert biases[1] is None
    assert_spikes_as(net, folded, 1)


def test_weights_that_neurons_also_read_themselves_stay() -> None:
    net = graph(
        weights("a", "@input", np.ones((2, 2))),
        neurons("p", "a", 2),
        weights("b", "a", np.ones((2, 2))),
        weights("c", "p", np.ones((2, 2))),
        neurons("out", ("b", "c"), 2),
    )
    folded, _ = FoldLinearMaps()(net)
    assert names(folded) == ["@input", "a", "p", "c", "a > b", "out"]
    assert_spikes_as(net, folded, 2)


def test_a_residual_connection_around_weights_is_folded_into_them() -> None:
    net = graph(
        weights("first", "@input", np.ones((2, 2))),
        neurons("p", "first", 2),
        weights("inner", "p", [[1, 2], [3, 4]]),
        SumNode("residual", ("inner", "p"), 2),
        weights("last", "residual", [[1, 0], [0, 10]]),
        neurons("out", "last", 2),
    )
    folded, _ = FoldLinearMaps()(net)
    (name,) = folded["out"].sources
    assert weights_of(folded, name).weights.tolist() == [[2, 20], [3, 50]]
    assert not folded.of_kind(SumNode)
    assert_spikes_as(net, folded, 3)


def test_a_residual_connection_of_currents_into_neurons_becomes_weights_of_one() -> None:
    net = graph(
        weights("first", "@input", np.ones((2, 2))),
        neurons("p", "first", 2),
        weights("inner", "p", [[1, 2], [3, 4]]),
        SumNode("residual", ("inner", "p", "@input"), 2),
        neurons("out", "residual", 2),
    )
    folded, _ = FoldLinearMaps()(net)
    found = {
        node.sources: node.weights.tolist()
        for node in folded.of_kind(LinearNode)
        if node.name != "first"
    }
    assert found == {("@input",): [[1, 0], [0, 1]], ("p",): [[2, 2], [3, 5]]}
    assert_spikes_as(net, folded, 4)


def test_sums_of_spikes_and_single_matrices_stay_as_they_are() -> None:
    net = graph(
        weights("w", "@input", np.ones((2, 2))),
        neurons("a", "w", 2),
        weights("v", "a", np.ones((2, 2))),
        neurons("b", "v", 2),
        SumNode("sum", ("a", "b"), 2),
        weights("u", "sum", np.ones((2, 2))),
        neurons("out", "u", 2),
    )
    same, report = FoldLinearMaps()(net)
    assert same is net and report.summary == "no weights follow each other"


def test_weights_at_the_end_of_a_network_are_left() -> None:
    net = graph(weights("a", "@input", np.ones((2, 2))), weights("out", "a", np.ones((2, 2))))
    assert FoldLinearMaps()(net)[0] is net


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS)
def test_folding_weights_changes_no_spike(seed: int) -> None:
    net, _ = FoldScales()(random_graph(seed))
    folded, report = FoldLinearMaps()(net)
    for node in folded.of_kind(LinearNode):
        assert not any(isinstance(s, LinearNode) for s in folded.sources_of(node))
    assert report.losses == ()
    assert_spikes_as(net, folded, seed)


# --- biases ---


def with_bias(of_weights: list[float], **values: Any) -> Graph:
    return graph(
        LinearNode("w", ("@input",), np.ones((2, 2)), np.array(of_weights)),
        neurons("hid", "w", 2, **values),
        weights("v", "hid", np.ones((2, 2))),
        neurons("out", "v", 2),
    )


def test_the_bias_of_neurons_is_where_the_current_settles() -> None:
    net = with_bias([0.5, 0.0], bias=np.array([0.1, 0.2]))
    folded, report = FoldBiases()(net)
    assert weights_of(folded, "w").bias is None
    # By summing the current step by step, until nothing changes.
    decay, current = np.exp(-0.001 / 0.01), 0.0
    for _ in range(2000):
        current = (current + 0.5) * decay
    assert neurons_of(folded, "hid").bias == pytest.approx([0.1 + current, 0.2])
    assert report.summary == "biases of 1 matrix given to neurons"


def test_what_comes_too_early_is_reported_in_thresholds() -> None:
    net = with_bias([0.5, 0.0], threshold=np.array([2.0, 1.0]))
    (loss,) = FoldBiases()(net)[1].losses
    decay, current, missing = np.exp(-0.001 / 0.01), 0.0, 0.0
    settled = 0.5 * decay / (1 - decay)
    for _ in range(2000):
        current = (current + 0.5) * decay
        missing += settled - current
    assert loss == (
        "`hid` has the biases of its weights from the first step on, which in the network grow "
        f"over tau_syn: up to {missing / 2:.3g} thresholds more until they have settled"
    )


def test_each_synapse_settles_by_its_own_time_constant() -> None:
    taus = np.array([[0.005, 0.02], [0.01, 0.01]])
    net = graph(
        LinearNode("w", ("@input",), np.ones((2, 4)), np.array([1.0, 2, 0, 0])),
        neurons("hid", "w", 2, n_synapses=2, tau_syn=taus),
        weights("v", "hid", np.ones((2, 2))),
        neurons("out", "v", 2),
    )
    folded, _ = FoldBiases()(net)
    first, second = (1 / (np.exp(0.001 / tau) - 1) for tau in (0.005, 0.02))
    assert neurons_of(folded, "hid").bias == pytest.approx([first + 2 * second, 0])


def test_biases_of_zero_are_dropped_without_loss() -> None:
    folded, report = FoldBiases()(with_bias([0.0, 0.0]))
    assert weights_of(folded, "w").bias is None and report.losses == ()
    assert neurons_of(folded, "hid").bias.tolist() == [0, 0]


def test_without_biases_the_graph_comes_back() -> None:
    net = two_layers()
    same, report = FoldBiases()(net)
    assert same is net and report.summary == "no weights with biases"


@settings(deadline=None, max_examples=10)
@given(seed=SEEDS)
def test_once_settled_the_membranes_are_driven_alike(seed: int) -> None:
    net = random_graph(seed, n_layers=1, recurrence=False, residuals=False, skips=False)
    net, _ = FoldLinearMaps()(FoldScales()(net)[0])
    folded, report = FoldBiases()(net)
    silent = np.zeros((700, 2))
    before, after = (simulate_graph(one, silent)["h0"][200:] for one in (net, folded))
    # Neurons that a constant current drives spike at a constant rate, up to where they began.
    assert np.all(np.abs(before.sum(axis=0) - after.sum(axis=0)) <= 1)
    assert isinstance(report, PassReport)
