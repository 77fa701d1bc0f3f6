"""`LIFODEJax`: leaky integrate-and-fire neurons as a differential equation, by Euler steps."""

from collections.abc import Callable
from typing import Any

from .._initializers import kaiming
from ._evolve import Dynamics, fire, sum_over_synapses
from ._forward import Arrays, Keep
from ._spiking import SpikingJax
from ._surrogate import step_pwl


def _coefficients(values: Arrays) -> Arrays:
    return {name: values["dt"] / values[name] for name in ("tau_mem", "tau_syn")}


def _integrate(coefficients: Arrays, state: Arrays, inputs: Arrays, keep: Keep) -> Arrays:
    excess = keep("excess", inputs["arriving"] - state["isyn"])
    isyn = keep("isyn", state["isyn"] + excess * coefficients["tau_syn"])
    drive = sum_over_synapses(isyn) - state["vmem"] + coefficients["bias"]
    drive = drive + inputs["noise"] if "noise" in inputs else drive
    vmem = keep("vmem", state["vmem"] + drive * coefficients["tau_mem"])
    return {"excess": excess, "isyn": isyn, "vmem": vmem}


def _finish(coefficients: Arrays, kept: Arrays, count_spikes: Callable[..., Any]) -> Arrays:
    spikes, vmem = fire(coefficients, kept["vmem"], count_spikes)
    return {"spikes": spikes, "isyn": kept["isyn"], "vmem": vmem}


class LIFODEJax(SpikingJax):
    """Leaky integrate-and-fire neurons that follow their differential equations by Euler steps.

    One time step:

    1. `isyn += (input + spikes_before @ w_rec - isyn) * dt / tau_syn`
    2. `vmem += (sum_k isyn_k + noise + bias - vmem) * dt / tau_mem`
    3. `spikes = floor(vmem / threshold)` where `vmem >= threshold`, at most `max_spikes_per_dt`
    4. `vmem -= spikes * threshold`

    A constant input ends at a current and a voltage of its own size, whatever the time constants
    are; in `LIFJax` each spike adds its weight to the current. So inputs must be about `tau / dt`
    times as large here. Time constants should be at least ten steps long. Chips do not compute
    like this: networks for them are made of `LIFJax`.

    Attributes:
        tau_mem: Parameter, family `taus` [s], `(N,)` or `()`.
        tau_syn: Parameter, family `taus` [s], `(N, K)`, `(1, K)` or `()`.

    The others are those of `LIFJax` but for the leak.

    The record is that of `LIFJax`.

    Args:
        shape: `N`, or `(n_in, N)` with `n_in = N * K` and input channel `j` on synapse `j % K` of
            neuron `j // K`.
        tau_mem: membrane time constants [s]; 20 ms.
        tau_syn: synaptic time constants [s]; 20 ms.
        bias: current into the membrane; 0.
        w_rec: recurrent weights; needs `has_rec`.
        has_rec: whether the neurons feed themselves, one step later.
        weight_init_func: initializer of `w_rec`.
        threshold: voltage of one spike; 1.
        noise_std: standard deviation of the noise on the input of the membrane, per root second.
        max_spikes_per_dt: most spikes of a neuron in one step; the rest stays on the membrane.
        dt: length of a step [s].
        rng_key: JAX random key, typed or raw; from NumPy's global generator when not given.
        spiking_input: whether the input is counts of events.
        spiking_output: whether the output is counts of events.
        spike_generation_fn: how many spikes a voltage gives; see `LIFJax`.
        learning_window: the surrogate's window.

    Raises:
        ValueError: `n_in` is no multiple of `N`, more than two sizes, `w_rec` without `has_rec`,
            or an initial value that does not fit or makes no sense.
        TypeError: an initial value is no array, or the key is none.

    Source: module facts, section 3.

    >>> import numpy as np
    >>> _, state, _ = LIFODEJax(1, threshold=2.0)(np.ones((500, 1)))
    >>> state["vmem"].round(3)
    Array([1.], dtype=float32)
    """

    _dynamics = Dynamics(_coefficients, _integrate, _finish, per_synapse=("tau_syn",))

    def __init__(
        self,
        shape: Any,
        tau_mem: Any = None,
        tau_syn: Any = None,
        bias: Any = None,
        w_rec: Any = None,
        has_rec: bool = False,
        weight_init_func: Callable[..., Any] = kaiming,
        threshold: Any = None,
        noise_std: Any = 0.0,
        max_spikes_per_dt: Any = 2.0**16,
        dt: Any = 1e-3,
        rng_key: Any = None,
        spiking_input: bool = False,
        spiking_output: bool = True,
        spike_generation_fn: Any = step_pwl,
        learning_window: Any = 0.5,
    ) -> None:
        super().__init__(
            shape,
            leak=("taus", False, {"tau_mem": tau_mem, "tau_syn": tau_syn}),
            bias=bias,
            threshold=threshold,
            recurrence=(w_rec, has_rec, weight_init_func),
            noise_std=noise_std,
            max_spikes_per_dt=max_spikes_per_dt,
            dt=dt,
            rng_key=rng_key,
            spiking_input=spiking_input,
            spiking_output=spiking_output,
            spike_generation_fn=spike_generation_fn,
            learning_window=learning_window,
        )
