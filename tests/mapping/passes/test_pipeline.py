from dataclasses import dataclass, replace

import numpy as np
import pytest
from mapping_cases import chain, two_layers

from xylograph.hw import get_chip
from xylograph.mapping import PassReport, Pipeline, Specification, trace


@dataclass(frozen=True)
class Prune:
    """Drops small recurrent weights."""

    def __call__(self, spec: Specification) -> tuple[Specification, PassReport]:
        kept = spec.weights_rec * (np.abs(spec.weights_rec) > 0.1)
        return replace(spec, weights_rec=kept), PassReport("Prune", "done", ("small weights",))


def test_passes_run_in_order_and_each_leaves_a_report() -> None:
    spec, log = Pipeline("xylo-imu").run(trace(chain(2, 3, 2)))
    assert isinstance(spec, Specification)
    assert [report.name for report in log] == [
        "CheckStructure",
        "PlaceNeurons",
        "AssembleSpecification",
    ]


def test_passes_of_ones_own_can_be_added() -> None:
    standard = Pipeline("xylo-imu").passes
    net = trace(chain(2, 30, 2, recurrent=True))
    spec, log = Pipeline("xylo-imu", (*standard, Prune())).run(net)
    there = np.abs(spec.weights_rec[spec.weights_rec != 0])
    assert 0.1 < there.min()
    assert log[-1].losses == ("small weights",)


def test_running_changes_nothing_in_the_graph() -> None:
    net = two_layers()
    first, _ = Pipeline("xylo-imu").run(net)
    first.threshold[:] = 77
    second, _ = Pipeline("xylo-imu").run(net)
    assert second.threshold.tolist() == [1.0, 1.0, 1.0]
    assert second.chip is get_chip("xylo-imu")


def test_an_unknown_chip_is_named() -> None:
    with pytest.raises(ValueError, match="no chip is called 'xylo-9'"):
        Pipeline("xylo-9")
