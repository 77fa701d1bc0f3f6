"""Layers with so many recurrent weights that two halves of a batch go side by side."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import jax
import numpy as np
import pytest

from xylograph.models import JaxModule, LIFJax

N_BATCH, N_TIME = 16, 5
KINDS: dict[str, Callable[..., JaxModule]] = {
    "one synapse": partial(LIFJax, 320),
    "two synapses": partial(LIFJax, (460, 230)),
}
EACH = pytest.mark.parametrize("kind", KINDS)


def layer(kind: str) -> JaxModule:
    """A layer that halves its decaying values, with weights of few bits."""
    key = jax.random.key(0)
    module = KINDS[kind](has_rec=True, rng_key=key, threshold=0.5, leak_mode="decays")
    weights = np.round(256 * np.asarray(module.parameters()["w_rec"])) / 256
    assert weights.size >= 100_000
    return module.set_attributes({"w_rec": weights})


def raster_for(module: JaxModule) -> np.ndarray:
    rng = np.random.default_rng(1)
    shape = (N_BATCH, N_TIME, module.size_in)
    return rng.integers(0, 40, shape).astype(np.float32) / 64


@EACH
def test_each_sample_gives_what_it_gives_alone(kind: str) -> None:
    # No value needs more bits than float32 has: nothing is rounded, whatever comes first.
    module = layer(kind)
    raster = raster_for(module)
    output, state, record = module.batch_state(N_BATCH)(raster, record=True)
    assert output.sum() > 0.1 * output.size
    for k, sample in enumerate(raster):
        alone, state_alone, record_alone = module(sample, record=True)
        np.testing.assert_array_equal(output[k], alone[0])
        for name, trace in record_alone.items():
            np.testing.assert_array_equal(record[name][k], trace[0])
        for name in ("spikes", "isyn", "vmem"):
            np.testing.assert_array_equal(state[name][k], state_alone[name])


@EACH
def test_the_derivative_finds_the_same_spikes(kind: str) -> None:
    # With it the batch goes as a whole.
    module = layer(kind)
    raster = raster_for(module)

    def mean_and_spikes(module: JaxModule) -> tuple[jax.Array, jax.Array]:
        output = module(raster)[0]
        return output.mean(), output

    gradient = jax.jit(jax.grad(mean_and_spikes, has_aux=True, allow_int=True))
    np.testing.assert_array_equal(gradient(module)[1], module(raster)[0])


def test_an_odd_batch_and_one_sample_more_agree() -> None:
    module = layer("one synapse")
    raster = raster_for(module)
    np.testing.assert_array_equal(module(raster[:-1])[0], module(raster)[0][:-1])


_PROGRAM = """
import jax, numpy as np
from xylograph.models import LIFJax

mesh = jax.sharding.Mesh(jax.devices(), ("samples",))
by_sample = jax.NamedSharding(mesh, jax.P("samples"))
raster = jax.device_put(np.ones((16, 5, 320), np.float32), by_sample)
module = jax.device_put(LIFJax(320, has_rec=True), jax.NamedSharding(mesh, jax.P()))
compiled = jax.jit(lambda module, raster: module(raster)[0]).lower(module, raster).compile()
text = compiled.as_text()
assert "f32[2,5,320]" in text, "there are no halves"
for name in ("all-gather", "all-to-all", "all-reduce", "collective-permute"):
    assert name not in text, name
assert compiled(module, raster).sharding.is_equivalent_to(by_sample, 3)
"""


def test_samples_stay_on_their_devices() -> None:
    flags = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=flags, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
