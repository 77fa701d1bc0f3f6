"""Vectors of 32 numbers of 16 bits, for functions that Numba compiles.

A vector is one value: held in registers, computed with by the processor's own instructions, of
which LLVM takes as many as the host needs (one with AVX-512, two with AVX2, four with SSE or
NEON). Loops over arrays that LLVM is left to turn into such instructions are slower: for each it
compiles a test whether arrays overlap and a second loop for what does not fill a register, which
costs more than the work where neurons are few.

Operators: `+ - *` wrap; `>>` keeps the sign, each number by a shift of its own; `& | ^`;
comparisons give -1 where they hold and 0 elsewhere. Both sides are vectors.

Numba's cache on disk notices changes of the file of a compiled function, and of no other. So what
is compiled with this file has `FINGERPRINT` in its key.
"""

import operator
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features, llvm_version_info
from numba import config, types
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 32
"""Numbers in a vector."""

FINGERPRINT = zlib.crc32(Path(__file__).read_bytes())
"""Changes with this file."""

# Of the host, or what `NUMBA_CPU_FEATURES` says instead.
_FEATURES: str = config.CPU_FEATURES or get_host_cpu_features().flatten()  # pyright: ignore
# LLVM calls the operation experimental; these versions have it under the name used here.
_LLVM_COMPRESSES = llvm_version_info[0] in range(19, 23)

COMPRESSES = "+avx512vbmi2" in _FEATURES and _LLVM_COMPRESSES
"""Whether one instruction moves chosen numbers of a vector to its front, for `list_nonzero`."""

# What they give is not what their annotations say.
_word: Any = intrinsic
_modelled: Any = register_model
_typed: Any = infer_global

_BIT, _INT16, _INT32, _INT64 = (ir.IntType(width) for width in (1, 16, 32, 64))
_BITS = ir.IntType(LANES)


def _vector_of(numbers: ir.IntType) -> ir.VectorType:
    return ir.VectorType(numbers, LANES)


_VECTOR = _vector_of(_INT16)
_ZERO = ir.Constant(_VECTOR, [0] * LANES)


class _VectorType(types.Type):
    def __init__(self) -> None:
        super().__init__(f"int16x{LANES}")


_Vector = _VectorType()


@_modelled(_VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, of_type: Any) -> None:
        super().__init__(manager, of_type, _VECTOR)


def _define(operation: Callable[..., Any], emit: Callable[..., Any]) -> None:
    """Let an operator of Python mean one instruction."""
    template = {"cases": [signature(_Vector, _Vector, _Vector)]}
    _typed(operation)(type(operation.__name__, (ConcreteTemplate,), template))

    @lower_builtin(operation, _Vector, _Vector)
    def _(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return emit(builder, *args)


def _comparison(sign: str) -> Callable[..., Any]:
    return lambda builder, a, b: builder.sext(builder.icmp_signed(sign, a, b), _VECTOR)


for _operation, _emit in {
    operator.add: ir.IRBuilder.add,
    operator.sub: ir.IRBuilder.sub,
    operator.mul: ir.IRBuilder.mul,
    operator.rshift: ir.IRBuilder.ashr,
    operator.and_: ir.IRBuilder.and_,
    operator.or_: ir.IRBuilder.or_,
    operator.xor: ir.IRBuilder.xor,
    operator.eq: _comparison("=="),
    operator.ge: _comparison(">="),
    operator.gt: _comparison(">"),
}.items():
    _define(_operation, _emit)


def _call(builder: ir.IRBuilder, name: str, result: ir.Type, *args: Any) -> Any:
    of_type = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, of_type, name), args)


def _everywhere(builder: ir.IRBuilder, value: Any) -> Any:
    undefined = ir.Constant(_vector_of(value.type), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(_vector_of(_INT32), [0] * LANES))


@_word
def splat(typing: Any, number: Any) -> Any:
    """The same number 32 times; of a wider number its low 16 bits."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        value = context.cast(builder, args[0], sig.args[0], types.int16)
        return _everywhere(builder, value)

    return _Vector(number), emit


@_word
def pointer_to(typing: Any, array: Any) -> Any:
    """The first entry of a contiguous array, to be indexed as in C; keeps nothing alive.

    Functions are best given pointers: each array that is handed on is counted, which takes longer
    than what is done with it.
    """

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return context.make_array(sig.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), emit


@_word
def at(typing: Any, pointer: Any, index: Any) -> Any:
    """The entry that is so many behind."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return builder.gep(args[0], [context.cast(builder, args[1], sig.args[1], types.intp)])

    return pointer(pointer, index), emit


