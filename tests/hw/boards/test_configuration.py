"""Configurations in the fields of the vendor's software, and back."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from board_cases import CHIP_NAMES, obedient, random_config
from engine_cases import Case, cases
from hypothesis import given, settings

from xylograph.hw import DesignRuleError, IMUIFSim, XyloConfig, from_samna, samna_fields
from xylograph.hw.frontends import IAFEncoder
from xylograph.models import FormatError


def as_object(fields: Any) -> Any:
    """Fields as attributes of objects with arrays, as the vendor's software has them."""
    if isinstance(fields, dict):
        return SimpleNamespace(**{name: as_object(value) for name, value in fields.items()})
    if isinstance(fields, list) and fields and isinstance(fields[0], dict):
        return [as_object(value) for value in fields]
    if isinstance(fields, list) and fields and isinstance(fields[0], list):
        return np.array(fields, np.int8)
    return fields


def padded(config: XyloConfig) -> XyloConfig:
    """With a row of output weights for every hidden neuron, as Audio 2 and Xylo 1 have it."""
    if config.chip.name not in ("SYNS61300", "SYNS61201"):
        return config
    given: dict[str, Any] = {k: value for k, value in vars(config).items() if k != "_usage"}
    missing = config.n_hidden - config.n_output_expansion
    given["weights_out"] = np.pad(config.weights_out, ((missing, 0), (0, 0)))
    return XyloConfig(**given)


@settings(deadline=None, max_examples=40)
@given(case=cases(max_hidden=12, max_steps=1))
def test_all_that_a_configuration_holds_comes_back(case: Case) -> None:
    config = obedient(case.config)
    if config.n_synapses == 1 and config.chip.name == "SYNS63300":
        # Xylo IMU has no place for what is not used anyway.
        given = {k: v for k, v in vars(config).items() if k not in ("dash_syn_2", "_usage")}
        config = XyloConfig(**given)
    fields = samna_fields(config)
    wanted = padded(config)
    assert from_samna(fields, config.chip, dt=config.dt) == wanted
    assert from_samna(json.dumps(fields), config.chip, dt=config.dt) == wanted
    assert from_samna(as_object(fields), config.chip, dt=config.dt) == wanted


def test_the_second_synapse_of_audio_3_is_written() -> None:
    config = XyloConfig(
        "SYNS65302",
        weights_in=[[[1, 2], [3, 4]]],
        weights_rec=[[[0, 0], [5, 6]], [[0, 7], [0, 0]]],
        weights_out=[[8], [9]],
        dash_syn_2=[4, 5],
    )
    fields = samna_fields(config)
    assert fields["synapse2_enable"] is True
    assert fields["input"]["syn2_weights"] == [[2, 4]]
    assert fields["hidden"]["syn2_weights"] == [[0, 6], [7, 0]]
    assert [neuron["i_syn2_decay"] for neuron in fields["hidden"]["neurons"]] == [4, 5]


@pytest.mark.parametrize("chip", ["SYNS61201", "SYNS63300", "SYNS65302"])
@pytest.mark.parametrize(
    ("biases", "is_enabled"),
    [({}, False), ({"bias": [0, 3]}, True), ({"bias_out": -1}, True)],
)
def test_biases_are_enabled_when_there_are_any(
    chip: str, biases: dict[str, Any], is_enabled: bool
) -> None:
    config = XyloConfig(chip, weights_in=[[1, 1]], weights_out=[[1], [1]], **biases)
    fields = samna_fields(config)
    assert fields["bias_enable"] is is_enabled
    assert fields["debug"].get("bias_clock_enable", False) is (is_enabled and chip != "SYNS65302")
    assert from_samna(fields, chip) == config


def test_xylo_1_has_no_switch_for_biases() -> None:
    assert "bias_enable" not in samna_fields(random_config("SYNS61300", seed=1))


@pytest.mark.parametrize("chip", CHIP_NAMES)
def test_an_alias_to_neuron_0_is_one_and_none_is_none(chip: str) -> None:
    config = XyloConfig(chip, weights_in=[[1, 1]], weights_out=[[1], [1]], aliases=[[], [0]])
    fields = samna_fields(config)
    section = fields["reservoir" if chip in ("SYNS61300", "SYNS61201") else "hidden"]
    assert section["aliasing"] is True
    assert [neuron["alias_target"] for neuron in section["neurons"]] == [None, 0]


def test_without_aliases_they_are_off() -> None:
    config = XyloConfig("SYNS63300", weights_in=[[1]], weights_out=[[1]])
    assert samna_fields(config)["hidden"]["aliasing"] is False


