"""`LinearJax`: weights between two populations."""

from collections.abc import Callable
from typing import Any

import jax

from .._initializers import kaiming, random_key, uniform_sqrt
from .._raster import as_floats
from ..module import JaxModule, Tree
from ..parameters import Parameter


class LinearJax(JaxModule):
    """A linear map of the last axis: `output = input @ weight + bias`.

    It has no state and no record, and gives a raster the rank it came with.

    Attributes:
        weight: Parameter, family `weights`, `(n_in, n_out)`.
        bias: Parameter, family `biases`, `(n_out,)`; the number 0 where there is none.

    Args:
        shape: `(n_in, n_out)`.
        weight: initial weights; drawn by `weight_init_func` when not given.
        bias: initial biases; giving them implies `has_bias`.
        has_bias: whether there are biases; off by default, as biases belong on the neurons.
        weight_init_func: initializer of the weights.
        bias_init_func: initializer of the biases.
        rng_key: JAX random key for the draws; NumPy's global generator when not given.

    Raises:
        ValueError: the shape has not two entries, or an initial value does not fit it.
        TypeError: an initial value is no array, or the key is none.

    >>> import numpy as np
    >>> LinearJax((2, 3), weight=np.ones((2, 3)))(np.ones((5, 2)))[0].shape
    (5, 3)
    """

    def __init__(
        self,
        shape: Any,
        weight: Any = None,
        bias: Any = None,
        has_bias: bool = False,
        weight_init_func: Callable[..., Any] = kaiming,
        bias_init_func: Callable[..., Any] = uniform_sqrt,
        rng_key: Any = None,
    ) -> None:
        super().__init__(shape)
        if len(self.shape) != 2 or not all(self.shape):
            raise ValueError(
                f"`LinearJax` takes the shape `(n_in, n_out)`, each at least 1; got {shape!r}"
            )
        keys = (None, None) if rng_key is None else jax.random.split(random_key(rng_key))
        self.weight: Any = Parameter(
            weight,
            "weights",
            weight_init_func,
            self.shape,
            # A transposed matrix has the right number of entries in the wrong places.
            permit_reshape=False,
            key=keys[0],
            name="weight",
        )
        self.bias: Any = (
            Parameter(bias, "biases", bias_init_func, self.size_out, key=keys[1], name="bias")
            if has_bias or bias is not None
            else 0
        )

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Map `(..., n_in)` to `(..., n_out)`.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: the last axis has not `n_in` entries.
        """
        data = as_floats(input_data, self._label())
        if data.ndim == 0 or data.shape[-1] != self.size_in:
            raise ValueError(
                f"{self._label()}: input of shape {data.shape} must have {self.size_in} channels "
                "on its last axis"
            )
        return data @ self.weight + self.bias, {}, {}
