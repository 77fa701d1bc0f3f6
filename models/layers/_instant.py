"""`InstantJax`: a function of the whole raster."""

from typing import Any

import jax
import jax.numpy as jnp

from .._activations import identity
from .._checks import not_callable, require
from ..module import JaxModule, Tree
from ..parameters import SimulationParameter


class InstantJax(JaxModule):
    """A pure function as a module: `output = function(input)`, without state and record.

    The function gets the input batch first, `(batch, time, n_in)`, and gives `(batch, time,
    n_out)`. `ScanJax` wraps functions that have a state.

    Attributes:
        function: SimulationParameter.

    Args:
        shape: `N` or `(n_in, ..., n_out)`.
        function: the function; gives back its input when not given.

    Raises:
        ValueError: no shape, or no function.

    Source: module facts, section 8.

    >>> InstantJax(2, jnp.tanh)(jnp.zeros((5, 2)))[0].shape
    (1, 5, 2)
    """

    def __init__(self, shape: Any, function: Any = identity) -> None:
        super().__init__(shape)
        if None in self.shape:
            raise ValueError(f"`InstantJax` takes the shape `N` or `(n_in, n_out)`, got {shape!r}")
        self.function: Any = SimulationParameter(function)
        require(self._label(), not_callable(function=self.function))

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Apply the function to `(time, n_in)` or `(batch, time, n_in)`.

        Returns:
            The function's `(batch, time, n_out)`, no state, no record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels, of the input or of what the
                function gives.
        """
        data, _ = self._auto_batch(input_data)
        output = jnp.asarray(self.function(data))
        if output.ndim != 3 or output.shape[-1] != self.size_out:
            raise ValueError(
                f"{self._label()}: `function` must give `(batch, time, {self.size_out})`, got "
                f"{output.shape} for an input of {data.shape}"
            )
        return output, {}, {}
