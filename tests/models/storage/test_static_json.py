import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.models import Fill, FormatError, ScaledColumns, kaiming
from xylograph.models._static import static_key
from xylograph.models.storage._static_json import decode, encode

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.floats(width=32).map(np.float32)
    | st.integers(-128, 127).map(np.int8)
    | st.booleans().map(np.bool_)
    | st.floats(-1, 1).map(Fill)
    | st.just(kaiming)
    # Made here: the run-time type checker draws random numbers, which Hypothesis minds.
    | st.sampled_from([ScaledColumns(kaiming, (0.1, -0.0)), ScaledColumns(Fill(0.5), ())])
)
KEYS = st.text(max_size=3) | st.integers(-2, 2)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=VALUES)
@settings(deadline=None, max_examples=100)
def test_every_value_comes_back_through_json(value: Any) -> None:
    text = json.dumps(encode(value, "here"), sort_keys=True, allow_nan=False)
    back = decode(json.loads(text), "here")
    assert static_key(back) == static_key(value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ((1, 2), {"tuple": [1, 2]}),
        ({"b": 1, "a": 2}, {"dict": [["b", 1], ["a", 2]]}),
        (math.inf, {"float": "inf"}),
        (np.int16(3), {"scalar": ["int16", 3]}),
        (Fill(0.5), {"fill": 0.5}),
        (
            ScaledColumns(Fill(0.5), (1.0, 2.0)),
            {"scaled": [{"fill": 0.5}, [1.0, 2.0]]},
        ),
        (kaiming, {"function": "xylograph.models:kaiming"}),
        ([1.5, "x", None], [1.5, "x", None]),
    ],
)
def test_what_json_lacks_is_an_object_of_one_key(value: Any, written: Any) -> None:
    assert encode(value, "here") == written


@pytest.mark.parametrize("value", [object(), 1j, b"", {1}, np.ones(2), len, np.complex64(1)])
def test_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="`here` is .*, which a file cannot hold; make arrays a"):
        encode(value, "here")


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"tuple": 1},
        {"tuple": [1], "dict": []},
        {"dict": [[1]]},
        {"dict": [[[1], 2]]},
        {"float": "one"},
        {"float": None},
        {"scaled": [{"fill": 1.0}]},
        {"scaled": [{"fill": 1.0}, 2.0]},
        {"scaled": [{"fill": 1.0}, ["x"]]},
        {"scaled": [1.0, [2.0]]},
        {"scalar": ["float64"]},
        {"scalar": ["nothing", 1]},
        {"scalar": ["object", 1]},
        {"scalar": ["datetime64", 1]},
        {"fill": "x"},
        {"fill": None},
        {"function": [1]},
        {"other": 1},
    ],
)
def test_other_objects_are_format_errors(written: Any) -> None:
    with pytest.raises(FormatError, match="here: "):
        decode(written, "here")
