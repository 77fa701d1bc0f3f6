import ast
import dataclasses
from pathlib import Path

import pytest

import xylograph
from xylograph.hw import CHIPS, chips_allowing, get_chip
from xylograph.hw.chips import Range, named_with_limit
from xylograph.hw.frontends import AUDIO_FILTERS

# Copied by hand from the comparison table of the chip facts, column by column, and not from the
# code: plain name, core, inputs, hidden, outputs, IEN, OEN, synapses, fan-out, recurrent entries,
# bias, hibernation, boards.
FACTS = {
    "SYNS61300": ("xylo-1", 1, 16, 1000, 8, 1000, 1000, 2, 64, 32000, False, False, False),
    "SYNS61201": ("xylo-audio-2", 2, 16, 1000, 8, 1000, 1000, 2, 64, 32000, True, True, True),
    "SYNS63300": ("xylo-imu", 2, 16, 496, 16, 128, 128, 1, 512, 31744, True, True, True),
    "SYNS65302": ("xylo-audio-3", 2, 16, 992, 32, 128, 128, 2, 1024, 31744, True, True, True),
}
COMMON = {
    "weight_range": Range(-128, 127),
    "threshold_range": Range(-32768, 32767),
    "bias_range": Range(-128, 127),
    "stored_bias_range": Range(-32768, 32767),
    "dash_range": Range(0, 15),
    "weight_shift_range": Range(0, 7),
    "stored_weight_shift_range": Range(0, 15),
    "state_range": Range(-32768, 32767),
    "max_input_spikes": 15,
    "max_hidden_spikes": 31,
    "max_output_spikes": 1,
    "max_alias_targets": 1,
}


def test_the_table_holds_the_four_chips_by_name() -> None:
    assert {name: chip.name for name, chip in CHIPS.items()} == {name: name for name in FACTS}


@pytest.mark.parametrize("name", FACTS)
def test_limits_are_those_of_the_fact_sheet(name: str) -> None:
    chip = CHIPS[name]
    assert (
        chip.plain_name,
        chip.core_version,
        chip.max_inputs,
        chip.max_hidden,
        chip.max_outputs,
        chip.max_input_expansion,
        chip.max_output_expansion,
        chip.max_synapses,
        chip.max_fan_out,
        chip.max_recurrent_entries,
        chip.has_bias,
        chip.has_hibernation,
        chip.has_boards,
    ) == FACTS[name]


@pytest.mark.parametrize("name", FACTS)
def test_ranges_are_the_same_on_all_chips(name: str) -> None:
    assert {field: getattr(CHIPS[name], field) for field in COMMON} == COMMON


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CHIPS["SYNS00000"] = CHIPS["SYNS63300"]  # pyright: ignore[reportIndexIssue]
    with pytest.raises(dataclasses.FrozenInstanceError):
        CHIPS["SYNS63300"].max_hidden = 1000  # pyright: ignore[reportAttributeAccessIssue]


def test_chips_are_keys_and_compare_by_content() -> None:
    imu = CHIPS["SYNS63300"]
    larger = dataclasses.replace(imu, max_hidden=992)
    assert {imu: 1}[dataclasses.replace(imu)] == 1
    assert imu != larger
    assert repr(imu) == "<Chip SYNS63300 (xylo-imu)>"


@pytest.mark.parametrize("name", ["SYNS65302", "syns65302", "xylo-audio-3", "Xylo-Audio-3"])
def test_a_chip_is_found_by_both_names_in_any_case(name: str) -> None:
    assert get_chip(name) is CHIPS["SYNS65302"]


def test_a_chip_is_given_back_as_it_is() -> None:
    own = dataclasses.replace(CHIPS["SYNS63300"], name="OWN", max_hidden=8)
    assert get_chip(own) is own


def test_an_unknown_name_gets_all_names_and_the_likely_one() -> None:
    with pytest.raises(ValueError) as caught:
        get_chip("xylo-imo")
    assert str(caught.value) == (
        "no chip is called 'xylo-imo', did you mean 'xylo-imu'?: known are "
        "SYNS61300 (xylo-1), SYNS61201 (xylo-audio-2), SYNS63300 (xylo-imu), "
        "SYNS65302 (xylo-audio-3)"
    )


