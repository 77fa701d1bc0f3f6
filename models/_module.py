"""`JaxModule`: a stateful network over clocked time that is also a JAX pytree.

A module owns attributes of three kinds (`_parameters.py`) and submodules. Calling it evolves it
over a raster and returns `(output, new_state, record)`; the module itself stays as it was. Every
subclass is a pytree by being defined: its arrays are leaves, everything else is static structure,
and rebuilding one never runs a constructor.
"""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax.tree_util import GetAttrKey

from ._parameters import (
    Declaration,
    Parameter,
    ParameterBase,
    State,
    as_jax_array,
    as_static_or_array,
    draw,
    is_array,
)
from ._static import static_key

Tree = dict[str, Any]

# Bookkeeping in the instance's `__dict__`, kept apart from what users assign.
_DECLARATIONS = "_declarations"
_RESETS = "_resets"
_CHILDREN = "_children"
_NAME = "_name"
_BOOKKEEPING = frozenset({_DECLARATIONS, _RESETS, _CHILDREN, _NAME})

# Spellings that users of other libraries know; a family matches under each of them.
_SAME_FAMILY = ({"bias", "biases"}, {"threshold", "thresholds"})

M = TypeVar("M", bound="JaxModule")

_CLASSES: dict[str, type[JaxModule]] = {}


