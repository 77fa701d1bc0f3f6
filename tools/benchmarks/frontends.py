"""How fast the front end of Xylo IMU computes: seconds of signal of one axis, per second.

Workload: noise of three axes, 10 s at 200 samples a second, through `IMUIFSim` as it comes (with
rotation), one recording and a batch. The rival is the vendor's simulator, which took 0.28 to
0.43 s for one such recording (IMU front-end facts, section 9, on two processors); it is not run.

The first call compiles or loads, and is left out; what counts is the shortest time of the others.

`python -m xylograph.tools.benchmarks.frontends`
"""

import time
from typing import Annotated

import numpy as np
import typer

from ...hw import IMUIFSim

_SECONDS, _RATE, _AXES = 10, 200, 3
_RIVAL_SECONDS = 0.28


def measure(batch: int, repeats: int) -> float:
    """Shortest time for so many recordings of 10 s, in seconds."""
    front_end = IMUIFSim()
    signal = np.random.default_rng(0).integers(-9000, 9000, (batch, _SECONDS * _RATE, _AXES))
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        front_end(signal)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def main(
    batch: Annotated[int, typer.Option(min=1, help="Recordings at once.")] = 64,
    repeats: Annotated[int, typer.Option(min=1, help="Turns of each.")] = 5,
) -> None:
    """Measure `IMUIFSim`, one recording and a batch."""
    for n in sorted({1, batch}):
        taken = measure(n, repeats)
        axis_seconds = n * _SECONDS * _AXES / taken
        print(
            f"{n} recordings of {_SECONDS} s: {taken * 1e3:.2f} ms, {axis_seconds:,.0f} "
            f"axis-seconds a second, {n * _RIVAL_SECONDS / taken:,.0f} times the recorded rival"
        )


if __name__ == "__main__":
    typer.run(main)
