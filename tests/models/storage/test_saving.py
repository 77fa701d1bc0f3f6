import copy
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from safetensors.numpy import load as read_arrays, save as write_arrays

from xylograph.models import (
    Constant,
    FormatError,
    JaxModule,
    LIFJax,
    LinearJax,
    Parameter,
    Sequential,
    SimulationParameter,
    State,
    kaiming,
    load,
    periodic_exponential,
    register_function,
    save,
)
from xylograph.models.storage._container import digest

GOLDEN = Path(__file__).parent / "golden" / "v1"


class Everything(JaxModule):
    """A user's module with one value of every sort a file can hold."""

    __module__ = "golden"
    __qualname__ = "Everything"

    def __init__(self) -> None:
        super().__init__((3, None), spiking_input=True)
        self.matrix: Any = Parameter(np.arange(6.0).reshape(3, 2).T, "weights")
        self.scalar: Any = Parameter(0.5)
        self.drawn: Any = State(shape=2, init_func=np.zeros)
        self.counts: Any = State(np.array([1, 2], np.uint8))
        self.table: Any = SimulationParameter(np.array([[True], [False]]))
        self.rate: Any = SimulationParameter(float("inf"))
        self.shaping: Any = SimulationParameter(jnp.zeros)
        self.note: Any = {"b": [1, (2.5, None)], "a": {3: "x"}, "f": np.float32(0.1)}
        self.empty: Any = None


def layers() -> JaxModule:
    hidden = LIFJax(
        (6, 3),
        tau_mem=0.03,
        tau_syn=[[0.01, 0.02]],
        threshold=Constant([1.0, 1.5, 2.0]),
        w_rec=np.arange(18.0).reshape(3, 6) / 64,
        has_rec=True,
        max_spikes_per_dt=31,
        spike_generation_fn=periodic_exponential,
        rng_key=jax.random.key(1),
    ).set_attributes({"vmem": [0.25, -0.5, 0.75], "bias": [0.125, 0.0, -0.125]})
    readout = Sequential({"linear": LinearJax((3, 2), weight=np.ones((3, 2)), bias=[0.5, 1.5])})
    weights = np.arange(12.0).reshape(2, 6) / 8
    return Sequential(LinearJax((2, 6), weight=weights), {"hidden": hidden, "readout": readout})


def initialised() -> JaxModule:
    # Values that were drawn are set, so that only the initializers tell.
    layer = LinearJax((2, 3)).set_attributes({"weight": np.arange(6.0).reshape(2, 3)})
    return Sequential(layer, LIFJax(3, noise_std=0.5, rng_key=jax.random.key(2)))


NETWORKS: dict[str, Callable[[], JaxModule]] = {
    "layers": layers,
    "initialised": initialised,
    "everything": Everything,
}
EVERY = pytest.mark.parametrize("name", NETWORKS)


def assert_identical(found: Any, wanted: Any) -> None:
    assert repr(found) == repr(wanted)
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def document_of(content: bytes) -> dict[str, Any]:
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(header["__metadata__"]["xylograph"])


# --- what was written can be read ---


@EVERY
def test_a_file_of_schema_1_loads_for_ever(name: str) -> None:
    assert_identical(load(GOLDEN / f"{name}.safetensors"), NETWORKS[name]())


@EVERY
def test_a_network_is_written_as_in_schema_1(name: str, tmp_path: Path) -> None:
    saved = save(NETWORKS[name](), tmp_path / "network").read_bytes()
    golden = (GOLDEN / f"{name}.safetensors").read_bytes()
    assert document_of(saved) == document_of(golden)


@EVERY
def test_saving_twice_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    files = [save(NETWORKS[name](), tmp_path / str(index)) for index in range(2)]
    assert files[0].read_bytes() == files[1].read_bytes()
    again = save(load(files[0]), tmp_path / "again")
    assert again.read_bytes() == files[0].read_bytes()


@EVERY
def test_a_loaded_network_resets_as_the_saved_one(name: str) -> None:
    loaded, built = load(GOLDEN / f"{name}.safetensors"), NETWORKS[name]()
    assert_identical(loaded.reset_state(), built.reset_state())
    key = jax.random.key(3)
    assert_identical(loaded.reset_parameters(key), built.reset_parameters(key))


def test_a_loaded_network_needs_no_compilation(tmp_path: Path) -> None:
    traced = []

    @jax.jit
    def run(network: Any, data: Any) -> Any:
        traced.append(1)
        return network(data)[0]

    network = initialised()
    expected = run(network, np.ones((4, 2)))
    found = run(load(save(network, tmp_path / "network")), np.ones((4, 2)))
    np.testing.assert_array_equal(found, expected)
    assert len(traced) == 1


