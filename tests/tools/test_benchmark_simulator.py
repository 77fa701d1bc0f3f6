import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xylograph.hw import XyloConfig, XyloSim
from xylograph.tools.benchmarks import simulator

pytestmark = pytest.mark.skipif(
    find_spec("xylosim") is None,
    reason="the extra `xylosim`, the benchmark's rival, is not installed",
)


def test_the_benchmark_prints_ratios_and_writes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "result.json"
    simulator.main(hidden=[3], batch=[1, 2], repeats=1, json_file=file)
    figures = json.loads(file.read_text())
    points = figures["points"]
    assert min(figures["limits"].values()) > 0
    assert [(point["batch"], point["activity"]) for point in points] == [
        (batch, activity) for batch in (1, 2) for activity in ("quiet", "moderate", "busy")
    ]
    for point in points:
        assert point["ratio"] == point["vendor_us"] / point["native_us"]
        assert point["recording_ratio"] == point["vendor_us"] / point["recording_us"]
        assert point["operations_per_s"] == point["operations"] / point["native_us"] * 1e6
        if point["batch"] == 1:
            assert point["jax_ratio"] is None
        else:
            assert point["jax_ratio"] == point["vendor_us"] / point["jax_us"]
            assert point["jax_recording_ratio"] == point["vendor_us"] / point["jax_recording_us"]
    lines = [line for line in capsys.readouterr().out.splitlines() if "geometric" in line]
    of_what = ["batch 1, native", "batch 2, native", "batch 2, jax"]
    assert [line.split(":")[0] for line in lines] == of_what


def test_workloads_are_as_busy_as_they_say() -> None:
    point = simulator.measure(63, batch=1, activity="moderate", repeats=1)
    assert 0.05 < point.spiking < 0.2


def test_synaptic_operations_are_spikes_times_the_synapses_that_they_pass() -> None:
    rng = np.random.default_rng(0)
    config = XyloConfig(
        "xylo-imu",
        weights_in=rng.integers(-1, 100, (2, 5)),
        weights_rec=rng.integers(-1, 2, (5, 5)),
        weights_out=rng.integers(-1, 2, (5, 3)),
        threshold=70,
    )
    raster = rng.integers(0, 4, (2, 20, 2)).astype(np.uint8)
    _, _, record = XyloSim(config)(raster, record=True)
    passed = 0
    for sample, step in np.ndindex(2, 20):
        for channel, count in enumerate(raster[sample, step]):
            passed += count * sum(weight != 0 for weight in config.weights_in[channel, :, 0])
        for source, count in enumerate(record["Spikes"][sample, step - 1] if step else ()):
            weights = [*config.weights_rec[source, :, 0], *config.weights_out[source]]
            passed += count * sum(weight != 0 for weight in weights)
    assert passed > 1000
    assert simulator._operations(config, raster) == pytest.approx(passed / 40)


def test_the_workload_is_a_configuration_that_the_chip_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = []

    def note(config: XyloConfig, raster: object, engines: object) -> None:
        taken.append(config.violations())

    monkeypatch.setattr(simulator, "_check_equal", note)
    for hidden in (10, 1000):
        simulator.measure(hidden, batch=1, activity="quiet", repeats=1)
    assert taken == [[], []]


def test_times_of_simulators_that_differ_are_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_a_wrong_vendor(config: XyloConfig, engine: str = "native") -> Any:
        sim = XyloSim(config, engine)
        return sim if engine != "vendor" else lambda data: (1 - sim(data)[0], {}, {})

    monkeypatch.setattr(simulator, "XyloSim", with_a_wrong_vendor)
    with pytest.raises(RuntimeError, match="`native` and `vendor` differ"):
        simulator.measure(3, batch=1, activity="busy", repeats=1)
