"""Reading what a constructor is given: masters in the shapes of a configuration, and their masks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from .._config import XyloConfig
from .._fields import INTEGER_FIELDS
from .._wording import counted
from ..chips import Chip, Range
from ._core import range_of

MASTERS = tuple(name for name, field in INTEGER_FIELDS.items() if field.axes)
"""The fields of a configuration that are arrays, and so can be trained."""

MASKS = {"weights_in": "mask_in", "weights_rec": "mask_rec", "weights_out": "mask_out"}
"""Which mask says which synapses of a field there are."""

_FAMILIES = {"weights": "weights", "threshold": "threshold", "bias": "bias", "dash": "dashes"}
_SPELLINGS = {"thresholds": "threshold", "biases": "bias"}


@dataclass(frozen=True, eq=False)
class Read:
    """What was given, read.

    Attributes:
        config: the configuration that the masters stand for.
        masters: by field, in the shapes that the configuration has.
        bias_range: within which biases are clipped.
    """

    config: XyloConfig
    masters: dict[str, Float32[np.ndarray, "..."]]
    bias_range: Range


def read_masters(chip: Chip, given: Mapping[str, Any]) -> Read:
    """Read the fields of a configuration whose arrays may be real numbers.

    Args:
        chip: whose ranges hold.
        given: all fields but the chip; `None`: not given.

    Raises:
        ValueError: values that are NaN or infinite, or fields that make no configuration.
        TypeError: values that are no numbers.
    """
    masters = _numbers(given)
    allowed = chip.bias_range
    biases = [masters[name] for name in ("bias", "bias_out")]
    fit = all(((allowed.low <= b) & (b <= allowed.high)).all() for b in biases)
    bias_range = allowed if fit else chip.stored_bias_range
    rounded = {
        name: np.clip(np.round(array), limits.low, limits.high)
        for name, array in masters.items()
        for limits in [range_of(chip, bias_range, name)]
    }
    config = XyloConfig(chip, **{**given, **rounded})
    return Read(
        config=config,
        masters={name: _shaped(array, getattr(config, name)) for name, array in masters.items()},
        bias_range=bias_range,
    )


def read_masks(
    config: XyloConfig, given: Mapping[str, Any]
) -> dict[str, Bool[np.ndarray, "source target *synapse"]]:
    """Masks in the shapes of the weights; all true where none is given.

    Args:
        config: with the weights.
        given: by the name of the mask; `None`: not given.

    Raises:
        ValueError: a mask that does not fit its weights.
    """
    masks, problems = {}, []
    for field, name in MASKS.items():
        weights = getattr(config, field)
        mask = np.asarray(True if given[name] is None else given[name])
        if mask.shape not in (
            (),
            weights.shape,
            weights.shape[:2] if config.n_synapses == 1 else (),
        ):
            problems.append(
                f"`{name}` has the shape {mask.shape}; `{field}` has the shape {weights.shape}"
            )
            continue
        masks[name] = _shaped(mask.astype(bool), weights)
    if problems:
        raise ValueError("\n".join(problems))
    return masks


def family_of(field: str) -> str:
    """The family of a master.

    >>> family_of("weights_in"), family_of("dash_syn_2")
    ('weights', 'dashes')
    """
    return next(family for start, family in _FAMILIES.items() if field.startswith(start))


def trained_fields(names: Iterable[str]) -> frozenset[str]:
    """The fields that names of fields and families mean.

    Args:
        names: such as `["weights", "threshold_out"]`.

    Raises:
        ValueError: names that mean nothing; lists all of them.

    >>> sorted(trained_fields(["weights_in", "bias"]))
    ['bias', 'bias_out', 'weights_in']
    """
    names = [names] if isinstance(names, str) else list(names)
    families = {name: _SPELLINGS.get(name, name) for name in names}
    unknown = [n for n in names if n not in MASTERS and families[n] not in _FAMILIES.values()]
    if unknown:
        raise ValueError(
            f"nothing that is trained is called {', '.join(map(repr, unknown))}: families are "
            f"{', '.join(_FAMILIES.values())}, fields are {', '.join(MASTERS)}"
        )
    return frozenset(
        field
        for field in MASTERS
        if field in names or (family_of(field) in families.values() and field not in names)
    )


def _numbers(given: Mapping[str, Any]) -> dict[str, Float32[np.ndarray, "..."]]:
    """All masters that were given as floats; what is missing has its default."""
    masters, broken = {}, []
    for name in MASTERS:
        value = given[name]
        if value is None and name == "weights_rec":
            continue
        try:
            array = np.asarray(value, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise TypeError(f"`{name}` must be numbers: {error}") from error
        if not np.isfinite(array).all():
            n_broken = int((~np.isfinite(array)).sum())
            broken.append(f"`{name}` has {counted(n_broken, 'value')} that are NaN or infinite")
        masters[name] = array
    if broken:
        raise ValueError("\n".join([*broken, "has the training diverged?"]))
    return masters


def _shaped(array: np.ndarray, like: np.ndarray) -> np.ndarray:
    # With one synapse its axis may be missing; one number stands for all neurons.
    array = array[..., None] if 2 == array.ndim == like.ndim - 1 else array
    return np.broadcast_to(array, like.shape).copy()
