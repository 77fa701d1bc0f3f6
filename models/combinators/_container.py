"""What modules made of named modules have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import index
from typing import Any

from ..module import JaxModule, Tree

# What a module made of others takes from them.
_DERIVED = ("shape", "spiking_input", "spiking_output")


class Container(JaxModule):
    """A module whose submodules are found by position and by name."""

    def __getitem__(self, key: Any) -> JaxModule:
        """The child at a position or of a name.

        Raises:
            IndexError, KeyError: there is no such child.
            TypeError: neither a position nor a name.
        """
        children = self.modules()
        return children[key] if isinstance(key, str) else list(children.values())[index(key)]

    def __len__(self) -> int:
        """Number of children."""
        return len(self.modules())

    def __iter__(self) -> Iterator[JaxModule]:
        """The children in order."""
        return iter(self.modules().values())


@dataclass
class Run:
    """One call of a module made of modules: runs children, gathers their states and records.

    Args:
        module: whose children run.
        record: whether they record.
    """

    module: JaxModule
    record: bool
    new_state: Tree = field(default_factory=dict)
    recorded: Tree = field(default_factory=dict)

    def __call__(self, name: str, data: Any) -> Any:
        """The output of a child; it is recorded as `f"{name}_output"`."""
        child = getattr(self.module, name)
        output, self.new_state[name], self.recorded[name] = child(data, record=self.record)
        self.recorded[f"{name}_output"] = output
        return output

    def result(self, output: Any) -> tuple[Any, Tree, Tree]:
        """What the module returns, given its output."""
        return output, self.new_state, self.recorded if self.record else {}


def named(modules: Iterable[Any], owner: str) -> Iterator[tuple[str, JaxModule]]:
    """Modules with their names: the keys of dicts, otherwise position and class.

    Args:
        modules: modules, or dicts of them.
        owner: who takes them, for messages.

    Raises:
        TypeError: something that is no JaxModule.
    """
    for position, entry in enumerate(modules):
        if isinstance(entry, dict):
            for name, module in entry.items():
                yield name, require_module(module, owner)
        else:
            yield f"{position}_{type(entry).__name__}", require_module(entry, owner)


def require_module(module: Any, owner: str) -> JaxModule:
    """The module, if it is one, or knows one that does what it does (`as_jax_module`).

    Raises:
        TypeError: it is none.
    """
    if hasattr(module, "as_jax_module"):
        module = module.as_jax_module()
    if not isinstance(module, JaxModule):
        raise TypeError(f"`{owner}` takes JaxModules, got {type(module).__name__}")
    return module


def refuse_keywords(given: dict[str, Any], owner: str) -> None:
    """Refuse keywords that a constructor does not take.

    Raises:
        ValueError: what follows from the modules was given.
        TypeError: a keyword that means nothing.
    """
    derived = [f"`{name}`" for name in given if name in _DERIVED]
    if derived:
        raise ValueError(f"`{owner}` takes {', '.join(derived)} from its modules; do not give it")
    if given:
        raise TypeError(f"`{owner}` got an unexpected keyword argument {next(iter(given))!r}")


def fits(gives: int | None, takes: int | None) -> bool:
    """Whether an output of one size can be the input of another; `None` fits everything."""
    return gives == takes or None in (gives, takes)
