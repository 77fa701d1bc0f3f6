"""Verifying: lossless passes are held to it, lossy ones are measured."""

import pickle
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import chain, events, graph, neurons, two_layers, weights
from random_graphs import random_graph

from xylograph.mapping import (
    Graph,
    LinearNode,
    NeuronNode,
    PassReport,
    Pipeline,
    Specification,
    VerificationError,
    compare,
    deploy,
    trace,
)
from xylograph.mapping.comparison._observe import observe
from xylograph.mapping.passes import _checker

DATA = events(4, 30, 2, density=0.5)


@dataclass(frozen=True)
class Meddle:
    """Make the weights of one node larger."""

    name: str
    factor: float
    losses: tuple[str, ...] = ()

    def __call__(self, net: Graph) -> tuple[Graph, PassReport]:
        nodes = tuple(
            replace(node, weights=node.weights * self.factor)
            if isinstance(node, LinearNode) and node.name == self.name
            else node
            for node in net.nodes
        )
        return Graph(nodes, net.output), PassReport("Meddle", "did nothing", self.losses)


def verified(net: Graph, *steps: Any, **options: Any) -> tuple[PassReport, ...]:
    return Pipeline("xylo-audio-3", steps).run(net, verify=True, data=DATA, **options)[1]


def test_a_pass_that_says_nothing_is_lost_is_caught_with_the_first_difference() -> None:
    net, meddle = trace(chain(2, 3, 4, 2)), Meddle("2_LinearJax", 1.5)
    with pytest.raises(VerificationError) as caught:
        verified(net, meddle)
    expected = compare(net, meddle(net)[0], DATA).divergence
    assert expected is not None
    check = caught.value.report.check
    found = None if check is None else check.change.divergence
    # Of each sample the first difference is looked at, the first sample first.
    assert found is not None and found.layer == "3_LIFJax"
    assert str(caught.value).startswith(
        "the pass `Meddle` reports no loss, but changes spikes; the first difference between what "
        f"came in and what came out: `3_LIFJax`[{found.neuron}] at step {found.step} of sample "
        f"{found.sample}: "
    )
    assert "thresholds)" in str(caught.value)


def test_a_pass_that_reports_a_loss_is_measured() -> None:
    net = trace(chain(2, 3, 4, 2))
    meddle = Meddle("2_LinearJax", 1.5, ("weights are larger",))
    (report,) = verified(net, meddle)
    assert report.check is not None
    expected = compare(net, meddle(net)[0], DATA)
    assert [layer.n_different for layer in report.check.change.layers] == [
        layer.n_different for layer in expected.layers
    ]
    assert report.check.change.count_error == expected.count_error > 0
    assert f"measured: {expected.count_error:.2%} error of spike counts" in str(report)


def test_each_pass_is_compared_with_the_one_before_and_with_the_beginning() -> None:
    net = trace(chain(2, 3, 4, 2))
    larger = Meddle("0_LinearJax", 1.5, ("larger",))
    smaller = Meddle("0_LinearJax", 1 / 1.5, ("smaller",))
    first, second = (report.check for report in verified(net, larger, smaller))
    assert first is not None and second is not None
    assert not first.change.is_equal and not second.change.is_equal
    assert second.so_far.is_equal
    assert str(second) == "every spike is the same (4 samples)"


def test_a_value_that_comes_back_is_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    n_runs = []
    real = observe
    monkeypatch.setattr(_checker, "observe", lambda *a, **k: n_runs.append(1) or real(*a, **k))

    def nothing(net: Graph) -> tuple[Graph, PassReport]:
        return net, PassReport("nothing", "nothing")

    verified(two_layers(), nothing, nothing, nothing)
    assert len(n_runs) == 1


def tied() -> Graph:
    """A neuron that reaches its threshold exactly, to the last bit."""
    taus = {"tau_mem": np.full(1, np.inf), "tau_syn": np.full((1, 1), np.inf)}
    return graph(
        weights("w", "@input", [[0.1], [0.2]]),
        neurons("out", "w", 1, threshold=np.array([0.1 + 0.2]), **taus),
    )


