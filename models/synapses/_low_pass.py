"""`LowPassJax`: a low-pass filter of first order."""

from typing import Any

import jax

from .._checks import not_numbers, not_positive, require, same_sizes
from .._initializers import Fill
from ..module import JaxModule, Tree
from ..parameters import Parameter, SimulationParameter, State
from ._filter import exponential_filter


class LowPassJax(JaxModule):
    """A low-pass filter of first order.

    One time step: `v = v * exp(-dt / tau) + input`. A constant input of 1 settles at
    `1 / (1 - exp(-dt / tau))`, about `tau / dt`.

    The output is `v`; the record is empty.

    Attributes:
        tau: Parameter, family `taus` [s], `(N,)` or `()`.
        v: State, `(N,)`.
        dt: SimulationParameter.

    Args:
        shape: `N` or `(N, N)`.
        tau: time constants [s]; 20 ms.
        dt: length of a step [s].

    Raises:
        ValueError: unequal sizes, or an initial value that does not fit or makes no sense.
        TypeError: an initial value is no array.

    Source: module facts, section 9.

    >>> import numpy as np
    >>> smooth = LowPassJax(1, tau=1e-3 / np.log(2))
    >>> np.asarray(smooth([[1], [1], [1]])[0]).round(3).ravel()
    array([1.  , 1.5 , 1.75], dtype=float32)
    """

    def __init__(self, shape: Any, tau: Any = None, dt: Any = 1e-3) -> None:
        super().__init__(same_sizes(shape, "LowPassJax"))
        n = self.size_out
        self.tau: Any = Parameter(tau, "taus", Fill(20e-3), [n, ()], name="tau")
        self.v: Any = State(shape=n, init_func=Fill())
        self.dt: Any = SimulationParameter(dt)
        require(self._label(), [*not_numbers(dt=self.dt), *not_positive(tau=self.tau, dt=self.dt)])

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, N)` or `(batch, time, N)`; see the class for the step.

        Returns:
            Output `(batch, time, N)`, new state, empty record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data, (v,) = self._auto_batch(input_data, (self.v,))
        output, v = exponential_filter(data, v, self.tau, self.dt, decays_at_once=False)
        return output, self._new_state({"v": v}), {}
