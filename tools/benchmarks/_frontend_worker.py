"""The reference simulator's side of the benchmark of front ends: times one front end.

Runs by its path in an environment that has Rockpool, and nothing of ours:
`python _frontend_worker.py external 3` prints the shortest time of three calls with noise of 1 s,
in seconds, after one that is left out.

Its package of the chip wants `samna`, the vendor's, for boards only. What stands in for it here
has nothing in it.
"""

import sys
import time
import types
import warnings
from importlib import import_module
from unittest.mock import MagicMock

_PARTS = (".xyloAudio3", ".xyloAudio3.configuration", ".xyloAudio3.event", ".unifirm", ".device")
_MAKERS = {
    "external": ("AFESimExternal", {}, 48828.125),
    "pdm": ("AFESimPDM", {}, 48828.125),
    "agc": ("AFESimAGC", {"dt": 1e-3}, 50000),
}


class _Absent(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock()


def main(kind: str, repeats: int) -> None:
    """Print the shortest time."""
    warnings.simplefilter("ignore")
    for part in ("", *_PARTS):
        module = _Absent("samna" + part)
        module.__path__ = []
        sys.modules["samna" + part] = module
    name, settings, rate = _MAKERS[kind]
    package = import_module("rockpool.devices.xylo.syns65302")
    front_end = getattr(package.afe_sim, name).from_specification(**settings)
    noise = import_module("numpy").random.default_rng(0).uniform(-0.5, 0.5, int(rate))
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        front_end((noise, rate))
        times.append(time.perf_counter() - start)
    print(min(times[1:]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
