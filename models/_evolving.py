"""Where in a network an evolution is, so that errors can name the module by its path.

A module does not know its parents: one and the same may stand in several. While it evolves, those
that called it do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ._structure import NAME

if TYPE_CHECKING:
    from .module import JaxModule

_CALLS: ContextVar[tuple["JaxModule", ...]] = ContextVar("modules that evolve", default=())
# Set on an error that has come out of the module it arose in.
_SEEN = "_seen_by_xylograph"


@contextmanager
def evolving(module: "JaxModule") -> Iterator[None]:
    """Around the evolution of a module; errors that do not name it get a note."""
    token = _CALLS.set((*_CALLS.get(), module))
    try:
        yield
    except Exception as error:
        if not hasattr(error, _SEEN) and label(module) not in str(error):
            error.add_note(f"raised where {label(module)} evolves")
        setattr(error, _SEEN, True)
        raise
    finally:
        _CALLS.reset(token)


def label(module: "JaxModule") -> str:
    """How messages call a module: its class, and its path or what is known of it.

    While the module evolves, the path begins at the module that was called first.
    """
    calls = _CALLS.get()
    inside = next((n for n, caller in enumerate(calls) if caller is module), None)
    above = calls[:inside] if inside is not None else ()
    names = [vars(one)[NAME] for one in (*above, module)]
    path = ".".join(name for name in names if name)
    return f"{module.class_name} '{path}'" if path else module.class_name
