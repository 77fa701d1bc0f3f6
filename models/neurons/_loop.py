"""The loop over time that all kinds of spiking neurons share, and its derivative.

A kind of neurons gives two functions. `integrate` goes from a state and an input to the voltages
before spikes, `finish` from there to spikes and the next state. What lies between, the voltages
and what else `integrate` keeps, is all that the derivative needs to know of a step: the loop stores
it, and everything else is computed again on the way back.

The derivative is said once, as what small changes do (`_push_forward`); JAX turns it round. So it
serves forward mode, reverse mode, and both of them on top of each other. Three things make it
quick:

- Nothing but what is kept is stored, and without a derivative nothing but what is asked for.
- Values that all samples share get a gradient from each sample, summed after the loop: a sum over
  samples in each step takes longer than the rest of the step.
- The gradient of recurrent weights is one product for all steps instead of one for each.

How much faster that is than the loop left to `jax.grad`: `tools/benchmarks/networks.py`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

Arrays: TypeAlias = dict[str, Any]
Keep: TypeAlias = Callable[[str, jax.Array], jax.Array]


class Kernel(NamedTuple):
    """What a kind of neurons does in a step; dicts of arrays `(batch, ...)`.

    Attributes:
        integrate: `(coefficients, state, inputs, keep) -> kept`. Each value that a coefficient
            multiplies goes through `keep(name, value)` first, unless it follows from the state;
            `kept` holds these and `vmem`, the voltages before spikes. `inputs` holds `arriving`
            and, with noise, `noise`.
        finish: `(coefficients, kept, count_spikes) -> state`, with `spikes`; for arrays with any
            axes before those of synapses and neurons.
        count_spikes: how many spikes a voltage gives, with its surrogate gradient.
    """

    integrate: Callable[[Arrays, Arrays, Arrays, Keep], Arrays]
    finish: Callable[[Arrays, Arrays, Callable[..., Any]], Arrays]
    count_spikes: Callable[..., Any]


class Run(NamedTuple):
    """What a loop over time gives. What nobody asks for of it is not stored.

    Attributes:
        kept: what is kept of each step, by name, `(batch, time, ...)`; `finish` makes states of it.
        last: what is kept of the last step.
        spikes: of each step, `(batch, time, neuron)`, without a derivative, or `None`.
    """

    kept: Arrays
    last: Arrays
    spikes: Any


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def run_over_time(
    kernel: Kernel,
    store_spikes: bool,
    coefficients: Arrays,
    w_rec: Any,
    start: Arrays,
    inputs: Arrays,
) -> Run:
    """Go through all steps.

    Args:
        kernel: what to do in a step.
        store_spikes: whether to give the spikes. Where they are all that is asked for and each
            step has them at hand anyway, for recurrent weights, it is quicker than `finish`.
        coefficients: `(neuron,)`, `(synapse, neuron)` or scalars.
        w_rec: recurrent weights `(neuron, target)`, or `None`.
        start: state before the first step; with recurrent weights also `recurrent`, what arrives
            from its spikes.
        inputs: what comes from outside, `(batch, time, ...)`, of at least one step.
    """
    kept = _first(kernel, _as_it_is, coefficients, start, _at(inputs, 0))
    n_time = inputs["arriving"].shape[1]
    traces = {
        name: _put(jnp.zeros((len(value), n_time, *value.shape[1:]), value.dtype), value, 0)
        for name, value in kept.items()
    }
    first = Run(traces, kept, jnp.zeros_like(traces["vmem"]) if store_spikes else None)

    def body(t: Any, so_far: Run) -> Run:
        before = so_far.last
        if not store_spikes:
            # Their trace is there anyway; to carry voltages as well would copy them in each step.
            before = {**before, "vmem": _at(so_far.kept, t - 1)["vmem"]}
        state = kernel.finish(coefficients, before, kernel.count_spikes)
        now, spikes = _at(inputs, t), so_far.spikes
        if w_rec is not None:
            recurrent = state["spikes"] @ w_rec
            now["arriving"] = now["arriving"] + recurrent.reshape(now["arriving"].shape)
        if store_spikes:
            spikes = _put(spikes, state["spikes"], t - 1)
        after = kernel.integrate(coefficients, state, now, _as_it_is)
        kept = {name: _put(so_far.kept[name], after[name], t) for name in after}
        return Run(kept, after, spikes)

    # Time stays the second axis: other than for `scan`, nothing is transposed or copied.
    run = lax.fori_loop(np.uint32(1), np.uint32(n_time), body, first)
    if not store_spikes:
        return run
    spikes = kernel.finish(coefficients, run.last, kernel.count_spikes)["spikes"]
    return run._replace(spikes=_put(run.spikes, spikes, n_time - 1))


@partial(run_over_time.defjvp, symbolic_zeros=True)
def _push_forward(
    kernel: Kernel, store_spikes: bool, primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Run, Run]:
    coefficients, w_rec, start, inputs = primals
    d_coefficients, d_w_rec, d_start, d_inputs = tangents
    # Voltages are stored for the derivative, and spikes follow from them.
    run = run_over_time(kernel, False, *primals)
    traces = run.kept
    if store_spikes:
        seen = kernel.finish(coefficients, traces, kernel.count_spikes)
        run = run._replace(spikes=seen["spikes"])
    n_batch = len(inputs["arriving"])
    d_coefficients = {
        name: d if d.ndim == 0 else jnp.broadcast_to(d, (n_batch, *d.shape))
        for name, d in _moving(d_coefficients).items()
    }
    d_inputs = _moving(d_inputs)
    d_kept = _change(
        partial(_first, kernel, _told_by(_at(traces, 0))),
        (coefficients, start, _at(inputs, 0)),
        (d_coefficients, _moving(d_start), _at(d_inputs, 0)),
    )
    d_later = {name: _swapped(d)[1:] for name, d in d_inputs.items()}
    if not _is_zero(d_w_rec):
        # Spikes are computed again on the way back, where there is less to hold in memory.
        added = jax.checkpoint(partial(_added, kernel))(coefficients, traces, d_w_rec)
        added = added.reshape((*added.shape[:2], *inputs["arriving"].shape[2:]))
        d_later["arriving"] = d_later["arriving"] + added if "arriving" in d_later else added
    transposed = None if w_rec is None else w_rec.T
    change = partial(_change_in_step, kernel, primals, transposed, traces)
    step = jax.checkpoint(change, prevent_cse=False)

    def body(d_kept: Arrays, at_time: tuple[Any, Arrays]) -> tuple[Arrays, Arrays]:
        d_kept = step(d_coefficients, d_kept, *at_time)
        return d_kept, d_kept

    times = jnp.arange(1, inputs["arriving"].shape[1], dtype=jnp.uint32)
    d_last, d_traces = lax.scan(body, d_kept, (times, d_later))
    d_traces = {
        name: _swapped(jnp.concatenate([d_kept[name][None], d_traces[name]])) for name in traces
    }
    return run, Run(d_traces, d_last, jax.tree.map(jnp.zeros_like, run.spikes))


def _added(kernel: Kernel, coefficients: Arrays, traces: Arrays, d_w_rec: jax.Array) -> jax.Array:
    """What a change of recurrent weights adds from the second step on, one product for all."""
    before = {name: trace[:, :-1] for name, trace in traces.items()}
    spikes = _swapped(kernel.finish(coefficients, before, kernel.count_spikes)["spikes"])
    later, n_batch, n = spikes.shape
    # Not with -1: of a raster of one step there is no later one.
    added = spikes.reshape((later * n_batch, n)) @ d_w_rec
    return added.reshape((later, n_batch, d_w_rec.shape[1]))


def _first(kernel: Kernel, keep: Keep, coefficients: Arrays, start: Arrays, now: Arrays) -> Arrays:
    """What is kept of the first step."""
    if "recurrent" in start:
        now = {**now, "arriving": now["arriving"] + start["recurrent"]}
    return kernel.integrate(coefficients, start, now, keep)


def _change_in_step(
    kernel: Kernel,
    primals: tuple[Any, ...],
    transposed: Any,
    traces: Arrays,
    d_coefficients: Arrays,
    d_kept: Arrays,
    t: Any,
    d_now: Arrays,
) -> Arrays:
    """How what is kept of step `t` changes with what was kept of the step before."""
    coefficients, w_rec, _, inputs = primals

    def step(coefficients: Arrays, kept: Arrays, now: Arrays) -> Arrays:
        state = kernel.finish(coefficients, kept, kernel.count_spikes)
        if w_rec is not None:
            recurrent = _product(state["spikes"], w_rec, transposed)
            arriving = now["arriving"]
            now = {**now, "arriving": arriving + recurrent.reshape(arriving.shape)}
        return kernel.integrate(coefficients, state, now, _told_by(_at(traces, t)))

    values = coefficients, _at(traces, t - 1), _at(inputs, t)
    return _change(step, values, (d_coefficients, d_kept, d_now))


def _change(
    function: Callable[..., Arrays], values: tuple[Arrays, ...], changes: tuple[Arrays, ...]
) -> Arrays:
    """How a result changes, for changes of some of the values only."""
    moving = tuple(
        {name: jnp.broadcast_to(value[name], d.shape) for name, d in change.items()}
        for value, change in zip(values, changes, strict=True)
    )

    def of_moving(*moving: Arrays) -> Arrays:
        return function(*({**v, **m} for v, m in zip(values, moving, strict=True)))

    return jax.jvp(of_moving, moving, changes)[1]


def _as_it_is(name: str, value: jax.Array) -> jax.Array:
    del name
    return value


def _told_by(kept: Arrays) -> Keep:
    """Take values from what was kept, so that nothing they were made of is needed again."""
    return lambda name, value: told(kept[name], value)


def _at(arrays: Arrays, t: Any) -> Arrays:
    return {name: lax.dynamic_index_in_dim(x, t, 1, False) for name, x in arrays.items()}


def _put(array: jax.Array, value: jax.Array, t: Any) -> jax.Array:
    return lax.dynamic_update_index_in_dim(array, value, t, 1)


def _swapped(array: jax.Array) -> jax.Array:
    """Samples and time swapped."""
    return jnp.swapaxes(array, 0, 1)


def _is_zero(tangent: Any) -> bool:
    return tangent is None or isinstance(tangent, SymbolicZero)


def _moving(tangents: Arrays) -> Arrays:
    return {name: tangent for name, tangent in tangents.items() if not _is_zero(tangent)}


@jax.custom_jvp
def told(known: jax.Array, value: jax.Array) -> jax.Array:
    """`value`, which is known already."""
    del value
    return known


@partial(told.defjvp, symbolic_zeros=True)
def _told_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    d_known, d_value = tangents
    out = told(*primals)
    # Both are the same; where what is known is held fixed, it changes as the value would.
    d_out = d_value if _is_zero(d_known) else d_known
    return out, jnp.zeros_like(out) if _is_zero(d_out) else d_out


@jax.custom_jvp
def _product(spikes: jax.Array, w_rec: jax.Array, transposed: jax.Array) -> jax.Array:
    """`spikes @ w_rec`, whose gradient by the spikes multiplies by the transposed weights.

    These are laid out once, before the loop; otherwise every step reads the weights across.
    """
    del transposed
    return spikes @ w_rec


@partial(_product.defjvp, symbolic_zeros=True)
def _product_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    spikes, _, transposed = primals
    d_spikes, d_w_rec, _ = tangents
    out = _product(*primals)
    d_out = jnp.zeros_like(out)
    if not _is_zero(d_spikes):
        d_out = lax.dot_general(d_spikes, transposed, (((1,), (1,)), ((), ())))
    if not _is_zero(d_w_rec):
        d_out = d_out + spikes @ d_w_rec
    return out, d_out
