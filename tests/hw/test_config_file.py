import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from xylograph.hw import CHIPS, IMUIFSim, XyloConfig
from xylograph.hw.frontends import IAFEncoder, RotationRemoval
from xylograph.models import FormatError

# Files of schema 1. They are never edited: what was written once can be read for ever.
GOLDEN = Path(__file__).parent / "golden" / "v1"
ONE_SYNAPSE = GOLDEN / "config.json"
TWO_SYNAPSES = GOLDEN / "config_two_synapses.json"

# What the golden files hold.
CONFIGS = {
    ONE_SYNAPSE: XyloConfig(
        "SYNS63300",
        weights_in=[[127, -128], [0, 1], [2, -3]],
        weights_rec=[[0, 1, 2, 3], [-1, 0, 0, 0], [0, 0, -128, 0], [0, 127, 0, 0]],
        weights_out=[[1, -2], [3, 4], [-128, 127]],
        dash_mem=[0, 1, 2, 15],
        dash_syn=[3, 4, 5, 6],
        dash_syn_2=[7, 8, 9, 10],
        dash_mem_out=[11, 12],
        dash_syn_out=[13, 14],
        threshold=[32767, -32768, 0, 100],
        threshold_out=[200, 300],
        bias=[0, -1, 128, 32767],
        bias_out=[-32768, 5],
        weight_shift_in=1,
        weight_shift_rec=2,
        weight_shift_out=15,
        aliases=[[1], [], [0, 3], []],
        dt=0.001024,
    ),
    TWO_SYNAPSES: XyloConfig(
        "SYNS65302",
        weights_in=[[[1, -2], [3, 4]]],
        weights_rec=[[[0, 5], [6, 0]], [[-7, 8], [0, 0]]],
        weights_out=[[9]],
        dt=0.01,
    ),
}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_file_of_schema_1_loads_for_ever(path: Path) -> None:
    assert XyloConfig.load(path) == CONFIGS[path]


