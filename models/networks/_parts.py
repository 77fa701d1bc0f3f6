"""What the networks are built from: weights in the units of their target neurons, and neurons."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from .._constant import Constant
from .._initializers import ScaledColumns, kaiming, random_key
from ..layers._linear import LinearJax
from ..module import JaxModule
from ..neurons._leak import dash_to_tau
from ..neurons._surrogate import periodic_exponential


def keys_from(rng_key: Any, n: int) -> list[Any]:
    """Random keys for `n` modules; `None` for each where none is given."""
    return [None] * n if rng_key is None else list(jax.random.split(random_key(rng_key), n))


def weights_to(
    n_in: int, n_out: int, tau_syn: Any, dt: Any, n_synapses: int = 1, rng_key: Any = None
) -> LinearJax:
    """Weights without biases, drawn by `kaiming` and scaled by `dt / tau_syn` of their targets.

    A synapse keeps a current for about `tau_syn / dt` steps: so slow synapses do not drive their
    neurons more than quick ones.

    Args:
        n_in: source channels.
        n_out: target neurons.
        tau_syn: synaptic time constants [s], one for all or one for each channel.
        dt: length of a step [s].
        n_synapses: channels of each neuron.
        rng_key: JAX random key; NumPy's global generator when not given.
    """
    n_channels = n_out * n_synapses
    factors = np.broadcast_to(dt / np.ravel(tau_syn), n_channels)
    return LinearJax(
        (n_in, n_channels),
        weight_init_func=ScaledColumns(kaiming, tuple(factors.tolist())),
        rng_key=rng_key,
    )


def neurons_of(
    neuron_model: Callable[..., JaxModule],
    shape: tuple[int, int],
    further: dict[str, Any] | None = None,
    **settings: Any,
) -> JaxModule:
    """Neurons between spikes and spikes, without biases unless said otherwise.

    Args:
        neuron_model: makes them; takes the keywords of `LIFJax`.
        shape: `(n_in, n)`.
        further: the user's own keywords, which have the last word.
        **settings: keywords.
    """
    defaults = {
        "bias": Constant(0.0),
        "spike_generation_fn": periodic_exponential,
        "spiking_input": True,
        "spiking_output": True,
    }
    return neuron_model(shape, **defaults | settings | (further or {}))


def not_counts(**values: Any) -> list[str]:
    """What is wrong with values that must be whole numbers of at least 1, or lists of these."""
    return [
        f"`{name}` must be {'whole numbers' if listed else 'a whole number'} of at least 1, got "
        f"{value!r}"
        for name, value in values.items()
        for listed in [isinstance(value, (list, tuple))]
        if not all(_is_count(one) for one in (value if listed else [value]))
    ]


def _is_count(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool) and value.__index__() >= 1


def with_whole_shifts(tau: Any, dt: Any, name: str) -> Float[np.ndarray, "..."]:
    """The nearest time constants that are bit shifts: `d = round(-log2(1 - exp(-dt / tau)))`.

    Args:
        tau: time constants [s], of any shape.
        dt: length of a step [s].
        name: what they are called, for messages.

    Raises:
        ValueError: one so short that nothing would remain after a step.

    Source: module facts, section 11.

    >>> with_whole_shifts([0.002, 0.004], dt=0.001, name="tau_syn").round(6)
    array([0.001443, 0.003476])
    """
    dash = np.round(-np.log2(-np.expm1(-dt / np.asarray(tau, dtype=np.float64))))
    if np.any(dash < 1):
        raise ValueError(
            f"`{name}` of {np.min(tau):g} s is too short for steps of {dt:g} s: its nearest bit "
            f"shift is 0, which keeps nothing; make it {dt:g} s or more"
        )
    return dash_to_tau(dash, dt)
