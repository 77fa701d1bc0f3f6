from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from xylograph.models import (
    JaxModule,
    LIFJax,
    WaveSense,
    WaveSenseBlock,
    WaveSenseNet,
    load,
    periodic_exponential,
    save,
    step_pwl,
)

# One size everywhere, and one raster: what runs shares what is compiled.
N = 3
RASTER = np.random.default_rng(0).poisson(0.7, (2, 20, N))


def small(**settings: Any) -> Any:
    sizes = ("n_classes", "n_channels_in", "n_channels_res", "n_channels_skip", "n_hidden")
    defaults: dict[str, Any] = dict.fromkeys(sizes, N) | {"dilations": [1, 2]}
    return WaveSenseNet(**defaults | settings, rng_key=jax.random.key(0))


def excited(**settings: Any) -> Any:
    """A network in which all neurons have something to spike about."""
    network = small(threshold=0.05, threshold_out=0.05, **settings)
    return network.set_attributes(jax.tree.map(abs, network.parameters()))


def block(**settings: Any) -> WaveSenseBlock:
    return WaveSenseBlock(N, N, rng_key=jax.random.key(0), **settings)


def test_spikes_and_constants_are_those_of_the_reference(golden: Callable[[str], Any]) -> None:
    reference = golden("wavesense_forward")
    network = WaveSenseNet(**reference.meta)
    compare(network.simulation_parameters(), reference.tree("sim"))
    network = network.set_attributes(reference.tree("param"))
    output, _, _ = network(reference["input"])
    np.testing.assert_array_equal(output, reference["output"])
    assert np.any(output)


