from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from xylograph.models import JaxModule, LinearJax, Parameter, State
from xylograph.models.training import TrainState, TrainStep, evaluate, fit, mse


class Noisy(JaxModule):
    """`slope * x` and noise."""

    def __init__(self, slope: float = 1.0) -> None:
        super().__init__(1)
        self.slope: Any = Parameter(slope)
        self.rng_key: Any = State(jax.random.key_data(jax.random.key(0)))

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        return self.slope * input_data, {}, {"noise": jax.random.normal(self.rng_key)}


def squared(net: Any, inputs: Any, targets: Any) -> Any:
    return mse(net(inputs)[0], targets)


def with_noise(net: Any, inputs: Any, targets: Any, key: Any) -> Any:
    noise = net(inputs)[2]["noise"]
    return squared(net, inputs, targets), {"noise": noise, "draw": jax.random.normal(key)}


DATA = np.arange(12.0).reshape((6, 2, 1))
SGD = optax.sgd(0.01)


def test_a_loop_of_ones_own_does_what_fit_does() -> None:
    network, order = Noisy(), np.random.default_rng(3).permutation(6)
    step = TrainStep(with_noise, SGD)
    state = step.init(network, seed=3)
    for start in (0, 2, 4):
        batch = DATA[order[start : start + 2]]
        state, figures = step(state, network, batch, 3 * batch)
    fitted = fit(
        network, DATA, 3 * DATA, loss=with_noise, optimizer=SGD, steps=3, batch_size=2, seed=3
    )
    assert float(fitted.network.slope) == float(state.parameters["slope"]) != 1.0
    assert set(figures) == {"loss", "noise", "draw"}
    assert int(state.n_steps) == 3


def test_noise_and_draws_differ_from_step_to_step_and_not_in_the_figures() -> None:
    network, step = Noisy(), TrainStep(with_noise, optax.sgd(0.0))
    state, seen = step.init(network), []
    for _ in range(3):
        state, figures = step(state, network, DATA, DATA)
        seen.append((float(figures["noise"]), float(figures["draw"])))
    assert len({noise for noise, _ in seen}) == len({draw for _, draw in seen}) == 3
    found = [step.figures(state.parameters, network, DATA, DATA) for _ in range(2)]
    assert found[0] == found[1]
    assert float(found[0]["noise"]) == float(network(DATA)[2]["noise"])
    other = step.init(network, seed=1)
    _, figures = step(other, network, DATA, DATA)
    assert float(figures["draw"]) != seen[0][1]


def test_the_loss_sees_transformed_parameters_and_the_optimizer_those_before() -> None:
    seen: list[Any] = []

    def doubled(parameters: Any, key: Any) -> Any:
        seen.append(key is None)
        return {"slope": 2 * parameters["slope"]}

    network, step = Noisy(3.0), TrainStep(squared, SGD, doubled)
    ones = np.ones((1, 1, 1))
    state, figures = step(step.init(network), network, ones, 0 * ones)
    assert float(figures["loss"]) == 36.0
    # d/ds (2 s)² = 8 s = 24
    assert float(state.parameters["slope"]) == pytest.approx(3.0 - 0.24, rel=1e-6)
    step.figures(state.parameters, network, ones, ones)
    assert seen == [False, True]


def test_optimizers_may_ask_for_the_loss() -> None:
    plateau = optax.contrib.reduce_on_plateau(factor=0.5, patience=1)
    optimizer = optax.chain(optax.sgd(0.0), plateau)
    network, step = Noisy(), TrainStep(squared, optimizer)
    state = step.init(network)
    for _ in range(4):
        state, _ = step(state, network, DATA, 0 * DATA)
    assert float(state.optimizer_state[1].scale) < 1.0


def test_equal_steps_share_what_was_compiled() -> None:
    traced = []

    def loss(net: Any, inputs: Any, targets: Any) -> Any:
        traced.append(1)
        return squared(net, inputs, targets)

    for _ in range(2):
        step = TrainStep(loss, SGD)
        state = step.init(Noisy())
        for _ in range(2):
            state, _ = step(state, Noisy(), DATA, DATA)
    assert len(traced) == 1


def test_weak_types_of_an_optimizer_do_not_compile_again() -> None:
    traced = []

    def loss(net: Any, inputs: Any, targets: Any) -> Any:
        traced.append(1)
        return squared(net, inputs, targets)

    weak = optax.stateless(lambda updates, params: updates)
    weak = weak._replace(
        init=lambda params: 1.0, update=lambda updates, state, params: (updates, 1.0)
    )
    step = TrainStep(loss, optax.chain(SGD, weak))
    state: TrainState = step.init(Noisy())
    for _ in range(3):
        state, _ = step(state, Noisy(), DATA, DATA)
    assert len(traced) == 1


@dataclass
class Unhashable:
    def __call__(self, net: Any, inputs: Any, targets: Any) -> Any:
        return squared(net, inputs, targets)


def test_what_cannot_be_hashed_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"`loss` cannot be hashed \(.*\), so compiled code would no"
    ):
        TrainStep(Unhashable(), SGD)
    with pytest.raises(TypeError, match="`transform` cannot be hashed"):
        fit(Noisy(), DATA, DATA, loss=squared, optimizer=SGD, epochs=1, transform=Unhashable())


def test_a_loss_or_figure_with_axes_is_refused() -> None:
    def loss(net: Any, inputs: Any, targets: Any) -> Any:
        output = net(inputs)[0]
        return mse(output, targets), {"rates": output.mean(axis=(0, 1)), "fine": output.mean()}

    message = r"must be scalars; these have axes: `rates` \(1,\); take their mean"
    with pytest.raises(ValueError, match=message):
        fit(Noisy(), DATA, DATA, loss=loss, optimizer=SGD, epochs=1)


# --- evaluate ---


def test_each_sample_has_the_same_weight_also_in_a_smaller_last_batch() -> None:
    network = LinearJax((1, 1), weight=[[2.0]])
    found = evaluate(network, DATA, DATA, loss=squared, batch_size=4)
    assert found == {"loss": pytest.approx(np.mean(DATA**2), rel=1e-6)}


def test_evaluating_starts_from_the_reset_state_and_transforms_without_a_key() -> None:
    def loss(net: Any, inputs: Any, targets: Any) -> Any:
        return squared(net, inputs, targets), {"key": net.rng_key[0] + net.rng_key[1]}

    moved = Noisy().set_attributes({"rng_key": np.array([5, 5], dtype=np.uint32)})
    seen: list[Any] = []

    def negated(parameters: Any, key: Any) -> Any:
        seen.append(key)
        return jax.tree.map(jnp.negative, parameters)

    found = evaluate(moved, DATA, -DATA, loss=loss, transform=negated)
    assert found == {"loss": 0.0, "key": 0.0}
    assert seen == [None]


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (DATA[:2], {}, "`inputs` and `targets` must hold equal numbers of samples and at least"),
        (DATA, {"batch_size": 0}, "`batch_size` must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(inputs: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        partial(evaluate, Noisy(), inputs, DATA, loss=squared)(**options)