class JaxModule:
    """A network or a part of one: declared attributes, submodules, and `evolve`.

    Subclasses call `super().__init__(shape)` first, assign `Parameter`, `State`,
    `SimulationParameter` and module objects to attributes, and define `evolve`. Plain attributes
    are static: JAX sees them as part of the structure.

    Args:
        shape: `(n_in, ..., n_out)`, or an int where all are the same.
        spiking_input: whether the input is counts of events.
        spiking_output: whether the output is counts of events.

    >>> class Gain(JaxModule):
    ...     def __init__(self, shape, gain=2.0):
    ...         super().__init__(shape)
    ...         self.gain = Parameter(gain, shape=())
    ...     def evolve(self, input_data, record=False):
    ...         return input_data * self.gain, {}, {}
    >>> module = Gain(3)
    >>> output, new_state, record = module(np.ones((10, 3)))
    >>> float(module.set_attributes({"gain": 5.0}).gain), float(module.gain)
    (5.0, 2.0)
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _CLASSES[class_path(cls)] = cls
        if cls.tree_flatten is JaxModule.tree_flatten:
            jax.tree_util.register_pytree_with_keys(
                cls, _flatten_with_keys, cls.tree_unflatten, cls.tree_flatten
            )
        else:
            jax.tree_util.register_pytree_node(cls, cls.tree_flatten, cls.tree_unflatten)

    def __init__(
        self,
        shape: int | Sequence[int | None] | None = None,
        spiking_input: bool = False,
        spiking_output: bool = False,
    ) -> None:
        vars(self).update({_DECLARATIONS: {}, _RESETS: {}, _CHILDREN: (), _NAME: ""})
        self._shape = _shape_tuple(shape)
        self._spiking_input = bool(spiking_input)
        self._spiking_output = bool(spiking_output)

    # --- what it is ---

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Sizes from input to output; `(None,)` where anything fits."""
        return self._shape

    @property
    def size_in(self) -> int:
        """Number of input channels."""
        return self._shape[0]  # pyright: ignore[reportReturnType]

    @property
    def size_out(self) -> int:
        """Number of output channels."""
        return self._shape[-1]  # pyright: ignore[reportReturnType]

    @property
    def spiking_input(self) -> bool:
        """Whether the input is counts of events."""
        return self._spiking_input

    @property
    def spiking_output(self) -> bool:
        """Whether the output is counts of events."""
        return self._spiking_output

    @property
    def class_name(self) -> str:
        """Name of the class."""
        return type(self).__name__

    @property
    def name(self) -> str:
        """The attribute it has in its parent, in quotation marks; empty at the top."""
        return f"'{vars(self)[_NAME]}'" if vars(self)[_NAME] else ""

    @property
    def full_name(self) -> str:
        """Class and name."""
        return f"{self.class_name} {self.name}"

    def __repr__(self) -> str:
        head = f"{self.full_name} with shape {self.shape}"
        if not vars(self)[_CHILDREN]:
            return head
        children = "\n".join(repr(child) for child in self.modules().values())
        indented = "\n".join(f"    {line}" for line in children.splitlines())
        return f"{head} {{\n{indented}\n}}"

    # --- evolving ---

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, Tree, Tree]:
        """Run over a raster.

        Args:
            input_data: `(time, channel)` or `(batch, time, channel)`.
            record: whether to return what happened inside, too.

        Returns:
            The output, batch first; the new state, in the form `set_attributes` takes; the
            record, nested like the modules, with leaves `(batch, time, ...)`.
        """
        raise NotImplementedError(f"`{self.class_name}` does not define `evolve`")

    def __call__(self, input_data: Any, record: bool = False) -> tuple[Any, Tree, Tree]:
        """Run over a raster, or over the result of another module's call; see `evolve`."""
        if not _is_result(input_data):
            return self.evolve(input_data, record=record)
        data, earlier_state, earlier_record = input_data
        output, new_state, recorded = self.evolve(data, record=record)
        key = self._unused_key(earlier_state)
        return output, {**earlier_state, key: new_state}, {**earlier_record, key: recorded}

    def _unused_key(self, taken: Tree) -> str:
        key = vars(self)[_NAME] or self.class_name
        return key if key not in taken else f"{len(taken)}_{key}"

    def _auto_batch(
        self, data: Any, states: tuple[Any, ...] = ()
    ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        """Bring input to `(batch, time, size_in)` and give each state a batch axis.

        A vector counts as time, a single channel is copied to all. States that already have a
        batch axis keep it.

        Raises:
            ValueError: wrong rank or wrong number of channels.
        """
        data = jnp.asarray(data)
        data = data.astype(jnp.result_type(data.dtype, float))
        if data.ndim > 3:
            raise ValueError(
                f"{self._label()}: input has {data.ndim} axes, {data.shape}; it takes "
                "`(time, channel)` or `(batch, time, channel)`"
            )
        if data.ndim < 2:
            data = data.reshape((-1, 1))
        data = data.reshape((1,) * (3 - data.ndim) + data.shape)
        if data.shape[-1] != self.size_in:
            if data.shape[-1] != 1:
                raise ValueError(
                    f"{self._label()}: Input has wrong neuron dimension. It is {data.shape[-1]}, "
                    f"must be {self.size_in}"
                )
            data = jnp.broadcast_to(data, (*data.shape[:-1], self.size_in))
        batched = tuple(jnp.broadcast_to(s, (data.shape[0], *jnp.shape(s))) for s in states)
        return data, batched

    # --- looking inside ---

    def parameters(self, family: str | Sequence[str] | None = None) -> Tree:
        """Trainable values, nested like the modules; `family` selects some of them."""
        return self._collect(Parameter.kind, family)

    def state(self, family: str | Sequence[str] | None = None) -> Tree:
        """States, nested like the modules."""
        return self._collect(State.kind, family)

    def simulation_parameters(self, family: str | Sequence[str] | None = None) -> Tree:
        """Values only the simulation needs, nested like the modules."""
        return self._collect("simulation_parameter", family)

    def attributes_named(self, name: str | Sequence[str]) -> Tree:
        """Declared attributes of any kind with one of these names, nested like the modules."""
        names = {name} if isinstance(name, str) else set(name)
        return self._select(lambda key, _: key in names, keep_empty=False)

    def modules(self) -> OrderedDict[str, JaxModule]:
        """Direct submodules by name, in the order they were added."""
        return OrderedDict((name, vars(self)[name]) for name in vars(self)[_CHILDREN])

    def _collect(self, kind: str, family: str | Sequence[str] | None) -> Tree:
        if family is None:
            return self._select(lambda _, d: d.kind == kind, keep_empty=True)
        families = _spellings({family} if isinstance(family, str) else set(family))
        return self._select(lambda _, d: d.kind == kind and d.family in families, keep_empty=False)

    def _select(self, wanted: Callable[[str, Declaration], bool], keep_empty: bool) -> Tree:
        declared = vars(self)[_DECLARATIONS]
        found: Tree = {k: vars(self)[k] for k, d in declared.items() if wanted(k, d)}
        for name, child in self.modules().items():
            inside = child._select(wanted, keep_empty)
            if inside or keep_empty:
                found[name] = inside
        return found

    def declaration(self, name: str) -> Declaration:
        """Kind, family, shape and initializer of an attribute; `KeyError` if not declared."""
        return vars(self)[_DECLARATIONS][name]

    # --- setting ---

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (ParameterBase, JaxModule)) and _DECLARATIONS not in vars(self):
            raise NotImplementedError(
                f"`{self.class_name}.__init__` must call `super().__init__(shape)` before it "
                f"assigns `{name}`"
            )
        if isinstance(value, ParameterBase):
            self._declare(name, value)
        elif isinstance(value, JaxModule):
            self._adopt(name, value)
        elif name in vars(self).get(_CHILDREN, ()):
            raise TypeError(
                f"{self._label()}: submodule `{name}` must be a JaxModule, got "
                f"{type(value).__name__}"
            )
        elif name in vars(self).get(_DECLARATIONS, ()):
            self._put(name, value, f"`{name}`")
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if name in vars(self)[_DECLARATIONS] or name in vars(self)[_CHILDREN]:
            raise AttributeError(f"{self._label()}: `{name}` is declared and cannot be deleted")
        object.__delattr__(self, name)

    def _declare(self, name: str, initial: ParameterBase) -> None:
        if name in vars(self):
            raise ValueError(
                f"{self._label()}: `{name}` exists already; assign a plain value to change it"
            )
        store = vars(self)
        store[name] = initial.data
        store[_DECLARATIONS] = {**store[_DECLARATIONS], name: initial.declaration}
        if initial.is_given and initial.declaration.kind in (Parameter.kind, State.kind):
            store[_RESETS] = {**store[_RESETS], name: initial.data}

    def _adopt(self, name: str, module: JaxModule) -> None:
        store = vars(self)
        if name in store and name not in store[_CHILDREN]:
            raise ValueError(f"{self._label()}: `{name}` exists already and is not a module")
        # Renaming a module that already has a parent would rename it there, too.
        child = module if not vars(module)[_NAME] else module._copied()
        vars(child)[_NAME] = name
        store[name] = child
        if name not in store[_CHILDREN]:
            store[_CHILDREN] = (*store[_CHILDREN], name)

    def _put(self, name: str, value: Any, where: str) -> None:
        """Store a value after checking its shape, here and now."""
        store = vars(self)
        declared = store[_DECLARATIONS][name]
        if declared.shape is None and not is_array(value):
            store[name] = as_static_or_array(value)
            return
        value = as_jax_array(value)
        if declared.shape is None:
            shape = np.shape(value)
            changed = Declaration(declared.kind, declared.family, shape, declared.initializer)
            store[_DECLARATIONS] = {**store[_DECLARATIONS], name: changed}
        elif np.shape(value) != declared.shape:
            raise ValueError(
                f"{self._label()}: {where} must be of shape {declared.shape} "
                f"(got {np.shape(value)})"
            )
        store[name] = value

    def set_attributes(self: M, tree: Tree, strict: bool = True) -> M:
        """A module with other values; this one stays as it is.

        Args:
            tree: nested dict like those of `parameters()` and `state()`, whole or in part.
            strict: whether a name that does not exist is an error; otherwise it is passed over.

        Raises:
            ValueError: wrong shapes, or names that do not exist; each with its path.
        """
        new = self._copied()
        unknown: list[str] = []
        new._put_tree(tree, "", unknown)
        if unknown and strict:
            raise ValueError(
                f"{self._label()} has no attribute " + ", ".join(unknown) + "; check the names "
                "against `parameters()` and `state()`, or pass `strict=False` to pass over them"
            )
        return new

    def _put_tree(self, tree: Tree, path: str, unknown: list[str]) -> None:
        for name, value in tree.items():
            where = f"{path}.{name}" if path else name
            if name in vars(self)[_CHILDREN] and isinstance(value, dict):
                vars(self)[name]._put_tree(value, where, unknown)
            elif name in vars(self)[_DECLARATIONS]:
                self._put(name, value, f"`{where}`")
            elif not (isinstance(value, dict) and not value):
                known = [*vars(self)[_CHILDREN], *vars(self)[_DECLARATIONS]]
                close = difflib.get_close_matches(name, known, n=1)
                unknown.append(f"`{where}`" + (f" (did you mean `{close[0]}`?)" if close else ""))

    def reset_state(self: M) -> M:
        """A module whose states are as after construction; this one stays as it is."""
        new = self._copied()
        for module in new._walk():
            module._reset(State.kind, None)
        return new

    def reset_parameters(self: M, key: jax.Array | None = None) -> M:
        """A module with freshly initialised parameters; this one stays as it is.

        Parameters that were given at construction return to what was given. Others are drawn
        again: from `key` where one is given, otherwise from NumPy's global generator.
        """
        new = self._copied()
        for position, module in enumerate(new._walk()):
            module._reset(
                Parameter.kind, None if key is None else jax.random.fold_in(key, position)
            )
        return new

    def _reset(self, kind: str, key: jax.Array | None) -> None:
        store = vars(self)
        for position, (name, declared) in enumerate(store[_DECLARATIONS].items()):
            if declared.kind != kind:
                continue
            if name in store[_RESETS]:
                store[name] = store[_RESETS][name]
            else:
                own_key = None if key is None else jax.random.fold_in(key, position)
                store[name] = as_jax_array(draw(declared.initializer, declared.shape, own_key))

    def _walk(self) -> Iterator[JaxModule]:
        yield self
        for child in self.modules().values():
            yield from child._walk()

    def _copied(self: M) -> M:
        """A tree of new module objects that share the arrays of this one."""
        new = object.__new__(type(self))
        vars(new).update(vars(self))
        for name in vars(self)[_CHILDREN]:
            vars(new)[name] = vars(self)[name]._copied()
        return new

    def _label(self) -> str:
        return self.full_name.strip()

    # --- pytree ---

    def tree_flatten(self) -> tuple[list[Any], _Structure]:
        """Leaves (arrays, reset values, submodules) and static structure."""
        structure = _Structure(self)
        return structure.leaves_of(self), structure

    @classmethod
    def tree_unflatten(cls: type[M], structure: _Structure, leaves: Iterable[Any]) -> M:
        """A module with these leaves; no constructor runs and nothing is checked."""
        new = object.__new__(cls)
        structure.fill(new, tuple(leaves))
        return new


