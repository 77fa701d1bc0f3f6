"""The IMU front end of Rockpool, as a black box; run by the Python that has it.

`python _imu_rival.py SIGNAL.npy REPEATS` prints the seconds of each call, and the events of the first.
Stands alone: that Python has no Xylograph. The vendor's driver for boards is not needed to simulate,
and importing it can start an installation: stand-ins take its place.
"""

import json
import sys
import time
import types
from unittest.mock import MagicMock

import numpy as np

_DRIVER = (
    *("", ".afe2", ".device", ".unifirm", ".xyloCore2", ".xyloImu", ".xyloImuBoards"),
    *(f".xylo{chip}.{part}" for chip in ("Audio3", "Imu") for part in ("configuration", "event")),
    ".xyloAudio3",
)


class _StandIn(types.ModuleType):
    __version__ = "0"

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock()


def main(path: str, repeats: int) -> None:
    """Time the calls and print the figures as JSON."""
    for name in _DRIVER:
        module = sys.modules[f"samna{name}"] = _StandIn(f"samna{name}")
        module.__path__ = []  # As packages have it, so that there can be modules in it.
    from rockpool.devices.xylo.syns63300 import (  # pyright: ignore[reportMissingImports]
        IMUIFSim,
    )

    # Its integers have no limit.
    signal = np.load(path).astype(object)
    front_end = IMUIFSim()
    seconds, n_events = [], None
    for _ in range(repeats + 1):
        start = time.perf_counter()
        raster = np.asarray(front_end(signal)[0])
        seconds.append(time.perf_counter() - start)
        n_events = int(raster.sum()) if n_events is None else n_events
    print(json.dumps({"seconds": seconds[1:], "n_events": n_events}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
