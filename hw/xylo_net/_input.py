"""What a call that is not compiled says of input that the chip would not get as it is."""

import warnings

import jax
import numpy as np
from jax.core import Tracer

from ..engines._raster import InputClippedWarning, first_of


def say_what_is_cut(data: jax.Array, most: int) -> None:
    """Refuse what are no numbers, and warn of what is no count that the chip can take.

    Args:
        data: `(batch, time, input)`; while it is traced there is nothing to look at.
        most: what the counters of the chip hold.

    Raises:
        ValueError: values that are NaN or infinite.

    Warns:
        InputClippedWarning: values that are no whole numbers from 0 to `most`.
    """
    if isinstance(data, Tracer):
        return
    array = np.asarray(data)
    lost = ~np.isfinite(array)
    if lost.any():
        raise ValueError(
            f"input is spike counts; {lost.sum()} {'is' if lost.sum() == 1 else 'are'} no finite "
            f"number, first {first_of(array, lost)}"
        )
    cut = array != np.clip(np.floor(array), 0, most)
    if cut.any():
        warnings.warn(
            f"{cut.sum()} input counts are no whole numbers from 0 to {most}, which is what the "
            f"chip takes, and were cut to that; first {first_of(array, cut)}",
            InputClippedWarning,
            stacklevel=4,
        )
