"""How small changes of what goes into a loop over time change what comes out of it."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from ._forward import Arrays, Forward, Keep, Run, at
from ._parts import put, take

# Of so many rows a product is about as quick as of all.
_ROWS = 1000


class Change(NamedTuple):
    """The change of what some samples give, on its way through time.

    Attributes:
        forward, run: the way of the samples, and what it gave.
        d_coefficients: with a batch axis, but for scalars.
        d_start, d_inputs: these, and `d_coefficients`, hold what changes, and nothing else.
        spikes_in: the raster that takes the changes of spikes.
    """

    forward: Forward
    run: Run
    d_coefficients: Arrays
    d_start: Arrays
    d_inputs: Arrays
    spikes_in: str

    @classmethod
    def of(cls, forward: Forward, run: Run, tangents: tuple[Any, ...]) -> "Change":
        """From the tangents of coefficients, recurrent weights, start and inputs."""
        d_coefficients, d_w_rec, d_start, d_inputs = tangents
        d_coefficients = {
            name: d if d.ndim == 0 else jnp.broadcast_to(d, (len(run.spikes), *d.shape))
            for name, d in _moving(d_coefficients).items()
        }
        d_start, d_inputs = _moving(d_start), _moving(d_inputs)
        d_inputs = {n: d + _zeros(run.spikes, d.shape, d.dtype) for n, d in d_inputs.items()}
        shape = forward.inputs["arriving"].shape
        if not _is_zero(d_w_rec):
            added = _added(run.spikes, d_w_rec, shape)
            d_inputs["arriving"] = d_inputs["arriving"] + added if "arriving" in d_inputs else added
        # Where there is one synapse, the change of spikes takes the place of what arrived.
        in_place = "arriving" in d_inputs and shape == run.spikes.shape
        spikes_in = "arriving" if in_place else "spikes"
        return cls(forward, run, d_coefficients, d_start, d_inputs, spikes_in)

    def begin(self) -> tuple[Arrays, Arrays]:
        """How what is kept of the first step changes; and the rasters."""
        forward, run = self.forward, self.run
        rasters = {name: jnp.zeros_like(trace) for name, trace in run.kept.items()} | self.d_inputs
        if self.spikes_in not in rasters:
            rasters[self.spikes_in] = jnp.zeros_like(run.spikes)
        rasters, d_now = _taken(rasters, self.d_inputs, 0)
        values = forward.coefficients, forward.start, at(forward.inputs, 0)
        d_values = self.d_coefficients, self.d_start, d_now
        return _change(forward.integrated(_told_by(at(run.kept, 0))), values, d_values), rasters

    def step(self, times: tuple[Any, Any], so_far: tuple[Arrays, Arrays]) -> tuple[Arrays, Arrays]:
        """From what is kept of a step to what is kept of the next one."""
        (before, t), (d_kept, rasters) = times, so_far
        d_state = self._of_state(before, d_kept)
        rasters = _given(rasters, {**d_kept, self.spikes_in: d_state["spikes"]}, before)
        rasters, d_now = _taken(rasters, self.d_inputs, t)
        forward, kept = self.forward, self.run.kept
        state = self._state(before)(forward.coefficients, at(kept, before))
        values = forward.coefficients, state, at(forward.inputs, t)
        d_values = self.d_coefficients, d_state, d_now
        return _change(forward.integrated(_told_by(at(kept, t))), values, d_values), rasters

    def end(self, so_far: tuple[Arrays, Arrays]) -> Run:
        """The change of the whole run."""
        d_last, rasters = so_far
        t = self.run.spikes.shape[1] - 1
        d_state = jax.checkpoint(self._of_state)(t, d_last)
        rasters = _given(rasters, {**d_last, self.spikes_in: d_state["spikes"]}, t)
        return Run({name: rasters[name] for name in self.run.kept}, d_last, rasters[self.spikes_in])

    def _of_state(self, t: Any, d_kept: Arrays) -> Arrays:
        """How the state after step `t` changes with what was kept of it."""
        values = self.forward.coefficients, at(self.run.kept, t)
        return _change(self._state(t), values, (self.d_coefficients, d_kept))

    def _state(self, t: Any) -> Callable[[Arrays, Arrays], Arrays]:
        """`finish` for step `t`, whose spikes are known."""
        kernel = self.forward.kernel
        spikes = lax.dynamic_index_in_dim(self.run.spikes, t, 1, False)

        def count(*values: jax.Array) -> jax.Array:
            return told(spikes, kernel.count_spikes(*values))

        return lambda coefficients, kept: kernel.finish(coefficients, kept, count)


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


def _told_by(kept: Arrays) -> Keep:
    """Take values from what was kept, so that nothing they were made of is needed again."""
    return lambda name, value: told(kept[name], value)


def _moving(tangents: Arrays) -> Arrays:
    return {name: tangent for name, tangent in tangents.items() if not _is_zero(tangent)}


def _is_zero(tangent: Any) -> bool:
    """Whether JAX says that something does not change."""
    return tangent is None or isinstance(tangent, SymbolicZero)


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
