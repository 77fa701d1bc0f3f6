from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mapping_cases import CHIP_NAMES, chain, only_rounded

from xylograph.hw import CHIPS, DesignRuleError, get_chip, saturation_bounds
from xylograph.mapping import (
    QUANTIZERS,
    QuantizationReport,
    Specification,
    channel_quantize,
    deploy,
    global_quantize,
)
from xylograph.models import JaxModule, LIFJax, LinearJax, Sequential, dash_to_tau


@pytest.mark.parametrize("chip", CHIP_NAMES)
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("sizes", [(2, 5, 3), (2, 5, 4, 3)])
@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_chains_become_configurations_that_the_chip_takes(
    chip: str, recurrent: bool, sizes: tuple[int, ...], quantizer: str
) -> None:
    deployment = deploy(chain(*sizes, recurrent=recurrent), chip, quantizer=quantizer)
    config = deployment.config
    assert config.chip is get_chip(chip)
    assert (config.n_inputs, config.n_hidden, config.n_outputs) == (2, sum(sizes[1:-1]), 3)
    assert config.n_input_expansion == 5
    assert config.n_output_expansion == sizes[-2]
    assert config.violations() == []


@pytest.mark.parametrize("chip", [name for name in CHIPS if CHIPS[name].max_synapses == 2])
def test_two_synapses_are_deployed_where_the_chip_has_them(chip: str) -> None:
    config = deploy(chain(2, 5, 3, n_synapses=2, recurrent=True), chip).config
    assert config.n_synapses == 2
    assert all(np.any(config.weights_rec[:, :, k]) for k in (0, 1))


def test_a_deployment_is_shown_on_one_line() -> None:
    deployment = deploy(chain(2, 5, 3), "xylo-imu")
    n_losses = len(deployment.losses)
    shown = f"<Deployment by channel_quantize, {n_losses} losses: {deployment.config!r}>"
    assert repr(deployment) == shown
    assert (
        repr(deployment.specification) == "<Specification SYNS63300: 2 inputs, 5 hidden, 3 outputs>"
    )


def test_every_step_leaves_its_report() -> None:
    deployment = deploy(chain(2, 5, 3), "xylo-imu")
    assert [report.name for report in deployment.log] == [
        "trace",
        "FoldScales",
        "FoldLinearMaps",
        "FoldBiases",
        "ResidualsToAliases",
        "CheckStructure",
        "RoundTimeConstants",
        "PlaceNeurons",
        "AssembleSpecification",
        "FitConnections",
        "SelectWeightShifts",
        "channel_quantize",
        "EmitConfiguration",
        "CheckSaturation",
    ]
    assert deployment.log[-3] is deployment.report


def test_the_default_quantizer_scales_each_neuron() -> None:
    net = chain(2, 5, 3)
    deployment = deploy(net, "xylo-imu")
    assert deployment.config == deploy(net, "xylo-imu", quantizer="channel").config
    expected, _ = channel_quantize(deployment.specification)
    assert deployment.config == expected.to_config()


def test_the_global_quantizer_goes_by_its_name() -> None:
    deployment = deploy(chain(2, 5, 3), "xylo-imu", quantizer="global")
    expected, _ = global_quantize(deployment.specification)
    assert deployment.config == expected.to_config()
    assert deployment.report.name == "global_quantize"


def test_a_quantizer_may_be_a_function() -> None:
    def four_bits(spec: Specification) -> tuple[Specification, QuantizationReport]:
        return channel_quantize(spec, bits_per_weight=4)

    config = deploy(chain(2, 5, 3), "xylo-imu", quantizer=four_bits).config
    assert np.abs(config.weights_in).max() == 7


def test_the_specification_is_the_one_before_rounding() -> None:
    net = chain(2, 5, 3)
    spec = deploy(net, "xylo-imu").specification
    weight: Any = net["0_LinearJax"]
    assert np.array_equal(spec.weights_in[:, :, 0], np.float64(weight.weight))


