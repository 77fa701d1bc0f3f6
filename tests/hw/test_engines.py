import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
from engine_cases import (
    Case,
    assert_same_traces,
    cases,
    each_engine,
    each_engine_that_starts_quickly,
    each_own_engine,
    needs_vendor,
    run,
)
from hypothesis import HealthCheck, given, settings

from xylograph.hw import ENGINES, EngineStateError, XyloConfig
from xylograph.hw.engines import RECORDED, CoreState, Engine, make_engine, recordable
from xylograph.models import MissingExtraError

few = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
many = settings(few, max_examples=2000)


def one_to_one(chip: str = "xylo-audio-3") -> XyloConfig:
    return XyloConfig(
        chip, weights_in=[[127]], weights_out=[[127]], threshold=127, threshold_out=127
    )


@each_engine
def test_engine_repeats_the_trace_of_a_board(engine: str) -> None:
    """Chip facts, section 2: printed by an Audio 3 board."""
    raster = np.zeros((1, 14, 1), np.uint8)
    raster[0, [5, 7, 9]] = 1
    traces = run(engine, one_to_one(), [raster])
    got = {name: traces[name][0, 5:].ravel() for name in recordable(one_to_one())}
    assert got["Isyn"][:6].tolist() == [64, 32, 80, 40, 84, 42]
    assert got["Vmem"][:6].tolist() == [64, 64, 112, 96, 5, 45]
    assert got["Spikes"][:6].tolist() == [0, 0, 0, 0, 1, 0]
    assert got["Isyn_out"].tolist() == [0, 0, 0, 0, 0, 64, 32, 16, 8]
    assert got["Vmem_out"].tolist() == [0, 0, 0, 0, 0, 64, 64, 48, 32]
    assert not got["Spikes_out"].any()


@given(case=cases())
@few
def test_native_equals_the_definition_also_in_pieces(case: Case) -> None:
    assert_same_traces(
        run("native", case.config, case.pieces), run("reference", case.config, [case.raster])
    )


@given(case=cases(max_hidden=150, max_inputs=70, max_steps=8))
@settings(few, max_examples=40)
def test_native_equals_the_definition_in_large_networks(case: Case) -> None:
    assert_same_traces(
        run("native", case.config, case.pieces), run("reference", case.config, [case.raster])
    )


# Sizes that are all rounded up to the same, and one chip of each core, so that little is compiled;
# the slow suite has the others.
@given(case=cases(max_hidden=16, max_steps=16, chips=("xylo-1", "xylo-imu")))
@settings(few, max_examples=20)
def test_jax_equals_the_definition_also_in_pieces(case: Case) -> None:
    assert_same_traces(
        run("jax", case.config, case.pieces), run("reference", case.config, [case.raster])
    )


@needs_vendor
@given(case=cases())
@few
def test_the_vendors_simulator_equals_the_definition_also_in_pieces(case: Case) -> None:
    assert_same_traces(
        run("vendor", case.config, case.pieces), run("reference", case.config, [case.raster])
    )


@pytest.mark.slow
@needs_vendor
@given(case=cases(max_hidden=80, max_steps=30))
@many
def test_all_engines_are_equal(case: Case) -> None:
    expected = run("vendor", case.config, [case.raster])
    assert_same_traces(run("native", case.config, case.pieces), expected)
    assert_same_traces(run("jax", case.config, case.pieces), expected)
    assert_same_traces(run("reference", case.config, case.pieces), expected)


@given(case=cases(max_hidden=10))
@settings(few, max_examples=25)
def test_the_definition_is_the_same_in_pieces(case: Case) -> None:
    assert_same_traces(
        run("reference", case.config, case.pieces), run("reference", case.config, [case.raster])
    )


@each_engine_that_starts_quickly
@given(case=cases(max_hidden=12, max_steps=8, max_batch=5))
@settings(few, max_examples=15)
def test_a_batch_is_its_samples_one_by_one(engine: str, case: Case) -> None:
    singles = [run(engine, case.config, [sample[None]]) for sample in case.raster]
    stacked = {name: np.concatenate([single[name] for single in singles]) for name in singles[0]}
    assert_same_traces(run(engine, case.config, [case.raster]), stacked)


