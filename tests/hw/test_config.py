import copy
import dataclasses
import pickle
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.hw import CHIPS, ResourceUsage, XyloConfig

SMALL: dict[str, Any] = {
    "weights_in": [[1, -2, 3]],
    "weights_rec": np.zeros((4, 4)),
    "weights_out": [[5, 6], [7, 8]],
}


def problems_of(**changes: Any) -> list[str]:
    with pytest.raises(ValueError) as caught:
        XyloConfig("xylo-imu", **(SMALL | changes))
    first, *lines = str(caught.value).split("\n")
    n_problems = f"{len(lines)} problem" + "s" * (len(lines) > 1)
    assert first == f"this is no configuration, {n_problems}:"
    return [line.removeprefix("- ") for line in lines]


def test_sizes_follow_from_the_weights() -> None:
    config = XyloConfig("xylo-imu", **SMALL)
    assert (config.n_inputs, config.n_input_expansion, config.n_synapses) == (1, 3, 1)
    assert (config.n_hidden, config.n_output_expansion, config.n_outputs) == (4, 2, 2)


def test_what_is_not_given_has_the_vendors_defaults() -> None:
    config = XyloConfig("xylo-imu", **SMALL)
    for name in ("dash_mem", "dash_syn", "dash_syn_2"):
        assert getattr(config, name).tolist() == [1] * 4
    for name in ("dash_mem_out", "dash_syn_out"):
        assert getattr(config, name).tolist() == [1] * 2
    assert config.threshold.tolist() == config.bias.tolist() == [0] * 4
    assert config.threshold_out.tolist() == config.bias_out.tolist() == [0] * 2
    assert config.weight_shift_in == config.weight_shift_rec == config.weight_shift_out == 0
    assert config.aliases == ((), (), (), ())
    assert config.dt == 1e-3


def test_without_recurrent_weights_there_are_as_many_neurons_as_columns_of_input_weights() -> None:
    config = XyloConfig("xylo-imu", weights_in=[[1, 2, 3]], weights_out=[[5, 6]])
    assert config.weights_rec.shape == (3, 3, 1)
    assert not config.weights_rec.any()


def test_arrays_are_stored_in_the_types_of_the_design() -> None:
    config = XyloConfig("SYNS65302", **(SMALL | {"threshold": 2.0, "bias": np.int64(-3)}))
    dtypes = {
        field.name: str(value.dtype)
        for field in dataclasses.fields(config)
        if isinstance(value := getattr(config, field.name), np.ndarray)
    }
    assert dtypes == {
        "weights_in": "int8",
        "weights_rec": "int8",
        "weights_out": "int8",
        "dash_mem": "uint8",
        "dash_syn": "uint8",
        "dash_syn_2": "uint8",
        "dash_mem_out": "uint8",
        "dash_syn_out": "uint8",
        "threshold": "int16",
        "threshold_out": "int16",
        "bias": "int16",
        "bias_out": "int16",
    }


def test_a_number_stands_for_all_neurons() -> None:
    config = XyloConfig("xylo-imu", **SMALL, dash_mem=3, threshold=200, bias_out=-7)
    assert config.dash_mem.tolist() == [3] * 4
    assert config.threshold.tolist() == [200] * 4
    assert config.bias_out.tolist() == [-7] * 2


def test_jax_arrays_and_whole_floats_are_taken() -> None:
    config = XyloConfig(
        "xylo-imu",
        weights_in=jnp.array([[127.0, -128.0]]),
        weights_out=np.array([[1.0], [2.0]], dtype=np.float32),
        weight_shift_in=np.float64(3),
        dt=np.float32(0.5),
    )
    assert config.weights_in.tolist() == [[[127], [-128]]]
    assert (config.weight_shift_in, config.dt) == (3, 0.5)


def test_two_synapses_need_the_axis_in_both_matrices() -> None:
    weights_in = [[[1, 2], [3, 4]]]
    config = XyloConfig("xylo-audio-3", weights_in=weights_in, weights_out=[[1], [2]])
    assert config.n_synapses == 2
    assert config.weights_rec.shape == (2, 2, 2)
    with pytest.raises(
        ValueError,
        match=r"`weights_rec` has the shape \(2, 2, 1\), expected is \(2, 2, 2\) \(axes: hidden, "
        r"hidden, synapse\): input and recurrent weights need the same number of synapses",
    ):
        XyloConfig(
            "xylo-audio-3",
            weights_in=weights_in,
            weights_rec=[[1, 2], [3, 4]],
            weights_out=[[1], [2]],
        )


