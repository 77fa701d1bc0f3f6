"""The loop over time that all kinds of spiking neurons share, and its derivative.

A kind of neurons gives two functions. `integrate` goes from a state and an input to the voltages
before spikes, `finish` from there to spikes and the next state. What lies between, the voltages
and what else `integrate` keeps, and the spikes are all that the derivative needs to know of a step:
the loop stores it, and everything else is computed again on the way back.

The derivative is said once, as what small changes do (`_push_forward`); JAX turns it round. So it
serves forward mode, reverse mode, and both of them on top of each other. Four things make it
quick:

- Nothing but what is kept is stored, and without a derivative nothing but what is asked for.
- One raster holds what arrives and then, step for step, what comes of it (`_parts.py`).
- Values that all samples share get a gradient from each sample, summed after the loop: a sum over
  samples in each step takes longer than the rest of the step.
- The gradient of recurrent weights is a product for many steps instead of one for each.

How much faster that is than the loop left to `jax.grad`: `tools/benchmarks/networks.py`.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from ._parts import put, take

Arrays: TypeAlias = dict[str, Any]
Keep: TypeAlias = Callable[[str, jax.Array], jax.Array]

# Of so many rows a product is about as quick as of all.
_ROWS = 1000


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
        spikes: of each step, `(batch, time, neuron)`.
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
        store_spikes: whether to store spikes in the loop, instead of computing them from the
            voltages afterwards. Where they are all that is asked for and each step has them at hand
            anyway, for recurrent weights, it is quicker.
        coefficients: `(neuron,)`, `(synapse, neuron)` or scalars.
        w_rec: recurrent weights `(neuron, target)`, or `None`.
        start: state before the first step; with recurrent weights also `recurrent`, what arrives
            from its spikes.
        inputs: what comes from outside, `(batch, time, ...)`, of at least one step.
    """
    arriving, n_time = inputs["arriving"], inputs["arriving"].shape[1]
    kept = _first(kernel, _as_it_is, coefficients, start, _at(inputs, 0))
    traces = {
        name: _put(jnp.zeros((len(value), n_time, *value.shape[1:]), value.dtype), value, 0)
        for name, value in kept.items()
    }
    # What arrives in a step is read just after the spikes of the step before are written. Where
    # there is one synapse, they take its place: that is quicker than two arrays.
    in_place = store_spikes and arriving.shape == traces["vmem"].shape
    if store_spikes:
        spikes = arriving if in_place else jnp.zeros_like(traces["vmem"])
    else:
        spikes = None

    def body(t: Any, so_far: Run) -> Run:
        before = so_far.last
        if not store_spikes:
            # Their trace is there anyway; to carry voltages as well would copy them in each step.
            before = {**before, "vmem": _at(so_far.kept, t - 1)["vmem"]}
        state = kernel.finish(coefficients, before, kernel.count_spikes)
        now, spikes = inputs, so_far.spikes
        if store_spikes:
            spikes = _put(spikes, state["spikes"], t - 1)
            now = {**inputs, "arriving": spikes} if in_place else inputs
        now = _at(now, t)
        if w_rec is not None:
            recurrent = state["spikes"] @ w_rec
            now["arriving"] = now["arriving"] + recurrent.reshape(now["arriving"].shape)
        after = kernel.integrate(coefficients, state, now, _as_it_is)
        kept = {name: _put(so_far.kept[name], after[name], t) for name in after}
        return Run(kept, after, spikes)

    # Time stays the second axis: other than for `scan`, nothing is transposed or copied.
    run = lax.fori_loop(np.uint32(1), np.uint32(n_time), body, Run(traces, kept, spikes))
    if not store_spikes:
        seen = kernel.finish(coefficients, run.kept, kernel.count_spikes)
        return run._replace(spikes=seen["spikes"])
    spikes = kernel.finish(coefficients, run.last, kernel.count_spikes)["spikes"]
    return run._replace(spikes=_put(run.spikes, spikes, n_time - 1))


@partial(run_over_time.defjvp, symbolic_zeros=True)
def _push_forward(
    kernel: Kernel, store_spikes: bool, primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Run, Run]:
    coefficients, _, start, inputs = primals
    d_coefficients, d_w_rec, d_start, d_inputs = tangents
    # Voltages are stored for the derivative, and spikes follow from them.
    run = run_over_time(kernel, False, *primals)
    n_batch, n_time = run.spikes.shape[:2]
    d_coefficients = {
        name: d if d.ndim == 0 else jnp.broadcast_to(d, (n_batch, *d.shape))
        for name, d in _moving(d_coefficients).items()
    }
    d_inputs = {
        name: d + _zeros(run.spikes, d.shape, d.dtype) for name, d in _moving(d_inputs).items()
    }
    if not _is_zero(d_w_rec):
        added = _added(run.spikes, d_w_rec, inputs["arriving"].shape)
        d_inputs["arriving"] = d_inputs["arriving"] + added if "arriving" in d_inputs else added
    rasters = {name: jnp.zeros_like(trace) for name, trace in run.kept.items()} | d_inputs
    # Where there is one synapse, the change of spikes takes the place of what arrived.
    one_synapse = "arriving" in d_inputs and d_inputs["arriving"].shape == run.spikes.shape
    spikes_in = "arriving" if one_synapse else "spikes"
    if not one_synapse:
        rasters["spikes"] = jnp.zeros_like(run.spikes)

    rasters, d_now = _taken(rasters, d_inputs, 0)
    d_kept = _change(
        partial(_first, kernel, _told_by(_at(run.kept, 0))),
        (coefficients, start, _at(inputs, 0)),
        (d_coefficients, _moving(d_start), d_now),
    )
    d_finish = partial(_change_of_state, kernel, coefficients, run, d_coefficients)
    d_step = partial(_change_in_step, kernel, primals, run, d_coefficients)

    @partial(jax.checkpoint, prevent_cse=False)
    def body(so_far: tuple[Arrays, Arrays], times: Any) -> tuple[tuple[Arrays, Arrays], None]:
        d_kept, rasters = so_far
        before, now = times
        d_state = d_finish(before, d_kept)
        rasters = _given(rasters, {**d_kept, spikes_in: d_state["spikes"]}, before)
        rasters, d_now = _taken(rasters, d_inputs, now)
        return (d_step(times, d_state, d_now), rasters), None

    # Both are given, as arrays of JAX: it would compute and copy others in a loop of its own.
    times = jnp.arange(n_time - 1, dtype=jnp.uint32), jnp.arange(1, n_time, dtype=jnp.uint32)
    (d_last, rasters), _ = lax.scan(body, (d_kept, rasters), times)
    d_state = jax.checkpoint(d_finish)(n_time - 1, d_last)
    rasters = _given(rasters, {**d_last, spikes_in: d_state["spikes"]}, n_time - 1)
    return run, Run({name: rasters[name] for name in run.kept}, d_last, rasters[spikes_in])


