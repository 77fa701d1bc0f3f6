import json
from pathlib import Path
from typing import Any

import pytest
import typer

from xylograph.tools.benchmarks import networks
from xylograph.tools.benchmarks.networks import Library


class Told(Library):
    """A library without a process, which answers what it was told to."""

    def __init__(self, name: str, seconds: float, loss: float) -> None:
        self.name, self.seconds, self.loss = name, seconds, loss

    def ask(self, do: str, **how: Any) -> Any:
        if do == "run":
            self.seconds /= 2
            return self.seconds, 3 * self.seconds
        return {"check": {"loss": self.loss}, "first": {"forward": 3.0, "gradient": 4.0}}


def test_the_shortest_time_of_all_turns_counts_and_ratios_are_to_ours() -> None:
    libraries = [Told("xylograph", 8.0, 1.0), Told("spyx", 80.0, 2.0)]
    forward, gradient = networks.measure_layer(libraries, "recurrent", 4, (2, 5), turns=2)
    assert forward.seconds == {"xylograph": 2.0, "spyx": 20.0}
    assert gradient.seconds == {"xylograph": 0.5, "spyx": 5.0}
    assert forward.ratios == {"spyx": 10.0}
    # The middle of the medians of two turns, 12 and 6.
    assert forward.median_seconds == {"xylograph": 9.0, "spyx": 90.0}
    assert forward.median_ratios == {"spyx": 10.0}
    assert forward.first_seconds == {"xylograph": 3.0, "spyx": 3.0}


def test_times_of_libraries_that_differ_are_not_given() -> None:
    libraries = [Told("xylograph", 1.0, 1.0), Told("rockpool", 1.0, 1.01)]
    with pytest.raises(RuntimeError, match="differ in `loss`, 1 and 1.01"):
        networks.measure_layer(libraries, "recurrent", 4, (2, 5), turns=1)


def test_only_libraries_with_modules_do_the_housekeeping() -> None:
    libraries = [Told("xylograph", 1.0, 1.0), Told("spyx", 1.0, 1.0)]
    points = networks.measure_housekeeping(libraries, turns=1)
    assert [(point.what, list(point.seconds)) for point in points] == [
        ("set_attributes", ["xylograph"]),
        ("flatten_unflatten", ["xylograph"]),
    ]


def test_an_unknown_rival_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="nobody"):
        networks.main(rival=["nobody=/bin/false"])


@pytest.mark.slow
def test_the_benchmark_measures_ours_and_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "result.json"
    networks.main(rival=[], neurons=[3], batch=2, steps=4, turns=1, json_file=file)
    points = json.loads(file.read_text())["points"]
    assert [(point["what"], point["kind"]) for point in points] == [
        ("forward", "recurrent"),
        ("gradient", "recurrent"),
        ("forward", "feed-forward"),
        ("gradient", "feed-forward"),
        ("set_attributes", "housekeeping"),
        ("flatten_unflatten", "housekeeping"),
    ]
    assert all(point["seconds"]["xylograph"] > 0 for point in points)
    # Only recurrent layers multiply by weights.
    assert [list(point["ratios"]) for point in points] == [["products"]] * 2 + [[]] * 4
    assert "set_attributes" in capsys.readouterr().out
