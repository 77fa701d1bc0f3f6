"""Damaged files: every loader ends in a typed error or in a whole object, and soon."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from xylograph import XyloConfig
from xylograph.hw import DeploymentPackage
from xylograph.hw.package._package_file import _FILE as _PACKAGES
from xylograph.mapping import Graph, from_onnx, from_rockpool, load_onnx, trace
from xylograph.mapping.graph._graph_file import GRAPHS
from xylograph.models import FormatError, LIFJax, LinearJax, Sequential, load, save
from xylograph.models.storage._container import Container
from xylograph.models.storage._saving import _NETWORKS
from xylograph.models.training import load_checkpoint, save_checkpoint
from xylograph.models.training._checkpoint import _CHECKPOINT

_MOST_SECONDS = 5.0
_ROCKPOOL = Path(__file__).parent / "mapping" / "interchange" / "golden" / "rockpool"


def network() -> Sequential:
    keys = jax.random.split(jax.random.key(0))
    return Sequential(LinearJax((3, 4), rng_key=keys[0]), LIFJax(4, has_rec=True, rng_key=keys[1]))


def config() -> XyloConfig:
    return XyloConfig("xylo-imu", weights_in=np.ones((2, 3)), weights_out=np.ones((3, 1)))


def checkpoint(path: Path) -> Any:
    return load_checkpoint(path, like={"a": np.zeros(3, np.float32), "b": 0})


def write_network(path: Path) -> None:
    save(network(), path)


def write_graph(path: Path) -> None:
    trace(network()).save(path)


def write_checkpoint(path: Path) -> None:
    save_checkpoint(path, {"a": np.ones(3, np.float32), "b": 1}, {"epoch": 2})


def write_rockpool(path: Path) -> None:
    neurons = {"tau_mem": "0.02", "tau_syn": "0.01", "threshold": "[1.0, 1.0]", "bias": "0.0"}
    neurons |= {"dt": "0.001", "noise_std": "0.0", "max_spikes_per_dt": "31.0", "_has_rec": "false"}
    saved = {"0_LinearTorch": {"weight": "[[0.5, 0.1], [0.2, 0.9]]"}, "1_LIFTorch": neurons}
    path.write_text(json.dumps(saved))


def write_synnet(path: Path) -> None:
    path.write_bytes((_ROCKPOOL / "synnet.json").read_bytes())


def write_package(path: Path) -> None:
    DeploymentPackage.create(config(), np.ones((2, 3, 2)), note="hello").save(path)


def write_core(path: Path) -> None:
    from xylograph.mapping import export_onnx

    export_onnx(config(), path)


def write_foreign(path: Path) -> None:
    import onnx

    node = onnx.helper.make_node
    weight = onnx.numpy_helper.from_array(np.ones((4, 4), np.float32), "weight")
    nodes = [
        node("Gemm", ["x", "weight"], ["a"], "fc", transB=1),
        node("Relu", ["a"], ["b"]),
        node("MatMul", ["b", "weight"], ["y"]),
    ]
    ports = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, 4])
        for name in ("x", "y")
    ]
    graph = onnx.helper.make_graph(nodes, "graph", ports[:1], ports[1:], [weight])
    opset = [onnx.helper.make_opsetid("", 21)]
    made = onnx.helper.make_model(graph, opset_imports=opset, ir_version=10)
    path.write_bytes(made.SerializeToString())


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        suffix: its ending.
        write: writes a good one.
        read: the loader.
        use: does with what was loaded what needs all of it.
        needs: package of an extra.
    container: how the file is sealed with a digest, where it is.
    """

    suffix: str
    write: Callable[[Path], object]
    read: Callable[[Path], Any]
    use: Callable[[Any], object]
    needs: str | None = None
    container: Container | None = None


def evolved(module: Any) -> object:
    # A changed file may well say that the network has other inputs, or values that are not finite.
    return repr(module), jax.tree.leaves(module), module(np.ones((2, module.size_in)))


def whole(loaded: Any) -> object:
    # Of a false document with a right digest more cannot be asked: a module may be of other shapes
    # than its children, and says so when it is called.
    return repr(loaded), jax.tree.leaves(loaded)


def saved_again(loaded: Any) -> object:
    return repr(loaded), loaded.violations()


def checked(loaded: Any) -> object:
    return repr(loaded), loaded.silent_neurons(), str(loaded.verify("reference"))


