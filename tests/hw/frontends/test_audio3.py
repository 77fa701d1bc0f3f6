from pathlib import Path
from typing import Any

import audio3_definition as definition
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from xylograph.hw import AFESimExternal, FrontEndRangeError
from xylograph.hw.frontends import (
    AUDIO_FILTERS,
    AudioFilter,
    AudioFilterBank,
    AudioQuantizer,
    DivisiveNormalization,
    LinearResampler,
    Rasterizer,
    Stage,
    normalize_amplitude,
    raster_steps,
    scale_shifts,
    window_shift,
)

# Made with the integer functions of the reference simulator; see the front-end facts, golden
# values, section 1.
GOLDEN = np.load(Path(__file__).parent / "audio3_golden.npz")
FS = 48828.125
AS_REFERENCE: Any = {"mirror": True, "reference_quirks": True}
SOME_FILTERS = [AUDIO_FILTERS[i] for i in (0, 4, 8, 11, 15)]
IMPULSE = np.where(np.arange(400) == 10, 8191, 0)[:, None]
SEPARATE: Any = {"joint": False, "b1": 5, "b2": 4, "low_pass_shift": 8, "eps": 100}
MIXED: Any = {
    "joint": False,
    "adaptive": [True, False] * 8,
    "b1": [6, 6, 5, 5, 7, 7, 6, 6] * 2,
    "b2": [0, 1, 2, 3] * 4,
    "low_pass_shift": [6, 7, 8, 9] * 4,
    "eps": [1, 50, 500, 5000] * 4,
    "fixed_threshold": [2 ** (16 + i % 8) for i in range(16)],
}
FIXED: Any = {"adaptive": False, "fixed_threshold": 2**20}
STAGES = {
    "fb_impulse_out": (AudioFilterBank(), IMPULSE),
    "fb_noise_out": (AudioFilterBank(mirror=True), GOLDEN["fb_noise_in"][:, None]),
    "fb_tones_out": (AudioFilterBank(SOME_FILTERS, mirror=True), GOLDEN["fb_tones_in"][:, None]),
    "dn_default_spikes": (DivisiveNormalization(mirror=True), GOLDEN["fb_noise_out"]),
    "dn_separate_spikes": (DivisiveNormalization(mirror=True, **SEPARATE), GOLDEN["fb_noise_out"]),
    "dn_mixed_spikes": (DivisiveNormalization(mirror=True, **MIXED), GOLDEN["fb_noise_out"]),
    "raster_in_spikes": (DivisiveNormalization(mirror=True, **FIXED), GOLDEN["fb_noise_out"]),
    "raster_R50": (Rasterizer(reference_quirks=True), GOLDEN["raster_in_spikes"]),
    "raster_R64": (Rasterizer(64, reference_quirks=True), GOLDEN["raster_in_spikes"]),
}


def end_to_end(name: str, arithmetic: str = "integer") -> AFESimExternal:
    common = AS_REFERENCE | {"arithmetic": arithmetic}
    if name == "chirp":
        return AFESimExternal(**common)
    if name == "thr16k":
        return AFESimExternal.from_specification(
            spike_gen_mode="threshold",
            fixed_threshold_vec=2**24,
            dt=64 / FS,
            input_rate=16000,
            select_filters=range(1, 16, 2),
            **common,
        )
    separate = DivisiveNormalization(joint=False, mirror=True, arithmetic=arithmetic)
    return AFESimExternal(normalization=separate, **common)


@pytest.mark.parametrize("name", STAGES)
def test_stages_equal_the_golden_values(name: str) -> None:
    stage, signal = STAGES[name]
    np.testing.assert_array_equal(stage(signal)[0][0], GOLDEN[name])


