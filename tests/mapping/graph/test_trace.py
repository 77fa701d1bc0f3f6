from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from mapping_cases import chain

from xylograph.hw import DesignRuleError
from xylograph.mapping import LinearNode, NeuronNode, deploy, register_tracer, trace
from xylograph.mapping.graph import _trace
from xylograph.models import (
    BooleanStateJax,
    DropoutJax,
    ExpSmoothJax,
    ExpSynJax,
    FFwdStack,
    GraphJax,
    Identity,
    InstantJax,
    JaxModule,
    LIFJax,
    LIFNeuronJax,
    LIFODEJax,
    LinearJax,
    LogSoftmaxJax,
    LowPassJax,
    RateJax,
    Residual,
    Sequential,
    SoftmaxJax,
    SynNet,
    UpDownJax,
    WaveSenseBlock,
    WaveSenseNet,
    aLIFJax,
    kaiming,
)


@pytest.fixture
def own_tracers() -> Iterator[None]:
    """Tracers that a test registers are gone after it."""
    before = dict(_trace._TRACERS)
    yield
    _trace._TRACERS.clear()
    _trace._TRACERS.update(before)


class Through(JaxModule):
    """Gives its input on."""

    def evolve(self, input_data: Any, record: Any = False) -> Any:
        return input_data, {}, {}


def neurons_of(network: JaxModule, name: str) -> NeuronNode:
    node = trace(network)[name]
    assert isinstance(node, NeuronNode)
    return node


def weights_of(network: JaxModule, name: str) -> LinearNode:
    node = trace(network)[name]
    assert isinstance(node, LinearNode)
    return node


def names(network: JaxModule) -> list[str]:
    return [node.name for node in trace(network).nodes]


def test_nodes_are_named_by_the_paths_of_their_modules() -> None:
    inner = Sequential({"weights": LinearJax((3, 4)), "cells": LIFJax(4)})
    net = Sequential(LinearJax((2, 3)), LIFJax(3), {"readout": inner})
    assert names(net) == [
        "@input",
        "0_LinearJax",
        "1_LIFJax",
        "readout.weights",
        "readout.cells",
    ]
    assert trace(net).output == "readout.cells"


def test_recurrent_weights_lead_from_the_neurons_to_themselves() -> None:
    net: Any = chain(2, 3, 1, recurrent=True)
    recurrent = weights_of(net, "1_LIFJax.w_rec")
    assert recurrent.sources == ("1_LIFJax",)
    assert neurons_of(net, "1_LIFJax").sources == ("0_LinearJax", "1_LIFJax.w_rec")
    assert np.array_equal(recurrent.weights, np.float64(net["1_LIFJax"].w_rec))


def test_a_network_of_one_module_bears_the_name_of_its_class() -> None:
    assert names(LIFJax(3, has_rec=True)) == ["@input", "LIFJax.w_rec", "LIFJax"]
    assert names(LinearJax((2, 3))) == ["@input", "LinearJax"]


def test_a_module_may_be_called_input() -> None:
    assert names(Sequential({"input": LinearJax((2, 3))})) == ["@input", "input"]


def test_one_value_is_given_to_every_neuron_and_synapse() -> None:
    net = Sequential(LIFJax((4, 2), tau_mem=0.03, tau_syn=0.02, threshold=2.0, bias=0.5))
    node = neurons_of(net, "0_LIFJax")
    assert node.tau_mem == pytest.approx([0.03] * 2)
    assert node.tau_syn == pytest.approx(np.full((2, 2), 0.02))
    assert (node.threshold.tolist(), node.bias.tolist()) == ([2.0, 2.0], [0.5, 0.5])


def test_values_of_single_neurons_keep_their_places() -> None:
    taus = [[0.01, 0.02], [0.03, 0.04]]
    node = neurons_of(
        Sequential(LIFJax((4, 2), tau_mem=[0.1, 0.2], tau_syn=taus, threshold=[1, 2])), "0_LIFJax"
    )
    assert node.tau_mem == pytest.approx([0.1, 0.2])
    assert node.tau_syn == pytest.approx(np.array(taus))
    assert node.threshold.tolist() == [1.0, 2.0]


