"""Damaged and forged NIR files end in a typed error or in a whole object, and soon."""

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="the extra `nir` is not installed")
h5py = pytest.importorskip("h5py", reason="the extra `nir` is not installed")

from xylograph.mapping import from_nir, from_nir_data, to_nir, to_nir_data
from xylograph.models import FormatError, LIFJax, LinearJax, Sequential

_MOST_SECONDS = 5.0


def network_bytes(path: Path) -> bytes:
    keys = jax.random.split(jax.random.key(0))
    neurons = LIFJax(4, has_rec=True, rng_key=keys[1])
    to_nir(Sequential(LinearJax((3, 4), rng_key=keys[0]), neurons), path)
    return path.read_bytes()


def recording_bytes(path: Path) -> bytes:
    rasters = {"input": {"spikes": np.eye(5, 3)}, "1": {"vmem": np.ones((2, 4, 3))}}
    to_nir_data(rasters, 1e-3, path, events=True)
    return path.read_bytes()


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, cut out, put in, or cut off; where something is written more often."""
    written = np.flatnonzero(np.frombuffer(content, np.uint8))
    place = int(written[rng.integers(len(written))])
    how = rng.integers(4)
    if how == 0:
        return content[:place]
    if how == 1:
        return content[:place] + rng.bytes(9) + content[place:]
    if how == 2:
        return content[:place] + content[place + rng.integers(1, 60) :]
    changed = bytearray(content)
    for place in written[rng.integers(len(written), size=rng.integers(1, 8))]:
        changed[place] ^= 1 << rng.integers(8)
    return bytes(changed)


ODD_VALUES = (
    np.float64(np.nan),
    np.zeros(0),
    np.zeros((2, 0)),
    np.full(4, -1.0),
    np.full(4, 1e308),
    np.array([2**62]),
    np.array([-(2**62)]),
    np.ones((2, 3, 4)),
    np.ones(4, bool),
    np.ones(4, np.complex64),
    "x" * 300,
    "NIRGraph",
    "LIF",
    np.array([["input", "nowhere"]], dtype=object),
    h5py.Empty("f"),
)


def forged(content: bytes, rng: np.random.Generator) -> bytes:
    """A whole file in which one thing is another, missing, or elsewhere."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = names[rng.integers(len(names))]
        how = rng.integers(8)
        is_data = isinstance(file[name], h5py.Dataset)
        if how < 5 and is_data:
            del file[name]
            odd = ODD_VALUES[rng.integers(len(ODD_VALUES))]
            file.create_dataset(name, data=odd)
        elif how == 5:
            file.move(name, f"{name}_")
        elif how == 6:
            attributes = file[name].attrs
            for key in list(attributes):
                attributes[key] = (-1.0, np.nan, 1e300, "x")[rng.integers(4)]
        else:
            other = names[rng.integers(len(names))]
            del file[name]
            # Also to itself, or round and round.
            file[name] = h5py.SoftLink(other) if rng.integers(2) else file.get(other, file)
    return buffer.getvalue()


def read_network(path: Path) -> Any:
    network = from_nir(path, dt=1e-3)
    return repr(network), jax.tree.leaves(network)


def read_recording(path: Path) -> Any:
    return from_nir_data(path, dt=1e-3)


KINDS = {"network": (network_bytes, read_network), "recording": (recording_bytes, read_recording)}
CHANGES: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "damaged": damaged,
    "forged": forged,
}


def mutants(content: bytes, change: Any, rng: np.random.Generator) -> Iterator[bytes]:
    while True:
        yield change(content, rng)


def check(kind: str, change: str, n_files: int, folder: Path) -> int:
    write, read = KINDS[kind]
    path = folder / "file.nir"
    content = write(path)
    read(path)
    n_refused = 0
    made = mutants(content, CHANGES[change], np.random.default_rng(0))
    for number, mutant in zip(range(n_files), made, strict=False):
        path.write_bytes(mutant)
        start = time.monotonic()
        try:
            read(path)
        except FormatError as error:
            assert "cannot read this as" in str(error) or "has events" in str(error)
            n_refused += 1
        except Exception as error:
            raise AssertionError(f"mutant {number} of {change} {kind}") from error
        assert time.monotonic() - start < _MOST_SECONDS, f"mutant {number} of {kind} takes long"
    return n_refused


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_file_ends_in_a_typed_error_or_a_whole_object(
    kind: str, change: str, tmp_path: Path
) -> None:
    assert check(kind, change, 60, tmp_path) > 15


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_bad_files(kind: str, change: str, tmp_path: Path) -> None:
    check(kind, change, 2500, tmp_path)


