from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import GOLDEN, chain, only_rounded, specification, two_layers

from xylograph.hw import get_chip
from xylograph.mapping import Pipeline, PlacedGraph, Specification, _placed_files, trace
from xylograph.mapping.passes import PlaceNeurons
from xylograph.models import FormatError


def assert_same_placement(first: Any, second: Any) -> None:
    assert list(first.hidden) == list(second.hidden)
    for name, ids in first.hidden.items():
        assert np.array_equal(ids, second.hidden[name])
    for name in ("output", "delay", "n_input_expansion", "n_output_expansion", "violations"):
        assert getattr(first, name) == getattr(second, name)


def assert_same(first: Specification, second: Specification) -> None:
    for name, value in vars(first).items():
        again = getattr(second, name)
        if isinstance(value, np.ndarray):
            assert value.dtype == again.dtype and np.array_equal(value, again), name
        elif name == "placement" and value is not None:
            assert_same_placement(value, again)
        else:
            assert value == again, name


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 1000), is_integer=st.booleans())
def test_specifications_come_back(
    seed: int, is_integer: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spec = specification(seed, aliases=((1,), (), (), (), (), ()), weight_shift_rec=3)
    if is_integer:
        spec, _ = only_rounded(spec)
    path = tmp_path_factory.mktemp("specs") / "spec"
    assert_same(Specification.load(spec.save(path)), spec)


def test_placed_specifications_come_back_with_their_placement(tmp_path: Path) -> None:
    spec, _ = Pipeline("xylo-imu").run(trace(chain(2, 5, 3, 2)))
    assert_same(Specification.load(spec.save(tmp_path / "spec")), spec)


def test_placed_graphs_come_back_with_what_is_in_the_way(tmp_path: Path) -> None:
    placed, _ = PlaceNeurons(get_chip("xylo-imu"))(trace(chain(2, 130, 2)))
    assert placed.placement.violations
    path = _placed_files.save_placed_graph(placed, tmp_path / "placed")
    again = _placed_files.load_placed_graph(path)
    assert_same_placement(again.placement, placed.placement)
    assert again.chip is placed.chip
    assert [n.name for n in again.graph.nodes] == [n.name for n in placed.graph.nodes]


def test_files_of_version_1_load() -> None:
    expected, _ = Pipeline("xylo-imu").run(two_layers())
    again = Specification.load(GOLDEN / "v1" / "specification.safetensors")
    assert again.weights_in.shape == expected.weights_in.shape
    assert_same_placement(again.placement, expected.placement)
    placed = _placed_files.load_placed_graph(GOLDEN / "v1" / "placed-graph.safetensors")
    assert isinstance(placed, PlacedGraph)
    assert_same_placement(placed.placement, expected.placement)


def damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any) -> Path:
    """A file with another document or other arrays, and a digest that fits."""
    container = _placed_files._SPECIFICATIONS

    class Changing:
        def pack(self, body: Any, arrays: Any) -> bytes:
            change(body, arrays)
            return container.pack(body, arrays)

    monkeypatch.setattr(_placed_files, "_SPECIFICATIONS", Changing())
    spec, _ = Pipeline("xylo-imu").run(two_layers())
    path = spec.save(tmp_path / "spec")
    monkeypatch.setattr(_placed_files, "_SPECIFICATIONS", container)
    return path


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda b, a: b.update(chip="xylo-9"), r"\$.chip: no chip is called 'xylo-9'"),
        (lambda b, a: b.update(dt="1"), r"\$.dt must be float or int, got str"),
        (lambda b, a: b.pop("aliases"), r"\$: `aliases` is missing"),
        (lambda b, a: b.update(aliases=[[7], [], []]), r"\$.aliases: not 3 lists of ids of hidden"),
        (lambda b, a: b.update(aliases=[[], []]), r"\$.aliases: not 3 lists"),
        (lambda b, a: b.update(weight_shift_in=True), "weight_shift_in must be int, got bool"),
        (lambda b, a: a.pop("bias"), "the array `bias` is missing"),
        (
            lambda b, a: a.update(bias=np.ones(2)),
            r"`bias` has the shape \(2,\), expected is \(3,\)",
        ),
        (lambda b, a: a.update(more=np.ones(2)), "arrays that belong to nothing: more"),
        (lambda b, a: a.update(weights_rec=np.ones((2, 3, 1))), "the weights do not fit together"),
        (lambda b, a: a.update(weights_out=np.ones(2)), "the weights do not fit together"),
        (lambda b, a: a.update(bias=np.array([True] * 3)), "`bias` holds bool, not numbers"),
        (lambda b, a: b["placement"].update(hidden=["a", "a"]), "no list of different names"),
        (lambda b, a: b["placement"].update(delay={"hid": 0}), "not a number of steps for each"),
        (lambda b, a: a.update({"placement/0": np.array([0, 1, 1])}), "ids are not each number"),
        (lambda b, a: a.update({"placement/0": np.array([0, 1])}), "has not the 3 hidden neurons"),
        (lambda b, a: b["placement"].update(violations=[3]), "violations: `rule` is missing"),
    ],
)
def test_what_is_not_as_it_must_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any, text: str
) -> None:
    with pytest.raises(FormatError, match=text):
        Specification.load(damaged(tmp_path, monkeypatch, change))
