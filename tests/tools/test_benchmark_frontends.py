import re
import sys
from pathlib import Path

import pytest
import typer

from xylograph.tools.benchmarks._frontends_audio3 import WORKLOADS, measure_rival
from xylograph.tools.benchmarks.frontends import main


def test_says_how_fast_one_recording_and_a_batch_are(capsys: pytest.CaptureFixture[str]) -> None:
    main(batch=2, repeats=1, seconds=0.0)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "1 recordings of 10 s",
        "2 recordings of 10 s",
        "Audio 2 as it comes, 1 recordings of 1 s",
        "Audio 2 as it comes, 2 recordings of 1 s",
        "Audio 2 with noise, 1 recordings of 1 s",
        "Audio 2 with noise, 2 recordings of 1 s",
        *(
            f"Audio 3 {workload.name}, {n} recordings of 1 s"
            for workload in WORKLOADS
            for n in (1, 2)
        ),
    ]
    assert all(re.search(r"[1-9][\d,]* axis-seconds a second", line) for line in lines[:2])
    assert all(re.search(r"[1-9][\d,]* times SciPy's filters", line) for line in lines[2:6])
    assert all(re.search(r"[1-9][\d,]* times the recorded rival", line) for line in lines[6:])


def test_a_python_without_the_rival_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="cannot run Rockpool"):
        measure_rival(Path(sys.executable), "external", 1)
