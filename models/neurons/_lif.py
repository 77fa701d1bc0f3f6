"""`LIFJax`: leaky integrate-and-fire neurons with exponential synapses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .._initializers import Fill, kaiming, random_key
from ..module import JaxModule, Tree
from ..parameters import Parameter, SimulationParameter, State, is_array
from ._surrogate import step_pwl


class LIFJax(JaxModule):
    """Leaky integrate-and-fire neurons with `K` exponential synapses each.

    One time step, with `a = exp(-dt / tau_mem)` and `b = exp(-dt / tau_syn)`:

    1. `isyn += input + spikes_before @ w_rec`
    2. `vmem *= a`, `isyn *= b`
    3. `vmem += sum_k isyn_k + noise + bias`
    4. `spikes = floor(vmem / threshold)` where `vmem >= threshold`, at most `max_spikes_per_dt`
    5. `vmem -= spikes * threshold`

    Input channel `j` is synapse `j % K` of neuron `j // K`. The output is the spike counts;
    gradients pass through the surrogate `spike_generation_fn`, the reset and the recurrence.

    Attributes:
        tau_mem: Parameter, family `taus` [s], `(N,)` or `()`.
        tau_syn: Parameter, family `taus` [s], `(N, K)`, `(1, K)` or `()`.
        bias: Parameter, family `bias`, `(N,)` or `()`.
        threshold: Parameter, family `threshold`, `(N,)` or `()`.
        w_rec: Parameter, family `weights`, `(N, N * K)`; `None` without recurrence.
        spikes, isyn, vmem: State, `(N,)`, `(N, K)`, `(N,)`.
        rng_key: State, the raw JAX key of the noise.
        dt, noise_std, max_spikes_per_dt, spike_generation_fn, learning_window:
            SimulationParameter.

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
        spike_generation_fn: `step_pwl`, `periodic_exponential`, or a function of voltage,
            threshold, window and most spikes that counts like them.
        learning_window: the surrogate's window.

    Raises:
        ValueError: `n_in` is no multiple of `N`, more than two sizes, `w_rec` without `has_rec`,
            or an initial value that does not fit or makes no sense.
        TypeError: an initial value is no array, or the key is none.

    Source: module facts, section 2.
    """

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
        n_in, n = _sizes(shape)
        super().__init__((n_in, n), spiking_input, spiking_output)
        if w_rec is not None and not has_rec:
            raise ValueError(f"{self._label()}: `w_rec` was given without `has_rec=True`")
        self.n_synapses = n_in // n
        per_synapse = [(n, self.n_synapses), (1, self.n_synapses), ()]
        weight_key, noise_key = jax.random.split(random_key(rng_key))

        self.tau_mem: Any = Parameter(tau_mem, "taus", Fill(20e-3), [n, ()], name="tau_mem")
        self.tau_syn: Any = Parameter(tau_syn, "taus", Fill(20e-3), per_synapse, name="tau_syn")
        self.bias: Any = Parameter(bias, "bias", Fill(0.0), [n, ()], name="bias")
        self.threshold: Any = Parameter(
            threshold, "threshold", Fill(1.0), [n, ()], name="threshold"
        )
        drawn_from = None if rng_key is None else weight_key
        self.w_rec: Any = (
            Parameter(
                w_rec,
                "weights",
                weight_init_func,
                (n, n_in),
                permit_reshape=False,
                key=drawn_from,
                name="w_rec",
            )
            if has_rec
            else None
        )

        self.spikes: Any = State(shape=n, init_func=Fill())
        self.isyn: Any = State(shape=(n, self.n_synapses), init_func=Fill())
        self.vmem: Any = State(shape=n, init_func=Fill())
        self.rng_key: Any = State(noise_key)

        self.dt: Any = SimulationParameter(dt)
        self.noise_std: Any = SimulationParameter(noise_std)
        self.max_spikes_per_dt: Any = SimulationParameter(max_spikes_per_dt)
        self.spike_generation_fn: Any = SimulationParameter(spike_generation_fn)
        self.learning_window: Any = SimulationParameter(learning_window)
        self._require_sensible()

    def _require_sensible(self) -> None:
        scalars = ("dt", "noise_std", "max_spikes_per_dt", "learning_window")
        wrong = [
            f"`{name}` must be a number, got {getattr(self, name)!r}"
            for name in scalars
            if not _is_scalar(getattr(self, name))
        ]
        least = "tau_mem", "tau_syn", "threshold", "dt", "max_spikes_per_dt", "learning_window"
        wrong += [
            f"`{name}` must be positive, got {getattr(self, name)}"
            for name in least
            if not _all_hold(getattr(self, name), np.greater)
        ]
        if not _all_hold(self.noise_std, np.greater_equal):
            wrong.append(f"`noise_std` must not be negative, got {self.noise_std}")
        if not callable(self.spike_generation_fn):
            wrong.append(
                f"`spike_generation_fn` must be callable, got {self.spike_generation_fn!r}"
            )
        if wrong:
            raise ValueError(f"{self._label()}: " + "\n".join(wrong))

    @property
    def has_rec(self) -> bool:
        """Whether the neurons feed themselves."""
        return self.w_rec is not None

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, n_in)` or `(batch, time, n_in)`; see the class for the step.

        Returns:
            Spike counts `(batch, time, N)`, new state, record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data, state = self._auto_batch(input_data, (self.spikes, self.isyn, self.vmem))
        next_key, noise = self._noise(data.shape[0], data.shape[1])
        output, state, traces = _evolve_lif(
            data,
            _State(*state),
            noise,
            _Values(*(getattr(self, name) for name in _Values._fields)),
            record=record,
            count_spikes=self.spike_generation_fn,
        )
        return output, {**self._new_state(state._asdict()), "rng_key": next_key}, traces

    def _noise(self, n_batch: int, n_time: int) -> tuple[jax.Array, jax.Array | None]:
        """The next key, and what noise adds to the membranes, if there is any."""
        # Only a static zero counts: whether the key moves on must not depend on `jit`.
        if isinstance(self.noise_std, (int, float)) and self.noise_std == 0:
            return self.rng_key, None
        next_key, key = jax.random.split(self.rng_key)
        draws = jax.random.normal(key, (n_batch, n_time, self.size_out), dtype=float)
        return next_key, self.noise_std * jnp.sqrt(self.dt) * draws


class _State(NamedTuple):
    spikes: Any
    isyn: Any
    vmem: Any


class _Values(NamedTuple):
    """Attributes of a module, of the shapes it permits."""

    tau_mem: Any
    tau_syn: Any
    bias: Any
    threshold: Any
    w_rec: Any
    dt: Any
    max_spikes_per_dt: Any
    learning_window: Any


# One compiled function for all modules of a shape, so that eager calls compile only once.
@partial(jax.jit, static_argnames=("record", "count_spikes"))
def _evolve_lif(
    data: Float[Array, "batch time n_in"],
    state: _State,
    noise: Float[Array, "batch time n"] | None,
    values: _Values,
    *,
    record: bool,
    count_spikes: Callable[..., Any],
) -> tuple[Float[Array, "batch time n"], _State, dict[str, Float[Array, "batch time ..."]]]:
    n, n_synapses = state.isyn.shape[1:]
    spikes, isyn, vmem = (one.astype(data.dtype) for one in state)
    arriving = _synapses_first(data.reshape((*data.shape[:2], n, n_synapses)))
    step = jax.checkpoint(
        partial(_step, _coefficients(values, n, n_synapses), count_spikes, record),
        # For the gradient a step is computed again, but for its product: feed-forward 3.5 -> 3.0 ms
        # and 13.3 -> 8.3 MB, recurrent 8.0 ms and 15.0 -> 11.7 MB (B=32, T=100, N=128, 2 cores).
        policy=jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
        prevent_cse=False,
    )
    by_time = jax.tree.map(lambda array: jnp.moveaxis(array, 1, 0), (arriving, noise))
    last, seen = jax.lax.scan(step, _State(spikes, _synapses_first(isyn), vmem), by_time)
    last = last._replace(isyn=_synapses_last(last.isyn, n_synapses))
    seen = jax.tree.map(lambda array: jnp.moveaxis(array, 0, 1), seen)
    traces: dict[str, Any] = {}
    if record:
        isyn = _synapses_last(seen.isyn, n_synapses)
        irec = None if seen.irec is None else _synapses_last(seen.irec, n_synapses)
        irec = jnp.zeros_like(isyn) if irec is None else irec
        traces = {"irec": irec, "isyn": isyn, "spikes": seen.spikes, "vmem": seen.vmem}
    return seen.spikes, last, traces


class _Coefficients(NamedTuple):
    alpha: Float[Array, " n"]
    beta: Float[Array, "*k n"]
    bias: Float[Array, " n"]
    threshold: Float[Array, " n"]
    w_rec: Float[Array, "n *k n"] | None
    window: Any
    max_spikes: Any


class _Seen(NamedTuple):
    """What one step leaves behind for the output and the record."""

    spikes: Any
    isyn: Any = None
    irec: Any = None
    vmem: Any = None


def _coefficients(values: _Values, n: int, n_synapses: int) -> _Coefficients:
    """What a step computes with, each for all neurons."""
    beta = jnp.exp(-values.dt / values.tau_syn)
    w_rec = values.w_rec
    return _Coefficients(
        alpha=jnp.broadcast_to(jnp.exp(-values.dt / values.tau_mem), (n,)),
        beta=_synapses_first(jnp.broadcast_to(beta, (n, n_synapses))),
        bias=jnp.broadcast_to(values.bias, (n,)),
        threshold=jnp.broadcast_to(values.threshold, (n,)),
        w_rec=None if w_rec is None else _synapses_first(w_rec.reshape((n, n, n_synapses))),
        window=values.learning_window,
        max_spikes=values.max_spikes_per_dt,
    )


def _step(
    coefficients: _Coefficients,
    count_spikes: Callable[..., Any],
    record: bool,
    state: _State,
    inputs: tuple[Any, Any],
) -> tuple[_State, _Seen]:
    alpha, beta, bias, threshold, w_rec, window, max_spikes = coefficients
    arriving, noise = inputs
    irec = None if w_rec is None else jnp.tensordot(state.spikes, w_rec, 1)
    isyn = (state.isyn + (arriving if irec is None else arriving + irec)) * beta
    vmem = state.vmem * alpha + (isyn if isyn.ndim == 2 else isyn.sum(-2)) + bias
    vmem = vmem if noise is None else vmem + noise
    spikes = count_spikes(vmem, jnp.broadcast_to(threshold, vmem.shape), window, max_spikes)
    vmem = vmem - spikes * threshold
    seen = _Seen(spikes, isyn, irec, vmem) if record else _Seen(spikes)
    return _State(spikes, isyn, vmem), seen


# Inside the loop neurons are the last axis and a single synapse has none: a last axis of one or
# two is not vectorised, and gradients of feed-forward layers take up to twice as long.
def _synapses_first(array: Float[Array, "*axes n k"]) -> Float[Array, ...]:
    return array[..., 0] if array.shape[-1] == 1 else jnp.swapaxes(array, -1, -2)


def _synapses_last(array: Float[Array, ...], n_synapses: int) -> Float[Array, "*axes n k"]:
    return array[..., None] if n_synapses == 1 else jnp.swapaxes(array, -1, -2)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (int, float)) or (is_array(value) and value.ndim == 0)


def _all_hold(value: Any, compare: Callable[..., Any]) -> bool:
    """Whether all of a value compare to zero; what is traced or no number is not looked at."""
    known = isinstance(value, (int, float)) or (is_array(value) and not isinstance(value, Tracer))
    return not known or bool(np.all(compare(np.asarray(value), 0)))


def _sizes(shape: Any) -> tuple[int, int]:
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if not all(hasattr(size, "__index__") for size in sizes) or len(sizes) not in (1, 2):
        raise ValueError(f"`LIFJax` takes the shape `N` or `(n_in, N)`, got {shape!r}")
    n_in, n = sizes[0].__index__(), sizes[-1].__index__()
    if n < 1 or n_in < n or n_in % n:
        raise ValueError(
            f"`LIFJax` of shape {shape!r}: the {n_in} inputs must be a multiple of the {n} neurons, "
            "one for each synapse"
        )
    return n_in, n