def test_a_file_of_schema_2_loads_for_ever(tmp_path: Path) -> None:
    path = GOLDEN.parent / "v2" / "config_with_front_end.json"
    plain = XyloConfig("SYNS63300", weights_in=[[1], [2]], weights_out=[[3]], dt=0.005)
    front_end = IMUIFSim(rotation=RotationRemoval(6, 50), encoder=IAFEncoder(range(1, 16)))
    assert XyloConfig.load(path) == front_end.configure(plain)
    assert XyloConfig.load(path).save(tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_saving_again_gives_the_same_bytes(path: Path, tmp_path: Path) -> None:
    saved = XyloConfig.load(path).save(tmp_path / "again.json")
    assert saved.read_bytes() == path.read_bytes()


def test_a_file_has_sorted_keys_and_a_line_for_each_row() -> None:
    lines = ONE_SYNAPSE.read_text().split("\n")
    keys = list(json.loads(ONE_SYNAPSE.read_text()))
    assert keys == sorted(keys)
    assert '  "dash_mem": [0, 1, 2, 15],' in lines
    place = lines.index('  "weights_in": [')
    assert lines[place + 1 : place + 5] == [
        "    [127, -128],",
        "    [0, 1],",
        "    [2, -3]",
        "  ],",
    ]


# The arguments, not the configuration: the run-time type checker draws random numbers, which
# Hypothesis does not allow in a strategy.
@st.composite
def arguments(draw: st.DrawFn) -> dict[str, Any]:
    n_in, n_hidden, n_out = (draw(st.integers(1, 4)) for _ in range(3))
    n_ien, n_oen = draw(st.integers(1, n_hidden)), draw(st.integers(1, n_hidden))
    n_syn = draw(st.integers(1, 2))

    def integers(shape: tuple[int, ...], low: int, high: int) -> np.ndarray:
        n = math.prod(shape)
        values = draw(st.lists(st.integers(low, high), min_size=n, max_size=n))
        return np.array(values).reshape(shape)

    ids = st.integers(0, n_hidden - 1)
    return {
        "chip": draw(st.sampled_from(sorted(CHIPS))),
        "weights_in": integers((n_in, n_ien, n_syn), -128, 127),
        "weights_rec": integers((n_hidden, n_hidden, n_syn), -128, 127),
        "weights_out": integers((n_oen, n_out), -128, 127),
        "dash_mem": integers((n_hidden,), 0, 15),
        "dash_syn": integers((n_hidden,), 0, 15),
        "dash_syn_2": integers((n_hidden,), 0, 15),
        "dash_mem_out": integers((n_out,), 0, 15),
        "dash_syn_out": integers((n_out,), 0, 15),
        "threshold": integers((n_hidden,), -32768, 32767),
        "threshold_out": integers((n_out,), -32768, 32767),
        "bias": integers((n_hidden,), -32768, 32767),
        "bias_out": integers((n_out,), -32768, 32767),
        "weight_shift_in": draw(st.integers(0, 15)),
        "weight_shift_rec": draw(st.integers(0, 15)),
        "weight_shift_out": draw(st.integers(0, 15)),
        "aliases": draw(st.lists(st.lists(ids, max_size=3), min_size=n_hidden, max_size=n_hidden)),
        "dt": draw(st.floats(min_value=1e-300, max_value=1e300)),
    }


# Each example writes the same file anew.
@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(fields=arguments())
def test_what_is_saved_is_loaded(fields: dict[str, Any], tmp_path: Path) -> None:
    config = XyloConfig(**fields)
    assert XyloConfig.load(config.save(tmp_path / "config.json")) == config


def test_saving_replaces_the_old_file(tmp_path: Path) -> None:
    path = CONFIGS[ONE_SYNAPSE].save(tmp_path / "config.json")
    CONFIGS[TWO_SYNAPSES].save(path)
    assert XyloConfig.load(path) == CONFIGS[TWO_SYNAPSES]
    assert list(tmp_path.iterdir()) == [path]


def test_a_chip_of_ones_own_cannot_be_saved(tmp_path: Path) -> None:
    chip = dataclasses.replace(CHIPS["SYNS63300"], max_hidden=8)
    config = dataclasses.replace(CONFIGS[ONE_SYNAPSE], chip=chip)
    with pytest.raises(ValueError, match=r"<Chip SYNS63300 \(xylo-imu\)> is not the chip of that"):
        config.save(tmp_path / "config.json")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_no_matter_of_format(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        XyloConfig.load(tmp_path / "config.json")


def problems_of(content: bytes | str, folder: Path) -> list[str]:
    path = folder / "config.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(FormatError) as caught:
        XyloConfig.load(path)
    first, *lines = str(caught.value).split("\n")
    n_problems = f"{len(lines)} problem" + "s" * (len(lines) > 1)
    assert first == f"cannot read {str(path)!r} as a configuration, {n_problems}:"
    return [line.removeprefix("- ") for line in lines]


def changed(**changes: Any) -> str:
    return json.dumps(json.loads(ONE_SYNAPSE.read_text()) | changes)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "it is not JSON: Expecting value: line 1 column 1 (char 0): the file is damaged, cut"),
        ("hello", "it is not JSON: Expecting value: line 1 column 1 (char 0): the file is damaged"),
        (ONE_SYNAPSE.read_text()[:-3], "it is not JSON: Expecting ',' delimiter: line 34 column"),
        (b"\x89PNG\r\n", "byte 0 is not UTF-8: the file is damaged or not JSON"),
        ("[" * 200_000, "it is nested too deeply: the file is damaged or not one of ours"),
        ("[1, 2]", "`$` is a list of 2, not an object: the file is not one of ours"),
        ('{"dt": NaN}', "it is not JSON: NaN is no JSON number: the file is damaged"),
        ('{"dt": 1, "dt": 2}', "it is not JSON: an object has the key 'dt' more than once: the"),
        ("{}", "`$.format` is missing, expected is 'xylograph.XyloConfig': this is another file"),
        (changed(format="nir"), "`$.format` is 'nir', expected is 'xylograph.XyloConfig': this is"),
        (
            '{"format": "xylograph.XyloConfig"}',
            "`$.schema` is missing, expected is a number from 1 to 2",
        ),
        (changed(schema="1"), "`$.schema` is '1', expected is a number from 1 to 2"),
        (changed(schema=True), "`$.schema` is True, expected is a number from 1 to 2"),
        (changed(schema=0), "`$.schema` is 0, expected is a number from 1 to 2"),
        (
            changed(schema=3, layers=[]),
            "`$.schema` is 3, this version reads up to 2: the file is from a newer Xylograph, upg",
        ),
    ],
)
def test_what_is_no_file_of_ours_is_refused_at_once(
    content: bytes | str, expected: str, tmp_path: Path
) -> None:
    (problem,) = problems_of(content, tmp_path)
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"chip": "xylo-imo"}, "`$.chip` is wrong: no chip is called 'xylo-imo', did you mean 'x"),
        ({"chip": None}, "`$.chip` is None, not the name of a chip"),
        ({"layers": []}, "`$` has the key 'layers', which schema 1 does not know: remove it"),
        ({"dt": True}, "`$.dt` is True, not a number"),
        ({"dt": "1 ms"}, "`$.dt` is '1 ms', not a number"),
        ({"dt": 0}, "`$.dt` is 0, not a time in seconds above zero"),
        ({"dt": 10**400}, "`$.dt` is a number of more than 20 digits, not a time in seconds ab"),
        ({"weight_shift_in": 1.0}, "`$.weight_shift_in` is 1.0, not an integer"),
        ({"weight_shift_in": [1]}, "`$.weight_shift_in` is a list of 1, not an integer"),
        ({"weight_shift_in": 16}, "`$.weight_shift_in` is 16, the range is 0..15: give the re"),
        ({"dash_mem": 1}, "`$.dash_mem` is 1, not a list"),
        ({"dash_mem": [0, 1, 2.0, 3]}, "`$.dash_mem[2]` is 2.0, not an integer"),
        ({"dash_mem": [0, 1, True, 3]}, "`$.dash_mem[2]` is True, not an integer"),
        ({"dash_mem": [0, 1, [2], 3]}, "`$.dash_mem[2]` is a list of 1, not an integer"),
        ({"dash_mem": [0, 1, 16, 3]}, "`$.dash_mem[2]` is 16, the range is 0..15: a dash is l"),
        ({"dash_mem": [0, 1, 2]}, "`$.dash_mem` has the shape (3,), expected is (4,) (axes: hi"),
        ({"dash_mem": []}, "`$.dash_mem` is empty, its shape is (0,)"),
        ({"bias": [0, 0, 0, 10**30]}, "`$.bias[3]` is a number of more than 20 digits, the ran"),
        ({"weights_in": None}, "`$.weights_in` is None, not a list"),
        ({"weights_in": [5, [1, 2]]}, "`$.weights_in[0]` is 5, not a list"),
        ({"weights_in": [[1, 2], 5]}, "`$.weights_in[1]` is 5, not a list"),
        ({"weights_in": [[1, 2], [1]]}, "`$.weights_in[1]` has 1 entry, the lists before it h"),
        ({"weights_in": [[1, 2], [1, "2"]]}, "`$.weights_in[1][1]` is '2', not an integer"),
        ({"weights_in": [[1, 2], [3, -129]]}, "`$.weights_in[1][1]` is -129, the range is -12"),
        (
            {"weights_in": [[[1], [2]], [[3], [4, 5]]]},
            "`$.weights_in[1][1]` has 2 entries, the lists before it have 1",
        ),
        ({"weights_in": [[[1, 2, 3]]]}, "`$.weights_in` has 3 synapses, 1 or 2 fit"),
        ({"weights_out": {"rows": 3}}, "`$.weights_out` is an object of 1 keys, not a list"),
        ({"aliases": [[1], [], [0]]}, "`$.aliases` has 3 lists for 4 hidden neurons: give ea"),
        ({"aliases": [[1], [], 3, []]}, "`$.aliases[2]` is 3, not a list"),
        ({"aliases": [[1], [], [None], []]}, "`$.aliases[2][0]` is None, not an integer"),
        ({"aliases": [[1], [], [0, 4], []]}, "`$.aliases[2][1]` is 4, hidden neurons are 0..3"),
    ],
)
def test_what_is_wrong_in_a_file_is_pointed_at(
    changes: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    (problem,) = problems_of(changed(**changes), tmp_path)
    assert problem.startswith(expected)


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    content = json.loads(changed(chip="loihi", weights_in=[[1, 2], [3, 500]], dash_mem=[0.5] * 4))
    del content["dt"], content["bias"]
    problems = problems_of(json.dumps(content | {"Bias": 1}), tmp_path)
    assert [problem.split(",")[0] for problem in problems] == [
        "`$.chip` is wrong: no chip is called 'loihi': known are SYNS61300 (xylo-1)",
        "`$` lacks the key 'bias'",
        "`$` lacks the key 'dt'",
        "`$` has the key 'Bias'",
        "`$.dash_mem[0]` is 0.5",
        "`$.dash_mem[1]` is 0.5",
        "`$.dash_mem[2]` is 0.5",
        "`$.dash_mem[3]` is 0.5",
        "`$.weights_in[1][1]` is 500",
    ]


def test_of_many_problems_the_first_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    changes = {"weights_rec": [[0.5] * 4] * 4} | {f"key_{n:02}": n for n in range(12)}
    problems = problems_of(changed(**changes), tmp_path)
    assert problems[9:11] == [
        "`$` has the key 'key_09', which schema 1 does not know: remove it",
        "`$` has 2 more unknown keys",
    ]
    assert problems[20:] == [
        "`$.weights_rec[2][1]` is 0.5, not an integer",
        "`$.weights_rec` has 6 more such entries",
    ]


def load_or_refuse(content: bytes, path: Path) -> None:
    """Everything else than a configuration or a `FormatError` fails the test."""
    path.write_bytes(content)
    try:
        config = XyloConfig.load(path)
    except FormatError as err:
        assert str(err).startswith(f"cannot read {str(path)!r} as a configuration, ")
    else:
        # Some changes give another good file; it has to survive the way back.
        assert XyloConfig.load(config.save(path)) == config


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = ONE_SYNAPSE.read_bytes()
    path = tmp_path / "config.json"
    # The last byte is the line end, which a whole file can do without.
    for length in range(len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(FormatError):
            XyloConfig.load(path)


fuzzed = settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@fuzzed
@given(data=st.data(), golden=st.sampled_from(sorted(CONFIGS)))
def test_changed_bytes_are_loaded_or_refused(
    data: st.DataObject, golden: Path, tmp_path: Path
) -> None:
    content = bytearray(golden.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        n_gone = data.draw(st.integers(0, 4))
        content[place : place + n_gone] = data.draw(st.binary(max_size=4))
    load_or_refuse(bytes(content), tmp_path / "config.json")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=5),
    lambda values: (
        st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=3), values, max_size=3)
    ),
    max_leaves=8,
)


@fuzzed
@given(data=st.data(), golden=st.sampled_from(sorted(CONFIGS)))
def test_changed_values_are_loaded_or_refused(
    data: st.DataObject, golden: Path, tmp_path: Path
) -> None:
    content = json.loads(golden.read_text())
    key = data.draw(st.sampled_from([*sorted(content), "other"]))
    inner = content.get(key)
    if isinstance(inner, list) and data.draw(st.booleans()):
        while isinstance(inner[0], list) and inner[0] and data.draw(st.booleans()):
            inner = inner[data.draw(st.integers(0, len(inner) - 1))] or inner[0]
        inner[data.draw(st.integers(0, len(inner) - 1))] = data.draw(JSON_VALUES)
    else:
        content[key] = data.draw(JSON_VALUES)
    load_or_refuse(json.dumps(content).encode(), tmp_path / "config.json")


@fuzzed
@given(content=JSON_VALUES)
def test_any_other_json_is_refused(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    with pytest.raises(FormatError):
        XyloConfig.load(path)


@fuzzed
@given(content=st.binary(max_size=50))
def test_any_other_bytes_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(FormatError):
        XyloConfig.load(path)
