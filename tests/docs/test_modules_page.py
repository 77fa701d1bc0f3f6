"""The page of modules has a section for each."""

import re
from pathlib import Path

import pytest

import xylograph.models
from xylograph.models import JaxModule

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "modules.md"
NAMES = {name: getattr(xylograph.models, name) for name in xylograph.models.__all__}
MODULES = sorted(
    name
    for name, one in NAMES.items()
    if isinstance(one, type) and issubclass(one, JaxModule) and one is not JaxModule
)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_a_section(name: str) -> None:
    sections = re.findall(r"^### `(\w+)`$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    same = {other for other in MODULES if NAMES[other] is NAMES[name]}
    assert same & {*sections}
