"""The conformance suite finds what it should find, and says so."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_cases import CHIP_NAMES

from xylograph.hw import CHIPS, Fault, VirtualBoard, XyloConfig, XyloSim, run_conformance
from xylograph.hw._fields import FIELD_NAMES
from xylograph.hw.boards.conformance._cases import conformance_cases


@pytest.mark.parametrize("chip", CHIP_NAMES)
def test_all_cases_keep_the_rules_of_the_chip_and_have_a_name_of_their_own(chip: str) -> None:
    found = list(conformance_cases(CHIPS[chip], seed=1, n_random=5, long_steps=3))
    assert [case.name for case in found if case.config.violations()] == []
    assert len({case.name for case in found}) == len(found)


# What each case has that others have not, taken away.
WITHOUT: dict[str, dict[str, Any]] = {
    "recurrent": {"weights_rec": np.zeros((24, 24), int)},
    "aliases to neuron 0": {"aliases": [[]] * 24},
    "aliases to a later neuron": {"aliases": [[]] * 24},
    "weight shifts": {"weight_shift_in": 0, "weight_shift_rec": 0, "weight_shift_out": 0},
    "threshold of zero": {"threshold": 1, "threshold_out": 1},
    "no decay shift": {"dash_mem": 1, "dash_syn": 1, "dash_mem_out": 1, "dash_syn_out": 1},
    "no decay shift of membranes": {"dash_mem": 1, "dash_mem_out": 1},
    "longest decay": {"dash_mem": 9, "dash_syn": 9, "dash_mem_out": 9, "dash_syn_out": 9},
    "biases": {"bias": 0, "bias_out": 0},
    "two synapses": {"dash_syn_2": 0},
}


SILENT = {"silence", "no decay shift"}


@pytest.mark.parametrize("chip", CHIP_NAMES)
def test_every_case_shows_what_it_is_for(chip: str) -> None:
    seen = set()
    for case in conformance_cases(CHIPS[chip], seed=0, n_random=0, long_steps=30):
        _, _, record = XyloSim(case.config)(case.raster, record=True)
        for name in ("Spikes", "Spikes_out"):
            assert record[name].any() == (case.name not in SILENT), (case.name, name)
        if case.name == "saturation":
            # The upper end, after one decay by the longest shift that is drawn.
            high = CHIPS[chip].state_range.high
            assert record["Isyn"].max() == high - (high >> 5)
        if case.name in WITHOUT:
            seen.add(case.name)
            given = {name: getattr(case.config, name) for name in FIELD_NAMES}
            other = XyloConfig(chip, **given | WITHOUT[case.name])
            _, _, changed = XyloSim(other)(case.raster, record=True)
            assert any((changed[name] != record[name]).any() for name in record), case.name
    # Xylo 1 has no biases, Xylo IMU no second synapse.
    absent = {"SYNS61300": {"biases"}, "SYNS63300": {"two synapses"}}
    assert seen == set(WITHOUT) - absent.get(chip, set())


def test_a_wrong_value_is_reported_with_its_place(tmp_path: Path) -> None:
    # Behind what loading and starting gives; a voltage of the first case.
    faulty = VirtualBoard("SYNS63300", confirm=False, faults=[Fault(kind="corrupted", at=8, bit=1)])
    report = run_conformance(faulty, n_random=0, long_steps=1)
    assert not report.passed
    (wrong,) = (case for case in report.results if case.outcome != "equal")
    assert wrong.name == "feed-forward"
    assert wrong.difference is not None
    assert str(wrong.difference) in str(report)
    content = json.loads(report.save(tmp_path / "report.json").read_text())
    assert content["passed"] is False
    assert content["board"]["firmware"] == {"fxtree": "0.11.5", "unifirm": "1.1.3"}
    assert content["n_values"] == sum(case["n_values"] for case in content["cases"]) > 10_000
    assert content["cases"][0]["difference"] == vars(wrong.difference)
    assert {case["outcome"] for case in content["cases"][1:]} == {"equal"}


def test_a_lost_board_ends_the_run() -> None:
    faulty = VirtualBoard("SYNS65302", faults=[Fault(kind="disconnect", at=60)])
    report = run_conformance(faulty, n_random=0, long_steps=1)
    assert not report.passed
    errors = [case.error for case in report.results]
    assert len(errors) < 10
    assert errors[-1].startswith("BoardLostError: the connection broke")


class _Tampered(VirtualBoard):
    """A board whose answers are changed on their way to the caller."""

    def evolve(self, data: Any, record: bool = False) -> Any:
        return self.tampered(*super().evolve(data, record=record))

    __call__ = evolve

    def tampered(self, output: np.ndarray, state: Any, record: Any) -> Any:
        raise NotImplementedError


class _OutputFlipped(_Tampered):
    def tampered(self, output: np.ndarray, state: Any, record: Any) -> Any:
        return output ^ 1, state, record


class _OutputRecordFlipped(_Tampered):
    def tampered(self, output: np.ndarray, state: Any, record: Any) -> Any:
        return output, state, {**record, "Spikes_out": record["Spikes_out"] ^ 1}


@pytest.mark.parametrize("kind", [_OutputFlipped, _OutputRecordFlipped])
def test_output_and_record_are_both_compared(kind: type[VirtualBoard]) -> None:
    report = run_conformance(kind("SYNS63300", confirm=False), n_random=0, long_steps=1)
    assert {case.outcome for case in report.results} == {"different"}
    assert {case.difference.array for case in report.results if case.difference} == {"Spikes_out"}


class _WithoutRecord(_Tampered):
    def tampered(self, output: np.ndarray, state: Any, record: Any) -> Any:
        return output, state, {}


def test_what_a_board_does_not_show_is_named() -> None:
    board = _WithoutRecord("SYNS63300", confirm=False)
    case = run_conformance(board, n_random=0, long_steps=1).results[0]
    assert "Vmem" in case.not_shown
    assert case.n_values == case.n_samples * case.n_steps * 3
    assert "values without Spikes, " in str(case)


class _Short(_Tampered):
    def tampered(self, output: np.ndarray, state: Any, record: Any) -> Any:
        return output[:, 1:], state, record


def test_an_output_of_too_few_steps_is_an_error_of_its_case() -> None:
    board = _Short("SYNS63300", confirm=False)
    results = run_conformance(board, n_random=0, long_steps=1).results
    assert len(results) == 22
    assert all("incomplete" in case.error for case in results)