def test_what_is_stored_is_a_copy_that_cannot_be_written() -> None:
    weights_in = np.array([[[1], [2]]], dtype=np.int8)
    config = XyloConfig("xylo-imu", weights_in=weights_in, weights_out=[[1], [2]])
    weights_in[0, 0, 0] = 99
    assert config.weights_in[0, 0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        config.weights_in[0, 0, 0] = 99
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.dt = 1.0  # pyright: ignore[reportAttributeAccessIssue]


def test_copies_cannot_be_written_either() -> None:
    config = XyloConfig("xylo-imu", **SMALL, aliases=[[1], [], [], []])
    for other in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert other == config
        assert not other.weights_rec.flags.writeable


def test_equality_and_hash_go_by_contents() -> None:
    config = XyloConfig("xylo-imu", **SMALL)
    assert config == XyloConfig("SYNS63300", **SMALL, dash_syn=[1, 1, 1, 1])
    assert hash(config) == hash(XyloConfig("SYNS63300", **SMALL))
    assert config != "xylo-imu"


@pytest.mark.parametrize(
    "change",
    [
        {"chip": "xylo-audio-3"},
        {"weights_in": [[1, -2, 4]]},
        {"weights_out": [[5, 6, 0], [7, 8, 0]], "dash_mem_out": 1, "dash_syn_out": 1}
        | {"threshold_out": 0, "bias_out": 0},
        {"dash_syn_2": [1, 1, 1, 2]},
        {"weight_shift_rec": 1},
        {"aliases": [[], [], [0], []]},
        {"dt": 0.002},
    ],
)
def test_replacing_gives_another_configuration(change: dict[str, Any]) -> None:
    config = XyloConfig("xylo-imu", **SMALL)
    other = dataclasses.replace(config, **change)
    assert other != config
    assert hash(other) != hash(config)


def test_the_text_form_is_one_line_of_sizes() -> None:
    assert repr(XyloConfig("xylo-imu", **SMALL)) == (
        "<XyloConfig SYNS63300: 1 input, 4 hidden (3 from input, 2 to output), 2 outputs, 1 synapse>"
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"weights_in": [[1, 200, 3]]},
            "`weights_in[0, 1]` is 200, the range is -128..127: scale or quantize first",
        ),
        (
            {"weights_rec": np.pad([[[-129]]], ((0, 3), (2, 1), (0, 0)))},
            "`weights_rec[0, 2, 0]` is -129, the range is -128..127: scale or quantize first",
        ),
        (
            {"dash_mem": [1, 16, 1, 1]},
            "`dash_mem[1]` is 16, the range is 0..15: a dash is log2(tau / dt), rounded",
        ),
        (
            {"dash_syn": -1},
            "`dash_syn` is -1, the range is 0..15: a dash is log2(tau / dt), rounded",
        ),
        (
            {"threshold": [0, 0, 0, 32768]},
            "`threshold[3]` is 32768, the range is -32768..32767: scale or quantize first",
        ),
        (
            {"bias_out": np.array([70000, 0], dtype=np.uint64)},
            "`bias_out[0]` is 70000, the range is -32768..32767: scale or quantize first",
        ),
        (
            {"weight_shift_in": 16},
            "`weight_shift_in` is 16, the range is 0..15: give the rest to the weights",
        ),
        (
            {"threshold": 10**30},
            "`threshold` is a number of more than 20 digits, the range is -32768..32767: scale or quantize first",
        ),
        (
            {"weights_in": [[1, 0.5, 3]]},
            "`weights_in[0, 1]` is 0.5, not an integer: quantize first (`channel_quantize`, `global_quantize`)",
        ),
        (
            {"threshold": [1, float("nan"), 1, 1]},
            "`threshold[1]` is nan, not an integer: quantize first (`channel_quantize`, `global_quantize`)",
        ),
        (
            {"bias": float("inf")},
            "`bias` is inf, not an integer: quantize first (`channel_quantize`, `global_quantize`)",
        ),
        (
            {"weights_in": np.ones((1, 3), dtype=bool)},
            "`weights_in` holds bool, not integers: convert it first",
        ),
        ({"dash_mem": "high"}, "`dash_mem` holds <U4, not integers: convert it first"),
        (
            {"weights_out": np.array([[1, None], [2, 3]])},
            "`weights_out[0, 1]` is None, not an integer",
        ),
        (
            {"weights_in": [[1, 2, 3], [1, 2]]},
            "`weights_in` is no array: its rows differ in length or type",
        ),
        (
            {"weights_in": [1, 2, 3]},
            "`weights_in` has 1 axis, expected is 2 or 3 (input, expansion, synapse)",
        ),
        (
            {"weights_out": np.ones((2, 2, 1))},
            "`weights_out` has 3 axes, expected is 2 (output expansion, output)",
        ),
        ({"dash_syn": np.ones((4, 1))}, "`dash_syn` has 2 axes, expected is 0 or 1 (hidden)"),
        (
            {"weight_shift_out": [1, 2]},
            "`weight_shift_out` has 1 axis, expected is a single number",
        ),
        ({"weights_in": np.ones((0, 3))}, "`weights_in` is empty, its shape is (0, 3)"),
        (
            {"weights_rec": np.ones((4, 5))},
            "`weights_rec` has the shape (4, 5, 1), expected is (4, 4, 1) (axes: hidden, hidden, synapse)",
        ),
        (
            {"threshold": [1, 2, 3]},
            "`threshold` has the shape (3,), expected is (4,) (axes: hidden)",
        ),
        (
            {"threshold_out": [1]},
            "`threshold_out` has the shape (1,), expected is (2,) (axes: output)",
        ),
        (
            {"weights_in": [[1, 2, 3, 4, 5]]},
            "`weights_in` has 5 columns for 4 hidden neurons: drop columns, or give `weights_rec` with a row for each hidden neuron",
        ),
        (
            {"weights_rec": None, "weights_out": np.ones((4, 2))},
            "`weights_out` has 4 rows for 3 hidden neurons: drop rows, or give `weights_rec` with a row for each hidden neuron",
        ),
        (
            {"weights_in": np.ones((1, 3, 3)), "weights_rec": None},
            "`weights_in` has 3 synapses, 1 or 2 fit",
        ),
        (
            {"aliases": [[1], []]},
            "`aliases` has 2 lists for 4 hidden neurons: give each neuron one",
        ),
        ({"aliases": [[], [4], [], []]}, "`aliases[1, 0]` is 4, hidden neurons are 0..3"),
        ({"aliases": [[], [-1], [], []]}, "`aliases[1, 0]` is -1, hidden neurons are 0..3"),
        ({"aliases": [[], [0.0], [], []]}, "`aliases[1, 0]` is 0.0, not a neuron id"),
        ({"aliases": [[], [True], [], []]}, "`aliases[1, 0]` is True, not a neuron id"),
        ({"aliases": [[], 2, [], []]}, "`aliases[1]` is 2, not a list of neuron ids"),
        ({"aliases": {0: [1]}}, "`aliases` is an object of 1 keys, not a list of lists"),
        ({"dt": 0}, "`dt` is 0, not a time in seconds above zero"),
        ({"dt": float("nan")}, "`dt` is nan, not a time in seconds above zero"),
        ({"dt": [1.0]}, "`dt` is a list of 1, not a time in seconds above zero"),
        ({"dt": [[1], [2, 3]]}, "`dt` is a list of 2, not a time in seconds above zero"),
        ({"dt": np.ones(2)}, "`dt` is an array of the shape (2,), not a time in seconds above z"),
        ({"dt": "fast"}, "`dt` is 'fast', not a time in seconds above zero"),
        ({"dt": 10**400}, "`dt` is a number of more than 20 digits, not a time in seconds above z"),
    ],
)
def test_what_cannot_be_stored_is_named(change: dict[str, Any], expected: str) -> None:
    (problem,) = problems_of(**change)
    assert problem.startswith(expected)


