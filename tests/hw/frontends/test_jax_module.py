import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.hw import AFESim, AFESimExternal, DesignRuleError, FrontEndJax, IMUIFSim
from xylograph.hw.frontends import IAFEncoder
from xylograph.mapping import deploy
from xylograph.models import GraphJax, LIFJax, LinearJax, Sequential

FRONT_END = IMUIFSim(encoder=IAFEncoder(900))
SIGNAL = np.random.default_rng(0).integers(-9000, 9000, (2, 60, 3))
RASTER = FRONT_END(SIGNAL)[0]


@pytest.mark.parametrize("compiled", [False, True])
def test_in_a_network_the_integers_are_those_of_the_front_end(compiled: bool) -> None:
    network = Sequential(FRONT_END, LinearJax((15, 4)))
    call = network.jit() if compiled else network
    _, _, record = call(SIGNAL, record=True)
    np.testing.assert_array_equal(record["0_IMUIFSim_output"], RASTER)


def test_it_stands_in_a_graph() -> None:
    modules = {"front_end": FRONT_END, "w": LinearJax((15, 4))}
    graph = GraphJax(modules, [("input", "front_end", "w", "output")])
    wanted = Sequential(FRONT_END, modules["w"])(SIGNAL)[0]
    np.testing.assert_array_equal(graph(SIGNAL)[0], wanted)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_stream_in_a_network_equals_the_whole(compiled: bool) -> None:
    module = FrontEndJax(FRONT_END).batch_state(2)
    first, state, _ = (module.jit() if compiled else module)(SIGNAL[:, :25])
    module = module.set_attributes(state)
    second, _, _ = (module.jit() if compiled else module)(SIGNAL[:, 25:])
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), RASTER)


def test_gradients_reach_what_stands_behind_the_front_end() -> None:
    network = Sequential(FRONT_END, LinearJax((15, 4)))

    @jax.jit
    @jax.grad
    def gradient(parameters):
        return jnp.sum(network.set_attributes(parameters)(SIGNAL)[0])

    found = gradient(network.parameters())["1_LinearJax"]["weight"]
    np.testing.assert_allclose(found, np.tile(RASTER.sum(axis=(0, 1))[:, None], 4))


def test_audio_of_another_rate_gives_rows_of_the_network() -> None:
    sound = 0.5 * np.sin(np.arange(4000) / 3).astype(np.float32)[:, None]
    front_end = AFESimExternal(input_rate=16000)
    wanted = front_end(sound)[0]
    module = Sequential(front_end, LinearJax((16, 2)))[0]
    np.testing.assert_array_equal(module(sound)[0], wanted)
    np.testing.assert_array_equal(module.jit()(sound)[0], wanted)


@pytest.mark.parametrize("noise_key", [None, 3])
def test_volts_of_audio_2_pass_a_network_in_pieces(noise_key: int | None) -> None:
    volts = 0.1 * np.sin(np.arange(9000) / 15).astype(np.float32)[:, None]
    front_end = AFESim(110e3, noise_key=noise_key)
    wanted = front_end(volts)[0]
    assert wanted.any()
    module = Sequential(front_end, LinearJax((16, 2)))[0]
    first, state, _ = module(volts[:4400])
    second, _, _ = module.set_attributes(state).jit()(volts[4400:])
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), wanted)


def test_compiled_a_state_that_fills_another_row_is_refused_with_a_way_out() -> None:
    sound = np.zeros((1040, 1), np.float32)
    module = FrontEndJax(AFESimExternal())
    _, state, _ = module(sound)
    continued = module.set_attributes(state)
    assert continued(sound[:10])[0].shape == (1, 1, 16)
    with pytest.raises(jax.errors.JaxRuntimeError, match="these fill 1: cut streams where a row"):
        jax.block_until_ready(continued.jit()(sound[:10]))


def test_what_cannot_be_is_refused_with_a_way_out() -> None:
    with pytest.raises(TypeError, match="takes a front end of `xylograph.hw`, not a int"):
        FrontEndJax(3)
    with pytest.raises(ValueError, match="these are real numbers: quantize first"):
        FrontEndJax(FRONT_END)(SIGNAL + 0.5)
    with pytest.raises(DesignRuleError, match=r"deploy what comes behind it \(`network\[1:\]`\)"):
        deploy(Sequential(FRONT_END, LinearJax((15, 4)), LIFJax(4)), "xylo-imu")
