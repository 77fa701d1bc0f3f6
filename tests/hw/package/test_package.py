import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.hw import DeploymentPackage, DesignRuleError, XyloConfig, XyloSim
from xylograph.hw.package._package_file import _FILE
from xylograph.models import FormatError


@pytest.fixture
def package() -> DeploymentPackage:
    rng = np.random.default_rng(0)
    config = XyloConfig(
        "xylo-audio-3",
        weights_in=rng.integers(-40, 60, (3, 6, 2)),
        weights_rec=rng.integers(-20, 20, (6, 6, 2)),
        weights_out=rng.integers(-40, 60, (6, 2)),
        threshold=100,
        threshold_out=120,
        aliases=[[3], [], [], [], [], []],
    )
    return DeploymentPackage.create(config, rng.poisson(0.6, (3, 40, 3)), note="as it was")


@pytest.mark.parametrize("target", ["native", "jax", "reference"])
def test_every_engine_passes(package: DeploymentPackage, target: str) -> None:
    verification = package.verify(target)
    assert verification.passed and verification.first is None
    assert not verification.not_shown
    n_values = 3 * 40 * (4 * 6 + 3 * 2 + 1)
    assert sum(entry.n_values for entry in verification.arrays) == n_values
    assert f"all {n_values:,} values" in str(verification)


def test_a_file_gives_the_same_package_and_the_same_bytes(
    package: DeploymentPackage, tmp_path: Path
) -> None:
    path = package.save(tmp_path / "a.xylopack")
    loaded = DeploymentPackage.load(path)
    assert loaded.config == package.config
    assert (loaded.note, loaded.made_with) == (package.note, package.made_with)
    assert loaded.config_hash == package.config_hash
    np.testing.assert_array_equal(loaded.raster, package.raster)
    for name, array in package.golden.items():
        np.testing.assert_array_equal(loaded.golden[name], array, strict=True)
    assert loaded.save(tmp_path / "b.xylopack").read_bytes() == path.read_bytes()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_one_wrong_value_is_found_with_its_place(
    package_of_all: DeploymentPackage, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(package_of_all.golden)))
    array = package_of_all.golden[name].copy()
    place = tuple(data.draw(st.integers(0, n - 1)) for n in array.shape)
    array[place] = not array[place] if array.dtype == bool else array[place] + 1
    wrong = replace(package_of_all, golden={**package_of_all.golden, name: array})
    verification = wrong.verify()
    assert not verification.passed
    first = verification.first
    assert first is not None and first.array == name and first.n_different == 1
    assert (first.sample, first.step) == place[:2]
    assert first.neuron == (place[2] if len(place) == 3 else None)
    assert first.expected == int(array[place])
    assert f"`{name}`: 1 of {array.size:,} values differ" in str(verification)


@pytest.fixture(scope="module")
def package_of_all() -> DeploymentPackage:
    config = XyloConfig(
        "xylo-audio-2", weights_in=[[50, 60]], weights_out=[[30], [40]], threshold=90
    )
    return DeploymentPackage.create(config, np.ones((2, 12, 1), dtype=int))


def test_the_array_that_differs_first_in_time_comes_first(package: DeploymentPackage) -> None:
    golden = {name: array.copy() for name, array in package.golden.items()}
    golden["Spikes"][0, 30, 1] += 1
    golden["Vmem_out"][2, 7, 1] += 1
    golden["Vmem_out"][0, 9, 0] += 1
    first = replace(package, golden=golden).verify().first
    assert first is not None
    assert (first.array, first.sample, first.step, first.neuron) == ("Vmem_out", 2, 7, 1)


def test_a_target_that_shows_only_its_output_says_so(package: DeploymentPackage) -> None:
    simulation = XyloSim(package.config)

    def output_only(data: np.ndarray, record: bool) -> tuple[np.ndarray, dict, dict]:
        return simulation(data)[0], {}, {}

    verification = package.verify(output_only)
    assert verification.passed
    assert verification.not_shown == tuple(n for n in package.golden if n != "Spikes_out")
    assert "does not show Spikes, " in str(verification)


@pytest.mark.parametrize("output_mode", ["Spike", "Vmem", "Isyn"])
def test_an_output_that_is_not_what_the_record_says_fails(
    package: DeploymentPackage, output_mode: str
) -> None:
    class Target:
        def __init__(self, offset: int) -> None:
            self.sim = XyloSim(package.config, output_mode=output_mode)
            self.output_mode, self.offset = output_mode, offset

        def __call__(self, data: np.ndarray, record: bool) -> tuple[np.ndarray, dict, dict]:
            output, state, recorded = self.sim(data, record=record)
            return output + self.offset, state, recorded

    assert package.verify(Target(0)).passed
    assert not package.verify(Target(1)).passed


