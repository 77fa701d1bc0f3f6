"""Deployments that must not lose more of a metric than they may."""

import pickle
from typing import Any

import numpy as np
import pytest
from mapping_cases import chain, events

from xylograph.mapping import (
    AccuracyBudgetError,
    QuantizationReport,
    Specification,
    channel_quantize,
    deploy,
)

NETWORK = chain(3, 9, 4, recurrent=True, seed=3)
RASTER = events(8, 40, 3, seed=1)


def spikes(output: Any, labels: Any) -> float:
    """The mean of output spikes a step, of whatever labels."""
    return float(np.mean(output))


def halved(spec: Specification) -> tuple[Specification, QuantizationReport]:
    """A quantizer that makes outputs spike half as much, and says so."""
    integers, report = channel_quantize(spec)
    object.__setattr__(integers, "threshold_out", np.minimum(4 * integers.threshold_out, 32767))
    return integers, QuantizationReport("halved", report.summary, ("outputs",))


def test_a_deployment_within_the_budget_tells_both_figures() -> None:
    accuracy = deploy(NETWORK, "xylo-audio-3", data=(RASTER, 0), metric=spikes).accuracy
    assert accuracy is not None
    assert accuracy.is_within
    assert accuracy.network > 0.05
    assert accuracy.deployed == pytest.approx(accuracy.network, abs=0.01)


@pytest.mark.parametrize("verify", [False, True])
def test_a_deployment_over_the_budget_names_the_pass_that_costs_most(verify: bool) -> None:
    with pytest.raises(AccuracyBudgetError) as caught:
        deploy(
            NETWORK,
            "xylo-audio-3",
            quantizer=halved,
            data=(RASTER, 0),
            metric=spikes,
            verify=verify,
        )
    error = caught.value
    text = str(error)
    drop = error.accuracy.network - error.accuracy.deployed
    assert drop > 0.01
    assert text.startswith(
        f"metric {error.accuracy.network:.4g} of the network, {error.accuracy.deployed:.4g} on the "
        f"chip: {drop:.4g} less, 0.01 allowed; most is lost by `halved`. After each pass that "
        "changes it:"
    )
    # What the passes change adds up to what is lost.
    metrics = [r.check.metric for r in error.log if r.check and r.check.metric is not None]
    assert metrics[-1] == pytest.approx(error.accuracy.deployed)
    assert metrics[0] == pytest.approx(error.accuracy.network)
    line = next(line for line in text.splitlines() if line.startswith("- halved: "))
    place = [report.name for report in error.log].index("halved")
    before, after = metrics[place - 1 : place + 1]
    assert f"{after:.4g} ({after - before:+.4g})" in line


def test_the_budget_is_the_users() -> None:
    settings: dict[str, Any] = {"quantizer": halved, "data": (RASTER, 0), "metric": spikes}
    deployment = deploy(NETWORK, "xylo-audio-3", max_drop=1.0, **settings)
    assert deployment.accuracy is not None and deployment.accuracy.max_drop == 1.0


def test_the_error_survives_pickling() -> None:
    with pytest.raises(AccuracyBudgetError) as caught:
        deploy(NETWORK, "xylo-imu", quantizer=halved, data=(RASTER, 0), metric=spikes)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


@pytest.mark.parametrize("data", [None, RASTER, (RASTER,)])
def test_a_metric_needs_data_and_labels(data: Any) -> None:
    with pytest.raises(ValueError, match=r"a `metric` needs `data=\(spike counts, labels\)`"):
        deploy(NETWORK, "xylo-imu", data=data, metric=spikes)


def test_labels_without_a_metric_are_refused() -> None:
    with pytest.raises(ValueError, match="without a `metric` give spike counts alone"):
        deploy(NETWORK, "xylo-imu", data=(RASTER, 0))
