import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mapping_cases import chain, two_layers

from xylograph.hw import XyloConfig, get_chip
from xylograph.mapping import PassReport, Pipeline, Specification, trace
from xylograph.models import FormatError


@dataclass(frozen=True)
class Prune:
    """Drops small recurrent weights."""

    def __call__(self, spec: Specification) -> tuple[Specification, PassReport]:
        kept = spec.weights_rec * (np.abs(spec.weights_rec) > 0.1)
        return replace(spec, weights_rec=kept), PassReport("Prune", "done", ("small weights",))


def test_passes_run_in_order_and_each_leaves_a_report() -> None:
    spec, log = Pipeline("xylo-imu").run(trace(chain(2, 3, 2)))
    assert isinstance(spec, Specification)
    assert tuple(report.name for report in log) == Pipeline("xylo-imu").names


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


# --- reading and changing pipelines ---


def by_halves(spec: Specification) -> tuple[Specification, PassReport]:
    """Halve all weights."""
    halved = replace(spec, weights_in=spec.weights_in / 2, weights_rec=spec.weights_rec / 2)
    return halved, PassReport("by_halves", "halved", ("weights are half of what they were",))


def test_a_pipeline_prints_its_passes_in_order() -> None:
    lines = str(Pipeline("xylo-imu", (Prune(), by_halves))).splitlines()
    assert lines == [
        "Pipeline for SYNS63300 (xylo-imu):",
        " 1 Prune      Drops small recurrent weights.",
        " 2 by_halves  Halve all weights.",
    ]


def test_passes_are_named_by_class_or_function_and_counted_if_twice() -> None:
    pipeline = Pipeline("xylo-imu", (by_halves, Prune(), by_halves))
    assert pipeline.names == ("by_halves", "Prune", "by_halves 2")


def test_passes_are_inserted_replaced_and_dropped() -> None:
    pipeline = Pipeline("xylo-imu")
    assert pipeline.insert(by_halves).names == (*pipeline.names, "by_halves")
    first = pipeline.insert(by_halves, before="FoldScales").names
    assert first == ("by_halves", *pipeline.names)
    second = pipeline.insert(by_halves, after="FoldScales").names
    assert second[:3] == ("FoldScales", "by_halves", "FoldLinearMaps")
    assert pipeline.replace("FoldScales", by_halves).names == ("by_halves", *pipeline.names[1:])
    assert pipeline.drop("FoldScales").names == pipeline.names[1:]
    assert pipeline.names[0] == "FoldScales"


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.drop("Fold"),
        lambda p: p.replace("Fold", by_halves),
        lambda p: p.insert(by_halves, before="Fold"),
        lambda p: p.run(two_layers(), stop_after="Fold"),
        lambda p: p.run(two_layers(), resume_from="Fold"),
    ],
)
def test_an_unknown_pass_is_named_with_those_there_are(change: Any) -> None:
    with pytest.raises(ValueError, match="no pass is called 'Fold'; there are FoldScales, FoldLin"):
        change(Pipeline("xylo-imu"))


def test_a_pass_has_one_place() -> None:
    with pytest.raises(ValueError, match="give `before` or `after`, not both"):
        Pipeline("xylo-imu").insert(by_halves, before="FoldScales", after="FoldScales")


def test_the_standard_passes_lead_to_a_configuration_when_told_so() -> None:
    config, log = Pipeline.for_deployment("xylo-imu", quantizer="global").run(two_layers())
    assert isinstance(config, XyloConfig)
    assert [report.name for report in log][-3:] == [
        "global_quantize",
        "EmitConfiguration",
        "CheckSaturation",
    ]


# --- stopping, resuming, keeping ---


def test_a_run_stops_after_a_pass_and_resumes_from_the_next() -> None:
    pipeline, net = Pipeline.for_deployment("xylo-audio-3"), trace(chain(2, 5, 3, 2))
    whole, log = pipeline.run(net)
    for name, following in itertools.pairwise(pipeline.names):
        value, first = pipeline.run(net, stop_after=name)
        config, second = pipeline.run(value, resume_from=following)
        assert config == whole
        assert [r.name for r in (*first, *second)] == [r.name for r in log]


def test_a_run_may_be_cut_out_of_the_middle() -> None:
    pipeline = Pipeline.for_deployment("xylo-audio-3")
    placed, _ = pipeline.run(two_layers(), stop_after="PlaceNeurons")
    _, log = pipeline.run(placed, resume_from="AssembleSpecification", stop_after="FitConnections")
    assert [report.name for report in log] == ["AssembleSpecification", "FitConnections"]


def test_every_value_is_kept_and_any_pass_can_be_resumed_from_the_folder(tmp_path: Path) -> None:
    pipeline = Pipeline.for_deployment("xylo-audio-3")
    net = trace(chain(2, 5, 3, 2, recurrent=True))
    whole, log = pipeline.run(net, dump=tmp_path / "kept")
    there = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert there[:3] == [
        "00-input.graph.safetensors",
        "01-FoldScales.graph.safetensors",
        "02-FoldLinearMaps.graph.safetensors",
    ]
    assert {"07-PlaceNeurons.placed-graph.safetensors", "log.json"} <= set(there)
    assert "08-AssembleSpecification.specification.safetensors" in there
    assert "12-EmitConfiguration.configuration.json" in there
    assert len(there) == len(pipeline.names) + 2
    for name in pipeline.names:
        again, _ = pipeline.run(tmp_path / "kept", resume_from=name)
        assert again == whole
    kept_log = json.loads((tmp_path / "kept" / "log.json").read_text())
    assert [entry["summary"] for entry in kept_log] == [report.summary for report in log]


def test_a_resumed_run_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    pipeline, net = Pipeline("xylo-audio-3"), two_layers()
    pipeline.run(net, stop_after="PlaceNeurons", dump=tmp_path)
    pipeline.run(tmp_path, resume_from="AssembleSpecification", dump=tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) == len(pipeline.names) + 1


def test_what_was_not_kept_is_named_with_what_was(tmp_path: Path) -> None:
    pipeline = Pipeline("xylo-audio-3")
    pipeline.run(two_layers(), stop_after="FoldScales", dump=tmp_path)
    with pytest.raises(
        FileNotFoundError, match=r"holds 0 values after the pass `FitConnections`; "
    ):
        pipeline.run(tmp_path, resume_from="SelectWeightShifts")


def test_a_value_of_another_type_cannot_be_kept(tmp_path: Path) -> None:
    def as_text(net: Any) -> tuple[str, PassReport]:
        return str(net), PassReport("as_text", "written")

    with pytest.raises(
        TypeError, match="cannot dump what `as_text` gives, a `str`; files are known"
    ):
        Pipeline("xylo-imu", (as_text,)).run(two_layers(), dump=tmp_path)


def test_a_damaged_file_is_refused_with_its_name(tmp_path: Path) -> None:
    pipeline = Pipeline("xylo-audio-3")
    pipeline.run(two_layers(), stop_after="PlaceNeurons", dump=tmp_path)
    path = tmp_path / "07-PlaceNeurons.placed-graph.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(FormatError, match="07-PlaceNeurons.placed-graph.safetensors: not a placed"):
        pipeline.run(tmp_path, resume_from="AssembleSpecification")
