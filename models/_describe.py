"""What a module is made of, as text: its tree with shapes, kinds and families."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ._structure import DECLARATIONS
from .parameters import is_array

if TYPE_CHECKING:
    from .module import JaxModule

_INDENT = "    "


def describe(module: "JaxModule") -> str:
    """A module and all in it, a line for each attribute.

    The columns are name, kind, family, and type with shape; values that are no arrays stand
    themselves in the last one.
    """
    lines = list(_lines(module, 0))
    # Families are short, names and kinds are not: only these columns make way for each other.
    widths = [max((len(line[i]) for line in lines if len(line) > 1), default=0) for i in range(3)]
    n_trainable = sum(np.size(value) for value in jax.tree.leaves(module.parameters()))
    head, *rest = (_join(line, widths) for line in lines)
    return "\n".join([f"{head}, {n_trainable} trainable values", *rest])


def _lines(module: "JaxModule", depth: int) -> Iterator[tuple[str, ...]]:
    """Per line its cells; one cell for a heading."""
    yield (f"{_INDENT * depth}{module.full_name} with shape {module.shape}",)
    for name, declared in vars(module)[DECLARATIONS].items():
        value = vars(module)[name]
        kind = declared.kind.replace("_", " ")
        yield (f"{_INDENT * (depth + 1)}{name}", kind, declared.family or "", _show(value))
    for child in module.modules().values():
        yield from _lines(child, depth + 1)


def _join(cells: tuple[str, ...], widths: list[int]) -> str:
    *first, last = cells
    return "  ".join([*(cell.ljust(n) for cell, n in zip(first, widths, strict=False)), last])


def _show(value: Any) -> str:
    if is_array(value):
        return f"{value.dtype} {np.shape(value)}"
    # Not `repr`: that of a function holds an address.
    return getattr(value, "__name__", repr(value))
