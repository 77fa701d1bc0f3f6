import logging
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from xylograph.hw import FrontEndRangeError, IMUIFSim
from xylograph.hw.frontends import ScaleEncoder, quantize_samples
from xylograph.tools.datasets import (
    Recordings,
    apply_frontend,
    prepare_recordings,
    resample,
)
from xylograph.tools.datasets._fingerprint import fingerprint
from xylograph.tools.datasets._raster_cache import read_raster_file, write_raster


def some_recordings(n: int = 7) -> Recordings:
    rng = np.random.default_rng(3)
    return Recordings(
        signals=tuple(rng.normal(size=(100 + 3 * i, 4)).astype(np.float32) for i in range(n)),
        labels=np.arange(n) % 2,
        groups=np.array([str(i) for i in range(n)]),
        takes=np.zeros(n, np.int64),
        channel_names=("t", "ax", "ay", "az"),
        dt=0.02,
    )


def sensor_recordings(n: int = 7) -> Recordings:
    return prepare_recordings(
        some_recordings(n), channels=("ax", "ay", "az"), rate_hz=200, full_scale=8.0
    )


class Counting:
    """A front end that counts its calls, and that a test can let fail."""

    dt, channel_names = 0.01, ("only",)

    def __init__(self, fail_at: int = 999) -> None:
        self.fail_at = fail_at

    calls = 0

    def __call__(self, data):
        type(self).calls += 1
        if len(data) == self.fail_at:
            raise FrontEndRangeError("too loud")
        return (np.abs(data)[None, :, :1] % 16).astype(np.uint8), {}, {}


@pytest.fixture(autouse=True)
def _count_anew() -> None:
    Counting.calls = 0


@pytest.mark.parametrize("n_workers", [1, 3])
def test_rasters_are_those_of_the_front_end_for_each_recording(n_workers: int) -> None:
    recordings, front_end = sensor_recordings(), IMUIFSim()
    applied = apply_frontend(recordings, front_end, n_workers=n_workers)
    for raster, samples in zip(applied.signals, recordings.signals, strict=True):
        np.testing.assert_array_equal(raster, front_end(samples)[0][0])
    assert applied.channel_names == front_end.channel_names
    assert (applied.dt, applied.groups.tolist()) == (0.005, recordings.groups.tolist())


def test_every_recording_starts_anew_even_if_the_front_end_has_run() -> None:
    recordings = sensor_recordings(1)
    _, state, _ = IMUIFSim()(recordings.signals[0])
    going_on = IMUIFSim().set_attributes(state)
    np.testing.assert_array_equal(
        apply_frontend(recordings, going_on).signals[0],
        apply_frontend(recordings, IMUIFSim()).signals[0],
    )


