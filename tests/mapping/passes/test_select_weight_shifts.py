from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import specification

from xylograph.hw import get_chip
from xylograph.mapping import Specification, channel_quantize
from xylograph.mapping.passes import PassReport, SelectWeightShifts

CHIP = get_chip("xylo-audio-3")


def selected(
    spec: Specification, headroom: float | None = None
) -> tuple[Specification, PassReport]:
    return SelectWeightShifts(CHIP, headroom)(spec)


def unlike(factor_in: float = 1.0, factor_rec: float = 1.0) -> Specification:
    spec = specification(n_synapses=1)
    return replace(
        spec,
        weights_in=spec.weights_in * factor_in,
        weights_rec=spec.weights_rec * factor_rec,
    )


def effective(spec: Specification) -> list[np.ndarray]:
    return [
        getattr(spec, f"weights_{which}") * 2.0 ** getattr(spec, f"weight_shift_{which}")
        for which in ("in", "rec", "out")
    ]


def hidden_error(spec: Specification) -> float:
    """Rounding error of all that arrives at hidden neurons, in thresholds."""
    integers, _ = channel_quantize(spec)
    errors = []
    for before, after in zip(effective(spec)[:2], effective(integers)[:2], strict=True):
        n = before.shape[1]
        scaled = after / integers.threshold[:n, None] - before / spec.threshold[:n, None]
        errors.append(np.sum(scaled**2))
    return float(np.sqrt(sum(errors)))


def test_weights_alike_are_not_shifted() -> None:
    spec, report = selected(unlike())
    assert (spec.weight_shift_in, spec.weight_shift_rec, spec.weight_shift_out) == (0, 0, 0)
    assert str(report) == "SelectWeightShifts: no shifts"


@pytest.mark.parametrize(
    ("factor_in", "factor_rec", "shifted", "other"),
    [(40.0, 1.0, "in", "rec"), (1.0, 40.0, "rec", "in")],
)
def test_the_larger_ones_are_shifted_and_the_small_ones_keep_their_bits(
    factor_in: float, factor_rec: float, shifted: str, other: str
) -> None:
    spec = unlike(factor_in, factor_rec)
    changed, report = selected(spec)
    assert getattr(changed, f"weight_shift_{shifted}") >= 3
    assert getattr(changed, f"weight_shift_{other}") == 0
    for before, after in zip(effective(spec), effective(changed), strict=True):
        assert np.array_equal(before, after)
    assert report.losses == ()
    assert "rounding error of hidden neurons" in report.summary
    assert hidden_error(changed) < 0.1 * hidden_error(spec)


def test_the_predicted_error_is_about_the_real_one() -> None:
    spec = unlike(30.0)
    changed, report = selected(spec)
    predicted = float(report.summary.rpartition("hidden neurons ")[2].split()[0])
    assert 0.5 < hidden_error(changed) / hidden_error(spec) / predicted < 2


def test_shifts_that_were_there_count_as_part_of_the_weights() -> None:
    spec = unlike(40.0)
    once, _ = selected(spec)
    twice, _ = selected(once)
    assert twice.weight_shift_in == once.weight_shift_in
    assert np.array_equal(twice.weights_in, once.weights_in)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    factor=st.sampled_from((1e-3, 0.1, 1.0, 20.0, 1e4)),
    headroom=st.sampled_from((None, 4.0, 32.0)),
)
def test_the_weights_that_arrive_are_the_same_and_thresholds_keep_their_room(
    seed: int, factor: float, headroom: float | None
) -> None:
    spec = specification(seed)
    spec = replace(spec, weights_rec=spec.weights_rec * factor)
    changed, _ = selected(spec, headroom)
    for before, after in zip(effective(spec), effective(changed), strict=True):
        assert np.array_equal(before, after)
    integers, _ = channel_quantize(changed)
    assert integers.to_config().violations() == []
    shifts = (changed.weight_shift_in, changed.weight_shift_rec, changed.weight_shift_out)
    if headroom is not None and min(shifts[:2]) > 0:
        assert integers.threshold.max() <= 32767 / headroom + 1


def test_with_headroom_thresholds_are_as_large_as_it_allows() -> None:
    changed, report = selected(unlike(), headroom=32.0)
    integers, _ = channel_quantize(changed)
    assert min(changed.weight_shift_in, changed.weight_shift_rec, changed.weight_shift_out) > 0
    for threshold in (integers.threshold, integers.threshold_out):
        assert 32767 / 64 < threshold.max() <= 32767 / 32 + 1
    assert report.summary.startswith("input, recurrent and output weights shifted by ")


def test_a_headroom_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="`headroom` is 0.5; it is a factor above 1"):
        SelectWeightShifts(CHIP, 0.5)


def test_integers_of_the_chip_are_not_shifted() -> None:
    spec = specification(n_synapses=1)
    whole = replace(
        spec,
        weights_in=np.round(spec.weights_in * 30),
        weights_rec=np.round(spec.weights_rec),
        threshold=np.full(6, 5.0),
    )
    assert selected(whole)[1].summary == "no shifts"
    assert selected(replace(whole, threshold=np.full(6, 5.5)))[1].summary != "no shifts"
