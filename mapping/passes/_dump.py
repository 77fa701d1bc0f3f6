"""`Dump`: a folder with what every pass of a pipeline gave."""

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ...hw import XyloConfig
from ...models.storage._files import write_atomically
from .._placed_files import load_placed_graph, save_placed_graph
from .._placement import PlacedGraph
from .._report import PassReport
from .._specification import Specification
from ..graph._graph import Graph

INPUT = "input"
"""The name of what the first pass got."""


class _Kind(NamedTuple):
    suffix: str
    save: Callable[[Any, Path], object]
    load: Callable[[Path], Any]


_KINDS: dict[type, _Kind] = {
    Graph: _Kind("graph.safetensors", Graph.save, Graph.load),
    PlacedGraph: _Kind("placed-graph.safetensors", save_placed_graph, load_placed_graph),
    Specification: _Kind("specification.safetensors", Specification.save, Specification.load),
    XyloConfig: _Kind("configuration.json", XyloConfig.save, XyloConfig.load),
}


@dataclass(frozen=True)
class Dump:
    """A folder with the value after each pass, and the reports.

    `00-input.graph.safetensors`, `01-FoldScales.graph.safetensors`, ...; `log.json`.

    Args:
        folder: made if it is not there.
    """

    folder: Path

    def write(self, position: int, name: str, value: object) -> None:
        """Write the value after a pass.

        Raises:
            TypeError: a value of a type that no file is known for.
            OSError: the folder cannot be written to.
        """
        if type(value) not in _KINDS:
            known = ", ".join(cls.__name__ for cls in _KINDS)
            raise TypeError(
                f"cannot dump what `{name}` gives, a `{type(value).__name__}`; files are known for "
                f"{known}"
            )
        kind = _KINDS[type(value)]
        self.folder.mkdir(parents=True, exist_ok=True)
        # A name may be anything that is a name of a function.
        safe = re.sub(r"[^\w .-]", "_", name)
        kind.save(value, self.folder / f"{position:02d}-{safe}.{kind.suffix}")

    def write_log(self, reports: Sequence[PassReport]) -> None:
        """Write what the passes report."""
        entries = [
            {
                "name": report.name,
                "summary": report.summary,
                "losses": list(report.losses),
                "measured": None if report.check is None else str(report.check),
            }
            for report in reports
        ]
        write_atomically(self.folder / "log.json", f"{json.dumps(entries, indent=1)}\n".encode())

    def read(self, name: str) -> Any:
        """The value after a pass.

        Raises:
            FileNotFoundError: there is none; lists those that are there.
            FormatError: the file is damaged.
        """
        safe = re.escape(re.sub(r"[^\w .-]", "_", name))
        suffixes = "|".join(re.escape(kind.suffix) for kind in _KINDS.values())
        there = sorted(os.listdir(self.folder))
        found = [one for one in there if re.fullmatch(rf"\d+-{safe}\.({suffixes})", one)]
        if len(found) != 1:
            raise FileNotFoundError(
                f"{self.folder} holds {len(found)} values after the pass `{name}`; its files are "
                f"{', '.join(there)}"
            )
        kind = next(kind for kind in _KINDS.values() if found[0].endswith(f".{kind.suffix}"))
        return kind.load(self.folder / found[0])
