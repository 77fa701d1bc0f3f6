from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from xylograph.models import GraphJax, JaxModule, LIFJax, LinearJax, Residual, Sequential


class Anything(JaxModule):
    """A module that takes what comes, and gives back some of it."""

    def __init__(self, n: int | None = None) -> None:
        super().__init__(None)
        self.n = n

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        return input_data[..., : self.n], {}, {}


def counts(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).poisson(0.7, shape)


def weights(n_in: int, n_out: int) -> LinearJax:
    return LinearJax((n_in, n_out), weight=np.full((n_in, n_out), 0.3))


def with_skip() -> GraphJax:
    return GraphJax(
        {
            "readout": LIFJax(2),
            "w_in": weights(4, 3),
            "hidden": LIFJax(3),
            "w_out": weights(3, 2),
            "w_skip": weights(4, 2),
        },
        edges=[
            ("input", "w_in", "hidden", "w_out", "readout", "output"),
            ("input", "w_skip", "readout"),
        ],
    )


def test_signals_part_and_add_up_where_they_meet() -> None:
    net, data = with_skip(), counts(2, 9, 4)
    hidden, hidden_state, _ = net["hidden"](net["w_in"](data)[0])
    arriving = net["w_out"](hidden)[0] + net["w_skip"](data)[0]
    expected, readout_state, readout_record = net["readout"](arriving, record=True)
    output, state, record = net(data, record=True)
    np.testing.assert_array_equal(output, expected)
    np.testing.assert_array_equal(state["hidden"]["vmem"], hidden_state["vmem"])
    np.testing.assert_array_equal(state["readout"]["vmem"], readout_state["vmem"])
    np.testing.assert_array_equal(record["readout"]["isyn"], readout_record["isyn"])
    np.testing.assert_array_equal(record["hidden_output"], hidden)
    assert set(record) == {*net.modules(), *(f"{name}_output" for name in net.modules())}


def test_a_path_is_a_chain() -> None:
    parts = {"a": weights(4, 3), "b": LIFJax(3)}
    net, data = GraphJax(parts, [("input", "a", "b", "output")]), counts(2, 9, 4)
    np.testing.assert_array_equal(net(data)[0], Sequential(parts)(data)[0])
    assert net.edges == (("input", "a"), ("a", "b"), ("b", "output"))


def test_a_way_from_the_input_to_the_output_is_a_residual() -> None:
    parts = {"a": weights(3, 3), "b": LIFJax(3)}
    net = GraphJax(parts, [("input", "a", "b", "output"), ("input", "output")])
    data = counts(2, 9, 3)
    np.testing.assert_array_equal(net(data)[0], Residual(parts)(data)[0])


def test_modules_keep_their_order_and_run_in_that_of_the_signal() -> None:
    net = with_skip()
    assert list(net.modules()) == ["readout", "w_in", "hidden", "w_out", "w_skip"]
    assert sorted(net.order) == sorted(net.modules())
    assert all(
        net.order.index(source) < net.order.index(sink)
        for source, sink in net.edges
        if source != "input" and sink != "output"
    )


@pytest.mark.parametrize("given", [(9, 4), (9,)])
def test_the_output_has_a_batch_axis(given: tuple[int, ...]) -> None:
    net = GraphJax({"a": weights(4, 2)}, [("input", "a", "output")])
    assert net(counts(*given))[0].shape == (1, 9, 2)


def test_sizes_follow_from_the_modules() -> None:
    parts = {"any": Anything(), "w": weights(4, 2), "last": Anything()}
    assert with_skip().shape == (4, 2)
    assert GraphJax(
        parts, [("input", "any", "w", "output")] + [("input", "last", "output")]
    ).shape == (
        None,
        2,
    )
    assert GraphJax(parts, [("input", "w", "last", "output"), ("input", "any", "last")]).shape == (
        4,
        None,
    )


@pytest.mark.parametrize(
    ("first", "last", "around", "flags"),
    [
        (True, True, False, (True, True)),
        (True, True, True, (True, True)),
        (False, True, False, (False, True)),
        (False, True, True, (False, False)),
        (True, False, True, (True, False)),
    ],
)
def test_spikes_come_and_go_where_all_ends_have_them(
    first: bool, last: bool, around: bool, flags: tuple[bool, bool]
) -> None:
    layer = LIFJax(2, spiking_input=first, spiking_output=last)
    edges = [("input", "a", "output")] + [("input", "output")] * around
    net = GraphJax({"a": layer}, edges)
    assert (net.spiking_input, net.spiking_output) == flags


