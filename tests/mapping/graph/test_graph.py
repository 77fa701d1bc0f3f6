import numpy as np
import pytest
from mapping_cases import graph, neurons, two_layers, weights

from xylograph.mapping import ForeignNode, Graph, InputNode, LinearNode, ScaleNode, SumNode


def test_nodes_are_found_by_name_kind_and_connection() -> None:
    net = two_layers()
    assert net["hid"].sources == ("w_in",)
    assert [node.name for node in net.populations] == ["hid", "out"]
    assert [node.name for node in net.hidden] == ["hid"]
    assert [node.name for node in net.sources_of(net["out"])] == ["w_out"]
    assert [node.name for node in net.sinks_of(net["hid"])] == ["w_out"]
    assert net.input.n_in == net.input.n_out == 2


def test_neurons_take_a_channel_for_each_synapse() -> None:
    node = neurons("hid", "w", 3, n_synapses=2)
    assert (node.n_in, node.n_out, node.n_synapses) == (6, 3, 2)


def test_every_fault_of_the_wiring_is_listed() -> None:
    with pytest.raises(ValueError, match="this is no graph") as caught:
        graph(
            weights("w", "@input", np.ones((3, 2))),
            weights("w", "nowhere", np.ones((2, 2))),
            output="out",
        )
    assert str(caught.value).splitlines()[1:] == [
        "- the name `w` is used 2 times",
        "- the output `out` is no node",
        "- `w` takes 3 channels, but `@input` gives 2",
        "- `w` receives from `nowhere`, which is no node",
    ]


@pytest.mark.parametrize("n_inputs", [0, 2])
def test_a_graph_has_one_input(n_inputs: int) -> None:
    inputs = tuple(InputNode(f"@input{i}", 2) for i in range(n_inputs))
    with pytest.raises(ValueError, match=f"it has {n_inputs} input nodes and needs one"):
        Graph((*inputs, weights("out", (), np.ones((2, 2)))), "out")


def test_neurons_refuse_arrays_of_other_sizes_and_list_them() -> None:
    with pytest.raises(ValueError) as caught:
        neurons("hid", "w", 3, threshold=np.ones(2), tau_syn=np.full(3, 0.01))
    assert str(caught.value) == (
        "`hid`: `tau_syn` has the shape (3,), expected is (3, 1); "
        "`threshold` has the shape (2,), expected is (3,)"
    )


def test_weights_refuse_what_is_no_matrix() -> None:
    with pytest.raises(ValueError, match=r"`w`: `weights` has the shape \(3,\), expected is"):
        weights("w", "@input", np.ones(3))


def test_weights_are_kept_as_a_float_copy() -> None:
    given = np.ones((2, 3))
    node = weights("w", "@input", given)
    given[:] = 7
    assert node.weights.dtype == np.float64
    assert node.weights.max() == 1


def test_arrays_of_nodes_cannot_be_written_to() -> None:
    node = neurons("hid", "w", 3)
    for array in (weights("w", "@input", np.ones((2, 3))).weights, node.threshold, node.tau_syn):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_a_circle_without_neurons_is_no_graph() -> None:
    with pytest.raises(ValueError, match=r"in a circle without neurons: `a`, `b`"):
        graph(
            weights("a", ("@input", "b"), np.ones((2, 2))),
            weights("b", "a", np.ones((2, 2))),
            neurons("out", "a", 2),
        )


def test_a_circle_through_neurons_is_a_graph() -> None:
    net = graph(
        weights("a", "@input", np.ones((2, 2))),
        neurons("out", ("a", "back"), 2),
        weights("back", "more", np.ones((2, 2))),
        weights("more", "out", np.ones((2, 2))),
    )
    assert net.populations[0].sources == ("a", "back")


def test_sums_are_carried_by_one_of_their_sources() -> None:
    with pytest.raises(ValueError, match="`sum`: the carrier `c` is none of its sources"):
        SumNode("sum", ("a", "b"), 3, carrier="c")


def test_printing_shows_every_node_with_what_it_is_like() -> None:
    net = graph(
        LinearNode("w_in", ("@input",), np.array([[1, 0, 1], [0, 1, 0]]), np.array([0.5, 0, 0])),
        neurons("a", "w_in", 3, threshold=np.array([1.0, 2.0, 1.5])),
        ScaleNode("gain", ("a",), np.ones(3)),
        weights("w_mid", "gain", np.ones((3, 6))),
        neurons("b", "w_mid", 3, n_synapses=2, bias=np.full(3, 0.1)),
        SumNode("sum", ("b", "a"), 3, carrier="b"),
        ForeignNode("out", ("sum",), 3, 5, "a rate layer", "use spikes"),
    )
    assert str(net).splitlines() == [
        "2 inputs, 6 neurons, 21 weights",
        "  @input  input         2",
        "  w_in    weights       2 x 3   from @input  bias 0..0.5",
        "  a       neurons       3       from w_in    tau_mem 20 ms, tau_syn 10 ms, threshold 1..2",
        "  gain    scale         3       from a",
        "  w_mid   weights       3 x 6   from gain",
        "  b       neurons       3 x 2   from w_mid   tau_mem 20 ms, tau_syn 10 ms, threshold 1, bias 0.1",
        "  sum     sum           3       from b, a    carried by b",
        "  out     a rate layer  3 -> 5  from sum",
        "output: out",
    ]
    assert repr(net) == "<Graph 2 inputs, 6 neurons, 21 weights, output `out`>"
