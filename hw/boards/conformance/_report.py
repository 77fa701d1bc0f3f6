"""What a conformance run says."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....models.storage._files import write_atomically
from ..._wording import counted
from ...package._difference import ArrayComparison
from .._link import BoardIdentity

_FORMAT, _SCHEMA = "xylograph.ConformanceReport", 1


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """What came of one case.

    Attributes:
        name: what was tried.
        config_sha256: digest of the configuration.
        n_samples: samples of the raster.
        n_steps: steps of it.
        n_values: values that were compared.
        difference: the first one in time between simulator and board; `None`: there is none.
        not_shown: arrays that the simulator records and the board does not show.
        error: what the board failed with; empty: it did not.
        notices: what was noticed and did no harm.
    """

    name: str
    config_sha256: str
    n_samples: int
    n_steps: int
    n_values: int = 0
    difference: ArrayComparison | None = None
    not_shown: tuple[str, ...] = ()
    error: str = ""
    notices: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """`equal`, `different` or `error`."""
        if self.error:
            return "error"
        return "equal" if self.difference is None else "different"

    def __str__(self) -> str:
        detail = f": {self.error or self.difference}" if self.outcome != "equal" else ""
        # That boards do not tell of hibernation is nothing new.
        missing = ", ".join(name for name in self.not_shown if name != "hibernation")
        without = f" without {missing}" if missing else ""
        return f"{self.name}: {self.outcome}, {self.n_values:,} values{without}{detail}"


@dataclass(frozen=True, kw_only=True)
class ConformanceReport:
    """What came of all cases on one board.

    Attributes:
        board: which board.
        version: of Xylograph.
        seed: of the cases.
        results: one for each case.
    """

    board: BoardIdentity
    version: str
    seed: int
    results: tuple[CaseResult, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether there are results, and all are equal."""
        return bool(self.results) and all(case.outcome == "equal" for case in self.results)

    def to_json(self) -> str:
        """The report as JSON; the same run of the same board gives the same text."""
        content: dict[str, Any] = {
            "format": _FORMAT,
            "schema": _SCHEMA,
            "board": {**vars(self.board), "firmware": dict(self.board.firmware)},
            "xylograph": self.version,
            "seed": self.seed,
            "passed": self.passed,
            "n_values": sum(case.n_values for case in self.results),
            "cases": [_case_content(case) for case in self.results],
        }
        return json.dumps(content, indent=1, sort_keys=True) + "\n"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report as a JSON file, in one step.

        Raises:
            OSError: it cannot be written.
        """
        return write_atomically(path, self.to_json().encode())

    def __str__(self) -> str:
        bad = [case for case in self.results if case.outcome != "equal"]
        values = sum(case.n_values for case in self.results)
        head = (
            f"{self.board}: {len(self.results) - len(bad)} of "
            f"{counted(len(self.results), 'case')} equal, {values:,} values compared"
        )
        return "\n".join((head, *(f"- {case}" for case in bad)))


def _case_content(case: CaseResult) -> dict[str, Any]:
    content = {**vars(case), "outcome": case.outcome}
    content["difference"] = None if case.difference is None else vars(case.difference)
    return content
