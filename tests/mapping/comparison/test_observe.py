from typing import Any

import numpy as np
import pytest
from mapping_cases import chain, events, graph, neurons, only_rounded, weights

from xylograph.hw import XyloConfig, XyloSim
from xylograph.mapping import (
    Deployment,
    NeuronNode,
    Observation,
    Pipeline,
    QuantizationReport,
    deploy,
    observe,
    register_tracer,
)
from xylograph.mapping.comparison import _of_network
from xylograph.mapping.graph import _trace
from xylograph.models import JaxModule, LIFJax, LinearJax, Sequential

NET = chain(2, 3, 4, 2)
DATA = events(3, 10, 2)


def test_a_network_shows_every_population_in_the_order_of_signals() -> None:
    seen = observe(NET, DATA)
    assert list(seen.spikes) == ["1_LIFJax", "3_LIFJax", "5_LIFJax"]
    output, _, record = NET(DATA, record=True)
    assert np.array_equal(seen.output, np.asarray(output))
    assert np.array_equal(seen.spikes["3_LIFJax"], np.asarray(record["3_LIFJax"]["spikes"]))
    assert seen.spikes["1_LIFJax"].any()


def test_populations_in_nested_chains_are_found() -> None:
    modules = list(chain(2, 3, 4, 2))
    net = Sequential({"front": Sequential(*modules[:2]), "back": Sequential(*modules[2:])})
    seen = observe(net, DATA)
    assert list(seen.spikes) == ["front.1_LIFJax", "back.1_LIFJax", "back.3_LIFJax"]
    assert np.array_equal(seen.output, observe(NET, DATA).output)


def test_a_network_of_one_module_can_be_observed() -> None:
    seen = observe(LIFJax(2, threshold=0.5), DATA)
    assert list(seen.spikes) == ["LIFJax"]
    assert seen.output.any()


def test_observing_starts_from_reset() -> None:
    _, state, _ = NET(DATA[:1])
    warm = NET.set_attributes(state)
    assert np.array_equal(observe(warm, DATA).output, observe(NET, DATA).output)


def test_data_without_a_batch_axis_are_one_sample() -> None:
    for subject in (NET, deploy(NET, "xylo-imu")):
        alone, batched = observe(subject, DATA[1]), observe(subject, DATA[1:2])
        for name, spikes in alone.spikes.items():
            assert spikes.shape[0] == 1
            assert np.array_equal(spikes, batched.spikes[name])


def test_classes_are_the_outputs_that_spike_most_the_lowest_of_several() -> None:
    spikes = np.array([[[0, 1, 1], [0, 1, 1]], [[0, 0, 2], [1, 0, 0]], [[0, 0, 0], [0, 0, 0]]])
    assert Observation({"hid": spikes[:, :, :1], "out": spikes}).classes.tolist() == [1, 2, 0]


def test_large_batches_go_in_pieces_and_come_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    data = events(7, 10, 2, seed=1)
    whole = observe(NET, data)
    # 9 neurons and 10 steps: three samples at once, and the last piece is filled up.
    monkeypatch.setattr(_of_network, "_COUNTS_AT_ONCE", 300)
    pieces = observe(NET, data)
    for name, spikes in whole.spikes.items():
        assert np.array_equal(pieces.spikes[name], spikes), name


@pytest.mark.parametrize(
    ("n", "most", "sizes"), [(7, 3, [3, 3, 3]), (8, 3, [3, 3, 3]), (2, 9, [2])]
)
def test_pieces_are_of_equal_size(n: int, most: int, sizes: list[int]) -> None:
    data = np.arange(n)[:, None, None]
    pieces = list(_of_network._pieces(data, most))
    assert [len(piece) for piece in pieces] == sizes
    assert np.array_equal(np.concatenate(pieces)[:n], data)


def test_a_deployment_shows_each_population_in_the_networks_time() -> None:
    deployment = deploy(NET, "xylo-imu")
    seen = observe(deployment, DATA)
    _, _, record = XyloSim(deployment.config)(np.pad(DATA, ((0, 0), (0, 2), (0, 0))), record=True)
    assert list(seen.spikes) == ["1_LIFJax", "3_LIFJax", "5_LIFJax"]
    assert np.array_equal(seen.spikes["1_LIFJax"], record["Spikes"][:, 0:10, :3])
    assert np.array_equal(seen.spikes["3_LIFJax"], record["Spikes"][:, 1:11, 3:])
    assert np.array_equal(seen.output, record["Spikes_out"][:, 2:12])
    assert seen.output.any()


