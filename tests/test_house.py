"""What holds for the whole package: its layout, its imports, its public names, its wheel."""

import importlib
import pkgutil
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import xylograph

ROOT = Path(__file__).parents[1]
FOLDERS = ("models", "hw", "mapping", "tools")
PACKAGES = (
    "xylograph",
    "xylograph.models",
    "xylograph.models.training",
    "xylograph.models.time_series",
    "xylograph.hw",
    "xylograph.hw.boards",
    "xylograph.hw.frontends",
    "xylograph.mapping",
    "xylograph.mapping.passes",
    "xylograph.mapping.quantize",
    "xylograph.tools.datasets",
    "xylograph.tools.demo",
    "xylograph.tools.doctor",
    "xylograph.tools.frontends",
)


@pytest.mark.parametrize("name", ["__init__.py", *FOLDERS])
def test_links_give_the_root_its_name(name: str) -> None:
    link = ROOT / "src" / "xylograph" / name
    assert link.exists(), "clone with symbolic links: `git config core.symlinks true`"
    assert link.resolve() == (ROOT / name).resolve(), (
        f"{link} is no link: on Windows clone in developer mode with core.symlinks, or use WSL"
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_those_listed_and_exist(package: str) -> None:
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(getattr(module, name) is not None for name in module.__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_imported_by_hand_is_listed(package: str) -> None:
    module = importlib.import_module(package)
    exported = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("xylograph.")
    }
    assert exported <= set(module.__all__)


def test_unknown_names_are_refused_by_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = xylograph.nonsense


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


HEAVY = {"jax", "numba", "matplotlib", "scipy", "optax", "xylosim"}


@pytest.mark.parametrize(
    "statement",
    [
        "import xylograph",
        "import xylograph.models",
        "import xylograph.models.time_series",
        "import xylograph.hw",
        "import xylograph.tools._cli",
        "import xylograph.tools.datasets",
        "import xylograph.tools.frontends",
    ],
)
def test_imports_are_cheap(statement: str) -> None:
    assert not HEAVY & loaded_by(statement)


def test_help_loads_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "xylograph.tools", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.split("|")[-1].strip() for line in run.stderr.splitlines()}
    assert "xylograph.tools._cli" in loaded
    assert not HEAVY & loaded


def test_imports_go_down_only() -> None:
    pytest.importorskip("importlinter", reason="the group `lint` is not installed")
    # In a process of its own: it sets up logging, which switches off all loggers there are.
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_module_is_called_by_a_word_without_meaning() -> None:
    names = {info.name.split(".")[-1] for info in pkgutil.walk_packages(xylograph.__path__)}
    assert not names & {"utils", "_utils", "misc", "_misc", "helpers", "_helpers", "common"}


def test_the_wheel_holds_every_tracked_file_of_the_packages(tmp_path: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", *FOLDERS, "__init__.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if tracked.returncode:
        pytest.skip("not a git checkout")
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("`uv`, which builds the wheel, is not on the path")
    command = [uv, "build", "--wheel", "-q", "--out-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {n.removeprefix("xylograph/") for n in zipfile.ZipFile(wheel).namelist()}
    assert set(tracked.stdout.split()) <= held
