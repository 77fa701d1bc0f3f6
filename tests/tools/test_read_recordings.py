import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from scipy.io import wavfile

from xylograph.models import FormatError
from xylograph.tools.datasets import load_wav_folder, read_motion_log, read_wav


def wav_bytes(
    frames: bytes, *, bits: int, channels: int = 1, rate: int = 8000, kind: int = 1
) -> bytes:
    """A WAV file by hand, from the format's description; shares no code with the reader."""
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", kind, channels, rate, rate * block, block, bits)
    chunks = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(frames))
    return b"RIFF" + struct.pack("<I", len(chunks) + len(frames)) + chunks + frames


CASES = {
    "8": (bytes([0, 128, 192]), {"bits": 8}),
    "16": (struct.pack("<3h", -32768, 0, 16384), {"bits": 16}),
    "24": (b"\0\0\x80" + b"\0\0\0" + b"\0\0\x40", {"bits": 24}),
    "32": (struct.pack("<3i", -(2**31), 0, 2**30), {"bits": 32}),
    "float32": (struct.pack("<3f", -1, 0, 0.5), {"bits": 32, "kind": 3}),
    "float64": (struct.pack("<3d", -1, 0, 0.5), {"bits": 64, "kind": 3}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_full_scale_is_one_in_every_format_and_rate(name: str, rate: int, tmp_path: Path) -> None:
    frames, form = CASES[name]
    path = tmp_path / "one.wav"
    path.write_bytes(wav_bytes(frames, rate=rate, **form))
    samples, found = read_wav(path)
    assert (samples[:, 0].tolist(), found) == ([-1, 0, 0.5], rate)


def test_channels_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    path.write_bytes(wav_bytes(struct.pack("<4h", 16384, 0, -16384, 8192), bits=16, channels=2))
    assert read_wav(path)[0].tolist() == [[0.5, 0], [-0.5, 0.25]]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "cannot be read"),
        (b"not a wav file, whatever its name", "cannot be read"),
        (wav_bytes(struct.pack("<9h", *range(9)), bits=16)[:-7], "cannot be read"),
        (wav_bytes(b"", bits=16), "holds 0 samples|cannot be read"),
        (
            wav_bytes(struct.pack("<4f", 0, 1, np.nan, np.inf), bits=32, kind=3),
            "holds nan in sample 2, channel 0 .2 values are not finite",
        ),
    ],
)
def test_a_wav_file_that_is_none_is_named(content: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=f"bad.wav' ({text}).*write it again"):
        read_wav(path)


@given(data=st.data())
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_wav_file_is_read_or_refused_and_nothing_else(
    data: st.DataObject, tmp_path: Path
) -> None:
    content = bytearray(wav_bytes(struct.pack("<20h", *range(20)), bits=16))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, 43))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.wav"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        samples, rate = read_wav(path)
    except FormatError:
        return
    assert len(samples) and rate > 0 and np.isfinite(samples).all()


def write_sound(path: Path, rate: int = 8000, n: int = 40, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, np.full((n, channels), 8192, np.int16))


def test_a_folder_of_digits_is_read_by_its_file_names(tmp_path: Path) -> None:
    for name in ("3_ann_0", "3_ben_12", "7_ann_1"):
        write_sound(tmp_path / "recordings" / f"{name}.wav")
    (tmp_path / "recordings" / "notes.txt").write_text("no sound")
    found = load_wav_folder(tmp_path)
    assert (found.class_names, found.recordings.labels.tolist()) == (("3", "7"), [0, 0, 1])
    assert found.recordings.groups.tolist() == ["ann", "ben", "ann"]
    assert found.recordings.takes.tolist() == [0, 12, 1]
    assert [path.name for path in found.paths] == ["3_ann_0.wav", "3_ben_12.wav", "7_ann_1.wav"]


def test_a_folder_of_classes_is_brought_to_one_rate_and_one_channel(tmp_path: Path) -> None:
    write_sound(tmp_path / "no" / "a.wav", rate=8000)
    write_sound(tmp_path / "yes" / "b.WAV", rate=16_000, channels=2)
    found = load_wav_folder(tmp_path, rate_hz=16_000)
    assert found.class_names == ("no", "yes")
    assert [signal.shape for signal in found.recordings.signals] == [(80, 1), (40, 1)]
    np.testing.assert_allclose(found.recordings.signals[0], 0.25, rtol=0.01)
    assert found.recordings.dt == 1 / 16_000


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    write_sound(tmp_path / "only" / "a.wav")
    with pytest.raises(FormatError, match="holds WAV files of 1 classes, at least 2"):
        load_wav_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_wav_folder(tmp_path / "missing")


