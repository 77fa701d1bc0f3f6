"""Training on several devices; in a process of its own, because their number is fixed at the start."""

import json
import os
import subprocess
import sys
from typing import Any

import jax
import numpy as np
import optax
import pytest

from xylograph.models import LinearJax
from xylograph.models.training import fit, mse

_PROGRAM = """
import json, jax, numpy as np, optax
from xylograph.models import LIFJax, LinearJax, Sequential
from xylograph.models.training import fit, rate_accuracy, rate_cross_entropy

traced = []
def loss(net, inputs, labels):
    traced.append(1)
    output = net(inputs)[0]
    return rate_cross_entropy(output, labels, 0.2), {"accuracy": rate_accuracy(output, labels)}

draw = np.random.default_rng(0)
labels = draw.integers(0, 2, 30)
inputs = draw.poisson(0.2 + 0.5 * labels[:, None, None], (30, 10, 4)).astype(np.float32)
network = Sequential(
    LinearJax((4, 2), rng_key=jax.random.key(0)),
    LIFJax(2, noise_std=0.1, rng_key=jax.random.key(1)),
)
adam = optax.adam(0.05)
found = {}
for name, devices in (("one", None), ("four", jax.devices()[:4])):
    del traced[:]
    trained = fit(
        network, inputs, labels, loss=loss, optimizer=adam, epochs=3, batch_size=8,
        validation=(inputs[:9], labels[:9]), devices=devices,
    )
    weight = trained.network[0].weight
    found[name] = {
        "history": trained.history, "weight": np.asarray(weight).tolist(),
        "devices": len(weight.devices()), "traced": len(traced),
    }
try:
    fit(network, inputs, labels, loss=loss, optimizer=adam, epochs=1, batch_size=6,
        devices=jax.devices()[:4])
except ValueError as error:
    found["error"] = str(error)
print(json.dumps(found))
"""


def test_four_devices_agree_with_one_up_to_rounding() -> None:
    flags = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=flags, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    one, four = found["one"], found["four"]
    assert (one["devices"], four["devices"]) == (1, 4)
    np.testing.assert_allclose(four["weight"], one["weight"], rtol=1e-4, atol=1e-5)
    for a, b in zip(four["history"], one["history"], strict=True):
        assert a == pytest.approx(b, rel=1e-4)
    assert found["error"] == (
        "4 devices cannot share a batch of 6 equally; use a `batch_size` that is a multiple of 4, "
        "or fewer devices"
    )
    # The step once, the validation once for whole batches and once for the last one.
    assert (one["traced"], four["traced"]) == (3, 3)


def test_no_device_is_refused() -> None:
    data = np.ones((4, 1, 1))
    options: Any = {"loss": lambda net, x, y: mse(net(x)[0], y), "optimizer": optax.sgd(0.1)}
    with pytest.raises(ValueError, match=r"`devices` must be different devices, at least one, got"):
        fit(LinearJax((1, 1)), data, data, epochs=1, devices=[], **options)


def test_the_same_device_twice_is_refused() -> None:
    data = np.ones((4, 1, 1))
    options: Any = {"loss": lambda net, x, y: mse(net(x)[0], y), "optimizer": optax.sgd(0.1)}
    with pytest.raises(ValueError, match="`devices` must be different devices"):
        fit(LinearJax((1, 1)), data, data, epochs=1, devices=2 * jax.devices()[:1], **options)
