"""Slopes that stand for the staircase of spike counts in the backward pass.

A neuron with voltage `v` and threshold `th` spikes `floor(v / th)` times, from 0 to the most that
the chip allows. In units of the threshold, `x = v / th`, the slope `h(x)` is put in the place of
the derivative: `dS/dv = h / th` and `dS/dth = -h v / th²`.

Source of the shapes: Neftci, Mostafa and Zenke 2019, arXiv 1901.09948 (surrogate gradients; the
piecewise-linear one as `models.step_pwl`); Zenke and Ganguli 2018, doi 10.1162/neco_a_01086, eq. 15
(fast sigmoid); Fang et al. 2021, arXiv 2007.05785, eq. 15 (arctan); `models.periodic_exponential`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float

Slope: TypeAlias = Callable[
    [Float[Array, "*n"], Float[Array, "*#n"], Float[Array, ""]], Float[Array, "*n"]
]


def piecewise_linear(
    ratio: Float[Array, "*n"], most: Float[Array, "*#n"], window: Float[Array, ""]
) -> Float[Array, "*n"]:
    """`h = 1` from `window` below the first spike on, else 0: the line through the staircase.

    Args:
        ratio: voltages over thresholds.
        most: most spikes of a step; does not matter here.
        window: how far below the threshold the slope begins [thresholds].
    """
    return (ratio >= 1 - window).astype(ratio.dtype)


def fast_sigmoid(
    ratio: Float[Array, "*n"], most: Float[Array, "*#n"], window: Float[Array, ""]
) -> Float[Array, "*n"]:
    """`h = 1 / (1 + d / window)²`, where `d` is the distance to the next step of the staircase.

    Args:
        ratio: voltages over thresholds.
        most: most spikes of a step: the staircase has so many steps.
        window: distance at which the slope has fallen to a quarter [thresholds].
    """
    return 1 / (1 + _distance(ratio, most) / window) ** 2


def arctan(
    ratio: Float[Array, "*n"], most: Float[Array, "*#n"], window: Float[Array, ""]
) -> Float[Array, "*n"]:
    """`h = 1 / (1 + (d / window)²)`, where `d` is the distance to the next step of the staircase.

    Args:
        ratio: voltages over thresholds.
        most: most spikes of a step: the staircase has so many steps.
        window: distance at which the slope has fallen to a half [thresholds].
    """
    return 1 / (1 + (_distance(ratio, most) / window) ** 2)


def exponential(
    ratio: Float[Array, "*n"], most: Float[Array, "*#n"], window: Float[Array, ""]
) -> Float[Array, "*n"]:
    """`h = exp(-d / window)`, where `d` is the distance to the next step of the staircase.

    Args:
        ratio: voltages over thresholds.
        most: most spikes of a step: the staircase has so many steps.
        window: distance at which the slope has fallen to a third [thresholds].
    """
    return jnp.exp(-_distance(ratio, most) / window)


def _distance(ratio: Float[Array, "*n"], most: Float[Array, "*#n"]) -> Float[Array, "*n"]:
    return jnp.abs(ratio - jnp.clip(jnp.round(ratio), 1, most))


SURROGATES: Mapping[str, Slope] = MappingProxyType(
    {
        "piecewise_linear": piecewise_linear,
        "fast_sigmoid": fast_sigmoid,
        "arctan": arctan,
        "exponential": exponential,
    }
)
"""The slopes by name."""