def test_time_constants_of_synapses_are_shared_by_all_neurons() -> None:
    node = neurons_of(Sequential(LIFJax((4, 2), tau_syn=[[0.01, 0.02]])), "0_LIFJax")
    assert node.tau_syn == pytest.approx(np.array([[0.01, 0.02]] * 2))


def test_numbers_of_the_simulation_are_taken_along() -> None:
    node = neurons_of(
        Sequential(LIFJax(2, dt=2e-3, max_spikes_per_dt=7, noise_std=0.25)), "0_LIFJax"
    )
    assert (node.dt, node.max_spikes, node.noise_std) == (2e-3, 7.0, 0.25)


def test_a_time_step_may_be_an_array() -> None:
    net = Sequential(LIFJax(2, dt=np.array(2e-3)))
    assert neurons_of(net, "0_LIFJax").dt == pytest.approx(2e-3)


def test_biases_of_weights_are_kept_and_their_absence_too() -> None:
    net = Sequential(LinearJax((2, 3), bias=[1.0, 2.0, 3.0]), LinearJax((3, 2)))
    first, second = weights_of(net, "0_LinearJax"), weights_of(net, "1_LinearJax")
    assert first.bias is not None and first.bias.tolist() == [1.0, 2.0, 3.0]
    assert second.bias is None


def test_tracing_leaves_the_network_as_it_is() -> None:
    net = chain(2, 3, 1)
    with pytest.raises(ValueError, match="read-only"):
        weights_of(net, "0_LinearJax").weights[:] = 0
    assert np.any(weights_of(net, "0_LinearJax").weights)


def test_a_class_of_ones_own_can_be_traced(own_tracers: None) -> None:
    @register_tracer(Through)
    def _(wiring: Any, module: Any, source: str, path: str) -> str:
        return source

    assert names(Sequential(LinearJax((2, 3)), Through(3), LIFJax(3))) == [
        "@input",
        "0_LinearJax",
        "2_LIFJax",
    ]


def test_a_subclass_is_traced_as_its_base() -> None:
    class Cells(LIFJax):
        pass

    assert neurons_of(Sequential(Cells(3)), "0_Cells").n_out == 3


def test_a_subclass_may_have_a_tracer_of_its_own(own_tracers: None) -> None:
    class Quiet(LIFJax):
        pass

    @register_tracer(Quiet)
    def _(wiring: Any, module: Any, source: str, path: str) -> str:
        return source

    assert names(Sequential(Quiet(3), LIFJax(3))) == ["@input", "1_LIFJax"]


def test_a_subclass_that_computes_otherwise_is_not_taken_for_its_base() -> None:
    class Doubled(Sequential):
        def evolve(self, input_data: Any, record: Any = False) -> Any:
            output, state, recorded = super().evolve(input_data, record)
            return 2 * output, state, recorded

    with pytest.raises(TypeError) as caught:
        trace(Sequential({"part": Doubled(LinearJax((2, 3)))}))
    assert str(caught.value) == (
        "`part` is a `Doubled`, which computes otherwise than `JaxSequential`: it defines "
        "`evolve`. Decorate a function that adds its nodes with "
        "`xylograph.mapping.register_tracer(Doubled)`"
    )


def test_a_module_nobody_can_trace_is_named_with_its_path_and_the_way_out() -> None:
    # What other tests have registered may be among the known ones.
    text = (
        r"^`middle.0_Through` is a `Through`, which cannot be traced; known are (\w+, )*"
        r"JaxSequential, LIFJax, (\w+, )*LinearJax(, \w+)*\. Decorate a function that adds its nodes with "
        r"`xylograph\.mapping\.register_tracer\(Through\)`$"
    )
    with pytest.raises(TypeError, match=text):
        trace(Sequential(LinearJax((2, 3)), {"middle": Sequential(Through(3))}))


