import numpy as np
import pytest
from mapping_cases import chain, graph, neurons, two_layers, weights

from xylograph.hw import get_chip
from xylograph.mapping import Graph, LinearNode, PassReport, Specification, trace
from xylograph.mapping.passes import AssembleSpecification, PlaceNeurons
from xylograph.models import LIFJax, LinearJax, Sequential, dash_to_tau


def assembled(net: Graph, chip: str = "xylo-audio-3") -> tuple[Specification, PassReport]:
    placed, _ = PlaceNeurons(get_chip(chip))(net)
    return AssembleSpecification(get_chip(chip))(placed)


def assemble(net: Graph, chip: str = "xylo-audio-3") -> Specification:
    return assembled(net, chip)[0]


def report_of(net: Graph) -> PassReport:
    return assembled(net)[1]


def test_weights_stand_where_the_chip_reads_them() -> None:
    net = trace(chain(2, 3, 4, 2, recurrent=True))
    spec = assemble(net)
    matrices = {node.name: node.weights for node in net.of_kind(LinearNode)}
    first, second = matrices["0_LinearJax"], matrices["2_LinearJax"]
    assert spec.weights_in.shape == (2, 3, 1)
    assert np.array_equal(spec.weights_in[:, :, 0], first)
    assert np.array_equal(spec.weights_rec[:3, 3:, 0], second)
    for name, ids in (("1_LIFJax", slice(0, 3)), ("3_LIFJax", slice(3, 7))):
        recurrent = matrices[f"{name}.w_rec"]
        assert np.array_equal(spec.weights_rec[ids, ids, 0], recurrent)
    assert not np.any(spec.weights_rec[3:, :3])
    assert np.array_equal(spec.weights_out, matrices["4_LinearJax"])


def test_channels_alternate_between_the_synapses_of_a_neuron() -> None:
    net = Sequential(
        LinearJax((1, 4), weight=[[1, 2, 3, 4]]),
        LIFJax((4, 2), has_rec=True, w_rec=[[1, 2, 3, 4], [5, 6, 7, 8]]),
        LinearJax((2, 1)),
        LIFJax(1),
    )
    spec = assemble(trace(net))
    assert spec.weights_in.tolist() == [[[1, 2], [3, 4]]]
    assert spec.weights_rec.tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]


def test_neurons_with_one_synapse_leave_the_second_empty_beside_others_with_two() -> None:
    net = Sequential(
        LinearJax((2, 6)),
        LIFJax((6, 3), tau_syn=[[0.008, 0.016]]),
        LinearJax((3, 2)),
        LIFJax(2, tau_syn=0.004),
        LinearJax((2, 1)),
        LIFJax(1),
    )
    spec = assemble(trace(net))
    assert np.any(spec.weights_in[:, :, 1])
    assert not np.any(spec.weights_rec[:, 3:, 1])
    assert spec.dash_syn == pytest.approx([3, 3, 3, 2, 2])
    assert spec.dash_syn_2[:3] == pytest.approx([4, 4, 4])


def test_a_synapse_that_is_not_there_costs_no_loss() -> None:
    spec = assemble(two_layers())
    # The time constant of the shift 1, which a configuration has by default.
    assert spec.dash_syn_2 == pytest.approx(np.log2(dash_to_tau([1, 1, 1], 1.0)))


def test_decay_shifts_are_binary_logarithms_of_steps() -> None:
    out = {"tau_mem": np.array([0.002, 0.032]), "tau_syn": np.array([[0.004], [0.064]])}
    spec = assemble(two_layers({"tau_mem": np.array([0.002, 0.016, 0.003])}, out))
    assert spec.dash_mem == pytest.approx([1, 4, np.log2(3)])
    assert spec.dash_mem_out == pytest.approx([1, 5])
    assert spec.dash_syn_out == pytest.approx([2, 6])


def test_thresholds_biases_and_the_step_are_taken_along() -> None:
    values = {"threshold": np.array([1.0, 2.0, 3.0]), "bias": np.array([0.1, 0.2, 0.3])}
    out = {"threshold": np.array([4.0, 5.0]), "bias": np.array([0.4, 0.5])}
    spec = assemble(two_layers({**values, "dt": 2e-3}, {**out, "dt": 2e-3}))
    assert spec.threshold.tolist() == [1.0, 2.0, 3.0]
    assert spec.bias.tolist() == [0.1, 0.2, 0.3]
    assert spec.threshold_out.tolist() == [4.0, 5.0]
    assert spec.bias_out.tolist() == [0.4, 0.5]
    assert spec.dt == 2e-3


def test_matrices_between_the_same_populations_add_up() -> None:
    net = graph(
        weights("w_in", "@input", [[1, 2], [3, 4]]),
        weights("w_in_too", "@input", [[10, 20], [30, 40]]),
        neurons("hid", ("w_in", "w_in_too", "w_rec", "w_rec_too"), 2),
        weights("w_rec", "hid", [[1, 0], [0, 1]]),
        weights("w_rec_too", "hid", [[0, 5], [0, 5]]),
        weights("w_out", "hid", [[1], [2]]),
        weights("w_out_too", "hid", [[1], [1]]),
        neurons("out", ("w_out", "w_out_too"), 1),
    )
    spec = assemble(net)
    assert spec.weights_in[:, :, 0].tolist() == [[11, 22], [33, 44]]
    assert spec.weights_rec[:, :, 0].tolist() == [[1, 5], [0, 6]]
    assert spec.weights_out.tolist() == [[2], [3]]


def test_one_matrix_may_serve_two_sources_and_two_targets() -> None:
    net = graph(
        weights("w_in", "@input", np.ones((2, 2))),
        neurons("a", "w_in", 2),
        neurons("b", "w_in", 2),
        weights("w_out", ("a", "b"), [[1], [2]]),
        neurons("out", "w_out", 1),
    )
    spec = assemble(net)
    assert spec.weights_in[:, :, 0].tolist() == [[1, 1, 1, 1], [1, 1, 1, 1]]
    assert spec.weights_out.ravel().tolist() == [1, 2, 1, 2]


def test_rows_of_output_weights_are_the_last_hidden_neurons() -> None:
    net = graph(
        weights("w_skip", "@input", np.ones((2, 2))),
        neurons("both", "w_skip", 2),
        weights("w_in", "@input", np.ones((2, 3))),
        neurons("first", "w_in", 3),
        weights("w_mid", "first", np.ones((3, 1))),
        neurons("last", "w_mid", 1),
        weights("w_both", "both", [[7], [8]]),
        weights("w_last", "last", [[9]]),
        neurons("out", ("w_both", "w_last"), 1),
    )
    assert assemble(net).weights_out.ravel().tolist() == [7, 8, 9]


def test_hidden_neurons_whose_output_weights_are_zero_keep_their_rows() -> None:
    net = graph(
        weights("w_in", "@input", np.ones((2, 3))),
        neurons("hid", "w_in", 3),
        weights("w_out", "hid", np.zeros((3, 2))),
        neurons("out", "w_out", 2),
    )
    assert assemble(net).weights_out.tolist() == [[0, 0]] * 3


def test_the_report_counts_weights_that_are_not_zero() -> None:
    net = graph(
        weights("w_in", "@input", [[1, 0], [0, 1]]),
        neurons("hid", "w_in", 2),
        weights("w_out", "hid", [[1], [0]]),
        neurons("out", "w_out", 1),
    )
    assert str(report_of(net)) == "AssembleSpecification: 3 weights"
