from typing import Any

import numpy as np
import pytest
from mapping_cases import chain, events, specification

from xylograph.hw import get_chip
from xylograph.mapping import (
    OnChip,
    Pipeline,
    Specification,
    calibrated_quantize,
    channel_quantize,
    deploy,
    observe,
    trace,
)

NETWORK = chain(3, 9, 4, recurrent=True, seed=3)
RASTER = events(6, 40, 3, seed=1)


def placed(network: Any = NETWORK, chip: str = "xylo-audio-3") -> Specification:
    return Pipeline(chip).run(trace(network))[0]


def error(spec: Specification, integers: Specification, reference: Any = None) -> float:
    """The documented error, neuron by neuron."""
    assert integers.placement is not None
    wanted = observe(reference or spec, RASTER)
    seen = observe(OnChip(integers.to_config(), integers.placement), RASTER)
    *hidden, output = seen.spikes
    parts = []
    for names in (hidden, [output]):
        n = [wanted.spikes[name].sum(axis=1) for name in names]
        m = [seen.spikes[name].sum(axis=1) for name in names]
        off = sum(int(np.abs(x - y).sum()) for x, y in zip(n, m, strict=True))
        parts.append(off / sum(int(x.sum()) for x in n))
    return sum(parts) / 2


def same(first: Specification, second: Specification) -> bool:
    return first.to_config() == second.to_config()


def test_without_trials_it_is_channel_quantize() -> None:
    spec = placed()
    assert same(calibrated_quantize(spec, RASTER, n_trials=0)[0], channel_quantize(spec)[0])


@pytest.mark.parametrize("bits", [8, 3])
def test_it_follows_better_than_channel_quantize(bits: int) -> None:
    spec = placed()
    by_channel, _ = channel_quantize(spec, bits_per_weight=bits)
    calibrated, _ = calibrated_quantize(spec, RASTER, bits_per_weight=bits)
    assert error(spec, by_channel) > 0
    assert error(spec, calibrated) < error(spec, by_channel)
    largest = 2 ** (bits - 1) - 1
    assert all(
        np.abs(getattr(calibrated, f"weights_{name}")).max() <= largest
        for name in ("in", "rec", "out")
    )


def test_states_too_small_to_decay_are_shifted_up() -> None:
    # Of a threshold of a few units, decay by whole units leaves nothing.
    network = chain(3, 9, 4, seed=3, threshold=0.03, tau_mem=0.05, tau_syn=0.05)
    spec = placed(network)
    by_channel, _ = channel_quantize(spec)
    calibrated, report = calibrated_quantize(spec, RASTER)
    assert calibrated.weight_shift_in > by_channel.weight_shift_in
    assert error(spec, calibrated) < 0.5 * error(spec, by_channel)
    assert "weights into hidden neurons shifted by" in report.summary


def test_what_is_to_be_followed_may_be_the_network() -> None:
    # Time constants between two decay shifts: the specification has rounded them already.
    network = chain(3, 9, 4, seed=3, tau_mem=0.0225, tau_syn=0.0115)
    spec = placed(network)
    calibrated, _ = calibrated_quantize(spec, RASTER, reference=network)
    assert error(spec, calibrated, network) < error(spec, channel_quantize(spec)[0], network)


def test_a_metric_comes_first_and_is_never_worse() -> None:
    spec = placed()

    def fewest(output: Any) -> float:
        return -float(np.sum(output))

    by_channel, _ = channel_quantize(spec, bits_per_weight=3)
    calibrated, report = calibrated_quantize(spec, RASTER, metric=fewest, bits_per_weight=3)
    assert spec.placement is not None
    counts = [
        float(observe(OnChip(one.to_config(), spec.placement), RASTER).output.sum())
        for one in (by_channel, calibrated)
    ]
    assert counts[1] < counts[0]
    assert error(spec, calibrated) <= error(spec, by_channel)
    assert f"metric -{counts[1]:.4g}, by channel alone -{counts[0]:.4g}" in report.summary


def test_a_seed_gives_the_same_integers() -> None:
    spec = placed()
    first, second = (calibrated_quantize(spec, RASTER, seed=5)[0] for _ in range(2))
    assert same(first, second)


def test_progress_counts_the_trials() -> None:
    seen: list[tuple[int, int]] = []
    calibrated_quantize(placed(), RASTER, n_trials=3, progress=lambda *at: seen.append(at))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_deploy_tells_of_each_change_that_is_tried() -> None:
    seen: list[tuple[int, int]] = []
    deploy(
        NETWORK,
        "xylo-imu",
        quantizer="calibrated",
        data=RASTER,
        progress=lambda *at: seen.append(at),
    )
    assert seen == [(done, 80) for done in range(1, 81)]


def test_changed_thresholds_are_losses() -> None:
    spec = placed()
    integers, report = calibrated_quantize(spec, RASTER, n_trials=150)
    plain = channel_quantize(spec)[0].threshold / integers.threshold
    assert np.ptp(plain * 2.0**integers.weight_shift_in) > 0.001
    assert any("against rounding" in loss for loss in report.losses)


def test_a_specification_without_placement_is_compared_as_it_is() -> None:
    spec = specification(chip="xylo-audio-3")
    integers, _ = calibrated_quantize(spec, RASTER, n_trials=5)
    assert integers.to_config().chip is get_chip("xylo-audio-3")


def test_the_specification_stays_as_it_is() -> None:
    spec = placed()
    before = spec.weights_in.copy()
    calibrated_quantize(spec, RASTER, n_trials=15)
    assert np.array_equal(spec.weights_in, before)


@pytest.mark.parametrize(
    ("data", "settings", "text"),
    [
        (events(2, 9, 4), {}, "data have 4 channels, the specification takes 3"),
        (RASTER, {"n_trials": -1}, "`n_trials` is -1; it is a number of changes to try, from 0"),
        (RASTER, {"bits_per_weight": 9}, "`bits_per_weight` is 9; SYNS65302 stores 2 to 8 bits"),
        (
            RASTER,
            {"reference": deploy(NETWORK, "xylo-imu").config},
            "the reference does not show `1_LIFJax`, `3_LIFJax` of the specification",
        ),
    ],
)
def test_what_does_not_fit_is_refused(data: Any, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        calibrated_quantize(placed(), data, **settings)


def test_deploy_calibrates_on_its_data() -> None:
    deployment = deploy(NETWORK, "xylo-audio-3", quantizer="calibrated", data=RASTER)
    expected, _ = calibrated_quantize(placed(), RASTER, reference=NETWORK)
    assert deployment.config == expected.to_config()
    assert deployment.report.name == "calibrated_quantize"


def test_deploy_calibrates_for_its_metric() -> None:
    def fewest(output: Any, labels: Any) -> float:
        return -float(np.sum(output)) + labels

    deployment = deploy(
        NETWORK,
        "xylo-audio-3",
        quantizer="calibrated",
        data=(RASTER, 0.0),
        metric=fewest,
        max_drop=1e9,
    )
    assert "metric" in deployment.report.summary


def test_deploy_needs_data_to_calibrate() -> None:
    with pytest.raises(ValueError, match="the quantizer 'calibrated' needs data: use `deploy"):
        deploy(NETWORK, "xylo-audio-3", quantizer="calibrated")
