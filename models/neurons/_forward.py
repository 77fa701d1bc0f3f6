"""What a kind of neurons does in a step, and the way of some samples through all steps."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

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
        spikes: of each step, `(batch, time, neuron)`.
    """

    kept: Arrays
    last: Arrays
    spikes: Any


class Forward(NamedTuple):
    """Some samples on their way through time.

    Attributes:
        kernel, store_spikes, coefficients, w_rec, start, inputs: as for `run_over_time`.
    """

    kernel: Kernel
    store_spikes: bool
    coefficients: Arrays
    w_rec: Any
    start: Arrays
    inputs: Arrays

    def integrated(self, keep: Keep) -> Callable[[Arrays, Arrays, Arrays], Arrays]:
        """What is kept of a step, by coefficients, the state before it, and inputs."""

        def step(coefficients: Arrays, state: Arrays, now: Arrays) -> Arrays:
            if self.w_rec is not None:
                # For the state before the first step the product is known.
                known = "recurrent" in state
                recurrent = state["recurrent"] if known else state["spikes"] @ self.w_rec
                arriving = now["arriving"]
                now = {**now, "arriving": arriving + recurrent.reshape(arriving.shape)}
            return self.kernel.integrate(coefficients, state, now, keep)

        return step

    def begin(self) -> Run:
        """The first step, up to its voltages."""
        kept = self.integrated(_as_it_is)(self.coefficients, self.start, at(self.inputs, 0))
        arriving = self.inputs["arriving"]
        traces = {
            name: _write(jnp.zeros((*arriving.shape[:2], *x.shape[1:]), x.dtype), x, 0)
            for name, x in kept.items()
        }
        spikes = arriving if self._in_place(kept) else jnp.zeros_like(traces["vmem"])
        return Run(traces, kept, spikes if self.store_spikes else None)

    def step(self, t: Any, so_far: Run) -> Run:
        """From the voltages of a step to those of the next one."""
        spikes, now = so_far.spikes, self.inputs
        if self.store_spikes:
            state, spikes = self._fire(t - 1, so_far)
            now = {**now, "arriving": spikes} if self._in_place(so_far.last) else now
        else:
            # Their trace is there anyway; to carry voltages as well would copy them in each step.
            last = {**so_far.last, "vmem": at(so_far.kept, t - 1)["vmem"]}
            state = self._finish(last)
        after = self.integrated(_as_it_is)(self.coefficients, state, at(now, t))
        return Run(
            {name: _write(so_far.kept[name], after[name], t) for name in after}, after, spikes
        )

    def end(self, run: Run) -> Run:
        """The spikes that are not there yet."""
        if not self.store_spikes:
            return run._replace(spikes=self._finish(run.kept)["spikes"])
        last = self._finish(run.last)["spikes"]
        return run._replace(spikes=_write(run.spikes, last, run.spikes.shape[1] - 1))

    def _finish(self, kept: Arrays) -> Arrays:
        return self.kernel.finish(self.coefficients, kept, self.kernel.count_spikes)

    def _fire(self, t: Any, so_far: Run) -> tuple[Arrays, Any]:
        """The state after step `t`, whose spikes are written down."""
        state = self._finish(so_far.last)
        spikes = _write(so_far.spikes, state["spikes"], t)
        if self.w_rec is not None:
            return state, spikes
        # They are read again: XLA would count them once more for the voltages, and that takes
        # longest. With recurrent weights it does not, as a product needs them.
        spikes = lax.optimization_barrier(spikes)
        known = lax.dynamic_index_in_dim(spikes, t, 1, False)
        return self.kernel.finish(self.coefficients, so_far.last, lambda *_: known), spikes

    def _in_place(self, kept: Arrays) -> bool:
        """Whether spikes take the place of what arrived.

        What arrives in a step is read just after the spikes of the step before are written. So
        they can where there is one synapse, and that is quicker than two arrays.
        """
        shape = self.inputs["arriving"].shape
        return (shape[0], *shape[2:]) == kept["vmem"].shape


def at(arrays: Arrays, t: Any) -> Arrays:
    """Step `t` of some rasters."""
    return {name: lax.dynamic_index_in_dim(x, t, 1, False) for name, x in arrays.items()}


def _write(raster: jax.Array, step: jax.Array, t: Any) -> jax.Array:
    return lax.dynamic_update_index_in_dim(raster, step, t, 1)


def _as_it_is(name: str, value: jax.Array) -> jax.Array:
    del name
    return value
