"""The pytest plugin, in a pytest of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
import numpy as np
import pytest
from xylograph.hw import XyloConfig

@pytest.mark.chip("SYNS63300")
def test_board(board, assert_board_equals_simulator):
    config = XyloConfig(board.chip, weights_in=[[90]], weights_out=[[90]], threshold=50)
    assert_board_equals_simulator(config, np.ones((1, 4, 1), np.uint8))
"""


def run(folder: Path, *options: str) -> str:
    (folder / "test_it.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "xylograph_pytest", *options]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "test_it.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_session_is_recorded_and_replayed_with_a_report(tmp_path: Path) -> None:
    assert "1 passed" in run(tmp_path, "--xylo-session=s.safetensors")
    replay = ("--xylo-target=recorded", "--xylo-session=s.safetensors", "--xylo-report=r.json")
    assert "1 passed" in run(tmp_path, *replay)
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["target"] == "recorded"
    (comparison,) = report["comparisons"]
    assert comparison["board"]["kind"] == "recorded"
    assert comparison["first_difference"] is None
    assert comparison["n_values"] > 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--xylo-target=samna",), "1 skipped"),
        (("--xylo-target=recorded",), "needs --xylo-session=FILE"),
        (("--xylo-target=other",), "invalid choice: 'other'"),
    ],
)
def test_what_cannot_run_says_why(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    assert message in run(tmp_path, *options)
