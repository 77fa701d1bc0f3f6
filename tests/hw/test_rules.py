import pickle
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.hw import CHIPS, Chip, DesignRuleError, IMUIFSim, Violation, XyloConfig
from xylograph.hw._rules import RULES
from xylograph.models import XylographError


def sized(
    chip: str = "SYNS65302",
    *,
    n_in: int = 1,
    n_hidden: int = 4,
    n_out: int = 1,
    n_ien: int = 1,
    n_oen: int = 1,
    n_syn: int = 1,
    **more: Any,
) -> XyloConfig:
    fields: dict[str, Any] = {
        "weights_in": np.ones((n_in, n_ien, n_syn)),
        "weights_rec": np.zeros((n_hidden, n_hidden, n_syn)),
        "weights_out": np.ones((n_oen, n_out)),
    }
    return XyloConfig(chip, **(fields | more))


def with_targets(n_hidden: int, n_targets: dict[int, int], chip: str) -> XyloConfig:
    """A configuration in which some neurons drive the given numbers of neurons."""
    weights = np.zeros((n_hidden, n_hidden))
    for source, n in n_targets.items():
        weights[source, :n] = -1
    return sized(chip, n_hidden=n_hidden, weights_rec=weights)


def only(config: XyloConfig) -> Violation:
    (violation,) = config.violations()
    return violation


@pytest.mark.parametrize("name", CHIPS)
def test_a_small_network_breaks_no_rule_of_any_chip(name: str) -> None:
    config = sized(name, aliases=[[1], [], [1], [2]])
    assert config.violations() == []
    config.validate()


