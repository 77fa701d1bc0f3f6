from pathlib import Path
from typing import Any

import audio3_definition as definition
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import butter, firwin

from xylograph.hw import AFESimExternal, AFESimPDM, FrontEndRangeError
from xylograph.hw.frontends import DeltaSigmaMicrophone, PDMDecimator, Stage
from xylograph.models import LinearJax, Sequential

GOLDEN = np.load(Path(__file__).parent / "audio3_golden.npz")
BIT_RATE = 1562500.0
QUIRKS: Any = {"reference_quirks": True}
FIR_BITS = (2 * GOLDEN["pdm_fir_bits"].astype(int) - 1)[:, None]
SD_BITS = (2 * np.unpackbits(GOLDEN["pdm_sd1_bits"]).astype(int) - 1)[:, None]
TONE = 0.5 * np.sin(2 * np.pi * 2000 * np.arange(3200) / BIT_RATE)


def designed_taps() -> list[int]:
    """The taps as the facts say that they are made."""
    taps = np.asarray(firwin(256, 20000, fs=BIT_RATE))
    taps = taps / (taps.max() * (1 + 1e-10))
    size = int(np.abs(np.trunc(taps * 2**15)).sum())
    scale = (2 ** (size.bit_length() - 1) - 1) / size
    return np.trunc(taps * scale * 2**15).astype(int).tolist()


TAPS = designed_taps()


def test_decimation_equals_the_golden_values() -> None:
    found = PDMDecimator(**QUIRKS)(FIR_BITS)[0][0, :, 0]
    np.testing.assert_array_equal(found, GOLDEN["pdm_fir_out"])


@pytest.mark.parametrize(("bit", "start"), [(1, [-6112, -6028, -6137, -6692]), (-1, [-6110] * 4)])
def test_decimation_of_a_constant_equals_the_golden_values(bit: int, start: list[int]) -> None:
    found = PDMDecimator(**QUIRKS)(np.full((1280, 1), bit))[0][0, :, 0]
    assert found[:4].tolist() == start
    assert found[20] == (6109 if bit == 1 else -6110)


def test_microphone_equals_the_golden_values() -> None:
    bits, _, _ = DeltaSigmaMicrophone()(TONE)
    np.testing.assert_array_equal(bits[0, :, 0], 2 * GOLDEN["ds_bits"].astype(int) - 1)
    found = PDMDecimator(**QUIRKS)(bits)[0][0, :, 0]
    np.testing.assert_array_equal(found, GOLDEN["ds_fir_out"])


def test_front_end_equals_the_golden_values() -> None:
    front_end = AFESimPDM(microphone=False, mirror=True, **QUIRKS)
    raster, _, record = front_end(SD_BITS, record=True)
    np.testing.assert_array_equal(record["decimated"][0, :, 0], GOLDEN["pdm_sd1_out"])
    np.testing.assert_array_equal(raster[0], GOLDEN["pdm_sd1_raster"])


@given(bits=arrays(np.int64, st.integers(1, 700), elements=st.sampled_from([-1, 1])))
@settings(deadline=None, max_examples=30)
def test_decimation_equals_the_definition(bits: np.ndarray) -> None:
    found = PDMDecimator(**QUIRKS)(bits[:, None])[0][0, :, 0]
    assert found.tolist() == definition.decimated(bits.tolist(), TAPS)


@given(signal=arrays(np.float64, 300, elements=st.floats(-0.7, 0.7)))
@settings(deadline=None, max_examples=30)
def test_microphone_equals_the_definition(signal: np.ndarray) -> None:
    found = DeltaSigmaMicrophone()(signal)[0][0, :, 0]
    design: Any = butter(4, 2 * np.pi * 20000, analog=True)
    # Another way to the coefficients: the last bits of a Butterworth design are not ours.
    denominator = design[1][:0:-1].tolist()
    assert found.tolist() == definition.modulated(signal.tolist(), denominator, BIT_RATE)


def test_a_silent_start_has_no_edge() -> None:
    bits, _, _ = DeltaSigmaMicrophone()(np.zeros(3200))
    assert np.abs(PDMDecimator()(bits)[0]).max() < 100
    assert np.abs(PDMDecimator(**QUIRKS)(bits)[0]).max() > 6000