KINDS = {
    "network": Kind("net", write_network, load, evolved, container=_NETWORKS),
    "checkpoint": Kind("ckpt", write_checkpoint, checkpoint, repr, container=_CHECKPOINT),
    "configuration": Kind("json", lambda path: config().save(path), XyloConfig.load, saved_again),
    "package": Kind(
        "xylopack", write_package, DeploymentPackage.load, checked, container=_PACKAGES
    ),
    "graph": Kind("graph", write_graph, Graph.load, str, container=GRAPHS),
    "Rockpool's chain": Kind("json", write_rockpool, from_rockpool, evolved),
    "Rockpool's SynNet": Kind("json", write_synnet, from_rockpool, evolved),
    "ONNX core": Kind("onnx", write_core, load_onnx, repr, needs="onnxruntime"),
    "foreign ONNX": Kind("onnx", write_foreign, from_onnx, evolved, needs="onnx"),
}
ODD_VALUES = (None, True, -1, 0, 1e308, 2**70, "", "x" * 300, [], {}, [[]], "[[1, 2], [3]]", "NaN")


def mutants(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """Without end: bytes changed, cut out, put in, doubled; values of JSON exchanged."""
    while True:
        how = rng.integers(7)
        if how == 0:
            yield content[: rng.integers(len(content))]
        elif how == 1:
            places = rng.integers(len(content), size=rng.integers(1, 8))
            changed = bytearray(content)
            for place in places:
                changed[place] ^= 1 << rng.integers(8)
            yield bytes(changed)
        elif how in (2, 3):
            start, other = sorted(rng.integers(len(content), size=2))
            piece = content[start : start + min(other - start, 200)]
            place = rng.integers(len(content))
            yield content[:place] + (piece if how == 2 else rng.bytes(9)) + content[place:]
        elif how == 4:
            start = rng.integers(len(content))
            yield content[:start] + content[start + rng.integers(1, 60) :]
        else:
            yield with_another_value(content, rng)


def with_another_value(content: bytes, rng: np.random.Generator) -> bytes:
    """One value of the JSON in it exchanged, if it is JSON; else one byte."""
    try:
        tree = json.loads(content)
    except ValueError:
        place = rng.integers(len(content))
        return content[:place] + rng.bytes(1) + content[place + 1 :]
    node = tree
    while True:
        keys = list(node) if isinstance(node, dict) else range(len(node))
        key = keys[rng.integers(len(keys))]
        inner = node[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.2:
            break
        node = inner
    node[key] = ODD_VALUES[rng.integers(len(ODD_VALUES))]
    return json.dumps(tree).encode()


def sealed_mutants(
    container: Container, content: bytes, rng: np.random.Generator
) -> Iterator[bytes]:
    """Without end: a value of the document exchanged or an array lost, and the digest made anew."""
    body, arrays = container.unpack(content)
    while True:
        kept = dict(arrays)
        if arrays and rng.random() < 0.1:
            del kept[list(arrays)[rng.integers(len(arrays))]]
        changed = json.loads(with_another_value(json.dumps(body).encode(), rng))
        yield container.pack(changed, kept)


def check(name: str, n_files: int, folder: Path, sealed: bool = False) -> dict[str, int]:
    kind = KINDS[name]
    if kind.needs is not None:
        pytest.importorskip(kind.needs, reason="the extra `onnx` is not installed")
    path = folder / f"file.{kind.suffix}"
    kind.write(path)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    kind.use(kind.read(path))
    made = mutants(content, rng)
    if sealed:
        assert kind.container is not None
        made = sealed_mutants(kind.container, content, rng)
    counts = {"refused": 0, "read": 0}
    for number, mutant in zip(range(n_files), made, strict=False):
        path.write_bytes(mutant)
        start = time.monotonic()
        try:
            loaded = kind.read(path)
        except FormatError as error:
            assert str(error)
            counts["refused"] += 1
        except Exception as error:
            raise AssertionError(f"mutant {number} of {name}: {mutant[:2000]!r}") from error
        else:
            (whole if sealed else kind.use)(loaded)
            counts["read"] += 1
        assert time.monotonic() - start < _MOST_SECONDS, f"mutant {number} of {name} takes long"
    return counts


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_ends_in_a_typed_error_or_a_whole_object(name: str, tmp_path: Path) -> None:
    counts = check(name, 60, tmp_path)
    assert counts["refused"] > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_twenty_thousand_damaged_files(name: str, tmp_path: Path) -> None:
    check(name, 2500, tmp_path)


SEALED = [name for name, kind in KINDS.items() if kind.container is not None]


@pytest.mark.parametrize("name", SEALED)
def test_a_false_document_with_a_right_digest_ends_so_too(name: str, tmp_path: Path) -> None:
    counts = check(name, 60, tmp_path, sealed=True)
    assert counts["refused"] > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", SEALED)
def test_thousands_of_false_documents_with_a_right_digest(name: str, tmp_path: Path) -> None:
    check(name, 2500, tmp_path, sealed=True)
