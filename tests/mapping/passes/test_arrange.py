"""Whether an order of neurons is found whenever there is one: against trying all of them."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import chain, graph, neurons, weights

from xylograph.hw import Chip, DesignRuleError, get_chip
from xylograph.mapping import Graph, Placement, SumNode, deploy, trace
from xylograph.mapping.passes import PlaceNeurons, ResidualsToAliases
from xylograph.mapping.passes._arrange import Demands, by_deadline, by_rank


def any_order_meets(demands: Demands) -> bool:
    n = demands.receives.size
    for order in itertools.permutations(range(n)):
        ids = {neuron: place for place, neuron in enumerate(order)}
        first = all(ids[i] < demands.n_first for i in range(n) if demands.receives[i])
        last = all(ids[i] >= n - demands.n_last for i in range(n) if demands.feeds[i])
        if first and last and all(ids[a] < ids[b] for a, b in demands.before):
            return True
    return False


# `Demands` are made in the tests: checking types at run time draws random numbers, which strategies
# must not.
@st.composite
def demand_cases(draw: st.DrawFn) -> dict[str, Any]:
    n = draw(st.integers(1, 6))
    flags = st.lists(st.booleans(), min_size=n, max_size=n)
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] != p[1])
    return {
        "receives": np.array(draw(flags)),
        "feeds": np.array(draw(flags)),
        "before": draw(st.lists(pair, max_size=3)) if n > 1 else [],
        "n_first": draw(st.integers(1, 6)),
        "n_last": draw(st.integers(1, 6)),
    }


@settings(deadline=None, max_examples=400)
@given(case=demand_cases())
def test_an_order_is_found_whenever_there_is_one(case: dict[str, Any]) -> None:
    demands = Demands(**case)
    order = by_deadline(demands)
    assert (order is not None) == any_order_meets(demands)
    if order is not None:
        assert sorted(order.tolist()) == list(range(demands.receives.size))
        assert demands.are_met(order)


@settings(deadline=None, max_examples=100)
@given(case=demand_cases())
def test_without_pairs_there_is_one_exactly_if_the_counts_allow_it(case: dict[str, Any]) -> None:
    demands = replace(Demands(**case), before=[])
    n, both = demands.receives.size, int(np.sum(demands.receives & demands.feeds))
    fits = (
        demands.receives.sum() <= demands.n_first
        and demands.feeds.sum() <= demands.n_last
        and (both == 0 or n <= demands.n_first + demands.n_last - both)
    )
    assert (by_deadline(demands) is not None) == fits


def test_pairs_in_a_circle_have_no_order() -> None:
    none = np.zeros(3, dtype=bool)
    assert by_deadline(Demands(none, none, [(0, 1), (1, 2), (2, 0)], 9, 9)) is None


def test_by_rank_what_receives_is_first_and_what_feeds_is_last() -> None:
    receives = np.array([False, True, True, False])
    feeds = np.array([True, True, False, False])
    assert by_rank(Demands(receives, feeds, [], 9, 9)).tolist() == [2, 1, 3, 0]


# --- in networks ---


def small_chip(n_first: int, n_last: int) -> Chip:
    chip = get_chip("xylo-imu")
    return replace(chip, max_input_expansion=n_first, max_output_expansion=n_last)


def placed(net: Graph, chip: Chip) -> Placement:
    return PlaceNeurons(chip)(net)[0].placement


def three(n_both: int, n_aside: int) -> Graph:
    """`both` receive input and feed the output; `aside` do neither."""
    return graph(
        weights("w", "@input", np.ones((2, n_both))),
        neurons("both", ("w", "back"), n_both),
        weights("v", "both", np.ones((n_both, n_aside))),
        neurons("aside", "v", n_aside),
        weights("back", "aside", np.ones((n_aside, n_both))),
        weights("u", "both", np.ones((n_both, 2))),
        neurons("out", "u", 2),
    )


def test_neurons_that_do_neither_make_room_on_both_sides() -> None:
    # 2 of both kinds, 6 aside: with 5 first and 5 last, both kinds must have the ids 3 and 4.
    placement = placed(three(2, 6), small_chip(5, 5))
    assert placement.violations == ()
    assert placement.hidden["both"].tolist() == [3, 4]
    assert sorted(placement.hidden["aside"].tolist()) == [0, 1, 2, 5, 6, 7]
    assert (placement.n_input_expansion, placement.n_output_expansion) == (5, 5)


def test_one_neuron_more_has_no_place_and_the_numbers_say_why() -> None:
    placement = placed(three(2, 7), small_chip(5, 5))
    (violation,) = placement.violations
    assert str(violation) == (
        "the network has 9 hidden neurons, of which 2 both receive input and feed the output; on "
        "SYNS63300 these must be among the first 5 and the last 5, which leaves room for 8 hidden "
        "neurons: let the first layer feed the output through another one "
        "[expansion_neurons_overlap]"
    )


def test_where_it_fits_so_populations_stay_together() -> None:
    placement = placed(three(2, 6), small_chip(8, 8))
    assert placement.hidden["both"].tolist() == [0, 1]
    assert placement.hidden["aside"].tolist() == list(range(2, 8))


def test_neurons_count_one_by_one_where_populations_are_too_large() -> None:
    w_in, w_out = np.zeros((2, 6)), np.zeros((6, 2))
    w_in[:, [1, 4]], w_out[[0, 1], :] = 1, 1
    net = graph(
        weights("w", "@input", w_in),
        neurons("hid", ("w", "rec"), 6),
        weights("rec", "hid", np.ones((6, 6))),
        weights("u", "hid", w_out),
        neurons("out", "u", 2),
    )
    placement = placed(net, small_chip(4, 4))
    assert placement.violations == ()
    ids = placement.hidden["hid"]
    assert max(ids[[1, 4]]) < 4 and min(ids[[0, 1]]) >= 2


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 6),
    n_first=st.integers(1, 6),
    n_last=st.integers(1, 6),
)
def test_a_network_is_placed_within_the_limits_whenever_any_placement_is(
    seed: int, n: int, n_first: int, n_last: int
) -> None:
    rng = np.random.default_rng(seed)
    w_in, w_out = rng.integers(0, 2, (2, n)), rng.integers(0, 2, (n, 2))
    w_in[0, 0] = w_out[0, 0] = 1
    net = graph(
        weights("w", "@input", w_in),
        neurons("hid", ("w", "rec"), n),
        weights("rec", "hid", np.ones((n, n))),
        weights("u", "hid", w_out),
        neurons("out", "u", 2),
    )
    demands = Demands(
        np.asarray(w_in.any(axis=0)), np.asarray(w_out.any(axis=1)), [], n_first, n_last
    )
    placement = placed(net, small_chip(n_first, n_last))
    assert (placement.violations == ()) == any_order_meets(demands)
    if not placement.violations:
        assert placement.n_input_expansion <= n_first
        assert placement.n_output_expansion <= n_last


def test_what_passes_spikes_on_is_computed_after_what_it_repeats() -> None:
    block: Any = [
        weights("w", "@input", np.ones((2, 2))),
        neurons("a", "w", 2),
        weights("v", "a", np.ones((2, 2))),
        neurons("b", "v", 2),
    ]
    net = graph(
        *block,
        SumNode("sum", ("b", "a"), 2),
        weights("u", "sum", np.ones((2, 2))),
        neurons("c", "u", 2),
        SumNode("more", ("c", "sum"), 2),
        weights("t", "more", np.ones((2, 2))),
        neurons("out", "t", 2),
    )
    chip = small_chip(9, 9)
    legal, _ = ResidualsToAliases(chip)(net)
    ids = placed(legal, chip).hidden
    assert np.all(ids["a"] < ids["b"])


@pytest.mark.parametrize("chip", ["xylo-imu", "xylo-audio-3"])
@pytest.mark.parametrize(("n_both", "n_aside", "fits"), [(28, 200, True), (28, 201, False)])
def test_on_real_chips_the_limits_of_128_hold(
    chip: str, n_both: int, n_aside: int, fits: bool
) -> None:
    placement = placed(three(n_both, n_aside), get_chip(chip))
    assert (placement.violations == ()) == fits
    if fits:
        assert max(placement.hidden["both"]) < 128
        assert min(placement.hidden["both"]) >= n_both + n_aside - 128


def test_a_layer_that_is_too_large_for_the_input_is_refused_in_words_of_the_network() -> None:
    with pytest.raises(DesignRuleError) as caught:
        deploy(chain(2, 130, 20, 2), "xylo-imu")
    (violation,) = caught.value.violations
    assert str(violation) == (
        "the network has 130 hidden neurons that receive input; SYNS63300 allows 128: let at most "
        "128 receive input, or map to SYNS61201, which allows 1000 [input_expansion_within_limit]"
    )
    assert deploy(chain(2, 130, 20, 2), "xylo-audio-2").config.n_input_expansion == 130


def test_placement_of_a_chain_is_not_touched_by_any_of_this() -> None:
    assert placed(trace(chain(2, 128, 128, 2)), get_chip("xylo-imu")).violations == ()
