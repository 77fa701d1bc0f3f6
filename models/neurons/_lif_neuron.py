"""`LIFNeuronJax`: leaky integrate-and-fire neurons without synapses."""

from collections.abc import Callable
from typing import Any

from ._evolve import Dynamics, fire
from ._forward import Arrays, Keep
from ._leak import remaining
from ._spiking import SpikingJax
from ._surrogate import step_pwl


def _coefficients(values: Arrays) -> Arrays:
    return {"alpha": remaining(values, "mem")}


def _integrate(coefficients: Arrays, state: Arrays, inputs: Arrays, keep: Keep) -> Arrays:
    vmem = state["vmem"] * coefficients["alpha"] + inputs["arriving"] + coefficients["bias"]
    return {"vmem": keep("vmem", vmem + inputs["noise"] if "noise" in inputs else vmem)}


def _finish(coefficients: Arrays, kept: Arrays, count_spikes: Callable[..., Any]) -> Arrays:
    spikes, vmem = fire(coefficients, kept["vmem"], count_spikes)
    return {"spikes": spikes, "vmem": vmem}


class LIFNeuronJax(SpikingJax):
    """Leaky integrate-and-fire neurons without synapses: the input goes to the membrane.

    One time step, with `a` the part of the voltage that a step leaves:

    1. `vmem = vmem * a + input + noise + bias`
    2. `spikes = floor(vmem / threshold)` where `vmem >= threshold`, at most `max_spikes_per_dt`
    3. `vmem -= spikes * threshold`

    A chip's neurons have synapses: networks for them are made of `LIFJax`.

    Attributes:
        tau_mem, alpha, dash_mem: Parameter, family the `leak_mode`, `(N,)` or `()`.
        bias: Parameter, family `bias`, `(N,)` or `()`.
        threshold: Parameter, family `threshold`, `(N,)` or `()`.
        vmem: State, `(N,)`.

    The others are those of `LIFJax` but for the synapses.

    The record holds `vmem` (after the reset) and `spikes` `(batch, time, N)`.

    Args:
        shape: `N`.
        tau_mem: membrane time constants [s]; 20 ms.
        bias: added to the membrane each step; 0.
        threshold: voltage of one spike; 1.
        noise_std: standard deviation of the membrane noise after one second without leak.
        max_spikes_per_dt: most spikes of a neuron in one step; the rest stays on the membrane.
        dt: length of a step [s].
        rng_key: JAX random key, typed or raw; from NumPy's global generator when not given.
        spiking_input: whether the input is counts of events.
        spiking_output: whether the output is counts of events.
        spike_generation_fn: how many spikes a voltage gives; see `LIFJax`.
        learning_window: the surrogate's window.
        leak_mode: `"taus"`, `"decays"` or `"bitshifts"`.
        alpha: decays of the membrane, between 0 and 1; 0.5.
        dash_mem: decay shifts of the membrane [bits]; 1.
        whole_dashes: whether shifts act as whole numbers; needs `leak_mode="bitshifts"`.

    Raises:
        ValueError: more than one size, values of another `leak_mode`, or an initial value that
            does not fit or makes no sense.
        TypeError: an initial value is no array, or the key is none.

    Source: module facts, section 9.

    >>> import numpy as np
    >>> output, _, _ = LIFNeuronJax(1, leak_mode="decays", alpha=0.5)(np.full((5, 1), 0.6))
    >>> output.ravel()
    Array([0., 0., 1., 0., 0.], dtype=float32)
    """

    _dynamics = Dynamics(_coefficients, _integrate, _finish)
    _states = ("vmem",)
    _leaking = ("mem",)

    def __init__(
        self,
        shape: Any,
        tau_mem: Any = None,
        bias: Any = None,
        threshold: Any = None,
        noise_std: Any = 0.0,
        max_spikes_per_dt: Any = 2.0**16,
        dt: Any = 1e-3,
        rng_key: Any = None,
        spiking_input: bool = False,
        spiking_output: bool = True,
        spike_generation_fn: Any = step_pwl,
        learning_window: Any = 0.5,
        *,
        leak_mode: str = "taus",
        alpha: Any = None,
        dash_mem: Any = None,
        whole_dashes: bool = False,
    ) -> None:
        given = {"tau_mem": tau_mem, "alpha": alpha, "dash_mem": dash_mem}
        super().__init__(
            shape,
            leak=(leak_mode, whole_dashes, given),
            bias=bias,
            threshold=threshold,
            recurrence=None,
            noise_std=noise_std,
            max_spikes_per_dt=max_spikes_per_dt,
            dt=dt,
            rng_key=rng_key,
            spiking_input=spiking_input,
            spiking_output=spiking_output,
            spike_generation_fn=spike_generation_fn,
            learning_window=learning_window,
        )