@pytest.mark.parametrize(
    ("chip", "rows"),
    [("SYNS61201", [[0], [0], [7]]), ("SYNS63300", [[7]]), ("SYNS65302", [[7]])],
)
def test_output_weights_belong_to_the_last_neurons(chip: str, rows: list[list[int]]) -> None:
    config = XyloConfig(
        chip, weights_in=[[1, 1, 1]], weights_rec=np.zeros((3, 3), int), weights_out=[[7]]
    )
    assert samna_fields(config)["readout"]["weights"] == rows


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"aliases": [[1, 2], [], []]}, "has 2 alias targets"),
        ({"bias": 128}, "has the bias 128"),
        ({"weight_shift_in": 8}, "is 8; SYNS63300 allows 0..7"),
        ({"weights_out": np.ones((3, 17), int)}, "has 17 outputs"),
    ],
)
def test_what_breaks_a_rule_is_not_written(wrong: dict[str, Any], message: str) -> None:
    given = {"weights_in": np.ones((1, 3), int), "weights_out": np.ones((3, 1), int)} | wrong
    with pytest.raises(DesignRuleError, match=message):
        samna_fields(XyloConfig("SYNS63300", **given))


def test_fresh_matrices_of_the_vendor_stand_for_zeros() -> None:
    fields = samna_fields(random_config("SYNS65302", seed=2))
    fields["hidden"]["weights"] = fields["hidden"]["syn2_weights"] = [[0]]
    assert not from_samna(fields, "SYNS65302").weights_rec.any()


def test_what_is_switched_off_is_left_out() -> None:
    fields = samna_fields(random_config("SYNS65302", seed=3))
    fields |= {"bias_enable": 0, "synapse2_enable": 0}
    fields["hidden"]["aliasing"] = 0
    config = from_samna(fields, "SYNS65302")
    assert config.n_synapses == 1
    assert not config.bias.any()
    assert not any(config.aliases)


def broken(path: str, value: Any) -> dict[str, Any]:
    fields = samna_fields(random_config("SYNS65302", seed=4))
    *sections, name = path.split(".")
    part = fields
    for section in sections:
        part = part[section]
    if value is KeyError:
        del part[name]
    else:
        part[name] = value
    return fields


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("hidden.weights", KeyError, r"lacks `\$\.hidden\.weights`: is it one of this chip\?"),
        ("hidden.weights", [[1, 2]], r"with the shape \(7, 7\); this has the shape \(1, 2\)"),
        ("input.weights", [[1], [2, 3]], "is a matrix of integers with two axes"),
        ("input.weights", [[200] * 7] * 3, r"`weights_in\[0, 0, 0\]` is 200"),
        ("bias_enable", "yes", r"`\$\.bias_enable` of the samna configuration is 'yes'"),
        ("hidden.neurons", 3, r"`\$\.hidden\.neurons` of the samna configuration is no list"),
        ("readout.neurons", [{}, {}], r"lacks `\$\.readout\.neurons\[0\]\.v_mem_decay`"),
    ],
)
def test_what_is_no_samna_configuration_is_refused_by_place(
    path: str, value: Any, message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        from_samna(broken(path, value), "SYNS65302")


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "null", "[]", b"\xff"])
def test_text_that_is_none_is_refused(text: str | bytes) -> None:
    with pytest.raises(FormatError):
        from_samna(text, "SYNS65302")


def with_front_end() -> XyloConfig:
    """A configuration of Xylo IMU with registers that are not the defaults."""
    config = XyloConfig("xylo-imu", weights_in=np.full((15, 2), 9), weights_out=[[7], [5]], dt=5e-3)
    return IMUIFSim(encoder=IAFEncoder(77)).configure(config)


def test_the_front_end_of_imu_comes_back() -> None:
    config = with_front_end()
    fields = samna_fields(config)
    assert fields["input_interface"]["iaf_threshold_values"] == [77] * 15
    assert fields["input_interface"]["enable"] is True
    for source in (fields, json.dumps(fields)):
        assert from_samna(source, "xylo-imu") == config


def test_a_front_end_that_is_off_is_left_out() -> None:
    fields = samna_fields(with_front_end())
    fields["input_interface"]["enable"] = False
    assert from_samna(fields, "xylo-imu").input_interface is None
    assert from_samna(fields, "xylo-imu").dt == 1e-3
    # The vendor's own settings, which are not known.
    fields["input_interface"] = {"enable": True}
    assert from_samna(fields, "xylo-imu").input_interface is None


def test_registers_that_are_out_of_range_are_named() -> None:
    fields = samna_fields(with_front_end())
    fields["input_interface"]["scale_values"] = [99] * 15
    with pytest.raises(FormatError, match=r"`\$\.input_interface`.*`scale_values`\[0\] is 99"):
        from_samna(fields, "xylo-imu")