def changed_file(path: Path, change: Callable[[Any], object]) -> Path:
    network_bytes(path)
    with h5py.File(path, "r+") as file:
        change(file["node/nodes/0_LinearJax"])
    return path


def put(group: Any, **how: Any) -> None:
    del group["weight"]
    group.create_dataset("weight", **how)


def link(group: Any, to: Any) -> None:
    del group["weight"]
    group["weight"] = to


def virtual(group: Any) -> None:
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4, 3))
    del group["weight"]
    group.create_virtual_dataset("weight", layout)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda g: put(g, shape=(2**14, 2**11), dtype="f4"), "134217728 bytes, of which 0"),
        (
            lambda g: put(g, shape=(2**16, 2**16), dtype="f8", chunks=(64, 64), compression=9),
            "declared to have 34359738368 bytes",
        ),
        (lambda g: link(g, h5py.ExternalLink("/etc/passwd", "/")), "'weight' is a link out"),
        (lambda g: link(g, h5py.SoftLink("/node")), "'weight' is a link out"),
        (lambda g: link(g, g), "should be an array and is none"),
        (
            lambda g: put(g, shape=(4, 3), dtype="f4", external=[("/etc/passwd", 0, 48)]),
            "holds no data of its own",
        ),
        (virtual, "holds no data of its own"),
        (lambda g: put(g, shape=(8000,), dtype="S90000"), "to have 720000000 bytes, of which 0"),
        (lambda g: put(g, data=np.zeros(4, "V8")), "not numbers"),
    ],
)
def test_what_reaches_out_of_a_file_or_is_not_in_it_is_refused(
    change: Any, text: str, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match=text):
        from_nir(changed_file(tmp_path / "file.nir", change))


def test_a_graph_that_holds_itself_is_refused(tmp_path: Path) -> None:
    network_bytes(tmp_path / "file.nir")
    with h5py.File(tmp_path / "file.nir", "r+") as file:
        file["node/nodes/again"] = file["node"]
    with pytest.raises(FormatError, match="graphs 16 deep in each other"):
        from_nir(tmp_path / "file.nir")


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        from_nir(tmp_path / "file.nir")


def test_a_heap_in_which_the_library_would_go_round_is_refused(tmp_path: Path) -> None:
    content = bytearray(network_bytes(tmp_path / "file.nir"))
    heap = content.index(b"GCOL")
    place = heap + 16
    while content[place : place + 2] != b"\0\0":
        place += 16 + (int.from_bytes(content[place + 8 : place + 16], "little") + 7) // 8 * 8
    content[place + 8] ^= 1 << 4
    (tmp_path / "file.nir").write_bytes(content)
    with pytest.raises(FormatError, match="entries of a heap of texts do not add up"):
        from_nir(tmp_path / "file.nir")


def test_a_text_that_is_declared_to_be_longer_than_the_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file.nir"
    content = bytearray(network_bytes(path))
    with h5py.File(path) as file:
        place = file["node/nodes/0_LinearJax/type"].id.get_offset()
    assert content[place : place + 4] == len("Linear").to_bytes(4, "little")
    content[place + 3] = 255
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"`0_LinearJax.type` is declared to have 4278190086 let"):
        from_nir(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_neurons", np.zeros(10_000, "i1")), ("t_max", "x"), ("t_max", np.zeros((1, 0)))],
)
def test_an_attribute_that_is_no_number_is_not_read(name: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "recording.nir"
    recording_bytes(path)
    with h5py.File(path, "r+", libver="latest") as file:
        file["nodes/input/observables/spikes"].attrs[name] = value
    with pytest.raises(FormatError, match=f"the attribute '{name}' is .*, not a number"):
        from_nir_data(path, dt=1e-3)


def test_a_recording_of_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recording.nir"
    recording_bytes(path)
    with h5py.File(path, "r+") as file:
        del file["nodes/1/observables"]
    with pytest.raises(FormatError, match="`1` holds neither observables nor nodes"):
        from_nir_data(path, dt=1e-3)
