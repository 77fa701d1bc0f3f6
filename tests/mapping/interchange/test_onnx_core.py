"""ONNX files of chip cores, run by onnxruntime, against the `reference` engine."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_cases import Case, assert_same_traces, cases, run
from hypothesis import HealthCheck, given, settings

from xylograph.hw import XyloConfig, XyloSim
from xylograph.mapping import OnChip, OnnxCore, compare, deploy, export_onnx, load_onnx
from xylograph.models import FormatError, LIFJax, LinearJax, MissingExtraError, Sequential

onnx = pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

RECORD = {
    "spikes": "Spikes",
    "vmem": "Vmem",
    "isyn": "Isyn",
    "isyn2": "Isyn2",
    "vmem_out": "Vmem_out",
    "isyn_out": "Isyn_out",
}


def recordable(config: XyloConfig) -> list[str]:
    return [name for name in RECORD if name != "isyn2" or config.n_synapses == 2]


def exported(config: XyloConfig, folder: Path, **options: Any) -> OnnxCore:
    options = {"record": recordable(config)} | options
    core = load_onnx(export_onnx(config, folder / "core.onnx", **options))
    assert isinstance(core, OnnxCore)
    return core


def traces(core: OnnxCore, pieces: list[np.ndarray]) -> dict[str, np.ndarray]:
    """All recordings of the pieces, joined, and the state at the end."""
    parts, state = [], {}
    for piece in pieces:
        output, state, record = core(piece, record=True)
        parts.append({"Spikes_out": output, **record})
        core = core.set_attributes(state)
    joined = {name: np.concatenate([part[name] for part in parts], 1) for name in parts[0]}
    return joined | {f"state {name}": array for name, array in state.items()}


def expected(config: XyloConfig, raster: np.ndarray, like: dict[str, np.ndarray]) -> Any:
    """What the definition says of the same; whether the core is quiet is not exported."""
    found = run("reference", config, [raster])
    return {name: found[name] if name != "state quiet" else like[name] for name in like}


def assert_exact(config: XyloConfig, pieces: list[np.ndarray], folder: Path) -> None:
    found = traces(exported(config, folder), pieces)
    assert_same_traces(found, expected(config, np.concatenate(pieces, axis=1), found))


def clipped(pieces: list[np.ndarray]) -> list[np.ndarray]:
    return [np.minimum(piece, 15).astype(np.uint8) for piece in pieces]


few = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@given(case=cases())
@few
def test_a_core_equals_the_definition_also_in_pieces(case: Case, tmp_path: Path) -> None:
    assert_exact(case.config, clipped(list(case.pieces)), tmp_path)


@pytest.mark.slow
@given(case=cases(max_hidden=200, max_steps=30, max_batch=3))
@settings(few, max_examples=1500)
def test_many_cores_equal_the_definition(case: Case, tmp_path: Path) -> None:
    assert_exact(case.config, clipped(list(case.pieces)), tmp_path)


@given(case=cases(max_hidden=20))
@settings(few, max_examples=15)
def test_a_core_without_states_starts_from_the_reset(case: Case, tmp_path: Path) -> None:
    core = exported(case.config, tmp_path, states=False)
    raster = np.minimum(case.raster, 15).astype(np.uint8)
    output, new_state, record = core(raster, record=True)
    found = {"Spikes_out": output, **record}
    assert_same_traces(found, expected(case.config, raster, found))
    assert new_state == {}


def dense(n: int, weight: int, threshold: int, seed: int = 0, **fields: Any) -> XyloConfig:
    rng = np.random.default_rng(seed)
    return XyloConfig(
        "xylo-audio-3",
        weights_in=rng.integers(-weight, weight + 1, (8, n)),
        weights_rec=rng.integers(-weight, weight + 1, (n, n)),
        weights_out=rng.integers(-weight, weight + 1, (n, 4)),
        dash_mem=3,
        dash_syn=2,
        threshold=threshold,
        **fields,
    )


def raster_for(config: XyloConfig, *, batch: int = 2, n_steps: int = 12, rate: float = 1.0) -> Any:
    rng = np.random.default_rng(1)
    counts = rng.poisson(rate, (batch, n_steps, config.n_inputs))
    return np.minimum(counts, 15).astype(np.uint8)


# Each is large enough for ways of adding that small networks do not take.
LARGE = {
    "quiet: silent sources are left out": (dense(400, 20, 3000), 0.2),
    "busy: every source in one product": (dense(400, 6, 300), 2.0),
    "busy, bounded target by target": (dense(400, 127, 30_000), 3.0),
    "saturating: block by block, source by source": (dense(300, 127, 500), 3.0),
    "shifts that differ": (dense(400, 60, 4000, weight_shift_in=3, weight_shift_rec=1), 0.5),
}


@pytest.mark.parametrize(("config", "rate"), LARGE.values(), ids=LARGE)
def test_a_large_core_equals_the_definition(
    config: XyloConfig, rate: float, tmp_path: Path
) -> None:
    raster = raster_for(config, rate=rate)
    found = traces(exported(config, tmp_path), [raster])
    assert_same_traces(found, expected(config, raster, found))


def test_a_step_in_which_no_neuron_spikes_adds_nothing(tmp_path: Path) -> None:
    """onnxruntime leaves the product with a matrix of no rows as the memory was."""
    config = dense(400, 20, 3000, weight_shift_in=1)
    raster = raster_for(config, n_steps=6, rate=0.5)
    raster[:, :3] = 0
    wanted = XyloSim(config)(raster, record=True)[2]["Isyn"]
    core = exported(config, tmp_path)
    for _ in range(20):
        found = core(raster, record=True)[2]["Isyn"]
        np.testing.assert_array_equal(found, wanted)


def test_states_of_any_kind_are_taken(tmp_path: Path) -> None:
    """Currents at the ends of 16 bits saturate with the first spike, whatever was proven."""
    config = XyloConfig("xylo-imu", weights_in=[[5, -5]], weights_out=[[1], [1]], threshold=9)
    core, sim = exported(config, tmp_path), XyloSim(config)
    state = sim.state() | {
        "isyn": np.array([[32_767, -32_768]], np.int16),
        "vmem": np.array([[32_767, -32_768]], np.int16),
    }
    raster = np.full((1, 3, 1), 4, np.uint8)
    output, new_state, record = core.set_attributes(state)(raster, record=True)
    wanted, wanted_state, wanted_record = sim.set_attributes(state)(raster, record=True)
    np.testing.assert_array_equal(output, wanted)
    np.testing.assert_array_equal(record["Isyn"], wanted_record["Isyn"])
    assert all(np.array_equal(new_state[n], wanted_state[n]) for n in new_state if n != "quiet")


@given(case=cases(max_hidden=12))
@settings(few, max_examples=10)
def test_files_pass_the_full_check_of_onnx(case: Case, tmp_path: Path) -> None:
    path = export_onnx(case.config, tmp_path / "core.onnx", record=recordable(case.config))
    onnx.checker.check_model(str(path), full_check=True)


def test_a_file_gives_the_configuration_and_the_names_back(tmp_path: Path) -> None:
    network = Sequential(LinearJax((3, 5)), LIFJax(5), LinearJax((5, 2)), LIFJax(2))
    deployment = deploy(network, "xylo-audio-3")
    core = load_onnx(export_onnx(deployment, tmp_path / "core.onnx"))
    assert isinstance(core, OnnxCore)
    assert core.config == deployment.config
    assert core.names == {"hidden": {"1_LIFJax": [0, 1, 2, 3, 4]}, "output": "3_LIFJax"}
    metadata = {p.key: p.value for p in onnx.load(tmp_path / "core.onnx").metadata_props}
    assert metadata["xylograph.chip"] == "SYNS65302"
    assert float(metadata["xylograph.dt"]) == deployment.config.dt


def test_the_same_configuration_gives_the_same_bytes(tmp_path: Path) -> None:
    config = dense(10, 20, 300)
    first, second = (export_onnx(config, tmp_path / name).read_bytes() for name in ("a", "b"))
    assert first == second


@given(case=cases(max_hidden=20))
@settings(few, max_examples=5)
def test_no_samples_give_what_the_simulator_gives(case: Case, tmp_path: Path) -> None:
    nothing = np.zeros((0, 5, case.config.n_inputs), np.uint8)
    output, _, record = exported(case.config, tmp_path)(nothing, record=True)
    expected_output, _, expected_record = XyloSim(case.config)(nothing, record=True)
    np.testing.assert_array_equal(output, expected_output, strict=True)
    for name, array in record.items():
        np.testing.assert_array_equal(array, expected_record[name], strict=True)


def test_a_fixed_batch_is_the_only_one_taken(tmp_path: Path) -> None:
    config = dense(5, 20, 300)
    core = exported(config, tmp_path, batch=2)
    assert core(raster_for(config, batch=2))[0].shape == (2, 12, 4)
    with pytest.raises(ValueError, match="the file is for 2 samples, the data have 3"):
        core(raster_for(config, batch=3))


def test_a_state_of_another_batch_is_refused(tmp_path: Path) -> None:
    config = dense(5, 20, 300)
    core = exported(config, tmp_path)
    _, state, _ = core(raster_for(config, batch=2))
    with pytest.raises(ValueError, match="the state is of 2 samples, the data are of 1"):
        core.set_attributes(state)(raster_for(config, batch=1))


def test_a_file_without_states_takes_none(tmp_path: Path) -> None:
    core = exported(dense(5, 20, 300), tmp_path, states=False)
    with pytest.raises(ValueError, match="this file takes no state: export it with"):
        core.set_attributes({})


def test_input_is_checked_as_by_the_simulator(tmp_path: Path) -> None:
    core = exported(dense(5, 20, 300), tmp_path)
    with pytest.raises(ValueError, match="1 is negative, first -2 in step 0, channel 0"):
        core([[-2, 0, 0, 0, 0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"record": ["spikes", "isyn2", "x"]}, ValueError, "`record` has 'isyn2', 'x'; of this"),
        ({"record": "vmem"}, TypeError, r"is a list of names: give `record=\['vmem'\]`"),
        ({"batch": 0}, ValueError, "`batch` is at least 1, or `None` for any; got 0"),
    ],
)
def test_wrong_options_are_refused(
    options: dict[str, Any], error: type[Exception], text: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=text):
        export_onnx(dense(5, 20, 300), tmp_path / "core.onnx", **options)
    assert not list(tmp_path.iterdir())


def test_other_things_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a `JaxModule`, this is a `int`"):
        export_onnx(3, tmp_path / "core.onnx")  # pyright: ignore


def test_without_the_extra_the_error_is_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "xylograph.mapping.interchange._export_onnx.find_spec"
    monkeypatch.setattr(module, lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "xylograph\[onnx\]"'):
        export_onnx(dense(5, 20, 300), tmp_path / "core.onnx")
    with pytest.raises(MissingExtraError, match=r'pip install "xylograph\[onnx\]"'):
        load_onnx(tmp_path / "core.onnx")


def rewritten(path: Path, change: Any) -> Path:
    """The file with something changed, its digests as they were."""
    made = onnx.load(path)
    change(made)
    path.write_bytes(made.SerializeToString())
    return path


def metadata_set(key: str, text: str) -> Any:
    def change(made: Any) -> None:
        next(entry for entry in made.metadata_props if entry.key == key).value = text

    return change


DAMAGE = {
    "graph": (lambda made: made.graph.node.pop(), "its graph does not match its digest"),
    "config": (metadata_set("xylograph.config", "{}"), "its configuration does not match its dig"),
    "newer": (metadata_set("xylograph.schema", "2"), "this version reads up to 1: the file is fr"),
    "schema": (metadata_set("xylograph.schema", "one"), "its schema is 'one', expected is a numb"),
    "foreign": (lambda made: made.metadata_props.clear(), "`export_onnx` did not write it"),
    "names": (metadata_set("xylograph.names", "["), "`xylograph.names` is no JSON"),
    "opset": (lambda made: setattr(made.opset_import[0], "version", 20), "not of opset 21"),
}


@pytest.mark.parametrize(("change", "text"), DAMAGE.values(), ids=DAMAGE)
def test_changed_files_are_refused(change: Any, text: str, tmp_path: Path) -> None:
    path = rewritten(export_onnx(dense(5, 20, 300), tmp_path / "core.onnx"), change)
    with pytest.raises(FormatError, match=text):
        load_onnx(path)


def test_foreign_operators_are_refused_before_anything_runs(tmp_path: Path) -> None:
    from xylograph.mapping.interchange._onnx_file import CORE_FORMAT, file_bytes

    path = export_onnx(dense(5, 20, 300), tmp_path / "core.onnx")
    made = onnx.load(path)
    made.graph.node.append(onnx.helper.make_node("RandomNormal", [], ["x"], shape=[1]))
    kept = {e.key: e.value for e in made.metadata_props}
    path.write_bytes(file_bytes(made, CORE_FORMAT, kept))
    with pytest.raises(FormatError, match=r"operators that `export_onnx` does not use: \['Rand"):
        load_onnx(path)


def test_cut_short_and_mangled_files_end_in_a_typed_error(tmp_path: Path) -> None:
    path = export_onnx(dense(6, 20, 300), tmp_path / "core.onnx")
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(content)
        for place in rng.integers(0, len(damaged), rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        if rng.random() < 0.3:
            del damaged[rng.integers(len(damaged)) :]
        path.write_bytes(damaged)
        try:
            core = load_onnx(path)
        except FormatError:
            continue
        # What is neither graph nor configuration may change: the producer's name, say.
        assert isinstance(core, OnnxCore)
        assert core.config == dense(6, 20, 300)


@pytest.mark.slow
def test_the_jax_engine_converted_by_others_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exporter that shares no code; shifts, which it writes as no runtime reads, are products."""
    jax2onnx = pytest.importorskip("jax2onnx", reason="`jax2onnx` is not installed")
    import jax
    import jax.numpy as jnp
    import onnxruntime

    from xylograph.hw.engines import _jax_step
    from xylograph.hw.engines._jax import _program
    from xylograph.hw.engines._jax_network import network_of, sizes_of

    def loss(value: Any, dash: Any) -> Any:
        part = jnp.exp2(-dash.astype(jnp.float32))
        shifted = jnp.floor(value.astype(jnp.float32) * part).astype(jnp.int32)
        return shifted + ((shifted == 0) & (value > 0)).astype(jnp.int32)

    def product(counts: Any, inputs: Any, spikes: Any, hidden: Any) -> Any:
        arriving = jnp.matmul(counts, inputs.weights) * 2.0**inputs.shift
        return (arriving + jnp.matmul(spikes, hidden.weights) * 2.0**hidden.shift).astype(jnp.int32)

    for name, function in {"_loss": loss, "_product": product, "_wrapped": lambda v: v}.items():
        monkeypatch.setattr(_jax_step, name, function)
    config = dense(20, 8, 300, threshold_out=300)
    sizes, network = sizes_of(config), network_of(config)
    program = _program(config, "free", {"Spikes_out"})
    batch, n_steps, m = 2, 30, sizes.neuron_places

    def evolve(counts: Any) -> Any:
        def step(state: Any, arriving: Any) -> Any:
            state = _jax_step.step(program, network, state, arriving)
            return state, state.spikes

        voltages, currents = jnp.zeros((batch, m), jnp.int32), jnp.zeros((batch, 1, m), jnp.int32)
        start = _jax_step.State(jnp.zeros((batch, m)), voltages, currents)
        return jax.lax.scan(step, start, counts)[1]

    raster = raster_for(config, batch=batch, n_steps=n_steps)
    padded = np.zeros((n_steps, batch, sizes.input_places), np.float32)
    padded[:, :, : config.n_inputs] = raster.swapaxes(0, 1)
    shape = jax.ShapeDtypeStruct(padded.shape, jnp.float32)
    made = jax2onnx.to_onnx(evolve, inputs=[shape])
    session = onnxruntime.InferenceSession(made.SerializeToString())
    theirs = np.asarray(session.run(None, {session.get_inputs()[0].name: padded})[0])
    ours = exported(config, tmp_path)(raster, record=True)[2]["Spikes"]
    assert ours.any()
    np.testing.assert_array_equal(theirs[:, :, : config.n_hidden].swapaxes(0, 1), ours)


