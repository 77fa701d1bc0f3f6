"""`LinearJax`: weights between two populations."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ._initializers import kaiming, uniform_sqrt
from ._module import JaxModule, Tree
from ._parameters import Parameter


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

    >>> LinearJax((2, 3), weight=jnp.ones((2, 3)))(jnp.ones((5, 2)))[0].shape
    (5, 3)
    """

    def __init__(
        self,
        shape: tuple[int, int],
        weight: Any = None,
        bias: Any = None,
        has_bias: bool = False,
        weight_init_func: Callable[..., Any] = kaiming,
        bias_init_func: Callable[..., Any] = uniform_sqrt,
        rng_key: jax.Array | None = None,
    ) -> None:
        super().__init__(shape)
        if len(self.shape) != 2:
            raise ValueError(f"`LinearJax` takes the shape `(n_in, n_out)`, got {shape!r}")
        weight_key, bias_key = (None, None) if rng_key is None else jax.random.split(rng_key)
        self.weight: Any = Parameter(
            weight,
            family="weights",
            init_func=weight_init_func,
            shape=(self.size_in, self.size_out),
            key=weight_key,
        )
        self.bias: Any = 0
        if has_bias or bias is not None:
            del self.bias
            self.bias = Parameter(
                bias, family="biases", init_func=bias_init_func, shape=self.size_out, key=bias_key
            )

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Map `(..., n_in)` to `(..., n_out)`.

        Raises:
            ValueError: the last axis has not `n_in` entries.
        """
        data = jnp.asarray(input_data)
        if data.ndim == 0 or data.shape[-1] != self.size_in:
            raise ValueError(
                f"{self._label()}: input of shape {data.shape} must have {self.size_in} channels "
                "on its last axis"
            )
        data = data.astype(jnp.result_type(data.dtype, self.weight.dtype))
        return data @ self.weight + self.bias, {}, {}