def test_a_target_is_given_the_configuration_and_starts_from_rest(
    package: DeploymentPackage,
) -> None:
    class Loads:
        def load(self, config: XyloConfig) -> None:
            sim = XyloSim(config)
            self.sim = sim.set_attributes(sim(package.raster)[1])

        def reset_state(self) -> XyloSim:
            return self.sim.reset_state()

        def __call__(self, data: object, record: bool = False) -> object:
            raise AssertionError("called before it was reset")

    assert package.verify(Loads()).passed


def test_a_recording_that_is_too_short_is_no_result(package: DeploymentPackage) -> None:
    simulation = XyloSim(package.config)

    def short(data: np.ndarray, record: bool) -> tuple[object, ...]:
        return simulation(data[:, :-1], record=record)

    with pytest.raises(ValueError, match=r"has the shape \(3, 39, .*incomplete"):
        package.verify(short)


def test_silent_neurons_are_counted() -> None:
    config = XyloConfig("xylo-imu", weights_in=[[127, 0]], weights_out=[[1], [0]], threshold=90)
    assert DeploymentPackage.create(config, [[1], [1]]).silent_neurons() == 1
    config = XyloConfig(
        "xylo-imu", weights_in=[[127, 0]], weights_out=[[1], [0]], threshold=90, threshold_out=999
    )
    assert DeploymentPackage.create(config, [[1], [1]]).silent_neurons() == 2


def test_what_no_board_takes_is_not_packed() -> None:
    config = XyloConfig(
        "xylo-1", weights_in=np.ones((17, 2), int), weights_out=np.ones((2, 1), int)
    )
    with pytest.raises(DesignRuleError, match="17 inputs"):
        DeploymentPackage.create(config, np.zeros((4, 17), int))


def test_a_raster_without_steps_is_not_packed(package: DeploymentPackage) -> None:
    with pytest.raises(ValueError, match="nothing to check"):
        DeploymentPackage.create(package.config, np.zeros((0, 3), int))


def test_the_package_keeps_its_own_raster(package: DeploymentPackage) -> None:
    raster = np.zeros((2, 5, 3), dtype=np.uint8)
    made = DeploymentPackage.create(package.config, raster)
    raster[:] = 1
    assert not made.raster.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda body, arrays: ({**body, "more": "x"}, arrays), "does not hold just"),
        (lambda body, arrays: ([], arrays), "does not hold just"),
        (lambda body, arrays: ({**body, "note": 3}, arrays), "not all texts"),
        (lambda body, arrays: ({**body, "config": "{}"}, arrays), "as a configuration"),
        (lambda body, arrays: (body, {**arrays, "golden/More": arrays["raster"]}), "golden/More"),
        (lambda body, arrays: (body, {**arrays, "raster": arrays["raster"][0]}), "not uint8"),
        (lambda body, arrays: (body, {**arrays, "raster": arrays["raster"] + 20}), "the count 2"),
        (
            lambda body, arrays: (body, {**arrays, "golden/Vmem": arrays["golden/Spikes"]}),
            "`golden/Vmem` is uint8",
        ),
        (
            lambda body, arrays: (body, {**arrays, "golden/Vmem": arrays["golden/Vmem"][:, :-1]}),
            r"not int16 \(3, 40, 6\)",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    package: DeploymentPackage, tmp_path: Path, change: Callable[..., tuple], message: str
) -> None:
    path = package.save(tmp_path / "a.xylopack")
    body, arrays = _FILE.unpack(path.read_bytes())
    body, arrays = change(body, arrays)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    path.write_bytes(_FILE.pack(body, contiguous))
    with pytest.raises(FormatError, match=message):
        DeploymentPackage.load(path)


@pytest.mark.parametrize("content", [b"", b"{}", json.dumps({"format": "x"}).encode(), b"\0" * 99])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(FormatError, match="cannot read .*not a deployment package"):
        DeploymentPackage.load(tmp_path / "x")


def test_damage_is_noticed(package: DeploymentPackage, tmp_path: Path) -> None:
    path = package.save(tmp_path / "a.xylopack")
    content = bytearray(path.read_bytes())
    content[-3] ^= 4
    path.write_bytes(content)
    with pytest.raises(FormatError, match="digest"):
        DeploymentPackage.load(path)
