import re

import numpy as np
from typer import Typer
from typer.testing import CliRunner

from xylograph.hw import XyloNetJax
from xylograph.tools.benchmarks.chip_training import as_floats, main


def test_the_benchmark_prints_times_and_their_ratio() -> None:
    app = Typer()
    app.command()(main)
    shown = CliRunner().invoke(app, ["--hidden", "9", "--turns", "1"]).output
    row = re.search(r"\n +9 +(\S+) +(\S+) +(\S+) ", shown)
    assert row, shown
    float_ms, chip_ms, ratio = map(float, row.groups())
    assert abs(ratio - chip_ms / float_ms) < 0.1


def test_the_float_network_is_of_the_same_shape_and_spikes_alike() -> None:
    rng = np.random.default_rng(0)
    core = XyloNetJax(
        "xylo-imu",
        weights_in=rng.integers(0, 60, (3, 4)),
        weights_rec=rng.integers(-9, 9, (6, 6)),
        weights_out=rng.integers(0, 90, (5, 2)),
        dash_mem=3,
        dash_syn=2,
        threshold=100,
        threshold_out=100,
    )
    raster = rng.poisson(0.3, (4, 60, 3))
    rates = [np.asarray(net(raster)[0][:, 5:]).mean() for net in (core, as_floats(core))]
    assert rates[0] > 0.05
    assert abs(rates[1] / rates[0] - 1) < 0.1