def test_a_fresh_process_finds_our_classes_by_itself() -> None:
    code = (
        "from xylograph.models import load; import sys; "
        f"print(load({str(GOLDEN / 'layers.safetensors')!r}).class_name)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "JaxSequential\n"


def test_stacked_modules_keep_the_shape_of_one(tmp_path: Path) -> None:
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), initialised())
    assert_identical(load(save(stacked, tmp_path / "stack")), stacked)


def test_arrays_that_are_not_contiguous_are_written_right(tmp_path: Path) -> None:
    module = Everything()
    strided = np.arange(12.0, dtype=np.float32).reshape(3, 4).T[::2]
    vars(module)["matrix"] = strided
    loaded = load(save(module, tmp_path / "network"))
    np.testing.assert_array_equal(loaded.parameters()["matrix"], strided)


@pytest.mark.parametrize("kind", ["float16", "int8", "uint32", "bool"])
def test_arrays_of_any_kind_are_kept(kind: str, tmp_path: Path) -> None:
    module = Everything()
    vars(module)["counts"] = jnp.array([0, 1], dtype=kind)
    loaded = load(save(module, tmp_path / "network"))
    assert loaded.state()["counts"].dtype == kind


def test_64_bit_values_are_kept_where_these_are_on(tmp_path: Path, x64: None) -> None:
    network = initialised()
    assert_identical(load(save(network, tmp_path / "network")), network)


def test_64_bit_values_become_32_bit_values_where_those_are_off(tmp_path: Path) -> None:
    with jax.enable_x64(True):
        path = save(initialised(), tmp_path / "network")
    assert_identical(load(path), initialised())


# --- what cannot be written ---


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (lambda x: x, "note"),
        ([1, {"deep": object()}], "note"),
        (np.ones(2), "note"),
        ({1, 2}, "note"),
        (b"bytes", "note"),
    ],
)
def test_a_value_no_file_can_hold_is_named(value: Any, where: str, tmp_path: Path) -> None:
    network = Sequential({"first": Everything()})
    network["first"].note = value
    with pytest.raises(ValueError, match=f"`first.{where}` is .*, which a file cannot hold; make"):
        save(network, tmp_path / "network")
    assert list(tmp_path.iterdir()) == []


def test_an_initializer_that_is_not_registered_is_named(tmp_path: Path) -> None:
    layer = LinearJax((2, 3), weight_init_func=lambda shape: np.ones(shape))
    with pytest.raises(ValueError, match="`the initializer of weight` is <function .*register_fun"):
        save(layer, tmp_path / "network")


def test_typed_random_keys_are_refused(tmp_path: Path) -> None:
    module = Everything()
    vars(module)["counts"] = jax.random.key(0)
    with pytest.raises(ValueError, match="`counts` is a typed random key, which a file cannot"):
        save(module, tmp_path / "network")


@pytest.mark.parametrize("kind", ["bfloat16", "complex64"])
def test_numbers_that_cannot_be_read_back_are_refused(kind: str, tmp_path: Path) -> None:
    module = Everything()
    vars(module)["counts"] = jnp.array([0, 1], dtype=kind)
    with pytest.raises(ValueError, match=f"`counts` holds {kind}, which a file cannot hold; conv"):
        save(module, tmp_path / "network")


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(initialised(), tmp_path / "network")
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device: .*network"):
        save(layers(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# --- damage ---

INTACT = (GOLDEN / "layers.safetensors").read_bytes()


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], JaxModule]:
    path = tmp_path / "network.safetensors"

    def from_bytes(content: bytes) -> JaxModule:
        path.write_bytes(content)
        return load(path)

    return from_bytes


def accepts_or_refuses(read: Callable[[bytes], JaxModule], content: bytes) -> None:
    """A damaged file is one error, unless the damage is to nothing, such as a space."""
    try:
        found = read(content)
    except FormatError:
        return
    assert_identical(found, layers())


EACH_WRITES_ANEW = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(length=st.integers(0, len(INTACT) - 1))
@settings(EACH_WRITES_ANEW, max_examples=60)
def test_a_truncated_file_is_refused(read: Callable[[bytes], JaxModule], length: int) -> None:
    with pytest.raises(FormatError, match="network.safetensors: not a network file, or damaged"):
        read(INTACT[:length])


@given(position=st.integers(0, len(INTACT) - 1), bit=st.integers(0, 7))
@settings(EACH_WRITES_ANEW, max_examples=300)
def test_a_flipped_bit_is_noticed(
    read: Callable[[bytes], JaxModule], position: int, bit: int
) -> None:
    content = bytearray(INTACT)
    content[position] ^= 1 << bit
    accepts_or_refuses(read, bytes(content))


