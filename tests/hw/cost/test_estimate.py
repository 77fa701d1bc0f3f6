import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.hw import Activity, XyloConfig, XyloSim, estimate_cost
from xylograph.hw.cost._power import POWER_ANCHORS, anchors_for, power_range


def _worked(chip: str) -> XyloConfig:
    """2 inputs, 4 neurons, 4 more behind them with recurrence and aliases, 2 outputs."""
    weights_in = np.zeros((2, 8), dtype=int)
    weights_in[:, :4] = 1
    weights_rec = np.zeros((8, 8), dtype=int)
    weights_rec[:, 4:] = 1
    weights_out = np.zeros((8, 2), dtype=int)
    weights_out[4:] = 1
    return XyloConfig(
        chip,
        weights_in=weights_in,
        weights_rec=weights_rec,
        weights_out=weights_out,
        threshold=1,
        threshold_out=1,
        aliases=[[4], [5], [6], [7], [], [], [], []],
        dt=0.01,
    )


def _by_probability(config: XyloConfig, p_in: float, p_delivered: float, p_spiking: float) -> float:
    """The formulas of the fact page, with one probability for all neurons."""
    n_in, n_hid, n_out = config.n_inputs, config.n_hidden, config.n_outputs
    fan_out = sum(int(w != 0) for row in config.weights_rec[:, :, 0] for w in row) / n_hid
    a = sum(len(targets) for targets in config.aliases) / n_hid
    p = p_spiking
    return (
        n_in * (p_in * n_hid * 3.5 + 1)
        + n_hid * (fan_out * 7 * p_delivered + 3)
        + n_hid * p_delivered * (1 + 8 * n_out)
        + n_hid * (19 + 2 * max(p, a * a) + 3 * max(p * a, a * a) + 1 * p + 1 * max(p, a) * a)
        + n_out * 12
    )


@pytest.mark.parametrize(
    ("chip", "parts"),
    [("xylo-imu", (30, 248, 68, 192, 24)), ("xylo-audio-2", (58, 248, 136, 192, 24))],
)
def test_worked_examples_of_the_fact_page(chip: str, parts: tuple[int, ...]) -> None:
    worst = estimate_cost(_worked(chip)).worst_case
    assert (
        worst.input,
        worst.recurrent,
        worst.output,
        worst.hidden_neurons,
        worst.output_neurons,
    ) == parts
    assert worst.total == sum(parts)


def test_clock_of_the_worked_example() -> None:
    assert round(estimate_cost(_worked("xylo-imu")).min_clock, -2) == 67_400


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_activity_is_the_formula_of_each_step_where_fan_outs_are_equal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_in, n_hid, n_out = (int(n) for n in rng.integers(1, 8, 3))
    links = [[int(rng.integers(n_hid))] if rng.random() < 0.3 else [] for _ in range(n_hid)]
    config = XyloConfig(
        "xylo-audio-3",
        weights_in=rng.integers(1, 60, (n_in, n_hid)),
        weights_rec=rng.integers(1, 20, (n_hid, n_hid)),
        weights_out=rng.integers(1, 60, (n_hid, n_out)),
        threshold=rng.integers(50, 900, n_hid),
        threshold_out=100,
        aliases=links,
    )
    raster = rng.poisson(0.3, (2, 12, n_in))
    cost = estimate_cost(config, raster)
    assert cost.activity is not None

    spikes = XyloSim(config, engine="reference")(raster, record=True)[2]["Spikes"]
    totals = []
    for sample in range(2):
        delivered = 0.0
        for step in range(12):
            spiking = float((spikes[sample, step] > 0).mean())
            p_in = float((raster[sample, step] > 0).mean())
            totals.append(_by_probability(config, p_in, delivered, spiking))
            delivered = spiking
    assert cost.activity.mean.total == pytest.approx(np.mean(totals))
    assert cost.activity.busiest.total == pytest.approx(max(totals))
    where = cost.activity.sample * 12 + cost.activity.step
    assert totals[where] == pytest.approx(max(totals))
    assert cost.activity.busiest.total <= cost.worst_case.total + 1e-9


def test_recordings_in_chunks_cost_what_they_cost_together(monkeypatch: pytest.MonkeyPatch) -> None:
    config = _worked("xylo-audio-3")
    raster = np.random.default_rng(1).poisson(0.4, (7, 20, 2))
    whole = estimate_cost(config, raster).activity
    monkeypatch.setattr("xylograph.hw.cost._activity._CHUNK_VALUES", 320)
    assert estimate_cost(config, raster).activity == whole


def test_silence_costs_less_than_the_worst_case_but_not_nothing() -> None:
    cost = estimate_cost(
        _worked("xylo-imu"), np.zeros((30, 2), dtype=int), main_clock=6.25e6, margin=0.0
    )
    assert isinstance(cost.activity, Activity) and cost.mean_step_time is not None
    assert 0 < cost.activity.mean.total < cost.worst_case.total
    assert cost.mean_step_time == cost.activity.mean.total / 6.25e6
    assert cost.min_clock_for_activity == cost.activity.busiest.total / 0.01


def test_a_slow_clock_is_called_too_slow() -> None:
    cost = estimate_cost(_worked("xylo-imu"), main_clock=60e3)
    assert not cost.keeps_up
    assert "TOO SLOW" in str(cost)
    assert estimate_cost(_worked("xylo-imu"), main_clock=68e3).keeps_up


@pytest.mark.parametrize("chip", ["xylo-1", "xylo-audio-2", "xylo-imu", "xylo-audio-3"])
def test_power_is_a_range_with_its_sources(chip: str) -> None:
    cost = estimate_cost(_worked(chip))
    low, high = cost.power
    assert 0 < low < high
    assert cost.energy_per_step == (low * 0.01, high * 0.01)
    text = str(cost)
    assert all(anchor.source in text for anchor in cost.anchors)
    assert ("of other chips" in text) == (chip in ("xylo-1", "xylo-imu"))


def test_the_range_holds_the_measurement_at_its_own_clock() -> None:
    for anchor in POWER_ANCHORS:
        low, high = power_range(anchors_for(anchor.chip), anchor.main_clock)
        assert low <= anchor.power <= high
        assert power_range((anchor,), anchor.main_clock) == (anchor.power, anchor.power)


@pytest.mark.parametrize("clock", [0.0, -1.0, float("nan"), float("inf")])
def test_a_clock_that_is_none_is_refused(clock: float) -> None:
    with pytest.raises(ValueError, match="`main_clock` is .*give hertz above zero"):
        estimate_cost(_worked("xylo-imu"), main_clock=clock)


@pytest.mark.parametrize("margin", [-0.1, float("nan"), float("inf")])
def test_a_margin_below_nothing_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="`margin` is .*give zero or more"):
        estimate_cost(_worked("xylo-imu"), margin=margin)


@pytest.mark.parametrize("shape", [(0, 2), (3, 0, 2), (0, 5, 2)])
def test_a_raster_without_steps_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="has no step"):
        estimate_cost(_worked("xylo-imu"), np.zeros(shape, dtype=int))


def test_a_raster_of_other_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="channel"):
        estimate_cost(_worked("xylo-imu"), np.zeros((4, 3), dtype=int))
