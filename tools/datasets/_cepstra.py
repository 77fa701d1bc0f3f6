"""Preparing cepstral coefficients for a chip: level them as they come, part their signs."""

import numpy as np
from jaxtyping import Float, Float64


def remove_running_mean(
    frames: Float[np.ndarray, "time coefficient"],
    start: Float64[np.ndarray, " coefficient"],
    *,
    n_frames: float,
) -> Float64[np.ndarray, "time coefficient"]:
    """What is left of each frame after an exponential mean over it and the frames before.

    Takes away what voice and microphone add to every frame. The mean of the whole utterance would
    do so better, but nobody knows that one before the word has ended.

    Args:
        frames: coefficients, any unit.
        start: the mean to begin with.
        n_frames: time constant of the mean [frames], more than 1.

    >>> remove_running_mean(np.array([[4.0], [4.0]]), np.zeros(1), n_frames=2.0).ravel()
    array([2., 1.])
    """
    from scipy.signal import lfilter

    kept = 1 - 1 / n_frames
    mean, _ = lfilter([1 / n_frames], [1, -kept], frames, axis=0, zi=kept * start[np.newaxis])
    return frames - mean


def part_signs(
    values: Float64[np.ndarray, "time coefficient"],
) -> Float64[np.ndarray, "time channel"]:
    """Two channels for each column: what is above zero, and what is below.

    >>> part_signs(np.array([[1.5, -2.0]]))
    array([[1.5, 0. , 0. , 2. ]])
    """
    halves = np.stack([np.maximum(values, 0), np.maximum(-values, 0)], axis=2)
    return halves.reshape(len(values), -1)
