"""Classes that define `tree_flatten` and `tree_unflatten` themselves, as pytrees.

Such methods are written for the values a module usually has: they hand over what the inspectors
(`parameters()`, `state()`, ...) return, and build the module again by its constructor and
`set_attributes`. JAX asks for more. Static values must be no leaves, and what comes back may be
anything: stacked arrays, or objects that only mark a place.
"""

from typing import Any

import jax
from jax.tree_util import GetAttrKey

from ._setting import unchecked
from ._static import static_key
from ._structure import NAME


@jax.tree_util.register_pytree_node_class
class _Held:
    """A static value where there would be a leaf."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def tree_flatten(self) -> tuple[tuple[()], "_Held"]:
        return (), self

    @classmethod
    def tree_unflatten(cls, held: "_Held", _: Any) -> "_Held":
        return held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and static_key(self.value) == static_key(other.value)

    def __hash__(self) -> int:
        return hash(static_key(self.value))


def register_as_it_flattens(cls: type[Any], module_class: type[Any]) -> None:
    """Make a class a pytree by its own methods.

    Args:
        cls: the class.
        module_class: `JaxModule`, whose objects among the children take care of themselves.
    """

    def flatten(module: Any) -> tuple[tuple[Any, ...], Any]:
        children, aux = module.tree_flatten()
        return jax.tree.map(hold, tuple(children), is_leaf=is_whole), _Held(
            (vars(module)[NAME], aux)
        )

    def flatten_with_keys(module: Any) -> tuple[tuple[Any, ...], Any]:
        children, aux = flatten(module)
        return tuple((GetAttrKey(f"children[{n}]"), c) for n, c in enumerate(children)), aux

    def unflatten(named_aux: Any, held: Any) -> Any:
        name, aux = named_aux.value
        children = jax.tree.map(release, tuple(held), is_leaf=is_whole)
        with unchecked():
            module = cls.tree_unflatten(aux, children)
        vars(module)[NAME] = name
        return module

    def is_whole(value: Any) -> bool:
        return isinstance(value, (module_class, _Held))

    def hold(value: Any) -> Any:
        return value if isinstance(value, module_class) or hasattr(value, "dtype") else _Held(value)

    def release(value: Any) -> Any:
        return value.value if isinstance(value, _Held) else value

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
