"""The page of modules has a section for each."""

import re
from pathlib import Path

import pytest

import xylograph.models
from xylograph.models import JaxModule

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "modules.md"
NAMES = {name: getattr(xylograph.models, name) for name in xylograph.models.__all__}
CLASSES = {
    one for one in NAMES.values() if isinstance(one, type) and issubclass(one, JaxModule)
} - {JaxModule}


@pytest.mark.parametrize("cls", sorted(CLASSES, key=lambda cls: cls.__name__))
def test_every_module_has_a_section(cls: type[JaxModule]) -> None:
    sections = re.findall(r"^### `(\w+)`$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    names = {name for name, value in NAMES.items() if value is cls}
    assert names & {*sections}
