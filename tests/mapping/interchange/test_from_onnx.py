"""Feed-forward graphs as other tools write them, against onnxruntime."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xylograph.mapping import export_onnx, from_onnx
from xylograph.models import FormatError, InstantJax, LinearJax, load, save

onnx = pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

RNG = np.random.default_rng(0)
WIDE, NARROW = (RNG.normal(size=shape).astype(np.float32) for shape in ((4, 6), (3, 6)))
BIAS = RNG.normal(size=6).astype(np.float32)
node = onnx.helper.make_node


def model(
    nodes: list[Any],
    constants: dict[str, np.ndarray],
    n_out: int = 6,
    rank: int = 2,
    inputs: tuple[str, ...] = ("x",),
) -> Any:
    shape = [None] * (rank - 1)
    ports = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [*shape, 4])
        for name in inputs
    ]
    end = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [*shape, n_out])
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = onnx.helper.make_graph(nodes, "graph", ports, [end], tensors)
    opset = [onnx.helper.make_opsetid("", 21)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=10)


def written(made: Any, folder: Path) -> Path:
    path = folder / "foreign.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def chain() -> Any:
    """All that is known, as tools write it."""
    steps = [
        node("Flatten", ["x"], ["flat"]),
        node("Gemm", ["flat", "wide", "bias"], ["a"], "/fc1/Gemm", alpha=0.5, beta=2.0),
        node("Relu", ["a"], ["b"], "/act/Relu"),
        node("Dropout", ["b"], ["c"]),
        node("Gemm", ["c", "narrow"], ["d"], "fc2", transB=1),
        node("Relu", ["d"], ["e"]),
        node("Constant", [], ["eye"], value=onnx.numpy_helper.from_array(NARROW)),
        node("MatMul", ["e", "eye"], ["f"]),
        node("Add", ["bias", "f"], ["g"]),
        node("Identity", ["g"], ["y"]),
    ]
    return model(steps, {"wide": WIDE, "narrow": NARROW, "bias": BIAS})


def test_a_chain_computes_what_onnxruntime_does(tmp_path: Path) -> None:
    made, data = chain(), RNG.normal(size=(2, 5, 4)).astype(np.float32)
    session = onnxruntime.InferenceSession(made.SerializeToString())
    wanted = np.stack([session.run(None, {"x": sample})[0] for sample in data])
    network = from_onnx(written(made, tmp_path))
    output, _, _ = network(data)
    assert np.abs(wanted).max() > 1
    np.testing.assert_allclose(output, wanted, rtol=1e-5, atol=1e-5)


def test_layers_are_named_after_the_nodes_and_can_be_saved(tmp_path: Path) -> None:
    network = from_onnx(written(chain(), tmp_path))
    kinds = {name: type(module) for name, module in network.modules().items()}
    assert kinds == {
        "0_fc1_Gemm": LinearJax,
        "1_act_Relu": InstantJax,
        "2_fc2": LinearJax,
        "3_Relu": InstantJax,
        "4_MatMul": LinearJax,
    }
    save(network, tmp_path / "network.json")
    again, data = load(tmp_path / "network.json"), np.ones((3, 4))
    np.testing.assert_array_equal(again(data)[0], network(data)[0])


def test_data_may_have_time_where_the_graph_has_it(tmp_path: Path) -> None:
    made = model([node("MatMul", ["x", "wide"], ["y"])], {"wide": WIDE}, rank=3)
    data = RNG.normal(size=(2, 5, 4)).astype(np.float32)
    wanted = onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"x": data})[0]
    output, _, _ = from_onnx(written(made, tmp_path))(data)
    np.testing.assert_allclose(output, wanted, rtol=1e-5, atol=1e-6)


MATMUL = node("MatMul", ["x", "wide"], ["a"], "product")
LAST = node("Identity", ["a"], ["y"])
ODD = onnx.numpy_helper.from_array(np.array([np.nan], np.float32), "odd")


@pytest.mark.parametrize(
    ("nodes", "options", "message"),
    [
        (
            [node("Conv", ["x", "wide"], ["a"], "conv1"), node("Tanh", ["a"], ["y"], "t")],
            {},
            "no module means the same as Conv 'conv1', Tanh 't'; known are Add, Constant, Dropout",
        ),
        (
            [MATMUL, node("Identity", ["a"], ["y"], "one"), node("Relu", ["a"], ["z"], "two")],
            {},
            "it is no chain: 'a' goes to Identity 'one', Relu 'two'",
        ),
        (
            [node("Identity", ["x"], ["b"]), node("Add", ["x", "b"], ["y"], "join")],
            {"n_out": 4},
            "it is no chain: 'x' goes to Identity 'b', Add 'join'",
        ),
        ([MATMUL, LAST], {"inputs": ("x", "other")}, "one input and one output, it has 2 and 1"),
        (
            [MATMUL, node("Relu", ["a"], ["b"]), node("Add", ["b", "bias"], ["y"], "late")],
            {},
            "Add 'late' does not follow a product, so it is no bias",
        ),
        (
            [node("Relu", ["x"], ["y"], "first")],
            {"n_out": 4},
            "Relu 'first' comes before any product",
        ),
        ([node("Identity", ["x"], ["y"])], {"n_out": 4}, "it has no layers"),
        (
            [node("Gemm", ["x", "wide"], ["y"], "turned", transA=1)],
            {},
            "Gemm 'turned' turns its data around",
        ),
        (
            [node("MatMul", ["x", "wide"], ["a"]), node("Flatten", ["a"], ["y"], "flat", axis=0)],
            {},
            "Flatten 'flat' merges axes",
        ),
        (
            [node("MatMul", ["rows", "x"], ["y"], "left")],
            {"n_out": 4},
            "input 1 of MatMul 'left' must be a",
        ),
        (
            [MATMUL, node("Add", ["a", "odd"], ["y"], "sum")],
            {},
            "input 1 of Add 'sum' holds numbers that are not finite",
        ),
        (
            [MATMUL, node("Add", ["a", "rows"], ["y"], "sum")],
            {},
            r"Add 'sum' adds \(2, 1\), not one number for each of 6",
        ),
        (
            [node("Dropout", ["x", "", "on"], ["b"], "drop"), node("MatMul", ["b", "wide"], ["y"])],
            {},
            "Dropout 'drop' drops out in use, too",
        ),
    ],
)
def test_what_means_nothing_here_is_refused_by_name(
    nodes: list[Any], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    constants = {
        "wide": WIDE,
        "bias": BIAS,
        "odd": onnx.numpy_helper.to_array(ODD),
        "rows": np.ones((2, 1), np.float32),
        "on": np.array(True),
    }
    with pytest.raises(FormatError, match=message):
        from_onnx(written(model(nodes, constants, **options), tmp_path))


def test_a_matrix_of_another_type_is_refused(tmp_path: Path) -> None:
    made = model([node("MatMul", ["x", "wide"], ["y"], "half")], {"wide": WIDE.astype(np.float16)})
    with pytest.raises(
        FormatError, match="foreign.onnx' as a feed-forward network: it is no valid"
    ):
        from_onnx(written(made, tmp_path))


def test_data_in_other_files_are_refused_wherever_they_are(tmp_path: Path) -> None:
    made = chain()
    made.graph.node[6].attribute[0].t.data_location = onnx.TensorProto.EXTERNAL
    with pytest.raises(FormatError, match="it refers to data in other files"):
        from_onnx(written(made, tmp_path))


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.onnx"
    path.write_bytes(b"\xff" * 40)
    with pytest.raises(FormatError, match="it is no ONNX model"):
        from_onnx(path)
    old = chain()
    old.opset_import[0].version = 6
    with pytest.raises(FormatError, match="the standard operators of one opset from 7 on"):
        from_onnx(written(old, tmp_path))
    with pytest.raises(FileNotFoundError):
        from_onnx(tmp_path / "missing.onnx")


def test_our_own_networks_are_for_the_other_loader(tmp_path: Path) -> None:
    path = export_onnx(LinearJax((4, 6), weight=WIDE), tmp_path / "ours.onnx")
    with pytest.raises(FormatError, match="Scan|Cast"):
        from_onnx(path)