@given(start=st.integers(0, len(INTACT)), length=st.integers(0, 40), filling=st.binary(max_size=40))
@settings(EACH_WRITES_ANEW, max_examples=100)
def test_replaced_bytes_are_noticed(
    read: Callable[[bytes], JaxModule], start: int, length: int, filling: bytes
) -> None:
    accepts_or_refuses(read, INTACT[:start] + filling + INTACT[start + length :])


@given(content=st.binary(max_size=200))
@settings(EACH_WRITES_ANEW, max_examples=60)
def test_any_other_file_is_refused(read: Callable[[bytes], JaxModule], content: bytes) -> None:
    with pytest.raises(FormatError):
        read(content)


def test_a_flipped_weight_is_noticed(read: Callable[[bytes], JaxModule]) -> None:
    content = bytearray(INTACT)
    content[-1] ^= 1
    with pytest.raises(FormatError, match="damaged: the content does not match its digest"):
        read(bytes(content))


# --- files made by others, with a digest that fits ---


def rewritten(document: Any, arrays: dict[str, np.ndarray] | None = None) -> bytes:
    """The golden file with another document, made valid again."""
    arrays = read_arrays(INTACT) if arrays is None else arrays
    document = {**document, "sha256": digest(document.get("module"), arrays)}
    return write_arrays(arrays, metadata={"xylograph": json.dumps(document)})


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    document = copy.deepcopy(document)
    inner = document
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return document


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all nodes of a JSON document."""
    items = enumerate(node) if isinstance(node, list) else node.items()
    for name, inner in items:
        yield (*path, name)
        if isinstance(inner, (list, dict)):
            yield from places(inner, (*path, name))


DOCUMENT = document_of(INTACT)
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["class", "weight", "xylograph.models:Fill", "hidden", "_shape", "evolve"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tuple", "dict", "float", "fill", "function", "scalar", "x"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=6,
)


@given(path=st.sampled_from(list(places(DOCUMENT["module"], ("module",)))), value=ODD)
@settings(EACH_WRITES_ANEW, max_examples=250)
def test_an_odd_value_anywhere_is_a_format_error_or_a_network(
    read: Callable[[bytes], JaxModule], path: tuple[Any, ...], value: Any
) -> None:
    try:
        assert isinstance(read(rewritten(changed(DOCUMENT, path, value))), JaxModule)
    except FormatError as error:
        assert "network.safetensors: " in str(error)


@given(path=st.sampled_from(list(places(DOCUMENT["module"], ("module",)))))
@settings(EACH_WRITES_ANEW, max_examples=100)
def test_a_missing_value_is_a_format_error_or_a_network(
    read: Callable[[bytes], JaxModule], path: tuple[Any, ...]
) -> None:
    document = copy.deepcopy(DOCUMENT)
    inner = document
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    try:
        assert isinstance(read(rewritten(document)), JaxModule)
    except FormatError as error:
        assert "network.safetensors: " in str(error)


FIRST = ("module", "children", 0)
ATTRIBUTE = (*FIRST, "attributes", 0)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            (*FIRST, "class"),
            "somewhere:Net",
            "the class 'somewhere:Net' is not defined in this process; import the module that def",
        ),
        ((*FIRST, "class"), "xylograph.models:Fill", "the class 'xylograph.models:Fill' is not"),
        (
            (*ATTRIBUTE, "initializer"),
            {"function": "somewhere:act"},
            r"\$.module.children\[0\].attributes\[0\].initializer: the function 'somewhere:act' is no",
        ),
        ((*ATTRIBUTE, "initializer"), 3, r"attributes\[0\].initializer: 3 is no function"),
        ((*ATTRIBUTE, "kind"), "trainable", "kind: 'trainable' is none of parameter, state, sim"),
        ((*ATTRIBUTE, "family"), 3, r"attributes\[0\].family must be str or NoneType, got int"),
        ((*ATTRIBUTE, "given"), 1, r"attributes\[0\].given must be bool, got int"),
        ((*ATTRIBUTE, "shape"), [2, 6.0], r"shape: \[2, 6.0\] is no list of sizes"),
        (
            (*ATTRIBUTE, "shape"),
            [3, 6],
            r"the array `0_LinearJax.weight` is of shape \(2, 6\), declared is \(3, 6\)",
        ),
        ((*ATTRIBUTE, "value"), 3, r"attributes\[0\].value: a parameter is an array"),
        ((*ATTRIBUTE, "name"), "evolve", r"attributes\[0\].name: 'evolve' is not free"),
        ((*ATTRIBUTE, "name"), "w", "the array `0_LinearJax.w` is missing"),
        ((*FIRST, "plain"), {"weight": 1}, "plain: 'weight' is not free"),
        ((*FIRST, "plain"), {"bias": {"odd": 1}}, r"plain.bias: {'odd': 1} is no value of this"),
        ((*FIRST, "attributes"), [], "arrays that belong to nothing: 0_LinearJax.weight, 0_Lin"),
        (("module", "children", 1, "name"), "0_LinearJax", r"children\[1\].name: '0_LinearJax' is"),
        (("module",), [], r"\$.module: `class` is missing"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    path: tuple[Any, ...], value: Any, message: str, read: Callable[[bytes], JaxModule]
) -> None:
    with pytest.raises(FormatError, match=f"network.safetensors: .*{message}"):
        read(rewritten(changed(DOCUMENT, path, value)))


@pytest.mark.parametrize("version", [2, 0, True, "1", None, 1.0])
def test_another_version_says_what_to_do(version: Any, read: Callable[[bytes], JaxModule]) -> None:
    with pytest.raises(FormatError, match=f"has the schema version {version!r}; this Xylograph re"):
        read(rewritten({**DOCUMENT, "version": version}))


@pytest.mark.parametrize("document", [{**DOCUMENT, "format": "other"}, {}])
def test_another_format_is_refused(
    document: dict[str, Any], read: Callable[[bytes], JaxModule]
) -> None:
    with pytest.raises(FormatError, match="a safetensors file, but not a network of Xylograph"):
        read(rewritten(document))


@pytest.mark.parametrize(
    "metadata", [None, {}, {"other": "x"}, {"xylograph": "[1]"}, {"xylograph": "{"}]
)
def test_a_foreign_safetensors_file_is_refused(
    metadata: Any, read: Callable[[bytes], JaxModule]
) -> None:
    with pytest.raises(FormatError, match="not a network"):
        read(write_arrays({"x": np.ones(2)}, metadata=metadata))


def test_json_that_is_nested_too_deeply_is_refused(read: Callable[[bytes], JaxModule]) -> None:
    text = '{"format": "xylograph-network", "version": 1, "module": ' + "[" * 10**5
    with pytest.raises(FormatError, match="not a network file, it is nested too deeply"):
        read(write_arrays({}, metadata={"xylograph": text + "]" * 10**5 + "}"}))


def test_modules_that_are_nested_too_deeply_are_refused(
    read: Callable[[bytes], JaxModule],
) -> None:
    inner = {**DOCUMENT["module"], "name": "a", "children": []}
    text = json.dumps(inner)
    opening = text[: text.index('"children": [') + len('"children": [')]
    closing = text[len(opening) :]
    module = opening * 10_000 + text + closing * 10_000
    document = json.dumps({**DOCUMENT, "module": 0}).replace('"module": 0', f'"module": {module}')
    with pytest.raises(FormatError, match="not a network file, it is nested too deeply"):
        read(write_arrays({}, metadata={"xylograph": document}))


def test_nan_in_the_architecture_is_refused(read: Callable[[bytes], JaxModule]) -> None:
    document = json.dumps({**DOCUMENT, "module": {"class": float("nan")}})
    with pytest.raises(FormatError, match="damaged: Out of range float values are not JSON compl"):
        read(write_arrays({}, metadata={"xylograph": document}))


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)


def test_paths_may_be_text(tmp_path: Path) -> None:
    path = save(initialised(), str(tmp_path / "network"))
    assert_identical(load(str(path)), initialised())


# --- functions ---


@register_function
def shaped(shape: Any) -> np.ndarray:
    return np.full(shape, 0.25)


def test_a_registered_function_is_found_again(tmp_path: Path) -> None:
    layer = LinearJax((2, 3), weight_init_func=shaped)
    loaded = load(save(layer, tmp_path / "network"))
    assert loaded.declaration("weight").initializer is shaped


def test_our_initializers_are_registered(tmp_path: Path) -> None:
    loaded = load(save(LinearJax((2, 3)), tmp_path / "network"))
    assert loaded.declaration("weight").initializer is kaiming


@pytest.mark.parametrize("nameless", [lambda x: x, lambda: shaped(1)])
def test_a_function_without_a_name_cannot_be_registered(nameless: Any) -> None:
    with pytest.raises(ValueError, match="has no name by which a file could refer to it; define"):
        register_function(nameless)


def test_a_written_file_is_as_readable_as_others(tmp_path: Path) -> None:
    path, other = save(initialised(), tmp_path / "network"), tmp_path / "other"
    other.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
