"""Reading and writing parts of a raster of which each is used once.

Inside a loop one raster of changes can hold what comes in at first and what has come out in the
end, if each part is taken out before another one is put in its place. JAX does not know that what
was taken is not needed again: the derivative of an ordinary slice adds a whole raster of zeros in
each step. These two know; each is the other's transpose.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


def take(raster: jax.Array, first: Any, size: int, axis: int) -> tuple[jax.Array, jax.Array]:
    """Take a part out of a raster.

    Args:
        raster: of any shape.
        first: where on the axis the part begins.
        size: its size along the axis.
        axis: from the front.

    Returns:
        The raster, in which that part now has no meaning, and the part.
    """
    left, part = _take.bind(raster, first, size=size, axis=axis)
    return left, part


def put(raster: jax.Array, part: jax.Array, first: Any, axis: int) -> jax.Array:
    """Put a part into a raster, where what there was has no meaning."""
    return _put.bind(raster, part, first, size=part.shape[axis], axis=axis)[0]


def _take_part(raster: jax.Array, first: Any, *, size: int, axis: int) -> list[jax.Array]:
    return [raster, lax.dynamic_slice_in_dim(raster, first, size, axis)]


def _put_part(
    raster: jax.Array, part: jax.Array, first: Any, *, size: int, axis: int
) -> list[jax.Array]:
    del size
    return [lax.dynamic_update_slice_in_dim(raster, part, first, axis)]


def _types_of_take(raster: Any, _: Any, *, size: int, axis: int) -> list[Any]:
    sizes = (*raster.shape[:axis], size, *raster.shape[axis + 1 :])
    return [raster, raster.update(shape=sizes)]


def _types_of_put(raster: Any, *_: Any, **__: Any) -> list[Any]:
    return [raster]


def _jvp(
    primitive: Primitive, primals: Sequence[Any], tangents: Sequence[Any], **where: int
) -> tuple[list[Any], list[Any]]:
    """Both are linear in all but the last argument."""
    changes = map(ad.instantiate_zeros, tangents[:-1])
    return primitive.bind(*primals, **where), primitive.bind(*changes, primals[-1], **where)


def _transpose(other: Primitive, changes: Sequence[Any], *args: Any, **where: int) -> list[Any]:
    """What was taken is put back, and what was put is taken."""
    back = other.bind(*map(ad.instantiate_zeros, changes), args[-1], **where)
    linear = map(ad.is_undefined_primal, args)
    return [one if asked else None for one, asked in zip([*back, None], linear, strict=True)]


def _batch(
    primitive: Primitive, args: Sequence[Any], axes: Sequence[Any], *, size: int, axis: int
) -> tuple[list[jax.Array], list[int]]:
    sizes = {x.shape[along] for x, along in zip(args, axes, strict=True) if along is not None}
    fronts = [
        batching.bdim_at_front(x, along, *sizes)
        for x, along in zip(args[:-1], axes[:-1], strict=True)
    ]
    out = primitive.bind(*fronts, args[-1], size=size, axis=axis + 1)
    return out, [0] * len(out)


_take, _put = Primitive("take_part"), Primitive("put_part")
for _primitive, _other, _function, _types in (
    (_take, _put, _take_part, _types_of_take),
    (_put, _take, _put_part, _types_of_put),
):
    _primitive.multiple_results = True
    _primitive.def_impl(_function)
    _primitive.def_abstract_eval(_types)
    mlir.register_lowering(_primitive, mlir.lower_fun(_function, multiple_results=True))
    ad.primitive_jvps[_primitive] = partial(_jvp, _primitive)
    ad.primitive_transposes[_primitive] = partial(_transpose, _other)
    batching.primitive_batchers[_primitive] = partial(_batch, _primitive)
