"""Float networks as ONNX files against JAX."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from xylograph.mapping import OnnxNetwork, export_onnx, load_onnx
from xylograph.models import JaxModule, LIFJax, LinearJax, Residual, Sequential

pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")


def network(noise_std: float = 0.0) -> JaxModule:
    """Recurrent, two synapses, biases: all that a graph can hold."""
    keys = jax.random.split(jax.random.key(0), 4)
    # Weights against runaway activity: what is large is rounded coarsely.
    w_rec = 0.03 * jax.random.normal(keys[1], (6, 12))
    hidden = LIFJax(
        (12, 6),
        tau_mem=5e-3,
        tau_syn=5e-3,
        has_rec=True,
        w_rec=w_rec,
        bias=np.linspace(0, 0.2, 6),
        noise_std=noise_std,
        rng_key=keys[1],
    )
    return Sequential(
        LinearJax(
            (4, 12), weight=0.2 * jax.random.normal(keys[2], (4, 12)), bias=np.linspace(0, 0.1, 12)
        ),
        hidden,
        LinearJax((6, 3), rng_key=keys[2]),
        LIFJax(3, max_spikes_per_dt=2, tau_mem=0.01, threshold=0.5, rng_key=keys[3]),
    )


@pytest.fixture
def rasters() -> Any:
    return np.random.default_rng(0).poisson(0.8, (3, 40, 4)).astype(np.float32)


@pytest.fixture
def loaded(tmp_path: Path) -> OnnxNetwork:
    found = load_onnx(export_onnx(network(), tmp_path / "network.onnx"))
    assert isinstance(found, OnnxNetwork)
    return found


def test_a_network_gives_the_spikes_of_jax(loaded: OnnxNetwork, rasters: Any) -> None:
    output, _, _ = loaded(rasters)
    wanted, _, _ = network()(rasters)
    assert np.sum(wanted) > 20
    np.testing.assert_array_equal(output, wanted)


def test_the_state_is_that_of_jax_for_every_sample(loaded: OnnxNetwork, rasters: Any) -> None:
    _, state, _ = loaded(rasters)
    for sample in range(len(rasters)):
        _, wanted, _ = network()(rasters[sample])
        for name in ("spikes", "isyn", "vmem"):
            got = state["1_LIFJax"][name][sample]
            np.testing.assert_allclose(got, wanted["1_LIFJax"][name], rtol=1e-4, atol=1e-5)


def test_pieces_give_the_whole(loaded: OnnxNetwork, rasters: Any) -> None:
    whole, _, _ = loaded(rasters)
    first, state, _ = loaded(rasters[:, :13])
    second, _, _ = loaded.set_attributes(state)(rasters[:, 13:])
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)
    np.testing.assert_array_equal(loaded.set_attributes(state).reset_state()(rasters)[0], whole)


@pytest.mark.parametrize("shape", [(3, 0), (0, 4)])
def test_no_steps_and_no_samples_leave_the_state_as_it_is(
    loaded: OnnxNetwork, rasters: Any, shape: tuple[int, int]
) -> None:
    _, state, _ = loaded(rasters)
    going_on = loaded.set_attributes(state) if shape[0] else loaded
    output, after, _ = going_on(np.zeros((*shape, 4)))
    assert output.shape == (*shape, 3)
    for name, array in after["1_LIFJax"].items():
        np.testing.assert_array_equal(array, state["1_LIFJax"][name][: shape[0]])


def test_two_axes_are_one_sample(loaded: OnnxNetwork, rasters: Any) -> None:
    np.testing.assert_array_equal(loaded(rasters[0])[0], loaded(rasters[:1])[0])


def test_noise_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`1_LIFJax` has noise, which ONNX graphs do not have"):
        export_onnx(network(noise_std=0.1), tmp_path / "network.onnx")


def test_nothing_of_a_network_is_recorded(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leave `record` out"):
        export_onnx(network(), tmp_path / "network.onnx", record=["spikes"])


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        (np.zeros((5, 3)), ValueError, r"input has the shape \(time, 4\) or .* this has \(5, 3\)"),
        (np.array(["a"]), TypeError, "input is real numbers; this holds <U1"),
    ],
)
def test_wrong_input_is_refused(
    loaded: OnnxNetwork, data: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        loaded(data)


def test_wrong_states_are_refused_all_at_once(loaded: OnnxNetwork) -> None:
    state = {"1_LIFJax": {"vmem": np.zeros((1, 5)), "x": 0}}
    with pytest.raises(ValueError) as caught:
        loaded.set_attributes(state)
    text = str(caught.value)
    assert "`1_LIFJax.vmem` has the shape (1, 5), not (batch, 6)" in text
    assert "`1_LIFJax.x` is no part of a state" in text


def test_a_residual_network_gives_the_spikes_of_jax(tmp_path: Path, rasters: Any) -> None:
    keys = jax.random.split(jax.random.key(1), 6)
    first, middle, last = (
        0.4 * jax.random.normal(key, shape)
        for key, shape in zip(keys[:3], [(4, 6), (6, 6), (6, 3)], strict=True)
    )
    block = Residual(LinearJax((6, 6), weight=middle), LIFJax(6, rng_key=keys[3]))
    net = Sequential(
        LinearJax((4, 6), weight=first),
        LIFJax(6, rng_key=keys[4]),
        block,
        LinearJax((6, 3), weight=last),
        LIFJax(3, threshold=0.5, rng_key=keys[5]),
    )
    output, _, _ = load_onnx(export_onnx(net, tmp_path / "network.onnx"))(rasters)
    wanted, _, _ = net(rasters)
    assert np.sum(wanted) > 20
    np.testing.assert_array_equal(output, wanted)