@pytest.mark.parametrize("record", [(), ("spikes",), ("spikes", "vmem", "isyn", "vmem_out")])
def test_a_file_is_compared_by_what_it_records(record: tuple[str, ...], tmp_path: Path) -> None:
    net = Sequential(LinearJax((4, 6)), LIFJax(6), LinearJax((6, 3)), LIFJax(3))
    deployment = deploy(net, "xylo-audio-3")
    core = load_onnx(export_onnx(deployment, tmp_path / "core.onnx", record=record))
    raster = raster_for(deployment.config, batch=2, n_steps=30)
    alone = compare(XyloSim(deployment.config), core, raster)
    placed = compare(deployment, OnChip(core, deployment.placement), raster)
    assert alone.is_equal
    assert placed.is_equal
    assert alone.left_out == (() if record else ("hidden",))
    assert placed.left_out == (() if record else ("1_LIFJax",))
    assert (alone.layers[0].n_states > 0) == ("vmem" in record)


def test_a_configuration_of_a_chip_made_up_cannot_be_written(tmp_path: Path) -> None:
    config = dense(5, 20, 300)
    chip = dataclasses.replace(config.chip, max_hidden=1)
    with pytest.raises(ValueError, match="is not the chip of that name"):
        export_onnx(dataclasses.replace(config, chip=chip), tmp_path / "core.onnx")