class _Structure:
    """Everything of one module that is not a leaf; compared and hashed by content."""

    __slots__ = ("_hash", "_key", "children", "leaf_names", "reset_names", "static")

    def __init__(self, module: JaxModule) -> None:
        store = vars(module)
        declarations = store[_DECLARATIONS]
        self.leaf_names = tuple(n for n, d in declarations.items() if d.shape is not None)
        self.reset_names = tuple(store[_RESETS])
        self.children = store[_CHILDREN]
        moving = {*self.leaf_names, *self.children, _RESETS}
        self.static = {n: v for n, v in store.items() if n not in moving}
        self._key = (
            store[_NAME],
            self.leaf_names,
            self.reset_names,
            self.children,
            tuple((n, static_key(v)) for n, v in self.static.items() if n not in _BOOKKEEPING),
            tuple(
                (n, d.kind, d.family, d.shape, static_key(d.initializer))
                for n, d in declarations.items()
            ),
        )
        self._hash = hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Structure) and self._key == other._key

    def __repr__(self) -> str:
        return f"structure of {', '.join((*self.leaf_names, *self.children)) or 'an empty module'}"

    def leaves_of(self, module: JaxModule) -> list[Any]:
        store = vars(module)
        resets = store[_RESETS]
        return [
            *(store[n] for n in self.leaf_names),
            *(resets[n] for n in self.reset_names),
            *(store[n] for n in self.children),
        ]

    def keys(self) -> list[Any]:
        return [
            *(GetAttrKey(n) for n in self.leaf_names),
            *(GetAttrKey(f"{n}@reset") for n in self.reset_names),
            *(GetAttrKey(n) for n in self.children),
        ]

    def fill(self, module: JaxModule, leaves: Sequence[Any]) -> None:
        store = vars(module)
        store.update(self.static)
        n_values, n_resets = len(self.leaf_names), len(self.reset_names)
        store.update(zip(self.leaf_names, leaves[:n_values], strict=True))
        resets = leaves[n_values : n_values + n_resets]
        store[_RESETS] = dict(zip(self.reset_names, resets, strict=True))
        store.update(zip(self.children, leaves[n_values + n_resets :], strict=True))