def test_a_network_nobody_can_trace_is_called_the_network() -> None:
    with pytest.raises(TypeError, match="^the network is a `Through`, which cannot be traced"):
        trace(Through(3))


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(TypeError, match="a network is a `JaxModule`, this is a `str`"):
        trace("net.json")  # pyright: ignore[reportArgumentType]


def test_a_synnet_is_the_chain_within_it() -> None:
    network = SynNet(2, 4, size_hidden_layers=[5], time_constants_per_layer=[2], p_dropout=0.1)
    names = [node.name for node in trace(network).nodes]
    chain = ["seq.0_linear", "seq.0_neurons", "seq.out_linear", "seq.out_neurons"]
    assert names == ["@input", *chain]


def test_a_synnet_that_gives_voltages_is_refused() -> None:
    with pytest.raises(TypeError, match="gives the voltages of its output neurons"):
        trace(SynNet(2, 4, output="vmem"))


def test_dropout_and_identity_pass_on() -> None:
    network = Sequential(DropoutJax(2), LinearJax((2, 3)), Identity(3))
    assert [node.name for node in trace(network).nodes] == ["@input", "1_LinearJax"]


def test_a_residual_adds_what_goes_around_it() -> None:
    network = Sequential({"first": LIFJax(3), "res": Residual(LinearJax((3, 3)), LIFJax(3))})
    graph = trace(network)
    assert graph["res"].sources == ("first", "res.1_LIFJax")
    assert (graph.output, graph["res"].n_out) == ("res", 3)


def test_weights_of_a_stack_stand_between_its_modules() -> None:
    network = FFwdStack(LIFJax(3), LIFJax(2), weight_init_func=kaiming)
    found = weights_of(network, "0_1_weight")
    assert found.sources == ("0_LIFJax",)
    assert np.array_equal(found.weights, np.float64(network.parameters()["0_1_weight"]))
    assert neurons_of(network, "1_LIFJax").sources == ("0_1_weight",)


def test_edges_that_meet_become_a_sum() -> None:
    modules = {"a": LinearJax((2, 3)), "b": LinearJax((2, 3)), "cells": LIFJax(3)}
    network = GraphJax(modules, [("input", "a", "cells", "output"), ("input", "b", "cells")])
    graph = trace(network)
    assert graph["cells (sum)"].sources == ("a", "b")
    assert graph["cells"].sources == ("cells (sum)",)


def test_edges_that_meet_at_the_output_become_a_sum_there() -> None:
    network = GraphJax({"a": LIFJax(2), "b": LIFJax(2)}, [("input", n, "output") for n in "ab"])
    graph = trace(Sequential({"free": network}))
    assert graph.output == "free.output (sum)"
    assert graph[graph.output].sources == ("free.a", "free.b")


def test_blocks_of_wave_sense_are_wired_around_their_neurons() -> None:
    graph = trace(WaveSenseNet([1, 2, 4], n_channels_in=2, n_channels_res=3, n_channels_skip=4))
    assert graph["wave0"].sources == ("spk1", "wave0.spk2_res")
    assert graph["wave1"].sources == ("wave0", "wave1.spk2_res")
    assert graph["wave2.lin1"].sources == ("wave1",)
    skips = tuple(f"wave{index}.spk2_skip" for index in range(3))
    assert graph["hidden (sum)"].sources == skips
    # Nobody reads what the last block hands on.
    assert "wave2.spk2_res" not in [node.name for node in graph.nodes]


def test_a_wave_sense_of_one_block_adds_nothing() -> None:
    graph = trace(WaveSenseNet([1], n_channels_in=2))
    assert graph["hidden"].sources == ("wave0.spk2_skip",)


