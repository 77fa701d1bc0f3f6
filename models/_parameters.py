"""The kinds of attributes a module declares: parameters, states, simulation parameters.

A module's constructor wraps each initial value in one of the three kinds, which says what the
value is for, how it is initialised and which shape it keeps:

- `Parameter`: what one would have to tell somebody to describe the network; the trainable set
- `State`: what the dynamics carry from one time step to the next
- `SimulationParameter`: what only the simulation needs (`dt`, `noise_std`); never trained

After construction the attribute holds the bare value; `JaxModule` keeps the declaration.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Shape = tuple[int, ...]


class Constant:
    """Mark an initial value as not trainable.

    A `Parameter` given a `Constant` becomes a `SimulationParameter` of the same family: it leaves
    `parameters()` and appears in `simulation_parameters()`.

    >>> from xylograph.models import LIFJax
    >>> sorted(LIFJax(2, tau_mem=Constant(0.02)).parameters())
    ['bias', 'tau_syn', 'threshold']
    """

    def __init__(self, value: Any) -> None:
        self.value = value.value if isinstance(value, Constant) else value

    def __repr__(self) -> str:
        return f"Constant({self.value!r})"


@dataclass(frozen=True)
class Declaration:
    """What a module knows of an attribute besides its value.

    Attributes:
        kind: `"parameter"`, `"state"` or `"simulation_parameter"`.
        family: a name shared by attributes of one sort, such as `"weights"`.
        shape: the shape every later value must have; `None` for a value that is no array.
        initializer: makes a fresh value from the shape; `None` where the reset value was given.
    """

    kind: str
    family: str | None
    shape: Shape | None
    initializer: Callable[..., Any] | None


class ParameterBase:
    """An initial value with its declaration.

    Args:
        data: the initial value, which is also the value a reset returns to. Arrays and numbers
            become JAX arrays of the default precision.
        family: a name shared by attributes of one sort.
        init_func: makes the value from the shape when `data` is not given. A function with a
            second parameter `key` can be asked for reproducible draws.
        shape: an int, a tuple of ints, or a list of permitted shapes, the first of which is used
            when `data` is not given.
        permit_reshape: whether data with the right number of elements may take a permitted shape.
        cast_fn: applied once to the initial value.
        key: a JAX random key for the first draw of `init_func`.

    Raises:
        ValueError: neither data nor shape is given, no usable `init_func`, or the data has none
            of the permitted shapes.
        TypeError: the shape is not made of ints.
    """

    kind = ""

    def __init__(
        self,
        data: Any = None,
        family: str | None = None,
        init_func: Callable[..., Any] | None = None,
        shape: int | Shape | list[int | Shape] | None = None,
        permit_reshape: bool = True,
        cast_fn: Callable[[Any], Any] | None = None,
        key: jax.Array | None = None,
    ) -> None:
        self.is_constant = isinstance(data, Constant)
        data = data.value if isinstance(data, Constant) else data
        if data is None and shape is None:
            raise ValueError(f"`{type(self).__name__}` needs `data` or `shape`; neither was given")
        permitted = None if shape is None else _permitted_shapes(shape)
        self.is_given = data is not None
        if data is None:
            assert permitted is not None
            if not callable(init_func):
                raise ValueError(
                    f"`{type(self).__name__}` without `data` needs a callable `init_func`, "
                    f"got {init_func!r}"
                )
            data = draw(init_func, permitted[0], key)
        self.data = self._fit(self._cast(data, cast_fn), permitted, permit_reshape)
        self.declaration = Declaration(
            kind=SimulationParameter.kind if self.is_constant else self.kind,
            family=family,
            shape=np.shape(self.data) if is_array(self.data) else None,
            initializer=None if self.is_given else init_func,
        )

    def _cast(self, data: Any, cast_fn: Callable[[Any], Any] | None) -> Any:
        return as_jax_array(data) if cast_fn is None else cast_fn(data)

    def _fit(self, data: Any, permitted: list[Shape] | None, permit_reshape: bool) -> Any:
        if permitted is None or not is_array(data) or np.shape(data) in permitted:
            return data
        same_size = [shape for shape in permitted if np.prod(shape, dtype=int) == data.size]
        if permit_reshape and same_size:
            return data.reshape(same_size[0])
        wanted = " or ".join(str(shape) for shape in permitted)
        raise ValueError(
            f"the given value has shape {np.shape(data)}; permitted is {wanted}"
            + ("" if permit_reshape else " (reshaping is not permitted)")
        )


class Parameter(ParameterBase):
    """A trainable value that belongs to the description of the network."""

    kind = "parameter"


class State(ParameterBase):
    """A transient value that the dynamics carry along."""

    kind = "state"


class SimulationParameter(ParameterBase):
    """A value that only the simulation needs; never trained.

    Plain Python values (numbers, strings, functions) stay as they are and are static under `jit`;
    arrays become JAX arrays and are traced.
    """

    kind = "simulation_parameter"

    def _cast(self, data: Any, cast_fn: Callable[[Any], Any] | None) -> Any:
        return as_static_or_array(data) if cast_fn is None else cast_fn(data)


def is_array(value: Any) -> bool:
    """Whether a value is traced data (an array, also while JAX traces) or a static one."""
    return isinstance(value, (jax.Array, np.ndarray))


def as_jax_array(value: Any) -> Any:
    """A JAX array of the default precision, sharing memory with no NumPy array."""
    return value if isinstance(value, jax.Array) else jnp.array(value)


def as_static_or_array(value: Any) -> Any:
    """Arrays as JAX arrays, NumPy scalars as Python numbers, everything else untouched."""
    if isinstance(value, np.generic):
        return value.item()
    return as_jax_array(value) if is_array(value) else value


def draw(init_func: Callable[..., Any], shape: Shape, key: jax.Array | None) -> Any:
    """Call an initializer, handing it the random key where both exist."""
    if key is not None and "key" in inspect.signature(init_func).parameters:
        return init_func(shape, key=key)
    return init_func(shape)


def _permitted_shapes(shape: int | Shape | list[int | Shape]) -> list[Shape]:
    if isinstance(shape, list):
        return [_as_shape(one) for one in shape]
    return [_as_shape(shape)]


def _as_shape(shape: Any) -> Shape:
    entries = shape if isinstance(shape, tuple) else (shape,)
    if not all(hasattr(entry, "__index__") for entry in entries):
        raise TypeError(f"a shape is an int, a tuple of ints or a list of these, got {shape!r}")
    return tuple(entry.__index__() for entry in entries)
