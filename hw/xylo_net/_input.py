"""What a call that is not compiled says of input that the chip would not get as it is."""

import warnings

import jax
import numpy as np
from jax.core import Tracer

from ..engines._raster import InputClippedWarning, said_of


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
    if lost := said_of(array, {"not a finite number": ~np.isfinite(array)}):
        raise ValueError(f"input is spike counts from 0 to {most}; {lost[0]}")
    kinds = {"cut to a count": array != np.clip(np.floor(array), 0, most)}
    if cut := said_of(array, kinds):
        warnings.warn(
            f"input is spike counts from 0 to {most}, what the counters of the chip hold; {cut[0]}",
            InputClippedWarning,
            stacklevel=4,
        )
