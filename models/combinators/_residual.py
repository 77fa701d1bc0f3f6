"""`Residual`: a chain whose output is added to its input."""

from __future__ import annotations

from typing import Any

import jax

from .._raster import as_floats
from ..module import JaxModule, Tree
from ._container import fits, require_module
from ._sequential import JaxSequential


class JaxResidual(JaxSequential):
    """A chain of modules with a way around it: `output = chain(input) + input`.

    Names, states and records are those of `Sequential`; the record holds the outputs before the
    sum. A slice is a plain chain. Of spiking modules the sum is counts, not zeros and ones.

    Args:
        *modules: modules, or dicts of them; at least one.
        **refused: nothing; shape and spiking flags are those of the first and the last module.

    Raises:
        ValueError: input and output of different size, no modules, or what `Sequential` refuses.
        TypeError: something that is no JaxModule, or an unknown keyword.

    Source: module facts, section 10; golden values in `tests/models/golden/residual.npz`.

    >>> import numpy as np
    >>> from xylograph.models import LinearJax
    >>> net = JaxResidual(LinearJax((2, 2), weight=[[0.0, 1.0], [0.0, 0.0]]))
    >>> net(np.array([[3.0, 5.0]]))[0]
    Array([[3., 8.]], dtype=float32)
    """

    def __init__(self, *modules: Any, **refused: Any) -> None:
        super().__init__(*modules, **refused)
        if not len(self):
            raise ValueError(f"`{self.class_name}` needs at least one module")
        self._require_same_size(self[-1])

    def append(self, module: JaxModule, name: str | None = None) -> None:
        """Add a module at the end, in place; see `Sequential`.

        Raises:
            ValueError: the sizes do not chain or input and output then differ in size, or the
                name is taken.
            TypeError: not a JaxModule.
        """
        self._require_same_size(require_module(module, self.class_name))
        super().append(module, name)

    def _require_same_size(self, last: JaxModule) -> None:
        if not fits(last.size_out, self.size_in):
            raise ValueError(
                f"`{self.class_name}` adds its input to its output, which need the same size: "
                f"{self.size_in} ≠ {last.size_out}"
            )

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, Tree, Tree]:
        """Run the chain, and add the input to what it gives.

        Raises:
            ValueError: the output has not the shape of the input.
        """
        output, new_state, recorded = super().evolve(input_data, record)
        return self._sum(output, as_floats(input_data, self._label())), new_state, recorded

    def _sum(self, output: Any, data: jax.Array) -> Any:
        # As modules read it: a vector counts as time, a single channel is copied to all.
        data = data.reshape((-1, 1)) if data.ndim < 2 else data
        same = output.shape[-data.ndim : -1] == data.shape[:-1]
        if not same or data.shape[-1] not in (1, output.shape[-1]):
            raise ValueError(
                f"{self._label()}: an input of shape {data.shape} cannot be added to an output of "
                f"shape {output.shape}"
            )
        return output + data


Residual = JaxResidual
