"""`Identity`: nothing in between."""

from typing import Any

import jax

from .._checks import same_sizes
from ..module import JaxModule, Tree


class Identity(JaxModule):
    """Gives back its input, batch first; no state, an empty record.

    Args:
        shape: `N` or `(N, N)`; any number of channels when not given.

    >>> Identity()([[1.0, 2.0]])[0]
    Array([[[1., 2.]]], dtype=float32)
    """

    def __init__(self, shape: Any = None) -> None:
        super().__init__(shape if shape is None else same_sizes(shape, "Identity"))

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Give back `(time, N)` or `(batch, time, N)` as `(batch, time, N)`.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data, _ = self._auto_batch(input_data)
        return data, {}, {}
