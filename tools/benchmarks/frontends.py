"""How fast front ends compute.

Xylo IMU, in seconds of signal of one axis, per second: noise of three axes, 10 s at 200 samples a
second, through `IMUIFSim` as it comes (with rotation), one recording and a batch. The rival is the
vendor's simulator in Rockpool 3.1, which took 0.28 to 0.43 s for one such recording (IMU front-end
facts, section 9, on two processors). With `--rockpool PYTHON`, a Python that has it, it runs in the
same turn, and its events must be the same.

Xylo Audio 2: noise of 0.1 V RMS, 1 s at 110,000 samples a second, through `AFESim` as it comes and
with noise. The rival runs in the same turn: the same chain out of SciPy's filters, as
`reference_quirks` computes it, which is how the vendor's simulator goes about it.

Xylo Audio 3: noise of 1 s through its front ends as they come and mirrored, as the rival computes.
The rival is the vendor's simulator. With `--rockpool` it runs here, in an environment of its own, in
float32, as in integers it cannot be called. Besides, there are the times that were recorded on two
processors of another machine: external 1.7 s in integers and 0.85 s in float32, digital microphone
0.8 s, analog microphone 9 s (Audio 3 front-end facts, section 10).

The first call compiles or loads, and is left out; what counts is the shortest time of the others.

`python -m xylograph.tools.benchmarks.frontends`
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ...hw import AFESim, IMUIFSim
from ...hw.frontends import AFEModel, NoiseDensity
from ._frontends_audio3 import show_audio3

_SECONDS, _RATE, _AXES = 10, 200, 3
_RIVAL_SECONDS = 0.28
_RIVAL = Path(__file__).with_name("_imu_rival.py")
_AUDIO2_RATE = 110_000


def measure(batch: int, repeats: int) -> float:
    """Shortest time for so many recordings of 10 s, in seconds."""
    front_end = IMUIFSim()
    signal = np.random.default_rng(0).integers(-9000, 9000, (batch, _SECONDS * _RATE, _AXES))
    return _shortest(lambda: front_end(signal), repeats)


def measure_rockpool(python: Path, repeats: int) -> float:
    """Shortest time of Rockpool for one recording of 10 s, in seconds.

    Raises:
        RuntimeError: when it cannot be run, or its raster has another number of events.
    """
    signal = np.random.default_rng(0).integers(-9000, 9000, (1, _SECONDS * _RATE, _AXES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "signal.npy"
        np.save(path, signal)
        command = [str(python), "-I", "-W", "ignore", str(_RIVAL), str(path), str(repeats)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`{python}` cannot run Rockpool:\n{done.stderr}")
    found = json.loads(done.stdout.splitlines()[-1])
    ours = int(IMUIFSim(mirror=True, reference_quirks=True)(signal)[0].sum())
    if found["n_events"] != ours:
        raise RuntimeError(f"Rockpool gives {found['n_events']} events, Xylograph {ours}")
    return min(found["seconds"])


def measure_audio2(front_end: AFESim, batch: int, repeats: int) -> float:
    """Shortest time for so many recordings of 1 s, in seconds."""
    signal = np.random.default_rng(0).normal(0, 0.1, (batch, _AUDIO2_RATE, 1)).clip(-0.5, 0.5)
    return _shortest(lambda: front_end(signal), repeats)


def _shortest(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def _show_audio2(batch: int, repeats: int) -> None:
    silent = replace(AFEModel(), rectifier_noise=NoiseDensity(0.0))
    quirks: Any = {"mirror": True, "reference_quirks": True}
    pairs = {
        "as it comes": (AFESim(_AUDIO2_RATE), AFESim(_AUDIO2_RATE, model=silent, **quirks)),
        "with noise": (
            AFESim(_AUDIO2_RATE, noise_key=0),
            AFESim(_AUDIO2_RATE, noise_key=0, **quirks),
        ),
    }
    for name, (front_end, rival) in pairs.items():
        rival_taken = measure_audio2(rival, 1, repeats)
        for n in sorted({1, batch}):
            taken = measure_audio2(front_end, n, repeats)
            print(
                f"Audio 2 {name}, {n} recordings of 1 s: {taken * 1e3:.2f} ms, {n / taken:,.0f} "
                f"times real time, {n * rival_taken / taken:,.0f} times SciPy's filters"
            )


def main(
    batch: Annotated[int, typer.Option(min=1, help="Recordings at once.")] = 64,
    repeats: Annotated[int, typer.Option(min=1, help="Turns of each.")] = 5,
    rockpool: Annotated[
        Path | None, typer.Option(help="Python of an environment with Rockpool 3.1.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0, help="Least time for each, Audio 3.")] = 1.0,
) -> None:
    """Measure front ends, one recording and a batch."""
    rival_taken = _RIVAL_SECONDS if rockpool is None else measure_rockpool(rockpool, repeats)
    rival = "the recorded rival" if rockpool is None else "Rockpool in the same turn"
    for n in sorted({1, batch}):
        taken = measure(n, repeats)
        axis_seconds = n * _SECONDS * _AXES / taken
        print(
            f"{n} recordings of {_SECONDS} s: {taken * 1e3:.2f} ms, {axis_seconds:,.0f} "
            f"axis-seconds a second, {n * rival_taken / taken:,.0f} times {rival}"
        )
    _show_audio2(batch, repeats)
    show_audio3(batch, repeats, rockpool, seconds)


if __name__ == "__main__":
    typer.run(main)
