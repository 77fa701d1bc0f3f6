"""The demo's network: hidden neurons of several time constants, recurrent, and one output a class."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...models import (
    Constant,
    JaxModule,
    LIFJax,
    LinearJax,
    Sequential,
    dash_to_tau,
    periodic_exponential,
)

HIDDEN = "1_LIFJax"

# Decay shifts of the hidden neurons, all pairs in turn: membranes and synapses forget within 1 to
# 8 steps, so that fast and slow movements both find neurons that follow them.
_HIDDEN_DASHES = tuple((mem, syn) for syn in (1, 2, 3) for mem in (1, 2, 3))
_OUTPUT_DASHES = ((4, 3),)

# More makes the hidden neurons excite each other without end in the first epochs.
_RECURRENT_GAIN = 0.3

# Each output collects from all hidden neurons, of which few are active.
_OUTPUT_GAIN = 5.0

# A silent output learns little: at first, whatever is active drives every output a bit.
_OUTPUT_DRIVE = 0.1


def spiking_classifier(
    n_inputs: int,
    n_hidden: int,
    n_classes: int,
    *,
    dt: float,
    input_gain: float,
    max_hidden_spikes: int,
    max_output_spikes: int,
    key: jax.Array,
) -> JaxModule:
    """A network in which the output neuron that spikes most names the class.

    Time constants are those that the chip's decay shifts give exactly; they, the thresholds and
    the biases are fixed, the weights are trained. Biases are zero, since not every chip has them.

    Args:
        n_inputs: input channels.
        n_hidden: hidden neurons.
        n_classes: output neurons.
        dt: length of a step [s].
        input_gain: how strongly the input drives the hidden neurons at first.
        max_hidden_spikes: most spikes of a hidden neuron in a step, as on the chip.
        max_output_spikes: most spikes of an output neuron in a step, as on the chip.
        key: random key of the initial weights.
    """
    keys = jax.random.split(key, 5)
    hidden_unit, output_unit = _unit(_HIDDEN_DASHES, n_hidden), _unit(_OUTPUT_DASHES, n_classes)
    w_in = input_gain * _normal(keys[0], n_inputs, n_hidden)
    w_rec = _RECURRENT_GAIN * _normal(keys[1], n_hidden, n_hidden)
    w_out = _OUTPUT_GAIN * (_normal(keys[2], n_hidden, n_classes) + _OUTPUT_DRIVE)
    return Sequential(
        LinearJax((n_inputs, n_hidden), weight=w_in * hidden_unit),
        _neurons(_HIDDEN_DASHES, dt, max_hidden_spikes, keys[3], w_rec * hidden_unit, n_hidden),
        LinearJax((n_hidden, n_classes), weight=w_out * output_unit),
        _neurons(_OUTPUT_DASHES, dt, max_output_spikes, keys[4], None, n_classes),
    )


def initial_scales(network: JaxModule) -> dict[str, Any]:
    """The order of magnitude of each weight at first, in the form of `parameters()`."""
    weights = network.parameters()
    hidden = _unit(_HIDDEN_DASHES, weights[HIDDEN]["w_rec"].shape[1])
    output = _unit(_OUTPUT_DASHES, weights["2_LinearJax"]["weight"].shape[1])
    return {
        "0_LinearJax": {"weight": hidden},
        HIDDEN: {"w_rec": hidden},
        "2_LinearJax": {"weight": _OUTPUT_GAIN * output},
        "3_LIFJax": {},
    }


def _neurons(
    dashes: tuple[tuple[int, int], ...],
    dt: float,
    max_spikes: int,
    key: jax.Array,
    w_rec: Float[Array, "n n"] | None,
    n: int,
) -> LIFJax:
    mem, syn = np.resize(np.array(dashes), (n, 2)).T
    return LIFJax(
        n,
        tau_mem=Constant(dash_to_tau(mem, dt)),
        tau_syn=Constant(dash_to_tau(syn, dt)[:, None]),
        bias=Constant(0.0),
        threshold=Constant(1.0),
        w_rec=w_rec,
        has_rec=w_rec is not None,
        max_spikes_per_dt=max_spikes,
        dt=dt,
        rng_key=key,
        spike_generation_fn=periodic_exponential,
    )


def _unit(dashes: tuple[tuple[int, int], ...], n: int) -> Float[Array, " n"]:
    """The weight at which a constant input of 1 lifts the membrane of each neuron to about 1.

    A state that loses `2^-dash` of itself in each step settles at `2^dash` times its input.
    """
    mem, syn = np.resize(np.array(dashes), (n, 2)).T
    return jnp.asarray(2.0 ** -(mem + syn))


def _normal(key: jax.Array, n_in: int, n_out: int) -> Float[Array, "n_in n_out"]:
    return jax.random.normal(key, (n_in, n_out)) / jnp.sqrt(n_in)