def _taken(rasters: Arrays, names: Iterable[str], t: Any) -> tuple[Arrays, Arrays]:
    """Take step `t` out of some rasters."""
    pairs = {name: take(rasters[name], t, 1, 1) for name in names}
    left = {name: raster for name, (raster, _) in pairs.items()}
    return {**rasters, **left}, {name: part[:, 0] for name, (_, part) in pairs.items()}


def _given(rasters: Arrays, steps: Arrays, t: Any) -> Arrays:
    """Put step `t` into some rasters."""
    return {**rasters, **{name: put(rasters[name], x[:, None], t, 1) for name, x in steps.items()}}


def _added(spikes: jax.Array, d_w_rec: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """What a change of recurrent weights adds to what arrives, from the second step on.

    It is a product for some steps after the other: there is less to hold in memory.
    """
    n_batch, n_later = shape[0], shape[1] - 1
    sizes = (k for k in range(1, n_later + 1) if n_later % k == 0 and k * n_batch >= _ROWS)
    size = min(sizes, default=n_later)

    @partial(jax.checkpoint, prevent_cse=False)
    def body(added: jax.Array, t: Any) -> tuple[jax.Array, None]:
        before = lax.dynamic_slice_in_dim(spikes, t, size, 1)
        # One axis of rows: products by two axes are slower. Not -1: there may be none.
        some = before.reshape((n_batch * size, spikes.shape[-1])) @ d_w_rec
        return put(added, some.reshape((n_batch, size, *shape[2:])), t + 1, 1), None

    times = jnp.arange(0, n_later, max(size, 1), dtype=jnp.uint32)
    return lax.scan(body, _zeros(spikes, shape, d_w_rec.dtype), times)[0]


def _zeros(spikes: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """Zeros that inside `shard_map` count as different between devices, where spikes do."""
    zeros = jnp.zeros_like(spikes[:, :, :1], dtype=dtype)
    return jnp.broadcast_to(zeros.reshape((*shape[:2], *(1 for _ in shape[2:]))), shape)


def _first(kernel: Kernel, keep: Keep, coefficients: Arrays, start: Arrays, now: Arrays) -> Arrays:
    """What is kept of the first step."""
    if "recurrent" in start:
        now = {**now, "arriving": now["arriving"] + start["recurrent"]}
    return kernel.integrate(coefficients, start, now, keep)


def _known_state(kernel: Kernel, run: Run, t: Any) -> Callable[[Arrays, Arrays], Arrays]:
    """`finish` for step `t`, whose spikes are known."""
    spikes = lax.dynamic_index_in_dim(run.spikes, t, 1, False)

    def count(*values: jax.Array) -> jax.Array:
        return told(spikes, kernel.count_spikes(*values))

    return lambda coefficients, kept: kernel.finish(coefficients, kept, count)


def _change_of_state(
    kernel: Kernel, coefficients: Arrays, run: Run, d_coefficients: Arrays, t: Any, d_kept: Arrays
) -> Arrays:
    """How the state after step `t` changes with what was kept of it."""
    values = coefficients, _at(run.kept, t)
    return _change(_known_state(kernel, run, t), values, (d_coefficients, d_kept))


def _change_in_step(
    kernel: Kernel,
    primals: tuple[Any, ...],
    run: Run,
    d_coefficients: Arrays,
    times: tuple[Any, Any],
    d_state: Arrays,
    d_now: Arrays,
) -> Arrays:
    """How what is kept of a step changes with the state after the step before."""
    coefficients, w_rec, _, inputs = primals
    before, t = times

    def step(coefficients: Arrays, state: Arrays, now: Arrays) -> Arrays:
        if w_rec is not None:
            recurrent = state["spikes"] @ w_rec
            now = {**now, "arriving": now["arriving"] + recurrent.reshape(now["arriving"].shape)}
        return kernel.integrate(coefficients, state, now, _told_by(_at(run.kept, t)))

    state = _known_state(kernel, run, before)(coefficients, _at(run.kept, before))
    return _change(step, (coefficients, state, _at(inputs, t)), (d_coefficients, d_state, d_now))


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
