"""`JaxModule`: a stateful network over clocked time that is also a JAX pytree.

A module owns attributes of three kinds (`parameters.py`) and submodules. Calling it evolves it
over a raster and returns `(output, new_state, record)`; the module itself stays as it was. Every
subclass is a pytree by being defined: its arrays are leaves, everything else is static structure,
and rebuilding one never runs a constructor.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import jax
from jax.core import Tracer

from ._batch import (
    add_batch_axis,
    first_sample,
    n_samples,
    take_sample,
    with_batch_axis,
)
from ._checks import shape_tuple
from ._classes import ending_in_post_init, is_usable_name, register_class
from ._describe import describe
from ._evolving import evolving, label
from ._own_flattening import register_as_it_flattens
from ._raster import as_batch
from ._setting import put, put_tree, reset
from ._structure import CHILDREN, DECLARATIONS, NAME, RESETS, Declarations, Structure
from .parameters import (
    Declaration,
    Parameter,
    ParameterBase,
    Shape,
    SimulationParameter,
    State,
)

Tree = dict[str, Any]

# Spellings that users of other libraries know; a family matches under each of them.
_SAME_FAMILY = ({"bias", "biases"}, {"threshold", "thresholds"})

M = TypeVar("M", bound="JaxModule")


class JaxModule:
    """A network or a part of one: declared attributes, submodules, and `evolve`.

    Subclasses call `super().__init__(shape)` first, assign `Parameter`, `State`,
    `SimulationParameter` and module objects to attributes, and define `evolve`. Plain attributes
    are static: JAX sees them as part of the structure.

    Pass modules to compiled functions as arguments, or call `module.jit()`. `jax.jit(module)` works,
    but takes the values the module has when it is first called as constants: a later state is not
    seen.

    Args:
        shape: `(n_in, ..., n_out)`, or an int where all are the same.
        spiking_input: whether the input is counts of events.
        spiking_output: whether the output is counts of events.

    >>> import numpy as np
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
        register_class(cls)
        if "__init__" in vars(cls):
            cls.__init__ = ending_in_post_init(cls.__init__)
        if cls.tree_flatten is JaxModule.tree_flatten:
            jax.tree_util.register_pytree_with_keys(
                cls, _flatten_with_keys, cls.tree_unflatten, cls.tree_flatten
            )
        else:
            register_as_it_flattens(cls, JaxModule)

    @ending_in_post_init
    def __init__(
        self,
        shape: Any = None,
        spiking_input: bool = False,
        spiking_output: bool = False,
    ) -> None:
        vars(self).update({DECLARATIONS: Declarations(), RESETS: {}, CHILDREN: (), NAME: ""})
        self._shape = shape_tuple(shape)
        self._spiking_input = bool(spiking_input)
        self._spiking_output = bool(spiking_output)

    def __post_init__(self) -> None:
        """Runs when the constructor of the object's class has ended; for subclasses to define."""

    # --- what it is ---

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Sizes from input to output; `(None,)` where anything fits."""
        return self._shape

    @property
    def size_in(self) -> Any:
        """Number of input channels; `None` where any number fits."""
        return self._shape[0]

    @property
    def size_out(self) -> Any:
        """Number of output channels; `None` where any number fits."""
        return self._shape[-1]

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
        return f"'{vars(self)[NAME]}'" if vars(self)[NAME] else ""

    @property
    def full_name(self) -> str:
        """Class and name."""
        return f"{self.class_name} {self.name}"

    def __repr__(self) -> str:
        head = f"{self.full_name} with shape {self.shape}"
        if not vars(self)[CHILDREN]:
            return head
        children = "\n".join(repr(child) for child in self.modules().values())
        indented = "\n".join(f"    {line}" for line in children.splitlines())
        return f"{head} {{\n{indented}\n}}"

    def describe(self) -> str:
        """The tree of modules with all attributes: kind, family, type and shape.

        >>> from xylograph.models import LinearJax
        >>> print(LinearJax((2, 3), has_bias=True).describe())
        LinearJax  with shape (2, 3), 9 trainable values
            weight  parameter  weights  float32 (2, 3)
            bias    parameter  biases   float32 (3,)
        """
        return describe(self)

    # --- evolving ---

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, Tree, Tree]:
        """Run over a raster.

        Args:
            input_data: `(time, channel)` or `(batch, time, channel)`.
            record: whether to return what happened inside, too.

        Returns:
            The output, batch first; the new state, in the form `set_attributes` takes, which is
            that of the first sample (of all with `batch_state`); the record, nested like the
            modules, with leaves `(batch, time, ...)`.
        """
        raise NotImplementedError(f"`{self.class_name}` does not define `evolve`")

    def __call__(self, input_data: Any, record: Any = False) -> tuple[Any, Tree, Tree]:
        """Run over a raster, or over the result of another module's call; see `evolve`."""
        record = _as_flag(record)
        with evolving(self):
            if not _is_result(input_data):
                return self.evolve(input_data, record=record)
            data, earlier_state, earlier_record = input_data
            output, new_state, recorded = self.evolve(data, record=record)
        key = self._unused_key(earlier_state)
        return output, {**earlier_state, key: new_state}, {**earlier_record, key: recorded}

    def jit(self) -> Callable[..., tuple[Any, Tree, Tree]]:
        """The call of this module, compiled: `module.jit()(data, record=False)`.

        The module is an argument of the compiled function, so that all modules of one structure
        share it: with other values or states, `module.jit()` compiles nothing. In contrast,
        `jax.jit(module)` compiles for each module anew, and goes on with the values and the state
        the module had at the first call.

        >>> import numpy as np
        >>> from xylograph.models import LIFJax
        >>> neurons, data = LIFJax(2), np.ones((10, 2))
        >>> for _ in range(2):
        ...     output, new_state, record = neurons.jit()(data)
        ...     neurons = neurons.set_attributes(new_state)
        """
        return lambda data, record=False: _call_compiled(self, data, record=_as_flag(record))

    def _unused_key(self, taken: Tree) -> str:
        key = vars(self)[NAME] or self.class_name
        return key if key not in taken else f"{len(taken)}_{key}"

    def _auto_batch(
        self,
        data: Any,
        states: Sequence[Any] = (),
        target_shapes: Sequence[Shape | None] | None = None,
    ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        """Bring input to `(batch, time, size_in)` and give each state a batch axis.

        A vector counts as time, a single channel is copied to all. `evolve` starts with this and
        ends with `_new_state`.

        Args:
            data: input of any rank up to 3.
            states: values of states of this module.
            target_shapes: what to broadcast each state to, without the batch axis; `None` for
                its own shape.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank, wrong number of channels, or the states are of another number
                of samples.
        """
        data = as_batch(data, self.size_in, self._label())
        shapes = (None,) * len(states) if target_shapes is None else target_shapes
        n_have = n_samples(vars(self), self._label())
        return data, with_batch_axis(states, shapes, len(data), n_have, self._label())

    def _new_state(self, last: Tree) -> Tree:
        """The new state to return, given states that have a batch axis.

        That of the first sample; those of all samples where the state of this module has a batch
        axis. Random keys have none: add them to what is returned.
        """
        return dict(last) if n_samples(vars(self), self._label()) else first_sample(last)

    # --- states of a batch ---

    def batch_state(self: M, n_batch: int) -> M:
        """A module with one state a sample, to go on with a batch where it ended.

        Each sample starts from the state that there is. The new state that a call returns then
        has the batch axis, too; random keys stay as they are. Input must have `n_batch` samples.

        Args:
            n_batch: number of samples.

        Raises:
            ValueError: the number is not positive, or the state is already that of a batch.

        >>> import numpy as np
        >>> from xylograph.models import LIFJax
        >>> neurons = LIFJax(2).batch_state(3)
        >>> output, new_state, record = neurons(np.ones((3, 10, 2)))
        >>> neurons = neurons.set_attributes(new_state)
        >>> neurons.vmem.shape, neurons.unbatch_state().vmem.shape
        ((3, 2), (2,))
        """
        n_batch = n_batch.__index__()
        if n_batch < 1:
            raise ValueError(f"{self._label()}: a batch has at least 1 sample, got {n_batch}")
        new = self._copied()
        for module in new._walk():
            add_batch_axis(vars(module), n_batch, module._label())
        return new

    def unbatch_state(self: M, sample: int = 0) -> M:
        """A module with the state of one sample, from which all samples of an input start.

        Args:
            sample: which one.

        Raises:
            ValueError: there is no such sample.
        """
        new = self._copied()
        for module in new._walk():
            take_sample(vars(module), sample.__index__(), module._label())
        return new

    # --- looking inside ---

    def parameters(self, family: str | Sequence[str] | None = None) -> Tree:
        """Trainable values, nested like the modules; `family` selects some of them."""
        return self._collect(Parameter.kind, family)

    def state(self, family: str | Sequence[str] | None = None) -> Tree:
        """States, nested like the modules."""
        return self._collect(State.kind, family)

    def simulation_parameters(self, family: str | Sequence[str] | None = None) -> Tree:
        """Values only the simulation needs, nested like the modules."""
        return self._collect(SimulationParameter.kind, family)

    def attributes_named(self, name: str | Sequence[str]) -> Tree:
        """Declared attributes of any kind with one of these names, nested like the modules."""
        names = {name} if isinstance(name, str) else set(name)
        return self._select(lambda key, _: key in names, keep_empty=False)

    def modules(self) -> OrderedDict[str, JaxModule]:
        """Direct submodules by name, in the order they were added."""
        return OrderedDict((name, vars(self)[name]) for name in vars(self)[CHILDREN])

    def _collect(self, kind: str, family: str | Sequence[str] | None) -> Tree:
        if family is None:
            return self._select(lambda _, d: d.kind == kind, keep_empty=True)
        families = _spellings({family} if isinstance(family, str) else set(family))
        return self._select(lambda _, d: d.kind == kind and d.family in families, keep_empty=False)

    def _select(self, wanted: Callable[[str, Declaration], bool], keep_empty: bool) -> Tree:
        declared = vars(self)[DECLARATIONS]
        found: Tree = {k: vars(self)[k] for k, d in declared.items() if wanted(k, d)}
        for name, child in self.modules().items():
            inside = child._select(wanted, keep_empty)
            if inside or keep_empty:
                found[name] = inside
        return found

    def declaration(self, name: str) -> Declaration:
        """Kind, family, shape and initializer of an attribute; `KeyError` if not declared."""
        return vars(self)[DECLARATIONS][name]

    # --- setting ---

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (ParameterBase, JaxModule)):
            self._require_usable(name)
        if isinstance(value, ParameterBase):
            self._declare(name, value)
        elif isinstance(value, JaxModule):
            self._adopt(name, value)
        elif name in vars(self).get(CHILDREN, ()):
            raise ValueError(
                f"{self._label()}: submodule `{name}` must be a JaxModule, got "
                f"{type(value).__name__}"
            )
        elif name in vars(self).get(DECLARATIONS, ()):
            problem = put(vars(self), name, value, f"`{name}`")
            if problem:
                raise ValueError(f"{self._label()}: {problem}")
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if name in vars(self)[DECLARATIONS] or name in vars(self)[CHILDREN]:
            raise AttributeError(f"{self._label()}: `{name}` is declared and cannot be deleted")
        object.__delattr__(self, name)

    def _require_usable(self, name: str) -> None:
        if DECLARATIONS not in vars(self):
            raise NotImplementedError(
                f"`{self.class_name}.__init__` must call `super().__init__(shape)` before it "
                f"assigns `{name}`"
            )
        if not is_usable_name(type(self), name):
            raise ValueError(
                f"{self._label()}: {name!r} cannot name an attribute; names are not empty, hold "
                "neither `.` nor `@`, and are not those of methods or properties"
            )

    def _declare(self, name: str, initial: ParameterBase) -> None:
        if name in vars(self):
            raise ValueError(
                f"{self._label()}: `{name}` exists already; assign a plain value to change it"
            )
        store = vars(self)
        store[name] = initial.data
        store[DECLARATIONS] = store[DECLARATIONS].with_one(name, initial.declaration)
        if initial.is_given and initial.declaration.kind in (Parameter.kind, State.kind):
            store[RESETS] = {**store[RESETS], name: initial.data}

    def _adopt(self, name: str, module: JaxModule) -> None:
        store = vars(self)
        if name in store and name not in store[CHILDREN]:
            raise ValueError(f"{self._label()}: `{name}` exists already and is not a module")
        if any(inner is self for inner in module._walk()):
            raise ValueError(f"{self._label()}: a module cannot be a part of itself (`{name}`)")
        # Renaming a module that already has a parent would rename it there, too.
        child = module if not vars(module)[NAME] else module._copied()
        vars(child)[NAME] = name
        store[name] = child
        if name not in store[CHILDREN]:
            store[CHILDREN] = (*store[CHILDREN], name)

    def set_attributes(self: M, tree: Any, strict: bool = True) -> M:
        """A module with other values; this one stays as it is.

        Args:
            tree: nested dict like those of `parameters()` and `state()`, whole or in part.
            strict: whether a name that does not exist is an error; otherwise it is passed over.

        Raises:
            ValueError: wrong shapes, or names that do not exist; all of them, with their paths.
        """
        new = self._copied()
        problems, unknown = put_tree(vars(new), tree)
        if unknown and strict:
            problems += [f"{name} does not exist" for name in unknown]
            problems[-1] += "; `strict=False` passes over names that do not exist"
        if problems:
            raise ValueError(f"{self._label()}: " + "\n".join(problems))
        return new

    def reset_state(self: M) -> M:
        """A module whose states are as after construction; this one stays as it is."""
        new = self._copied()
        for module in new._walk():
            reset(vars(module), State.kind, module._label())
        return new

    def reset_parameters(self: M, key: jax.Array | None = None) -> M:
        """A module with freshly initialised parameters; this one stays as it is.

        Parameters that were given at construction return to what was given. Others are drawn
        again: from `key` where one is given, otherwise from NumPy's global generator.
        """
        new = self._copied()
        for position, module in enumerate(new._walk()):
            own_key = None if key is None else jax.random.fold_in(key, position)
            reset(vars(module), Parameter.kind, module._label(), own_key)
        return new

    def _walk(self) -> Iterator[JaxModule]:
        yield self
        for child in self.modules().values():
            yield from child._walk()

    def _copied(self: M) -> M:
        """A tree of new module objects that share the arrays of this one."""
        new = object.__new__(type(self))
        vars(new).update(vars(self))
        for name in vars(self)[CHILDREN]:
            vars(new)[name] = vars(self)[name]._copied()
        return new

    def _label(self) -> str:
        return label(self)

    # --- pytree ---

    def tree_flatten(self) -> tuple[list[Any], Structure]:
        """Leaves (arrays, reset values, submodules) and static structure."""
        structure = Structure(vars(self))
        return structure.leaves_of(vars(self)), structure

    @classmethod
    def tree_unflatten(cls: type[M], structure: Structure, leaves: Iterable[Any]) -> M:
        """A module with these leaves; no constructor runs and nothing is checked."""
        new = object.__new__(cls)
        structure.fill(vars(new), tuple(leaves))
        return new


@partial(jax.jit, static_argnames="record")
def _call_compiled(module: JaxModule, data: Any, record: bool) -> tuple[Any, Tree, Tree]:
    return module(data, record=record)


def _as_flag(record: Any) -> bool:
    # `jit` hands over a traced flag, which cannot be asked.
    return True if isinstance(record, Tracer) else bool(record)


def _flatten_with_keys(module: JaxModule) -> tuple[list[tuple[Any, Any]], Structure]:
    leaves, structure = module.tree_flatten()
    return list(zip(structure.keys(), leaves, strict=True)), structure


def _spellings(families: set[str]) -> set[str]:
    return families.union(*(same for same in _SAME_FAMILY if same & families))


def _is_result(data: Any) -> bool:
    return (
        isinstance(data, tuple)
        and len(data) == 3
        and isinstance(data[1], dict)
        and isinstance(data[2], dict)
    )
