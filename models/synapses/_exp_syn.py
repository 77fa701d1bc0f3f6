"""`ExpSynJax`: exponential synapses."""

from typing import Any

import jax

from .._checks import negative, not_numbers, not_positive, require, same_sizes
from .._initializers import Fill
from .._noise import draw_noise, noise_key
from ..module import JaxModule, Tree
from ..parameters import Parameter, SimulationParameter, State
from ._filter import exponential_filter


class ExpSynJax(JaxModule):
    """Exponential synapses: currents that decay and to which each input adds.

    One time step: `isyn = (isyn + input + noise) * exp(-dt / tau)`. So an input has decayed once
    when it comes out, and a constant one of 1 settles at `1 / (exp(dt / tau) - 1)`.

    The output is the currents; the record is empty.

    Attributes:
        tau: Parameter, family `taus` [s], `(N,)` or `()`.
        isyn: State, `(N,)`.
        rng_key: State, the raw JAX key of the noise.
        dt, noise_std: SimulationParameter.

    Args:
        shape: `N` or `(N, N)`.
        tau: time constants [s]; 10 ms.
        noise_std: standard deviation of the noise on the input, integrated over one second.
        dt: length of a step [s].
        rng_key: JAX random key, typed or raw; from NumPy's global generator when not given.
        spiking_input: whether the input is counts of events.
        spiking_output: whether the output is counts of events.

    Raises:
        ValueError: unequal sizes, or an initial value that does not fit or makes no sense.
        TypeError: an initial value is no array, or the key is none.

    Source: module facts, section 5; golden values in `tests/models/golden/expsyn_*.npz`.

    >>> import numpy as np
    >>> synapse = ExpSynJax(1, tau=1e-3 / np.log(2))  # half is left after each step
    >>> synapse([[1], [0], [0]])[0].round(3).ravel()
    Array([0.5  , 0.25 , 0.125], dtype=float32)
    """

    def __init__(
        self,
        shape: Any,
        tau: Any = None,
        noise_std: Any = 0.0,
        dt: Any = 1e-3,
        rng_key: Any = None,
        spiking_input: bool = True,
        spiking_output: bool = False,
    ) -> None:
        super().__init__(same_sizes(shape, "ExpSynJax"), spiking_input, spiking_output)
        n = self.size_out
        self.tau: Any = Parameter(tau, "taus", Fill(10e-3), [n, ()], name="tau")
        self.isyn: Any = State(shape=n, init_func=Fill())
        self.rng_key: Any = State(noise_key(rng_key))
        self.dt: Any = SimulationParameter(dt)
        self.noise_std: Any = SimulationParameter(noise_std)
        require(
            self._label(),
            [
                *not_numbers(dt=self.dt, noise_std=self.noise_std),
                *not_positive(tau=self.tau, dt=self.dt),
                *negative(noise_std=self.noise_std),
            ],
        )

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, N)` or `(batch, time, N)`; see the class for the step.

        Returns:
            Currents `(batch, time, N)`, new state, empty record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data, (isyn,) = self._auto_batch(input_data, (self.isyn,))
        next_key, noise = draw_noise(self.rng_key, self.noise_std, self.dt, data.shape)
        data = data if noise is None else data + noise
        output, isyn = exponential_filter(data, isyn, self.tau, self.dt, decays_at_once=True)
        return output, {**self._new_state({"isyn": isyn}), "rng_key": next_key}, {}
