"""Classes that flatten themselves: modules of the older kind, built again by their constructor."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import (
    JaxModule,
    LIFJax,
    LinearJax,
    Parameter,
    Sequential,
    SimulationParameter,
    State,
)


class FourChildren(JaxModule):
    """Hands over what the inspectors give, and fills a new module attribute by attribute."""

    def __init__(self, shape: Any = (2,), **kwargs: Any) -> None:
        super().__init__(shape, **kwargs)
        self.gain: Any = Parameter(np.ones(self.size_in), "gains")
        self.last: Any = State(np.zeros(self.size_in))
        self.dt: Any = SimulationParameter(1e-3)
        self.mode: Any = SimulationParameter("plain")
        self.shaping: Any = SimulationParameter(jnp.abs)
        self.weights = LinearJax((2, 2), weight=np.eye(2))
        self.neurons = LIFJax(2, rng_key=jax.random.key(0))

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        assert self.dt < 1, "static, so that it can be asked under jit"
        data, (last,) = self._auto_batch(input_data, (self.last,))
        data, _, _ = self.weights(self.shaping(data) * self.gain)
        output, new_state, _ = self.neurons(data)
        state = {**self._new_state({"last": last + 1}), "neurons": new_state}
        return output, state, {}

    def tree_flatten(self) -> tuple[Any, Any]:
        children = (
            self.parameters(),
            self.simulation_parameters(),
            self.state(),
            self.modules(),
        )
        return children, [self.shape]

    @classmethod
    def tree_unflatten(cls, aux_data: Any, children: Any) -> "FourChildren":  # pyright: ignore
        parameters, simulation, state, modules = children
        (shape,) = aux_data
        new = cls(shape=shape)
        for name, module in modules.items():
            setattr(new, name, module)
        for tree in (parameters, simulation, state):
            new = new.set_attributes(tree)
        return new


DATA = np.full((4, 2), 0.7, np.float32)


def assert_same(found: Any, wanted: Any) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def built(gain: Any = (2.0, 3.0)) -> FourChildren:
    module = FourChildren(2)
    module.gain = list(gain)
    module.weights.weight = [[1.0, 0.5], [0.0, 1.0]]
    return module


def by_scan(module: Any) -> Any:
    def step(carried: Any, _: Any) -> Any:
        output, new_state, _ = carried(DATA)
        return carried.set_attributes(new_state), output

    return jax.lax.scan(step, module, None, length=1)[1][0]


TRANSFORMED: dict[str, Callable[[Any], Any]] = {
    "jit": lambda module: jax.jit(lambda m: m(DATA)[0])(module),
    "method": lambda module: module.jit()(DATA)[0],
    "checkpoint": lambda module: jax.checkpoint(lambda m: m(DATA)[0])(module),
    "scan": by_scan,
    "vmap": lambda module: jax.vmap(lambda m: m(DATA)[0])(
        jax.tree.map(lambda leaf: leaf[None], module)
    )[0],
    "child": lambda module: Sequential(module).jit()(DATA)[0],
}


@pytest.mark.parametrize("transformed", TRANSFORMED.values(), ids=TRANSFORMED)
def test_what_jax_makes_of_it_gives_what_it_gives(transformed: Callable[[Any], Any]) -> None:
    assert_same(transformed(built()), built()(DATA)[0])


def test_it_can_be_differentiated_by_its_parameters_and_as_a_whole() -> None:
    def loss(module: Any) -> jax.Array:
        return module(DATA)[0].sum()

    by_parameters = jax.grad(lambda p, module: loss(module.set_attributes(p)))
    gradient = by_parameters(built().parameters(), built())
    assert np.all(gradient["gain"] != 0)
    assert_same(jax.jit(by_parameters)(built().parameters(), built()), gradient)
    whole = jax.grad(loss, allow_int=True)(built())
    assert_same(whole.parameters(), gradient)


def test_stacked_modules_give_what_each_gives() -> None:
    modules = [built(), built((0.5, 0.25))]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *modules)
    outputs = jax.vmap(lambda module: module(DATA)[0])(stacked)
    for module, output in zip(modules, outputs, strict=True):
        assert_same(output, module(DATA)[0])


def test_only_arrays_are_leaves_and_what_is_static_comes_back() -> None:
    leaves, structure = jax.tree.flatten(built())
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)
    again = jax.tree.unflatten(structure, leaves)
    assert (again.dt, again.mode, again.shaping) == (1e-3, "plain", jnp.abs)


def test_leaves_have_paths() -> None:
    paths = [jax.tree_util.keystr(p) for p, _ in jax.tree_util.tree_leaves_with_path(built())]
    assert ".children[0]['gain']" in paths
    assert ".children[3]['neurons'].vmem" in paths


def test_it_keeps_the_name_it_has_in_its_parent() -> None:
    network = Sequential({"inner": built()})
    doubled = jax.tree.map(lambda leaf: leaf * 2, network)
    np.testing.assert_array_equal(doubled.parameters()["inner"]["gain"], [4, 6])
    assert doubled["inner"].name == "'inner'"


def test_it_compiles_once_for_equal_structures_and_again_for_others() -> None:
    traced = []

    @jax.jit
    def run(module: Any) -> Any:
        traced.append(module.mode)
        return module(DATA)[0]

    for module in (built(), built((1.0, 1.0)), built().set_attributes({"mode": "other"})):
        run(module)
    assert traced == ["plain", "other"]


def test_a_number_made_traced_stays_so_in_it_and_in_its_children() -> None:
    traced = built().set_attributes({"neurons": {"dt": jnp.array(5e-3)}})
    assert_same(traced.jit()(DATA)[0], traced(DATA)[0])


def test_its_values_are_checked_as_before_once_it_is_built() -> None:
    jax.tree.map(lambda leaf: leaf, built())
    with pytest.raises(ValueError, match=r"FourChildren: `gain` must be of shape \(2,\)"):
        built().set_attributes({"gain": np.ones(3)})
    with pytest.raises(ZeroDivisionError):
        jax.tree.map(lambda leaf: 1 // 0, built())
    with pytest.raises(ValueError, match=r"FourChildren: `gain` must be of shape \(2,\)"):
        built().gain = np.ones(3)


def test_it_goes_on_with_a_batch() -> None:
    batch = np.stack([DATA, 2 * DATA])
    module = built().batch_state(2)
    module = module.set_attributes(module.jit()(batch)[1])
    assert module.jit()(batch)[1]["last"].tolist() == [[2.0, 2.0], [2.0, 2.0]]