@pytest.mark.parametrize("name", CHIPS)
def test_a_network_at_every_limit_breaks_no_rule(name: str) -> None:
    chip = CHIPS[name]
    n, n_syn = chip.max_hidden, chip.max_synapses
    per_neuron = chip.max_recurrent_entries // n
    weights_rec = np.zeros((n, n, n_syn), dtype=np.int8)
    weights_rec[:, :per_neuron] = 127
    # One neuron has the largest fan-out, at the cost of others, so that the total is the limit too.
    most = min(chip.max_fan_out, n)
    weights_rec[0, :most] = -128
    n_freed = -(-(most - per_neuron) // per_neuron)
    weights_rec[n - n_freed :] = 0
    biases: dict[str, Any] = {"bias": -128, "bias_out": 127} if chip.has_bias else {}
    config = sized(
        name,
        n_in=chip.max_inputs,
        n_ien=chip.max_input_expansion,
        n_oen=chip.max_output_expansion,
        n_out=chip.max_outputs,
        n_syn=n_syn,
        weights_rec=weights_rec,
        aliases=[[(i + 1) % n] for i in range(n)],
        weight_shift_in=7,
        weight_shift_rec=7,
        weight_shift_out=7,
        **biases,
    )
    assert config.violations() == []
    used = {row.chip_field: row.used for row in config.usage()}
    assert used["max_fan_out"] == most
    assert 0 <= chip.max_recurrent_entries - used["max_recurrent_entries"] < per_neuron


def one_too_many(chip: Chip) -> Iterator[tuple[str, str, XyloConfig]]:
    """Rule, message and a configuration that is one beyond the limit, for each count."""
    name = chip.name
    n = chip.max_inputs + 1
    config = sized(name, n_in=n)
    yield "inputs_within_limit", f"{n} inputs; {name} allows {n - 1}", config
    n = chip.max_hidden + 1
    config = sized(name, n_hidden=n)
    yield "hidden_neurons_within_limit", f"{n} hidden neurons; {name} allows {n - 1}", config
    n = chip.max_outputs + 1
    config = sized(name, n_out=n)
    yield "outputs_within_limit", f"{n} outputs; {name} allows {n - 1}", config
    n = chip.max_synapses + 1
    if n <= 2:
        text = f"{n} synapses per hidden neuron; {name} allows {n - 1}"
        yield "synapses_within_limit", text, sized(name, n_syn=n)
    for side in ("input", "output"):
        n = getattr(chip, f"max_{side}_expansion") + 1
        if n <= chip.max_hidden:
            text = f"{n} {side} expansion neurons; {name} allows {n - 1}"
            n_ien, n_oen = (n, 1) if side == "input" else (1, n)
            config = sized(name, n_hidden=n, n_ien=n_ien, n_oen=n_oen)
            yield f"{side}_expansion_within_limit", text, config


@pytest.mark.parametrize(
    ("rule", "text", "config"), [case for chip in CHIPS.values() for case in one_too_many(chip)]
)
def test_one_more_than_the_chip_has_is_a_violation(
    rule: str, text: str, config: XyloConfig
) -> None:
    violation = only(config)
    assert (violation.rule, violation.where) == (rule, "the configuration")
    assert violation.message == f"has {text}"


def test_fan_out_names_the_neuron_the_limit_and_the_chips_with_more() -> None:
    violation = only(with_targets(80, {17: 71}, "SYNS61201"))
    assert violation == Violation(
        rule="fan_out_within_limit",
        where="hidden neuron 17",
        message="drives 71 hidden neurons; SYNS61201 allows 64",
        hint="prune row 17 of `weights_rec`, or map to SYNS63300, which allows 512, or SYNS65302, "
        "which allows 1024",
    )


def test_a_chip_without_room_for_the_rest_is_no_way_out() -> None:
    assert only(with_targets(600, {17: 71}, "SYNS61201")).hint == (
        "prune row 17 of `weights_rec`, or map to SYNS65302, which allows 1024"
    )
    assert only(with_targets(1000, {17: 71}, "SYNS61201")).hint == "prune row 17 of `weights_rec`"


def test_expansion_neurons_without_weights_do_not_keep_another_chip_from_being_named() -> None:
    weights_in = np.zeros((1, 200))
    weights_in[0, 150] = 1
    weights_rec = np.zeros((200, 200))
    weights_rec[0, :65] = 1
    config = XyloConfig(
        "SYNS61201", weights_in=weights_in, weights_rec=weights_rec, weights_out=[[1]]
    )
    assert "or map to SYNS63300" in only(config).hint


def test_a_target_of_both_synapses_counts_once() -> None:
    weights = np.zeros((80, 80, 2))
    weights[3, :64] = 1
    assert sized("SYNS61201", n_hidden=80, n_syn=2, weights_rec=weights).violations() == []
    weights[3, 64, 1] = 1
    config = sized("SYNS61201", n_hidden=80, n_syn=2, weights_rec=weights)
    assert only(config).message == "drives 65 hidden neurons; SYNS61201 allows 64"


@settings(deadline=None, max_examples=30)
@given(
    counts=st.dictionaries(st.integers(0, 99), st.integers(0, 100), max_size=8),
    name=st.sampled_from(["SYNS61300", "SYNS61201"]),
)
def test_exactly_the_neurons_beyond_the_fan_out_are_named(
    counts: dict[int, int], name: str
) -> None:
    found = with_targets(100, counts, name).violations()
    expected = [f"hidden neuron {source}" for source, n in sorted(counts.items()) if n > 64]
    assert [violation.where for violation in found] == expected


def test_the_total_of_recurrent_entries_is_limited_besides_the_fan_out() -> None:
    config = with_targets(600, {source: 54 for source in range(600)}, "SYNS61201")
    assert only(config) == Violation(
        rule="recurrent_entries_within_limit",
        where="the configuration",
        message="has 32400 recurrent entries; SYNS61201 allows 32000",
        hint="prune `weights_rec`",
    )


def test_several_alias_targets_are_refused() -> None:
    violation = only(sized(aliases=[[1, 2], [], [3], []]))
    assert violation.rule == "alias_targets_within_limit"
    assert str(violation) == (
        "hidden neuron 0 has 2 alias targets; SYNS65302 allows 1: keep 1 of `aliases[0]` = [1, 2] "
        "[alias_targets_within_limit]"
    )


def test_a_target_with_several_sources_is_allowed() -> None:
    assert sized(aliases=[[3], [3], [0], []]).violations() == []


def test_an_alias_of_itself_is_refused() -> None:
    assert str(only(sized(aliases=[[], [], [2], []]))) == (
        "hidden neuron 2 has itself as alias target; it needs to be another neuron: remove 2 from "
        "`aliases[2]` [alias_targets_another_neuron]"
    )


def test_a_chip_without_bias_takes_none() -> None:
    hidden, output = sized("SYNS61300", bias=[0, 3, 0, 0], bias_out=-2000).violations()
    assert str(hidden) == (
        "hidden neuron 1 has the bias 3; SYNS61300 has no bias: set `bias[1]` to 0, or map to "
        "SYNS61201, SYNS63300 or SYNS65302 [bias_only_where_available]"
    )
    assert output.where == "output neuron 0"
    assert output.message == "has the bias -2000; SYNS61300 has no bias"
    assert output.hint.startswith("set `bias_out[0]` to 0, or map to SYNS61201")


@pytest.mark.parametrize(
    ("value", "allowed"), [(-129, False), (-128, True), (127, True), (128, False)]
)
@pytest.mark.parametrize(
    ("field", "where"), [("bias", "hidden neuron 2"), ("bias_out", "output neuron 2")]
)
def test_a_bias_beyond_8_bit_is_stored_and_refused(
    value: int, allowed: bool, field: str, where: str
) -> None:
    biases: dict[str, Any] = {field: [0, 0, value]}
    found = sized(n_out=3, n_hidden=3, **biases).violations()
    text = f"{where} has the bias {value}; SYNS65302 surely holds -128..127"
    assert [f"{violation.where} {violation.message}" for violation in found] == [text][allowed:]


@pytest.mark.parametrize("layer", ["in", "rec", "out"])
@pytest.mark.parametrize("shift", [8, 15])
def test_a_weight_shift_beyond_3_bit_is_stored_and_refused(layer: str, shift: int) -> None:
    shifts: dict[str, Any] = {f"weight_shift_{layer}": shift}
    assert only(sized(**shifts)) == Violation(
        rule="weight_shifts_within_range",
        where=f"`weight_shift_{layer}`",
        message=f"is {shift}; SYNS65302 allows 0..7",
        hint=f"shift by at most 7 and give the rest to `weights_{layer}`",
    )


def broken_everywhere() -> XyloConfig:
    """Breaks every rule but the one of chips that have biases."""
    rng = np.random.default_rng(0)
    return XyloConfig(
        "SYNS63300",
        weights_in=rng.integers(1, 9, (17, 600, 2)),
        weights_rec=rng.integers(1, 9, (600, 600, 2)),
        weights_out=rng.integers(1, 9, (600, 33)),
        bias_out=1000,
        aliases=[[0, 1]] + [[]] * 599,
        weight_shift_rec=9,
    )


def test_every_rule_can_be_broken_and_all_are_told_at_once() -> None:
    found = broken_everywhere().violations()
    found += sized("SYNS61300", bias=1).violations()
    found += IMUIFSim().configure(sized("SYNS61300")).violations()
    assert {violation.rule for violation in found} == {rule.__name__ for rule in RULES}
    assert all(violation.hint for violation in found)


def test_validation_raises_all_violations_in_one_error() -> None:
    config = broken_everywhere()
    with pytest.raises(DesignRuleError) as caught:
        config.validate()
    error = caught.value
    assert isinstance(error, XylographError) and isinstance(error, ValueError)
    assert list(error.violations) == config.violations()
    assert str(error).startswith(
        "643 violations of 12 design rules:\n- the configuration has 17 in"
    )


def test_the_text_shows_ten_of_each_rule_and_counts_the_rest() -> None:
    with pytest.raises(DesignRuleError) as caught:
        with_targets(80, {source: 70 for source in range(25)}, "SYNS61201").validate()
    lines = str(caught.value).split("\n")
    assert len(lines) == 12
    assert lines[0] == "25 violations of 1 design rule:"
    assert lines[10].startswith("- hidden neuron 9 drives 70 hidden neurons; SYNS61201 allows 64: ")
    assert lines[11] == "- ... and 15 more of [fan_out_within_limit], all in `.violations`"
    assert len(caught.value.violations) == 25


def test_the_error_survives_pickling_with_its_violations() -> None:
    error = DesignRuleError(sized(aliases=[[0], [], [], []]).violations())
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.violations) == (str(error), error.violations)


def test_rules_are_named_by_what_must_hold() -> None:
    names = [rule.__name__ for rule in RULES]
    assert len(set(names)) == len(names)
    assert all(re.search("_within_|_only_where_|_another_", name) for name in names)