@pytest.mark.parametrize("name", ["chirp", "thr16k", "quiet"])
def test_front_end_equals_the_golden_values(name: str) -> None:
    front_end, signal = end_to_end(name), GOLDEN[f"ext_{name}_in"]
    raster, _, record = front_end(signal, record=True)
    np.testing.assert_array_equal(record["quantized"][0, :, 0], GOLDEN[f"ext_{name}_quant"])
    np.testing.assert_array_equal(raster[0], GOLDEN[f"ext_{name}_raster"])
    np.testing.assert_array_equal(front_end(signal)[0], raster)
    np.testing.assert_array_equal(record["raster"], raster)
    np.testing.assert_array_equal(record["input"][0, :, 0], signal)


@pytest.mark.parametrize(
    ("name", "total", "part"), [("chirp", 1147, 0), ("thr16k", 750, 0), ("quiet", 1703, 0.1578125)]
)
def test_float32_differs_as_much_as_the_reference_in_float32(
    name: str, total: int, part: float
) -> None:
    raster = end_to_end(name, "float32")(GOLDEN[f"ext_{name}_in"])[0][0]
    assert raster.sum() == total
    assert np.mean(raster != GOLDEN[f"ext_{name}_raster"]) == part


@pytest.mark.parametrize(
    ("name", "rules"), [("default", {}), ("separate", SEPARATE), ("mixed", MIXED)]
)
def test_normalization_ends_in_the_golden_state(name: str, rules: dict[str, Any]) -> None:
    outputs = GOLDEN["fb_noise_out"]
    stage = DivisiveNormalization(**rules)
    _, state, _ = stage(np.concatenate([outputs[::-1], outputs[:-1]]))
    level = state["level"][0] >> np.array(stage.low_pass_shift)
    _, state, record = stage.set_attributes(state)(outputs[-1:], record=True)
    np.testing.assert_array_equal(level, GOLDEN[f"dn_{name}_lowres_last"])
    np.testing.assert_array_equal(record["thresholds"][0, 0], GOLDEN[f"dn_{name}_thr_last"])
    np.testing.assert_array_equal(state["rest"][0], GOLDEN[f"dn_{name}_iaf_last"])


@given(
    signal=arrays(np.float64, 9, elements=st.floats(-1, 1, width=32)),
    rates=st.tuples(*[st.sampled_from([8000.0, 16000.0, 44100.0, FS, 96000.0])] * 2),
)
@settings(deadline=None)
def test_resampling_equals_the_definition(signal: np.ndarray, rates: tuple[float, float]) -> None:
    found = LinearResampler(*rates)(signal)[0][0, :, 0]
    wanted = definition.resampled(signal.tolist(), *rates)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-15)


@given(
    signal=arrays(np.float64, 9, elements=st.floats(-1, 1)),
    scale=st.sampled_from([1.0, 0.5, 0.25]),
)
@settings(deadline=None)
def test_quantization_equals_the_definition(signal: np.ndarray, scale: float) -> None:
    found = AudioQuantizer(scale)(signal)[0][0, :, 0]
    assert found.tolist() == definition.quantized(signal.tolist(), scale)


SAMPLES = arrays(np.int64, st.integers(0, 40), elements=st.integers(-8192, 8191))


@given(samples=SAMPLES, mirror=st.booleans())
@settings(deadline=None, max_examples=50)
def test_filters_equal_the_definition(samples: np.ndarray, mirror: bool) -> None:
    rows = [(f.b_b, f.b_wf, f.b_af, f.a1, f.a2) for f in AUDIO_FILTERS]

    def wanted(signal: list[int]) -> list[list[int]]:
        return definition.filtered(signal, rows)

    found = AudioFilterBank(mirror=mirror)(samples[:, None])[0][0]
    plain = samples.tolist()
    assert found.tolist() == (definition.settled(wanted, plain) if mirror else wanted(plain))


RULES = st.tuples(
    st.booleans(),
    st.integers(8, 31),
    st.integers(0, 7),
    st.integers(0, 31),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**42 - 1) | st.integers(0, 2**30),
)


