"""What only the `native` engine has: several roads to one sum, threads, vectors, pieces of memory."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_cases import Traces, assert_same_traces, run

from xylograph.hw import XyloConfig
from xylograph.hw.engines import CoreState, make_engine, recordable


def from_state(
    config: XyloConfig, raster: np.ndarray, **start: np.ndarray
) -> tuple[Traces, Traces]:
    """Recordings of `native` and of `reference` from one state."""
    state = CoreState.fresh(config, len(raster))
    for name, values in start.items():
        getattr(state, name)[:] = values
    names = set(recordable(config))
    native, reference = (
        make_engine(engine, config).evolve(raster, state, names)[0]
        for engine in ("native", "reference")
    )
    return native, reference


def ring(weight: int, n_hidden: int = 40, n_synapses: int = 1) -> XyloConfig:
    """Each neuron fires 31 times a step, and drives the next one only: nearly empty matrices."""
    recurrent = np.zeros((n_hidden, n_hidden, n_synapses))
    recurrent[np.arange(n_hidden), np.roll(np.arange(n_hidden), -1), -1] = weight
    return XyloConfig(
        "xylo-audio-2",
        weights_in=np.zeros((1, n_hidden, n_synapses)),
        weights_rec=recurrent,
        weights_out=np.zeros((n_hidden, 1)),
        threshold=-32_768,
        dash_syn=15,
        dash_syn_2=15,
    )


@pytest.mark.parametrize("n_synapses", [1, 2])
@pytest.mark.parametrize("weight", [100, -100])
def test_sums_of_single_synapses_saturate_exactly_where_they_reach_the_border(
    weight: int, n_synapses: int
) -> None:
    """Below the border it adds without clipping; this goes one by one through where it changes."""
    config = ring(weight, n_synapses=n_synapses)
    border = 32_767 - 31 * abs(weight)
    starts = np.sign(weight) * np.arange(border - 40, border + 40)
    raster = np.zeros((len(starts), 3, 1), np.uint8)
    name = "isyn" if n_synapses == 1 else "isyn2"
    native, reference = from_state(config, raster, **{name: starts[:, None]})
    assert_same_traces(native, reference)
    after = reference[name.capitalize()][:, 1, 0].tolist()
    assert 30 < after.count(after[-1]) < 50
    assert len(set(after)) > 30


@pytest.mark.parametrize("threshold", [-1, 0, 5])
@pytest.mark.parametrize("shift", [3, 4, 5, 15])
def test_the_most_spikes_of_the_largest_weights_are_added_one_after_the_other(
    shift: int, threshold: int
) -> None:
    """31 spikes times the weight no longer fit 16 bits from a shift of 4 on."""
    rng = np.random.default_rng(shift)
    config = XyloConfig(
        "xylo-imu",
        weights_in=rng.integers(-128, 128, (2, 40)),
        weights_rec=rng.integers(-128, 128, (40, 40)),
        weights_out=rng.integers(-128, 128, (40, 3)),
        weight_shift_in=shift,
        weight_shift_rec=shift,
        weight_shift_out=shift,
        threshold=threshold,
        threshold_out=1000,
    )
    raster = rng.integers(0, 16, (3, 5, 2)).astype(np.uint8)
    assert_same_traces(run("native", config, [raster]), run("reference", config, [raster]))


def test_a_core_at_rest_wakes_by_input_and_falls_asleep_again() -> None:
    config = XyloConfig(
        "xylo-audio-3",
        weights_in=[[127, 0], [0, 127]],
        weights_rec=[[0, 127], [0, 0]],
        weights_out=[[127], [127]],
        threshold=100,
        threshold_out=100,
        dash_syn=3,
        dash_mem=2,
    )
    raster = np.zeros((2, 200, 2), np.uint8)
    raster[0, [3, 90, 91, 190], [0, 1, 0, 1]] = 1
    got = run("native", config, [raster])
    assert_same_traces(got, run("reference", config, [raster]))
    assert got["hibernation"][0, [0, 89]].tolist() == [True, True]
    assert got["Spikes"][0, 90:].any()


PROGRAM = """
import resource, sys
import numpy as np
from xylograph.hw import XyloConfig, XyloSim
config = XyloConfig("xylo-imu", weights_in=np.ones((16, 30)), weights_out=np.ones((30, 2)))
sim = XyloSim(config)
n_steps = int(sys.argv[1])
raster = np.ones((1, n_steps, 16), np.uint8)
sim(raster[:, :1000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
output, _, _ = sim(raster)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, output.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other units")
def test_without_recording_memory_grows_by_no_more_than_the_output() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, "2_000_000"], capture_output=True, text=True, check=True
    )
    grown, output = map(int, result.stdout.split())
    assert output == 4_000_000
    assert grown < output + 500_000


# On a processor like the one that the tests run on, these compile what others would.
LESSER = {
    "AVX2": ("haswell", "+avx,+avx2,+bmi,+bmi2,+fma,+lzcnt,+popcnt,+sse4.2"),
    "SSE2": ("generic", "+sse2"),
}


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="the processors are of another family"
)
@pytest.mark.parametrize("name", LESSER)
def test_lesser_processors_compute_the_same(name: str, tmp_path: Path) -> None:
    cpu, features = LESSER[name]
    here = Path(__file__).parent
    files = [here / "test_native_vector.py", here / "test_engines.py", Path(__file__)]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-k", "native", *files]
    environment = os.environ | {
        "NUMBA_CPU_NAME": cpu,
        "NUMBA_CPU_FEATURES": features,
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    result = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-3000:]
