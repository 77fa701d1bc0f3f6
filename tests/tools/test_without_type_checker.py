"""What users get who have no type checker: this runs in a process without one."""

import json
import subprocess
import sys

CASES = {
    "IMUIFSim(rotation=True)": "`rotation` of `IMUIFSim` is `RotationRemoval` or None, not True",
    "IMUIFSim(encoder='iaf')": "`encoder` of `IMUIFSim` is `ScaleEncoder` or `IAFEncoder` or None",
    "IMUIFSim(15 * [(1, 2)])": "`filters[0]` of `FilterBank` is `BandPassFilter`, not (1, 2)",
    "AFESim(112e3, device=7)": "`device` of `AFESim` is `AFEDevice` or None, not 7",
    "AFESim(112e3, normalization=True)": "`Audio2Normalization` or None, not True",
    "AFESimExternal(normalization=5)": "`DivisiveNormalization` or None, not 5",
    "AFESimAGC(gain_control=5)": "`gain_control` of `AFESimAGC` is `GainControl` or None, not 5",
    "apply_frontend([[1, 2]], IMUIFSim())": "takes `Recordings`, not list: one signal goes into",
    "apply_frontend(recordings, IMUIFSim)": "not its class: give `IMUIFSim()`",
    "apply_frontend(recordings, 'imu')": "a `str` has no `dt`, `channel_names`, `__call__`",
    "probe(recordings, IMUIFSim())": "a front end and then `Recordings`, not a `IMUIFSim`",
    "plot_filters(IMUIFSim)": "takes a front end with `responses`, such as `IMUIFSim()`, not `IMUI",
    "plot_filters(3)": "takes a front end with `responses`, such as `IMUIFSim()`, not `int`",
    "fit(net, data, data, loss='mse', optimizer=optax.sgd(1), epochs=1)": (
        "`loss` is a function of network, inputs and targets, not 'mse'"
    ),
    "fit(net, data, data, loss=print, optimizer='adam', epochs=1)": (
        "`optimizer` is one of optax, as `optax.adam(1e-3)`, not 'adam'"
    ),
    "save('network.safetensors', net)": "`save` takes a network and then a path, not a `str` first",
    "replace(recordings, labels=np.zeros(3, int))": "`labels` has the shape (3,), not (0,)",
    "replace(recordings, dt=0)": "`dt` is seconds between two rows, above 0, not 0",
    "Recordings(**vars(recordings) | {'signals': 2 * [np.zeros((9, 4))]})": (
        "`labels` has the shape (0,), not (2,); `groups` has the shape (0,), not (2,); `takes` has "
        "the shape (0,), not (2,); signal 0 has the shape (9, 4), not (time, 3); signal 1 has"
    ),
}
SCRIPT = f"""
import json
from dataclasses import replace
import numpy as np
import optax
from xylograph.hw import AFESim, AFESimAGC, AFESimExternal, IMUIFSim
from xylograph.models import LinearJax, save
from xylograph.models.training import fit
from xylograph.tools.datasets import Recordings, apply_frontend
from xylograph.tools.frontends import plot_filters, probe
net, data = LinearJax((1, 1)), np.zeros((2, 3, 1))
recordings = Recordings(signals=(), labels=np.zeros(0, int), groups=np.zeros(0), dt=0.005,
                        takes=np.zeros(0, int), channel_names=("x", "y", "z"))
found = {{}}
for case in {list(CASES)}:
    try:
        eval(case)
    except (TypeError, ValueError) as error:
        found[case] = str(error)
print(json.dumps(found))
"""


def test_a_part_of_another_class_is_named_with_the_class_it_should_have() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True)
    found = json.loads(done.stdout)
    for case, text in CASES.items():
        assert text in found.get(case, "nothing was raised"), case
