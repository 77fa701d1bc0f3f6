import numpy as np
import pytest
from mapping_cases import graph, neurons, two_layers, weights

from xylograph.mapping import Graph, InputNode


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