def test_deploying_twice_gives_the_same_configuration_and_log() -> None:
    first, second = (deploy(chain(2, 5, 3, recurrent=True), "xylo-audio-3") for _ in range(2))
    assert first.config == second.config
    assert list(map(str, first.log)) == list(map(str, second.log))


def test_losses_are_those_of_all_steps() -> None:
    taus: dict[str, Any] = {"tau_mem": dash_to_tau(4, 1e-3), "tau_syn": dash_to_tau(2, 1e-3)}
    net = Sequential(
        LinearJax((1, 2), weight=[[127.0, 64.0]]),
        LIFJax(2, threshold=100.0, noise_std=0.5, **taus),
        LinearJax((2, 1), weight=[[127.0], [-1.0]]),
        LIFJax(1, threshold=100.0, max_spikes_per_dt=1, tau_mem=1.6e-3, tau_syn=taus["tau_syn"]),
    )
    assert deploy(net, "xylo-imu", quantizer="global").losses[:-1] == (
        "`3_LIFJax`: `tau_mem` of 1.6 ms becomes 1.443 ms (shift 1, -9.8%) in 1 place",
        "`1_LIFJax` may spike 65536 times a step in the network, 31 on the chip",
        "`1_LIFJax` has noise (noise_std = 0.5); the chip has none",
    )


def test_what_can_saturate_is_the_last_loss() -> None:
    deployment = deploy(chain(2, 5, 3), "xylo-imu")
    heading, first = str(saturation_bounds(deployment.config)).splitlines()[:2]
    assert deployment.losses[-1] == (
        f"with the worst input {heading[:-1]}, such as {first[2:]}; see `saturation_bounds`"
    )


def test_a_network_made_of_the_chips_numbers_loses_nothing() -> None:
    taus: dict[str, Any] = {"tau_mem": dash_to_tau(4, 1e-3), "tau_syn": dash_to_tau(2, 1e-3)}
    net = Sequential(
        LinearJax((1, 2), weight=[[12.0, 6.0]]),
        LIFJax(2, threshold=100.0, max_spikes_per_dt=31, **taus),
        LinearJax((2, 1), weight=[[12.0], [-1.0]]),
        LIFJax(1, threshold=100.0, max_spikes_per_dt=1, **taus),
    )
    assert deploy(net, "xylo-imu", quantizer=only_rounded).losses == ()


def test_an_unknown_quantizer_is_refused_before_anything_is_done() -> None:
    with pytest.raises(
        ValueError, match="no quantizer is called 'best'; known are channel, global, calibrated"
    ):
        deploy("no network", "no chip", quantizer="best")  # pyright: ignore[reportArgumentType]


def test_what_is_neither_name_nor_function_is_no_quantizer() -> None:
    with pytest.raises(TypeError, match="a quantizer is a name or a function, this is a `int`"):
        deploy(chain(2, 5, 3), "xylo-imu", quantizer=8)  # pyright: ignore[reportArgumentType]


def test_a_quantizer_that_leaves_fractions_is_told_so() -> None:
    def lazy(spec: Specification) -> tuple[Specification, QuantizationReport]:
        return spec, QuantizationReport("lazy", "did nothing")

    with pytest.raises(ValueError, match="not an integer: quantize first"):
        deploy(chain(2, 5, 3), "xylo-imu", quantizer=lazy)


def test_a_quantizer_that_leaves_the_ranges_is_told_so() -> None:
    def generous(spec: Specification) -> tuple[Specification, QuantizationReport]:
        integers, report = only_rounded(replace(spec, weights_out=spec.weights_out * 0 + 200))
        return integers, report

    with pytest.raises(ValueError, match=r"`weights_out\[0, 0\]` is 200, the range is -128..127"):
        deploy(chain(2, 5, 3), "xylo-imu", quantizer=generous)


