"""`from_rockpool_spec`: specifications that mappers of Rockpool made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...hw import get_chip
from ...hw.chips import ChipLike
from ...models import FormatError
from .._specification import Specification

_SPEC_ARRAYS = (
    "weights_in",
    "weights_rec",
    "weights_out",
    "dash_mem",
    "dash_syn",
    "dash_syn_2",
    "dash_mem_out",
    "dash_syn_out",
    "threshold",
    "threshold_out",
    "bias",
    "bias_out",
)
_SPEC_DEFAULTS = {"dash": 1.0, "threshold": 0.0, "bias": 0.0}
_SPEC_SHIFTS = ("weight_shift_in", "weight_shift_rec", "weight_shift_out")


def from_rockpool_spec(spec: Mapping[str, Any], chip: ChipLike) -> Specification:
    """The specification in a dictionary that a mapper of Rockpool made.

    Real numbers stay real: give it to a quantizer, or, where one of Rockpool has been at it,
    take `to_config()` of it.

    Args:
        spec: the dictionary; what is not of a configuration, such as `mapped_graph`, is left out.
        chip: the chip it was made for; a dictionary does not say.

    Returns:
        The specification, without placement.

    Raises:
        FormatError: keys are missing or arrays do not fit together; lists all.

    Source: mapping facts, section 1.
    """
    missing = [name for name in _SPEC_ARRAYS[:3] if spec.get(name) is None]
    if missing:
        raise FormatError(f"the specification lacks {', '.join(f'`{name}`' for name in missing)}")
    arrays = {
        name: np.asarray(spec[name], dtype=np.float64)
        for name in _SPEC_ARRAYS
        if spec.get(name) is not None
    }
    for name in ("weights_in", "weights_rec"):
        # Audio 2 leaves the axis out where there is one synapse.
        arrays[name] = arrays[name][..., None] if arrays[name].ndim == 2 else arrays[name]
    n_hidden, n_outputs = arrays["weights_rec"].shape[0], arrays["weights_out"].shape[-1]
    for name in _SPEC_ARRAYS[3:]:
        size = n_outputs if name.endswith("_out") else n_hidden
        arrays.setdefault(name, np.full(size, _SPEC_DEFAULTS[name.split("_")[0]]))
        if arrays[name].shape != (size,):
            raise FormatError(f"`{name}` has the shape {arrays[name].shape}, expected is ({size},)")
    shifts = {name: int(spec.get(name, 0)) for name in _SPEC_SHIFTS}
    aliases = spec.get("aliases")
    fields: dict[str, Any] = {**arrays, **shifts}
    return Specification(
        chip=get_chip(chip),
        aliases=None if aliases is None else tuple(tuple(map(int, row)) for row in aliases),
        dt=float(spec.get("dt", 1e-3)),
        **fields,
    )
