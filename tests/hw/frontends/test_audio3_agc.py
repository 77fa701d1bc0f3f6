from pathlib import Path
from typing import Any

import audio3_agc_definition as definition
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from xylograph.hw import AFESimAGC, FrontEndRangeError
from xylograph.hw.frontends import (
    AntiAliasFilter,
    EnvelopeController,
    GainControl,
    GainSmoother,
    Stage,
)

GOLDEN = np.load(Path(__file__).parent / "audio3_golden.npz")
WAITING = [0.002 * (i + 1) ** 0.5 for i in range(16)]
FAST = EnvelopeController(fall_time=3e-3, waiting_times=WAITING)
# So fast that a few hundred samples go through all of it.
FASTEST = EnvelopeController(
    rise_time=6e-5, fall_time=6e-4, waiting_times=[1e-4 * (i + 2) for i in range(16)]
)
FASTEST_WAITS = [5 * (i + 2) for i in range(16)]
CODES = arrays(np.int64, st.integers(0, 300), elements=st.integers(-512, 511))


def rising_tone(n: int, rate: float) -> np.ndarray:
    time = np.arange(n) / rate
    return 0.02 * np.sin(2 * np.pi * 700 * time) + (time > 0.15) * np.sin(2 * np.pi * 1200 * time)


@pytest.mark.parametrize("oversampling", [2, 4])
def test_filter_equals_the_golden_values(oversampling: int) -> None:
    codes = GOLDEN[f"aaf{oversampling}_in"][:, None]
    found = AntiAliasFilter(oversampling)(codes)[0][0, :, 0]
    np.testing.assert_array_equal(found, GOLDEN[f"aaf{oversampling}_out"])


def test_controller_equals_the_golden_values() -> None:
    found = FAST(GOLDEN["ec_in"][:, None])[0][0]
    np.testing.assert_array_equal(found[:, 0], GOLDEN["ec_cmd"])
    np.testing.assert_array_equal(found[:, 1], GOLDEN["ec_env"])


def test_smoother_equals_the_golden_values() -> None:
    both = np.stack([GOLDEN["gs_in"].astype(int), GOLDEN["gs_idx"].astype(int)], axis=1)
    np.testing.assert_array_equal(GainSmoother()(both)[0][0, :, 0], GOLDEN["gs_out"])


@pytest.mark.parametrize(
    ("name", "chain", "signal"),
    [
        ("os2", GainControl(controller=FAST), rising_tone(30000, 100e3)),
        (
            "os4fixed",
            GainControl(4, controller=FAST, fixed_gain=7),
            0.05 * np.sin(2 * np.pi * 900 * np.arange(8000) / 200e3),
        ),
    ],
)
def test_chain_equals_the_golden_values(name: str, chain: GainControl, signal: np.ndarray) -> None:
    codes, _, record = chain(signal, record=True)
    np.testing.assert_array_equal(codes[0, :, 0], GOLDEN[f"agc_{name}_out"])
    np.testing.assert_array_equal(record["commands"][0, :, 0], GOLDEN[f"agc_{name}_cmd"])


def test_defaults_are_those_of_the_facts() -> None:
    controller, smoother = EnvelopeController(), GainSmoother()
    assert (controller.rise_shift, controller.fall_shift, controller.hysteresis) == (3, 14, 5)
    assert controller.waits[:2] == (15000, 21213) and controller.max_wait == 60000
    assert controller.levels == tuple(definition.LEVELS)
    assert (smoother.average_shift, smoother.fraction_bits) == (10, 9)
    assert (smoother.up, smoother.down) == (645, 406)


@given(codes=CODES, oversampling=st.sampled_from([1, 2, 4]))
@settings(deadline=None, max_examples=50)
def test_filter_equals_the_definition(codes: np.ndarray, oversampling: int) -> None:
    plain = definition.AntiAlias(oversampling)
    found = AntiAliasFilter(oversampling)(codes[:, None])[0][0, :, 0]
    assert found.tolist() == [plain(code) for code in codes.tolist()]