def test_a_mistyped_number_gets_the_likely_one() -> None:
    with pytest.raises(ValueError, match="did you mean 'SYNS65302'?"):
        get_chip("SYN65302")


def test_a_name_like_no_chip_gets_no_guess() -> None:
    with pytest.raises(ValueError, match="no chip is called 'loihi': known are SYNS61300"):
        get_chip("loihi")


def test_something_else_than_a_name_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="a chip is a name or a `Chip`, not int: known are SYNS"):
        get_chip(63300)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("limit", "needed", "expected"),
    [
        ("max_fan_out", 64, ["SYNS61201", "SYNS63300", "SYNS65302"]),
        ("max_fan_out", 65, ["SYNS63300", "SYNS65302"]),
        ("max_fan_out", 1025, []),
        ("max_synapses", 2, ["SYNS61201", "SYNS65302"]),
        ("max_outputs", 17, ["SYNS65302"]),
        ("max_weights", 36_000, ["SYNS61201", "SYNS65302"]),
        ("has_bias", True, ["SYNS61201", "SYNS63300", "SYNS65302"]),
    ],
)
def test_chips_with_boards_are_found_by_a_limit(
    limit: str, needed: int, expected: list[str]
) -> None:
    assert [chip.name for chip in chips_allowing(limit, needed)] == expected


def test_what_is_no_limit_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="'plain_name' is no limit of a chip: limits are max_inp"):
        chips_allowing("plain_name", 3)


def test_no_chips_are_named_by_no_words() -> None:
    assert named_with_limit([], "max_fan_out") == named_with_limit([], "has_bias") == ""
    assert named_with_limit([CHIPS["SYNS61201"]], "has_bias") == "SYNS61201"


def test_a_range_knows_its_ends() -> None:
    shifts = Range(0, 7)
    assert [value for value in range(-2, 10) if value in shifts] == [0, 1, 2, 3, 4, 5, 6, 7]


def _compared_constants(path: Path) -> set[object]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    compared = [node for node in ast.walk(tree) if isinstance(node, ast.Compare | ast.MatchValue)]
    inside = [part for node in compared for part in ast.walk(node)]
    return {part.value for part in inside if isinstance(part, ast.Constant)}


@pytest.mark.parametrize("package", ["models", "hw", "mapping", "tools"])
def test_no_code_outside_the_table_asks_which_chip_it_is(package: str) -> None:
    names = {name for chip in CHIPS.values() for name in (chip.name, chip.plain_name)}
    files = sorted((Path(xylograph.__file__).parent / package).rglob("*.py"))
    assert files
    assert [str(path) for path in files if names & _compared_constants(path)] == []


def test_the_widths_of_the_audio_3_front_end_fit_together() -> None:
    limits = CHIPS["SYNS65302"].audio3
    assert limits is not None
    samples, codes = limits.sample_range, limits.code_range
    assert (samples.low, samples.high) == (codes.low << 4, (codes.high << 4) + 15)
    assert limits.envelope_range.high == codes.high
    assert limits.pdm_rate_hz == 32 * limits.rate_hz
    # Audio 3 front-end facts, section 5: 14 bits in, 7 for the worst filter, 8 of fraction.
    assert limits.max_filter_bits == 14 + 7 + 8 == max(f.n_bits for f in AUDIO_FILTERS)
    assert limits.max_filters == len(AUDIO_FILTERS)


def test_only_the_chips_with_a_front_end_have_limits_of_it() -> None:
    found = [(c.plain_name, c.imu, c.audio2, c.audio3) for c in CHIPS.values()]
    assert [(name, *(limits is not None for limits in rest)) for name, *rest in found] == [
        ("xylo-1", False, False, False),
        ("xylo-audio-2", False, True, False),
        ("xylo-imu", True, False, False),
        ("xylo-audio-3", False, False, True),
    ]