def test_a_tie_is_no_error_and_said_so() -> None:
    def reordered(net: Graph) -> tuple[Graph, PassReport]:
        node = net["out"]
        assert isinstance(node, NeuronNode)
        changed = replace(node, threshold=np.nextafter(node.threshold, 1))
        nodes = tuple(changed if one is node else one for one in net.nodes)
        return Graph(nodes, net.output), PassReport("reordered", "moved the last bit")

    data = np.array([[[1, 1], [0, 0]]])
    _, (report,) = Pipeline("xylo-imu", (reordered,)).run(tied(), verify=True, data=data)
    assert "a tie, decided by the rounding of floats: `out`[0] at step 0 of sample 0" in str(report)


def test_a_metric_is_measured_after_each_pass() -> None:
    net = trace(chain(2, 3, 4, 2))
    pipeline = Pipeline("xylo-audio-3", (Meddle("0_LinearJax", 0.0, ("gone",)),))
    _, (report,) = pipeline.run(
        net, verify=True, data=DATA, metric=lambda output: float(output.sum())
    )
    assert report.check is not None and report.check.metric == 0.0
    assert str(report).endswith("; metric 0")


def test_without_data_random_ones_are_made_up_and_always_the_same() -> None:
    first, second = (
        Pipeline("xylo-audio-3").run(trace(chain(2, 3, 2)), verify=True)[1] for _ in range(2)
    )
    assert [str(report) for report in first] == [str(report) for report in second]
    check = first[0].check
    assert check is not None and check.change.n_samples == 16 and check.change.n_steps == 100
    assert check.change.layers[0].n_spikes > 0


def test_data_of_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="the data have 3 channels, the network takes 2"):
        Pipeline("xylo-imu").run(two_layers(), verify=True, data=events(2, 10, 3))


def test_a_resumed_run_is_verified_against_where_it_began() -> None:
    pipeline, net = Pipeline.for_deployment("xylo-audio-3"), trace(chain(2, 3, 4, 2))
    spec, _ = pipeline.run(net, stop_after="SelectWeightShifts")
    _, log = pipeline.run(spec, resume_from="Quantize", verify=True, data=DATA)
    assert all(report.check is not None for report in log)


def test_values_that_cannot_be_run_are_passed_over() -> None:
    def wrapped(net: Graph) -> tuple[dict[str, Graph], PassReport]:
        return {"net": net}, PassReport("wrapped", "put into a dictionary")

    def unwrapped(held: dict[str, Graph]) -> tuple[Graph, PassReport]:
        return held["net"], PassReport("unwrapped", "taken out again")

    first, second = verified(two_layers(), wrapped, unwrapped)
    assert first.check is None and second.check is None


def test_the_whole_road_is_verified_in_deploy() -> None:
    net = chain(2, 3, 4, 2)
    deployment = deploy(net, "xylo-audio-3", verify=True, data=DATA)
    checks = {report.name: report.check for report in deployment.log}
    assert all(check is not None for check in checks.values())
    last = checks["CheckSaturation"]
    assert last is not None
    expected = compare(net, deployment, DATA)
    assert last.so_far.count_error == expected.count_error
    # No difference can be larger than all that the passes report together.
    for place, layer in enumerate(expected.layers):
        sizes = [
            check.change.layers[place].count_error * check.change.layers[place].n_spikes
            for check in checks.values()
            if check is not None
        ]
        assert layer.count_error * layer.n_spikes <= sum(sizes) + 1e-9


def test_without_verifying_nothing_is_measured() -> None:
    assert all(report.check is None for report in deploy(chain(2, 3, 2), "xylo-imu").log)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), chip=st.sampled_from(("xylo-audio-2", "xylo-audio-3")))
def test_every_standard_pass_keeps_to_what_it_reports(seed: int, chip: str) -> None:
    net = random_graph(seed, n_layers=4)
    spec, log = Pipeline(chip).run(net, verify=True, data=DATA)
    assert isinstance(spec, Specification)
    exact = {"FoldScales", "FoldLinearMaps", "CheckStructure", "AssembleSpecification"}
    assert all(not report.losses for report in log if report.name in exact)


def test_a_verification_error_can_be_pickled() -> None:
    with pytest.raises(VerificationError) as caught:
        verified(trace(chain(2, 3, 4, 2)), Meddle("2_LinearJax", 1.5))
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
