"""`xylograph run`, `compare`, `test-board` and `monitor`, on virtual boards."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import run

from xylograph.hw import XyloConfig, XyloSim

Output = pytest.CaptureFixture[str]

CONFIG = XyloConfig(
    "xylo-imu", weights_in=[[90, -9], [5, 80]], weights_out=[[70], [60]], threshold=50, dt=0.01
)
RASTER = np.random.default_rng(1).poisson(0.8, (6, 2)).astype(np.uint8)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    np.save(tmp_path / "raster.npy", RASTER)
    return CONFIG.save(tmp_path / "config.json"), tmp_path / "raster.npy"


def test_run_gives_what_simulate_gives(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, files: tuple[Path, Path], tmp_path: Path
) -> None:
    assert run(monkeypatch, "run", *files, "--stepwise", "--out", tmp_path / "out.npz") == 0
    shown = capsys.readouterr().out
    output, _, record = XyloSim(CONFIG)(RASTER, record=True)
    assert "the virtual SYNS63300 board '0'" in shown
    assert f"sample 0: output spikes {output.sum(axis=1)[0].tolist()}" in shown
    with np.load(tmp_path / "out.npz") as found:
        np.testing.assert_array_equal(found["Vmem"], record["Vmem"])


def test_compare_shows_no_difference(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, files: tuple[Path, Path]
) -> None:
    assert run(monkeypatch, "compare", *files) == 0
    assert "no difference" in capsys.readouterr().out


def test_monitor_sums_up_windows(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, files: tuple[Path, Path]
) -> None:
    config, raster = files
    options = ("--raster", raster, "--window", 4)
    assert run(monkeypatch, "monitor", config, *options) == 0
    spikes = XyloSim(CONFIG)(RASTER)[0][0, :, 0].astype(int)
    identity, power, *lines, notice = capsys.readouterr().out.splitlines()
    assert identity == "the virtual SYNS63300 board '0'"
    assert power.startswith("no power: a virtual board measures none; `xylograph cost` gives")
    # In real time a step of Xylo IMU takes 5 ms.
    assert "a step takes 5 ms in real time, and 10 ms in the configuration" in notice
    shown = []
    for end, part in ((4, slice(0, 4)), (6, slice(4, 6))):
        seconds = 0.005 * (part.stop - part.start)
        rates = ", ".join(f"{count / seconds:.1f}" for count in RASTER[part].sum(axis=0))
        total = spikes[part].sum()
        outputs = f"output spikes [{total}], {total / seconds:.1f} Hz"
        shown.append(f"step {end}: input rates {rates} Hz; {outputs}")
    assert lines == shown


def test_a_virtual_board_must_be_told_what_it_senses(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, files: tuple[Path, Path]
) -> None:
    assert run(monkeypatch, "monitor", files[0]) == 2
    assert "--raster: a virtual board has no sensor of its own" in capsys.readouterr().err


@pytest.mark.slow
def test_test_board_writes_report_and_session(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path
) -> None:
    out, session = tmp_path / "report.json", tmp_path / "session.safetensors"
    options = ("--configurations", 0, "--steps", 3, "--out", out, "--session", session)
    assert run(monkeypatch, "test-board", "--chip", "xylo-imu", *options) == 0
    assert "22 of 22 cases equal" in capsys.readouterr().out
    assert json.loads(out.read_text())["passed"] is True
    assert session.stat().st_size > 10_000


@pytest.mark.parametrize("option", ["--out", "--session"])
@pytest.mark.parametrize(("place", "problem"), [("none/x", "No such folder"), (".", "Is a folder")])
def test_a_board_is_not_tested_for_a_report_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    tmp_path: Path,
    option: str,
    place: str,
    problem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "test-board", "--chip", "xylo-imu", option, place) == 1
    shown = capsys.readouterr()
    assert (shown.out, problem in shown.err) == ("", True)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--board", "x"), 2, "no board is called 'x'; known are virtual, samna"),
        (("--serial", "7"), 2, "a virtual board has none"),
    ],
)
def test_wrong_options_say_what_is_known(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    files: tuple[Path, Path],
    options: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    assert run(monkeypatch, "run", *files, *options) == code
    assert message in capsys.readouterr().err


def test_a_raster_that_does_not_fit_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, files: tuple[Path, Path]
) -> None:
    np.save(files[1], np.zeros((4, 3), np.uint8))
    assert run(monkeypatch, "run", *files) == 1
    assert "input has 3 channels, the configuration has 2" in capsys.readouterr().err


def test_a_real_board_takes_no_sensor(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, files: tuple[Path, Path]
) -> None:
    config, raster = files
    assert run(monkeypatch, "monitor", config, "--board", "samna", "--raster", raster) == 2
    assert "a real board has a sensor of its own" in capsys.readouterr().err


def test_a_sensor_with_other_channels_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, files: tuple[Path, Path]
) -> None:
    config, raster = files
    np.save(raster, np.ones((9, 1), int))
    assert run(monkeypatch, "monitor", config, "--raster", raster) == 1
    assert "the sensor gives 1 channels, the configuration has 2" in capsys.readouterr().err