def test_all_problems_are_told_at_once() -> None:
    assert problems_of(
        weights_in=[[1, 128, 0]], dash_mem=[1, 2], aliases=[[9], [], [], []], dt=-1
    ) == [
        "`weights_in[0, 1]` is 128, the range is -128..127: scale or quantize first",
        "`dash_mem` has the shape (2,), expected is (4,) (axes: hidden)",
        "`aliases[0, 0]` is 9, hidden neurons are 0..3",
        "`dt` is -1, not a time in seconds above zero",
    ]


def test_of_many_wrong_entries_the_first_are_shown_and_the_rest_counted() -> None:
    problems = problems_of(weights_rec=np.full((4, 4), 0.25))
    assert len(problems) == 11
    assert problems[9].startswith("`weights_rec[2, 1]` is 0.25, not an integer")
    assert problems[10] == "`weights_rec` has 6 more such entries"


@settings(deadline=None, max_examples=60)
@given(
    value=st.integers(-(2**70), 2**70),
    field=st.sampled_from(["weights_out", "dash_mem_out", "threshold_out", "bias_out"]),
)
def test_an_integer_is_stored_unchanged_or_refused(value: int, field: str) -> None:
    low, high = {
        "weights_out": (-128, 127),
        "dash_mem_out": (0, 15),
        "threshold_out": (-32768, 32767),
        "bias_out": (-32768, 32767),
    }[field]
    given_value = [[value]] if field == "weights_out" else [value]
    arguments: dict[str, Any] = {"weights_in": [[1]], "weights_out": [[1]]} | {field: given_value}
    if low <= value <= high:
        assert getattr(XyloConfig("xylo-imu", **arguments), field).tolist() == given_value
    else:
        with pytest.raises(ValueError, match=f"the range is {low}..{high}"):
            XyloConfig("xylo-imu", **arguments)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64", "float16", "float64"])
