"""Simulation of graphs and specifications, against plain Python that shares no code with it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import events, graph, neurons, specification, weights
from naive_float import simulate_graph, simulate_specification
from random_graphs import random_graph

from xylograph.hw import get_chip
from xylograph.mapping import ForeignNode, Graph, PlacedGraph, Placement, SumNode, observe
from xylograph.mapping.comparison import _of_float
from xylograph.mapping.simulation._evolve import evolve
from xylograph.mapping.simulation._of_specification import alias_links, cells_of_specification

SEEDS = st.integers(0, 2**32 - 1)


def assert_same_spikes(
    net: Graph, seen: dict[str, np.ndarray], expected: dict[str, np.ndarray]
) -> None:
    for node in net.populations:
        np.testing.assert_array_equal(seen[node.name][0], expected[node.name], node.name)


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_graphs_spike_as_in_a_simulation_neuron_by_neuron(seed: int) -> None:
    net = random_graph(seed)
    raster = events(25, 2, seed=seed, density=0.5)
    assert_same_spikes(net, observe(net, raster).spikes, simulate_graph(net, raster))


def test_random_graphs_are_not_silent_and_have_everything() -> None:
    nets = [random_graph(seed) for seed in range(20)]
    kinds = {type(node).__name__ for net in nets for node in net.nodes}
    assert kinds == {"InputNode", "LinearNode", "NeuronNode", "ScaleNode", "SumNode"}
    spiking = [observe(net, events(25, 2, density=0.5)).output.any() for net in nets]
    assert np.mean(spiking) > 0.5


def on_chip(net: Graph) -> PlacedGraph:
    """With every sum carried by its first source, and no delay taken out."""
    nodes = tuple(
        replace(node, carrier=node.sources[0]) if isinstance(node, SumNode) else node
        for node in net.nodes
    )
    placement = Placement(
        hidden={node.name: np.arange(node.n_out) for node in net.hidden},
        output=net.output,
        delay={node.name: 0 for node in net.populations},
        n_input_expansion=1,
        n_output_expansion=1,
    )
    return PlacedGraph(Graph(nodes, net.output), placement, get_chip("xylo-audio-3"))


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_in_the_chips_time_hidden_spikes_arrive_one_step_later(seed: int) -> None:
    placed = on_chip(random_graph(seed))
    raster = events(25, 2, seed=seed, density=0.5)
    expected = simulate_graph(placed.graph, raster, limits=(31, 1))
    assert_same_spikes(placed.graph, observe(placed, raster).spikes, expected)


@settings(deadline=None, max_examples=60)
@given(
    seed=SEEDS,
    n_synapses=st.integers(1, 2),
    is_integer=st.booleans(),
    aliases=st.sampled_from([None, ((1,), (2,), (), (), (), ()), ((5,), (5,), (4,), (), (), ())]),
)
def test_specifications_spike_as_in_a_simulation_neuron_by_neuron(
    seed: int, n_synapses: int, is_integer: bool, aliases: tuple[tuple[int, ...], ...] | None
) -> None:
    shifts: dict[str, Any] = {"weight_shift_in": 1, "weight_shift_rec": 0, "weight_shift_out": 2}
    spec = specification(seed, n_synapses=n_synapses, aliases=aliases, **shifts)
    if is_integer:
        dashes = {n: v.round().astype(int) for n, v in vars(spec).items() if n.startswith("dash")}
        spec = replace(spec, **dashes)
    raster = events(25, 3, seed=seed, density=0.5)
    sent, output = simulate_specification(spec, raster)
    groups = cells_of_specification(spec)
    *hidden, last = evolve(groups.cells, raster[None].astype(float))
    for trace, ids in zip(hidden, groups.ids, strict=True):
        np.testing.assert_array_equal(trace.sent[0], sent[:, ids])
    np.testing.assert_array_equal(last.spikes[0], output)
    # What is observed are the own spikes of each neuron.
    own = observe(spec, raster).spikes["hidden"][0]
    copied = np.zeros_like(sent)
    for source, target in alias_links(spec):
        copied[:, target] += sent[:, source]
    assert np.array_equal(np.minimum(31, own + np.minimum(31, copied)), sent)


def test_layers_that_no_chip_computes_are_named() -> None:
    net = graph(
        weights("w_in", "@input", np.ones((2, 3))),
        ForeignNode("rate", ("w_in",), 3, 3, "a population of rate neurons", "use spikes"),
        weights("w_out", "rate", np.ones((3, 2))),
        neurons("out", "w_out", 2),
    )
    with pytest.raises(TypeError, match="`rate` is a population of rate neurons, which is not sim"):
        observe(net, events(5, 2))


def test_graphs_without_neurons_at_the_end_and_other_channels_are_refused() -> None:
    net = graph(weights("out", "@input", np.ones((2, 3))))
    with pytest.raises(ValueError, match="the graph ends in `out`, which gives no spikes"):
        observe(net, events(5, 2))
    with pytest.raises(ValueError, match="the data have 3 channels, the graph takes 2"):
        observe(random_graph(0), events(5, 3))
    with pytest.raises(ValueError, match="the data have 2 channels, the specification takes 3"):
        observe(specification(), events(5, 2))


def test_aliases_in_a_circle_are_refused() -> None:
    with pytest.raises(ValueError, match="aliases of this specification lead in a circle"):
        observe(specification(aliases=((1,), (0,), (), (), (), ())), events(5, 3))


def test_large_batches_go_in_pieces_and_come_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    net, data = random_graph(1), events(7, 20, 2)
    whole = observe(net, data, states=True)
    monkeypatch.setattr(_of_float, "_COUNTS_AT_ONCE", 500)
    pieces = observe(net, data, states=True)
    for name, spikes in whole.spikes.items():
        assert np.array_equal(pieces.spikes[name], spikes)
        assert np.allclose(pieces.membranes[name], whole.membranes[name], rtol=1e-12)


def test_membranes_are_those_before_the_spikes() -> None:
    net, data = random_graph(3), events(4, 30, 2, density=0.6)
    seen = observe(net, data, states=True)
    for node in net.populations:
        spikes, membrane = seen.spikes[node.name], seen.membranes[node.name]
        assert np.array_equal(np.clip(np.floor(membrane), 0, node.max_spikes), spikes)