def compare(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        if isinstance(value, dict):
            compare(found[name], value)
        else:
            assert np.shape(found[name]) == value.shape, name
            np.testing.assert_allclose(found[name], value, rtol=2e-6, err_msg=name)


def test_both_names_mean_the_same() -> None:
    assert WaveSense is WaveSenseNet


def test_blocks_follow_the_dilations() -> None:
    network = small()
    assert list(network.modules()) == [
        *("lin1", "spk1", "wave0", "wave1", "hidden", "spk2", "readout", "spk_out")
    ]
    assert network.blocks == ["wave0", "wave1"]
    assert small(n_classes=2).shape == (N, 2)


def test_the_network_is_wired_as_described() -> None:
    """Another way through the children, written from the description."""
    network = excited()

    def call(module: JaxModule, *names: str) -> Callable[[Any], Any]:
        def through(signal: Any) -> Any:
            for name in names:
                signal, _, _ = module.modules()[name](signal, record=True)
            return signal

        return through

    onward, skips = call(network, "lin1", "spk1")(RASTER), []
    for name in network.blocks:
        inner = network.modules()[name]
        hidden = call(inner, "lin1", "spk1")(onward)
        skips.append(call(inner, "lin2_skip", "spk2_skip")(hidden))
        onward = onward + call(inner, "lin2_res", "spk2_res")(hidden)
    expected = call(network, "hidden", "spk2", "readout", "spk_out")(skips[0] + skips[1])
    output, state, record = network(RASTER, record=True)
    np.testing.assert_array_equal(output, expected)
    assert np.any(output)
    np.testing.assert_array_equal(
        record["wave1_output"], np.concatenate([onward, skips[1]], axis=-1)
    )
    assert list(state) == list(network.modules())
    assert list(state["wave0"]) == list(network.modules()["wave0"].modules())
    assert record["spk_out"]["isyn"].shape == (2, 20, N, 1)
    assert record["wave0"]["spk2_res"]["vmem"].shape == (2, 20, N)


def test_hidden_neurons_of_a_block_look_back_by_its_dilation() -> None:
    deep = block(dilation=3, kernel_size=3, base_tau_syn=2e-3, tau_mem=5e-3)
    np.testing.assert_allclose(deep.spk1.tau_syn, [[2e-3, 6e-3, 12e-3]] * 3)
    np.testing.assert_allclose(deep.spk1.tau_mem, 12e-3)
    for neurons in (deep.spk2_res, deep.spk2_skip):
        np.testing.assert_allclose(neurons.tau_syn, 2e-3)
        np.testing.assert_allclose(neurons.tau_mem, 5e-3)
    assert WaveSenseBlock(3, 4).shape == (3, 7)


def test_weights_are_smaller_to_slower_synapses() -> None:
    deep = WaveSenseBlock(60, 60, dilation=4, base_tau_syn=2e-3, rng_key=jax.random.key(0))
    for weights, tau in [(deep.lin1, 8e-3), (deep.lin2_res, 2e-3), (deep.lin2_skip, 2e-3)]:
        bound = np.sqrt(6 / 60) * 1e-3 / tau
        assert 0.97 * bound < np.abs(weights.weight).max() <= bound * (1 + 1e-6)
    network = small(
        n_hidden=200,
        n_classes=20,
        tau_lp=5e-3,
        base_tau_syn=10e-3,
        n_channels_in=4,
        n_channels_skip=4,
    )
    for weights, n_in, tau in [
        (network.lin1, 4, 10e-3),
        (network.hidden, 4, 10e-3),
        (network.readout, 200, 5e-3),
    ]:
        bound = np.sqrt(6 / n_in) * 1e-3 / tau
        assert 0.7 * bound < np.abs(weights.weight).max() <= bound * (1 + 1e-6)


def test_only_weights_are_trained_unless_biases_are() -> None:
    def names(network: JaxModule) -> set[str]:
        paths = jax.tree_util.tree_leaves_with_path(network.parameters())
        return {path[-1].key for path, _ in paths}

    assert names(small()) == {"weight"}
    assert names(small(bias=0.0)) == {"weight", "bias"}


def test_the_side_outputs_have_another_surrogate() -> None:
    functions = small().attributes_named("spike_generation_fn")
    assert functions["wave0"]["spk2_skip"]["spike_generation_fn"] is step_pwl
    functions["wave0"].pop("spk2_skip")
    functions["wave1"].pop("spk2_skip")
    assert set(jax.tree.leaves(functions)) == {periodic_exponential}


class Other(LIFJax):
    """A neuron model of a user's."""


def test_neurons_can_be_of_another_model() -> None:
    def models(network: Any) -> list[type]:
        return [type(network.spk1), type(network.wave0.spk2_res), type(network.spk_out)]

    assert models(small(neuron_model=Other)) == [Other, Other, Other]
    assert models(small(neuron_model_out=Other)) == [LIFJax, LIFJax, Other]


def test_limits_of_spikes_can_be_those_of_a_chip() -> None:
    limits = small(max_spikes_per_dt=31, max_spikes_per_dt_out=1)
    found = limits.attributes_named("max_spikes_per_dt")
    assert found.pop("spk_out") == {"max_spikes_per_dt": 1}
    assert set(jax.tree.leaves(found)) == {31}


def test_all_that_is_wrong_is_named() -> None:
    with pytest.raises(ValueError) as error:
        WaveSenseNet([], n_classes=0, tau_lp=0.0)
    assert str(error.value).splitlines() == [
        "`WaveSenseNet`: `dilations` must name at least one block",
        "`n_classes` must be a whole number of at least 1, got 0",
        "`tau_lp` must be positive, got 0.0",
    ]
    with pytest.raises(ValueError, match=r"`dilations` must be whole numbers .*, got \(2, 0\)"):
        WaveSenseNet([2, 0])
    with pytest.raises(ValueError, match="`WaveSenseBlock`: `Nskip` must be a whole number"):
        WaveSenseBlock(Nskip=0)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="WaveSenseNet: Input has wrong .* It is 2, must be 3"):
        small()(RASTER[..., :2])
    with pytest.raises(ValueError, match="WaveSenseBlock: Input has wrong .* It is 2, must be 3"):
        block()(RASTER[..., :2])


def test_saving_and_loading_gives_the_same_network(tmp_path: Path) -> None:
    network = small()
    loaded = load(save(network, tmp_path / "wavesense.safetensors"))
    assert repr(loaded) == repr(network)
    assert jax.tree.structure(loaded) == jax.tree.structure(network)
    found, wanted = (one(RASTER, record=True)[0] for one in (loaded, network))
    np.testing.assert_array_equal(found, wanted)


def test_it_can_be_trained(losses_of_training: Callable[..., list[float]]) -> None:
    labels = np.arange(9) % N
    # Each class has its own channel.
    data = np.resize(RASTER, (9, 20, N)) * 3 * np.eye(N)[labels][:, None]
    times = {"tau_mem": 5e-3, "base_tau_syn": 2e-3, "tau_lp": 5e-3}
    network = excited(dilations=[2], **times)
    losses = losses_of_training(network, data, labels, learning_rate=0.01)
    assert losses[-1] < 0.6 * losses[0]
