import json
import os
import sys
from importlib.metadata import Distribution
from pathlib import Path

import numpy as np
import pytest

from xylograph.hw import XyloConfig, XyloSim, _vendor_package as package
from xylograph.hw._vendor_package import VendorPackage, VendorPackageStatus, status_of
from xylograph.tools import _cli
from xylograph.tools.doctor import State, _installation, examine
from xylograph.tools.doctor._installation import engines, packages
from xylograph.tools.doctor._usb import usb
from xylograph.tools.doctor._vendor import vendor

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks at Linux's own files")


def installed(folder: Path, *files: str) -> Distribution:
    """A distribution that lists these files."""
    info = folder / "samna-0.48.6.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: samna\nVersion: 0.48.6\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    return Distribution.at(info)


def test_the_installer_on_the_registry_is_told_from_the_whole_package(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    stub = status_of(installed(tmp_path / "a", "samna/__init__.py", "samna/install.py"))
    assert stub == VendorPackageStatus(VendorPackage.INSTALLER, "0.48.6")
    whole = status_of(installed(tmp_path / "b", "samna/__init__.py", "samna/core.cpython-311.so"))
    assert whole == VendorPackageStatus(VendorPackage.WHOLE, "0.48.6")
    assert not whole.advice


def test_looking_for_the_package_imports_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "samna").mkdir()
    (tmp_path / "samna" / "__init__.py").write_text("raise SystemExit('imported')")
    installed(tmp_path, "samna/__init__.py")
    monkeypatch.syspath_prepend(tmp_path)
    assert package.vendor_package().kind is VendorPackage.INSTALLER
    findings = list(vendor())
    assert [finding.state for finding in findings] == [State.PROBLEM]
    assert "pip uninstall samna" in findings[0].remedy
    assert "samna" not in sys.modules


def test_without_the_package_there_is_a_note() -> None:
    (finding,) = vendor(lambda: VendorPackageStatus(VendorPackage.MISSING, ""))
    assert finding.state is State.NOTE
    assert "install the vendor's package" in finding.remedy


def _whole(version: str = "0.48.6") -> VendorPackageStatus:
    return VendorPackageStatus(VendorPackage.WHOLE, version)


def _shown(**words: str) -> str:
    """A program that prints one entry, after a line of somebody else."""
    entry = {"board": "SYNS63300 7", **words}
    return f"import json; print('hello'); print(json.dumps([{entry!r}]))"


@pytest.mark.parametrize(
    ("program", "state", "text"),
    [
        (_shown(firmware="fxtree 0.12.2"), State.OK, "firmware fxtree 0.12.2"),
        (_shown(busy="process 7 holds it"), State.NOTE, "process 7 holds it"),
        (_shown(problem="too old"), State.PROBLEM, "too old"),
        ("print('[]')", State.NOTE, "sees none"),
        ("raise OSError('no USB')", State.PROBLEM, "no USB"),
        ("import os; os._exit(9)", State.PROBLEM, "exit code 9"),
        ("print('{}')", State.PROBLEM, "exit code 0"),
        ("import time; time.sleep(60)", State.PROBLEM, "no answer within 1 s"),
    ],
)
def test_the_vendors_list_of_boards(program: str, state: State, text: str) -> None:
    command = (sys.executable, "-c", program)
    found, boards = vendor(_whole, command, seconds=1.0 if "sleep" in program else 20.0)
    assert found.state is State.OK
    assert boards.state is state
    assert text in boards.text


def test_an_old_vendor_package_is_a_problem() -> None:
    first, *_ = vendor(lambda: _whole("0.39.6"), (sys.executable, "-c", "print('[]')"))
    assert first.state is State.PROBLEM
    assert "needed is 0.46.1" in first.text


def attach(folder: Path, *, product: str = "Xylo IMU board", node: bool = True) -> dict:
    device = folder / "devices" / "1-2"
    device.mkdir(parents=True)
    texts = {"manufacturer": "SynSense", "product": product, "serial": "A7"}
    for name, text in {**texts, "busnum": "1", "devnum": "5"}.items():
        (device / name).write_text(f"{text}\n")
    (folder / "nodes" / "001").mkdir(parents=True)
    (folder / "rules").mkdir()
    if node:
        (folder / "nodes" / "001" / "005").touch()
    return {
        "devices": folder / "devices",
        "nodes": folder / "nodes",
        "rules": (folder / "rules",),
    }


@linux_only
def test_a_board_that_may_be_used(tmp_path: Path) -> None:
    (finding,) = usb(**attach(tmp_path))
    assert finding.state is State.OK
    assert "SynSense Xylo IMU board, serial A7" in finding.text