def _flatten_with_keys(module: JaxModule) -> tuple[list[tuple[Any, Any]], _Structure]:
    leaves, structure = module.tree_flatten()
    return list(zip(structure.keys(), leaves, strict=True)), structure


@dataclass(frozen=True)
class Anatomy:
    """A module taken apart, for files; `assemble` puts it together again.

    Attributes:
        name: its name in its parent.
        declarations: what is declared, by attribute.
        values: the value of each declared attribute.
        resets: the value a reset returns to, where one was given.
        plain: attributes that are not declared.
        children: submodules by name.
    """

    name: str
    declarations: dict[str, Declaration]
    values: Tree
    resets: Tree
    plain: Tree
    children: dict[str, JaxModule]


def dissect(module: JaxModule) -> Anatomy:
    """Take a module apart."""
    store = vars(module)
    declarations, children = store[_DECLARATIONS], module.modules()
    known = {*declarations, *children, *_BOOKKEEPING}
    return Anatomy(
        name=store[_NAME],
        declarations=dict(declarations),
        values={name: store[name] for name in declarations},
        resets=dict(store[_RESETS]),
        plain={name: value for name, value in store.items() if name not in known},
        children=dict(children),
    )


def assemble(cls: type[JaxModule], anatomy: Anatomy) -> JaxModule:
    """Put a module together without running its constructor."""
    new = object.__new__(cls)
    vars(new).update(anatomy.plain, **anatomy.values, **anatomy.children)
    vars(new).update(
        {
            _DECLARATIONS: anatomy.declarations,
            _RESETS: anatomy.resets,
            _CHILDREN: tuple(anatomy.children),
            _NAME: anatomy.name,
        }
    )
    return new


def class_path(cls: type[JaxModule]) -> str:
    """The name under which files know a module class."""
    return f"{cls.__module__}:{cls.__qualname__}"


def find_class(path: str) -> type[JaxModule] | None:
    """The module class a file names, if it has been defined or imported in this process."""
    return _CLASSES.get(path)


def wants_record(record: Any) -> bool:
    """Whether a call records: `jit` hands over a traced value, which cannot be asked."""
    return True if isinstance(record, jax.core.Tracer) else bool(record)


def _shape_tuple(shape: int | Sequence[int | None] | None) -> tuple[int | None, ...]:
    if shape is None or hasattr(shape, "__index__"):
        return (None if shape is None else int(shape),)  # pyright: ignore[reportArgumentType]
    return tuple(None if n is None else int(n) for n in shape)  # pyright: ignore


def _spellings(families: set[str]) -> set[str]:
    return families.union(*(same for same in _SAME_FAMILY if same & families))


def _is_result(data: Any) -> bool:
    return (
        isinstance(data, tuple)
        and len(data) == 3
        and isinstance(data[1], dict)
        and isinstance(data[2], dict)
    )
