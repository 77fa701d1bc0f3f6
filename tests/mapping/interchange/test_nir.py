"""Networks go out as NIR and come back the same; what others wrote is read as they mean it."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="the extra `nir` is not installed")

from xylograph.mapping import NeuronNode, from_nir, nir_report, to_nir, trace
from xylograph.models import (
    ExpSynJax,
    FormatError,
    GraphJax,
    JaxModule,
    LIFJax,
    LinearJax,
    LowPassJax,
    RateJax,
    Residual,
    Sequential,
)

KEYS = jax.random.split(jax.random.key(0), 8)
RASTER = np.random.default_rng(0).poisson(0.6, (2, 60, 4))


def chain() -> JaxModule:
    return Sequential(
        LinearJax((4, 8), rng_key=KEYS[0]),
        LIFJax(
            8,
            tau_mem=np.linspace(0.01, 0.03, 8),
            tau_syn=np.linspace(0.005, 0.02, 8)[:, None],
            bias=0.01 * np.arange(8.0),
            threshold=np.linspace(0.5, 1.5, 8),
            has_rec=True,
            w_rec=0.1 * np.asarray(jax.random.normal(KEYS[1], (8, 8))),
            max_spikes_per_dt=7.0,
            dt=2e-3,
        ),
        LinearJax((8, 3), rng_key=KEYS[2], has_bias=True),
        LIFJax(3, dt=2e-3),
    )


def branches() -> JaxModule:
    return Sequential(
        LinearJax((4, 8), rng_key=KEYS[0]),
        LIFJax(8),
        Residual(LinearJax((8, 8), rng_key=KEYS[1]), LIFJax(8)),
        LinearJax((8, 3), rng_key=KEYS[2]),
        LIFJax(3),
    )


def filters() -> JaxModule:
    return Sequential(
        LinearJax((4, 3), rng_key=KEYS[0]), ExpSynJax(3, tau=0.013), LowPassJax(3, tau=0.02)
    )


def values(network: JaxModule) -> list[dict[str, Any]]:
    """Parameters in the order of signals, without names."""
    graph = trace(network)
    fields = ("weights", "bias", "tau_mem", "tau_syn", "threshold", "dt", "max_spikes")
    kept = [node for node in graph.nodes if type(node).__name__ in ("LinearNode", "NeuronNode")]
    return [{name: getattr(node, name, None) for name in fields} for node in kept]


def assert_same_values(one: JaxModule, other: JaxModule) -> None:
    pairs = list(zip(values(one), values(other), strict=True))
    for left, right in pairs:
        for name in left:
            np.testing.assert_array_equal(left[name], right[name], err_msg=name)


@pytest.mark.parametrize("dialect", ["physical", "euler"])
@pytest.mark.parametrize("as_file", [False, True])
def test_a_network_comes_back_with_its_parameters_and_spikes(
    dialect: str, as_file: bool, tmp_path: Path
) -> None:
    network = chain()
    graph = to_nir(network, tmp_path / "network.nir", dialect=dialect)
    copy = from_nir(tmp_path / "network.nir" if as_file else graph)
    assert list(copy.modules()) == list(network.modules())
    if dialect == "physical":
        assert_same_values(network, copy)
        np.testing.assert_array_equal(copy(RASTER)[0], network(RASTER)[0])
    assert np.asarray(network(RASTER)[0]).sum() > 20
    assert np.mean(np.asarray(copy(RASTER)[0]) != np.asarray(network(RASTER)[0])) < 1e-2


def test_without_metadata_a_graph_means_the_same() -> None:
    graph = to_nir(chain())
    graph.metadata = {}
    copy = from_nir(graph, dt=2e-3)
    for left, right in zip(values(chain()), values(copy), strict=True):
        for name in set(left) - {"max_spikes"}:
            np.testing.assert_array_equal(left[name], right[name], err_msg=name)
    assert copy.attributes_named("max_spikes_per_dt")["1_LIFJax"]["max_spikes_per_dt"] == 1


def test_what_parts_and_adds_up_comes_back() -> None:
    copy = from_nir(to_nir(branches()))
    assert isinstance(copy, GraphJax)
    assert np.asarray(copy(RASTER)[0]).sum() > 20
    np.testing.assert_array_equal(copy(RASTER)[0], branches()(RASTER)[0])


def test_filters_come_back() -> None:
    copy = from_nir(to_nir(filters()))
    assert [type(one) for one in copy.modules().values()] == [LinearJax, ExpSynJax, LowPassJax]
    np.testing.assert_array_equal(copy(RASTER)[0], filters()(RASTER)[0])


@pytest.mark.parametrize("make", [chain, branches, filters])
def test_a_second_time_nothing_changes(make: Any) -> None:
    once = to_nir(from_nir(to_nir(make())))
    twice = to_nir(from_nir(once))
    assert sorted(twice.edges) == sorted(once.edges)
    assert twice.metadata == once.metadata
    for name, node in once.nodes.items():
        assert type(twice.nodes[name]) is type(node)
        assert_same_node(twice.nodes[name], node)


def assert_same_node(one: Any, other: Any) -> None:
    arrays = {name: value for name, value in vars(other).items() if isinstance(value, np.ndarray)}
    for name, value in arrays.items():
        np.testing.assert_array_equal(getattr(one, name), value, err_msg=name)


def test_every_graph_passes_the_type_check_of_nir_after_a_file(tmp_path: Path) -> None:
    for make in (chain, branches, filters):
        to_nir(make(), tmp_path / "graph.nir")
        assert nir.read(tmp_path / "graph.nir", type_check=True).check_types()


def test_eulers_steps_of_a_written_graph_give_each_spike_its_weight() -> None:
    node = to_nir(Sequential(LIFJax(2, tau_mem=0.03, tau_syn=0.01, bias=0.2))).nodes["0_LIFJax"]
    dt, decay = 1e-3, np.exp(-0.1)
    np.testing.assert_allclose(node.w_in * dt / node.tau_syn, decay, rtol=1e-6)
    np.testing.assert_allclose(node.r * dt / node.tau_mem, 1, rtol=1e-6)
    np.testing.assert_allclose(node.v_leak * dt / node.tau_mem, 0.2, rtol=1e-6)


def test_hardware_facts_are_metadata() -> None:
    told = json.loads(to_nir(chain()).metadata["xylograph"])
    assert told["dt"] == 2e-3
    assert told["dash_mem"]["3_LIFJax"] == [3, 3, 3]
    assert told["max_spikes"]["1_LIFJax"] == 7


def test_everything_that_nir_does_not_have_is_named() -> None:
    network = Sequential(
        RateJax(4), LinearJax((4, 4)), LIFJax((4, 2), noise_std=0.0), LIFJax(2, noise_std=0.1)
    )
    with pytest.raises(ValueError, match="NIR has no node") as caught:
        to_nir(network)
    text = str(caught.value)
    assert "`0_RateJax` is a population of rate neurons" in text
    assert "`3_LIFJax` has noise: set `noise_std` to 0" in text


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(ValueError, match="written are `physical` and `euler`"):
        to_nir(chain(), dialect="norse")
    with pytest.raises(ValueError, match="known are `auto`, `physical`, `euler`, `snntorch`"):
        from_nir(to_nir(chain()), dialect="lava")
    with pytest.raises(ValueError, match="positive time in seconds, got -1.0"):
        from_nir(to_nir(chain()), dt=-1.0)
    with pytest.raises(TypeError, match="takes a `nir.NIRGraph` or a path, got int"):
        from_nir(3)


# --- graphs of others ---


def graph_of(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> Any:
    return nir.NIRGraph(nodes, edges, type_check=False)


def between(*layers: Any, size: int = 2) -> Any:
    """A chain between an input and an output of two channels."""
    names = [f"n{index}" for index in range(len(layers))]
    nodes = {"input": nir.Input(np.array([size])), **dict(zip(names, layers, strict=True))}
    nodes["output"] = nir.Output(np.array([2]))
    order = list(nodes)
    return graph_of(nodes, list(pairwise(order)))


def full(value: float) -> np.ndarray:
    return np.full(2, value)


def lif(tau: float = 0.02, r: float = 20.0, leak: float = 0.0, reset: float = 0.0) -> Any:
    return nir.LIF(full(tau), full(r), full(leak), full(1.0), full(reset))


def weights() -> Any:
    return nir.Linear(np.array([[0.4, 0.1], [0.05, 0.3]]))


def simulated(
    drive: np.ndarray, alpha: float, threshold: float = 1.0, w_rec: np.ndarray | None = None
) -> np.ndarray:
    """A second implementation: neurons without synapses, one spike a step, that subtract."""
    v, spikes, out = np.zeros(2), np.zeros(2), []
    for arriving in drive:
        v = alpha * v + arriving + (0 if w_rec is None else w_rec @ spikes)
        spikes = (v >= threshold).astype(float)
        v = v - spikes * threshold
        out.append(spikes)
    return np.array(out)


DATA = np.random.default_rng(1).poisson(0.9, (80, 2)).astype(float)


@pytest.mark.parametrize(
    ("dialect", "node", "alpha", "gain"),
    [
        ("physical", lif(0.02, 20.0), np.exp(-0.05), 1.0),
        ("physical", lif(0.02, 10.0), np.exp(-0.05), 0.5),
        ("euler", lif(0.02, 10.0), 0.95, 0.5),
        ("snntorch", lif(1e-3, 10.0), 0.9, 1.0),
        ("rockpool", lif(0.02, 19.0), np.exp(-0.05), 1.0),
        ("norse", lif(0.005, 1.0), 0.8, 0.2),
        ("spyx", lif(10.0, 0.9), 0.9, 1.0),
        ("sinabs", lif(10.0, 1.0), np.exp(-0.1), 1.0),
        ("hxtorch", lif(20.0, 1.0), 0.95, 0.05),
    ],
)
def test_each_dialect_means_what_its_tool_computes(
    dialect: str, node: Any, alpha: float, gain: float
) -> None:
    given = None if dialect == "rockpool" else 1e-3
    if dialect == "rockpool":
        node = lif(0.02, 20 * np.exp(-0.05))
    network = from_nir(between(weights(), node), dt=given, dialect=dialect)
    expected = simulated(DATA @ weights().weight.T, alpha)
    assert expected.sum() > 20
    np.testing.assert_array_equal(network(DATA / gain)[0][0], expected)
    report = nir_report(between(weights(), node), dt=given, dialect=dialect)
    assert report.dt == pytest.approx(1e-3)
    assert report.layers[0].gain == pytest.approx((gain, gain))


def cuba(tau_mem: float, tau_syn: float, r: float, w_in: float) -> Any:
    return nir.CubaLIF(
        tau_mem=full(tau_mem),
        tau_syn=full(tau_syn),
        r=full(r),
        v_leak=full(0.0),
        v_threshold=full(1.0),
        w_in=full(w_in),
    )


@pytest.mark.parametrize(
    ("dialect", "node", "effective"),
    [
        ("physical", cuba(0.02, 0.01, 20.0, 5.0), 0.5),
        ("euler", cuba(0.02, 0.01, 20.0, 5.0), 0.5),
        ("snntorch", cuba(2e-3, 1e-3, 20.0, 10.0), 1.0),
        ("rockpool", cuba(0.02, 0.01, 20 * np.exp(-0.05), 1.0), np.exp(-0.1)),
        ("norse", cuba(0.02, 0.01, 1.0, 1.0), 0.05),
        ("spyx", cuba(20.0, 10.0, 0.95, 1.0), 1.0),
        ("sinabs", cuba(20.0, 10.0, 1.0, 1.0), 1.0),
        ("hxtorch", cuba(20.0, 10.0, 20.0, 5.0), 0.5),
    ],
)
def test_synapses_of_each_dialect(dialect: str, node: Any, effective: float) -> None:
    network = from_nir(between(weights(), node), dt=1e-3, dialect=dialect)
    report = nir_report(between(weights(), node), dt=1e-3, dialect=dialect)
    assert report.layers[0].gain == pytest.approx((effective, effective))
    euler = dialect in ("euler", "snntorch", "norse", "spyx", "hxtorch")
    alpha, beta = (0.95, 0.9) if euler else (np.exp(-0.05), np.exp(-0.1))
    current, arriving = np.zeros(2), []
    for one in DATA @ weights().weight.T:
        current = beta * current + one / 4
        arriving.append(current)
    expected = simulated(np.array(arriving), alpha)
    assert expected.sum() > 20
    np.testing.assert_array_equal(network(DATA / effective / 4)[0][0], expected)


@pytest.mark.parametrize(
    ("node", "dt", "dialect"),
    [
        (lif(0.02, 20.0), 1e-3, "physical"),
        (lif(1e-3, 10.0), None, "snntorch"),
        (cuba(0.02, 0.01, 20 * np.exp(-0.05), 1.0), 1e-3, "rockpool"),
        (cuba(0.02, 0.01, 1.0, 1.0), 1e-3, "norse"),
        (lif(10.0, 0.9), 1e-3, "spyx"),
        (lif(10.0, 1.0), 1e-3, "sinabs"),
        (lif(0.02, 7.0), 1e-3, "physical"),
    ],
)
def test_dialects_are_recognized(node: Any, dt: float | None, dialect: str) -> None:
    report = nir_report(between(weights(), node), dt=dt)
    assert report.dialect == dialect
    assert report.assumptions[0].startswith(f"{dialect}, as ")


def test_what_cannot_be_told_is_asked_for() -> None:
    with pytest.raises(ValueError, match="does not tell the length of a step: give `dt`"):
        from_nir(between(weights(), lif(0.02, 7.0)))
    with pytest.raises(FormatError, match="seconds, milliseconds or steps"):
        from_nir(between(weights(), lif(20.0, 7.0)), dt=1e-3)
    with pytest.raises(FormatError, match=r"its r says a step of 0.001 s, `dt` is 0.002 s"):
        node = lif(0.02, 20 * np.exp(-0.05))
        from_nir(between(weights(), node), dt=2e-3, dialect="rockpool")
    with pytest.raises(FormatError, match="`n1`: a time constant is not longer than a step"):
        from_nir(between(weights(), lif(1e-3, 1.0)), dt=2e-3, dialect="euler")


def test_a_reset_elsewhere_is_refused_unless_asked_for() -> None:
    graph = between(weights(), lif(reset=-0.5))
    with pytest.raises(FormatError, match="a spike of `n1` sets the voltage to a `v_reset`"):
        from_nir(graph, dt=1e-3)
    assert from_nir(graph, dt=1e-3, reset="approximate").size_out == 2
    report = nir_report(graph, dt=1e-3, reset="approximate")
    assert "though the graph may mean a reset" in " ".join(report.assumptions)


def test_all_nodes_without_a_meaning_are_named() -> None:
    delay, pool = nir.Delay(full(1e-3)), nir.SumPool2d(*[np.array([1, 1])] * 3)
    with pytest.raises(FormatError, match="no module means the same as Delay `n0`, SumPool2d `n1`"):
        from_nir(between(delay, pool, lif()), dt=1e-3)


def test_a_leak_voltage_is_a_bias() -> None:
    network = from_nir(between(weights(), lif(0.02, 20.0, leak=4.0)), dt=1e-3)
    expected = simulated(DATA @ weights().weight.T + 0.2, np.exp(-0.05))
    np.testing.assert_array_equal(network(DATA)[0][0], expected)


def test_a_scale_an_affine_and_flatten() -> None:
    layers = (
        nir.Flatten({"input": np.array([1, 2])}, start_dim=0),
        nir.Scale(np.array([2.0, 0.5])),
        nir.Affine(weights().weight, np.array([0.1, 0.0])),
        lif(),
    )
    expected = simulated((DATA * [2.0, 0.5]) @ weights().weight.T + [0.1, 0.0], np.exp(-0.05))
    network = from_nir(between(*layers), dt=1e-3)
    np.testing.assert_array_equal(network(DATA)[0][0], expected)


def test_scalars_of_older_files_are_for_all_channels() -> None:
    scalar = nir.LIF(*(np.array(value) for value in (0.02, 20.0, 0.0, 1.0, 0.0)))
    expected = from_nir(between(weights(), lif()), dt=1e-3)(DATA)[0]
    got = from_nir(between(weights(), scalar), dt=1e-3)(DATA)[0]
    np.testing.assert_array_equal(got, expected)


W_REC = np.array([[-0.25, 0.5], [0.25, -0.5]])


def flat_cycle() -> Any:
    nodes = {
        "input": nir.Input(np.array([2])),
        "w": weights(),
        "lif": lif(),
        "rec": nir.Affine(W_REC, np.array([0.125, 0.0])),
        "output": nir.Output(np.array([2])),
    }
    edges = [("input", "w"), ("w", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "output")]
    return graph_of(nodes, edges)


def nested_cycle() -> Any:
    flat = flat_cycle()
    inner = {name: flat.nodes[name] for name in ("input", "lif", "rec", "output")}
    inner_edges = [("input", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "output")]
    nodes = {
        "input": flat.nodes["input"],
        "w": flat.nodes["w"],
        "rnn": graph_of(inner, inner_edges),
        "output": flat.nodes["output"],
    }
    return graph_of(nodes, [("input", "w"), ("w", "rnn"), ("rnn", "output")])


@pytest.mark.parametrize("make", [flat_cycle, nested_cycle])
def test_both_forms_of_recurrence_become_recurrent_weights(make: Any) -> None:
    network = from_nir(make(), dt=1e-3)
    drive = DATA @ weights().weight.T + [0.125, 0.0]
    expected = simulated(drive, np.exp(-0.05), w_rec=W_REC)
    assert expected.sum() > 20
    np.testing.assert_array_equal(network(DATA)[0][0], expected)


def test_weights_for_several_are_not_multiplied_for_one() -> None:
    nodes = {
        "input": nir.Input(np.array([2])),
        "w": weights(),
        "a": lif(0.02, 10.0),
        "b": lif(0.02, 20.0),
        "output": nir.Output(np.array([2])),
    }
    edges = [("input", "w"), ("w", "a"), ("w", "b"), ("a", "output"), ("b", "output")]
    network = from_nir(graph_of(nodes, edges), dt=1e-3, dialect="physical")
    drive, alpha = DATA @ weights().weight.T, np.exp(-0.05)
    expected = simulated(drive / 2, alpha) + simulated(drive, alpha)
    np.testing.assert_array_equal(network(DATA)[0][0], expected)


def test_integrators_and_thresholds() -> None:
    # In numbers that never add up to a threshold exactly: there the last digit would decide.
    counting = nir.IF(full(1000.0), full(np.pi / 3))
    np.testing.assert_array_equal(
        from_nir(between(weights(), counting), dt=1e-3)(DATA)[0][0],
        simulated(DATA @ weights().weight.T, 1.0, threshold=np.pi / 3),
    )
    crossing = from_nir(between(weights(), nir.Threshold(full(0.61))), dt=1e-3)
    drive = DATA @ weights().weight.T
    np.testing.assert_array_equal(crossing(DATA)[0][0], drive >= 0.61)
    summing = from_nir(between(weights(), nir.I(full(500.0))), dt=1e-3)
    np.testing.assert_allclose(summing(DATA)[0][0], 0.5 * drive.cumsum(axis=0), rtol=1e-5)


def test_leaky_integrators_with_and_without_synapses() -> None:
    drive = DATA @ weights().weight.T
    first = from_nir(between(weights(), nir.LI(full(0.02), full(10.0), full(2.0))), dt=1e-3)
    second = from_nir(
        between(weights(), nir.CubaLI(full(0.01), full(0.02), full(20.0), full(0.0), full(10.0))),
        dt=1e-3,
        dialect="physical",
    )
    v, w, current = np.zeros(2), np.zeros(2), np.zeros(2)
    for step, one in enumerate(drive):
        v = np.exp(-0.05) * v + 0.5 * one + 0.1
        current = np.exp(-0.1) * current + one
        w = np.exp(-0.05) * w + current
        np.testing.assert_allclose(first(DATA)[0][0, step], v, rtol=1e-4)
        np.testing.assert_allclose(second(DATA)[0][0, step], w, rtol=1e-4)


def test_neurons_without_synapse_go_out_as_they_came() -> None:
    graph = between(weights(), lif(0.02, 20.0))
    again = to_nir(from_nir(graph, dt=1e-3))
    assert type(again.nodes["n1"]) is nir.LIF
    np.testing.assert_array_equal(again.nodes["n0"].weight, graph.nodes["n0"].weight.astype("f4"))
    np.testing.assert_allclose(again.nodes["n1"].r, 20.0, rtol=1e-6)


def test_the_report_tells_gain_and_decay_of_each_layer() -> None:
    report = nir_report(to_nir(chain()))
    text = str(report)
    assert text.startswith("read as physical, dt = 2 ms\n")
    assert "3_LIFJax (CubaLIF): gain 0.9048, tau_mem/dt 10 (dash 3), tau_syn/dt 10 (dash 3)" in text
    bare = str(nir_report(between(weights(), lif()), dt=1e-3))
    assert "`n1` have no synapse" in bare


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda g: g.edges.append(("n1", "nowhere")), "one is no node"),
        (lambda g: g.edges.append(("n0", "n1")), "two ways lead from `n0` to `n1`"),
        (lambda g: g.nodes.pop("output"), "one is no node"),
        (lambda g: g.nodes.update(o=nir.Output(np.array([2]))), "1 inputs and 2 outputs"),
        (lambda g: g.edges.remove(("n1", "output")), "this is no graph"),
        (lambda g: setattr(g.nodes["n0"], "weight", np.ones((2, 3))), "`input` gives 2 .* takes 3"),
        (lambda g: setattr(g.nodes["n1"], "tau", full(0.0)), "`n1.tau` must be positive"),
        (lambda g: setattr(g.nodes["n1"], "r", full(np.nan)), "numbers that are not finite"),
        (
            lambda g: g.nodes.update(n1=cuba(0.02, 1e-6, 2, 2)),
            "multiplies its input by what is not",
        ),
        (lambda g: setattr(g.nodes["n1"], "r", np.ones(3)), "`n1` takes 3|has 2 values for 3"),
        (lambda g: setattr(g.nodes["n1"], "v_threshold", full(0)), "threshold that is not pos"),
        (lambda g: g.nodes.update(input=nir.Input(np.array([2**62]))), "`input` has the shape"),
    ],
)
def test_graphs_that_are_none_are_refused(change: Any, text: str) -> None:
    graph = between(weights(), lif())
    change(graph)
    with pytest.raises(FormatError, match=text):
        from_nir(graph, dt=1e-3)


def test_graphs_too_deep_in_each_other_are_refused() -> None:
    graph = between(weights(), lif())
    for _ in range(20):
        graph = between(graph)
    with pytest.raises(FormatError, match="graphs 16 deep in each other"):
        from_nir(graph, dt=1e-3)


def test_circles_through_several_populations_are_refused() -> None:
    graph = between(weights(), lif(), weights(), lif())
    graph.nodes["back"] = weights()
    graph.edges += [("n3", "back"), ("back", "n1")]
    text = "a cycle leads through several populations, `n1`, `n3`, .* make them one population"
    with pytest.raises(FormatError, match=text):
        from_nir(graph, dt=1e-3)


def test_circles_without_neurons_are_refused() -> None:
    graph = between(weights(), weights(), lif())
    graph.edges.append(("n1", "n0"))
    with pytest.raises(FormatError, match="a cycle through `n[01]` has no neurons in it"):
        from_nir(graph, dt=1e-3)


def test_populations_are_neurons_to_the_compiler() -> None:
    graph = trace(from_nir(to_nir(chain())))
    assert [type(node) for node in graph.populations] == [NeuronNode, NeuronNode]


def test_names_that_folding_would_give_may_be_taken() -> None:
    two = np.ones(2)
    cells = nir.LIF(tau=0.02 * two, r=10 * two, v_leak=0 * two, v_threshold=two)
    nodes = {
        "input": nir.Input(np.array([2])),
        "cells_gain": nir.Linear(np.eye(2)),
        "first": cells,
        "cells": cells,
        "output": nir.Output(np.array([2])),
    }
    path = ["input", "cells_gain", "first", "cells", "output"]
    network = from_nir(nir.NIRGraph(nodes, list(pairwise(path))), dt=1e-3)
    assert list(network.modules()) == ["cells_gain", "first", "cells_gain_", "cells"]
