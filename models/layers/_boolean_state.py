"""`BooleanStateJax`: switches that inputs turn on and off."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Bool, Float

from .._checks import negative, require, same_sizes
from .._initializers import Fill
from .._over_time import over_time
from ..module import JaxModule, Tree
from ..parameters import Parameter, State


class BooleanStateJax(JaxModule):
    """Switches: on after an input above the threshold, off after one below its negative.

    Anything in between leaves a switch as it was. The output is the switches after each step, as
    Booleans; no gradient passes. The record is empty.

    Attributes:
        threshold: Parameter, family `thresholds`, `(N,)` or `()`.
        on: State, Boolean, `(N,)`; off at first.

    Args:
        shape: `N` or `(N, N)`.
        threshold: how far from zero an input must be.

    Raises:
        ValueError: unequal sizes, or a threshold that does not fit or is negative.
        TypeError: the threshold is no array.

    Source: module facts, section 9; golden values in
    `tests/models/golden/torch_boolean_state.npz`.

    >>> BooleanStateJax(1)([[0], [1], [0], [-1], [0]])[0].astype(int).ravel().tolist()
    [0, 1, 1, 0, 0]
    """

    def __init__(self, shape: Any, threshold: Any = 1e-10) -> None:
        super().__init__(same_sizes(shape, "BooleanStateJax"))
        n = self.size_out
        self.threshold: Any = Parameter(
            threshold, "thresholds", Fill(1e-10), [n, ()], name="threshold"
        )
        self.on: Any = State(np.zeros(n, dtype=bool))
        require(self._label(), negative(threshold=self.threshold))

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, N)` or `(batch, time, N)`.

        Returns:
            Switches `(batch, time, N)`, new state, empty record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data, (on,) = self._auto_batch(input_data, (self.on,))
        output, on = _evolve_switches(data, on, self.threshold)
        return output, self._new_state({"on": on}), {}


# One compiled function for all modules of a shape, so that eager calls compile only once.
@jax.jit
def _evolve_switches(
    data: Float[Array, "batch time n"], on: Bool[Array, "batch n"], threshold: Any
) -> tuple[Bool[Array, "batch time n"], Bool[Array, "batch n"]]:
    def step(on: Any, turned: Any) -> tuple[Any, Any]:
        turned_on, turned_off = turned
        on = (on | turned_on) & ~turned_off
        return on, on

    last, output = over_time(step, on, (data > threshold, data < -threshold))
    return output, last
