import csv
import json
from pathlib import Path

import pytest

from xylograph.models.training._log import MetricsLog

HISTORY = [{"loss": 1.5, "a,b": 0.1}, {"loss": float("nan"), "a,b": 1e-30}]


@pytest.mark.parametrize("n_known", [0, 1, 2])
def test_a_csv_has_a_head_and_one_row_an_epoch(n_known: int, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n1,2.0\n2,3.")  # cut off in the middle of a row
    log = MetricsLog(path)
    log.start(HISTORY[:n_known])
    for epoch, figures in enumerate(HISTORY[n_known:], start=n_known + 1):
        log.append(epoch, figures)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"epoch": "1", "loss": "1.5", "a,b": "0.1"},
        {"epoch": "2", "loss": "nan", "a,b": "1e-30"},
    ]


def test_a_jsonl_has_one_object_a_line_and_null_for_what_json_lacks(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = MetricsLog(path)
    log.start(HISTORY[:1])
    log.append(2, HISTORY[1])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows == [
        {"epoch": 1, "loss": 1.5, "a,b": 0.1},
        {"epoch": 2, "loss": None, "a,b": 1e-30},
    ]


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = MetricsLog(None)
    log.start([])
    log.append(1, HISTORY[0])
    assert list(tmp_path.iterdir()) == [] and log.problems() == []


def test_other_endings_are_refused() -> None:
    assert MetricsLog("log.txt").problems() == ["`log` must end in .csv or .jsonl, got 'log.txt'"]
