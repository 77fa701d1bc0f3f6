"""`ExpSmoothJax`: exponential smoothing, then an activation function."""

from typing import Any

import jax

from .._activations import identity
from .._checks import not_callable, not_numbers, not_positive, require, same_sizes
from .._initializers import Fill
from ..module import JaxModule, Tree
from ..parameters import Parameter, SimulationParameter, State
from ._filter import exponential_filter


class ExpSmoothJax(JaxModule):
    """Exponentially smoothed input, passed through an activation function.

    One time step: `activation = activation * exp(-dt / tau) + input`; the output is
    `activation_fun(activation)`. Unlike in `ExpSynJax` an input comes out whole in its own step.

    The record holds `activation` `(batch, time, N)`.

    Attributes:
        tau: Parameter, family `taus` [s], `(N,)` or `()`.
        activation: State, `(N,)`.
        dt, activation_fun: SimulationParameter.

    Args:
        shape: `N` or `(N, N)`.
        tau: time constants [s]; 100 ms.
        dt: length of a step [s].
        activation_fun: function of an array that keeps its shape.

    Raises:
        ValueError: unequal sizes, or an initial value that does not fit or makes no sense.
        TypeError: an initial value is no array.

    Source: module facts, section 6; golden values in
    `tests/models/golden/expsmooth_tanh_2d_input.npz`.

    >>> import numpy as np
    >>> smooth = ExpSmoothJax(1, tau=1e-3 / np.log(2))
    >>> smooth([[1], [0], [0]])[0].round(3).ravel()
    Array([1.  , 0.5 , 0.25], dtype=float32)
    """

    def __init__(
        self,
        shape: Any,
        tau: Any = 100e-3,
        dt: Any = 1e-3,
        activation_fun: Any = identity,
    ) -> None:
        super().__init__(same_sizes(shape, "ExpSmoothJax"))
        n = self.size_out
        self.tau: Any = Parameter(tau, "taus", Fill(100e-3), [n, ()], name="tau")
        self.activation: Any = State(shape=n, init_func=Fill())
        self.dt: Any = SimulationParameter(dt)
        self.activation_fun: Any = SimulationParameter(activation_fun)
        require(
            self._label(),
            [
                *not_numbers(dt=self.dt),
                *not_positive(tau=self.tau, dt=self.dt),
                *not_callable(activation_fun=self.activation_fun),
            ],
        )

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, N)` or `(batch, time, N)`; see the class for the step.

        Returns:
            Output `(batch, time, N)`, new state, record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data, (activation,) = self._auto_batch(input_data, (self.activation,))
        smoothed, last = exponential_filter(
            data, activation, self.tau, self.dt, decays_at_once=False
        )
        recorded = {"activation": smoothed} if record else {}
        return self.activation_fun(smoothed), self._new_state({"activation": last}), recorded
