from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from xylograph.models import Constant, DropoutJax, LIFJax, SynNet, load, save

# One size everywhere, and one raster: what runs shares what is compiled.
N = 5
RASTER = np.random.default_rng(0).poisson(0.7, (2, 20, N))


def small(**settings: Any) -> Any:
    defaults: dict[str, Any] = {
        "size_hidden_layers": [N, N],
        "time_constants_per_layer": [3, 2],
        "rng_key": jax.random.key(0),
    }
    return SynNet(N, N, **defaults | settings)


def test_spikes_and_constants_are_those_of_the_reference(golden: Callable[[str], Any]) -> None:
    reference = golden("synnet_forward")
    network = SynNet(**reference.meta)
    simulation = network.simulation_parameters()["seq"]
    for name, values in reference.tree("sim")["seq"].items():
        for attribute, value in values.items():
            found = simulation[name][attribute]
            assert np.shape(found) == value.shape
            np.testing.assert_allclose(found, value, rtol=2e-6)
    network = network.set_attributes(reference.tree("param"))
    output, _, _ = network(reference["input"])
    np.testing.assert_array_equal(output, reference["output"])
    assert np.any(output)


def test_it_is_one_chain() -> None:
    network = small(p_dropout=0.1)
    assert list(network.seq.modules()) == [
        *("0_linear", "0_neurons", "0_dropout"),
        *("1_linear", "1_neurons", "1_dropout"),
        *("out_linear", "out_neurons"),
    ]
    assert network.lif_names == ["0_neurons", "1_neurons", "out_neurons"]
    assert network.label_last_LIF == "out_neurons"
    _, state, record = network(RASTER, record=True)
    assert list(state) == ["seq"]
    assert list(record["seq"]) == [
        name for child in network.seq.modules() for name in (child, f"{child}_output")
    ]


def test_only_weights_are_trained() -> None:
    network = small()
    assert network.parameters("weights").keys() == {"seq"}
    paths = jax.tree_util.tree_leaves_with_path(network.parameters())
    assert {path[-1].key for path, _ in paths} == {"weight"}


def test_more_is_trained_where_said() -> None:
    network = small(train_time_constants=True, train_threshold=True)
    for name in ("0_neurons", "1_neurons"):
        trained = network.parameters()["seq"][name]
        assert set(trained) == {"tau_mem", "tau_syn", "threshold"}
    assert network.parameters()["seq"]["out_neurons"] == {}


def test_synaptic_time_constants_are_spread_over_the_neurons() -> None:
    taus = small(quantize_time_constants=False, tau_syn_base=3e-3, tau_mem=5e-3).seq
    spread = np.array([3e-3, 9e-3, 27e-3])
    np.testing.assert_allclose(taus["0_neurons"].tau_syn[:, 0], spread[[0, 1, 2, 0, 1]])
    np.testing.assert_allclose(taus["1_neurons"].tau_syn[:, 0], spread[[0, 1, 0, 1, 0]])
    np.testing.assert_allclose(taus["0_neurons"].tau_mem, 5e-3)


def test_quantized_time_constants_are_bit_shifts() -> None:
    network: Any = SynNet(N, N, [10], [10], tau_mem=7e-3, tau_syn_out=30e-3, dt=1.5e-3)
    hidden, out = network.seq["0_neurons"], network.seq["out_neurons"]
    for tau, wanted in [
        (hidden.tau_syn[:, 0], 1.5e-3 * (2 / 1.5) ** np.arange(1, 11)),
        (hidden.tau_mem, 7e-3),
        (out.tau_syn, 30e-3),
    ]:
        dash = -np.log2(1 - np.exp(-1.5e-3 / np.asarray(tau, np.float64)))
        unrounded = -np.log2(1 - np.exp(-1.5e-3 / wanted))
        np.testing.assert_allclose(dash, np.round(unrounded), atol=1e-5)


def test_weights_are_smaller_to_slower_synapses() -> None:
    network: Any = SynNet(40, 100, [60], [3], rng_key=jax.random.key(3))
    first, last = network.seq["0_linear"].weight, network.seq["out_linear"].weight
    tau_syn = np.asarray(network.seq["0_neurons"].tau_syn[:, 0])
    bounds = np.sqrt(6 / 100) * 1e-3 / tau_syn
    largest = np.abs(first).max(axis=0)
    assert np.all(largest <= bounds * (1 + 1e-6))
    assert np.all(largest > 0.8 * bounds)
    bound = np.sqrt(6 / 60) * 1e-3 / float(network.seq["out_neurons"].tau_syn)
    assert 0.95 * bound < np.abs(last).max() <= bound * (1 + 1e-6)


def test_resetting_draws_weights_of_the_same_size() -> None:
    network = small()
    fresh = network.reset_parameters(jax.random.key(9))
    old, new = (n.seq["0_linear"].weight for n in (network, fresh))
    assert np.all(old != new)
    bounds = np.sqrt(6 / 5) * 1e-3 / np.asarray(network.seq["0_neurons"].tau_syn[:, 0])
    assert np.all(np.abs(new) <= bounds * (1 + 1e-6))


