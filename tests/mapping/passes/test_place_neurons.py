"""Placement, by rules and by an independent simulation of the same integer network."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import CHIP_NAMES, chain, graph, neurons, only_rounded, two_layers, weights
from naive_simulation import Population, simulate

from xylograph.hw import XyloSim, get_chip
from xylograph.mapping import (
    Graph,
    LinearNode,
    PassReport,
    Pipeline,
    Placement,
    deploy,
    observe,
    trace,
)
from xylograph.mapping.passes import PlaceNeurons
from xylograph.models import LIFJax, LinearJax, Sequential, dash_to_tau


def place(net: Graph, chip: str = "xylo-audio-3") -> tuple[Placement, PassReport]:
    placed, report = PlaceNeurons(get_chip(chip))(net)
    assert placed.graph is net
    return placed.placement, report


def ids(placement: Placement) -> dict[str, list[int]]:
    return {name: found.tolist() for name, found in placement.hidden.items()}


@pytest.mark.parametrize("chip", CHIP_NAMES)
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize(
    ("sizes", "expected", "n_first", "n_last"),
    [
        ((2, 3, 2), {"1_LIFJax": [0, 1, 2]}, 3, 3),
        ((2, 3, 2, 2), {"1_LIFJax": [0, 1, 2], "3_LIFJax": [3, 4]}, 3, 2),
        ((2, 1, 2, 3, 2), {"1_LIFJax": [0], "3_LIFJax": [1, 2], "5_LIFJax": [3, 4, 5]}, 1, 3),
    ],
)
def test_layers_of_a_chain_follow_each_other(
    chip: str, recurrent: bool, sizes: Any, expected: Any, n_first: int, n_last: int
) -> None:
    placement, report = place(trace(chain(*sizes, recurrent=recurrent)), chip)
    assert ids(placement) == expected
    assert placement.n_input_expansion == n_first
    assert placement.n_output_expansion == n_last
    n_layers = len(expected)
    assert list(placement.delay.values()) == list(range(n_layers + 1))
    assert placement.output_delay == n_layers
    assert report.losses == ()


def skip_network(**lif: Any) -> Graph:
    """Four populations, listed in an order the chip cannot take; `both` skips the others."""
    return graph(
        weights("w_both", "@input", np.full((2, 3), 3)),
        neurons("both", "w_both", 3, **lif),
        weights("w_first", "@input", np.full((2, 2), 5)),
        neurons("first", "w_first", 2, **lif),
        weights("w_middle", "first", np.full((2, 4), 7)),
        neurons("middle", "w_middle", 4, **lif),
        weights("w_last", "middle", np.full((4, 1), 11)),
        neurons("last", "w_last", 1, **lif),
        weights("w_out", "last", np.full((1, 2), 13)),
        weights("w_skip", "both", np.full((3, 2), 17)),
        neurons("out", ("w_out", "w_skip"), 2, max_spikes=1.0),
    )


def test_what_receives_input_comes_first_and_what_feeds_outputs_last() -> None:
    placement, _ = place(skip_network())
    assert ids(placement) == {
        "first": [0, 1],
        "both": [2, 3, 4],
        "middle": [5, 6, 7, 8],
        "last": [9],
    }
    assert placement.n_input_expansion == 5
    assert placement.n_output_expansion == 8


def test_paths_of_unequal_delay_are_reported() -> None:
    placement, report = place(skip_network())
    assert placement.delay == {"both": 0, "first": 0, "middle": 1, "last": 2, "out": 3}
    assert report.losses == (
        "`out` adds signals of different delay [steps]: `last` after 3, `both` after 1",
    )
    assert report.summary == "10 hidden and 2 output neurons; the output comes 3 steps later"


def test_input_that_skips_a_layer_meets_what_comes_through_it_at_another_delay() -> None:
    net = graph(
        weights("w_in", "@input", np.ones((2, 3))),
        neurons("first", "w_in", 3),
        weights("w_mid", "first", np.ones((3, 2))),
        weights("w_skip", "@input", np.ones((2, 2))),
        neurons("second", ("w_mid", "w_skip"), 2),
        weights("w_out", "second", np.ones((2, 2))),
        neurons("out", "w_out", 2, max_spikes=1.0),
    )
    placement, report = place(net)
    assert (placement.n_input_expansion, placement.n_output_expansion) == (5, 2)
    assert report.losses == (
        "`second` adds signals of different delay [steps]: `first` after 1, `@input` after 0",
    )


def test_what_does_neither_stands_before_what_feeds_the_output() -> None:
    net = graph(
        weights("w_in", "@input", np.ones((2, 2))),
        neurons("first", "w_in", 2),
        weights("w_last", "first", np.ones((2, 1))),
        neurons("last", ("w_last", "w_back"), 1),
        weights("w_aside", "first", np.ones((2, 3))),
        neurons("aside", "w_aside", 3),
        weights("w_back", "aside", np.ones((3, 1))),
        weights("w_out", "last", np.ones((1, 2))),
        neurons("out", "w_out", 2, max_spikes=1.0),
    )
    placement, report = place(net)
    assert ids(placement) == {"first": [0, 1], "aside": [2, 3, 4], "last": [5]}
    assert (placement.n_input_expansion, placement.n_output_expansion) == (2, 1)
    assert report.losses == ()


def test_two_populations_may_feed_the_output_at_the_same_delay() -> None:
    net = graph(
        weights("w_a", "@input", np.ones((2, 3))),
        neurons("a", "w_a", 3),
        weights("w_b", "@input", np.ones((2, 2))),
        neurons("b", "w_b", 2),
        weights("w_out", ("a",), np.ones((3, 2))),
        weights("w_out_b", ("b",), np.ones((2, 2))),
        neurons("out", ("w_out", "w_out_b"), 2, max_spikes=1.0),
    )
    placement, report = place(net)
    assert ids(placement) == {"a": [0, 1, 2], "b": [3, 4]}
    assert (placement.n_input_expansion, placement.n_output_expansion) == (5, 5)
    assert report.losses == ()


def test_a_loop_through_two_layers_takes_longer_on_the_chip_and_is_reported() -> None:
    net = graph(
        weights("w_in", "@input", np.ones((2, 3))),
        neurons("first", ("w_in", "w_back"), 3),
        weights("w_mid", "first", np.ones((3, 2))),
        neurons("second", "w_mid", 2),
        weights("w_back", "second", np.ones((2, 3))),
        weights("w_out", "second", np.ones((2, 2))),
        neurons("out", "w_out", 2, max_spikes=1.0),
    )
    placement, report = place(net)
    assert placement.delay == {"first": 0, "second": 1, "out": 2}
    assert report.losses == (
        "`first` receives `second` back after 1 step in the network, after 2 on the chip",
    )


def test_spike_limits_that_differ_from_the_chips_are_reported() -> None:
    _, report = place(two_layers({"max_spikes": 65536.0}, {"max_spikes": 31.0}))
    assert report.losses == (
        "`hid` may spike 65536 times a step in the network, 31 on the chip",
        "`out` may spike 31 times a step in the network, 1 on the chip",
    )


def test_biases_of_later_layers_are_reported_to_act_before_the_first_signal() -> None:
    _, report = place(trace(chain(2, 3, 2, 2, bias=0.5)))
    assert report.losses == (
        "`3_LIFJax` has biases, which act 1 step before its first signal can arrive",
        "`5_LIFJax` has biases, which act 2 steps before its first signal can arrive",
    )


def test_noise_is_reported() -> None:
    _, report = place(two_layers({"noise_std": 0.5}))
    assert report.losses == ("`hid` has noise (noise_std = 0.5); the chip has none",)


# --- the independent road ---


@dataclass(frozen=True)
class IntegerCase:
    """Sizes and a seed; numbers follow from it."""

    chip: str
    sizes: tuple[int, ...]
    synapses: tuple[int, ...]
    recurrent: tuple[bool, ...]
    late_biases: bool
    quantizer: str
    seed: int


@st.composite
def integer_cases(draw: st.DrawFn) -> IntegerCase:
    chip = draw(st.sampled_from(CHIP_NAMES))
    n_layers = draw(st.integers(1, 3))
    counts = st.integers(1, 5)
    synapses = st.integers(1, 1 if chip == "xylo-imu" else 2)
    return IntegerCase(
        chip=chip,
        sizes=tuple(draw(counts) for _ in range(n_layers + 2)),
        synapses=(*(draw(synapses) for _ in range(n_layers)), 1),
        recurrent=(*(draw(st.booleans()) for _ in range(n_layers)), False),
        late_biases=draw(st.booleans()),
        quantizer=draw(st.sampled_from(("own", "global", "channel"))),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def integer_populations(case: IntegerCase) -> list[Population]:
    rng = np.random.default_rng(case.seed)
    has_bias = get_chip(case.chip).has_bias
    populations = []
    source, n_source = "@input", case.sizes[0]
    for layer, n in enumerate(case.sizes[1:]):
        k = case.synapses[layer]
        arriving = rng.integers(-60, 127, (n_source, n, k), endpoint=True)
        # Every neuron uses the whole range, so that quantizers find the factor 1.
        arriving[0, :, 0] = rng.choice([-127, 127, 127], n)
        inputs = [(source, arriving)]
        if case.recurrent[layer]:
            inputs.append((f"layer {layer}", rng.integers(-127, 60, (n, n, k))))
        populations.append(
            Population(
                name=f"layer {layer}",
                inputs=inputs,
                dash_mem=rng.integers(1, 6, n),
                dash_syn=rng.integers(1, 6, (n, k)),
                threshold=rng.integers(30, 800, n),
                bias=rng.integers(-20, 40, n) * (has_bias and (case.late_biases or layer == 0)),
                max_spikes=1 if layer == len(case.sizes) - 2 else 31,
            )
        )
        source, n_source = f"layer {layer}", n
    return populations


def as_network(populations: list[Population], dt: float = 1e-3) -> Sequential:
    modules: list[Any] = []
    for one in populations:
        n, k = one.dash_syn.shape
        (_, arriving), *recurrent = one.inputs
        settings = (
            {"has_rec": True, "w_rec": recurrent[0][1].reshape(n, n * k)} if recurrent else {}
        )
        modules += [
            LinearJax((len(arriving), n * k), weight=arriving.reshape(-1, n * k).astype(float)),
            LIFJax(
                (n * k, n),
                tau_mem=dash_to_tau(one.dash_mem, dt),
                tau_syn=dash_to_tau(one.dash_syn, dt),
                threshold=one.threshold.astype(float),
                bias=one.bias.astype(float),
                dt=dt,
                max_spikes_per_dt=float(one.max_spikes),
                **settings,
            ),
        ]
    return Sequential(*modules)


@settings(deadline=None, max_examples=60)
@given(case=integer_cases())
def test_every_layer_spikes_as_in_a_simulation_that_knows_nothing_of_placement(
    case: IntegerCase,
) -> None:
    populations = integer_populations(case)
    quantizer = only_rounded if case.quantizer == "own" else case.quantizer
    deployment = deploy(as_network(populations), case.chip, quantizer=quantizer)
    n_steps, n_layers = 12, len(populations)
    rng = np.random.default_rng(case.seed + 1)
    raster = rng.integers(0, 4, (n_steps, case.sizes[0])) * (rng.random((n_steps, 1)) < 0.6)
    longer = np.pad(raster, ((0, n_layers), (0, 0)))

    core = get_chip(case.chip).core_version
    on_chip = simulate(integer_populations(case), longer, core=core, on_chip=True)
    in_network = simulate(integer_populations(case), raster, core=core, on_chip=False)

    _, _, record = XyloSim(deployment.config)(longer, record=True)
    # Hidden neurons are numbered layer by layer.
    borders = np.cumsum(case.sizes[1:-1])[:-1]
    layers = [*np.split(record["Spikes"][0], borders, axis=1), record["Spikes_out"][0]]
    for layer, got in enumerate(layers):
        name = f"layer {layer}"
        np.testing.assert_array_equal(got, on_chip[name], err_msg=f"{name}, on the chip")
        # Layer l answers l steps later. Its biases act from the start.
        if not any(np.any(one.bias) for one in populations[1 : layer + 1]):
            answer = got[layer : layer + n_steps]
            np.testing.assert_array_equal(answer, in_network[name], err_msg=f"{name}, in network")


def test_the_independent_simulation_is_not_silent() -> None:
    case = IntegerCase(
        chip="xylo-audio-3",
        sizes=(3, 4, 3, 2),
        synapses=(2, 1, 1),
        recurrent=(True, False, False),
        late_biases=True,
        quantizer="own",
        seed=5,
    )
    raster = np.random.default_rng(0).integers(0, 4, (40, 3))
    spikes = simulate(integer_populations(case), raster, core=2, on_chip=False)
    assert all(np.any(counts) for counts in spikes.values())
    assert spikes["layer 0"].max() > 1


def test_a_network_with_skips_spikes_as_its_populations_one_step_apart() -> None:
    lif = {
        "tau_mem": dash_to_tau(2, 1e-3),
        "tau_syn": dash_to_tau(1, 1e-3),
        "threshold": np.array(9.0),
    }

    def of_size(n: int) -> dict[str, Any]:
        return {name: np.full((n, 1) if name == "tau_syn" else n, v) for name, v in lif.items()}

    net = graph(
        weights("w_both", "@input", np.full((2, 3), 30)),
        neurons("both", "w_both", 3, **of_size(3)),
        weights("w_first", "@input", [[50, -20], [10, 40]]),
        neurons("first", "w_first", 2, **of_size(2)),
        weights("w_middle", "first", [[70, 1, 2, 3], [4, 5, 6, 70]]),
        neurons("middle", ("w_middle", "w_back"), 4, **of_size(4)),
        weights("w_last", "middle", [[11], [22], [33], [44]]),
        neurons("last", "w_last", 1, **of_size(1)),
        weights("w_back", "last", [[-5, -6, -7, -8]]),
        weights("w_out", "last", [[13, 3]]),
        weights("w_skip", "both", [[17, 0], [0, 17], [1, -9]]),
        neurons("out", ("w_out", "w_skip"), 2, max_spikes=1.0, **of_size(2)),
    )
    spec, _ = Pipeline("xylo-audio-3").run(net)
    config = only_rounded(spec)[0].to_config()
    raster = np.random.default_rng(3).integers(0, 3, (30, 2))

    expected = simulate(_populations_of(net), raster, core=2, on_chip=True)
    assert all(np.any(counts) for counts in expected.values())
    seen = observe(config, raster).spikes
    assert spec.placement is not None
    for name, neuron_ids in spec.placement.hidden.items():
        np.testing.assert_array_equal(seen["hidden"][0][:, neuron_ids], expected[name], name)
    np.testing.assert_array_equal(seen["output"][0], expected["out"])


def _populations_of(net: Graph) -> list[Population]:
    return [
        Population(
            name=node.name,
            inputs=[
                (w.sources[0], w.weights.astype(int)[:, :, None])
                for w in net.sources_of(node)
                if isinstance(w, LinearNode)
            ],
            dash_mem=np.full(node.n_out, 2),
            dash_syn=np.full((node.n_out, 1), 1),
            threshold=np.full(node.n_out, 9),
            bias=np.zeros(node.n_out, dtype=int),
            max_spikes=int(node.max_spikes),
        )
        for node in net.populations
    ]
