from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import audio2_definition as definition
import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from xylograph import XyloConfig, XyloSim
from xylograph.hw import AFESim, FrontEndRangeError
from xylograph.hw.frontends import (
    AFEDevice,
    AFEModel,
    Amplifier,
    AnalogFilterBank,
    Audio2Normalization,
    EventCounter,
    EventEncoder,
    NoiseDensity,
    lfsr_code,
)
from xylograph.tools.datasets import Recordings, apply_frontend

# Made with the reference simulator; see the front-end facts, golden values, section 3.
GOLDEN = np.load(Path(__file__).parent / "audio2_golden.npz")
QUIRKS: Any = {"reference_quirks": True}
SILENT_RECTIFIER = replace(AFEModel(), rectifier_noise=NoiseDensity(0.0))
FS = 110e3
VOLTS = arrays(np.float64, (40, 1), elements=st.floats(-0.55, 0.55))
EVENTS = arrays(np.int64, (23, 2), elements=st.integers(0, 40))
NORMALIZATIONS: dict[str, dict[str, Any]] = {
    "dn_under": {},
    "dn_over": {"low_pass_mode": "overflow-protect"},
    "dn_nolfsr": {"lfsr": False},
    "dn_multi": {"p_local": 8, "shift": 3, "frame_dt": 20e-3},
}


def chirp(fs: float, n: int, amplitude: float, low: float, high: float) -> np.ndarray:
    t = np.arange(n) / fs
    k = t[-1] / np.log(high / low)
    return amplitude * np.sin(2 * np.pi * low * k * (np.exp(t / k) - 1))


