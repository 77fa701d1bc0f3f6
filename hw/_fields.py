"""What the fields of a configuration are: names, types, axes, ranges; and how to speak of them.

One table, `INTEGER_FIELDS`, says what each integer field looks like. `_storage.py` reads what a
caller or a file gives by that table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_SCALE = "scale or quantize first"
_ROUND = "a dash is log2(tau / dt), rounded"
_MOVE = "give the rest to the weights"


@dataclass(frozen=True)
class IntegerField:
    """One integer field of a configuration.

    Attributes:
        name: of the field.
        dtype: in which it is stored.
        axes: names of its axes; an axis of the same name has the same length in all fields.
        limits: field of `Chip` with the range of its values.
        way_out: what to do about a value outside.
        default: value of all entries when the field is not given; `None`: it must be given.
    """

    name: str
    dtype: type[np.integer[Any]]
    axes: tuple[str, ...]
    limits: str
    way_out: str
    default: int | None = None

    @property
    def has_synapses(self) -> bool:
        """Whether the last axis counts synapses and may be left out when there is one."""
        return self.axes[-1:] == ("synapse",)


def _field_table() -> dict[str, IntegerField]:
    in_axes, rec_axes = ("input", "expansion", "synapse"), ("hidden", "hidden", "synapse")
    hidden, out = ("hidden",), ("output",)
    weight, shift = "weight_range", "stored_weight_shift_range"
    rows = (
        IntegerField("weights_in", np.int8, in_axes, weight, _SCALE),
        IntegerField("weights_rec", np.int8, rec_axes, weight, _SCALE, 0),
        IntegerField("weights_out", np.int8, ("output expansion", "output"), weight, _SCALE),
        IntegerField("dash_mem", np.uint8, hidden, "dash_range", _ROUND, 1),
        IntegerField("dash_syn", np.uint8, hidden, "dash_range", _ROUND, 1),
        IntegerField("dash_syn_2", np.uint8, hidden, "dash_range", _ROUND, 1),
        IntegerField("dash_mem_out", np.uint8, out, "dash_range", _ROUND, 1),
        IntegerField("dash_syn_out", np.uint8, out, "dash_range", _ROUND, 1),
        IntegerField("threshold", np.int16, hidden, "threshold_range", _SCALE, 0),
        IntegerField("threshold_out", np.int16, out, "threshold_range", _SCALE, 0),
        IntegerField("bias", np.int16, hidden, "stored_bias_range", _SCALE, 0),
        IntegerField("bias_out", np.int16, out, "stored_bias_range", _SCALE, 0),
        IntegerField("weight_shift_in", np.int64, (), shift, _MOVE, 0),
        IntegerField("weight_shift_rec", np.int64, (), shift, _MOVE, 0),
        IntegerField("weight_shift_out", np.int64, (), shift, _MOVE, 0),
    )
    return {field.name: field for field in rows}


INTEGER_FIELDS: Mapping[str, IntegerField] = _field_table()
FIELD_NAMES = (*INTEGER_FIELDS, "aliases", "dt")


@dataclass(frozen=True)
class Problem:
    """One thing that cannot be stored.

    Attributes:
        field: name of the field.
        index: of the entry; empty when the field as a whole is meant.
        text: predicate of the sentence whose subject is the field or the entry.
    """

    field: str
    index: tuple[int, ...]
    text: str

    def __str__(self) -> str:
        """The sentence, with the field as Python writes it."""
        index = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        return f"`{self.field}{index}` {self.text}"


def shown(value: object) -> str:
    """The value as a message shows it: on one line, and never long.

    >>> shown(0.5), shown([1, 2]), shown("a" * 99)
    ('0.5', 'a list of 2', "'aaaaaaaaaaaaaaaaaaaa...'")
    """
    value = value.item() if isinstance(value, np.generic) else value
    # Containers are counted, not shown: they can be huge, or nested deeper than `repr` can follow.
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, np.ndarray):
        return f"an array of the shape {value.shape}"
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    if isinstance(value, str) and len(value) > 20:
        return repr(value[:20] + "...")
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