@given(case=cases(max_hidden=12, max_steps=10))
@settings(few, max_examples=25)
def test_an_engine_goes_on_where_another_one_stopped(case: Case) -> None:
    first, second = np.split(case.raster, 2 * [case.n_steps // 2], axis=1)[::2]
    config, wanted = case.config, set(recordable(case.config))
    fresh = CoreState.fresh(config, case.batch)
    for before, after in (("native", "reference"), ("reference", "native")):
        _, state = make_engine(before, config).evolve(first, fresh, set())
        got, _ = make_engine(after, config).evolve(second, state, wanted)
        whole, _ = make_engine("reference", config).evolve(case.raster, fresh, wanted)
        assert_same_traces(got, {name: a[:, len(first[0]) :] for name, a in whole.items()})


def test_a_batch_worth_threads_is_computed_like_a_small_one() -> None:
    rng = np.random.default_rng(1)
    config = XyloConfig(
        "xylo-audio-2",
        weights_in=rng.integers(-20, 60, (4, 30)),
        weights_rec=rng.integers(-9, 9, (30, 30)),
        weights_out=rng.integers(-20, 60, (30, 2)),
        threshold=200,
        threshold_out=200,
    )
    raster = rng.integers(0, 3, (37, 100, 4)).astype(np.uint8)
    singles = [run("native", config, [sample[None]]) for sample in raster]
    stacked = {name: np.concatenate([single[name] for single in singles]) for name in singles[0]}
    assert stacked["Spikes"].any()
    assert_same_traces(run("native", config, [raster]), stacked)


@each_engine
@pytest.mark.parametrize("name", [*RECORDED])
def test_only_what_is_wanted_is_recorded(engine: str, name: str) -> None:
    config, raster = one_to_one(), np.ones((2, 3, 1), np.uint8)
    everything = run(engine, config, [raster])
    start = CoreState.fresh(config, 2)
    recordings, _ = make_engine(engine, config).evolve(raster, start, {name})
    assert_same_traces(recordings, {name: everything[name]})


@each_engine
def test_raster_and_state_stay_as_they_are(engine: str) -> None:
    config, raster = one_to_one(), np.ones((2, 3, 1), np.uint8)
    start = CoreState.fresh(config, 2)
    raster.flags.writeable = False
    for array in start.arrays().values():
        array.flags.writeable = False
    _, state = make_engine(engine, config).evolve(raster, start, set())
    assert start.is_fresh
    assert state.vmem.any()


@each_engine
@pytest.mark.parametrize(("batch", "n_steps"), [(0, 3), (2, 0), (0, 0)])
def test_no_samples_and_no_steps_are_fine(engine: str, batch: int, n_steps: int) -> None:
    config = one_to_one()
    got = run(engine, config, [np.zeros((batch, n_steps, 1), np.uint8)])
    assert got["Vmem"].shape == (batch, n_steps, 1)
    assert got["hibernation"].shape == (batch, n_steps)
    assert got["state vmem"].shape == (batch, 1)


@each_engine
def test_engines_follow_the_protocol(engine: str) -> None:
    assert isinstance(make_engine(engine, one_to_one()), Engine)


@needs_vendor
def test_the_vendors_simulator_refuses_a_state_it_did_not_come_to() -> None:
    config, raster = one_to_one(), np.ones((1, 3, 1), np.uint8)
    _, state = make_engine("native", config).evolve(raster, CoreState.fresh(config, 1), set())
    with pytest.raises(EngineStateError, match="only go on from a state that it gave out itself"):
        make_engine("vendor", config).evolve(raster, state, set())


@needs_vendor
def test_the_vendors_simulator_keeps_its_synapses_alive() -> None:
    """It stores bare pointers; freed synapses gave other numbers or a crash."""
    rng = np.random.default_rng(2)
    fields = {"weights_in": rng.integers(1, 99, (4, 50)), "weights_out": np.ones((50, 1))}
    engines = [
        make_engine("vendor", XyloConfig("xylo-audio-2", **fields, threshold=500 + index))
        for index in range(20)
    ]
    config = XyloConfig("xylo-audio-2", **fields, threshold=500)
    raster = rng.integers(0, 3, (1, 40, 4)).astype(np.uint8)
    got, _ = engines[0].evolve(raster, CoreState.fresh(config, 1), {"Isyn"})
    assert_same_traces(got, {"Isyn": run("reference", config, [raster])["Isyn"]})


def test_engines_are_known_by_name() -> None:
    assert ENGINES == ("reference", "native", "jax", "vendor")


def test_an_unknown_engine_is_refused_with_the_names_of_the_known_ones() -> None:
    with pytest.raises(
        ValueError,
        match=r"^no engine is called 'rust': known are 'reference', 'native', 'jax', 'vendor'$",
    ):
        make_engine("rust", one_to_one())


def test_a_missing_vendor_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("xylograph.hw.engines._registry.distribution", missing)
    with pytest.raises(
        MissingExtraError,
        match=r"^engine 'vendor' needs the extra `xylosim`: run `pip install \"xylograph\[xylosim\]\"`",
    ):
        make_engine("vendor", one_to_one())


@each_own_engine
def test_an_engine_computes_configurations_that_no_chip_would_take(engine: str) -> None:
    config = XyloConfig(
        "xylo-imu",
        weights_in=np.ones((20, 2)),
        weights_out=np.ones((2, 40)),
        weight_shift_in=12,
        aliases=[[0, 1], []],
        bias=20_000,
        threshold=30_000,
    )
    assert config.violations()
    got = run(engine, config, [np.ones((1, 3, 20), np.uint8)])
    assert got["Spikes"].tolist() == [[[2, 2], [2, 2], [2, 2]]]


PROGRAM = """
import sys
import numpy as np
from xylograph.hw import XyloConfig, XyloSim
config = XyloConfig("xylo-imu", weights_in=[[1]], weights_out=[[1]])
sim = XyloSim(config, engine="reference")
sim(np.zeros((3, 1)))
print("numba" in sys.modules)
for _ in range(2):
    XyloSim(config)(np.zeros((3, 1)))
"""


@pytest.mark.slow
def test_compilation_is_announced_once_and_numba_is_loaded_late(tmp_path: Path) -> None:
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "PATH": ""}
    runs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(2)
    ]
    assert [run.stdout for run in runs] == ["False\n", "False\n"]
    announced = [[line for line in run.stderr.splitlines() if "compiling" in line] for run in runs]
    assert announced == [["compiling the native engine, once; it takes some seconds"], []]