def test_every_number_type_is_checked_the_same(dtype: str) -> None:
    array = np.array([[1, 2, 100]], dtype=dtype)
    config = XyloConfig("xylo-imu", **(SMALL | {"weights_in": array}))
    assert config.weights_in[0, :, 0].tolist() == [1, 2, 100]


def test_half_precision_does_not_let_a_value_pass_that_would_wrap() -> None:
    (problem,) = problems_of(threshold=np.array([0, 0, 0, 32768], dtype=np.float16))
    assert problem.startswith("`threshold[3]` is 32768.0, the range is -32768..32767")


def test_usage_counts_what_the_chip_has_to_hold() -> None:
    weights_rec = np.zeros((4, 4, 2), dtype=int)
    # One target by both synapses is one entry with two weights.
    weights_rec[0, 1] = [3, -3]
    weights_rec[0, 2, 1] = 5
    weights_rec[3, 3, 0] = 1
    config = XyloConfig(
        "xylo-audio-3",
        weights_in=[[[1, 0], [0, 2]]],
        weights_rec=weights_rec,
        weights_out=[[0, 4], [5, 6], [0, 0]],
    )
    assert {row.chip_field: row.used for row in config.usage()} == {
        "max_inputs": 1,
        "max_hidden": 4,
        "max_outputs": 2,
        "max_input_expansion": 2,
        "max_output_expansion": 3,
        "max_synapses": 2,
        "max_fan_out": 2,
        "max_recurrent_entries": 3,
        "max_weights": 9,
    }


def test_usage_quotes_the_limits_of_the_chip() -> None:
    chip = CHIPS["SYNS65302"]
    rows = XyloConfig(chip, **SMALL).usage()
    assert [row.limit for row in rows] == [getattr(chip, row.chip_field) for row in rows]
    # Two banks of input weights, two of recurrent ones, one of output weights.
    assert rows[-1].limit == 2 * 16 * 128 + 2 * 31744 + 128 * 32


def test_a_row_of_usage_knows_whether_it_fits() -> None:
    row = ResourceUsage(resource="outputs", used=8, limit=8, chip_field="max_outputs")
    assert (row.fits, row.fraction, str(row)) == (True, 1.0, "outputs: 8 of 8")
    assert not dataclasses.replace(row, used=9).fits