# --- logs of motion


def read_text(tmp_path: Path, text: str, name: str = "log.csv", **options):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_motion_log(path, **options)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_log_with_a_clock_tells_its_rate(mark: str, tmp_path: Path) -> None:
    rows = ["time,x,y,z", *(f"{t / 50:.2f},{t},0.5,-1e-3" for t in range(60))]
    signal, rate = read_text(tmp_path, "\n".join(rows).replace(",", mark) + "\n\n")
    assert (signal.shape, rate) == ((60, 3), 50)
    assert signal[3].tolist() == [3, 0.5, -1e-3]


def test_columns_are_taken_by_name_and_a_log_without_names_by_number(tmp_path: Path) -> None:
    assert read_text(tmp_path, "x,y\n1,2\n", columns=["y"], rate_hz=5)[0].tolist() == [[2]]
    assert read_text(tmp_path, "1,2\n3,4\n", columns=["1"], rate_hz=5)[0].tolist() == [[2], [4]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no rows of numbers"),
        ("x,y\n", "holds no rows of numbers"),
        ("x,y\n1,2\n3\n", "has 1 columns in line 3, 2 before"),
        ("x,y\n1,2\n3,oops\n", "holds no number in line 3: .*oops"),
        ("time,x\n0,1\n0.1,2\n", None),
        ("time,x\n0,1\n0.1,nan\n", "holds nan in row 1, column 'x'"),
        ("time,x\n0,1\n0.1,\n", "holds nan in row 1, column 'x'"),
        ("x,y\n1,2\n", "does not tell its rate: give `rate_hz`"),
        ("time,x\n0,1\n0.1,2\n0.2,3\n0.9,4\n1.0,5\n", "evenly: 0.7 s after row 2, 0.1 s usually"),
        ("time,x\n0.1,1\n0,2\n", "does not run evenly"),
        ("time;x\n0,0;0,1\n", "no number in line 2: .*: write decimals with a point, not a comma"),
    ],
)
def test_a_log_that_cannot_be_used_is_refused(
    text: str, message: str | None, tmp_path: Path
) -> None:
    if message is None:
        assert read_text(tmp_path, text)[1] == 10
        return
    with pytest.raises(FormatError, match=f"log.csv' .*{message}"):
        read_text(tmp_path, text)


@pytest.mark.parametrize("rate_hz", [0, -50.0, np.nan, np.inf])
def test_a_rate_that_is_none_is_refused(rate_hz: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"is samples a second, above 0, not {rate_hz:g}"):
        read_text(tmp_path, "x,y\n1,2\n", rate_hz=rate_hz)


def test_a_column_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="has no column 'w': it has 'x', 'y'"):
        read_text(tmp_path, "x,y\n1,2\n", columns=["w"], rate_hz=5)


def test_archives_hold_a_table_or_columns(tmp_path: Path) -> None:
    table = np.arange(12.0).reshape(4, 3)
    np.savez(tmp_path / "table.npz", acc=table, rate=100)
    np.savez(tmp_path / "columns.npz", time=np.arange(4) / 25, x=table[:, 0], y=table[:, 1])
    signal, rate = read_motion_log(tmp_path / "table.npz")
    assert (signal.tolist(), rate) == (table.tolist(), 100)
    signal, rate = read_motion_log(tmp_path / "columns.npz", columns=("y", "x"))
    assert (signal.tolist(), rate) == (table[:, [1, 0]].tolist(), 25)


def test_archives_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "log.npz", x=np.arange(5), y=np.arange(4))
    whole = (tmp_path / "log.npz").read_bytes()
    with pytest.raises(FormatError, match=r"holds x \(5,\), y \(4,\)"):
        read_motion_log(tmp_path / "log.npz", rate_hz=5)
    (tmp_path / "log.npz").write_bytes(whole[:-60])
    with pytest.raises(FormatError, match="is no archive of arrays"):
        read_motion_log(tmp_path / "log.npz", rate_hz=5)
    np.savez(tmp_path / "log.npz", x=np.array([object()]))
    with pytest.raises(FormatError, match="is no archive of arrays: .*: save arrays of numbers"):
        read_motion_log(tmp_path / "log.npz", rate_hz=5)
    np.savez(tmp_path / "log.npz", x=np.array(["a"]))
    with pytest.raises(FormatError, match="holds 1 rows of <U1: give numbers"):
        read_motion_log(tmp_path / "log.npz", rate_hz=5)
