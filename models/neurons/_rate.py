"""`RateJax`: rate neurons, integrated by Euler's method."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._activations import H_ReLU, activation_called, takes_threshold
from .._checks import negative, not_numbers, not_positive, require, same_sizes
from .._initializers import Fill, random_key, unit_eigs
from .._noise import draw_noise
from .._over_time import over_time
from .._static import Static
from ..module import JaxModule, Tree
from ..parameters import Parameter, SimulationParameter, State


class RateJax(JaxModule):
    """Rate neurons: leaky integrators with an activation function.

    One time step, from `o = f(x, threshold)`:

    1. `x += dt / tau * (-x + input + noise + bias + o @ w_rec)`
    2. `o = f(x, threshold)`

    The output is `o`. A time constant below `dt / 2` makes the neurons oscillate and diverge; ten
    times `dt` and more is recommended.

    The record holds `rec_input`, which is `o @ w_rec`, and `x`, both `(batch, time, N)`.

    Attributes:
        tau: Parameter, family `taus` [s], `(N,)` or `()`.
        bias: Parameter, family `bias`, `(N,)` or `()`.
        threshold: Parameter, family `thresholds`, `(N,)` or `()`.
        w_rec: Parameter, family `weights`, `(N, N)`; `None` without recurrence.
        x: State, `(N,)`.
        rng_key: State, the raw JAX key of the noise.
        dt, noise_std, act_fn: SimulationParameter.

    Args:
        shape: `N` or `(N, N)`.
        tau: time constants [s]; 20 ms.
        bias: added to the input; 0.
        threshold: where the activation function begins to rise; 0.
        w_rec: recurrent weights; needs `has_rec`.
        weight_init_func: initializer of `w_rec`.
        has_rec: whether the neurons feed themselves, one step later.
        activation_func: `"relu"`, `"tanh"`, `"sigmoid"`, or a function. One of two arguments is
            called with `x` and the threshold, one of a single argument with `x - threshold`.
        noise_std: standard deviation of the noise on the input, integrated over one second.
        dt: length of a step [s].
        rng_key: JAX random key, typed or raw; from NumPy's global generator when not given.

    Raises:
        ValueError: unequal sizes, `w_rec` without `has_rec`, no activation function, or an initial
            value that does not fit or makes no sense.
        TypeError: an initial value is no array, or the key is none.

    Source: module facts, section 1; golden values in `tests/models/golden/rate_*.npz`.

    >>> output, new_state, record = RateJax(3)(jnp.ones((10, 3)))
    >>> output.shape, sorted(new_state)
    ((1, 10, 3), ['rng_key', 'x'])
    """

    def __init__(
        self,
        shape: Any,
        tau: Any = None,
        bias: Any = None,
        threshold: Any = None,
        w_rec: Any = None,
        weight_init_func: Callable[..., Any] = unit_eigs,
        has_rec: bool = False,
        activation_func: Any = H_ReLU,
        noise_std: Any = 0.0,
        dt: Any = 1e-3,
        rng_key: Any = None,
    ) -> None:
        super().__init__(same_sizes(shape, "RateJax"))
        if w_rec is not None and not has_rec:
            raise ValueError(f"{self._label()}: `w_rec` was given without `has_rec=True`")
        n = self.size_out
        weight_key, noise_key = jax.random.split(random_key(rng_key))
        drawn_from = None if rng_key is None else weight_key

        self.tau: Any = Parameter(tau, "taus", Fill(20e-3), [n, ()], name="tau")
        self.bias: Any = Parameter(bias, "bias", Fill(0.0), [n, ()], name="bias")
        self.threshold: Any = Parameter(
            threshold, "thresholds", Fill(0.0), [n, ()], name="threshold"
        )
        self.w_rec: Any = (
            Parameter(
                w_rec,
                "weights",
                weight_init_func,
                (n, n),
                permit_reshape=False,
                key=drawn_from,
                name="w_rec",
            )
            if has_rec
            else None
        )

        self.x: Any = State(shape=n, init_func=Fill())
        self.rng_key: Any = State(noise_key)

        self.dt: Any = SimulationParameter(dt)
        self.noise_std: Any = SimulationParameter(noise_std)
        self.act_fn: Any = SimulationParameter(activation_called(activation_func))
        require(
            self._label(),
            [
                *not_numbers(dt=self.dt, noise_std=self.noise_std),
                *not_positive(tau=self.tau, dt=self.dt),
                *negative(noise_std=self.noise_std),
            ],
        )

    @property
    def has_rec(self) -> bool:
        """Whether the neurons feed themselves."""
        return self.w_rec is not None

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, N)` or `(batch, time, N)`; see the class for the step.

        Returns:
            Activations `(batch, time, N)`, new state, record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data, (x,) = self._auto_batch(input_data, (self.x,))
        next_key, noise = draw_noise(self.rng_key, self.noise_std, self.dt, data.shape)
        output, x, traces = _evolve_rate(
            data if noise is None else data + noise,
            x,
            _Values(*(getattr(self, name) for name in _Values._fields)),
            record=record,
            activation=Static(self.act_fn),
        )
        return output, {**self._new_state({"x": x}), "rng_key": next_key}, traces


class _Values(NamedTuple):
    """Attributes of a module, of the shapes it permits."""

    tau: Any
    bias: Any
    threshold: Any
    w_rec: Any
    dt: Any


# One compiled function for all modules of a shape, so that eager calls compile only once.
@partial(jax.jit, static_argnames=("record", "activation"))
def _evolve_rate(
    data: Float[Array, "batch time n"],
    x: Float[Array, "batch n"],
    values: _Values,
    *,
    record: bool,
    activation: Static,
) -> tuple[
    Float[Array, "batch time n"], Float[Array, "batch n"], dict[str, Float[Array, "batch time n"]]
]:
    tau, bias, threshold, w_rec, dt = values
    gain = dt / tau

    def activate(x: Any) -> Any:
        function = activation.value
        o = function(x, threshold) if takes_threshold(function) else function(x - threshold)
        return jnp.asarray(o, dtype=x.dtype)

    def step(before: tuple[Any, Any], arriving: Any) -> tuple[tuple[Any, Any], tuple[Any, ...]]:
        x, o = before
        fed_back = None if w_rec is None else o @ w_rec
        driven = arriving + bias if fed_back is None else arriving + bias + fed_back
        x = x + gain * (driven - x)
        o = activate(x)
        return (x, o), (o, x, fed_back) if record else (o,)

    x = x.astype(data.dtype)
    last, (output, *seen) = over_time(step, (x, activate(x)), data)
    traces = {}
    if record:
        x_seen, fed_back = seen
        rec_input = jnp.zeros_like(x_seen) if fed_back is None else fed_back
        traces = {"rec_input": rec_input, "x": x_seen}
    return output, last[0], traces
