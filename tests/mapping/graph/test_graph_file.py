import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import GOLDEN, graph, neurons, two_layers, weights
from random_graphs import random_graph
from safetensors.numpy import load_file

from xylograph.mapping import ForeignNode, Graph, SumNode
from xylograph.mapping.graph._graph_file import GRAPHS, graph_document
from xylograph.models import FormatError


def assert_same(first: Graph, second: Graph) -> None:
    assert [type(node) for node in first.nodes] == [type(node) for node in second.nodes]
    assert first.output == second.output
    for one, other in zip(first.nodes, second.nodes, strict=True):
        for name, value in vars(one).items():
            again = getattr(other, name)
            assert np.array_equal(value, again) if isinstance(value, np.ndarray) else value == again


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_saved_comes_back(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    net = random_graph(seed)
    path = tmp_path_factory.mktemp("graphs") / "net.graph"
    assert net.save(path) == path
    assert_same(Graph.load(path), net)


def test_carriers_foreign_layers_and_limits_without_end_come_back(tmp_path: Path) -> None:
    net = graph(
        weights("w", "@input", np.ones((2, 3))),
        neurons("a", "w", 3, max_spikes=np.inf, noise_std=0.5),
        neurons("b", "w", 3),
        SumNode("sum", ("a", "b"), 3, carrier="b"),
        ForeignNode("out", ("sum",), 3, 5, "a rate layer", "use spikes"),
    )
    net.save(tmp_path / "net")
    assert_same(Graph.load(tmp_path / "net"), net)


def test_the_same_graph_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = [random_graph(3).save(tmp_path / name) for name in ("one", "other")]
    assert len({path.read_bytes() for path in paths}) == 1


def test_a_graph_of_version_1_loads() -> None:
    assert_same(Graph.load(GOLDEN / "v1" / "graph.safetensors"), two_layers())


def packed(tmp_path: Path, change: Any, drop: str = "", add: str = "") -> Path:
    """A file with another document or other arrays, and a digest that fits."""
    arrays: dict[str, np.ndarray] = {}
    document = graph_document(two_layers(), arrays)
    change(document)
    arrays.pop(drop, None)
    if add:
        arrays[add] = np.ones(1)
    path = tmp_path / "net"
    path.write_bytes(GRAPHS.pack(document, arrays))
    return path


def first_weights(document: Any) -> Any:
    return document["nodes"][1]["fields"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: d.pop("nodes"), r"\$: `nodes` is missing"),
        (lambda d: d.update(nodes={}), r"\$.nodes must be list, got dict"),
        (lambda d: d.update(output=3), r"\$.output must be str, got int"),
        (lambda d: d.update(output="none"), "the output `none` is no node"),
        (lambda d: d["nodes"].append(3), r"\$.nodes\[5\]: `kind` is missing"),
        (lambda d: d["nodes"][0].update(kind="code"), r"\$.nodes\[0\].kind: 'code' is none of"),
        (lambda d: d["nodes"][0].update(kind=["x"]), r"nodes\[0\].kind must be str, got list"),
        (lambda d: first_weights(d).update(evil=1), r"\$.nodes\[1\].fields: unknown are 'evil'"),
        (lambda d: first_weights(d).pop("name"), r"nodes\[1\].fields: `name` is missing"),
        (lambda d: first_weights(d).update(sources=[1]), r"sources: \[1\] is no list of names"),
        (lambda d: first_weights(d).update(sources=["x"]), "receives from `x`, which is no node"),
        (
            lambda d: first_weights(d).update(weights=False),
            r"\[1\].fields.weights: weights without it",
        ),
        (lambda d: d["nodes"][0]["fields"].update(size=-1), r"fields.size: -1 is no size"),
        (lambda d: d["nodes"][0]["fields"].update(size=True), "size must be int, got bool"),
        (lambda d: d["nodes"][2]["fields"].update(dt="1"), "dt must be a number, got str"),
        (lambda d: d["nodes"][2]["fields"].update(dt={"x": 1}), "is no value of this format"),
    ],
)
def test_a_document_that_is_not_as_it_must_be_is_refused(
    tmp_path: Path, change: Any, text: str
) -> None:
    with pytest.raises(FormatError, match=text):
        Graph.load(packed(tmp_path, change))


def test_arrays_that_are_missing_or_left_over_are_refused(tmp_path: Path) -> None:
    def same(document: Any) -> None:
        pass

    with pytest.raises(FormatError, match="net: the array `1/weights` is missing"):
        Graph.load(packed(tmp_path, same, drop="1/weights"))
    with pytest.raises(FormatError, match="arrays that belong to nothing: 9/more"):
        Graph.load(packed(tmp_path, same, add="9/more"))


def test_damaged_newer_and_other_files_are_refused(tmp_path: Path) -> None:
    path = two_layers().save(tmp_path / "net")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(FormatError, match="damaged: the content does not match its digest"):
        Graph.load(path)
    path.write_bytes(content.replace(b'\\"version\\":1', b'\\"version\\":2'))
    with pytest.raises(FormatError, match="has the schema version 2; this Xylograph reads 1"):
        Graph.load(path)
    path.write_bytes(content.replace(b"xylograph-graph", b"xylograph-other"))
    with pytest.raises(FormatError, match="a safetensors file, but not a graph of Xylograph"):
        Graph.load(path)
    path.write_text(json.dumps({"nodes": []}))
    with pytest.raises(FormatError, match="not a graph file, or damaged"):
        Graph.load(path)


def test_arrays_keep_the_names_of_their_fields(tmp_path: Path) -> None:
    arrays = load_file(two_layers().save(tmp_path / "net"))
    assert "1/weights" in arrays and "2/tau_mem" in arrays