def test_unknown_chips_and_other_things_are_refused() -> None:
    with pytest.raises(ValueError, match="no chip is called 'nonsense'"):
        deploy(chain(2, 5, 3), "nonsense")
    with pytest.raises(TypeError, match="a network is a `JaxModule`, this is a `str`"):
        deploy("net.json", "xylo-imu")  # pyright: ignore[reportArgumentType]


def test_a_network_that_cannot_be_placed_is_not_quantized() -> None:
    def never(spec: Specification) -> Any:
        raise AssertionError("was called")

    with pytest.raises(DesignRuleError, match="hidden_and_output_neurons"):
        deploy(chain(2, 5), "xylo-imu", quantizer=never)


def test_a_network_without_biases_fits_the_chip_without_biases() -> None:
    config = deploy(chain(2, 5, 3), "SYNS61300").config
    assert not np.any(config.bias) and not np.any(config.bias_out)


def test_biases_are_refused_on_the_chip_without_in_the_words_of_the_network() -> None:
    net = Sequential(
        *list(chain(2, 2, 2))[:1],
        LIFJax(2, bias=[0.0, 0.5]),
        LinearJax((2, 2), weight=np.eye(2)),
        LIFJax(2, bias=[0.25, 0.0]),
    )
    with pytest.raises(DesignRuleError) as caught:
        deploy(net, "SYNS61300")
    assert [v.where for v in caught.value.violations] == [
        "`1_LIFJax`[1] (hidden neuron 1)",
        "`3_LIFJax`[0] (output neuron 0)",
    ]
    assert caught.value.violations[1].message == "has the bias 32; SYNS61300 has no bias"


def sparse(n_hidden: int, fan_out: dict[int, int]) -> JaxModule:
    """One hidden layer; the neurons named drive so many others."""
    w_rec = np.zeros((n_hidden, n_hidden))
    for neuron, n_targets in fan_out.items():
        w_rec[neuron, :n_targets] = 1
    return Sequential(
        LinearJax((1, n_hidden), weight=np.ones((1, n_hidden))),
        LIFJax(n_hidden, has_rec=True, w_rec=w_rec),
        LinearJax((n_hidden, 1), weight=np.ones((n_hidden, 1))),
        LIFJax(1),
    )


def test_a_network_too_large_with_too_much_fan_out_hears_of_both_at_once() -> None:
    with pytest.raises(DesignRuleError) as caught:
        deploy(sparse(1001, {17: 71, 18: 64}), "SYNS61201")
    assert [v.rule for v in caught.value.violations] == [
        "hidden_neurons_within_limit",
        "input_expansion_within_limit",
        "output_expansion_within_limit",
        "fan_out_within_limit",
    ]
    too_wide = caught.value.violations[-1]
    assert too_wide.where == "`1_LIFJax`[17] (hidden neuron 17)"
    assert too_wide.message == "drives 71 hidden neurons; SYNS61201 allows 64"


def test_a_network_at_the_limits_is_deployed() -> None:
    config = deploy(sparse(1000, {17: 64, 999: 64}), "SYNS61201").config
    assert {row.resource: row.used for row in config.usage()}["largest fan-out"] == 64


def test_input_and_output_neurons_up_to_the_limit_of_the_chip_are_deployed() -> None:
    assert deploy(chain(16, 128, 64, 16), "xylo-imu").config.n_input_expansion == 128
    with pytest.raises(
        DesignRuleError, match="129 hidden neurons that receive input; SYNS63300 allows 128"
    ):
        deploy(chain(16, 129, 64, 16), "xylo-imu")


def test_too_many_recurrent_entries_are_refused() -> None:
    with pytest.raises(
        DesignRuleError, match="has 32761 recurrent entries; SYNS65302 allows 31744"
    ):
        deploy(sparse_full(181), "xylo-audio-3", quantizer="global")


def sparse_full(n_hidden: int) -> JaxModule:
    return sparse(n_hidden, dict.fromkeys(range(n_hidden), n_hidden))
