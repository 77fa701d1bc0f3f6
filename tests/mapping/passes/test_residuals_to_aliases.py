"""Sums as aliases, by what they become and by what the chip then sends."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import events, graph, neurons, only_rounded, two_layers, weights
from naive_float import simulate_graph
from random_graphs import random_graph

from xylograph.hw import DesignRuleError, XyloSim, get_chip
from xylograph.mapping import Graph, NeuronNode, PassReport, Pipeline, SumNode, graph_violations
from xylograph.mapping.graph._graph import alias_pairs
from xylograph.mapping.passes import FoldBiases, FoldLinearMaps, FoldScales, ResidualsToAliases

CHIP = get_chip("xylo-audio-3")


def legalised(net: Graph, otherwise: str = "weights") -> tuple[Graph, PassReport]:
    return ResidualsToAliases(CHIP, otherwise)(net)


def pairs(net: Graph) -> list[tuple[str, str]]:
    return [(source.name, target.name) for source, target in alias_pairs(net)]


def residual(*extra: Any, readers: tuple[str, ...] = ("u",), **last: Any) -> Graph:
    """`a`, weights, `b`; their sum is read by `u`."""
    return graph(
        weights("w", "@input", np.ones((2, 2))),
        neurons("a", "w", 2, max_spikes=1.0),
        weights("v", "a", np.ones((2, 2))),
        neurons("b", "v", 2, **{"max_spikes": 1.0, **last}),
        SumNode("sum", ("b", "a"), 2),
        weights("u", "sum", [[1, 2], [3, 4]]),
        *extra,
        neurons("out", readers, 2, max_spikes=1.0),
    )


def test_the_last_population_repeats_the_first() -> None:
    net, report = legalised(residual())
    assert pairs(net) == [("a", "b")]
    node = net["sum"]
    assert isinstance(node, SumNode) and node.carrier == "b"
    assert str(report) == "ResidualsToAliases: `b` repeats `a`"


def test_without_sums_the_graph_stays() -> None:
    _, report = legalised(two_layers())
    assert str(report) == "ResidualsToAliases: no sums"


def test_limits_of_spikes_that_are_shared_are_reported() -> None:
    _, report = legalised(residual(max_spikes=31.0))
    assert report.losses == (
        "`b` sends at most 31 spikes a step together with those it repeats for `a`",
    )


def test_neurons_that_are_also_read_alone_cannot_carry_a_sum() -> None:
    net = residual(weights("alone", "b", np.ones((2, 2))), readers=("u", "alone"))
    changed, report = legalised(net)
    assert pairs(changed) == [] and not changed.of_kind(SumNode)
    assert changed["u"].sources == ("b", "a")
    assert report.summary == (
        "each source of `sum` gets the weights that read it, since it would be sent by `b`, of "
        "which `alone` receives the own spikes alone"
    )
    kept, _ = legalised(net, "refuse")
    (violation,) = graph_violations(kept, CHIP)
    assert str(violation) == (
        "`sum` would be sent by `b`, of which `alone` receives the own spikes alone: put a "
        "`LinearJax` and a `LIFJax` between them, or use `ResidualsToAliases(chip, "
        'otherwise="weights")` [sums_are_aliases]'
    )


def test_recurrent_neurons_cannot_carry_a_sum() -> None:
    net = graph(
        weights("w", "@input", np.ones((2, 2))),
        neurons("a", "w", 2),
        weights("v", "a", np.ones((2, 2))),
        neurons("b", ("v", "b.w_rec"), 2),
        weights("b.w_rec", "b", np.ones((2, 2))),
        SumNode("sum", ("b", "a"), 2),
        weights("u", "sum", np.ones((2, 2))),
        neurons("out", "u", 2),
    )
    changed, _ = legalised(net)
    assert pairs(changed) == [] and changed["u"].sources == ("b", "a")


def test_a_residual_connection_around_the_first_layer_gives_the_input_its_weights() -> None:
    net = graph(
        weights("w", "@input", np.ones((2, 2))),
        neurons("a", "w", 2),
        SumNode("sum", ("a", "@input"), 2),
        weights("u", "sum", np.ones((2, 2))),
        neurons("b", "u", 2),
        weights("v", "b", np.ones((2, 2))),
        neurons("out", "v", 2),
    )
    changed, report = legalised(net)
    assert changed["u"].sources == ("a", "@input")
    assert "adds the input to spikes; only neurons have aliases" in report.summary


def test_a_sum_at_the_end_is_left_and_refused_with_a_way_out() -> None:
    net = graph(
        weights("w", "@input", np.ones((2, 2))),
        neurons("a", "w", 2),
        weights("v", "a", np.ones((2, 2))),
        neurons("b", "v", 2),
        SumNode("out", ("b", "a"), 2),
    )
    with pytest.raises(DesignRuleError) as caught:
        Pipeline(CHIP).run(net)
    texts = [str(v) for v in caught.value.violations]
    assert (
        "`out` is the network's output; the outputs of a chip are neurons, which add nothing: let "
        "a `LinearJax` and a `LIFJax` follow it [sums_are_aliases]"
    ) in texts


def chained() -> Graph:
    """Two residual blocks in a row."""
    return graph(
        weights("w", "@input", np.ones((2, 2))),
        neurons("a", "w", 2),
        weights("v", "a", np.ones((2, 2))),
        neurons("b", "v", 2),
        SumNode("sum", ("b", "a"), 2),
        weights("u", "sum", np.ones((2, 2))),
        neurons("c", "u", 2),
        SumNode("more", ("c", "sum"), 2),
        weights("t", "more", np.ones((2, 2))),
        neurons("out", "t", 2),
    )


def test_blocks_in_a_row_become_a_chain_of_aliases() -> None:
    net, _ = legalised(chained())
    assert pairs(net) == [("a", "b"), ("b", "c")]


def twice() -> Graph:
    """The spikes of `a` are added to those of `b`, and, separately, to those of `c`."""
    return graph(
        weights("w", "@input", np.ones((2, 2))),
        neurons("a", ("w", "a.w_rec"), 2),
        weights("a.w_rec", "a", np.full((2, 2), 0.3)),
        weights("v", "a", np.ones((2, 2))),
        neurons("b", "v", 2),
        SumNode("sum", ("b", "a"), 2),
        weights("t", "a", np.ones((2, 2))),
        neurons("c", "t", 2),
        SumNode("more", ("c", "a"), 2),
        weights("u", "sum", np.ones((2, 2))),
        weights("s", "more", np.ones((2, 2))),
        neurons("out", ("u", "s"), 2),
    )


def test_a_second_target_is_replaced_by_weights() -> None:
    net, report = legalised(twice())
    assert pairs(net) == [("a", "b")]
    assert net["s"].sources == ("c", "a")
    assert "needs `c` to repeat `a`, which `b` repeats already; a neuron has at most 1" in str(
        report
    )


def test_or_the_neuron_is_doubled() -> None:
    net, report = legalised(twice(), "neurons")
    assert pairs(net) == [("a", "b"), ("a (double)", "c")]
    assert "`a` is doubled for `more`" in report.summary
    assert net["a (double)"].sources == net["a"].sources
    raster = events(30, 2, seed=1, density=0.5)
    before, after = simulate_graph(twice(), raster), simulate_graph(net, raster)
    assert before["out"].any()
    for name, spikes in before.items():
        np.testing.assert_array_equal(after[name], spikes, name)
    np.testing.assert_array_equal(after["a (double)"], before["a"])


def test_or_it_is_refused() -> None:
    net, _ = legalised(twice(), "refuse")
    (violation,) = graph_violations(net, CHIP)
    assert (violation.rule, violation.where) == ("sums_are_aliases", "`more`")
    assert violation.hint == (
        'use `ResidualsToAliases(chip, otherwise="weights")` or `otherwise="neurons"`'
    )


def test_a_double_is_not_made_of_neurons_that_send_a_sum() -> None:
    net = graph(
        *chained().nodes[1:-2],
        weights("s", "sum", np.ones((2, 2))),
        neurons("d", "s", 2),
        SumNode("third", ("d", "sum"), 2),
        weights("t", "more", np.ones((2, 2))),
        weights("r", "third", np.ones((2, 2))),
        neurons("out", ("t", "r"), 2),
    )
    changed, _ = legalised(net, "neurons")
    assert not any("double" in node.name for node in changed.nodes)
    assert [v.rule for v in graph_violations(changed, CHIP)] == ["sums_are_aliases"]


def test_an_unknown_way_out_is_refused() -> None:
    with pytest.raises(ValueError, match="`otherwise` is 'guess'; known are 'weights', 'neurons'"):
        ResidualsToAliases(CHIP, "guess")


def test_sums_may_stand_in_any_order() -> None:
    net = chained()
    nodes = sorted(net.nodes[1:], key=lambda node: isinstance(node, SumNode) and node.name == "sum")
    changed, _ = legalised(graph(*nodes))
    assert sorted(pairs(changed)) == [("a", "b"), ("b", "c")]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), otherwise=st.sampled_from(("weights", "neurons")))
def test_what_populations_receive_is_the_same(seed: int, otherwise: str) -> None:
    net, _ = FoldLinearMaps()(FoldScales()(random_graph(seed, n_layers=4))[0])
    changed, _ = legalised(net, otherwise)
    raster = events(25, 2, seed=seed, density=0.5)
    before, after = simulate_graph(net, raster), simulate_graph(changed, raster)
    for name, spikes in before.items():
        np.testing.assert_array_equal(after[name], spikes, name)


@pytest.mark.parametrize("net", [residual, chained, twice])
def test_the_chip_sends_the_sums_of_its_own_spikes(net: Any) -> None:
    """From the configuration alone: what is sent is what each neuron spikes and repeats."""
    spec, _ = Pipeline(CHIP).run(net())
    scaled, _ = only_rounded(
        type(spec)(
            **{
                name: value * 30 if name.startswith(("weights", "threshold")) else value
                for name, value in vars(spec).items()
            }
        )
    )
    config = scaled.to_config()
    assert spec.placement is not None
    ids = spec.placement.hidden
    expected = {
        int(source): int(target)
        for first, second in pairs(legalised(net())[0])
        for source, target in zip(ids[first], ids[second], strict=True)
    }
    assert {n: t[0] for n, t in enumerate(config.aliases) if t} == expected
    _, _, record = XyloSim(config)(events(40, 2, density=0.4), record=True)
    assert record["Spikes"][0].sum() > 0


def test_doubles_and_biases_do_not_disturb_each_other() -> None:
    net, _ = FoldBiases()(legalised(twice(), "neurons")[0])
    assert isinstance(net["a (double)"], NeuronNode)
