"""`LIFJax`: leaky integrate-and-fire neurons with exponential synapses."""

from collections.abc import Callable
from typing import Any

from .._initializers import kaiming
from ._evolve import Dynamics, fire, sum_over_synapses
from ._forward import Arrays, Keep
from ._leak import remaining
from ._spiking import SpikingJax
from ._surrogate import step_pwl


def _coefficients(values: Arrays) -> Arrays:
    return {"alpha": remaining(values, "mem"), "beta": remaining(values, "syn")}


def _integrate(coefficients: Arrays, state: Arrays, inputs: Arrays, keep: Keep) -> Arrays:
    arrived = keep("arrived", state["isyn"] + inputs["arriving"])
    isyn = arrived * coefficients["beta"]
    vmem = state["vmem"] * coefficients["alpha"] + sum_over_synapses(isyn) + coefficients["bias"]
    vmem = vmem + inputs["noise"] if "noise" in inputs else vmem
    return {"arrived": arrived, "vmem": keep("vmem", vmem)}


def _finish(coefficients: Arrays, kept: Arrays, count_spikes: Callable[..., Any]) -> Arrays:
    spikes, vmem = fire(coefficients, kept["vmem"], count_spikes)
    return {"spikes": spikes, "isyn": kept["arrived"] * coefficients["beta"], "vmem": vmem}


class LIFJax(SpikingJax):
    """Leaky integrate-and-fire neurons with `K` exponential synapses each.

    One time step, with `a` and `b` the parts of voltage and current that a step leaves:

    1. `isyn += input + spikes_before @ w_rec`
    2. `vmem *= a`, `isyn *= b`
    3. `vmem += sum_k isyn_k + noise + bias`
    4. `spikes = floor(vmem / threshold)` where `vmem >= threshold`, at most `max_spikes_per_dt`
    5. `vmem -= spikes * threshold`

    Input channel `j` is synapse `j % K` of neuron `j // K`. The output is the spike counts;
    gradients pass through the surrogate `spike_generation_fn`, the reset and the recurrence.

    What is left after a step is said by the parameters of one `leak_mode`; those of the others can
    be read, but neither set nor trained:

    | `leak_mode` | parameters | `a`, `b` |
    | --- | --- | --- |
    | `"taus"` | `tau_mem`, `tau_syn` [s] | `exp(-dt / tau)` |
    | `"decays"` | `alpha`, `beta` | themselves |
    | `"bitshifts"` | `dash_mem`, `dash_syn` [bits] | `1 - 2^-dash` |

    A chip shifts by whole bits. With `whole_dashes` shifts act as the nearest whole number, at
    least 1, in the network as well, while their gradients are those of the numbers behind: what
    was trained is what the chip gets.

    Attributes:
        tau_mem, alpha, dash_mem: Parameter, family the `leak_mode`, `(N,)` or `()`.
        tau_syn, beta, dash_syn: Parameter, family the `leak_mode`, `(N, K)`, `(1, K)` or `()`.
        bias: Parameter, family `bias`, `(N,)` or `()`.
        threshold: Parameter, family `threshold`, `(N,)` or `()`.
        w_rec: Parameter, family `weights`, `(N, N * K)`; `None` without recurrence.
        spikes, isyn, vmem: State, `(N,)`, `(N, K)`, `(N,)`.
        rng_key: State, the raw JAX key of the noise.
        dt, noise_std, max_spikes_per_dt: SimulationParameter.
        spike_generation_fn, learning_window: SimulationParameter.
        leak_mode, whole_dashes: as given.

    The record holds `irec` and `isyn` `(batch, time, N, K)`, `vmem` (after the reset) and
    `spikes` `(batch, time, N)`.

    Args:
        shape: `N`, or `(n_in, N)` with `n_in = N * K`.
        tau_mem: membrane time constants [s]; 20 ms.
        tau_syn: synaptic time constants [s]; 20 ms.
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
        spike_generation_fn: `step_pwl`, `periodic_exponential`, `fast_sigmoid`, `arctan`, or a
            function of voltage, threshold, window and most spikes that counts like them, each
            element for itself.
        learning_window: the surrogate's window.
        leak_mode: `"taus"`, `"decays"` or `"bitshifts"`.
        alpha: decays of the membrane, between 0 and 1; 0.5.
        beta: decays of the synapses, between 0 and 1; 0.5.
        dash_mem: decay shifts of the membrane [bits]; 1.
        dash_syn: decay shifts of the synapses [bits]; 1.
        whole_dashes: whether shifts act as whole numbers; needs `leak_mode="bitshifts"`.

    Raises:
        ValueError: `n_in` is no multiple of `N`, more than two sizes, `w_rec` without `has_rec`,
            values of another `leak_mode`, or an initial value that does not fit or makes no sense.
            Also when a value that follows from others is assigned.
        TypeError: an initial value is no array, or the key is none.

    Source: module facts, sections 2 and 9.

    >>> neurons = LIFJax((8, 4), leak_mode="bitshifts", dash_mem=4, dash_syn=[[2, 3]])
    >>> sorted(neurons.parameters("bitshifts"))
    ['dash_mem', 'dash_syn']
    >>> neurons.beta
    Array([[0.75 , 0.875]], dtype=float32)
    """

    _dynamics = Dynamics(_coefficients, _integrate, _finish, per_synapse=("beta",))

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
