"""`observe`: the spikes of every population, in the network's own time."""

from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped

from ._observation import Observation


@singledispatch
def observed(subject: object, data: Any, states: bool) -> Observation:
    """What a subject does; each kind of subject has a function of its own.

    Args:
        subject: what runs.
        data: a checked raster, batch first.
        states: whether to keep membranes and states.
    """
    if not (hasattr(subject, "evolve") and hasattr(subject, "reset_state")):
        raise TypeError(
            f"cannot observe a `{type(subject).__name__}`; known are a JaxModule, a Graph, a "
            "PlacedGraph, a Specification, a Deployment, a XyloConfig, a XyloSim, an OnChip, and "
            "what follows the protocol of a XyloSim"
        )
    from ._of_chip import observed_core

    return observed_core(subject, data, states)


def observe(subject: object, data: npt.ArrayLike, *, states: bool = False) -> Observation:
    """Run anything that computes spikes, from reset.

    Args:
        subject: a network, a `Graph`, a `PlacedGraph`, a `Specification`, a `Deployment`, a
            `XyloConfig`, a `XyloSim` or what follows its protocol, or an `OnChip`. Configurations
            and simulators alone know nothing of populations: theirs are called `hidden` and
            `output`, and are not shifted. Graphs and specifications have no noise.
        data: spike counts `(time, channel)` or `(batch, time, channel)`.
        states: whether to keep membrane potentials, and the integer states of chips.

    Returns:
        The spikes of all populations. A network with noise draws from its own random key, anew
        for each piece of a large batch.

    Raises:
        TypeError: something that cannot be run or traced, or data that are no numbers.
        ValueError: data that does not fit, or a network that does not end in neurons.

    >>> from xylograph.hw import XyloConfig
    >>> config = XyloConfig("xylo-imu", weights_in=[[9]], weights_out=[[9]], threshold=5)
    >>> observe(config, [[1], [0], [0]]).spikes["hidden"].ravel()
    array([1, 0, 0], dtype=int32)
    """
    return observed(subject, batched(data), states)


def batched(data: npt.ArrayLike) -> Shaped[np.ndarray, "batch time channel"]:
    """A raster with its batch axis, if it is one.

    Raises:
        TypeError: no numbers.
        ValueError: no array, another number of axes, nothing in it, or no counts.
    """
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError("the data are no array: their rows differ in length") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"the data are spike counts, numbers; these hold {array.dtype}")
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(
            "the data have the shape (time, channel) or (batch, time, channel), at least one of "
            f"each; these have {array.shape}"
        )
    wrong = ~(np.isfinite(array) & (array >= 0) & (array == np.floor(array)))
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0].tolist())
        raise ValueError(
            f"the data are spike counts, whole numbers from 0; at {list(place)} there is "
            f"{array[place]}"
        )
    return array[None] if array.ndim == 2 else array


def require_channels(data: np.ndarray, n_channels: int, taker: str) -> None:
    """Refuse data of another number of channels; JAX modules would copy one channel to all."""
    if data.shape[2] != n_channels:
        raise ValueError(f"the data have {data.shape[2]} channels, {taker} takes {n_channels}")


def aligned(
    array: Shaped[np.ndarray, "batch time_longer n"], delay: int, n_steps: int
) -> Shaped[np.ndarray, "batch time n"]:
    """What comes `delay` steps later, shifted back."""
    return array[:, delay : delay + n_steps]


def lengthened(data: Shaped[np.ndarray, "batch time channel"], n_steps: int) -> np.ndarray:
    """A raster with so many empty steps at its end, in which what comes later can come."""
    return np.pad(data, ((0, 0), (0, n_steps), (0, 0)))
