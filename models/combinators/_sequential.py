"""`Sequential`: modules one after the other."""

from __future__ import annotations

from typing import Any, overload

from ..module import JaxModule, Tree
from ._container import Container, Run, fits, named, refuse_keywords, require_module


class JaxSequential(Container):
    """A chain of modules, each fed by the one before.

    Children are named `f"{index}_{ClassName}"`, or by the keys of a dict. New states and records
    are nested under these names; the record also holds each child's output as `f"{child}_output"`.
    A chain of no modules gives back its input.

    Args:
        *modules: modules, or dicts of them.
        **refused: nothing; shape and spiking flags are those of the first and the last module.

    Raises:
        ValueError: sizes that do not chain, a name used twice, or a shape or flag that was given.
        TypeError: something that is no JaxModule, or an unknown keyword.

    >>> from xylograph.models import LIFJax, LinearJax
    >>> net = JaxSequential(LinearJax((4, 8)), LIFJax(8))
    >>> net
    JaxSequential  with shape (4, 8) {
        LinearJax '0_LinearJax' with shape (4, 8)
        LIFJax '1_LIFJax' with shape (8, 8)
    }
    >>> net[1] is net["1_LIFJax"]
    True
    """

    def __init__(self, *modules: Any, **refused: Any) -> None:
        super().__init__((0, 0))
        refuse_keywords(refused, self.class_name)
        for name, module in named(modules, self.class_name):
            self._add(module, name)

    def append(self, module: JaxModule, name: str | None = None) -> None:
        """Add a module at the end, in place.

        Args:
            module: the module.
            name: its name; position and class when not given.

        Raises:
            ValueError: the sizes do not chain, or the name is taken.
            TypeError: not a JaxModule.
        """
        self._add(module, f"{len(self)}_{type(module).__name__}" if name is None else name)

    def _add(self, module: Any, name: str) -> None:
        module = require_module(module, self.class_name)
        before = list(self)
        if name in self.modules():
            raise ValueError(f"`{self.class_name}` has a submodule `{name}` already")
        if before:
            _require_chain(len(before) - 1, before[-1], module)
        setattr(self, name, module)
        first = before[0] if before else module
        self._shape = (first.size_in, module.size_out)
        self._spiking_input = first.spiking_input
        self._spiking_output = module.spiking_output

    @overload
    def __getitem__(self, key: int | str) -> JaxModule: ...
    @overload
    def __getitem__(self, key: slice) -> JaxSequential: ...
    def __getitem__(self, key: int | str | slice) -> JaxModule:
        """The child at a position or of a name; a chain of those in a slice.

        Raises:
            IndexError, KeyError: there is no such child.
        """
        if isinstance(key, slice):
            return JaxSequential(dict(list(self.modules().items())[key]))
        return super().__getitem__(key)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, Tree, Tree]:
        """Run each child over the output of the one before."""
        run, data = Run(self, record), input_data
        for name in self.modules():
            data = run(name, data)
        return run.result(data)


Sequential = JaxSequential


def _require_chain(index: int, first: JaxModule, second: JaxModule) -> None:
    if not fits(first.size_out, second.size_in):
        raise ValueError(
            f"The output of submodule {index} ({first.class_name}) does not match the input shape "
            f"of submodule {index + 1} ({second.class_name}): {first.size_out} ≠ {second.size_in}"
        )
