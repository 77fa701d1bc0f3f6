from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import Constant, JaxModule, LIFJax, LinearJax, Parameter, Sequential
from xylograph.models.training import find_broken, gradient_report, mse


class Power(JaxModule):
    """`gain * x`, with a gradient that is off by a factor on its way to what is in front."""

    def __init__(self, gain: float, factor: float = 1.0) -> None:
        super().__init__(1)
        self.gain: Any = Parameter(gain)
        self.factor = factor

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        passed = jax.lax.stop_gradient(input_data)
        scaled = passed + self.factor * (input_data - passed)
        return self.gain * scaled, {}, {"seen": input_data} if record else {}


def squared(net: Any, inputs: Any, targets: Any) -> Any:
    return mse(net(inputs)[0], targets)


ONES = np.ones((2, 5, 1), dtype=np.float32)


def test_rows_are_the_gradients_of_the_loss() -> None:
    network = Sequential(Power(2.0), Power(3.0))
    report = gradient_report(network, ONES, 0 * ONES, loss=squared)
    # (2 * 3)² = 36; its derivatives by the gains are 2 * 6 * 3 and 2 * 6 * 2
    assert report.loss == 36.0
    assert [(row.layer, row.name) for row in report.rows] == [
        ("0_Power", "gain"),
        ("1_Power", "gain"),
    ]
    found = [(row.size, row.gradient, row.sensitivity) for row in report.rows]
    np.testing.assert_allclose(found, [(2.0, 36.0, 72.0), (3.0, 24.0, 72.0)], rtol=1e-6)
    # Each of ten elements: 2 * 6 * 6 / 10
    np.testing.assert_allclose(report.input_by_time, 7.2, rtol=1e-6)
    assert report.findings == {}


@pytest.mark.parametrize(
    ("factor", "finding"), [(1e-4, "vanishes"), (1e4, "explodes"), (0.0, "no gradient")]
)
def test_the_layer_in_front_of_which_gradients_are_lost_is_named(
    factor: float, finding: str
) -> None:
    network = Sequential(Power(1.0), Power(1.0), Power(1.0, factor), Power(1.0))
    report = gradient_report(network, ONES, 0 * ONES, loss=squared)
    expected = {"0_Power": finding, "1_Power": finding}
    if finding == "explodes":  # the first is like the second, which is behind it
        expected = {"1_Power": finding}
    assert report.findings == expected
    lines = str(report).splitlines()
    assert lines[0].split() == ["layer", "parameter", "size", "gradient", "sensitivity", "zero"]
    assert finding in lines[2] and finding not in lines[4]
    assert len(lines) == 6


def test_gradients_that_are_no_numbers_are_counted_and_not_added() -> None:
    def loss(net: Any, inputs: Any, targets: Any) -> Any:
        weight = net[0].weight
        return squared(net, inputs, targets) + jnp.sum(jnp.sqrt(weight - weight[0, 0]))

    network = Sequential(LinearJax((1, 3), weight=[[1.0, 2.0, 3.0]]), LinearJax((3, 1)))
    report = gradient_report(network, ONES, ONES, loss=loss)
    assert report.rows[0].n_broken == 1
    assert report.findings == {"0_LinearJax": "not finite"}
    assert np.isfinite(report.rows[0].sensitivity)
    assert "1 not finite" in str(report)


def test_silent_neurons_show_as_layers_without_gradient() -> None:
    network = Sequential(
        LinearJax((1, 4), weight=np.zeros((1, 4))),
        LIFJax(4, rng_key=jax.random.key(0)),
        LinearJax((4, 1), rng_key=jax.random.key(0)),
    )
    report = gradient_report(network, ONES, ONES, loss=squared)
    assert report.findings["0_LinearJax"] == "no gradient"
    assert [row.layer for row in report.rows][-1] == "2_LinearJax"


def test_a_layer_of_zeros_is_not_taken_for_one_that_vanishes() -> None:
    network = Sequential(Power(0.0), Power(1.0))
    report = gradient_report(network, ONES, ONES, loss=squared)
    assert report.rows[0].gradient > 0
    assert report.findings == {"1_Power": "no gradient"}


def test_a_network_without_parameters_or_input_without_time_is_refused() -> None:
    with pytest.raises(ValueError, match="the network has no parameters; values marked `Constant`"):
        gradient_report(LinearJax((1, 1), weight=Constant([[1.0]])), ONES, ONES, loss=squared)
    with pytest.raises(
        ValueError, match=r"`inputs` must be `\(batch, time, channel\)`, got \(5, 1\)"
    ):
        gradient_report(Power(1.0), ONES[0], ONES, loss=squared)
    with pytest.raises(
        ValueError, match=r"`inputs` must be `\(batch, time, channel\)`, got \(5, 1\)"
    ):
        find_broken(Power(1.0), ONES[0])


# --- find_broken ---


class BreaksAt(JaxModule):
    """Gives the root of its input, whose gradient at zero is infinite."""

    def __init__(self) -> None:
        super().__init__(1)
        self.gain: Any = Parameter(1.0)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        root = jnp.sqrt(self.gain * input_data)
        return root, {}, {"root": root}


def test_nothing_is_found_where_all_is_well() -> None:
    assert find_broken(BreaksAt(), ONES, 0 * ONES, loss=squared) == []


def test_values_are_found_with_their_first_step_in_the_order_of_cause() -> None:
    network = Sequential(Power(1.0), BreaksAt())
    raster = jnp.asarray(ONES).at[1, 3, 0].set(-1.0)
    found = find_broken(network, raster)
    assert [str(one) for one in found] == [
        "recorded `1_BreaksAt.root`: 1 not finite from step 3 on, first at (1, 0)",
        "recorded `1_BreaksAt_output`: 1 not finite from step 3 on, first at (1, 0)",
        "output: 1 not finite from step 3 on, first at (1, 0)",
    ]


def test_parameters_and_states_that_are_broken_already_come_first() -> None:
    network = Sequential(LinearJax((1, 2), weight=[[1.0, np.nan]]), LIFJax(2))
    network = network.set_attributes({"1_LIFJax": {"vmem": [np.inf, 0.0]}})
    found = find_broken(network, ONES)
    assert [(one.what, one.name, one.step, one.index) for one in found[:2]] == [
        ("parameter", "0_LinearJax.weight", None, (0, 1)),
        ("state", "1_LIFJax.vmem", None, (0,)),
    ]
    assert all(one.step == 0 for one in found[2:])


def test_a_gradient_that_breaks_is_found_with_the_step_where_it_does() -> None:
    network = Sequential(Power(2.0), BreaksAt())
    raster = jnp.asarray(ONES).at[0, 2, 0].set(0.0)
    found = find_broken(network, raster, 0 * ONES + 1.0, loss=squared)
    assert [(one.what, one.name, one.step) for one in found] == [
        ("gradient", "0_Power.gain", None),
        ("gradient", "1_BreaksAt.gain", None),
        ("gradient", "input", 2),
    ]
    assert str(found[-1]) == "gradient `input`: 1 not finite up to step 2, first at (0, 0)"


def test_a_loss_that_is_no_number_is_named() -> None:
    found = find_broken(Power(1.0), ONES, jnp.full((2, 5, 1), jnp.nan), loss=squared)
    assert found[0].what == "loss"
    assert str(found[0]) == "loss: 1 not finite, first at ()"
