from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from xylograph.models import JaxModule, Parameter
from xylograph.models.training import adversarial_loss, fit, mse, pga_attack

KEY = jax.random.key(0)


class TwoLayers(JaxModule):
    """`tanh(x @ w1) @ w2`."""

    def __init__(self, w1: Any, w2: Any) -> None:
        super().__init__((2, 2))
        self.w1: Any = Parameter(w1, "weights")
        self.w2: Any = Parameter(w2, "readout")

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        return jnp.tanh(input_data @ self.w1) @ self.w2, {}, {}


DRAW = np.random.default_rng(0)
NETWORK = TwoLayers(DRAW.normal(size=(2, 4)), DRAW.normal(size=(4, 2)))
INPUTS = jnp.asarray(DRAW.normal(size=(1, 20, 2)), dtype=float)
TARGET = jnp.asarray(DRAW.normal(size=(1, 20, 2)), dtype=float)


def test_the_attack_agrees_with_the_golden_numbers(training_golden: Callable[..., Any]) -> None:
    golden = training_golden("pga_attack")
    meta = golden.json("meta")
    network = TwoLayers(golden["w1"], golden["w2"])
    attacked, losses = pga_attack(
        network.parameters(),
        network,
        golden["input"][None],
        golden["net_out_original"],
        mse,
        KEY,
        **{name: meta[name] for name in ("attack_steps", "mismatch_level", "initial_std")},
    )
    # The first gradient is zero: without noise at the start the output is the original one.
    np.testing.assert_allclose(losses, golden["losses"], atol=2e-5)
    np.testing.assert_allclose(attacked["w1"], golden["theta1"], atol=2e-5)
    np.testing.assert_allclose(attacked["w2"], golden["theta2"], atol=2e-5)


def by_hand(start: dict[str, Any], target: Any, level: float, steps: int) -> tuple[Any, list]:
    """The attack in NumPy, with gradients written out; the start is where the noise led."""
    w1, w2 = (np.asarray(start[name], dtype=np.float64) for name in ("w1", "w2"))
    reach = [level * np.abs(np.asarray(one)) for one in (NETWORK.w1, NETWORK.w2)]
    x, y, losses = np.asarray(INPUTS)[0], np.asarray(target)[0], []
    for _ in range(steps):
        hidden = np.tanh(x @ w1)
        difference = hidden @ w2 - y
        losses.append(np.mean(difference**2))
        back = 2 * difference / difference.size
        g1 = x.T @ ((back @ w2.T) * (1 - hidden**2))
        g2 = hidden.T @ back
        w1, w2 = w1 + reach[0] / steps * np.sign(g1), w2 + reach[1] / steps * np.sign(g2)
    return {"w1": w1, "w2": w2}, losses


def test_the_attack_is_what_a_loop_in_numpy_does() -> None:
    options: Any = {"attack_steps": 5, "mismatch_level": 0.3}
    attacked, losses = pga_attack(
        NETWORK.parameters(), NETWORK, INPUTS, TARGET, mse, KEY, initial_std=0.0, **options
    )
    expected, expected_losses = by_hand(NETWORK.parameters(), TARGET, 0.3, 5)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    for name in expected:
        np.testing.assert_allclose(attacked[name], expected[name], rtol=1e-5)
    assert np.all(np.diff(losses) > 0)


def test_only_what_is_given_is_attacked() -> None:
    attacked, _ = pga_attack(
        NETWORK.parameters("readout"), NETWORK, INPUTS, TARGET, mse, KEY, attack_steps=2
    )
    assert attacked.keys() == {"w2"}


@pytest.mark.parametrize("project", [False, True])
def test_a_projected_attack_stays_within_its_level(project: bool) -> None:
    attacked, _ = pga_attack(
        NETWORK.parameters(),
        NETWORK,
        INPUTS,
        TARGET,
        mse,
        KEY,
        attack_steps=2,
        mismatch_level=0.05,
        initial_std=0.2,
        project=project,
    )
    moved = [np.abs(attacked[n] / NETWORK.parameters()[n] - 1).max() for n in ("w1", "w2")]
    assert (max(moved) <= 0.05 * (1 + 1e-5)) == project


def robust(parameters: Any, **options: Any) -> jax.Array:
    chosen: Any = {"mismatch_level": 0.1, "attack_steps": 3, "initial_std": 0.0} | options
    return adversarial_loss(parameters, NETWORK, INPUTS, TARGET, mse, mse, KEY, **chosen)


