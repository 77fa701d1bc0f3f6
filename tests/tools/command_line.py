"""What the tests of the command line share."""

import sys

import pytest

from xylograph.tools import _cli


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """What `xylograph ARGUMENTS` exits with."""
    monkeypatch.setattr(sys, "argv", ["xylograph", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as exit_info:
        _cli.main()
    code = exit_info.value.code
    assert isinstance(code, int)
    return code
