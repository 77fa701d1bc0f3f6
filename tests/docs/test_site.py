"""The site: it builds without a warning, and the reference holds every public name."""

import importlib.util
import pkgutil
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import xylograph

_DOCS = Path(__file__).parents[2] / "docs"
_NEEDED = {"sphinx": "group `docs`", "seglearn": "extra `data`"}


def _public_packages() -> list[str]:
    """All packages that say what they export."""
    found = [xylograph.__name__]
    for module in pkgutil.walk_packages(xylograph.__path__, "xylograph."):
        is_public = not any(part.startswith("_") for part in module.name.split("."))
        if module.ispkg and is_public and hasattr(import_module(module.name), "__all__"):
            found.append(module.name)
    return found


@pytest.mark.parametrize("package", _public_packages())
def test_the_reference_lists_every_package_that_exports_names(package: str) -> None:
    lines = (_DOCS / "reference" / "api.md").read_text(encoding="utf-8").splitlines()
    assert f"   {package}" in lines


@pytest.mark.slow
def test_the_site_builds_from_clean_without_a_warning(tmp_path: Path) -> None:
    for module, where in _NEEDED.items():
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"the build needs `{module}`, of the {where}")
    # A copy: generated pages would otherwise lie in the checkout.
    docs = tmp_path / "docs"
    shutil.copytree(_DOCS, docs, ignore=shutil.ignore_patterns("_build", "generated"))
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "-q"]
    done = subprocess.run(
        [*command, str(docs), str(tmp_path / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    homes = import_module("xylograph").__all__
    pages = tmp_path / "html" / "reference" / "generated"
    assert all((pages / f"xylograph.{name}.html").exists() for name in homes)
