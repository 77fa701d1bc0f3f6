"""The kinds of attributes a module declares: parameters, states, simulation parameters.

A module's constructor wraps each initial value in one of the three kinds, which says what the
value is for, how it is initialised and which shape it keeps:

- `Parameter`: what one would have to tell somebody to describe the network; the trainable set
- `State`: what the dynamics carry from one time step to the next
- `SimulationParameter`: what only the simulation needs (`dt`, `noise_std`); never trained

After construction the attribute holds the bare value; `JaxModule` keeps the declaration.
"""

import inspect
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._constant import Constant
from ._static import static_key

Shape = tuple[int, ...]


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

    @cached_property
    def key(self) -> Hashable:
        """What two declarations that act the same have in common."""
        return (self.kind, self.family, self.shape, static_key(self.initializer))

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the key, which may hold what cannot be pickled.
        return type(self), (self.kind, self.family, self.shape, self.initializer)


class ParameterBase:
    """An initial value with its declaration.

    Args:
        data: the initial value, which is also the value a reset returns to. Arrays and numbers
            become JAX arrays of the default precision.
        family: a name shared by attributes of one sort.
        init_func: makes the value from the shape when `data` is not given. A function with a
            parameter `key` can be asked for reproducible draws.
        shape: an int, a tuple of ints, or a list of permitted shapes, the first of which is used
            when `data` is not given.
        permit_reshape: whether data with the right number of elements may take a permitted shape.
        cast_fn: applied once to the initial value instead of the usual conversion.
        key: a JAX random key for the first draw of `init_func`.
        name: how error messages call the value.

    Raises:
        ValueError: neither data nor shape is given, no usable `init_func`, or the data has none
            of the permitted shapes.
        TypeError: the shape is not made of ints, or the data is nothing an array can hold.
    """

    kind = ""

    def __init__(
        self,
        data: Any = None,
        family: str | None = None,
        init_func: Any = None,
        shape: Any = None,
        permit_reshape: bool = True,
        cast_fn: Callable[[Any], Any] | None = None,
        *,
        key: jax.Array | None = None,
        name: str = "",
    ) -> None:
        self._label = f"`{name or type(self).__name__}`"
        self.is_constant = isinstance(data, Constant)
        data = data.value if isinstance(data, Constant) else data
        self.is_given = data is not None
        permitted = None if shape is None else _permitted_shapes(shape)
        if not self.is_given:
            data = self._first_draw(init_func, permitted, key)
        self.data = self._fit(self._convert(data, cast_fn), permitted, permit_reshape)
        self.declaration = Declaration(
            kind=self.kind,
            family=family,
            shape=np.shape(self.data) if is_array(self.data) else None,
            initializer=None if self.is_given else init_func,
        )

    def _first_draw(
        self,
        init_func: Any,
        permitted: list[Shape] | None,
        key: jax.Array | None,
    ) -> Any:
        if permitted is None:
            raise ValueError(f"{self._label} needs `data` or `shape`; neither was given")
        if not callable(init_func):
            raise ValueError(  # noqa: TRY004 - as where it is missing
                f"{self._label} without `data` needs a callable `init_func`, got {init_func!r}"
            )
        return draw(init_func, permitted[0], key)

    def _convert(self, data: Any, cast_fn: Callable[[Any], Any] | None) -> Any:
        try:
            data = as_jax_array(data) if cast_fn is None else cast_fn(data)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{self._label} must be an array or a number: {error}") from error
        if not is_array(data):
            raise TypeError(f"{self._label} must be an array; `cast_fn` gave {type(data).__name__}")
        return data

    def _fit(self, data: Any, permitted: list[Shape] | None, permit_reshape: bool) -> Any:
        if permitted is None or not is_array(data) or np.shape(data) in permitted:
            return data
        same_size = [shape for shape in permitted if np.prod(shape, dtype=int) == data.size]
        if permit_reshape and same_size:
            return data.reshape(same_size[0])
        wanted = " or ".join(str(shape) for shape in permitted)
        raise ValueError(
            f"{self._label} must be of shape {wanted}, got {np.shape(data)}"
            + ("" if permit_reshape else "; reshaping is not permitted")
        )