def test_what_is_heard_is_what_was_said() -> None:
    rate, n = 16000, 4000
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(n) / rate)
    _, _, record = AFESimPDM(input_rate=rate)(tone, record=True)
    heard = record["decimated"][0, 200:, 0] / 8192 / 0.7458  # The gain of the filter.
    wanted = AFESimExternal(input_rate=rate)(tone, record=True)[2]["quantized"][0, :, 0] / 8192
    # The filter is behind by 127.5 bits, or 3.98 samples; the loop, a low-pass of order 4 at 20 kHz,
    # by 2.61 / (2 pi 20 kHz), or 1.02 samples.
    np.testing.assert_allclose(heard, wanted[195 : 195 + len(heard)], atol=0.02)


@pytest.mark.parametrize(
    "stage",
    [DeltaSigmaMicrophone(500e3), DeltaSigmaMicrophone(), PDMDecimator()],
    ids=["resampled", "microphone", "decimator"],
)
@given(
    bits=arrays(np.int64, st.integers(0, 200), elements=st.sampled_from([-1, 1])),
    cut=st.integers(0, 200),
)
@settings(deadline=None, max_examples=30)
def test_a_stage_alone_goes_on_from_its_state(stage: Stage, bits: np.ndarray, cut: int) -> None:
    column = bits[:, None] if isinstance(stage, PDMDecimator) else 0.3 * bits[:, None]
    whole, _, _ = stage(column)
    first, state, _ = stage(column[:cut])
    second, _, _ = stage.set_attributes(state)(column[cut:])
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)


def test_a_signal_cut_anywhere_equals_the_whole() -> None:
    front_end = AFESimPDM(input_rate=44100, raster_period=7)
    signal = 0.5 * np.sin(np.arange(400) / 3)
    whole, parts = front_end(signal)[0], []
    for part in np.split(signal, [1, 50, 233, 234]):
        raster, state, _ = front_end(part)
        front_end = front_end.set_attributes(state)
        parts.append(raster)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_samples_of_a_batch_do_not_depend_on_each_other() -> None:
    batch = 0.5 * np.random.default_rng(1).uniform(-1, 1, (3, 1000, 1))  # Enough for threads.
    front_end = AFESimPDM(input_rate=16000)
    alone = [front_end(sample)[0][0] for sample in batch]
    np.testing.assert_array_equal(front_end(batch)[0], alone)


def test_an_unstable_loop_is_named() -> None:
    with pytest.raises(FrontEndRangeError, match="`DeltaSigmaMicrophone`, .* sample 1, bit .* 0.8"):
        DeltaSigmaMicrophone()(np.stack([np.zeros((40000, 1)), np.full((40000, 1), 0.97)]))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: AFESimPDM()(np.full(4, 1.5)), FrontEndRangeError, "channel 0.*may be 1, this"),
        (
            lambda: AFESimPDM(microphone=False)(np.zeros((4, 1), int)),
            ValueError,
            "-1 or 1, this is 0",
        ),
        (lambda: AFESimPDM(microphone=False)(np.zeros(4)), TypeError, "takes integers"),
        (
            lambda: AFESimPDM(microphone=False, input_rate=8000),
            ValueError,
            "leave out `input_rate`",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_bits_may_come_without_the_axis_of_the_channel() -> None:
    front_end, bits = AFESimPDM(microphone=False), SD_BITS[:, 0]
    np.testing.assert_array_equal(front_end(bits)[0], front_end(bits[:, None])[0])


def test_bits_may_pass_through_a_network() -> None:
    network = Sequential(AFESimPDM(microphone=False), LinearJax((16, 2)))
    raster, _, _ = AFESimPDM(microphone=False)(SD_BITS)
    wanted, _, _ = network.modules()["1_LinearJax"](raster.astype(np.float32))
    np.testing.assert_array_equal(network(SD_BITS)[0], wanted)


def test_a_state_fits_only_samples_that_are_equally_far() -> None:
    _, state, _ = PDMDecimator()(np.ones((2, 40, 1), int))
    state["step"][1] += 1
    with pytest.raises(ValueError, match="`step` is one number for all samples"):
        PDMDecimator().set_attributes(state)(np.ones((2, 40, 1), int))