def test_one_key_gives_one_network() -> None:
    first, again, other = (
        jax.tree.leaves(small(rng_key=jax.random.key(seed))) for seed in (0, 0, 1)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_limits_of_spikes_hold() -> None:
    network = small(max_spikes_per_dt=2, max_spikes_per_dt_out=1, threshold=0.01)
    output, _, record = network(RASTER, record=True)
    assert record["seq"]["0_neurons"]["spikes"].max() == 2
    assert output.max() == 1


def test_thresholds_of_the_output_can_differ() -> None:
    def thresholds(**settings: float) -> list[float]:
        chain = small(**settings).seq
        return [float(chain[name].threshold) for name in ("0_neurons", "out_neurons")]

    assert thresholds(threshold=0.5) == [0.5, 0.5]
    assert thresholds(threshold=0.5, threshold_out=0.25) == [0.5, 0.25]


def test_voltages_can_be_the_output() -> None:
    network = small(output="vmem", threshold=0.1)
    output, _, record = network(RASTER, record=True)
    last = record["seq"]["out_neurons"]
    np.testing.assert_array_equal(output, last["vmem"])
    assert np.any(output)
    assert not np.any(last["spikes"])
    assert float(network.seq["out_neurons"].threshold) == 2**15 - 1
    plain, _, nothing = network(RASTER)
    np.testing.assert_array_equal(plain, output)
    assert nothing == {}
    assert (network.spiking_output, small().spiking_output) == (False, True)


def test_dropout_acts_in_training_only() -> None:
    dropped, plain = small(p_dropout=0.5, threshold=0.1), small(threshold=0.1)
    dropped = dropped.set_attributes(plain.parameters())
    assert isinstance(dropped.seq["0_dropout"], DropoutJax)
    _, _, record = dropped(RASTER, record=True)
    kept, given = record["seq"]["0_dropout_output"], record["seq"]["0_neurons_output"]
    left_out = np.asarray((kept == 0) & (given > 0)).sum() / np.asarray(given > 0).sum()
    assert 0.3 < left_out < 0.7
    off = jax.tree.map(lambda _: False, dropped.attributes_named("training"))
    again, _, _ = dropped.set_attributes(off)(RASTER, record=True)
    np.testing.assert_array_equal(again, plain(RASTER, record=True)[0])


class Leakless(LIFJax):
    """A neuron model of a user's."""

    def __init__(self, shape: Any, **settings: Any) -> None:
        super().__init__(shape, **settings | {"tau_mem": Constant(10.0)})


def test_neurons_can_be_of_another_model() -> None:
    network = small(
        neuron_model=Leakless, neuron_kwargs={"learning_window": 0.25, "threshold": 3.0}
    )
    for name in network.lif_names:
        neurons = network.seq[name]
        assert type(neurons) is Leakless
        assert (float(neurons.tau_mem), neurons.learning_window) == (10.0, 0.25)
        assert float(neurons.threshold) == 3.0


def test_all_that_is_wrong_is_named() -> None:
    with pytest.raises(ValueError) as error:
        SynNet(
            0,
            4,
            size_hidden_layers=[8, 0],
            time_constants_per_layer=[2],
            tau_syn_base=1e-3,
            tau_mem=-1.0,
            threshold_out=1.0,
            output="vmem",
        )
    assert str(error.value).splitlines() == [
        "`SynNet`: `n_classes` must be a whole number of at least 1, got 0",
        "`size_hidden_layers` must be whole numbers of at least 1, got (8, 0)",
        "`tau_mem` must be positive, got -1.0",
        "`size_hidden_layers` and `time_constants_per_layer` must be of one length, got 2 and 1",
        "`tau_syn_base` must be above `dt`, got 0.001 and 0.001",
        "`threshold_out` has no meaning with `output='vmem'`, where output neurons do not spike",
    ]
    with pytest.raises(ValueError, match="`output` must be 'spikes' or 'vmem', got 'spike'"):
        small(output="spike")


def test_a_time_constant_without_a_bit_shift_is_refused() -> None:
    message = "`tau_mem` of 0.0008 s is too short for steps of 0.001 s: its nearest bit shift is 0"
    with pytest.raises(ValueError, match=message):
        small(tau_mem=0.8e-3)
    assert float(small(tau_mem=0.83e-3).seq["0_neurons"].tau_mem) == pytest.approx(1e-3 / np.log(2))


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="SynNet: Input has wrong neuron dimension. It is 4, must"):
        small()(RASTER[..., :4])


def test_saving_and_loading_gives_the_same_network(tmp_path: Path) -> None:
    network = small(output="vmem", p_dropout=0.2)
    loaded = load(save(network, tmp_path / "synnet.safetensors"))
    assert repr(loaded) == repr(network)
    assert jax.tree.structure(loaded) == jax.tree.structure(network)
    np.testing.assert_array_equal(loaded(RASTER)[0], network(RASTER)[0])
    key = jax.random.key(4)
    again = loaded.reset_parameters(key).parameters()
    jax.tree.map(np.testing.assert_array_equal, again, network.reset_parameters(key).parameters())


@pytest.mark.parametrize("output", ["spikes", "vmem"])
def test_it_can_be_trained(output: str, losses_of_training: Callable[..., list[float]]) -> None:
    labels = np.arange(10) % N
    # Each class has its own channel.
    data = np.resize(RASTER, (10, 20, N)) * 2 * np.eye(N)[labels][:, None]
    network = SynNet(N, N, [N], [3], output=output, threshold=0.5, rng_key=jax.random.key(0))
    losses = losses_of_training(network, data, labels, learning_rate=0.02)
    assert losses[-1] < 0.6 * losses[0]