def test_populations_that_act_later_than_the_output_are_observed_as_long() -> None:
    net = graph(
        weights("w_in", "@input", np.full((2, 2), 100)),
        neurons("first", "w_in", 2, threshold=np.full(2, 90.0)),
        weights("w_side", "first", np.full((2, 1), 100)),
        neurons("side", "w_side", 1, threshold=np.full(1, 90.0)),
        weights("w_far", "side", np.full((1, 1), 100)),
        neurons("far", "w_far", 1, threshold=np.full(1, 90.0)),
        weights("w_out", "first", np.full((2, 1), 100)),
        neurons("out", "w_out", 1, threshold=np.full(1, 90.0)),
    )
    spec, _ = Pipeline("xylo-imu").run(net)
    assert spec.placement is not None
    config = only_rounded(spec)[0].to_config()
    report = QuantizationReport("only_rounded", "rounded")
    seen = observe(Deployment(config, spec, spec.placement, (report,), report), DATA)
    assert {name: spikes.shape[1] for name, spikes in seen.spikes.items()} == {
        "first": 10,
        "side": 10,
        "far": 10,
        "out": 10,
    }
    assert seen.spikes["far"].any()


def test_configurations_and_simulators_know_hidden_and_output_only() -> None:
    config = deploy(NET, "xylo-imu").config
    _, _, record = XyloSim(config)(DATA, record=True)
    for subject in (config, XyloSim(config), XyloSim(config, output_mode="Vmem")):
        seen = observe(subject, DATA)
        assert np.array_equal(seen.spikes["hidden"], record["Spikes"])
        assert np.array_equal(seen.output, record["Spikes_out"])


def test_simulators_are_observed_from_reset_and_stay_as_they_are() -> None:
    config = deploy(NET, "xylo-imu").config
    _, state, _ = XyloSim(config)(DATA)
    warm = XyloSim(config).set_attributes(state)
    assert np.array_equal(observe(warm, DATA[:2]).output, observe(config, DATA[:2]).output)
    assert np.array_equal(warm.state()["vmem"], state["vmem"])


def test_what_computes_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot observe a `str`; known are a JaxModule, a Graph"):
        observe("net.json", DATA)


def test_a_network_that_ends_in_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="ends in `4_LinearJax`, which gives no spikes to observe"):
        observe(Sequential(*list(NET)[:4], LinearJax((4, 2))), DATA)


SUBJECTS = {
    "network": lambda: NET,
    "deployment": lambda: deploy(NET, "xylo-imu"),
    "configuration": lambda: deploy(NET, "xylo-imu").config,
}
each_subject = pytest.mark.parametrize("subject", SUBJECTS)


@each_subject
@pytest.mark.parametrize("n_channels", [1, 3])
def test_data_of_other_channels_are_refused(subject: str, n_channels: int) -> None:
    with pytest.raises(ValueError, match=f"has? ?(ve)? {n_channels} channels"):
        observe(SUBJECTS[subject](), events(2, 10, n_channels))


@each_subject
@pytest.mark.parametrize("shape", [(0, 10, 2), (3, 0, 2), (3, 10, 0), (10,), (), (1, 3, 10, 2)])
def test_data_that_are_no_raster_or_empty_are_refused(subject: str, shape: Any) -> None:
    with pytest.raises(ValueError) as caught:
        observe(SUBJECTS[subject](), np.zeros(shape))
    assert str(caught.value) == (
        "the data have the shape (time, channel) or (batch, time, channel), at least one of each; "
        f"these have {shape}"
    )


def test_data_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match="the data are spike counts, numbers; these hold"):
        observe(NET, [["a", "b"]])
    with pytest.raises(ValueError, match="the data are no array: their rows differ in length"):
        observe(NET, [[1, 2], [1]])


def test_a_population_that_records_no_spikes_under_its_name_is_named() -> None:
    class Cells(LIFJax):
        def evolve(self, input_data: Any, record: Any = False) -> Any:
            output, state, _ = super().evolve(input_data, record)
            return output, state, {}

    @register_tracer(Cells)
    def _(wiring: Any, module: Any, source: str, path: str) -> str:
        node = NeuronNode(
            name=path,
            sources=(source,),
            tau_mem=np.ones(2),
            tau_syn=np.ones((2, 1)),
            threshold=np.ones(2),
            bias=np.zeros(2),
            dt=1e-3,
            max_spikes=1.0,
        )
        return wiring.add(node)

    try:
        with pytest.raises(ValueError, match="the network's record holds no `0_Cells.spikes`"):
            observe(Sequential(Cells(2)), DATA)
    finally:
        del _trace._TRACERS[Cells]


def test_one_module_may_be_a_network_of_any_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Whole(JaxModule):
        def evolve(self, input_data: Any, record: Any = False) -> Any:
            return input_data, {}, {"spikes": np.asarray(input_data)}

    def tracer(wiring: Any, module: Any, source: str, path: str) -> str:
        ones = np.ones(2)
        return wiring.add(
            NeuronNode("whole", (source,), ones, ones[:, None], ones, 0 * ones, 1e-3, 1.0)
        )

    monkeypatch.setitem(_trace._TRACERS, Whole, tracer)
    assert np.array_equal(observe(Whole(2), DATA).spikes["whole"], DATA)


def test_examples_of_configurations_take_counts_above_one() -> None:
    config = XyloConfig("xylo-imu", weights_in=[[9]], weights_out=[[9]], threshold=5)
    assert observe(config, [[3], [0]]).spikes["hidden"].max() > 1
