"""How a neuron forgets: time constants, decays and bit shifts, and how they convert.

In each step of `dt` a state keeps a part `decay` of itself. A time constant says it as
`decay = exp(-dt / tau)`, a bit shift, as a chip computes, as `decay = 1 - 2^-dash`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._types import Numbers


class Leak(NamedTuple):
    """One way to say it, which is also the family of its parameters.

    Attributes:
        names: of the parameters, by the part that forgets: membrane or synapses.
        default: the value where none is given.
    """

    names: Mapping[str, str]
    default: float


LEAKS = {
    "taus": Leak({"mem": "tau_mem", "syn": "tau_syn"}, 20e-3),
    "decays": Leak({"mem": "alpha", "syn": "beta"}, 0.5),
    "bitshifts": Leak({"mem": "dash_mem", "syn": "dash_syn"}, 1.0),
}
# The mode and the part that each name belongs to.
PLACES = {name: (mode, part) for mode, leak in LEAKS.items() for part, name in leak.names.items()}
# Before the name of a shift that acts as a whole number.
_WHOLE = "whole_"


def dash_to_tau(dash: Numbers, dt: float) -> Float[np.ndarray, "*n"]:
    """The time constant whose exponential decay is exactly a bit shift.

    A chip's neuron loses `2^-dash` of a state in each step; `exp(-dt / tau)` remains in a
    network. With these time constants both are the same, and mapping rounds them to this shift.

    Args:
        dash: decay shifts [bits], 1 or more.
        dt: length of a step [s].

    Returns:
        Time constants [s], of the shape of `dash`.

    Raises:
        ValueError: a shift below 1, which no time constant gives, or a `dt` that is not positive.

    Source: module facts, section 9: `tau = -dt / ln(1 - 2^-dash)`.

    >>> dash_to_tau([1, 4], dt=1e-3).round(6)
    array([0.001443, 0.015495])
    """
    shifts = np.asarray(dash, dtype=np.float64)
    if not np.all(shifts >= 1) or not dt > 0:
        raise ValueError(
            f"`dash` must be 1 or more and `dt` positive, got a least dash of {shifts.min()} and "
            f"dt = {dt!r}"
        )
    return np.asarray(-dt / np.log1p(-(2.0**-shifts)))


def leak_problems(mode: str, whole_dashes: bool, given: Mapping[str, Any]) -> list[str]:
    """What is wrong with a choice.

    Args:
        mode: one of `LEAKS`.
        whole_dashes: whether shifts act as whole numbers.
        given: initial values by name; `None` where nothing was given.
    """
    if mode not in LEAKS:
        return [f"`leak_mode` must be one of {', '.join(map(repr, LEAKS))}, got {mode!r}"]
    problems = [
        f"`{name}` is of leak_mode {PLACES[name][0]!r}, but {mode!r} was chosen: give "
        f"`{LEAKS[mode].names[PLACES[name][1]]}`"
        for name, value in given.items()
        if value is not None and PLACES[name][0] != mode
    ]
    if whole_dashes and mode != "bitshifts":
        problems.append(f"`whole_dashes` needs leak_mode 'bitshifts', but {mode!r} was chosen")
    return problems


def leak_values(module: Any, parts: tuple[str, ...]) -> dict[str, Any]:
    """The parameters that say how a module forgets, as `remaining` takes them."""
    names = LEAKS[module.leak_mode].names
    prefix = _WHOLE if module.whole_dashes else ""
    return {prefix + names[part]: vars(module)[names[part]] for part in parts}


def remaining(values: Mapping[str, Any], part: str) -> Float[jax.Array, "..."]:
    """The part of a state that is left after a step.

    Args:
        values: what `leak_values` gives, and `dt`.
        part: `"mem"` or `"syn"`.
    """
    tau, decay, dash = (leak.names[part] for leak in LEAKS.values())
    if tau in values:
        return jnp.exp(-values["dt"] / values[tau])
    if decay in values:
        return values[decay]
    return 1.0 - jnp.exp2(-_dashes(values, dash))


def derived_leak(values: Mapping[str, Any], name: str) -> Float[jax.Array, "..."]:
    """What a time constant, decay or shift would be, from those that are there.

    Args:
        values: what `leak_values` gives, and `dt`.
        name: of one of the others.
    """
    mode, part = PLACES[name]
    tau, decay, dash = (leak.names[part] for leak in LEAKS.values())
    # Through the logarithm, which long time constants leave precise.
    if tau in values:
        log_decay = -values["dt"] / values[tau]
    elif decay in values:
        log_decay = jnp.log(values[decay])
    else:
        log_decay = jnp.log1p(-jnp.exp2(-_dashes(values, dash)))
    if mode == "taus":
        return -values["dt"] / log_decay
    return jnp.exp(log_decay) if mode == "decays" else -jnp.log2(-jnp.expm1(log_decay))


def _dashes(values: Mapping[str, Any], name: str) -> Any:
    return values[name] if name in values else _whole(values[_WHOLE + name])


@jax.custom_jvp
def _whole(dash: jax.Array) -> jax.Array:
    """The nearest shift a chip has, with the gradient of the shift itself."""
    return jnp.maximum(jnp.round(dash), 1.0)


@_whole.defjvp
def _(primals, tangents):
    return _whole(*primals), tangents[0]
