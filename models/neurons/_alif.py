"""`aLIFJax`: leaky integrate-and-fire neurons that adapt."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from .._checks import not_positive, require
from .._initializers import Fill, kaiming
from ..parameters import Parameter, State
from ._evolve import Dynamics, fire, sum_over_synapses
from ._forward import Arrays, Keep
from ._leak import remaining
from ._spiking import SpikingJax
from ._surrogate import step_pwl


def _coefficients(values: Arrays) -> Arrays:
    return {
        "alpha": remaining(values, "mem"),
        "beta": remaining(values, "syn"),
        "gamma": jnp.exp(-values["dt"] / values["tau_ahp"]),
        "w_ahp": values["w_ahp"],
    }


def _integrate(coefficients: Arrays, state: Arrays, inputs: Arrays, keep: Keep) -> Arrays:
    arrived = keep("arrived", state["isyn"] + inputs["arriving"])
    isyn = arrived * coefficients["beta"]
    own = state["iahp"] + state["spikes"] * coefficients["w_ahp"]
    iahp = keep("iahp", own * coefficients["gamma"])
    vmem = state["vmem"] * coefficients["alpha"] + sum_over_synapses(isyn) + iahp
    vmem = vmem + coefficients["bias"]
    vmem = vmem + inputs["noise"] if "noise" in inputs else vmem
    return {"arrived": arrived, "iahp": iahp, "vmem": keep("vmem", vmem)}


def _finish(coefficients: Arrays, kept: Arrays, count_spikes: Callable[..., Any]) -> Arrays:
    spikes, vmem = fire(coefficients, kept["vmem"], count_spikes)
    isyn = kept["arrived"] * coefficients["beta"]
    return {"spikes": spikes, "isyn": isyn, "iahp": kept["iahp"], "vmem": vmem}


class aLIFJax(SpikingJax):
    """Leaky integrate-and-fire neurons that adapt: each spike makes the next one harder.

    `LIFJax` with one more current, by which each neuron acts on itself only. One time step, with
    `c = exp(-dt / tau_ahp)` and the rest as in `LIFJax`:

    1. `isyn += input + spikes_before @ w_rec`
    2. `iahp = (iahp + spikes_before * w_ahp) * c`
    3. `vmem *= a`, `isyn *= b`
    4. `vmem += sum_k isyn_k + iahp + noise + bias`
    5. `spikes = floor(vmem / threshold)` where `vmem >= threshold`, at most `max_spikes_per_dt`
    6. `vmem -= spikes * threshold`

    A negative `w_ahp` pulls the voltage down after a spike, which acts as if the threshold had
    been raised and sank back. The current is that of a synapse from each neuron to itself: a
    `LIFJax` with one synapse more and recurrent weights does the same, which is how such neurons
    come onto a chip.

    Attributes:
        w_ahp: Parameter, family `weights`, `(N,)` or `()`.
        tau_ahp: Parameter, family `taus` [s], `(N,)` or `()`.
        iahp: State, `(N,)`.

    The others are those of `LIFJax`.

    The record is that of `LIFJax` and `iahp` `(batch, time, N)`.

    Args:
        shape: `N`, or `(n_in, N)` with `n_in = N * K` and input channel `j` on synapse `j % K` of
            neuron `j // K`.
        tau_mem: membrane time constants [s]; 20 ms.
        tau_syn: synaptic time constants [s]; 20 ms.
        w_ahp: what each spike adds to the neuron's own current; -0.9.
        tau_ahp: time constants of that current [s]; 20 ms.
        bias: added to the membrane each step; 0.
        w_rec: recurrent weights; needs `has_rec`.
        has_rec: whether the neurons feed themselves, one step later.
        weight_init_func: initializer of `w_rec`.
        threshold: voltage of one spike; 1.
        noise_std: standard deviation of the membrane noise after one second without leak.
        max_spikes_per_dt: most spikes of a neuron in one step; the rest stays on the membrane.
        dt: length of a step [s].
        rng_key: JAX random key, typed or raw; from NumPy's global generator when not given.
        spiking_input: whether the input is counts of events.
        spiking_output: whether the output is counts of events.
        spike_generation_fn: how many spikes a voltage gives; see `LIFJax`.
        learning_window: the surrogate's window.
        leak_mode: `"taus"`, `"decays"` or `"bitshifts"`, for membrane and synapses.
        alpha: decays of the membrane, between 0 and 1; 0.5.
        beta: decays of the synapses, between 0 and 1; 0.5.
        dash_mem: decay shifts of the membrane [bits]; 1.
        dash_syn: decay shifts of the synapses [bits]; 1.
        whole_dashes: whether shifts act as whole numbers; needs `leak_mode="bitshifts"`.

    Raises:
        ValueError: `n_in` is no multiple of `N`, more than two sizes, `w_rec` without `has_rec`,
            values of another `leak_mode`, or an initial value that does not fit or makes no sense.
        TypeError: an initial value is no array, or the key is none.

    Source: module facts, section 9.

    >>> import numpy as np
    >>> raster = np.full((200, 1), 0.1)
    >>> [int(aLIFJax(1, w_ahp=w_ahp)(raster)[0].sum()) for w_ahp in (-0.1, 0.0)]
    [126, 347]
    """

    _dynamics = Dynamics(_coefficients, _integrate, _finish, per_synapse=("beta",))
    _states = ("spikes", "isyn", "iahp", "vmem")
    _own = ("w_ahp", "tau_ahp")

    def __init__(
        self,
        shape: Any,
        tau_mem: Any = None,
        tau_syn: Any = None,
        w_ahp: Any = None,
        tau_ahp: Any = None,
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
        *,
        leak_mode: str = "taus",
        alpha: Any = None,
        beta: Any = None,
        dash_mem: Any = None,
        dash_syn: Any = None,
        whole_dashes: bool = False,
    ) -> None:
        given = {"tau_mem": tau_mem, "tau_syn": tau_syn, "alpha": alpha, "beta": beta}
        given |= {"dash_mem": dash_mem, "dash_syn": dash_syn}
        super().__init__(
            shape,
            leak=(leak_mode, whole_dashes, given),
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
        n = self.size_out
        self.w_ahp: Any = Parameter(w_ahp, "weights", Fill(-0.9), [n, ()], name="w_ahp")
        self.tau_ahp: Any = Parameter(tau_ahp, "taus", Fill(20e-3), [n, ()], name="tau_ahp")
        self.iahp: Any = State(shape=n, init_func=Fill())
        require(self._label(), not_positive(tau_ahp=self.tau_ahp))
