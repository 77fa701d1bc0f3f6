"""From a strength per step to whole events per step."""

import numpy as np
from jaxtyping import Float64, UInt8


def count_events(
    strengths: Float64[np.ndarray, "time channel"], *, max_count: int
) -> UInt8[np.ndarray, "time channel"]:
    """Whole events per step whose running sum follows that of the strengths.

    Each channel integrates and fires: what is less than an event is carried to the next step, so
    no weak signal is lost and the sum is never more than one event behind. What is more than
    `max_count` in one step is lost, as in the chip's input counters. A count depends on the
    present and the past only.

    Args:
        strengths: events per step, not negative.
        max_count: most events that a step takes.

    Returns:
        The counts, 0 to `max_count`.

    >>> count_events(np.array([[0.5], [0.5], [1.25], [40.0]]), max_count=15).ravel()
    array([ 0,  1,  1, 15], dtype=uint8)
    """
    # `cumsum` adds one after the other (`sum` would add in pairs): a sum that depended on what
    # follows would break causality in the last bit.
    emitted = np.floor(np.cumsum(strengths, axis=0))
    counts = np.diff(emitted, axis=0, prepend=0.0)
    return np.minimum(counts, max_count).astype(np.uint8)
