"""From what a caller gives as input to the raster that engines take."""

import warnings

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Shaped, UInt8

from .._config import XyloConfig

# What the interface of the chips takes: one byte for each count.
_MAX_COUNT = 255


class InputClippedWarning(UserWarning):
    """Input counts were above what the counters of the chip hold, and were clipped to that."""


def checked_raster(
    data: npt.ArrayLike, config: XyloConfig
) -> UInt8[np.ndarray, "batch time input"]:
    """Input spikes as engines take them.

    Args:
        data: spike counts of whole numbers, (time, input) or (batch, time, input); booleans and
            floats that hold whole numbers are fine.
        config: gives the number of inputs and what the counters hold.

    Returns:
        The counts with a batch axis, clipped to what the counters hold.

    Raises:
        TypeError: when the data are no numbers.
        ValueError: when shape or values do not fit; names the first bad value of each kind.

    Warns:
        InputClippedWarning: when counts were clipped; once, however many.

    >>> config = XyloConfig("xylo-imu", weights_in=[[64], [32]], weights_out=[[10]])
    >>> checked_raster([[0, 1], [2.0, 0]], config)
    array([[[0, 1],
            [2, 0]]], dtype=uint8)
    >>> checked_raster([[0, 1], [-2, 0]], config)
    Traceback (most recent call last):
        ...
    ValueError: input is spike counts from 0 to 255; 1 is negative, first -2 in step 1, channel 0
    """
    array = _as_numbers(data)
    array = _with_batch_axis(array, config)
    # What a byte cannot hold is something else after the cast.
    with np.errstate(invalid="ignore"):
        raster = array.astype(np.uint8, copy=False)
    if raster is not array and not np.array_equal(raster, array):
        _refuse_bad_counts(array)
    limit = config.chip.max_input_spikes
    if raster.max(initial=0) > limit:
        clipped = raster > limit
        warnings.warn(
            f"{clipped.sum()} input counts are above {limit}, what the counters of "
            f"{config.chip.name} hold, and were clipped; first {_first(raster, clipped)}",
            InputClippedWarning,
            stacklevel=3,
        )
        raster = np.minimum(raster, np.uint8(limit))
    return raster


def _as_numbers(data: npt.ArrayLike) -> Shaped[np.ndarray, "..."]:
    try:
        array = np.asarray(data)
    except ValueError as err:
        raise ValueError("input is no array: its rows differ in length") from err
    if array.dtype.kind not in "biuf":
        raise TypeError(f"input is spike counts, numbers; this holds {array.dtype}")
    return array


def _with_batch_axis(
    array: Shaped[np.ndarray, "..."], config: XyloConfig
) -> Shaped[np.ndarray, "batch time input"]:
    if array.ndim not in (2, 3):
        raise ValueError(
            f"input has the shape (time, {config.n_inputs}) or (batch, time, {config.n_inputs}); "
            f"this has {array.shape}"
        )
    if array.shape[-1] != config.n_inputs:
        turned = array.shape[-2] == config.n_inputs
        raise ValueError(
            f"input has {array.shape[-1]} channels, the configuration has {config.n_inputs}"
            + (": time comes before channels, is it transposed?" if turned else "")
        )
    return array if array.ndim == 3 else array[None]


def _refuse_bad_counts(array: Shaped[np.ndarray, "batch time input"]) -> None:
    finite = np.isfinite(array)
    kinds = {
        "not a finite number": ~finite,
        "negative": finite & (array < 0),
        f"above {_MAX_COUNT}": finite & (array > _MAX_COUNT),
        "not a whole number": finite & (np.trunc(np.where(finite, array, 0)) != array),
    }
    found = said_of(array, kinds)
    raise ValueError(f"input is spike counts from 0 to {_MAX_COUNT}; {'; '.join(found)}")


def said_of(
    array: Shaped[np.ndarray, "batch time input"],
    kinds: dict[str, Bool[np.ndarray, "batch time input"]],
) -> list[str]:
    """How many values are of each kind, if any, and where the first one stands."""
    return [
        f"{found.sum()} {'is' if found.sum() == 1 else 'are'} {kind}, first {_first(array, found)}"
        for kind, found in kinds.items()
        if found.any()
    ]


def _first(
    array: Shaped[np.ndarray, "batch time input"], wanted: Bool[np.ndarray, "batch time input"]
) -> str:
    sample, step, channel = np.argwhere(wanted)[0].tolist()
    where = f"step {step}, channel {channel}"
    if len(array) > 1:
        where = f"sample {sample}, {where}"
    return f"{array[sample, step, channel]} in {where}"