@linux_only
@pytest.mark.parametrize(
    ("rule", "remedy"),
    [(None, "install the vendor's udev rule"), ("60-synsense.rules", "60-synsense.rules is there")],
)
def test_a_board_without_permission_names_the_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str | None, remedy: str
) -> None:
    attached = attach(tmp_path)
    if rule:
        (tmp_path / "rules" / rule).write_text('SUBSYSTEM=="usb"')
    # The superuser may read and write whatever the mode says.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (finding,) = usb(**attached)
    assert finding.state is State.PROBLEM
    assert remedy in finding.remedy


@linux_only
def test_a_board_that_was_not_handed_into_a_container(tmp_path: Path) -> None:
    (finding,) = usb(**attach(tmp_path, node=False))
    assert finding.state is State.PROBLEM
    assert "container" in finding.remedy


@linux_only
def test_other_devices_are_no_boards(tmp_path: Path) -> None:
    attached = attach(tmp_path)
    for name in ("manufacturer", "product"):
        (tmp_path / "devices" / "1-2" / name).write_text("Mouse")
    (finding,) = usb(**attached)
    assert finding.state is State.NOTE


@linux_only
def test_a_machine_without_usb(tmp_path: Path) -> None:
    (finding,) = usb(devices=tmp_path / "none", nodes=tmp_path, rules=())
    assert finding.state is State.NOTE


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_told_that_nothing_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    attached = attach(tmp_path)
    monkeypatch.setattr(sys, "platform", system)
    (finding,) = usb(**attached)
    assert finding.state is State.NOTE
    assert "on Linux only" in finding.text


def test_packages_are_listed_with_their_versions() -> None:
    findings = {finding.subject: finding for finding in packages()}
    assert findings["required packages"].state is State.OK
    assert f"numpy {np.__version__}" in findings["required packages"].text
    assert {"extra `nir`", "extra `onnx`", "extra `xylosim`", "extra `data`"} <= set(findings)


@pytest.mark.parametrize(
    ("versions", "state", "remedy"),
    [
        ({}, State.NOTE, 'pip install "xylograph[onnx]"'),
        ({"onnx": "1.20.0"}, State.NOTE, 'pip install "xylograph[onnx]"'),
        ({"onnx": "1.2", "onnxruntime": "1.23"}, State.PROBLEM, "--upgrade"),
        ({"onnx": "1.20.0", "onnxruntime": "1.23.1"}, State.OK, ""),
    ],
)
def test_an_extra_is_absent_broken_old_or_there(
    monkeypatch: pytest.MonkeyPatch, versions: dict[str, str], state: State, remedy: str
) -> None:
    monkeypatch.setattr(_installation, "_installed", lambda name: versions.get(name, ""))
    finding = {f.subject: f for f in packages()}["extra `onnx`"]
    assert finding.state is state
    assert remedy in finding.remedy


def test_the_engine_of_this_machine_is_compared() -> None:
    (finding,) = engines()
    assert finding.state is State.OK
    assert "equals `reference`" in finding.text


def test_an_engine_that_is_wrong_or_broken_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(config: XyloConfig, engine: str) -> object:
        def run(raster: np.ndarray, record: bool) -> tuple:
            output, state, recorded = XyloSim(config, engine="reference")(raster, record=record)
            return output, state, recorded | {"Vmem": recorded["Vmem"] + (engine == "native")}

        return run

    monkeypatch.setattr(_installation, "XyloSim", wrong)
    (finding,) = engines()
    assert finding.state is State.PROBLEM and "Vmem" in finding.text

    def broken(config: XyloConfig, engine: str) -> object:
        raise ImportError("no LLVM")

    monkeypatch.setattr(_installation, "XyloSim", broken)
    (finding,) = engines()
    assert finding.state is State.PROBLEM and "no LLVM" in finding.text


def test_everything_works_with_nothing_attached() -> None:
    assert {finding.subject for finding in examine()} >= {"Python", "engine `native`"}


def test_the_command_ends_with_1_when_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, code in ((VendorPackage.MISSING, 0), (VendorPackage.INSTALLER, 1)):
        findings = list(vendor(lambda kind=kind: VendorPackageStatus(kind, "0.48.6")))
        monkeypatch.setattr("xylograph.tools.doctor.examine", lambda found=findings: found)
        monkeypatch.setattr(sys, "argv", ["xylograph", "doctor", "--json"])
        with pytest.raises(SystemExit) as exit_info:
            _cli.main()
        assert exit_info.value.code == code
        (shown,) = json.loads(capsys.readouterr().out)
        assert shown["remedy"] == findings[0].remedy
