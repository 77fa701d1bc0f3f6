"""The command line as a person meets it: exit codes, messages, files."""

import dataclasses
import json
import os
import re
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest
from command_line import run

from xylograph.hw import DeploymentPackage, XyloConfig
from xylograph.models import LIFJax, LinearJax, Sequential, dash_to_tau, load, save

Output = pytest.CaptureFixture[str]


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    config = XyloConfig(
        "xylo-imu",
        weights_in=[[127, 0], [0, 127]],
        weights_out=[[127], [127]],
        threshold=64,
        threshold_out=64,
    )
    config.save(tmp_path / "config.json")
    return tmp_path / "config.json"


@pytest.fixture
def raster_file(tmp_path: Path) -> Path:
    np.save(tmp_path / "raster.npy", np.ones((3, 10, 2), np.uint8))
    return tmp_path / "raster.npy"


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    tau = dash_to_tau(2, 1e-3)
    # Without keys weights come from NumPy's global generator, and now and then no output spikes.
    first, second = jax.random.split(jax.random.key(0))
    network = Sequential(
        LinearJax((2, 9), rng_key=first),
        LIFJax(9, tau, tau),
        LinearJax((9, 3), rng_key=second),
        LIFJax(3, tau, tau),
    )
    return save(network, tmp_path / "network.safetensors")


def test_version_is_the_distributions(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out.startswith("xylograph 0.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("demo", "--chip", "nonsense"), "no chip is called 'nonsense': known are SYNS61300"),
        (("demo", "--dataset", "cats"), "no data set is called 'cats'; known are watch, digits"),
        (("demo", "--dataset", "fsdd"), "'fsdd' needs a folder of WAV files, and no other takes"),
        (("demo", "--data", "here"), "'fsdd' needs a folder of WAV files, and no other takes"),
        (("demo", "--seed", "-1"), "greater than or equal to 0"),
        (("demo", "--seed", str(2**32)), "less than or equal to 4294967295"),
        (("deploy", "n", "--chip", "xylo-imu", "--quantizer", "x"), "no quantizer is called 'x'"),
        (
            ("deploy", "n", "--chip", "xylo-imu", "--quantizer", "calibrated"),
            "the quantizer 'calibrated' needs data, and no other takes any",
        ),
        (("deploy", "n", "--chip", "xylo-imu", "--data", "x.npy"), "no other takes any"),
        (("simulate", "c", "r", "--engine", "x"), "no engine is called 'x'; known are reference"),
        (("verify", "p", "--engine", "x"), "no engine is called 'x'; known are reference"),
        (("verify", "p", "--engine", "native", "--board", "virtual"), "not both"),
        (("verify", "p", "--serial", "7"), "only a board has one"),
        (("nonsense",), "No such command 'nonsense'"),
    ],
)
def test_wrong_usage_exits_with_2_and_names_what_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, arguments: tuple[str, ...], message: str
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_missing_file_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    assert run(monkeypatch, "check", "nowhere.json") == 1
    assert capsys.readouterr().err == "error: nowhere.json: No such file or directory\n"


def test_an_unwritable_folder_is_found_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert run(monkeypatch, "demo", "--out", tmp_path / "file" / "results") == 1
    message = capsys.readouterr().err
    assert "cannot be written to (Not a directory); choose another with `--out`" in message


def test_check_shows_use_and_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, config_file: Path
) -> None:
    assert run(monkeypatch, "check", config_file) == 0
    shown = capsys.readouterr().out
    assert "hidden neurons: 2 of 496" in shown
    assert "keeps all design rules" in shown


def test_check_lists_every_violation(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path
) -> None:
    config = XyloConfig(
        "xylo-1", weights_in=np.ones((17, 2), int), weights_out=np.ones((2, 9), int)
    )
    config.save(tmp_path / "large.json")
    assert run(monkeypatch, "check", tmp_path / "large.json") == 1
    message = capsys.readouterr().err
    assert "has 17 inputs; SYNS61300 allows 16" in message
    assert "has 9 outputs; SYNS61300 allows 8" in message


def test_cost_with_and_without_a_raster(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, config_file: Path, raster_file: Path
) -> None:
    assert run(monkeypatch, "cost", config_file, "--clock", "6.25") == 0
    worst = capsys.readouterr().out
    assert "SYNS63300 at 6.25 MHz" in worst and "worst step: " in worst and "busiest" not in worst
    assert run(monkeypatch, "cost", config_file, raster_file) == 0
    assert "mean of 30 steps: " in capsys.readouterr().out


@pytest.mark.parametrize(("option", "value"), [("--clock", "0"), ("--margin", "-1")])
def test_cost_refuses_clock_and_margin_that_are_none(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, config_file: Path, option: str, value: str
) -> None:
    assert run(monkeypatch, "cost", config_file, option, value) == 2
    assert option in capsys.readouterr().err


