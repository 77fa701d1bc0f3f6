import re

import pytest
from typer import Typer
from typer.testing import CliRunner

from xylograph.hw import DesignRuleError
from xylograph.mapping import deploy
from xylograph.tools.benchmarks.deploy import dense_network, main, roomy_chip


def test_the_network_fits_the_chip_with_room_and_not_the_real_one() -> None:
    # One more than the fan-out of Xylo Audio 2.
    network = dense_network(65)
    config = deploy(network, roomy_chip(65)).config
    assert (config.n_hidden, config.n_outputs) == (65, 8)
    with pytest.raises(DesignRuleError, match="fan_out_within_limit"):
        deploy(network, "xylo-audio-2")


def test_the_benchmark_prints_both_times() -> None:
    app = Typer()
    app.command()(main)
    shown = CliRunner().invoke(app, ["--hidden", "9", "--repeats", "1"]).output
    assert re.fullmatch(
        r"deploy of 9 all connected hidden neurons: \d+\.\d\d s\n"
        r"verified on 32 x 100 steps: -?\d+\.\d\d s more\n",
        shown,
    )
