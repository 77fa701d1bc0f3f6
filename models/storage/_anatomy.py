"""Taking modules apart for files, and putting them together without their constructors."""

from dataclasses import dataclass

from .._structure import BOOKKEEPING, CHILDREN, DECLARATIONS, NAME, RESETS, Declarations
from ..module import JaxModule, Tree
from ..parameters import Declaration

# Where `JaxModule` keeps what its properties of these names give.
_BASICS = ("_shape", "_spiking_input", "_spiking_output")


@dataclass(frozen=True)
class Anatomy:
    """A module taken apart; `assemble` puts it together again.

    Attributes:
        name: its name in its parent.
        shape: its sizes.
        spiking_input: whether its input is counts of events.
        spiking_output: whether its output is counts of events.
        declarations: what is declared, by attribute.
        values: the value of each declared attribute.
        resets: the value a reset returns to, where one was given.
        plain: attributes that are not declared.
        children: submodules by name.
    """

    name: str
    shape: tuple[int | None, ...]
    spiking_input: bool
    spiking_output: bool
    declarations: dict[str, Declaration]
    values: Tree
    resets: Tree
    plain: Tree
    children: dict[str, JaxModule]


def dissect(module: JaxModule) -> Anatomy:
    """Take a module apart."""
    store = vars(module)
    declarations, children = store[DECLARATIONS], module.modules()
    known = {*declarations, *children, *BOOKKEEPING, *_BASICS}
    return Anatomy(
        name=store[NAME],
        shape=module.shape,
        spiking_input=module.spiking_input,
        spiking_output=module.spiking_output,
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
            DECLARATIONS: Declarations(anatomy.declarations),
            RESETS: anatomy.resets,
            CHILDREN: tuple(anatomy.children),
            NAME: anatomy.name,
            "_shape": anatomy.shape,
            "_spiking_input": anatomy.spiking_input,
            "_spiking_output": anatomy.spiking_output,
        }
    )
    return new