def test_a_packed_deployment_is_verified(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    config_file: Path,
    raster_file: Path,
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.xylopack"
    words = ("pack", config_file, raster_file, "--note", "take 3", "--out", path)
    assert run(monkeypatch, *words) == 0
    assert run(monkeypatch, "verify", path, "--engine", "reference") == 0
    shown = capsys.readouterr().out
    assert "take 3" in shown and "passed: `reference` gives all" in shown

    assert run(monkeypatch, "verify", path, "--board", "virtual") == 0
    assert "virtual SYNS63300 board" in capsys.readouterr().out

    package = DeploymentPackage.load(path)
    package.golden["Vmem"][1, 4, 0] += 1
    package.save(path)
    assert run(monkeypatch, "verify", path) == 1
    assert "`Vmem`: 1 of 60 values differ, first at step 4 of sample 1" in capsys.readouterr().out


def test_a_corrupt_configuration_is_refused_with_the_place(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, config_file: Path
) -> None:
    config_file.write_text(config_file.read_text().replace("127", '"127"', 1))
    assert run(monkeypatch, "check", config_file) == 1
    assert "$.weights_in[0][0]" in capsys.readouterr().err


def test_deploy_calibrates_on_a_raster_file(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    network_file: Path,
    raster_file: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "deployed.json"
    options = ("--chip", "xylo-imu", "--quantizer", "calibrated", "--data", raster_file)
    assert run(monkeypatch, "deploy", network_file, *options, "--out", out) == 0
    assert "calibrated_quantize: " in capsys.readouterr().out
    assert XyloConfig.load(out).n_inputs == 2


@pytest.mark.parametrize(
    ("raster", "message"),
    [
        (np.ones((5, 3), int), "the data have 3 channels, the specification takes 2"),
        (np.full((5, 2), -1), "are spike counts, whole numbers from 0; at [0, 0] there is -1"),
        (np.zeros((0, 2), int), "at least one of each; these have (0, 2)"),
        (np.full((5, 2), 999), "above 255"),
    ],
)
def test_deploy_names_the_data_that_do_not_fit(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    network_file: Path,
    raster: np.ndarray,
    message: str,
) -> None:
    data, out = network_file.with_name("data.npy"), network_file.with_name("config.json")
    np.save(data, raster)
    options = ("--quantizer", "calibrated", "--data", data, "--out", out)
    assert run(monkeypatch, "deploy", network_file, "--chip", "xylo-imu", *options) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: {network_file} with {data}: ") and message in line
    assert not out.exists()


def test_deploy_says_of_a_configuration_that_it_is_none_of_a_network(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, config_file: Path
) -> None:
    assert run(monkeypatch, "deploy", config_file, "--chip", "xylo-imu") == 1
    assert re.search("not a network file.*; it looks like JSON$", capsys.readouterr().err.strip())


def test_no_command_writes_over_what_it_reads(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    network_file: Path,
    config_file: Path,
    raster_file: Path,
) -> None:
    files = {path: path.read_bytes() for path in (network_file, config_file, raster_file)}
    link = network_file.with_name("link.safetensors")
    link.symlink_to(network_file)
    for arguments in (
        ("export", network_file, link),
        ("export", config_file, config_file),
        ("deploy", network_file, "--chip", "xylo-imu", "--out", network_file),
        ("simulate", config_file, raster_file, "--out", raster_file),
        ("pack", config_file, raster_file, "--out", config_file),
        ("run", config_file, raster_file, "--out", config_file),
        ("test-board", "--chip", "xylo-imu", "--out", "new.json", "--session", "./new.json"),
    ):
        assert run(monkeypatch, *arguments) == 2
        assert "is named twice, and would be overwritten" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in files} == files


def test_simulate_counts_output_spikes_and_writes_everything(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    config_file: Path,
    raster_file: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "result.npz"
    assert run(monkeypatch, "simulate", config_file, raster_file, "--out", out) == 0
    assert "sample 2: output spikes [" in capsys.readouterr().out
    with np.load(out) as result:
        assert result["output"].shape == (3, 10, 1)
        assert result["Vmem"].shape == (3, 10, 2)
        assert {"state/vmem", "state/vmem_out"} <= set(result)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.ones((10, 3)), "channels"),
        (np.full((10, 2), np.nan), "nan"),
        (np.full((10, 2), -1), "-1"),
        (np.array([["a", "b"]]), "numbers"),
    ],
)
def test_a_raster_that_does_not_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    config_file: Path,
    tmp_path: Path,
    content: np.ndarray,
    message: str,
) -> None:
    np.save(tmp_path / "wrong.npy", content)
    assert run(monkeypatch, "simulate", config_file, tmp_path / "wrong.npy") == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path / 'wrong.npy'}: ")
    assert message in error
    assert "Traceback" not in error


def test_a_raster_file_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, config_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.npy").write_text("no array")
    assert run(monkeypatch, "simulate", config_file, tmp_path / "text.npy") == 1
    assert "is no `.npy` file of numbers" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8',(((\n", b"\x93NUMPY"]
)
def test_a_damaged_raster_file_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    config_file: Path,
    tmp_path: Path,
    content: bytes,
) -> None:
    (tmp_path / "damaged.npy").write_bytes(content)
    assert run(monkeypatch, "simulate", config_file, tmp_path / "damaged.npy") == 1
    assert "is no `.npy` file of numbers" in capsys.readouterr().err


