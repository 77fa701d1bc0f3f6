"""Rasters and recordings go out as NIRData and come back in every step."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="the extra `nir` is not installed")

from xylograph.mapping import from_nir_data, to_nir_data
from xylograph.models import FormatError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("as_file", [False, True])
def test_counts_and_voltages_come_back(as_file: bool, tmp_path: Path) -> None:
    rasters = {
        "input": {"spikes": RNG.poisson(1.0, (2, 30, 4))},
        "1_LIFJax": {"vmem": RNG.normal(size=(2, 30, 3)).astype("f4"), "spikes": np.eye(30, 3)},
    }
    data = to_nir_data(rasters, 1e-3, tmp_path / "data.nir", events=True)
    assert isinstance(data.nodes["input"].observables["spikes"], nir.TimeGriddedData)
    assert isinstance(data.nodes["1_LIFJax"].observables["spikes"], nir.EventData)
    found = from_nir_data(tmp_path / "data.nir" if as_file else data, dt=1e-3)
    np.testing.assert_array_equal(found["input"]["spikes"], rasters["input"]["spikes"])
    np.testing.assert_array_equal(found["1_LIFJax"]["vmem"], rasters["1_LIFJax"]["vmem"])
    np.testing.assert_array_equal(found["1_LIFJax"]["spikes"][0], np.eye(30, 3))


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 5e-3, 1e-2, 0.3])
def test_no_event_slips_into_another_step_here_or_in_the_library(dt: float) -> None:
    raster = RNG.random((1, 2000, 2)) < 0.5
    data = to_nir_data({"input": {"spikes": raster}}, dt, events=True)
    np.testing.assert_array_equal(from_nir_data(data, dt)["input"]["spikes"], raster)
    theirs = data.nodes["input"].observables["spikes"].to_time_gridded(dt).data
    np.testing.assert_array_equal(theirs, raster[:, : theirs.shape[1]])


@pytest.mark.parametrize("dt", [1e-4, 5e-3, 1e-2])
def test_events_of_others_at_the_border_of_steps_stay_in_theirs(dt: float) -> None:
    raster = np.ones((1, 2000, 1), bool)
    events = nir.TimeGriddedData(raster, dt).to_event(2000, time_shift=0.0)
    data = nir.NIRGraphData({"n": nir.NIRNodeData({"spikes": events})})
    np.testing.assert_array_equal(from_nir_data(data, dt)["n"]["spikes"], raster)


def events_of(idx: Any, time: Any, value: Any = None, n: int = 2, t_max: float = 3e-3) -> Any:
    common = {"idx": np.array([idx]), "time": np.array([time]), "n_neurons": n, "t_max": t_max}
    made = (
        nir.EventData(**common)
        if value is None
        else nir.ValuedEventData(**common, value=np.array([value]))
    )
    return nir.NIRGraphData({"n": nir.NIRNodeData({"x": made})})


def test_several_events_in_a_step_count_and_values_add_up() -> None:
    times = [0.0, 0.5e-3, 2.2e-3, np.inf]
    counts = from_nir_data(events_of([1, 1, 0, -1], times), 1e-3)["n"]["x"]
    np.testing.assert_array_equal(counts, [[[0, 2], [0, 0], [1, 0]]])
    sums = from_nir_data(events_of([1, 1, 0, -1], times, [0.5, 2.0, 3.0, 9.0]), 1e-3)["n"]["x"]
    np.testing.assert_array_equal(sums, [[[0, 2.5], [0, 0], [3, 0]]])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (events_of([2], [0.0]), "events outside of its 2 neurons"),
        (events_of([0], [1.0]), "or its 0.003 s"),
        (events_of([0], [np.nan]), "events outside"),
        (events_of([0], [0.0], n=10**12), "recording of limited size"),
        (events_of([0], [0.0], t_max=np.nan), "recording of limited size"),
        (events_of([0.0], [0.0]), "holds no events"),
    ],
)
def test_events_that_cannot_be_are_refused(data: Any, text: str) -> None:
    with pytest.raises(FormatError, match=text):
        from_nir_data(data, 1e-3)


def test_what_is_missing_or_wrong_is_said() -> None:
    with pytest.raises(ValueError, match="`n.x` holds events: give `dt`"):
        from_nir_data(events_of([0], [0.0]))
    with pytest.raises(ValueError, match=r"`x` of `n` is int64 of the shape \(3,\)"):
        to_nir_data({"n": {"x": np.arange(3)}}, 1e-3)
    with pytest.raises(ValueError, match="positive time in seconds, got 0.0"):
        to_nir_data({}, 0.0)
    grid = to_nir_data({"n": {"x": np.ones((2, 2))}}, 1e-3)
    with pytest.raises(FormatError, match="`n.x` has steps of 0.001 s, `dt` is 0.002 s"):
        from_nir_data(grid, 2e-3)
    with pytest.raises(TypeError, match="takes `nir.NIRGraphData` or a path, got dict"):
        from_nir_data({})
