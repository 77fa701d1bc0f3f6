"""From a raster and a module's values to spikes: what all kinds of spiking neurons compute."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._static import Static
from ._forward import Arrays, Keep, Kernel, Run
from ._loop import run_over_time


class Dynamics(NamedTuple):
    """A kind of neurons, as functions of dicts of arrays whose last axis are the neurons.

    Attributes:
        coefficients: from the module's values to what a step computes with. Those in
            `per_synapse` broadcast to `(neuron, synapse)`, all others to `(neuron,)`.
        integrate, finish: see `Kernel`.
        per_synapse: names of coefficients with an axis of synapses.
    """

    coefficients: Callable[[Arrays], Arrays]
    integrate: Callable[[Arrays, Arrays, Arrays, Keep], Arrays]
    finish: Callable[[Arrays, Arrays, Callable[..., Any]], Arrays]
    per_synapse: tuple[str, ...] = ()


# One compiled function for all modules of a kind and shape: eager calls compile only once.
@partial(jax.jit, static_argnames=("dynamics", "count_spikes", "record"))
def evolve_neurons(
    data: Float[Array, "batch time n_in"],
    state: Arrays,
    noise: Float[Array, "batch time n"] | None,
    values: Arrays,
    *,
    dynamics: Dynamics,
    count_spikes: Static,
    record: bool,
) -> tuple[Float[Array, "batch time n"], Arrays, Arrays]:
    """Run neurons over a raster.

    Args:
        data: input; channel `j` is synapse `j % k` of neuron `j // k`.
        state: by name, with a batch axis.
        noise: what noise adds to the voltages.
        values: by name, of the shapes the module permits; `w_rec` where there is recurrence.
        dynamics: the kind of neurons.
        count_spikes: how many spikes a voltage gives.
        record: whether to return the record, too.

    Returns:
        Spike counts, the state after the last step, the record.
    """
    n_in, n = data.shape[-1], state["vmem"].shape[-1]
    kernel = Kernel(dynamics.integrate, dynamics.finish, count_spikes.value)
    coefficients = _coefficients(values, dynamics, (n, n_in // n), data.dtype)
    inputs = {"arriving": synapses_first(data.reshape((*data.shape[:2], n, n_in // n)))}
    inputs |= {} if noise is None else {"noise": noise}
    start = jax.tree.map(lambda array: array.astype(data.dtype), _inwards(state))
    w_rec = values.get("w_rec")
    if w_rec is not None:
        by_synapse = synapses_first(w_rec.reshape((n, n, n_in // n)))
        w_rec = by_synapse.reshape((n, n_in)).astype(data.dtype)
    run = _run(kernel, coefficients, w_rec, start, inputs)
    # What is kept is stored, what follows from it is computed again for the gradient.
    finish = jax.checkpoint(lambda shared, kept: kernel.finish(shared, kept, kernel.count_spikes))
    seen = finish(coefficients, run.kept)
    output = seen["spikes"] = run.spikes
    last = start
    if data.shape[1]:
        after = finish(coefficients, run.last)
        last = {name: after[name] for name in start}
    if record and "isyn" in seen:
        seen["irec"] = _recurrent_currents(w_rec, start["spikes"], output, seen["isyn"])
    return output, _outwards(last, n_in // n), _outwards(seen, n_in // n) if record else {}


def _recurrent_currents(
    w_rec: Any,
    first: Float[Array, "batch n"],
    spikes: Float[Array, "batch time n"],
    isyn: Float[Array, "batch time *k n"],
) -> Float[Array, "batch time *k n"]:
    """What arrived in each step from the spikes before."""
    if w_rec is None:
        return jnp.zeros_like(isyn)
    before = jnp.concatenate([first[:, None], spikes], axis=1)[:, :-1]
    return (before @ w_rec).reshape(isyn.shape)


def _run(kernel: Kernel, coefficients: Arrays, w_rec: Any, start: Arrays, inputs: Arrays) -> Run:
    """Run over all steps, over none where there is no time."""
    arriving = inputs["arriving"]
    n_time = arriving.shape[1]
    if not n_time:
        inputs = {name: jnp.zeros((len(x), 1, *x.shape[2:]), x.dtype) for name, x in inputs.items()}
    if w_rec is not None:
        recurrent = (start["spikes"] @ w_rec).reshape((len(arriving), *arriving.shape[2:]))
        start = {**start, "recurrent": recurrent}
    run = run_over_time(kernel, True, coefficients, w_rec, start, inputs)
    kept = {name: trace[:, :n_time] for name, trace in run.kept.items()}
    return Run(kept, run.last, run.spikes[:, :n_time])


def fire(
    coefficients: Arrays, vmem: Float[Array, "*axes n"], count_spikes: Callable[..., Any]
) -> tuple[Float[Array, "*axes n"], Float[Array, "*axes n"]]:
    """Spikes of a voltage, and the voltage that is left."""
    threshold = jnp.broadcast_to(coefficients["threshold"], vmem.shape)
    window, most = coefficients["learning_window"], coefficients["max_spikes_per_dt"]
    spikes = count_spikes(vmem, threshold, window, most)
    return spikes, vmem - spikes * threshold


def sum_over_synapses(isyn: Float[Array, "batch *k n"]) -> Float[Array, "batch n"]:
    """The current of each neuron."""
    return isyn if isyn.ndim == 2 else isyn.sum(-2)


# Inside the loop neurons are the last axis and a single synapse has none: a last axis of one or
# two is not vectorised, and gradients of feed-forward layers take up to twice as long.
def synapses_first(array: Float[Array, "*axes n k"]) -> Float[Array, "..."]:
    """Bring the axis of synapses before that of neurons; drop it where there is one synapse."""
    return array[..., 0] if array.shape[-1] == 1 else jnp.swapaxes(array, -1, -2)


def _synapses_last(array: Float[Array, "..."], n_synapses: int) -> Float[Array, "*axes n k"]:
    return array[..., None] if n_synapses == 1 else jnp.swapaxes(array, -1, -2)


# State and record that users see with an axis of synapses.
_PER_SYNAPSE = ("isyn", "irec")


def _inwards(state: Arrays) -> Arrays:
    return {n: synapses_first(a) if n in _PER_SYNAPSE else a for n, a in state.items()}


def _outwards(arrays: Arrays, n_synapses: int) -> Arrays:
    return {
        name: _synapses_last(array, n_synapses) if name in _PER_SYNAPSE else array
        for name, array in arrays.items()
    }


def _coefficients(values: Arrays, dynamics: Dynamics, sizes: tuple[int, int], dtype: Any) -> Arrays:
    shared = {name: values[name] for name in ("bias", "threshold")}
    found = {
        name: synapses_first(jnp.broadcast_to(value, sizes))
        if name in dynamics.per_synapse
        else jnp.broadcast_to(value, sizes[:1])
        for name, value in {**shared, **dynamics.coefficients(values)}.items()
    }
    found |= {name: values[name] for name in ("max_spikes_per_dt", "learning_window")}
    return {name: jnp.asarray(value, dtype) for name, value in found.items()}
