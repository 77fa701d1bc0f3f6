"""What happens when a module class is defined: files can name it, constructors end in a hook."""

import contextlib
import functools
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

# The packages whose `__all__` names our own modules, whatever private file defines them, stand in it.
_ROOT = __name__.partition(".")[0]
_CLASSES: dict[str, type[Any]] = {}


def register_class(cls: type[Any]) -> None:
    """Make a class known under its path; the last one defined counts."""
    _CLASSES[public_path(cls)] = cls


def public_path(thing: Any) -> str:
    """The name under which files know a class or function: `module:qualified name`.

    Things of this package go by the package's own name, so that files outlive a move between its
    private modules.

    >>> from xylograph.models import LIFJax
    >>> public_path(LIFJax)
    'xylograph.models:LIFJax'
    """
    root, *rooms = thing.__module__.split(".")
    home = f"{root}.{rooms[0]}" if root == _ROOT and rooms else thing.__module__
    return f"{home}:{thing.__qualname__}"


def find_class(path: str) -> type[Any] | None:
    """The class of a path, if it is ours or has been defined in this process."""
    package, _, name = path.partition(":")
    if path not in _CLASSES and package.count(".") == 1 and package.startswith(f"{_ROOT}."):
        with contextlib.suppress(ImportError, AttributeError):
            getattr(import_module(package), name)  # loads the file that defines and registers it
    return _CLASSES.get(path)


def ending_in_post_init(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that calls `__post_init__` once the whole constructor has run.

    Those of base classes, which it calls, do not.
    """

    @functools.wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        if type(self).__init__ is __init__:
            self.__post_init__()

    return __init__


def is_usable_name(cls: type[Any], name: str) -> bool:
    """Whether objects of a class may have a declared attribute or a submodule of that name."""
    # Paths in files and messages are written with `.` and `@`.
    if not name or {".", "@"} & set(name) or name.startswith("__"):
        return False
    # A property would be found before the attribute, and the attribute before a method.
    return not hasattr(type(inspect.getattr_static(cls, name, None)), "__get__")
