import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import imu_definition as definition
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from xylograph.hw import FrontEndRangeError, IMUIFSim, IMURegisters, XyloConfig
from xylograph.hw.frontends import (
    BandPassFilter,
    FilterBank,
    IAFEncoder,
    RotationRemoval,
    SampleAndHold,
    ScaleEncoder,
    SubSpace,
    jacobi_svd,
    quantize_samples,
)
from xylograph.models import FormatError

# Made with the reference simulator; see the front-end facts, golden values, section 2.
GOLDEN = np.load(Path(__file__).parent / "imu_golden.npz")
SIGNALS = arrays(np.int64, (12, 3), elements=st.integers(-32767, 32767))
FILTERED = arrays(np.int64, (12, 3), elements=st.integers(-(2**24) + 1, 2**24 - 1))
QUIRKS: Any = {"reference_quirks": True}
CASES = {
    "subspace_k4": (SubSpace(4), GOLDEN["x_a"][:40]),
    "subspace_k8": (SubSpace(8), GOLDEN["x_a"][:40]),
    "rot_default": (RotationRemoval(**QUIRKS), GOLDEN["x_a"]),
    "rot_k8p25": (RotationRemoval(8, 25, **QUIRKS), GOLDEN["x_a"]),
    "rot_b_default": (RotationRemoval(**QUIRKS), GOLDEN["x_b"]),
    "rot_axis_const": (RotationRemoval(**QUIRKS), np.tile([0, 0, 16384], (30, 1))),
    "fb_out": (FilterBank(mirror=True), GOLDEN["x_a"]),
    "fb_noflip_out": (FilterBank(), GOLDEN["x_a"]),
    "scale_s5": (ScaleEncoder(), GOLDEN["fb_out"]),
    "scale_mixed": (ScaleEncoder([3, 4, 5, 6, 7] * 3), GOLDEN["fb_out"]),
    "iaf_t1024": (IAFEncoder(**QUIRKS), GOLDEN["fb_out"]),
    "iaf_mixed": (IAFEncoder([200 * (i + 1) for i in range(15)], **QUIRKS), GOLDEN["fb_out"]),
    "e2e_default": (IMUIFSim(mirror=True, **QUIRKS), GOLDEN["x_a"]),
    "e2e_bypass": (IMUIFSim(rotation=None, mirror=True), GOLDEN["x_a"]),
    "e2e_iaf": (IMUIFSim(encoder=IAFEncoder(**QUIRKS), mirror=True, **QUIRKS), GOLDEN["x_b"]),
    "e2e_k8": (
        IMUIFSim(rotation=RotationRemoval(8, 25, **QUIRKS), encoder=ScaleEncoder(4), mirror=True),
        GOLDEN["x_b"],
    ),
}
STREAMS = [
    SubSpace(),
    SampleAndHold(3, n_channels=3),
    RotationRemoval(2, 3),
    FilterBank(),
    IAFEncoder(900, n_channels=3),
    ScaleEncoder(n_channels=3),
    IMUIFSim(rotation=RotationRemoval(2, 3), encoder=IAFEncoder(900)),
]


@pytest.mark.parametrize("name", CASES)
def test_equals_the_golden_values(name: str) -> None:
    stage, signal = CASES[name]
    np.testing.assert_array_equal(stage(signal)[0][0], GOLDEN[name])


def test_svd_equals_the_golden_values() -> None:
    for matrix, rotation, diagonal in zip(
        GOLDEN["jsvd_C"], GOLDEN["jsvd_R"], GOLDEN["jsvd_D"], strict=True
    ):
        found, energies = jacobi_svd(matrix)
        np.testing.assert_array_equal(found, rotation)
        np.testing.assert_array_equal(energies, diagonal.diagonal())


@given(factor=arrays(np.int64, (3, 3), elements=st.integers(-18000, 18000)))
@settings(deadline=None)
def test_svd_equals_the_definition(factor: np.ndarray) -> None:
    matrix = factor @ factor.T
    rotation, energies = jacobi_svd(matrix)
    assert (rotation.tolist(), energies.tolist()) == definition.svd(matrix.tolist())


@given(signal=SIGNALS, shift=st.integers(0, 31))
@settings(deadline=None)
def test_covariance_equals_the_definition(signal: np.ndarray, shift: int) -> None:
    found = SubSpace(shift)(signal)[0][0].reshape(-1, 3, 3)
    assert found.tolist() == definition.covariances(signal.tolist(), shift)


