"""The site: it builds without a warning, and the reference holds every public name."""

import importlib.util
import pkgutil
import re
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
    unlisted = [
        f"{package}.{name}"
        for package in _public_packages()
        for name in import_module(package).__all__
        if not _links_to(tmp_path / "html", package, name)
    ]
    assert unlisted == []


def _links_to(site: Path, package: str, name: str) -> bool:
    """Whether a package's page leads to the page of a name, described there or elsewhere."""
    text = (site / "reference" / "generated" / f"{package}.html").read_text(encoding="utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    described_here = rf'href="{package}\.{name}\.html'
    described_there = rf">{name}</span></code>: <a [^>]*href=\"xylograph\."
    return re.search(f"{described_here}|{described_there}", article) is not None
