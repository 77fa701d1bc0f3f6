"""The page of the pipeline lists the rules that there are."""

import re
from pathlib import Path

from xylograph.hw._rules import RULES
from xylograph.mapping.rules._rules import SIZE_RULES, STRUCTURE_RULES

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "pipeline.md"


def test_every_rule_stands_in_the_tables_with_what_it_says_of_itself() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    rules = (*STRUCTURE_RULES, *SIZE_RULES, *RULES)
    said = [(rule.__name__, (rule.__doc__ or "").splitlines()[0]) for rule in rules]
    assert [row for row in rows if not row[0].endswith("_quantize")] == said
