"""Bounds on parameters: as a cost, as a projection, and as a part of an optimizer.

Bounds are two trees like the parameters, lower and upper, whose leaves are numbers or arrays that
broadcast. They are matched by name.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from ..module import Tree


def make_bounds(parameters: Tree) -> tuple[Tree, Tree]:
    """Bounds that hold nothing back, to set some of them: `lower["1_LIFJax"]["tau_mem"] = 0.01`.

    Args:
        parameters: as `network.parameters()` gives them.

    Returns:
        Two trees like the parameters, with `-inf` and with `inf`.

    >>> make_bounds({"0_LinearJax": {"weight": jnp.ones((2, 3))}})
    ({'0_LinearJax': {'weight': -inf}}, {'0_LinearJax': {'weight': inf}})
    """
    lower = jax.tree.map(lambda _: -jnp.inf, parameters)
    upper = jax.tree.map(lambda _: jnp.inf, parameters)
    return lower, upper


def set_matching(tree: Tree, chosen: Tree, value: Any) -> Tree:
    """A tree with one value wherever another tree has a leaf.

    Args:
        tree: nested dicts, such as bounds.
        chosen: nested dicts with some of the same names, such as `network.parameters("taus")` or
            `network.attributes_named("w_rec")`.
        value: what the chosen leaves become.

    Returns:
        A new tree; `tree` stays as it is.

    Raises:
        ValueError: names that the tree does not have, all of them; or nothing is chosen.

    >>> lower, upper = make_bounds({"a": {"tau": 0.1, "w": 1.0}, "b": {"tau": 0.2}})
    >>> set_matching(lower, {"a": {"tau": 0.1}, "b": {"tau": 0.2}}, 0.01)
    {'a': {'tau': 0.01, 'w': -inf}, 'b': {'tau': 0.01}}
    """
    known, wanted = _by_path(tree), _by_path(chosen)
    if not wanted:
        raise ValueError(
            "nothing is chosen: `chosen` has no leaves; no parameter may be of the family"
        )
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"the tree has no {', '.join(unknown)}; it has {', '.join(known)}")
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: value if jax.tree_util.keystr(path) in wanted else leaf, tree
    )


def bounds_cost(parameters: Tree, lower: Tree, upper: Tree) -> Float[Array, ""]:
    """What parameters out of bounds cost.

    The sum over all elements of `exp(lower - p)` where `p < lower` and of `exp(p - upper)` where
    `p > upper`: 1 just outside, 0 within. NaN costs nothing. Add it to a loss, with a factor; it
    holds parameters back, but not at the bound.

    Args:
        parameters: as `network.parameters()` gives them.
        lower: lower bounds, by the same names.
        upper: upper bounds, by the same names.

    Raises:
        ValueError: a bound is missing, belongs to no parameter, or has a shape that does not fit.

    Source: training facts, section 1; golden values in `tests/models/training/golden/losses.npz`.

    >>> round(float(bounds_cost({"w": jnp.array([0.0, 3.0])}, {"w": -1.0}, {"w": 2.0})), 4)
    2.7183
    """
    total = jnp.zeros(())
    for value, low, high in _matched(parameters, lower, upper):
        total += _cost_of_excess(low - value) + _cost_of_excess(value - high)
    return total


def _cost_of_excess(excess: Array) -> Array:
    # The inner choice keeps infinite bounds out of the gradient.
    outside = excess > 0
    return jnp.sum(jnp.where(outside, jnp.exp(jnp.where(outside, excess, 0.0)), 0.0))


def bounds_clip(parameters: Tree, lower: Tree, upper: Tree) -> Tree:
    """Parameters, each at least its lower and at most its upper bound.

    Args:
        parameters: as `network.parameters()` gives them.
        lower: lower bounds, by the same names.
        upper: upper bounds, by the same names.

    Raises:
        ValueError: a bound is missing, belongs to no parameter, or has a shape that does not fit.

    >>> bounds_clip({"w": jnp.array([0.0, 3.0])}, {"w": -1.0}, {"w": 2.0})
    {'w': Array([0., 2.], dtype=float32)}
    """
    leaves = [jnp.clip(*each) for each in _matched(parameters, lower, upper)]
    return jax.tree.unflatten(jax.tree.structure(parameters), leaves)


def keep_within(lower: Tree, upper: Tree) -> optax.GradientTransformation:
    """Shorten updates so that parameters stay within bounds, or return to them.

    Put it last: `optax.chain(optax.adam(1e-3), keep_within(lower, upper))`. After an update no
    element is out of bounds, not even by rounding; only where both bounds are closer to each other
    than the floats that a parameter comes from, it may miss them by a rounding.

    Args:
        lower: lower bounds, by the names of the parameters.
        upper: upper bounds, by the names of the parameters.

    Returns:
        The transformation. Its update raises ValueError where it gets no parameters, or where a
        bound is missing, belongs to no parameter, or has a shape that does not fit.

    >>> steps = optax.chain(optax.sgd(1.0), keep_within({"w": 0.0}, {"w": 1.0}))
    >>> state = steps.init({"w": jnp.array(0.5)})
    >>> updates, state = steps.update({"w": jnp.array(2.0)}, state, {"w": jnp.array(0.5)})
    >>> float(updates["w"])
    -0.5
    """

    def init(params: Any) -> Any:
        return optax.EmptyState()

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        if params is None:
            raise ValueError("`keep_within` needs the parameters: `update(updates, state, params)`")
        moved = optax.apply_updates(params, updates)
        bounded = [
            _shortened(here, value, low, high)
            for here, (value, low, high) in zip(
                jax.tree.leaves(params), _matched(moved, lower, upper), strict=True
            )
        ]
        return jax.tree.unflatten(jax.tree.structure(params), bounded), state

    return optax.GradientTransformation(init, update)


def _shortened(here: Array, value: Array, low: Array, high: Array) -> Array:
    """The update that leads from `here` to a value, or to the bound that is in between."""
    step = jnp.clip(value, low, high) - here
    # The sum may round to just beyond the bound; the next smaller step then does not.
    step = jnp.where(here + step > high, jnp.nextafter(step, -jnp.inf), step)
    return jnp.where(here + step < low, jnp.nextafter(step, jnp.inf), step)


def _by_path(tree: Any) -> dict[str, Any]:
    paths = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): leaf for path, leaf in paths}


def _matched(parameters: Any, lower: Any, upper: Any) -> list[tuple[Array, Array, Array]]:
    """Each parameter with its bounds, found by name."""
    values = _by_path(parameters)
    matched: dict[str, list[Array]] = {name: [jnp.asarray(v)] for name, v in values.items()}
    problems = []
    for which, bounds in (("lower", _by_path(lower)), ("upper", _by_path(upper))):
        problems += [f"{name} has no {which} bound" for name in values if name not in bounds]
        for name, bound in bounds.items():
            if name not in values:
                problems.append(f"the {which} bound of {name} belongs to no parameter")
            elif not _broadcasts(jnp.shape(bound), jnp.shape(values[name])):
                problems.append(
                    f"the {which} bound of {name} is of shape {jnp.shape(bound)}, the parameter of "
                    f"{jnp.shape(values[name])}"
                )
            else:
                matched[name].append(jnp.asarray(bound, dtype=matched[name][0].dtype))
    if problems:
        raise ValueError("\n".join(problems))
    return [(value, low, high) for value, low, high in matched.values()]


def _broadcasts(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    try:
        return jnp.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        return False
