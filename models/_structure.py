"""What of a module is static, and where its leaves go: the pytree side of `JaxModule`.

Leaves are the arrays of declared attributes, then the reset values that were given
(`name@reset`), then the submodules. Everything else is structure, compared by content.
"""

from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Any

from jax.tree_util import GetAttrKey

from ._static import static_key
from .parameters import Declaration

# Bookkeeping in a module's `__dict__`, kept apart from what users assign.
DECLARATIONS = "_declarations"
RESETS = "_resets"
CHILDREN = "_children"
NAME = "_name"
BOOKKEEPING = frozenset({DECLARATIONS, RESETS, CHILDREN, NAME})


class Declarations(dict[str, Declaration]):
    """The declared attributes of a module, in order; with one more there is another of these.

    Nobody changes one in place: each compiled call of a module asks for what follows from it.
    """

    @cached_property
    def leaf_names(self) -> tuple[str, ...]:
        """Those that hold arrays."""
        return tuple(name for name, declared in self.items() if declared.shape is not None)

    @cached_property
    def key(self) -> Hashable:
        """What those of two modules that act the same have in common."""
        return _Hashed(tuple((name, declared.key) for name, declared in self.items()))

    def with_one(self, name: str, declared: Declaration) -> "Declarations":
        """These and another one, which takes the place of one of that name."""
        return Declarations({**self, name: declared})

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the key, which may hold what cannot be pickled.
        return type(self), (dict(self),)


class _Hashed:
    """A value whose hash is computed once."""

    __slots__ = ("_hash", "_value")

    def __init__(self, value: Hashable) -> None:
        self._value, self._hash = value, hash(value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and self._value == other._value


class Structure:
    """Everything of one module that is not a leaf; compared and hashed by content.

    Args:
        store: the `__dict__` of the module.
    """

    __slots__ = ("_hash", "_key", "children", "leaf_names", "reset_names", "static")

    def __init__(self, store: dict[str, Any]) -> None:
        declarations = store[DECLARATIONS]
        self.leaf_names = declarations.leaf_names
        self.reset_names = tuple(store[RESETS])
        self.children = store[CHILDREN]
        moving = {*self.leaf_names, *self.children, RESETS}
        self.static = {n: v for n, v in store.items() if n not in moving}
        self._key = (
            store[NAME],
            self.reset_names,
            self.children,
            tuple((n, static_key(self.static[n])) for n in sorted({*self.static} - BOOKKEEPING)),
            declarations.key,
        )
        self._hash = hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and self._key == other._key

    def __repr__(self) -> str:
        return f"structure of {', '.join((*self.leaf_names, *self.children)) or 'an empty module'}"

    def leaves_of(self, store: dict[str, Any]) -> list[Any]:
        """The leaves of a module of this structure, given its `__dict__`."""
        return [
            *(store[n] for n in self.leaf_names),
            *(store[RESETS][n] for n in self.reset_names),
            *(store[n] for n in self.children),
        ]

    def keys(self) -> list[Any]:
        """The name of each leaf, as JAX writes paths."""
        return [
            *(GetAttrKey(n) for n in self.leaf_names),
            *(GetAttrKey(f"{n}@reset") for n in self.reset_names),
            *(GetAttrKey(n) for n in self.children),
        ]

    def fill(self, store: dict[str, Any], leaves: Sequence[Any]) -> None:
        """Fill the `__dict__` of a new module with leaves and with what is static."""
        store.update(self.static)
        n_values, n_resets = len(self.leaf_names), len(self.reset_names)
        store.update(zip(self.leaf_names, leaves[:n_values], strict=True))
        resets = leaves[n_values : n_values + n_resets]
        store[RESETS] = dict(zip(self.reset_names, resets, strict=True))
        store.update(zip(self.children, leaves[n_values + n_resets :], strict=True))
