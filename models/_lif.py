"""`LIFJax`: leaky integrate-and-fire neurons with exponential synapses."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._initializers import Fill, kaiming, random_key
from ._module import JaxModule, Tree, wants_record
from ._parameters import Parameter, SimulationParameter, State
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
    gradients pass through `step_pwl`, the reset and the recurrence.

    Attributes:
        tau_mem: Parameter, family `taus` [s], `(N,)` or `()`.
        tau_syn: Parameter, family `taus` [s], `(N, K)`, `(1, K)` or `()`.
        bias: Parameter, family `bias`, `(N,)` or `()`.
        threshold: Parameter, family `threshold`, `(N,)` or `()`.
        w_rec: Parameter, family `weights`, `(N, N * K)`; `None` without recurrence.
        spikes, isyn, vmem: State, `(N,)`, `(N, K)`, `(N,)`.
        rng_key: State, the raw JAX key of the noise.
        dt, noise_std, max_spikes_per_dt: SimulationParameter.

    The record holds `irec` and `isyn` `(batch, time, N, K)`, `vmem` (after the reset) and
    `spikes` `(batch, time, N)`. The new state is that of the first batch element.

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

    Raises:
        ValueError: `n_in` is no multiple of `N`, more than two sizes, `w_rec` without `has_rec`,
            or an initial value that does not fit.

    Source: module facts, section 2.
    """

    def __init__(
        self,
        shape: int | tuple[int, ...],
        tau_mem: Any = None,
        tau_syn: Any = None,
        bias: Any = None,
        w_rec: Any = None,
        has_rec: bool = False,
        weight_init_func: Callable[..., Any] = kaiming,
        threshold: Any = None,
        noise_std: float = 0.0,
        max_spikes_per_dt: float = 2.0**16,
        dt: float = 1e-3,
        rng_key: jax.Array | None = None,
        spiking_input: bool = False,
        spiking_output: bool = True,
    ) -> None:
        n_in, n = _sizes(shape)
        super().__init__((n_in, n), spiking_input, spiking_output)
        if w_rec is not None and not has_rec:
            raise ValueError(f"{self._label()}: `w_rec` was given without `has_rec=True`")
        self.n_synapses = n_in // n
        per_synapse = [(n, self.n_synapses), (1, self.n_synapses), ()]
        weight_key, noise_key = jax.random.split(random_key(rng_key))

        self.tau_mem: Any = Parameter(tau_mem, "taus", Fill(20e-3), [(n,), ()])
        self.tau_syn: Any = Parameter(tau_syn, "taus", Fill(20e-3), per_synapse)
        self.bias: Any = Parameter(bias, "bias", Fill(0.0), [(n,), ()])
        self.threshold: Any = Parameter(threshold, "threshold", Fill(1.0), [(n,), ()])
        self.w_rec: Any = None
        if has_rec:
            del self.w_rec
            self.w_rec = Parameter(
                w_rec,
                "weights",
                weight_init_func,
                (n, n_in),
                key=None if rng_key is None else weight_key,
            )

        self.spikes: Any = State(shape=n, init_func=Fill())
        self.isyn: Any = State(shape=(n, self.n_synapses), init_func=Fill())
        self.vmem: Any = State(shape=n, init_func=Fill())
        self.rng_key: Any = State(noise_key)

        self.dt: Any = SimulationParameter(dt)
        self.noise_std: Any = SimulationParameter(noise_std)
        self.max_spikes_per_dt: Any = SimulationParameter(max_spikes_per_dt)

    @property
    def has_rec(self) -> bool:
        """Whether the neurons feed themselves."""
        return self.w_rec is not None

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, n_in)` or `(batch, time, n_in)`; see the class for the step.

        Returns:
            Spike counts `(batch, time, N)`, new state, record.

        Raises:
            ValueError: wrong rank or wrong number of channels.
        """
        data, state = self._auto_batch(input_data, (self.spikes, self.isyn, self.vmem))
        next_key, noise = self._noise(data.shape[0], data.shape[1])
        state, traces = _evolve_lif(
            data.reshape((*data.shape[:2], self.size_out, self.n_synapses)),
            state,
            noise,
            jnp.exp(-self.dt / self.tau_mem),
            jnp.exp(-self.dt / self.tau_syn),
            self.bias,
            self.threshold,
            self.w_rec,
            max_spikes=float(self.max_spikes_per_dt),
            record=wants_record(record),
        )
        spikes, isyn, vmem = (value[0] for value in state)
        new_state = {"spikes": spikes, "isyn": isyn, "vmem": vmem, "rng_key": next_key}
        return traces["spikes"], new_state, traces if wants_record(record) else {}

    def _noise(self, n_batch: int, n_time: int) -> tuple[jax.Array, jax.Array | None]:
        """The next key, and what noise adds to the membranes, if there is any."""
        if isinstance(self.noise_std, (int, float)) and self.noise_std == 0:
            return self.rng_key, None
        next_key, key = jax.random.split(self.rng_key)
        draws = jax.random.normal(key, (n_batch, n_time, self.size_out), dtype=float)
        return next_key, self.noise_std * jnp.sqrt(self.dt) * draws


# One compiled function for all modules of a shape, so that eager calls compile only once.
@partial(jax.jit, static_argnames=("max_spikes", "record"))
def _evolve_lif(
    data: Float[Array, "batch time n k"],
    state: tuple[Float[Array, "batch n"], Float[Array, "batch n k"], Float[Array, "batch n"]],
    noise: Float[Array, "batch time n"] | None,
    alpha: Float[Array, "*#n"],
    beta: Float[Array, "*#nk"],
    bias: Float[Array, "*#n"],
    threshold: Float[Array, "*#n"],
    w_rec: Float[Array, "n nk"] | None,
    *,
    max_spikes: float,
    record: bool,
) -> tuple[tuple[jax.Array, ...], dict[str, Float[Array, "batch time ..."]]]:
    n_synapses = data.shape[-1]

    def step(carry, inputs):
        spikes, isyn, vmem = carry
        arriving, noise_now = inputs
        irec = None if w_rec is None else (spikes @ w_rec).reshape((*spikes.shape, n_synapses))
        if irec is not None:
            arriving = arriving + irec
        isyn = (isyn + arriving) * beta
        vmem = vmem * alpha + isyn.sum(-1) + bias
        if noise_now is not None:
            vmem = vmem + noise_now
        spikes = step_pwl(vmem, jnp.broadcast_to(threshold, vmem.shape), 0.5, max_spikes)
        vmem = vmem - spikes * threshold
        seen = {"spikes": spikes}
        if record:
            irec = jnp.zeros_like(isyn) if irec is None else irec
            seen |= {"irec": irec, "isyn": isyn, "vmem": vmem}
        return (spikes, isyn, vmem), seen

    by_time = jax.tree.map(lambda array: jnp.moveaxis(array, 1, 0), (data, noise))
    state, traces = jax.lax.scan(step, state, by_time)
    return state, jax.tree.map(lambda array: jnp.moveaxis(array, 0, 1), traces)


def _sizes(shape: int | tuple[int, ...]) -> tuple[int, int]:
    sizes = shape if isinstance(shape, (tuple, list)) else (shape, shape)
    sizes = sizes if len(sizes) != 1 else (sizes[0], sizes[0])
    if len(sizes) != 2:
        raise ValueError(f"`LIFJax` takes the shape `N` or `(n_in, N)`, got {shape!r}")
    n_in, n = (int(size) for size in sizes)
    if n < 1 or n_in < n or n_in % n:
        raise ValueError(
            f"`LIFJax` of shape {shape!r}: the {n_in} inputs must be a multiple of the {n} neurons, "
            "one for each synapse"
        )
    return n_in, n
