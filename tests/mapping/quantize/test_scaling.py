"""What both quantizers promise."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import specification

from xylograph.mapping import QuantizationReport, Specification, channel_quantize, global_quantize
from xylograph.models import dash_to_tau

QUANTIZERS = {
    "channel": channel_quantize,
    "global": global_quantize,
    "fuzzy": lambda spec, **bits: global_quantize(spec, fuzzy_scaling=True, **bits),
}
each_quantizer = pytest.mark.parametrize("quantizer", QUANTIZERS)
# Fuzzy scaling takes other factors where the largest weight decides.
each_largest = pytest.mark.parametrize("quantizer", ["channel", "global"])
SCALED = (
    "weights_in",
    "weights_rec",
    "weights_out",
    "threshold",
    "threshold_out",
    "bias",
    "bias_out",
)
DASHES = ("dash_mem", "dash_syn", "dash_syn_2", "dash_mem_out", "dash_syn_out")


def quantize(
    quantizer: str, spec: Specification, **bits: int
) -> tuple[Specification, QuantizationReport]:
    return QUANTIZERS[quantizer](spec, **bits)


@st.composite
def wild_specifications(draw: st.DrawFn) -> dict[str, Any]:
    """What to make a specification of: a seed, and by how much each field is stretched."""
    scales = st.sampled_from((0.0, 1e-6, 0.03, 1.0, 50.0, 1e5))
    return {
        "seed": draw(st.integers(0, 2**32 - 1)),
        "n_synapses": draw(st.integers(1, 2)),
        "density": draw(st.sampled_from((0.1, 0.7, 1.0))),
        "scales": {name: draw(scales) for name in SCALED},
        "negative_thresholds": draw(st.booleans()),
    }


def wild(case: dict[str, Any]) -> Specification:
    spec = specification(case["seed"], n_synapses=case["n_synapses"])
    rng = np.random.default_rng(case["seed"])
    stretched = {}
    for name, scale in case["scales"].items():
        values = getattr(spec, name) * scale
        if name.startswith("weights"):
            values = values * (rng.random(values.shape) < case["density"])
        if name.startswith("threshold") and case["negative_thresholds"]:
            values = values * rng.choice([-1, 1], values.shape)
        stretched[name] = values
    return replace(spec, **stretched)


@each_quantizer
@settings(deadline=None, max_examples=60)
@given(
    case=wild_specifications(),
    weight_bits=st.integers(2, 8),
    threshold_bits=st.integers(2, 16),
)
def test_ranges_are_kept_and_so_are_signs(
    quantizer: str, case: dict[str, Any], weight_bits: int, threshold_bits: int
) -> None:
    spec = wild(case)
    bits = {"bits_per_weight": weight_bits, "bits_per_threshold": threshold_bits}
    integers, _ = quantize(quantizer, spec, **bits)
    limits = {"w": 2 ** (weight_bits - 1) - 1, "t": 2 ** (threshold_bits - 1) - 1, "b": 127}
    for name in SCALED:
        before, after = getattr(spec, name), getattr(integers, name)
        assert after.dtype == np.int64
        assert np.abs(after).max() <= limits[name[0]], name
        assert np.all((np.sign(after) == np.sign(before)) | (after == 0)), name
    for name in ("threshold", "threshold_out"):
        assert np.all((getattr(integers, name) > 0) == (getattr(spec, name) > 0))
    assert integers.to_config().n_hidden == spec.n_hidden


@each_quantizer
@settings(deadline=None, max_examples=20)
@given(case=wild_specifications())
def test_the_argument_stays_as_it_is(quantizer: str, case: dict[str, Any]) -> None:
    spec, untouched = wild(case), wild(case)
    quantize(quantizer, spec)
    for field in fields(spec):
        value = getattr(spec, field.name)
        if isinstance(value, np.ndarray):
            assert np.array_equal(value, getattr(untouched, field.name)), field.name


@each_quantizer
@settings(deadline=None, max_examples=60)
@given(case=wild_specifications())
def test_the_report_says_what_an_independent_count_says(
    quantizer: str, case: dict[str, Any]
) -> None:
    spec = wild(case)
    integers, report = quantize(quantizer, spec)
    by_name = {loss.field: loss for loss in report.fields}
    assert set(by_name) == {*SCALED, *DASHES}
    for name in SCALED:
        before, after = getattr(spec, name), getattr(integers, name)
        assert by_name[name].n_values == np.count_nonzero(before)
        became_zero = sum(b != 0 and a == 0 for b, a in zip(before.flat, after.flat, strict=True))
        assert by_name[name].n_zeroed == became_zero


@each_largest
def test_the_error_is_the_distance_of_the_integers_from_the_scaled_values(quantizer: str) -> None:
    # One weight of each neuron and one threshold decide the factor, which is 10 everywhere.
    spec = specification(
        n_synapses=1,
        weights_in=np.full((3, 4, 1), 12.7),
        weights_rec=np.zeros((6, 6, 1)),
        weights_out=np.full((5, 3), 12.7),
        threshold=np.array([1.04, 1.0, 1.0, 1.0, 0.02, 1.0]),
        threshold_out=np.ones(3),
        bias=np.array([0.0, 0.0, 0.0, 1.04, 12.7, 12.7]),
        bias_out=np.zeros(3),
    )
    integers, report = quantize(quantizer, spec)
    assert integers.threshold.tolist() == [10, 10, 10, 10, 1, 10]
    errors = {loss.field: loss.relative_error for loss in report.fields}
    exact = np.array([10.4, 10, 10, 10, 0.2, 10])
    expected = np.sqrt(np.mean((integers.threshold - exact) ** 2) / np.mean(exact**2))
    assert errors["threshold"] == pytest.approx(expected)
    assert f"`threshold`: {expected:.3%} rms error over 6 values" in report.losses
    # Values that are zero lose nothing and do not thin the error out.
    assert errors["bias"] == pytest.approx(0.4 / np.linalg.norm([10.4, 127, 127]))


@each_quantizer
def test_decay_shifts_round_half_to_even_and_are_cut_at_the_ends(quantizer: str) -> None:
    dashes = np.array([0.5, 1.5, 2.5, 2.6, 16.0, 15.4])
    integers, report = quantize(quantizer, specification(dash_mem=dashes))
    assert integers.dash_mem.tolist() == [0, 2, 2, 3, 15, 15]
    loss = next(loss for loss in report.fields if loss.field == "dash_mem")
    assert loss.n_clipped == 1
    remaining = np.exp(-(2.0**-dashes))
    largest = np.max(np.abs(1 - 2.0 ** -integers.dash_mem.astype(float) - remaining))
    assert loss.relative_error == pytest.approx(largest)
    assert (
        f"`dash_mem`: the share that remains after a step changes by up to {largest:.3g}, "
        "1 was cut at the end of the range"
    ) in report.losses


@each_quantizer
def test_infinite_time_constants_get_the_longest_shift_and_are_reported(quantizer: str) -> None:
    spec = specification(dash_syn_out=np.array([np.inf, np.inf, 2.0]))
    integers, report = quantize(quantizer, spec)
    assert integers.dash_syn_out.tolist() == [15, 15, 2]
    assert any("`dash_syn_out`" in x and "2 were cut" in x for x in report.losses)


@each_quantizer
def test_time_constants_made_for_the_chip_cost_nothing(quantizer: str) -> None:
    shifts = np.array([1, 2, 3, 4, 7, 14])
    spec = specification(dash_mem=np.log2(dash_to_tau(shifts, 1.0)))
    integers, report = quantize(quantizer, spec)
    assert integers.dash_mem.tolist() == shifts.tolist()
    assert not any("`dash_mem`" in loss for loss in report.losses)


@each_largest
def test_integers_of_the_full_range_come_back_unchanged_and_without_loss(quantizer: str) -> None:
    rng = np.random.default_rng(0)
    spec = specification(n_synapses=1)
    values = {name: np.round(getattr(spec, name) * 40) for name in SCALED}
    values["weights_in"][0] = values["weights_rec"][0] = values["weights_out"][0] = 127
    values |= {n: rng.integers(1, 15, getattr(spec, n).shape).astype(float) for n in DASHES}
    values |= {n: np.log2(-1 / np.log1p(-(2.0 ** -values[n]))) for n in DASHES}
    spec = replace(spec, **values)
    integers, report = quantize(quantizer, spec)
    for name in SCALED:
        assert np.array_equal(getattr(integers, name), values[name]), name
    assert report.losses == ()


@each_quantizer
@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ({"bits_per_weight": 9}, "`bits_per_weight` is 9; SYNS65302 stores 2 to 8 bits"),
        ({"bits_per_weight": 1}, "`bits_per_weight` is 1; SYNS65302 stores 2 to 8 bits"),
        ({"bits_per_threshold": 17}, "`bits_per_threshold` is 17; SYNS65302 stores 2 to 16 bits"),
        ({"bits_per_threshold": 0}, "`bits_per_threshold` is 0; SYNS65302 stores 2 to 16 bits"),
    ],
)
def test_bits_the_chip_does_not_have_are_refused(
    quantizer: str, bits: dict[str, int], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        quantize(quantizer, specification(), **bits)


@each_quantizer
def test_values_that_are_not_finite_are_refused_by_name(quantizer: str) -> None:
    spec = specification(
        threshold=np.array([1, np.nan, 1, 1, 1, 1.0]),
        bias_out=np.array([0, np.inf, 0]),
        dash_mem=np.full(6, np.nan),
    )
    text = "cannot quantize NaN or infinite values in `threshold`, `bias_out`, `dash_mem`"
    with pytest.raises(ValueError, match=text):
        quantize(quantizer, spec)


@each_quantizer
def test_values_too_small_for_any_factor_become_zero(quantizer: str) -> None:
    spec = specification(
        n_synapses=1,
        weights_in=np.full((3, 4, 1), 1e-310),
        weights_rec=np.zeros((6, 6, 1)),
        threshold=np.full(6, 1e-310),
        bias=np.zeros(6),
    )
    integers, _ = quantize(quantizer, spec)
    assert not np.any(integers.weights_in)
    assert integers.threshold.tolist() == [1] * 6