class Parameter(ParameterBase):
    """A trainable value that belongs to the description of the network.

    Whole numbers become floats, as only these can be trained. A `Constant` is declared as a
    simulation parameter.
    """

    kind = "parameter"

    def _convert(self, data: Any, cast_fn: Callable[[Any], Any] | None) -> Any:
        if self.is_constant:
            self.kind = SimulationParameter.kind
        data = super()._convert(data, cast_fn)
        return data if cast_fn is not None or _is_inexact(data) else data.astype(float)


class State(ParameterBase):
    """A transient value that the dynamics carry along."""

    kind = "state"


class SimulationParameter(ParameterBase):
    """A value that only the simulation needs; never trained.

    Plain Python values (numbers, strings, functions) stay as they are and are static under `jit`;
    arrays become JAX arrays and are traced.
    """

    kind = "simulation_parameter"

    def _convert(self, data: Any, cast_fn: Callable[[Any], Any] | None) -> Any:
        return as_static_or_array(data) if cast_fn is None else cast_fn(data)


def is_array(value: Any) -> bool:
    """Whether a value is traced data (an array, also while JAX traces) or a static one."""
    return isinstance(value, (jax.Array, np.ndarray))


def as_jax_array(value: Any) -> Any:
    """A JAX array that shares memory with no NumPy array.

    Floats that were not yet on the JAX side take the default precision. None is left weakly
    typed: a change between weak and strong types would compile everything again.
    """
    if isinstance(value, jax.Array):
        dtype, settled = value.dtype, not getattr(value, "weak_type", False)
    else:
        value = jnp.array(value)
        dtype = jnp.result_type(float) if _is_floating(value) else value.dtype
        settled = value.dtype == dtype and not value.weak_type
    return value if settled else jnp.asarray(value, dtype=dtype)


def as_static_or_array(value: Any) -> Any:
    """Arrays as JAX arrays, NumPy scalars as Python numbers, everything else untouched."""
    if isinstance(value, np.generic):
        return value.item()
    return as_jax_array(value) if is_array(value) else value


def as_replacement(value: Any, current: Any) -> Any:
    """A JAX array that can stand where `current` stood.

    Whole numbers become floats where there were floats, and typed random keys become raw ones
    where there was a raw one.
    """
    typed_key = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    if typed_key and is_array(current) and current.dtype == jnp.uint32:
        return jax.random.key_data(value)
    if typed_key and is_array(current) and _is_floating(current):
        raise TypeError("a random key is no number")
    array = as_jax_array(value)
    if is_array(current) and _is_floating(current) and not _is_inexact(array):
        return array.astype(current.dtype)
    return array


def static_mismatch(value: Any, current: Any) -> str | None:
    """What a static value must be to stand where `current` stood, if it is not that."""
    for kinds, name in ((bool, "a bool"), ((int, float), "a number"), (str, "a string")):
        if isinstance(current, kinds):
            fits = isinstance(value, kinds) and isinstance(value, bool) == isinstance(current, bool)
            return None if fits else name
    return "a function" if callable(current) and not callable(value) else None


def draw(init_func: Callable[..., Any], shape: Shape, key: jax.Array | None) -> Any:
    """Call an initializer, handing it the random key where both exist."""
    if key is not None and _takes_key(init_func):
        return init_func(shape, key=key)
    return init_func(shape)


def _takes_key(init_func: Callable[..., Any]) -> bool:
    try:
        return "key" in inspect.signature(init_func).parameters
    except ValueError:  # some built-in functions have no signature
        return False


def _is_floating(array: Any) -> bool:
    return jnp.issubdtype(array.dtype, jnp.floating)


def _is_inexact(array: Any) -> bool:
    return jnp.issubdtype(array.dtype, jnp.inexact)


def _permitted_shapes(shape: Any) -> list[Shape]:
    shapes = [_as_shape(one) for one in (shape if isinstance(shape, list) else [shape])]
    if not shapes:
        raise ValueError("the list of permitted shapes is empty")
    return shapes


def _as_shape(shape: Any) -> Shape:
    entries = shape if isinstance(shape, tuple) else (shape,)
    if not all(hasattr(entry, "__index__") for entry in entries):
        raise TypeError(f"a shape is an int, a tuple of ints or a list of these, got {shape!r}")
    sizes = tuple(entry.__index__() for entry in entries)
    if any(size < 0 for size in sizes):
        raise ValueError(f"a shape has no negative sizes, got {shape!r}")
    return sizes