def test_a_block_alone_gives_both_its_outputs_side_by_side() -> None:
    block = WaveSenseBlock(2, 3)
    onward, skip = (weights_of(block, f"WaveSenseBlock ({name})") for name in ("onward", "skip"))
    both = np.concatenate([onward.weights, skip.weights])
    assert np.array_equal(both, np.eye(5))
    assert trace(block).output == "WaveSenseBlock (output)"


def test_a_neuron_that_adapts_has_one_synapse_more_to_itself() -> None:
    own = np.arange(8.0).reshape(2, 4) / 10
    neurons = aLIFJax((4, 2), w_ahp=[-0.5, -0.6], tau_ahp=0.3, has_rec=True, w_rec=own)
    graph = trace(neurons)
    weights, recurrent = (graph[name] for name in ("aLIFJax (synapses)", "aLIFJax.w_rec"))
    found = graph["aLIFJax"]
    assert isinstance(weights, LinearNode)
    assert isinstance(recurrent, LinearNode)
    assert isinstance(found, NeuronNode)
    wanted = np.zeros((4, 6))
    wanted[[0, 1, 2, 3], [0, 1, 3, 4]] = 1.0
    np.testing.assert_array_equal(weights.weights, wanted)
    wanted = [[0.0, 0.1, -0.5, 0.2, 0.3, 0.0], [0.4, 0.5, 0.0, 0.6, 0.7, -0.6]]
    np.testing.assert_allclose(recurrent.weights, wanted, rtol=1e-6)
    np.testing.assert_allclose(found.tau_syn, [[0.02, 0.02, 0.3]] * 2, rtol=1e-6)


REFUSED = {
    "RateJax": (RateJax(3), "a population of rate neurons", "use a `LIFJax`"),
    "LIFODEJax": (LIFODEJax(3), "a differential equation by Euler's method", "use a `LIFJax`"),
    "LIFNeuronJax": (LIFNeuronJax(3), "neurons without synapses", "a short `tau_syn`"),
    "ExpSynJax": (ExpSynJax(3), "an exponential filter without neurons", "`tau_syn`"),
    "ExpSmoothJax": (ExpSmoothJax(3), "an exponential filter without neurons", "leave it out"),
    "LowPassJax": (LowPassJax(3), "an exponential filter without neurons", "leave it out"),
    "InstantJax": (InstantJax(3, np.negative), "a function of one's own", "register_tracer"),
    "SoftmaxJax": (SoftmaxJax((3, 3)), "a readout by softmax", "the most spikes"),
    "LogSoftmaxJax": (LogSoftmaxJax((3, 3)), "a readout by softmax", "the most spikes"),
    "UpDownJax": (UpDownJax((3, 6)), "an encoder of signals", "run it before the network"),
    "BooleanStateJax": (BooleanStateJax(3), "a memory of Booleans", "leave it out"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_layer_that_no_chip_computes_is_refused_with_the_way_out(name: str) -> None:
    layer, kind, way_out = REFUSED[name]
    with pytest.raises(DesignRuleError) as caught:
        deploy(Sequential(LinearJax((2, 3)), {"odd": layer}), "xylo-imu")
    found = [v for v in caught.value.violations if v.rule == "layers_are_weights_or_neurons"]
    assert [violation.where for violation in found] == ["`odd`"]
    assert found[0].message.startswith(f"is {kind}; SYNS63300 computes")
    assert way_out in (found[0].hint or "")


def test_all_layers_that_no_chip_computes_are_named_at_once() -> None:
    network = Sequential(LinearJax((2, 3)), RateJax(3), LinearJax((3, 3)), ExpSynJax(3))
    with pytest.raises(DesignRuleError) as caught:
        deploy(network, "xylo-imu")
    places = [v.where for v in caught.value.violations if "computes weights" in v.message]
    assert places == ["`1_RateJax`", "`3_ExpSynJax`"]


def test_a_function_that_is_none_passes_on() -> None:
    assert names(Sequential(InstantJax(2), LinearJax((2, 3)))) == ["@input", "1_LinearJax"]