@given(
    outputs=arrays(np.int64, (20, 3), elements=st.integers(-(2**28) + 1, 2**28 - 1)),
    rules=st.tuples(RULES, RULES, RULES),
    joint=st.booleans(),
    mirror=st.booleans(),
)
@settings(deadline=None)
def test_normalization_equals_the_definition(
    outputs: np.ndarray, rules: tuple[tuple[int, ...], ...], joint: bool, mirror: bool
) -> None:
    names = ("adaptive", "b1", "b2", "low_pass_shift", "eps", "fixed_threshold")
    columns: Any = dict(zip(names, zip(*rules, strict=True), strict=True))
    stage = DivisiveNormalization(3, joint=joint, mirror=mirror, **columns)
    events, _, record = stage(outputs, record=True)
    plain = outputs.tolist()
    before = plain[::-1] if mirror else []
    wanted, thresholds = definition.normalized(before + plain, rules, joint)
    assert events[0].tolist() == wanted[len(before) :]
    assert record["thresholds"][0].tolist() == thresholds[len(before) :]


@given(
    events=arrays(np.int64, st.tuples(st.integers(1, 80), st.just(2)), elements=st.integers(0, 1)),
    period=st.integers(1, 40),
)
@settings(deadline=None)
def test_raster_equals_the_definition(events: np.ndarray, period: int) -> None:
    quirky = Rasterizer(period, 2, reference_quirks=True)(events)[0][0].tolist()
    assert quirky == definition.rastered(events.tolist(), period)
    assert Rasterizer(period, 2)(events)[0][0].tolist() == quirky[: len(events) // period]


AUDIO = arrays(np.float64, st.integers(0, 400), elements=st.floats(-1, 1, width=32))
FRONT_ENDS = [
    AFESimExternal(input_rate=16000, raster_period=7),
    AFESimExternal(select_filters=(9, 2), raster_period=3),
    AFESimExternal(raster_period=7, arithmetic="float32"),
]


@given(signal=AUDIO)
@settings(deadline=None, max_examples=30)
def test_chain_equals_the_definition(signal: np.ndarray) -> None:
    raster = AFESimExternal(select_filters=(9, 2), raster_period=3)(signal)[0][0]
    rows = [(f.b_b, f.b_wf, f.b_af, f.a1, f.a2) for f in (AUDIO_FILTERS[9], AUDIO_FILTERS[2])]
    outputs = definition.filtered(definition.quantized(signal.tolist()), rows)
    events, _ = definition.normalized(outputs, [(1, 6, 0, 12, 1, 0)] * 2, True)
    assert raster.tolist() == definition.rastered(events[: len(events) // 3 * 3], 3)


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=["resampled", "two", "float32"])
@given(signal=AUDIO, cuts=st.tuples(*[st.integers(0, 400)] * 2))
@settings(deadline=None, max_examples=30)
def test_a_signal_cut_anywhere_equals_the_whole(
    front_end: AFESimExternal, signal: np.ndarray, cuts: tuple[int, int]
) -> None:
    whole, _, _ = front_end(signal)
    recorded, _, _ = front_end(signal, record=True)
    np.testing.assert_array_equal(recorded, whole)
    parts = []
    for part in np.split(signal, sorted(cuts)):
        raster, state, _ = front_end(part)
        front_end = front_end.set_attributes(state)
        parts.append(raster)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


@pytest.mark.parametrize(
    "stage",
    [
        LinearResampler(3, 7),
        AudioFilterBank([AUDIO_FILTERS[3]]),
        DivisiveNormalization(1, b1=3),
        Rasterizer(3, 1),
    ],
    ids=lambda stage: type(stage).__name__,
)
@given(signal=arrays(np.int64, 30, elements=st.integers(0, 1)), cut=st.integers(0, 30))
@settings(deadline=None, max_examples=30)
def test_a_stage_alone_goes_on_from_its_state(stage: Stage, signal: np.ndarray, cut: int) -> None:
    column = signal[:, None].astype(float if isinstance(stage, LinearResampler) else int)
    whole, _, _ = stage(column)
    first, state, _ = stage(column[:cut])
    second, _, _ = stage.set_attributes(state)(column[cut:])
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)


@pytest.mark.parametrize("settings_", [{}, {"mirror": True}, {"arithmetic": "float32"}])
def test_samples_of_a_batch_do_not_depend_on_each_other(settings_: dict[str, Any]) -> None:
    batch = np.random.default_rng(1).uniform(-1, 1, (3, 2000, 1))  # Enough for threads.
    front_end = AFESimExternal(**settings_)
    alone = [front_end(sample)[0][0] for sample in batch]
    np.testing.assert_array_equal(front_end(batch)[0], alone)


def test_state_is_forgotten_only_with_quirks() -> None:
    signal = GOLDEN["ext_chirp_in"][:2025]
    front_end, quirky = AFESimExternal(), AFESimExternal(reference_quirks=True)
    raster, state, _ = quirky(signal)
    assert raster.shape[1] == 41  # The last one of half a window.
    np.testing.assert_array_equal(quirky.set_attributes(state)(signal)[0], raster)
    first, state, _ = front_end(signal)
    np.testing.assert_array_equal(first, raster[:, :40])
    assert (front_end.set_attributes(state)(signal)[0][:, :40] != first).any()


def test_full_scale_is_within_the_range() -> None:
    full = np.where(np.arange(2000) % 97 < 48, 1.0, -1.0)
    _, _, record = AFESimExternal()(full, record=True)
    assert set(record["quantized"].ravel()) == {-8192, 8191}


def test_what_overflows_is_named_or_saturates() -> None:
    loud = np.zeros((2, 5, 1))
    loud[1, 3] = -1.25
    text = "`AudioQuantizer`, channel 0, sample 1, step 3: .* may be 1, this is 1.25"
    with pytest.raises(FrontEndRangeError, match=text):
        AFESimExternal()(loud)
    _, _, record = AFESimExternal(overflow="saturate")(loud, record=True)
    assert record["quantized"].min() == -8192
    samples = np.full((4, 1), 8192)
    with pytest.raises(FrontEndRangeError, match="`AudioFilterBank`, .* step 0: .* this is 8192"):
        AudioFilterBank()(samples)
    wild = AudioFilter(0, 8, -32000, 32000, 24)
    bank: Any = {"filters": [*AUDIO_FILTERS[:2], wild], "select_filters": (0, 1, 2)}
    for record in (False, True):
        with pytest.raises(FrontEndRangeError, match="`AudioFilterBank`, filter 2, sample 0, step"):
            AFESimExternal(**bank)(np.full(200, 0.9), record=record)
    with pytest.raises(FrontEndRangeError, match="`DivisiveNormalization`, channel 1, sample 0"):
        DivisiveNormalization(2)(np.array([[0, 2**28]]))


@pytest.mark.parametrize(
    ("factor", "shifts"), [(1, (1, 0)), (16, (5, 4)), (32, (6, 5)), (63, (6, 0)), (60, (6, 2))]
)
def test_shifts_of_rate_factors(factor: int, shifts: tuple[int, int]) -> None:
    assert scale_shifts(factor) == shifts


def test_rate_factors_are_all_differences_of_two_powers_of_two() -> None:
    differences = {2**a - 2**b: (a, b) for a in range(1, 9) for b in range(a)}
    for factor in range(1, 256):
        if factor in differences:
            a, b = scale_shifts(factor)
            assert 2**a - 2**b == factor
            continue
        below = max(d for d in differences if d < factor)
        above = min(d for d in differences if d > factor)
        with pytest.raises(ValueError, match=f"take {below} or {above}$"):
            scale_shifts(factor)


@pytest.mark.parametrize(("window", "shift"), [(84e-3, 12), (20e-3, 10), (1e-3, 6), (40e-6, 1)])
def test_shifts_of_windows(window: float, shift: int) -> None:
    assert window_shift(window) == shift


def test_specification_gives_thresholds_and_steps() -> None:
    front_end = AFESimExternal.from_specification(rate_scale_factor=32, dn_EPS=32, dt=20.5e-6)
    assert front_end.normalization.eps == (32,) * 16
    assert front_end.dt == 1 / FS
    assert front_end.normalization.b1[0] == 6 and front_end.normalization.b2[0] == 5
    fixed = AFESimExternal.from_specification(spike_gen_mode="threshold").normalization
    assert set(fixed.adaptive) == {0} and set(fixed.fixed_threshold) == {2**27}


def test_time_step_and_channels_are_known() -> None:
    front_end = AFESimExternal(select_filters=(15, 0))
    assert front_end.dt == pytest.approx(1.024e-3)
    assert front_end.shape == (1, 2)
    assert front_end.channel_names == ("filter 15, 16567 Hz", "filter 0, 105 Hz")


@pytest.mark.parametrize("index", range(16))
def test_the_center_passes_best(index: int) -> None:
    chosen = AUDIO_FILTERS[index]
    n = 2**15
    # Later on only what rounding leaves goes round; in filter 12 it does so for ever.
    impulse = np.where(np.arange(4096) == 0, 8191, 0)[:, None]
    response = np.abs(np.fft.rfft(AudioFilterBank([chosen])(impulse)[0][0, :, 0], n))
    peak = np.argmax(response) * FS / n
    assert abs(peak - chosen.center_hz()) < 0.03 * peak
    # Without the rounding, the response is that of the impulse.
    frequencies = np.arange(1, len(response) - 1) * FS / n
    wanted = np.abs(chosen.response(frequencies)) * 8191
    np.testing.assert_allclose(response[1:-1], wanted, atol=0.02 * wanted.max())


def test_export_has_the_fields_of_the_chip() -> None:
    fields = AFESimExternal().export_parameters()
    assert fields["bpf_a1_values"][0] == -32694 and fields["bpf_baf_values"][15] == 14
    assert fields["dn_enable"] is True and fields["use_global_iaf_threshold"] is True
    fixed = DivisiveNormalization(adaptive=False, fixed_threshold=[77] * 16)
    fields = AFESimExternal(normalization=fixed).export_parameters()
    assert fields["dn_enable"] is False and fields["iaf_thresholds"] == [77] * 16
    with pytest.raises(ValueError, match="16 filters in order"):
        AFESimExternal(select_filters=(1, 0)).export_parameters()
    with pytest.raises(ValueError, match="all channels or none"):
        AFESimExternal(normalization=DivisiveNormalization(**MIXED)).export_parameters()


def test_amplitudes_are_normalized_by_a_quantile() -> None:
    signal = np.random.default_rng(0).normal(size=1001)
    scaled = normalize_amplitude(signal, clipped=0.1)
    top = sorted(abs(signal))[900]
    np.testing.assert_allclose(scaled, np.clip(signal / top, -1, 1))
    assert not normalize_amplitude(np.zeros(4)).any()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: AFESimExternal()(np.zeros(4, int)), TypeError, "real numbers, this is int64: div"),
        (lambda: AFESimExternal()(np.zeros((4, 2))), ValueError, r"takes \(time, 1\)"),
        (lambda: AFESimExternal()(np.full(4, np.nan)), ValueError, "step 0: .* not finite"),
        (lambda: AFESimExternal(input_rate=0), ValueError, "`input_rate` is a number of samples"),
        (lambda: AFESimExternal(input_rate=np.pi), ValueError, "round it to a thousandth"),
        (lambda: AFESimExternal(select_filters=(1, 1)), ValueError, "different numbers, 0 to 15"),
        (lambda: AFESimExternal(arithmetic="fast"), ValueError, "`arithmetic` of `AudioFilterB"),
        (lambda: AFESimExternal(overflow="wrap"), ValueError, '"raise" or "saturate"'),
        (lambda: AFESimExternal(scale=np.inf), ValueError, "`scale` of `AudioQuantizer`"),
        (lambda: AFESimExternal(raster_period=0), ValueError, "`period` of `Rasterizer`"),
        (
            lambda: AFESimExternal(normalization=DivisiveNormalization(4)),
            ValueError,
            "has 4 channels, there are 16 filters",
        ),
        (
            lambda: AFESimExternal(normalization=DivisiveNormalization(), mirror=True),
            ValueError,
            "give both the same",
        ),
        (lambda: AudioFilterBank([]), ValueError, "needs one filter"),
        (lambda: AudioFilter(16, 6, 40000, 0), ValueError, "`b_b` is 0 to 15, not 16; `a1` is"),
        (lambda: AUDIO_FILTERS[0].with_taps(-2.1, 1), ValueError, "`a1` is -32768 to 32767"),
        (lambda: DivisiveNormalization(b1=5, b2=5), ValueError, "channel 0: `b1` must be larger"),
        (lambda: DivisiveNormalization(eps=2**16), ValueError, r"`eps\[0\]` .* 0 to 65535"),
        (lambda: DivisiveNormalization(2, fixed_threshold=2**42), ValueError, "fixed_threshold"),
        (lambda: Rasterizer()(np.full((3, 16), 2)), FrontEndRangeError, "`Rasterizer`, channel 0"),
        (lambda: scale_shifts(0), ValueError, "a whole number from 1 on"),
        (lambda: scale_shifts(61), ValueError, "take 60 or 62"),
        (lambda: window_shift(85e-3), ValueError, "take 83.886 ms or 167.772 ms"),
        (lambda: window_shift(0), ValueError, "or more; not 0 s"),
        (lambda: raster_steps(1e-3), ValueError, "take 0.98304 ms or 1.0035 ms"),
        (lambda: raster_steps(-1), ValueError, "a time above 0 s"),
        (lambda: normalize_amplitude([]), ValueError, "empty or not finite"),
        (lambda: normalize_amplitude([1.0], clipped=1), ValueError, "0 to below 1; not 1"),
        (
            lambda: AFESimExternal.from_specification(spike_gen_mode="no"),
            ValueError,
            '"divisive_norm" or "threshold", not',
        ),
        (
            lambda: AFESimExternal.from_specification(fixed_threshold_vec=4),
            ValueError,
            'for the mode "threshold"',
        ),
        (
            lambda: AFESimExternal.from_specification(raster_period=4),
            TypeError,
            "`raster_period` follows",
        ),
        (
            lambda: AFESimExternal.from_specification(no_such=4),
            TypeError,
            "no_such",
        ),
        (lambda: AFESimExternal().set_attributes({}), ValueError, "the stages are quantized, filt"),
        (
            lambda: AFESimExternal()(np.zeros((2, 500))),
            ValueError,
            r"\(2, 500\): add the axis of the channel",
        ),
        (
            lambda: AFESimExternal()(np.zeros((500, 2))),
            ValueError,
            r"choose 1 of the 2 channels, as `signal\[..., :1\]`",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_a_state_fits_only_as_many_samples_that_are_equally_far() -> None:
    _, state, _ = AFESimExternal(input_rate=16000)(np.zeros((2, 10, 1)))
    going_on = AFESimExternal(input_rate=16000).set_attributes(state)
    with pytest.raises(ValueError, match="is of 2 samples, the signal is of 1"):
        going_on(np.zeros(4))
    for stage, name in (("resampled", "phase"), ("raster", "step")):
        uneven = {s: {n: a.copy() for n, a in arrays.items()} for s, arrays in state.items()}
        uneven[stage][name][1] += 1
        with pytest.raises(ValueError, match=f"`{name}` is one (value|number) for all samples"):
            going_on.set_attributes(uneven)(np.zeros((2, 4, 1)))
