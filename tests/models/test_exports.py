import ast
import inspect
from types import ModuleType

import pytest

import xylograph.models
import xylograph.models.time_series
import xylograph.models.training

PACKAGES = [xylograph.models, xylograph.models.training, xylograph.models.time_series]


def written_exports(package: ModuleType) -> list[str]:
    """The names of the lines `from ._x import Y as Y`."""
    return [
        alias.asname
        for node in ast.walk(ast.parse(inspect.getsource(package)))
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
        if alias.asname is not None and alias.asname == alias.name
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_exported_is_what_is_listed(package: ModuleType) -> None:
    assert package.__all__ == sorted(package.__all__)
    assert sorted(written_exports(package)) == package.__all__


@pytest.mark.parametrize("package", PACKAGES)
def test_every_export_exists_has_a_docstring_and_a_home_here(package: ModuleType) -> None:
    for name in package.__all__:
        exported = getattr(package, name)
        assert inspect.getdoc(exported), name
        assert exported.__module__.startswith("xylograph.models."), name


def test_listing_the_package_gives_its_exports() -> None:
    assert dir(xylograph.models) == xylograph.models.__all__


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'xylograph.models' has no attribute 'LIF'"):
        xylograph.models.LIF  # noqa: B018