@given(signal=SIGNALS, shift=st.integers(0, 6), period=st.integers(1, 5), sticky=st.booleans())
@settings(deadline=None)
def test_rotation_equals_the_definition(
    signal: np.ndarray, shift: int, period: int, sticky: bool
) -> None:
    found = RotationRemoval(shift, period, reference_quirks=sticky)(signal)[0][0]
    assert found.tolist() == definition.rotated(signal.tolist(), shift, period, sticky)


@given(signal=SIGNALS)
@settings(deadline=None)
def test_filters_equal_the_definition(signal: np.ndarray) -> None:
    bank = FilterBank()
    rows = [(f.b_b, f.b_wf, f.b_af, f.a1, f.a2) for f in bank.filters]
    assert bank(signal)[0][0].tolist() == definition.filtered(signal.tolist(), rows)


@given(signal=FILTERED, thresholds=st.tuples(*[st.integers(1, 2**31 - 1)] * 3))
@settings(deadline=None)
def test_integrate_and_fire_equals_the_definition(
    signal: np.ndarray, thresholds: tuple[int, int, int]
) -> None:
    found = IAFEncoder(thresholds, n_channels=3)(signal)[0][0]
    assert found.tolist() == definition.fired(signal.tolist(), thresholds)


@given(signal=FILTERED, scale=st.integers(0, 31))
@settings(deadline=None)
def test_scale_encoder_equals_the_definition(signal: np.ndarray, scale: int) -> None:
    expected = [[min(abs(value) // 2**scale, 15) for value in row] for row in signal.tolist()]
    assert ScaleEncoder(scale, n_channels=3)(signal)[0][0].tolist() == expected


@pytest.mark.parametrize("stage", STREAMS, ids=lambda stage: type(stage).__name__)
@given(signal=SIGNALS, cut=st.integers(0, 12))
@settings(deadline=None, max_examples=30)
def test_a_signal_cut_anywhere_equals_the_whole(
    stage: IMUIFSim, signal: np.ndarray, cut: int
) -> None:
    whole, _, _ = stage(signal)
    first, state, _ = stage(signal[:cut])
    second, _, _ = stage.set_attributes(state)(signal[cut:])
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)


def test_samples_of_a_batch_do_not_depend_on_each_other() -> None:
    batch = np.random.default_rng(1).integers(-9000, 9000, (5, 6000, 3))  # Enough for threads.
    front_end = IMUIFSim(encoder=IAFEncoder())
    alone = [front_end(sample)[0][0] for sample in batch]
    np.testing.assert_array_equal(front_end(batch)[0], alone)


def test_with_quirks_a_sample_starts_from_the_covariance_and_rotation_of_the_one_before() -> None:
    signal = GOLDEN["x_a"][:60].astype(int)
    stage = RotationRemoval(**QUIRKS)
    together, _, _ = stage(np.stack([signal, signal[::-1]]))
    _, left, _ = stage(signal)
    fresh = stage(signal[::-1])[0][0]
    # Of whole periods the definition goes on in one piece as if there were one sample only.
    both = np.concatenate([signal, signal[::-1]]).tolist()
    wanted = definition.rotated(both, 4, 10, sticky=True)
    np.testing.assert_array_equal(together.reshape(-1, 3), wanted)
    assert (together[1] != fresh).any()
    # A second call takes over the covariance only.
    called = stage.set_attributes(left)(signal[::-1])[0][0]
    np.testing.assert_array_equal(abs(called), abs(together[1]))


@pytest.mark.parametrize("first", [(0, 0, 0), (0, 0, 9000), (9000, 0, 0), (0, 9000, 0)])
def test_no_axis_dies_after_a_first_sample_along_an_axis(first: tuple[int, int, int]) -> None:
    signal = GOLDEN["x_a"].copy()
    signal[0] = first
    dead = {(0, 0, 0): [0, 2], (0, 0, 9000): [0, 2], (9000, 0, 0): [1, 2], (0, 9000, 0): [0, 1, 2]}
    alive = RotationRemoval()(signal)[0][0].any(axis=0)
    quirky = RotationRemoval(**QUIRKS)(signal)[0][0].any(axis=0)
    assert alive.all()
    assert np.flatnonzero(~quirky).tolist() == dead[first]


@pytest.mark.parametrize(
    ("band", "integers"),
    [
        ((1, 2), (6, 8, 9, -64458, 31754)),
        ((2, 4), (5, 8, 10, -63288, 30771)),
        ((4, 8), (4, 8, 11, -60684, 28888)),
        ((8, 16), (3, 8, 12, -54529, 25417)),
        ((16, 32), (2, 8, 13, -39246, 19378)),
        ((0.5, 1), (7, 8, 8, -65009, 32257)),
        ((5, 10), (3, 8, 12, -59258, 27986)),
        ((0.1, 10), (2, 8, 13, -56625, 23886)),
        ((12, 12.5), (7, 8, 8, -60270, 32257)),
        ((20, 60), (1, 8, 14, -14498, 5189)),
    ],
)
def test_filters_are_designed_from_bands(band: tuple[float, float], integers: tuple) -> None:
    assert BandPassFilter.from_band(*band) == BandPassFilter(*integers)


def test_registers_are_those_that_the_simulator_of_the_vendor_exports() -> None:
    # Board contract, section 3.1: coefficients with sign, the period itself.
    registers = IMUIFSim().registers()
    assert registers.bpf_a1_values == 3 * (-64458, -63288, -60684, -54529, -39246)
    assert registers.bpf_a2_values == 3 * (31754, 30771, 28888, 25417, 19378)
    assert (registers.update_matrix_threshold, registers.estimator_k_setting) == (10, 4)
    assert (registers.scale_values, registers.iaf_threshold_values) == (15 * (5,), 15 * (1024,))
    assert not registers.bypass_jsvd and not registers.select_iaf_output
    other = IMUIFSim(rotation=None, encoder=IAFEncoder(77)).registers()
    assert other.bypass_jsvd and other.select_iaf_output
    assert other.iaf_threshold_values == 15 * (77,)


@pytest.mark.parametrize(
    "front_end",
    [
        IMUIFSim(),
        IMUIFSim(rotation=None, encoder=ScaleEncoder(range(15))),
        IMUIFSim(rotation=RotationRemoval(7, 33), encoder=IAFEncoder(range(1, 16))),
    ],
)
def test_a_configuration_carries_the_front_end_to_the_chip_and_back(
    front_end: IMUIFSim, tmp_path: Path
) -> None:
    plain = XyloConfig("xylo-imu", weights_in=[[64]], weights_out=[[10]], dt=front_end.dt)
    config = front_end.configure(plain)
    assert config != plain and not config.violations()
    loaded = XyloConfig.load(config.save(tmp_path / "config.json"))
    assert loaded == config and loaded.input_interface is not None
    again = IMUIFSim.from_registers(loaded.input_interface)
    np.testing.assert_array_equal(again(GOLDEN["x_a"])[0], front_end(GOLDEN["x_a"])[0])
    assert pickle.loads(pickle.dumps(config)) == config


def test_a_front_end_is_refused_on_a_chip_without_and_at_another_rate() -> None:
    slow = XyloConfig("xylo-imu", weights_in=[[64]], weights_out=[[10]], dt=0.02)
    (violation,) = IMUIFSim().configure(slow).violations()
    assert violation.message == "is 0.02 s; the front end gives a row each 0.005 s"
    audio = XyloConfig("xylo-audio-3", weights_in=[[64]], weights_out=[[10]], dt=0.005)
    (violation,) = IMUIFSim().configure(audio).violations()
    assert "SYNS65302 has none" in violation.message and "SYNS63300" in violation.hint


def test_registers_that_do_not_fit_are_all_named() -> None:
    fields = IMUIFSim().registers().as_dict()
    wrong = fields | {"scale_values": [5] * 14 + [32], "update_matrix_threshold": 0}
    with pytest.raises(ValueError, match=r"is 0, the range is 1..2047.*`scale_values`\[14\] is 32"):
        IMURegisters.from_dict(wrong)
    with pytest.raises(ValueError, match="registers are an object of bpf_a1_values"):
        IMURegisters.from_dict({"scale_values": [5] * 15})
    with pytest.raises(ValueError, match="`bpf_a1_values` has 15 values, not 3"):
        IMUIFSim([BandPassFilter()] * 3, encoder=ScaleEncoder(5, 3)).registers()


def test_a_file_with_damaged_registers_is_refused(tmp_path: Path) -> None:
    plain = XyloConfig("xylo-imu", weights_in=[[64]], weights_out=[[10]], dt=0.005)
    path = IMUIFSim().configure(plain).save(tmp_path / "config.json")
    content = json.loads(path.read_text())
    assert content["schema"] == 2
    for change, text in (
        ({"input_interface": None}, r"\$.input_interface`: registers are an object"),
        ({"schema": 1}, "which schema 1 does not know"),
        ({"schema": 3}, "this version reads up to 2"),
    ):
        path.write_text(json.dumps(content | change))
        with pytest.raises(FormatError, match=text):
            XyloConfig.load(path)


def test_quantizer_rounds_toward_zero() -> None:
    assert quantize_samples([0.125, 0.1, -0.49], n_bits=4).tolist() == [1, 0, -3]
    assert quantize_samples([1.0], scale=0.49).tolist() == [16056]
    with pytest.raises(FrontEndRangeError, match=r"index \(1,\): .* 32767, this is 32768 \(1 such"):
        quantize_samples([0.0, 1.0])
    with pytest.raises(ValueError, match=r"index \(0, 1\): nan is not finite \(1 such"):
        quantize_samples([[0.0, np.nan]])


@pytest.mark.parametrize("scale", [0.0, -0.5, np.nan, np.inf])
def test_a_scale_that_is_none_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match=f"a finite number above 0, not {scale:g}"):
        quantize_samples([0.1], scale=scale)


def test_a_signal_of_another_shape_is_refused_with_a_way_out() -> None:
    signal = np.zeros((50, 3), int)
    with pytest.raises(ValueError, match=r"shape \(3, 50\): swap the last two axes"):
        IMUIFSim()(signal.T)
    with pytest.raises(ValueError, match=r"shape \(50, 6\): choose 3 of the 6 channels"):
        IMUIFSim()(np.concatenate([signal, signal], axis=1))
    with pytest.raises(TypeError, match="takes integers, this is bool"):
        IMUIFSim()(signal > 0)


def test_a_value_out_of_range_is_named_with_stage_and_channel() -> None:
    signal = np.zeros((4, 3), int)
    signal[2, 1] = -32768
    with pytest.raises(FrontEndRangeError, match="`RotationRemoval`, channel 1, sample 0, step 2"):
        IMUIFSim()(signal)
    signal[2, 1] = np.iinfo(np.int64).min
    with pytest.raises(FrontEndRangeError, match="`FilterBank`, channel 1"):
        FilterBank()(signal)


def test_a_filter_that_overflows_is_named() -> None:
    wild = BandPassFilter(0, 8, 8, -65000, 32000)
    bank = FilterBank([*FilterBank().filters[:4], wild, *FilterBank().filters[5:]])
    with pytest.raises(FrontEndRangeError, match="`FilterBank`, filter 4, sample 0, step"):
        bank(np.full((30, 3), 1000))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: IMUIFSim()(np.zeros((4, 3))), TypeError, "takes integers, this is float64"),
        (lambda: IMUIFSim()(np.zeros((4, 2), int)), ValueError, r"takes \(time, 3\)"),
        (
            lambda: SubSpace(32),
            ValueError,
            "`num_avg_bitshift` of `SubSpace` is .* 0 to 31; not 32",
        ),
        (lambda: RotationRemoval(4, 0), ValueError, "`sampling_period` .* 1 to 2047; not 0"),
        (lambda: ScaleEncoder([5, 32], 2), ValueError, r"`scale\[1\]` of `ScaleEncoder`"),
        (lambda: IAFEncoder([5, 5]), ValueError, "one number or 15; these are 2"),
        (lambda: BandPassFilter(16, a1=-70000), ValueError, "`b_b` is 0 to 15, not 16; `a1`"),
        (lambda: BandPassFilter.from_band(4, 2), ValueError, "this is 4 to 2 Hz"),
        (lambda: FilterBank(n_channels=4), ValueError, "15 filters cannot be shared"),
        (lambda: jacobi_svd([[1, 2, 0], [0, 1, 0], [0, 0, 1]]), ValueError, "symmetric"),
        (lambda: IMUIFSim(encoder=ScaleEncoder(5, 3)), ValueError, "the encoder has 3 channels"),
        (
            lambda: SubSpace().set_attributes({"no": 1}),
            ValueError,
            "'accumulator' is missing; 'no'",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_a_state_fits_only_as_many_samples() -> None:
    _, state, _ = IMUIFSim()(np.zeros((2, 4, 3), int))
    going_on = IMUIFSim().set_attributes(state)
    with pytest.raises(ValueError, match="is of 2 samples, the signal is of 1"):
        going_on(np.zeros((4, 3), int))
    assert going_on.reset_state()(np.zeros((4, 3), int))[0].shape == (1, 4, 15)


def test_the_first_call_says_that_it_compiles_and_later_ones_say_nothing(tmp_path: Path) -> None:
    code = (
        "import numpy as np\nfrom xylograph.hw.frontends import ScaleEncoder\n"
        "ScaleEncoder(n_channels=1)(np.ones((2, 1), int))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        for _ in range(2)
    ]
    assert told == ["compiling a front end, once; it takes some seconds\n", ""]