def _place(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> tuple[Any, Any, int]:
    """Where 32 entries start, what they are in memory, and their alignment [bytes]."""
    of_pointer, of_index = sig.args[:2]
    first = builder.gep(args[0], [context.cast(builder, args[1], of_index, types.intp)])
    entries = _vector_of(context.get_data_type(of_pointer.dtype))
    return builder.bitcast(first, entries.as_pointer()), entries, of_pointer.dtype.bitwidth // 8


@_word
def load(typing: Any, pointer: Any, index: Any) -> Any:
    """32 entries, int16 or uint8, from an index on."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        place, entries, align = _place(context, builder, sig, args)
        value = builder.load(place, align=align)
        return value if entries == _VECTOR else builder.zext(value, _VECTOR)

    return _Vector(pointer, index), emit


@_word
def store(typing: Any, pointer: Any, index: Any, vector: Any) -> Any:
    """Write 32 entries, int16 or uint8 (the low 8 bits), from an index on."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        place, entries, align = _place(context, builder, sig, args)
        value = args[2] if entries == _VECTOR else builder.trunc(args[2], entries)
        builder.store(value, place, align=align)
        return context.get_dummy_value()

    return types.void(pointer, index, vector), emit


@_word
def added(typing: Any, a: Any, b: Any) -> Any:
    """The sum, clipped to 16 bits."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return _call(builder, f"llvm.sadd.sat.v{LANES}i16", _VECTOR, *args)

    return _Vector(_Vector, _Vector), emit


@_word
def added_three(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """The sum of three, clipped to 16 bits once."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        wide = _vector_of(_INT32)
        a, b, c = (builder.sext(arg, wide) for arg in args)
        total = builder.add(builder.add(a, b), c)
        for name, limit in (("smin", 32767), ("smax", -32768)):
            limits = ir.Constant(wide, [limit] * LANES)
            total = _call(builder, f"llvm.{name}.v{LANES}i32", wide, total, limits)
        return builder.trunc(total, _VECTOR)

    return _Vector(_Vector, _Vector, _Vector), emit


@_word
def larger(typing: Any, a: Any, b: Any) -> Any:
    """The larger of each two numbers."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return _call(builder, f"llvm.smax.v{LANES}i16", _VECTOR, *args)

    return _Vector(_Vector, _Vector), emit


@_word
def smaller(typing: Any, a: Any, b: Any) -> Any:
    """The smaller of each two numbers."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return _call(builder, f"llvm.smin.v{LANES}i16", _VECTOR, *args)

    return _Vector(_Vector, _Vector), emit


@_word
def largest(typing: Any, vector: Any) -> Any:
    """The largest of the 32 numbers."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return _call(builder, f"llvm.vector.reduce.smax.v{LANES}i16", _INT16, *args)

    return types.int16(_Vector), emit


@_word
def nonzero(typing: Any, vector: Any) -> Any:
    """For each number one bit, set unless it is zero; the first is the lowest."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        bits = builder.bitcast(builder.icmp_signed("!=", args[0], _ZERO), _BITS)
        return builder.zext(bits, _INT64)

    return types.uint64(_Vector), emit


@_word
def list_nonzero(typing: Any, target: Any, vector: Any, first: Any) -> Any:
    """Write the places of all that is not zero, ascending, counted from `first`; how many.

    Target is a pointer to int32 with room for 32 entries, however many there are. It takes no
    branch, if the processor can compress vectors (`COMPRESSES`), and else long.
    """

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        pointer, value, start = args
        wide = _vector_of(_INT32)
        is_set = builder.icmp_signed("!=", value, _ZERO)
        places, rest = ir.Constant(_VECTOR, list(range(LANES))), ir.Constant(_VECTOR, ir.Undefined)
        name = f"llvm.experimental.vector.compress.v{LANES}i16"
        places = _call(builder, name, _VECTOR, places, is_set, rest)
        start = _everywhere(builder, builder.trunc(start, _INT32))
        places = builder.add(builder.zext(places, wide), start)
        builder.store(places, builder.bitcast(pointer, wide.as_pointer()), align=4)
        n = builder.ctpop(builder.bitcast(is_set, _BITS))
        return builder.zext(n, _INT64)

    return types.int64(types.CPointer(types.int32), _Vector, types.int64), emit


@_word
def lowest(typing: Any, bits: Any) -> Any:
    """The place of the lowest bit that is set; there must be one."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(_BIT, 1))

    return types.int64(types.uint64), emit
