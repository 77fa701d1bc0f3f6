"""The part of the benchmark of front ends that is about Xylo Audio 3; see `frontends.py`."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer

from ...hw import AFESimAGC, AFESimExternal, AFESimPDM

_WORKER = Path(__file__).parent / "_frontend_worker.py"
_AUDIO_RATE, _AGC_RATE = 48828.125, 50e3


@dataclass(frozen=True)
class Workload:
    """A front end for noise of 1 s, and its rival.

    Attributes:
        name: what it is called.
        make: the front end.
        rate: samples a second of the noise.
        recorded: seconds that the rival took for one recording, by what it computed.
        rival: what the rival's side calls it.
    """

    name: str
    make: Callable[[], Any]
    rate: float
    recorded: dict[str, float]
    rival: str


# The shortest of the times that the facts give: 0.5 s for the filters and 1.2 s for the rest.
_EXTERNAL = {"integers": 1.7, "float32": 0.85}
WORKLOADS = (
    Workload("external", AFESimExternal, _AUDIO_RATE, _EXTERNAL, "external"),
    Workload(
        "external, mirrored",
        lambda: AFESimExternal(mirror=True),
        *(_AUDIO_RATE, _EXTERNAL, "external"),
    ),
    Workload(
        "external, float32",
        lambda: AFESimExternal(arithmetic="float32"),
        *(_AUDIO_RATE, _EXTERNAL, "external"),
    ),
    Workload(
        "digital microphone",
        lambda: AFESimPDM(input_rate=_AUDIO_RATE),
        *(_AUDIO_RATE, {"float32": 0.8}, "pdm"),
    ),
    Workload(
        "analog microphone",
        lambda: AFESimAGC(input_rate=_AGC_RATE),
        *(_AGC_RATE, {"float32": 9.0}, "agc"),
    ),
)


def measure(workload: Workload, batch: int, repeats: int, seconds: float) -> float:
    """Shortest time for so many recordings, in seconds, of so many turns and so long."""
    front_end = workload.make()
    signal = np.random.default_rng(0).uniform(-0.5, 0.5, (batch, int(workload.rate), 1))
    front_end(signal)
    times: list[float] = []
    while len(times) < repeats or sum(times) < seconds:
        start = time.perf_counter()
        front_end(signal)
        times.append(time.perf_counter() - start)
    return min(times)


def measure_rival(python: Path, kind: str, repeats: int) -> float:
    """Shortest time of the rival for one recording, in seconds."""
    command = [str(python), "-I", str(_WORKER), kind, str(repeats)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        print(run.stderr, file=sys.stderr)
        raise typer.BadParameter(f"{python} cannot run Rockpool", param_hint="--rockpool")
    return float(run.stdout.split()[-1])


def show_audio3(batch: int, repeats: int, rockpool: Path | None, seconds: float) -> None:
    """Print a line for each front end, with one recording and with a batch."""
    rivals: dict[str, float] = {}
    for workload in WORKLOADS:
        kind = workload.rival
        if rockpool and kind not in rivals:
            # The analog microphone takes the rival so long that one turn must do.
            rivals[kind] = measure_rival(rockpool, kind, 1 if kind == "agc" else repeats)
            print(f"Audio 3, the rival here, {kind}: {rivals[kind] * 1e3:,.0f} ms")
        for n in sorted({1, batch}):
            taken = measure(workload, n, repeats, seconds)
            against = {f"the recorded rival, {k}": t for k, t in workload.recorded.items()}
            against |= {"the rival here, float32": rivals[kind]} if rockpool else {}
            ratios = [f"{n * t / taken:,.0f} times {name}" for name, t in against.items()]
            print(
                f"Audio 3 {workload.name}, {n} recordings of 1 s: {taken * 1e3:.2f} ms, "
                f"{n / taken:,.0f} times real time, {'; '.join(ratios)}"
            )