WHOLE: dict[str, tuple[AFESim, np.ndarray]] = {
    "afe_chirp": (
        AFESim(FS, model=SILENT_RECTIFIER, mirror=True, **QUIRKS),
        chirp(FS, 16500, 0.112, 60, 14000),
    ),
    "afe_gain6": (
        AFESim(
            *(128e3,), lna_gain_db=6, threshold=0.3, count=2, model=SILENT_RECTIFIER, mirror=True,
            **QUIRKS,
        ),
        chirp(128e3, 12800, 0.05, 100, 8000),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_whole_chain_equals_the_golden_values(name: str) -> None:
    front_end, signal = WHOLE[name]
    raster, _, record = front_end(signal, record=True)
    np.testing.assert_array_equal(raster[0], GOLDEN[f"{name}_raster"])
    np.testing.assert_array_equal(record["events"][0].sum(axis=0), GOLDEN[f"{name}_counts"])
    rectified = abs(record["filtered"][0]).mean(axis=0)
    np.testing.assert_allclose(rectified, GOLDEN[f"{name}_rect_mean"], rtol=1e-9)


@pytest.mark.parametrize("name", WHOLE)
def test_band_pass_filters_have_the_golden_strength(name: str) -> None:
    front_end, signal = WHOLE[name]
    mirrored = np.concatenate([signal[::-1], signal])
    amplified, _, _ = Amplifier(front_end.fs, 6 if name == "afe_gain6" else 0)(mirrored)
    # They were recorded before the coupling, which at this edge takes nothing away.
    uncoupled = AnalogFilterBank(front_end.fs, model=replace(AFEModel(), coupling_hz=1e-12))
    found = uncoupled(amplified)[0][0, len(signal) :]
    strength = np.sqrt((found**2).mean(axis=0))
    np.testing.assert_allclose(strength, GOLDEN[f"{name}_bpf_rms"], rtol=1e-9)


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_normalization_equals_the_golden_values(name: str) -> None:
    events = GOLDEN[f"{name}_in"]
    normalize = Audio2Normalization(events.shape[1], **NORMALIZATIONS[name], **QUIRKS)
    output, state, record = normalize(events, record=True)
    np.testing.assert_array_equal(output[0], GOLDEN[f"{name}_out_ideal"])
    np.testing.assert_array_equal(record["frame_counts"][0], GOLDEN[f"{name}_E"])
    np.testing.assert_array_equal(record["averages"][0], GOLDEN[f"{name}_M"])
    np.testing.assert_array_equal(state["rest"][0], GOLDEN[f"{name}_iaf_last"])
    places = {"dn_under": 954, "dn_over": 954, "dn_nolfsr": 0, "dn_multi": 977}
    assert state["lfsr_place"].tolist() == [places[name]]
    # The reference's own binning puts some events one clock too early; none is lost.
    behind = np.cumsum(GOLDEN[f"{name}_out_ref"][: len(output[0])], axis=0, dtype=int)
    behind -= np.cumsum(output[0], axis=0, dtype=int)
    assert behind.min() >= 0 and behind[-1].tolist() == [0] * events.shape[1]


def test_lfsr_equals_the_golden_values_and_the_definition() -> None:
    np.testing.assert_array_equal(lfsr_code(), GOLDEN["lfsr_code"])
    assert lfsr_code().tolist() == definition.CODE


def test_encoder_equals_the_golden_values() -> None:
    t = np.arange(6000) / FS
    columns = [0.02 * (1 + 0.1 * c) * np.sin(600 * np.pi * (1 + 0.37 * c) * t) for c in range(16)]
    volts = np.stack(columns, axis=1)
    raw, state, _ = EventEncoder(FS, count=1, **QUIRKS)(volts)
    np.testing.assert_array_equal(raw[0], GOLDEN["enc_spikes"])
    np.testing.assert_allclose(state["charge"][0], GOLDEN["enc_state"], rtol=1e-9)
    passed, _, _ = EventEncoder(FS, **QUIRKS)(volts)
    np.testing.assert_array_equal(passed[0], GOLDEN["enc_down4"])


@pytest.mark.parametrize("gain_db", [0, 6, 12])
def test_amplifier_equals_the_golden_values(gain_db: int) -> None:
    # Of the amplifier alone, up to 0.6 V: half of the voltage, twice the gain.
    deaf = replace(AFEModel(), mic_distortion=0.0)
    volts = GOLDEN["stat_in"] / 2
    found = Amplifier(FS, gain_db + 6, model=deaf)(volts)[0][0, :, 0]
    np.testing.assert_allclose(found, GOLDEN[f"stat_lna_{gain_db}"], rtol=1e-9)


def test_microphone_equals_the_golden_values() -> None:
    straight = replace(AFEModel(), lna_distortion=0.0)
    found = Amplifier(FS, model=straight, **QUIRKS)(GOLDEN["stat_in"])[0][0, :, 0]
    np.testing.assert_allclose(found, GOLDEN["stat_mic"], rtol=1e-9)


def test_mismatch_equals_the_golden_values() -> None:
    model, device = AFEModel(), AFEDevice.draw(42, **QUIRKS)
    centers, qualities = np.array(device.centers_hz(model)), np.array(device.qualities(model))
    found = np.concatenate(
        [
            [device.input_offset_v, device.lna_offset_v],
            *(device.bpf_offsets_v, device.q_errors, device.center_errors),
            *([device.common_shift], centers, qualities, centers / qualities),
        ]
    )
    np.testing.assert_allclose(found, GOLDEN["mm_42"], rtol=1e-12)


def test_noise_with_quirks_equals_the_golden_values() -> None:
    # The amplifier's noise is the first that is drawn; nothing else comes out of silence.
    front_end = AFESim(FS, noise_key=42, **QUIRKS)
    _, _, record = front_end(np.zeros(64), record=True)
    np.testing.assert_allclose(record["amplified"][0, :, 0], GOLDEN["noise_42"], rtol=1e-9)


@given(
    volts=VOLTS, gain=st.sampled_from([0, 6, 12]), offsets=st.tuples(*[st.floats(-0.01, 0.01)] * 2)
)
@settings(deadline=None)
def test_amplifier_equals_the_definition(
    volts: np.ndarray, gain: int, offsets: tuple[float, float]
) -> None:
    device = AFEDevice(input_offset_v=offsets[0], lna_offset_v=offsets[1])
    found = Amplifier(FS, gain, device=device)(volts)[0][0, :, 0]
    expected = definition.amplified(volts[:, 0].tolist(), gain, *offsets)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@given(volts=VOLTS, key=st.integers(0, 2**64 - 1))
@settings(deadline=None, max_examples=30)
def test_filters_equal_the_definition(volts: np.ndarray, key: int) -> None:
    device, model = AFEDevice.draw(key), AFEModel()
    found = AnalogFilterBank(FS, device=device)(volts)[0][0]
    pairs = zip(device.centers_hz(model), device.qualities(model), strict=True)
    for column, (center, q) in zip(found.T, pairs, strict=True):
        expected = definition.filtered(volts[:, 0].tolist(), center, q, FS)
        # Order 4 in one piece, which loses digits in the lowest bands.
        np.testing.assert_allclose(column, expected, rtol=1e-6, atol=1e-9)


@given(
    volts=arrays(np.float64, (40, 16), elements=st.floats(-0.55, 0.55)),
    threshold=st.floats(0.01, 1.1),
    count=st.integers(1, 5),
)
@settings(deadline=None, max_examples=50)
def test_encoder_equals_the_definition(volts: np.ndarray, threshold: float, count: int) -> None:
    found = EventEncoder(FS, threshold=threshold, count=count)(volts)[0][0]
    for column, events in zip(volts.T.tolist(), found.T.tolist(), strict=True):
        assert events == definition.encoded(column, 110_000, threshold, count)


@given(
    events=EVENTS,
    length=st.fractions(1, 12, max_denominator=8),
    most=st.integers(1, 300),
)
@settings(deadline=None)
def test_counter_equals_the_definition(events: np.ndarray, length: Fraction, most: int) -> None:
    counter = EventCounter(length / Fraction("0.01"), 0.01, n_channels=2, max_events=most)
    found = counter(events)[0][0]
    for column, rows in zip(events.T.tolist(), found.T.tolist(), strict=True):
        assert rows == definition.counted(column, length, most)


@given(
    events=st.one_of(EVENTS, EVENTS.map(lambda events: 0 * events)),
    shift=st.integers(0, 6),
    p_local=st.sampled_from([2, 4, 12]),
    bias=st.integers(1, 12),
    switches=st.tuples(*[st.booleans()] * 3),
)
@settings(deadline=None)
def test_normalization_equals_the_definition(
    events: np.ndarray, shift: int, p_local: int, bias: int, switches: tuple[bool, bool, bool]
) -> None:
    overflow_protect, lfsr, quirks = switches
    normalize = Audio2Normalization(
        *(2,), frame_dt=5e-4, shift=shift, p_local=p_local, iaf_bias=bias, lfsr=lfsr,
        low_pass_mode="overflow-protect" if overflow_protect else "underflow-protect",
        reference_quirks=quirks,
    )  # fmt: skip
    found = normalize(events)[0][0]
    for column, expected in zip(found.T.tolist(), events.T.tolist(), strict=True):
        rules = (5, shift, p_local, bias, overflow_protect, lfsr, quirks)
        assert column == definition.normalized(expected, *rules)


STREAMS = {
    "as it comes": AFESim(102_300, dt=1e-3, count=1, threshold=0.1),
    "noisy": AFESim(FS, dt=1e-3, count=2, device=AFEDevice.draw(3), noise_key=3),
    "normalized": AFESim(
        *(FS,), dt=5e-4, count=1, threshold=0.1, noise_key=1,
        normalization=Audio2Normalization(frame_dt=1e-3, shift=2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
@given(cut=st.integers(0, 1500), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=15)
def test_a_signal_cut_anywhere_equals_the_whole(name: str, cut: int, seed: int) -> None:
    front_end = STREAMS[name]
    signal = np.random.default_rng(seed).uniform(-0.5, 0.5, (2, 1500, 1))
    whole, last, _ = front_end(signal)
    first, state, _ = front_end(signal[:, :cut])
    second, after, _ = front_end.set_attributes(state)(signal[:, cut:])
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)
    assert whole.sum() > 20
    for stage, arrays_of in last.items():
        for key, array in arrays_of.items():
            np.testing.assert_array_equal(after[stage][key], array, err_msg=f"{stage} {key}")


@pytest.mark.parametrize("name", STREAMS)
def test_all_in_one_piece_equals_stage_by_stage(name: str) -> None:
    signal = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 3000, 1))
    raster, state, nothing = STREAMS[name](signal)
    recorded, same, record = STREAMS[name](signal, record=True)
    np.testing.assert_array_equal(raster, recorded)
    np.testing.assert_array_equal(record["raster"], recorded)
    jax.tree.map(np.testing.assert_array_equal, state, same)
    middle = ["clocks", "normalized"] * (name == "normalized")
    assert list(record) == ["input", "amplified", "filtered", "events", *middle, "raster"]
    assert nothing == {}


def test_samples_of_a_batch_do_not_depend_on_each_other() -> None:
    signal = np.random.default_rng(1).uniform(-0.3, 0.3, (5, 4000, 1))  # Enough for threads.
    clean, noisy = AFESim(FS, dt=1e-3), AFESim(FS, dt=1e-3, noise_key=9)
    alone = [clean(sample)[0][0] for sample in signal]
    np.testing.assert_array_equal(clean(signal)[0], alone)
    # Noise follows the place in the batch, not what else is in it.
    np.testing.assert_array_equal(noisy(signal)[0][:2], noisy(signal[:2])[0])
    same = noisy(np.tile(signal[:1], (2, 1, 1)), record=True)[2]["filtered"]
    assert (same[0] != same[1]).all()


def test_a_key_decides_about_noise_and_device() -> None:
    signal = chirp(FS, 5500, 0.1, 60, 14000)
    found = [
        AFESim(FS, device=AFEDevice.draw(key), noise_key=key)(signal, record=True)[2]["filtered"]
        for key in (1, 1, 2, jax.random.key(1), jax.random.PRNGKey(1))
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[3])
    np.testing.assert_array_equal(found[0], found[4])
    assert (found[0] != found[2]).mean() > 0.99


@given(key=st.integers(0, 2**64 - 1))
def test_a_device_stays_within_the_limits_of_the_model(key: int) -> None:
    device = AFEDevice.draw(key)
    assert abs(device.lna_offset_v) <= 5e-3 and device.input_offset_v == 0
    assert max(map(abs, device.q_errors)) <= 0.1 and max(map(abs, device.center_errors)) <= 0.05
    assert len({device.common_shift, *device.q_errors, *device.center_errors}) == 33
    assert AFEDevice.draw(key, offsets=False) == replace(
        device, input_offset_v=0.0, lna_offset_v=0.0, bpf_offsets_v=(0.0,) * 16
    )
    assert AFEDevice.draw(key, mismatch=False).centers_hz(AFEModel()) == AFEModel().centers_hz


def test_device_errors_are_evenly_distributed() -> None:
    shifts = np.sort([AFEDevice.draw(key).common_shift for key in range(500)]) / 0.05
    # Kolmogorov and Smirnov; 1.63 is passed once in a hundred times.
    assert np.abs(shifts - np.linspace(-1, 1, 500)).max() / 2 * np.sqrt(500) < 1.63


def noise_of(density: NoiseDensity, n: int) -> np.ndarray:
    front_end = Amplifier(FS, model=replace(AFEModel(), lna_noise=density), noise_key=11)
    return front_end(np.zeros((1, n, 1)))[0][0, :, 0]


def test_white_noise_is_normal_and_has_its_density() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    white = noise_of(NoiseDensity(1e-6), 200_000) / (1e-6 * np.sqrt(FS / 2))
    assert scipy_stats.kstest(white, "norm").pvalue > 0.01
    assert abs(white).max() > 3.9  # The tail beyond the layers of the ziggurat, at 3.44.
    assert abs(np.corrcoef(white[1:], white[:-1])[0, 1]) < 0.01


@pytest.mark.parametrize("noise", [AFEModel().lna_noise, NoiseDensity(1e-6, 2000.0)])
def test_noise_has_the_density_and_the_knee_of_the_reference(noise: NoiseDensity) -> None:
    from scipy.signal import welch

    frequencies, power = welch(noise_of(noise, 2**19), FS, nperseg=2**14)
    wanted = noise.density * np.maximum(noise.knee_hz / np.maximum(frequencies, 1e-9), 1)
    bands = [(50, 200), (200, 900), (5000, 12000), (12000, 25000), (25000, 45000)]
    for low, high in bands:
        inside = (low <= frequencies) & (frequencies < high)
        off_db = 10 * np.log10((power[inside] / wanted[inside] ** 2).mean())
        assert abs(off_db) < 1.0, (low, high)


def test_silence_gives_nothing_also_with_offsets() -> None:
    device = AFEDevice.draw(8, replace(AFEModel(), lna_offset_v=0.05))
    quiet, _, record = AFESim(FS, device=device, lna_gain_db=12)(np.zeros(22_000), record=True)
    assert abs(record["amplified"]).max() > 1e-3
    assert abs(record["filtered"]).max() < 1e-9
    assert quiet.sum() == 0


def test_mirrored_filters_have_settled() -> None:
    signal = chirp(FS, 5500, 0.1, 400, 500)[::-1].copy()
    front_end, mirrored = AFESim(FS), AFESim(FS, mirror=True)
    twice = np.concatenate([signal[::-1], signal])
    _, _, expected = front_end(twice, record=True)
    raster, state, found = mirrored(signal, record=True)
    np.testing.assert_array_equal(found["filtered"], expected["filtered"][:, len(signal) :])
    again = mirrored.set_attributes(state)(signal, record=True)[2]
    np.testing.assert_array_equal(again["filtered"], found["filtered"])
    np.testing.assert_array_equal(mirrored(signal)[0], raster)


def test_responses_are_those_of_an_impulse() -> None:
    bank = AnalogFilterBank(FS)
    impulse = np.zeros(2**17)
    impulse[0] = 0.5
    found = np.fft.rfft(bank(impulse)[0][0], axis=0)[1:20000:37].T / 0.5
    frequencies = np.fft.rfftfreq(len(impulse), 1 / FS)[1:20000:37]
    np.testing.assert_allclose(bank.responses(frequencies), found, rtol=0, atol=1e-6)
    np.testing.assert_allclose(AFESim(FS).responses(frequencies), bank.responses(frequencies))
    center = np.array(AFEModel().centers_hz)
    assert np.abs(np.abs(bank.responses(center)).diagonal()[3:] - 1).max() < 0.02


def test_quirks_of_the_counter_of_full_charges() -> None:
    volts = np.full((200, 16), 0.5)
    raw = np.flatnonzero(EventEncoder(FS, count=1)(volts)[0][0, :, 0])
    assert len(raw) > 12
    plain, quirky = EventEncoder(FS), EventEncoder(FS, **QUIRKS)
    np.testing.assert_array_equal(np.flatnonzero(plain(volts)[0][0, :, 0]), raw[3::4])
    np.testing.assert_array_equal(np.flatnonzero(quirky(volts)[0][0, :, 0]), raw[2::4])
    # Two full charges; another call goes on from there, or with the quirk counts anew.
    two = volts[: raw[1] + 1]
    later = [front.set_attributes(front(two)[1])(volts)[0][0, :, 0] for front in (plain, quirky)]
    assert [np.flatnonzero(events)[0] for events in later] == [raw[1], raw[2]]


def test_quirks_of_the_raster() -> None:
    events = np.ones((9, 1), int)
    counter = EventCounter(1000, 3e-3, n_channels=1, **QUIRKS)
    assert counter(events)[0][0, :, 0].tolist() == [1, 3, 3]
    assert EventCounter(1000, 3e-3, n_channels=1)(events)[0][0, :, 0].tolist() == [3, 3, 3]
    # 200 kHz is where the length is no whole number in floating point: 1999.9999.
    long = np.ones((4100, 1), int)
    counter = EventCounter(200e3, 10e-3, n_channels=1, max_events=9999, **QUIRKS)
    assert counter(long)[0][0, :, 0].tolist() == [2000, 2000, 100]


def test_quirks_of_the_normalization() -> None:
    few = np.zeros((1000, 1), int)
    few[::50] = 1  # Ten a frame: M stays 0, and one pulse is one event.
    found = [
        Audio2Normalization(1, lfsr=False, reference_quirks=q)(few)[0].sum() for q in (False, True)
    ]
    assert found == [120, 0]
    _, _, record = Audio2Normalization(1, lfsr=False)(np.full((500, 1), 3), record=True)
    _, _, quirky = Audio2Normalization(1, lfsr=False, **QUIRKS)(np.full((500, 1), 3), record=True)
    assert (record["frame_counts"].max(), quirky["frame_counts"].max()) == (1023, 1024)
    # A frame that is not full waits, or is filled up with silence.
    assert Audio2Normalization(1)(few[:600])[0].shape == (1, 500, 1)
    assert Audio2Normalization(1, **QUIRKS)(few[:600])[0].shape == (1, 1000, 1)


def test_quirks_of_the_offsets_and_the_microphone() -> None:
    device = AFEDevice(lna_offset_v=0.004)
    once, twice = (Amplifier(FS, device=device, **q)(np.zeros(1))[0] for q in ({}, QUIRKS))
    np.testing.assert_allclose(twice - once, 0.004)
    loud = np.array([0.55, 0.586, 0.7])
    heard = Amplifier(FS, **QUIRKS)(loud)[0][0, :, 0]
    assert heard[0] < heard[1] > heard[2]
    with pytest.raises(FrontEndRangeError, match="`Amplifier`, channel 0, sample 0, step 1: the .*"
                       r"0.55 V, this is 0.586 V \(2 such values\)"):  # fmt: skip
        AFESim(FS)(loud)


def test_with_quirks_every_filter_has_the_offset_of_the_first_and_rectifiers_have_noise() -> None:
    device = replace(AFEDevice(), bpf_offsets_v=(0.3, *[0.0] * 15))
    front_end = AFESim(FS, device=device, model=SILENT_RECTIFIER, **QUIRKS)
    _, _, record = front_end(np.zeros(3000), record=True)
    assert (abs(record["filtered"][0]).max(axis=0) > 1e-3).all()
    with pytest.raises(ValueError, match="rectifiers of `AFESim` always have noise"):
        AFESim(FS, **QUIRKS)
    _, _, noisy = AFESim(FS, noise_key=1, **QUIRKS)(np.zeros((2, 64))[..., None], record=True)
    np.testing.assert_array_equal(noisy["filtered"][0], noisy["filtered"][1])


def test_the_reference_hears_the_future() -> None:
    late = np.zeros(4000)
    late[3000:] = chirp(FS, 1000, 0.1, 60, 100)
    _, _, causal = AFESim(FS)(late, record=True)
    _, _, quirky = AFESim(FS, model=SILENT_RECTIFIER, **QUIRKS)(late, record=True)
    assert abs(causal["filtered"][0, :2900]).max() == 0
    assert abs(quirky["filtered"][0, :2900]).max() > 1e-6


def test_the_raster_goes_into_a_network() -> None:
    raster, _, _ = AFESim(FS)(chirp(FS, 33_000, 0.1, 60, 14000))
    assert raster.max() <= 15
    config = XyloConfig("xylo-audio-2", weights_in=np.ones((16, 2)), weights_out=np.ones((2, 1)))
    output, _, _ = XyloSim(config, engine="reference")(raster)
    assert output.shape == (1, 30, 1)


def test_recordings_go_through_with_a_cache(tmp_path: Path) -> None:
    recordings = Recordings(
        signals=(chirp(FS, 5500, 0.1, 60, 14000)[:, None], np.full((3300, 1), 0.1)),
        labels=np.arange(2), groups=np.array(["a", "b"]), takes=np.zeros(2, int),
        channel_names=("microphone",), dt=1 / FS,
    )  # fmt: skip
    front_ends = [AFESim(FS, noise_key=key) for key in (1, 1, 2)]
    found = [apply_frontend(recordings, front_end, cache_dir=tmp_path) for front_end in front_ends]
    np.testing.assert_array_equal(found[0].signals[0], front_ends[0](recordings.signals[0])[0][0])
    np.testing.assert_array_equal(found[1].signals[1], found[0].signals[1])
    assert len(list(tmp_path.iterdir())) == 4  # Two keys, two recordings.


def test_export_has_the_fields_of_the_chip() -> None:
    normalization = Audio2Normalization.of_chip(s_param=4, p_param=3, iaf_bias=7)
    fields = AFESim(
        *(FS,), lna_gain_db=12, count=list(range(1, 17)), normalization=normalization
    ).export_parameters()
    assert fields["analog_top"] == {"lna": {"ci_tune": 0, "cf_tune": 15}}
    assert fields["aer_2_saer"] == {
        "channel_thresholds": list(range(1, 17)),
        "dn": {"enable": True, "iaf_bias": 7, "p_param": 3, "s_param": 4},
    }
    assert AFESim(FS).export_parameters()["aer_2_saer"]["dn"] == {"enable": False}


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: AFESim(48e3), ValueError, "`fs` of `AFESim` is at least 101640"),
        (lambda: AFESim(FS)(np.zeros(9, int)), TypeError, "takes real numbers, this is int64"),
        (lambda: AFESim(FS)(np.zeros((9, 2))), ValueError, r"takes \(time, 1\)"),
        (lambda: AFESim(FS)(np.full(9, np.nan)), ValueError, "channel 0, sample 0, step 0: .* fin"),
        (lambda: AFESim(FS, lna_gain_db=61), ValueError, "-60 to 60, not 61"),
        (lambda: AFESim(FS, threshold=1.2), ValueError, "up to the supply, 1.1 V; not 1.2"),
        (lambda: AFESim(FS, count=1024), ValueError, r"`count\[0\]` of .* 1 to 1023; not 1024"),
        (lambda: AFESim(FS, count=[4, 4]), ValueError, "one number or 16; these are 2"),
        (lambda: AFESim(FS, dt=1e-6), ValueError, "at least one sample"),
        (lambda: AFESim(FS, noise_key=-1), ValueError, "a key is a whole number"),
        (lambda: AFEDevice.draw(2**32, **QUIRKS), ValueError, "a number below 2.32"),
        (lambda: AFESim(FS, lna_gain_db=3).export_parameters(), ValueError, "0, 6 or 12 dB"),
        (lambda: Audio2Normalization().export_parameters(), ValueError, "a power of two"),
        (lambda: Audio2Normalization(p_local=3), ValueError, "`p_local` .* is even"),
        (lambda: Audio2Normalization(frame_dt=1.05e-3), ValueError, "10.5 clocks"),
        (lambda: Audio2Normalization(low_pass_mode="x"), ValueError, "is one of .* not 'x'"),
        (
            lambda: Audio2Normalization(1)(np.full((2, 1), -1)),
            FrontEndRangeError,
            "channel 0, .* -1",
        ),
        (lambda: EventCounter(9, 1)(np.full((2, 16), -1)), FrontEndRangeError, "events are 0 or"),
        (
            lambda: AFESim(FS, normalization=Audio2Normalization(4)),
            ValueError,
            "has 4 channels, there are 16 filters",
        ),
        (
            lambda: replace(AFEModel(), q=-1.0, supply_v=0.0),
            ValueError,
            "`supply_v` .* 0.0; `q` .* -1.0",
        ),
        (
            lambda: AnalogFilterBank(30e3),
            ValueError,
            r"between 0 and 15000 Hz, .* filters \[15\]",
        ),
        (lambda: replace(AFEModel(), centers_hz=(50.0, 90.0)), ValueError, "are 16 numbers, not 2"),
        (lambda: AFEDevice(q_errors=(0.1,)), ValueError, "`q_errors` .* 16 numbers, .* not 1"),
        (lambda: AFESim(FS).set_attributes({}), ValueError, "the stages are amplifier, filters"),
    ],
)
def test_what_does_not_fit_is_refused(make, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_a_state_fits_only_where_it_is_from() -> None:
    _, state, _ = AFESim(FS)(np.zeros((2, 40, 1)))
    going_on = AFESim(FS).set_attributes(state)
    with pytest.raises(ValueError, match="is of 2 samples, the signal is of 1"):
        going_on(np.zeros(40))
    state["raster"]["phase"][1] += 1
    with pytest.raises(ValueError, match="`phase` is one number for all samples"):
        AFESim(FS).set_attributes(state)(np.zeros((2, 40, 1)))
