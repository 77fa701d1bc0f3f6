"""A file with the figures of each epoch."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from pathlib import Path

from ..storage._files import write_atomically

_SUFFIXES = (".csv", ".jsonl")


class MetricsLog:
    """Writes one row an epoch to a CSV or JSONL file; to nothing without a path.

    Args:
        path: ends in `.csv` or `.jsonl`.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = None if path is None else Path(path)

    def problems(self) -> list[str]:
        """What is wrong with the path."""
        if self._path is None or self._path.suffix in _SUFFIXES:
            return []
        return [f"`log` must end in {' or '.join(_SUFFIXES)}, got {str(self._path)!r}"]

    def start(self, history: list[dict[str, float]]) -> None:
        """Make the file hold these epochs only: rows after a checkpoint are written again."""
        if self._path is not None:
            rows = [self._row(n, figures) for n, figures in enumerate(history, start=1)]
            write_atomically(self._path, "".join(rows).encode())

    def append(self, epoch: int, figures: dict[str, float]) -> None:
        """Add an epoch, counted from 1."""
        if self._path is not None:
            with self._path.open("a", encoding="utf-8", newline="") as file:
                file.write(self._row(epoch, figures))

    def _row(self, epoch: int, figures: dict[str, float]) -> str:
        row = {"epoch": epoch, **figures}
        assert self._path is not None
        if self._path.suffix == ".jsonl":
            # JSON has no NaN and no infinity.
            known = {k: v if math.isfinite(v) else None for k, v in row.items()}
            return json.dumps(known) + "\n"
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if epoch == 1:
            writer.writerow(row)
        writer.writerow(row.values())
        return text.getvalue()
