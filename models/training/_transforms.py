"""Parameter transforms: what a loss sees in place of the parameters that are trained.

A value function takes an array and gives one of the same shape. Rounding is straight-through:
forward it rounds, backward it is the identity. Random ones have a parameter `key`; without a key,
when a network is evaluated, they round to nearest or leave things as they are. `by_family` makes a
transform of all parameters from them, for `fit`, `TrainStep` or a loss of one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ..module import JaxModule, Tree
from ._step import takes_key

ValueFunction = Callable[..., Any]
Axis = int | tuple[int, ...] | None


@dataclass(frozen=True)
class FamilyTransform:
    """Value functions for some of a network's parameters; made by `by_family`.

    Attributes:
        functions: names of a parameter, from the outermost module in, and what is applied to it.
    """

    functions: tuple[tuple[tuple[str, ...], tuple[ValueFunction, ...]], ...]

    def __call__(self, parameters: Tree, key: Any = None) -> Tree:
        """Parameters after their functions.

        Args:
            parameters: as `network.parameters()` gives them; they stay as they are.
            key: a JAX random key, from which each function that takes one gets its own.

        Raises:
            KeyError: a parameter is not there.
        """
        for number, (names, functions) in enumerate(self.functions):
            for position, function in enumerate(functions):
                own = None
                if key is not None:
                    own = jax.random.fold_in(jax.random.fold_in(key, number), position)
                parameters = _replaced(parameters, names, function, own)
        return parameters


def by_family(
    network: JaxModule, functions: Mapping[str, ValueFunction | Sequence[ValueFunction]]
) -> FamilyTransform:
    """A transform that applies value functions to all parameters of a family.

    Args:
        network: whose parameters; only their names and families are looked at.
        functions: one value function, or several in order, by family (`weights`, `taus`, `bias`,
            `threshold`, ...). Options are bound by `functools.partial`.

    Returns:
        `transform(parameters, key=None)`. What it is given stays as it is; families that are not
        named pass unchanged.

    Raises:
        ValueError: a family that no parameter is of.

    >>> from functools import partial
    >>> from xylograph.models import LinearJax
    >>> network = LinearJax((2, 1), weight=[[0.5], [-1.0]])
    >>> quantize = by_family(network, {"weights": partial(int_quant, n_bits=3)})
    >>> quantize(network.parameters())["weight"].ravel()
    Array([ 2., -3.], dtype=float32)
    >>> network = network.set_attributes(quantize(network.parameters()))  # for good
    """
    chosen: dict[tuple[str, ...], tuple[ValueFunction, ...]] = {}
    missing = []
    for family, given in functions.items():
        paths = list(_paths(network.parameters(family), ()))
        if not paths:
            missing.append(family)
        each = (given,) if callable(given) else tuple(given)
        for path in paths:
            chosen[path] = chosen.get(path, ()) + each
    if missing:
        raise ValueError(
            f"no parameter is of the families {', '.join(map(repr, missing))}; values marked "
            "`Constant`, and fields that are not `trainable` in a chip core, are none"
        )
    return FamilyTransform(tuple(chosen.items()))


def straight_through(
    function: Callable[[Array], Array],
) -> Callable[[ArrayLike], Float[Array, "*shape"]]:
    """A function that acts forward as it does, and backward as the identity.

    Args:
        function: any function of an array that keeps its shape, such as `jnp.round`.

    Returns:
        The function; its values are exactly those of `function`.

    >>> halves = straight_through(lambda x: jnp.round(2 * x) / 2)
    >>> float(halves(0.7)), float(jax.grad(halves)(0.7))
    (0.5, 1.0)
    """

    def passing(value: ArrayLike) -> Float[Array, "*shape"]:
        value = jnp.asarray(value, dtype=float)
        # Not `value + stop_gradient(function(value) - value)`, which may be off by a rounding.
        nothing = value - jax.lax.stop_gradient(value)
        return jax.lax.stop_gradient(function(value)) + nothing

    return passing


def round_passthrough(value: ArrayLike) -> Float[Array, "*shape"]:
    """Values rounded half to even, with the gradient of the identity.

    Args:
        value: any array.

    >>> round_passthrough(jnp.array([0.5, 1.5]))
    Array([0., 2.], dtype=float32)
    """
    return straight_through(jnp.round)(value)


def floor_passthrough(value: ArrayLike) -> Float[Array, "*shape"]:
    """Values rounded down, with the gradient of the identity.

    Args:
        value: any array.

    >>> floor_passthrough(jnp.array([-0.5, 1.5]))
    Array([-1.,  1.], dtype=float32)
    """
    return straight_through(jnp.floor)(value)


def int_quant(
    value: ArrayLike,
    maintain_zero: bool = True,
    map_to_max: bool = False,
    n_bits: int = 8,
    max_n_bits: int = 8,
    axis: Axis = None,
) -> Float[Array, "*shape"]:
    """Whole numbers of so many bits, scaled so that the largest uses them.

    Zero stays zero and the range is symmetric, `±(2^(n_bits - 1) - 1)`. The values are not scaled
    back; `deterministic_rounding` keeps the scale.

    Args:
        value: any array.
        maintain_zero: whether zero stays zero; otherwise half of the range is taken off first.
        map_to_max: whether to spread the levels over the range of `max_n_bits`.
        n_bits: how many bits the levels need.
        max_n_bits: bits of the range for `map_to_max`.
        axis: axes that share a scale; `None` for one scale for all. With 0, each column of a weight
            matrix, each target neuron, has its own.

    Returns:
        Whole numbers as floats, rounded half to even.

    Raises:
        ValueError: fewer than 2 bits.

    Source: training facts, section 6; golden values in
    `tests/models/training/golden/qat_transforms.npz`.

    >>> int_quant(jnp.array([0.0, 0.3, -1.0]), n_bits=4)
    Array([ 0.,  2., -7.], dtype=float32)
    """
    if min(n_bits, max_n_bits) < 2:
        raise ValueError(f"2 bits or more are needed, got {n_bits} and {max_n_bits}")
    array = jnp.asarray(value, dtype=float)
    if not maintain_zero:
        array = array - (_max(array, axis) - _min(array, axis)) / 2
    largest = _max(jnp.abs(array), axis)
    levels = 2 ** (n_bits - 1) - 1
    scale = jnp.where(largest > 0, levels / jnp.where(largest > 0, largest, 1.0), 1.0)
    if map_to_max:
        scale = scale * (2 ** (max_n_bits - 1) - 1) / levels
    return round_passthrough(scale * array)


def deterministic_rounding(
    value: ArrayLike,
    input_range: tuple[ArrayLike, ArrayLike] | None = None,
    output_range: tuple[ArrayLike, ArrayLike] | None = None,
    num_levels: int = 256,
    maintain_zero: bool = True,
    axis: Axis = None,
) -> Float[Array, "*shape"]:
    """The nearest of evenly spaced levels.

    Args:
        value: any array.
        input_range: lowest and highest level. By default the largest magnitude with both signs, or
            without `maintain_zero` the least and the largest value.
        output_range: what the levels become; by default the input range, so that the scale stays.
        num_levels: how many levels. Only an odd number has a level at zero in a symmetric range.
        maintain_zero: whether the default range is symmetric.
        axis: axes that share the default range; `None` for one range for all. With 0, each column
            of a weight matrix, each target neuron, has its own.

    Raises:
        ValueError: fewer than 2 levels.

    Source: training facts, section 6; golden values in
    `tests/models/training/golden/qat_transforms.npz`.

    >>> deterministic_rounding(jnp.array([0.1, 0.3, -1.0]), num_levels=5)
    Array([ 0. ,  0.5, -1. ], dtype=float32)
    """
    ranges = input_range, output_range
    return _to_levels(value, *ranges, num_levels, maintain_zero, axis, round_passthrough)


def stochastic_rounding(
    value: ArrayLike,
    input_range: tuple[ArrayLike, ArrayLike] | None = None,
    output_range: tuple[ArrayLike, ArrayLike] | None = None,
    num_levels: int = 256,
    maintain_zero: bool = True,
    axis: Axis = None,
    *,
    key: Any = None,
) -> Float[Array, "*shape"]:
    """One of the two nearest of evenly spaced levels, drawn so that the mean is the value.

    Args:
        value: any array.
        input_range: as for `deterministic_rounding`, and so are the next four.
        output_range: what the levels become.
        num_levels: how many levels.
        maintain_zero: whether the default range is symmetric.
        axis: axes that share the default range.
        key: a JAX random key; without one, the nearest level.

    Raises:
        ValueError: fewer than 2 levels.

    Source: training facts, section 6.

    >>> half = jnp.full(1000, 0.5).at[0].set(1.0)
    >>> rounded = stochastic_rounding(half, num_levels=3, key=jax.random.key(0))
    >>> bool(jnp.all((rounded == 0) | (rounded == 1))), bool(abs(rounded.mean() - 0.5) < 0.05)
    (True, True)
    """

    def round_at_random(levels: Array) -> Array:
        if key is None:
            return round_passthrough(levels)
        draws = jax.random.uniform(key, levels.shape, levels.dtype)
        return straight_through(lambda x: jnp.floor(x) + (x - jnp.floor(x) > draws))(levels)

    ranges = input_range, output_range
    return _to_levels(value, *ranges, num_levels, maintain_zero, axis, round_at_random)


def round_tau(tau: ArrayLike, dt: float, max_dash: int = 15) -> Float[Array, "*shape"]:
    """The time constant a chip's decay shift gives, straight-through.

    The shift is `log2(tau / dt)`, rounded, at least 1; the time constant is that of `dash_to_tau`.

    Args:
        tau: time constants [s].
        dt: length of a step [s].
        max_dash: largest shift of the chip [bits].

    Raises:
        ValueError: a `dt` that is not positive.

    >>> round(float(round_tau(0.02, dt=1e-3)), 5)
    0.01549
    """
    if not dt > 0:
        raise ValueError(f"`dt` must be positive, got {dt}")

    def nearest(value: Array) -> Array:
        dash = jnp.clip(jnp.round(jnp.log2(value / dt)), 1, max_dash)
        return -dt / jnp.log1p(-jnp.exp2(-dash))

    return straight_through(nearest)(tau)


def dropout(
    value: ArrayLike, dropout_prob: ArrayLike = 0.5, *, key: Any = None
) -> Float[Array, "*shape"]:
    """Values of which some, drawn anew with each key, are zero; the others are not scaled.

    Args:
        value: any array, such as weights.
        dropout_prob: how likely each is zero.
        key: a JAX random key; without one nothing is.

    Source: training facts, section 6.

    >>> kept = dropout(jnp.ones(1000), 0.2, key=jax.random.key(0))
    >>> bool(abs(kept.mean() - 0.8) < 0.05)
    True
    """
    array = jnp.asarray(value, dtype=float)
    if key is None:
        return array
    return jnp.where(jax.random.bernoulli(key, dropout_prob, array.shape), 0.0, array)


def _to_levels(
    value: ArrayLike,
    input_range: tuple[ArrayLike, ArrayLike] | None,
    output_range: tuple[ArrayLike, ArrayLike] | None,
    num_levels: int,
    maintain_zero: bool,
    axis: Axis,
    rounded: Callable[[Array], Array],
) -> Float[Array, "*shape"]:
    if num_levels < 2:
        raise ValueError(f"`num_levels` must be at least 2, got {num_levels}")
    array = jnp.asarray(value, dtype=float)
    if input_range is not None:
        low, high = jnp.asarray(input_range[0]), jnp.asarray(input_range[1])
    elif maintain_zero:
        high = _max(jnp.abs(array), axis)
        low = -high
    else:
        low, high = _min(array, axis), _max(array, axis)
    out_low, out_high = (low, high) if output_range is None else output_range
    # A range without width has one level: the value itself.
    step = jnp.where(high > low, (high - low) / (num_levels - 1), 1.0)
    out_step = (jnp.asarray(out_high) - out_low) / (num_levels - 1)
    return rounded((array - low) / step) * out_step + out_low


def _max(array: Array, axis: Axis) -> Array:
    return jnp.max(array, axis=axis, keepdims=axis is not None)


def _min(array: Array, axis: Axis) -> Array:
    return jnp.min(array, axis=axis, keepdims=axis is not None)


def _paths(tree: Tree, outer: tuple[str, ...]) -> Any:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _paths(value, (*outer, name))
        else:
            yield (*outer, name)


def _replaced(tree: Tree, names: tuple[str, ...], function: ValueFunction, key: Any) -> Tree:
    """A tree with a function applied to one leaf; the rest is shared."""
    first, *rest = names
    if rest:
        return {**tree, first: _replaced(tree[first], tuple(rest), function, key)}
    options = {"key": key} if takes_key(function) else {}
    return {**tree, first: function(tree[first], **options)}