def test_what_is_in_the_cache_is_read_and_not_computed(tmp_path: Path) -> None:
    recordings = sensor_recordings()
    first = apply_frontend(recordings, Counting(), cache_dir=tmp_path / "new" / "cache")
    assert Counting.calls == 7
    again = apply_frontend(recordings, Counting(), cache_dir=tmp_path / "new" / "cache")
    assert Counting.calls == 7
    for a, b in zip(first.signals, again.signals, strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_signal_or_setting_is_computed(tmp_path: Path) -> None:
    recordings = sensor_recordings(1)
    apply_frontend(recordings, IMUIFSim(), cache_dir=tmp_path)
    apply_frontend(recordings, IMUIFSim(encoder=ScaleEncoder(6)), cache_dir=tmp_path)
    changed = recordings.signals[0].copy()
    changed[50, 1] += 1
    apply_frontend(replace(recordings, signals=(changed,)), IMUIFSim(), cache_dir=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_what_was_done_before_an_error_is_kept(tmp_path: Path) -> None:
    recordings = sensor_recordings()
    n_steps = len(recordings.signals[4])
    with pytest.raises(FrontEndRangeError, match="too loud") as caught:
        apply_frontend(recordings, Counting(fail_at=n_steps), cache_dir=tmp_path, n_workers=1)
    assert caught.value.__notes__ == [f"in recording 4, of the shape ({n_steps}, 3)"]
    assert len(list(tmp_path.iterdir())) >= 4


def test_after_a_kill_the_rest_is_computed(tmp_path: Path) -> None:
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_apply_frontend as t
class Slow(t.Counting):
    def __call__(self, data):
        if type(self).calls == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(data)
Slow.__module__, Slow.__qualname__ = "test_apply_frontend", "Counting"
t.apply_frontend(t.sensor_recordings(), Slow(), cache_dir={str(tmp_path)!r}, n_workers=1)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    kept = {path.name for path in tmp_path.glob("*.npz")}
    assert len(kept) in (2, 3)
    rasters = apply_frontend(sensor_recordings(), Counting(), cache_dir=tmp_path).signals
    fresh = apply_frontend(sensor_recordings(), Counting()).signals
    for a, b in zip(rasters, fresh, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_damaged_file_is_computed_again_and_said_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recordings = sensor_recordings(1)
    apply_frontend(recordings, IMUIFSim(), cache_dir=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for content in (b"", whole[:-40], whole[:80] + b"\0\0\0\0" + whole[84:], b"no archive"):
        path.write_bytes(content)
        with caplog.at_level(logging.WARNING):
            again = apply_frontend(recordings, IMUIFSim(), cache_dir=tmp_path)
        assert "is damaged" in caplog.text
        caplog.clear()
        np.testing.assert_array_equal(again.signals[0], IMUIFSim()(recordings.signals[0])[0][0])
        assert path.read_bytes() == whole


@given(
    raster=arrays(
        st.sampled_from([np.uint8, np.int64]),
        st.tuples(st.integers(0, 9), st.integers(1, 5)),
        elements=st.integers(0, 20),
    )
)
@settings(deadline=None, max_examples=60)
def test_a_raster_comes_back_from_its_file(
    raster: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rasters") / "one.npz"
    write_raster(path, raster)
    found = read_raster_file(path)
    assert found is not None and found.dtype == raster.dtype
    np.testing.assert_array_equal(found, raster)


def test_rasters_take_less_than_half_a_byte_a_count(tmp_path: Path) -> None:
    raster = np.random.default_rng(0).integers(0, 16, (4000, 15)).astype(np.uint8)
    write_raster(tmp_path / "one.npz", raster)
    assert os.path.getsize(tmp_path / "one.npz") < 0.52 * raster.size


def test_a_bar_on_standard_error_shows_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    apply_frontend(sensor_recordings(), Counting(), progress=True)
    out, err = capsys.readouterr()
    assert "7/7" in err and not out


def test_content_counts_and_identity_does_not() -> None:
    a, b = {"x": [1, 2.0, "t"], "y": np.arange(3)}, {"y": np.arange(3), "x": [1, 2.0, "t"]}
    assert fingerprint(a) == fingerprint(b)
    values = [1, 1.0, True, "1", None, [1], [[1]], {1}, np.ones(1), np.ones(1, int), {"a": 1}]
    closed = [lambda x, n=n: x + n for n in (1, 2)]
    values += [*closed, partial(max, 1), partial(max, 2), np.ones((2, 1)), np.ones((1, 2))]
    assert len({fingerprint(value) for value in values}) == len(values)
    loop: list[object] = []
    loop.append(loop)
    assert fingerprint(loop) != fingerprint([])


def test_what_has_no_content_to_tell_is_refused(tmp_path: Path) -> None:
    front_end = Counting()
    front_end.fail_at = memoryview(b"")  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError, match="cannot tell the content of .* without `cache_dir`"):
        apply_frontend(sensor_recordings(1), front_end, cache_dir=tmp_path)
    with pytest.raises(ValueError, match="`n_workers` is at least 1, not 0"):
        apply_frontend(sensor_recordings(1), Counting(), n_workers=0)


def test_recordings_at_another_rate_than_the_front_end_are_refused() -> None:
    recordings = prepare_recordings(some_recordings(1), channels=("ax", "ay", "az"), full_scale=8.0)
    with pytest.raises(ValueError, match=r"have 50 samples .* `IMUIFSim` takes 200: .*rate_hz=200"):
        apply_frontend(recordings, IMUIFSim())
    drifting = replace(sensor_recordings(1), dt=1 / 201)
    assert apply_frontend(drifting, IMUIFSim()).dt == 0.005


def test_equal_recordings_share_a_file_of_the_cache_whoever_writes_it(tmp_path: Path) -> None:
    one = sensor_recordings(1)
    many = replace(
        one,
        signals=40 * one.signals,
        labels=np.zeros(40, np.int64),
        groups=np.array(40 * ["a"]),
        takes=np.arange(40),
    )
    for turn in range(5):
        applied = apply_frontend(many, Counting(), cache_dir=tmp_path / str(turn), n_workers=8)
        assert len({signal.tobytes() for signal in applied.signals}) == 1
        assert [path.suffix for path in (tmp_path / str(turn)).iterdir()] == [".npz"]


def test_resampling_keeps_a_slow_sine_and_begins_where_the_signal_begins() -> None:
    time = np.arange(200) / 50
    slow = np.stack([np.sin(2 * np.pi * time), np.full(200, 9.81)], axis=1)
    fine = resample(slow, 50, 200)
    assert fine.shape == (800, 2)
    wanted = np.sin(2 * np.pi * np.arange(800) / 200)
    np.testing.assert_allclose(fine[40:-40, 0], wanted[40:-40], atol=2e-3)
    np.testing.assert_allclose(fine[:, 1], 9.81, rtol=1e-3)


def test_prepared_signals_are_integers_of_the_sensor() -> None:
    recordings = some_recordings()
    prepared = prepare_recordings(recordings, channels=("az", "ax"), full_scale=8.0)
    wanted = quantize_samples(recordings.signals[2][:, [3, 1]], scale=1 / 8)
    np.testing.assert_array_equal(prepared.signals[2], wanted)
    assert (prepared.channel_names, prepared.dt) == (("az", "ax"), 0.02)
    assert prepare_recordings(recordings).signals[0].dtype == np.float32


def test_what_cannot_be_prepared_is_named() -> None:
    recordings = some_recordings()
    with pytest.raises(ValueError, match="no channel 'wz': there are t, ax, ay, az"):
        prepare_recordings(recordings, channels=("ax", "wz"))
    with pytest.raises(FrontEndRangeError, match="take a smaller `scale`") as caught:
        prepare_recordings(recordings, full_scale=0.5)
    where, way_out = caught.value.__notes__
    assert where == "in recording 0, of the shape (100, 4)"
    assert re.search(r"`full_scale` is 0.5: give at least the largest magnitude, 3\.\d+", way_out)
    for full_scale in (0, -1.0, np.nan):
        with pytest.raises(ValueError, match=r"`full_scale` is the largest .*, above 0; not"):
            prepare_recordings(recordings, full_scale=full_scale)
    broken = replace(recordings, signals=(*recordings.signals[:6], np.full((5, 4), np.nan)))
    with pytest.raises(ValueError, match="not finite cannot be resampled") as caught:
        prepare_recordings(broken, rate_hz=200)
    assert "in recording 6" in caught.value.__notes__[0]
    for rate, text in ((0, "rates are positive"), (np.pi * 1000, "round one of them")):
        with pytest.raises(ValueError, match=text):
            prepare_recordings(recordings, rate_hz=rate)