def test_the_robust_loss_is_the_task_and_the_harm_of_an_attack() -> None:
    parameters = NETWORK.parameters()
    original = NETWORK(INPUTS)[0]
    # Without noise the first gradient is zero; a task that differs from it starts the attack.
    _, attack_key = jax.random.split(KEY)[0], jax.random.split(KEY)[0]
    attacked, _ = pga_attack(
        parameters,
        NETWORK,
        INPUTS,
        original,
        mse,
        attack_key,
        attack_steps=3,
        mismatch_level=0.1,
        initial_std=0.05,
    )
    harm = mse(original, NETWORK.set_attributes(attacked)(INPUTS)[0])
    expected = float(mse(TARGET, original) + 0.5 * harm)
    found = robust(parameters, initial_std=0.05, beta_robustness=0.5)
    assert float(harm) > 0
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_gradient_flows_through_the_start_of_the_attack() -> None:
    """The attack's Jacobian is diagonal: `1 + level * sign(theta) / steps * sum(sign(grad))`."""
    parameters = NETWORK.parameters()
    level, steps = 0.3, 4

    def attack(parameters: Any) -> Any:
        return pga_attack(
            parameters,
            NETWORK,
            INPUTS,
            TARGET,
            mse,
            KEY,
            attack_steps=steps,
            mismatch_level=level,
            initial_std=0.0,
        )[0]

    jacobian = jax.jit(jax.jacfwd(attack))(parameters)
    attacked = attack(parameters)
    for name, other in (("w1", "w2"), ("w2", "w1")):
        theta = parameters[name]
        # What each element moved tells the sum of the signs.
        signs = np.round(np.asarray((attacked[name] - theta) / (level / steps * np.abs(theta))))
        diagonal = 1 + level / steps * np.sign(theta) * signs
        size = theta.size
        found = np.asarray(jacobian[name][name]).reshape(size, size)
        np.testing.assert_allclose(found, np.diag(np.ravel(diagonal)), atol=1e-5)
        assert np.all(np.asarray(jacobian[name][other]) == 0)
    both = jax.jit(lambda p: tuple(d(lambda p: robust(p, initial_std=0.05))(p) for d in ways))
    ways = jax.grad, jax.jacfwd
    by_reverse, by_forward = both(parameters)
    for name in ("w1", "w2"):
        np.testing.assert_allclose(by_reverse[name], by_forward[name], rtol=1e-4, atol=1e-6)


def test_noise_in_the_forward_pass_and_the_choice_of_families_count() -> None:
    @jax.jit
    def losses(parameters: Any) -> tuple[jax.Array, ...]:
        options: Any = {"initial_std": 0.05, "attack_steps": 1}
        return (
            robust(parameters, beta_robustness=0.0, **options),
            robust(parameters, **options),
            robust(parameters, noisy_forward_std=0.2, **options),
            robust(parameters, families="readout", **options),
        )

    task, plain, noisy, readout = map(float, losses(NETWORK.parameters()))
    assert task == pytest.approx(float(mse(TARGET, NETWORK(INPUTS)[0])), rel=1e-6)
    assert noisy != plain
    assert task < readout != plain


def test_a_network_trained_to_be_robust_suffers_less() -> None:
    def plain(net: Any, inputs: Any, targets: Any) -> Any:
        return mse(net(inputs)[0], targets)

    def robust(net: Any, inputs: Any, targets: Any, key: Any) -> Any:
        options: Any = {"mismatch_level": 0.1, "attack_steps": 2, "beta_robustness": 3.0}
        return adversarial_loss(net.parameters(), net, inputs, targets, mse, mse, key, **options)

    def harm(network: Any) -> float:
        original, parameters = network(INPUTS)[0], network.parameters()
        _, losses = pga_attack(
            parameters, network, INPUTS, original, mse, KEY, mismatch_level=0.1, attack_steps=4
        )
        return float(losses[-1])

    options: Any = {"optimizer": optax.adam(0.02), "epochs": 100}
    harms = [
        harm(fit(NETWORK, INPUTS, TARGET, loss=loss, **options).network) for loss in (plain, robust)
    ]
    assert harms[1] < 0.5 * harms[0]


def test_attacks_on_nothing_are_refused() -> None:
    with pytest.raises(ValueError) as caught:
        pga_attack({}, NETWORK, INPUTS, TARGET, mse, KEY, attack_steps=0)
    assert str(caught.value).splitlines() == [
        "`attack_steps` must be at least 1, got 0",
        "there are no parameters to attack; values marked `Constant` are none",
    ]


@pytest.mark.parametrize("name", ["mismatch_level", "initial_std"])
@pytest.mark.parametrize("size", [-0.1, float("nan")])
def test_a_size_below_zero_is_refused(name: str, size: float) -> None:
    options: Any = {name: size}
    with pytest.raises(ValueError, match=f"`{name}` must not be negative, got {size}"):
        pga_attack(NETWORK.parameters(), NETWORK, INPUTS, TARGET, mse, KEY, **options)
