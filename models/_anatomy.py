"""Taking modules apart for files, and putting them together without their constructors."""

from dataclasses import dataclass

from ._module import JaxModule, Tree
from ._parameters import Declaration
from ._structure import BOOKKEEPING, CHILDREN, DECLARATIONS, NAME, RESETS


@dataclass(frozen=True)
class Anatomy:
    """A module taken apart; `assemble` puts it together again.

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
    declarations, children = store[DECLARATIONS], module.modules()
    known = {*declarations, *children, *BOOKKEEPING}
    return Anatomy(
        name=store[NAME],
        declarations=dict(declarations),
        values={name: store[name] for name in declarations},
        resets=dict(store[RESETS]),
        plain={name: value for name, value in store.items() if name not in known},
        children=dict(children),
    )


def assemble(cls: type[JaxModule], anatomy: Anatomy) -> JaxModule:
    """Put a module together without running its constructor."""
    new = object.__new__(cls)
    vars(new).update(anatomy.plain, **anatomy.values, **anatomy.children)
    vars(new).update(
        {
            DECLARATIONS: anatomy.declarations,
            RESETS: anatomy.resets,
            CHILDREN: tuple(anatomy.children),
            NAME: anatomy.name,
        }
    )
    return new