def test_clipped_counts_are_one_line_of_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, config_file: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "loud.npy", np.full((10, 2), 20))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert run(monkeypatch, "simulate", config_file, tmp_path / "loud.npy") == 0
    assert re.fullmatch(r"warning: .*20.*\n", capsys.readouterr().err)


def test_deploy_writes_the_configuration_and_says_what_was_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, network_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "deployed.json"
    assert run(monkeypatch, "deploy", network_file, "--chip", "xylo-imu", "--out", out) == 0
    shown = capsys.readouterr().out
    assert "PlaceNeurons: 9 hidden and 3 output neurons" in shown
    assert "loss: `weights_in`" in shown
    assert XyloConfig.load(out).n_hidden == 9
    assert json.loads(out.read_text())["chip"] == "SYNS63300"


def test_deploy_refuses_a_network_that_is_too_large(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path
) -> None:
    tau = dash_to_tau(2, 1e-3)
    network = Sequential(
        LinearJax((2, 9)), LIFJax(9, tau, tau), LinearJax((9, 20)), LIFJax(20, tau, tau)
    )
    path, out = save(network, tmp_path / "large.safetensors"), tmp_path / "large.json"
    assert run(monkeypatch, "deploy", path, "--chip", "xylo-imu", "--out", out) == 1
    assert "SYNS63300 allows 16" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_results_are_as_readable_as_other_files(config_file: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    assert config_file.stat().st_mode & 0o777 == 0o666 & ~mask


def test_what_is_no_file_is_not_replaced_by_one(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    config_file: Path,
    raster_file: Path,
    tmp_path: Path,
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert run(monkeypatch, "simulate", config_file, raster_file, "--out", pipe) == 1
    assert "exists and is not a regular file" in capsys.readouterr().err
    assert pipe.is_fifo()


def test_a_missing_folder_is_found_before_simulating(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, config_file: Path, raster_file: Path
) -> None:
    assert run(monkeypatch, "simulate", config_file, raster_file, "--out", "nowhere/x.npz") == 1
    captured = capsys.readouterr()
    assert captured.err == "error: nowhere: No such folder\n"
    assert not captured.out


def test_export_writes_a_file_that_gives_the_configuration_back(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
    from xylograph.mapping import OnnxCore, load_onnx

    path = tmp_path / "core.onnx"
    assert run(monkeypatch, "export", config_file, path, "--record", "spikes, vmem") == 0
    core = load_onnx(path)
    assert isinstance(core, OnnxCore)
    assert core.config == XyloConfig.load(config_file)
    assert sorted(core(np.ones((3, 2)), record=True)[2]) == ["Spikes", "Vmem"]


def test_export_refuses_what_cannot_be_recorded(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
    assert run(monkeypatch, "export", config_file, tmp_path / "core.onnx", "--record", "x") == 2
    assert "`record` has 'x'" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--record", "vmem"), ("--no-states",)])
def test_export_refuses_what_nir_does_not_have(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, config_file: Path, option: tuple[str, ...]
) -> None:
    out = config_file.with_name("core.nir")
    assert run(monkeypatch, "export", config_file, out, *option) == 2
    assert "neither recordings nor states that go in and out" in capsys.readouterr().err
    assert not out.exists()


def test_export_writes_networks_too_as_onnx_and_as_nir(
    network_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
    pytest.importorskip("nir", reason="the extra `nir` is not installed")
    from xylograph.mapping import from_nir, load_onnx

    onnx_file, nir_file = tmp_path / "network.onnx", tmp_path / "network.nir"
    assert run(monkeypatch, "export", network_file, onnx_file) == 0
    assert run(monkeypatch, "export", network_file, nir_file) == 0
    assert f"is in {nir_file}" in capsys.readouterr().out
    raster = np.ones((1, 20, 2), np.float32)
    wanted, _, _ = load(network_file)(raster)
    assert np.sum(wanted) > 0
    np.testing.assert_array_equal(load_onnx(onnx_file)(raster)[0], wanted)
    np.testing.assert_array_equal(from_nir(nir_file, dt=1e-3)(raster)[0], wanted)


def test_export_writes_the_network_that_a_configuration_stands_for(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    pytest.importorskip("nir", reason="the extra `nir` is not installed")
    from xylograph.mapping import from_nir

    assert run(monkeypatch, "export", config_file, tmp_path / "core.nir") == 0
    network = from_nir(tmp_path / "core.nir")
    assert list(network.modules()) == ["weights_in", "hidden", "weights_out", "readout"]
    config = dataclasses.replace(XyloConfig.load(config_file), dash_mem=0)
    config.save(tmp_path / "clears.json")
    assert run(monkeypatch, "export", tmp_path / "clears.json", tmp_path / "clears.nir") == 2
    assert "`dash_mem` is 0 for" in capsys.readouterr().err
    assert not (tmp_path / "clears.nir").exists()