def refused(modules: Mapping[str, JaxModule], edges: list[tuple[str, ...]]) -> list[str]:
    with pytest.raises(ValueError, match="this is no graph:") as error:
        GraphJax(modules, edges)
    return [line.removeprefix("- ") for line in str(error.value).splitlines()[1:]]


def test_a_cycle_is_refused_with_a_way_out() -> None:
    parts = {"a": LIFJax(2), "w": weights(2, 2), "b": LIFJax(2)}
    (message,) = refused(parts, [("input", "a", "w", "b", "output"), ("b", "a")])
    assert message.startswith("the edges form a cycle, `a` → `w` → `b` → `a`: in one call")
    assert "`has_rec=True` of neurons, or a step function in `ScanJax`" in message


def test_a_module_that_feeds_itself_is_a_cycle() -> None:
    (message,) = refused({"a": LIFJax(2)}, [("input", "a", "output"), ("a", "a")])
    assert message.startswith("the edges form a cycle, `a` → `a`:")


def test_all_that_is_wrong_is_named() -> None:
    parts = {"a": weights(4, 3), "b": LIFJax(2), "c": LIFJax(3), "input": LIFJax(4)}
    problems = refused(parts, [("input", "a", "b"), ("a", "hiden"), ("output", "b"), ("a", "b")])
    assert problems == [
        "a module cannot be called `input`, which is an end of the graph",
        "the edge `a` → `b` is given 2 times",
        "the edge `a` → `hiden`: there is no module `hiden`",
        "the edge `output` → `b`: nothing leads from `output`",
        "`b` leads nowhere; an edge must lead from it, be it to `output`",
        "`c` receives nothing; an edge must lead to it",
        "`c` leads nowhere; an edge must lead from it, be it to `output`",
        "`input` receives nothing; an edge must lead to it",
        "no edge leads to `output`",
        "`b`: what meets there must have the same number of channels: `a` gives 3, it takes 2",
    ]


def test_a_wrong_name_is_answered_with_a_close_one() -> None:
    parts = {"hidden": LIFJax(2)}
    problems = refused(parts, [("input", "hidden", "output"), ("hiden", "output")])
    assert problems == [
        "the edge `hiden` → `output`: there is no module `hiden` (did you mean `hidden`?)"
    ]


def test_sizes_that_meet_must_be_equal() -> None:
    parts = {"a": weights(4, 3), "b": weights(5, 2)}
    problems = refused(parts, [("input", "a", "output"), ("input", "b", "output")])
    assert problems == [
        "`b`: what meets there must have the same number of channels: `input` gives 4, it takes 5",
        "`output`: what meets there must have the same number of channels: `a` gives 3, `b` gives 2",
    ]


def test_sizes_known_only_while_running_must_be_equal_too() -> None:
    net = GraphJax(
        {"a": Anything(1), "b": Anything()}, [("input", "a", "output"), ("input", "b", "output")]
    )
    message = r"shapes that meet at `output` differ: `a` gives \(1, 9, 1\), `b` gives \(1, 9, 4\)"
    with pytest.raises(ValueError, match=message):
        net(counts(9, 4))
    with pytest.raises(ValueError, match=r"GraphJax: .* It is 3, must be 4"):
        with_skip()(counts(9, 3))


@pytest.mark.parametrize("name", ["order", "sources_of"])
def test_members_of_the_graph_name_no_modules(name: str) -> None:
    with pytest.raises(ValueError, match=f"GraphJax: '{name}' cannot name an attribute"):
        GraphJax({name: LIFJax(2)}, [("input", name, "output")])


@pytest.mark.parametrize("edge", ["ab", ("a",), ("input", 3), None])
def test_an_edge_is_a_tuple_of_names(edge: Any) -> None:
    with pytest.raises(TypeError, match="an edge is a tuple of two or more names, got "):
        GraphJax({"a": LIFJax(2)}, [edge])


def test_only_modules_are_taken() -> None:
    with pytest.raises(TypeError, match="`GraphJax` takes JaxModules, got int"):
        GraphJax({"a": 3}, [("input", "a", "output")])
    with pytest.raises(TypeError, match="`GraphJax` takes modules by name, got list"):
        GraphJax([LIFJax(2)], [])
    with pytest.raises(TypeError, match="edges are a list of tuples of names, got str"):
        GraphJax({"a": LIFJax(2)}, "a")