@given(codes=CODES, divisor=st.sampled_from([1, 8, 60]))
@settings(deadline=None, max_examples=50)
def test_controller_equals_the_definition(codes: np.ndarray, divisor: int) -> None:
    # Slower than random codes come: each level lasts.
    codes = np.repeat(codes // divisor, 5)
    plain = definition.Controller(FASTEST_WAITS, FASTEST.rise_shift, FASTEST.fall_shift)
    found = FASTEST(codes[:, None])[0][0]
    assert found.tolist() == [[*plain(code)] for code in codes.tolist()]


@given(codes=CODES, period=st.integers(1, 40), data=st.data())
@settings(deadline=None, max_examples=50)
def test_smoother_equals_the_definition(codes: np.ndarray, period: int, data: Any) -> None:
    chosen = data.draw(arrays(np.int64, len(codes) // period + 1, elements=st.integers(0, 15)))
    both = np.stack([codes, np.repeat(chosen, period)[: len(codes)]], axis=1)
    plain = definition.Smoother(3)
    found = GainSmoother(0.002)(both)[0][0, :, 0]
    assert found.tolist() == [plain(code, index) for code, index in both.tolist()]


@given(
    volts=arrays(np.float64, st.integers(0, 60), elements=st.floats(-1.5, 1.5, width=32)),
    oversampling=st.sampled_from([2, 4]),
    fixed=st.none() | st.integers(0, 15),
    quiet=st.booleans(),
)
@settings(deadline=None, max_examples=50)
def test_chain_equals_the_definition(
    volts: np.ndarray, oversampling: int, fixed: int | None, quiet: bool
) -> None:
    signal = np.repeat(volts, 20) * (0.01 if quiet else 1)
    chain = GainControl(oversampling, controller=FASTEST, fixed_gain=fixed, padding_bits=4)
    codes, _, record = chain(signal, record=True)
    smoother = definition.Smoother(GainSmoother(1e-4 * 2).average_shift) if fixed is None else None
    controller = definition.Controller(FASTEST_WAITS, FASTEST.rise_shift, FASTEST.fall_shift)
    wanted = definition.converted(signal.tolist(), oversampling, controller, smoother, fixed)
    found = np.concatenate([codes // 16, record["commands"], record["envelopes"]], axis=2)[0]
    assert found.tolist() == [[*row] for row in wanted]


@pytest.mark.parametrize(
    "stage",
    [AntiAliasFilter(4), FASTEST, GainControl(4, controller=FASTEST)],
    ids=lambda stage: type(stage).__name__,
)
@given(codes=CODES, cut=st.integers(0, 300))
@settings(deadline=None, max_examples=30)
def test_a_stage_alone_goes_on_from_its_state(stage: Stage, codes: np.ndarray, cut: int) -> None:
    column = codes[:, None] / 512 if isinstance(stage, GainControl) else codes[:, None]
    whole, _, _ = stage(column)
    first, state, _ = stage(column[:cut])
    second, _, _ = stage.set_attributes(state)(column[cut:])
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)


def test_a_signal_cut_anywhere_equals_the_whole() -> None:
    front_end = AFESimAGC(
        input_rate=44100, gain_control=GainControl(controller=FAST, padding_bits=4)
    )
    signal = rising_tone(9000, 44100)
    whole, parts = front_end(signal)[0], []
    for part in np.split(signal, [1, 1234, 1235, 7000]):
        raster, state, _ = front_end(part)
        front_end = front_end.set_attributes(state)
        parts.append(raster)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_samples_of_a_batch_do_not_depend_on_each_other() -> None:
    batch = np.random.default_rng(1).uniform(-0.5, 0.5, (3, 3000, 1))  # Enough for threads.
    front_end = AFESimAGC()
    alone = [front_end(sample)[0][0] for sample in batch]
    np.testing.assert_array_equal(front_end(batch)[0], alone)


def test_codes_are_padded_to_14_bits_unless_as_in_the_reference() -> None:
    signal = rising_tone(3000, 100e3)
    padded = AFESimAGC()(signal, record=True)[2]["digitized"]
    plain = AFESimAGC(reference_quirks=True)(signal, record=True)[2]["digitized"]
    np.testing.assert_array_equal(padded, plain * 16)
    assert np.abs(plain).max() > 5


def test_gain_follows_the_level() -> None:
    quiet = 0.01 * np.sin(2 * np.pi * 1000 * np.arange(100_000) / 100e3)
    front_end = AFESimAGC(gain_control=GainControl(controller=FAST))
    _, _, record = front_end(quiet, record=True)
    commands, codes = record["commands"][0, :, 0], record["digitized"][0, :, 0]
    assert commands[0] == 0 and commands[-1] == 15
    assert np.abs(codes[-1000:]).max() > 20 * np.abs(codes[:110]).max()


def test_the_chip_runs_at_50_khz() -> None:
    front_end = AFESimAGC.from_specification()
    assert front_end.dt == 1e-3 and front_end.input_rate == 100e3
    assert front_end.normalization.low_pass_shift[0] == 12
    assert front_end.channel_names[0] == "filter 0, 108 Hz"
    with pytest.raises(ValueError, match="take 1.02 ms or 1.04 ms"):
        AFESimAGC.from_specification(dt=1.024e-3)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: GainControl(1), ValueError, "is 2 or 4: with 1 the model"),
        (lambda: AntiAliasFilter(3), ValueError, "is 1, 2 or 4; not 3"),
        (lambda: GainControl(fixed_gain=16), ValueError, "`fixed_gain` .* 0 to 15; not 16"),
        (lambda: GainControl(smoother="no"), ValueError, "`smoother` is a `GainSmoother` or None"),
        (lambda: GainControl(padding_bits=5), ValueError, "`padding_bits` .* 0 to 4"),
        (lambda: EnvelopeController(rise_time=1), ValueError, "longer than `fall_time`"),
        (lambda: EnvelopeController(rise_time=1e-6), ValueError, "`rise_time` .* or more"),
        (lambda: EnvelopeController(waiting_times=[1]), ValueError, "are 16, not 1"),
        (lambda: EnvelopeController(waiting_times=[0] * 16), ValueError, "waiting time .* not 0 s"),
        (lambda: EnvelopeController(levels=[5] * 16), ValueError, "`levels` .* rise"),
        (lambda: EnvelopeController(variations=[0] * 17), ValueError, "last .* is negative, not 0"),
        (lambda: EnvelopeController(variations=[4] * 17), ValueError, "-3 to 3; not 4"),
        (lambda: GainSmoother(1e-5), ValueError, "`min_waiting_time` .* not 1e-05"),
        (lambda: GainSmoother(0.1, 16), ValueError, "`n_bits` .* 2 to 15"),
        (
            lambda: AntiAliasFilter()(np.array([[512]])),
            FrontEndRangeError,
            "`AntiAliasFilter`, channel 0, sample 0, step 0: codes have 10 bits",
        ),
        (
            lambda: GainSmoother()(np.array([[0, 16]])),
            FrontEndRangeError,
            "`GainSmoother`, channel 1, .* 0 to 15; this is 16",
        ),
        (
            lambda: EnvelopeController(rise_time=2e-5)(np.full((9, 1), -512)),
            FrontEndRangeError,
            "`EnvelopeController`, channel 0, sample 0, step 0: the envelope needs",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_without_oversampling_the_model_swings_to_its_limits() -> None:
    tone = 0.01 * np.sin(2 * np.pi * 1000 * np.arange(500) / 50e3)
    chain = GainControl(1, fixed_gain=0, reference_quirks=True)
    assert np.abs(chain(tone)[0][0, 200:, 0]).min() > 400


def test_a_state_fits_only_samples_that_are_equally_far() -> None:
    _, state, _ = GainControl()(np.zeros((2, 41, 1)))
    state["tick"][1] = 0
    with pytest.raises(ValueError, match="`tick` is one number for all samples"):
        GainControl().set_attributes(state)(np.zeros((2, 40, 1)))
