"""The three exponential filters."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from xylograph.models import ExpSmoothJax, ExpSynJax, JaxModule, LowPassJax

CLASSES = [ExpSynJax, ExpSmoothJax, LowPassJax]
EACH = pytest.mark.parametrize("cls", CLASSES)
STATES = {ExpSynJax: "isyn", ExpSmoothJax: "activation", LowPassJax: "v"}
TAUS = np.array([5e-3, 20e-3])
DATA = np.random.default_rng(0).normal(size=(2, 15, 2)).astype(np.float32)


def convolved(data: np.ndarray, tau: np.ndarray, first: int) -> np.ndarray:
    """The sum over all earlier inputs, each decayed `first` steps and one for each since."""
    n_time = data.shape[1]
    ages = np.arange(n_time)[:, None] - np.arange(n_time)
    kernel = np.where(ages >= 0, np.exp(-(ages + first) * 1e-3 / tau[:, None, None]), 0.0)
    return np.einsum("nts,bsn->btn", kernel, data)


@EACH
def test_each_is_a_convolution_with_its_kernel(cls: Any) -> None:
    expected = convolved(DATA, TAUS, first=1 if cls is ExpSynJax else 0)
    np.testing.assert_allclose(cls(2, tau=TAUS)(DATA)[0], expected, atol=1e-5)


@EACH
def test_a_state_decays_by_itself(cls: Any) -> None:
    module = cls(2, tau=TAUS).set_attributes({STATES[cls]: [1.0, -2.0]})
    output, state, _ = module(np.zeros((15, 2)))
    np.testing.assert_allclose(output[0, -1], [1.0, -2.0] * np.exp(-15e-3 / TAUS), rtol=1e-5)
    np.testing.assert_array_equal(state[STATES[cls]], output[0, -1])


@EACH
def test_gradients_are_differences(cls: Any, x64: None) -> None:
    module = cls(2, tau=TAUS)
    weights = np.random.default_rng(1).normal(size=(2, 15, 2))

    def loss(tau: Any, state: Any, data: Any) -> jax.Array:
        return jnp.sum(weights * module.set_attributes({"tau": tau, STATES[cls]: state})(data)[0])

    at = (TAUS, np.ones(2), DATA.astype(np.float64))
    check_grads(jax.jit(loss), at, order=1, modes=["rev"], eps=1e-6)


@EACH
@pytest.mark.parametrize("tau", [0.01, [0.01], np.array(0.01)])
def test_one_time_constant_serves_all_channels(cls: Any, tau: Any) -> None:
    scalar, vector = cls(2, tau=tau), cls(2, tau=[0.01, 0.01])
    assert scalar.tau.shape == ()
    np.testing.assert_array_equal(scalar(DATA)[0], vector(DATA)[0])


@pytest.mark.parametrize(
    ("module", "tau", "shape"),
    [(ExpSynJax(2), 10e-3, (2,)), (ExpSmoothJax(2), 100e-3, ()), (LowPassJax(2), 20e-3, (2,))],
)
def test_the_default_time_constants(module: Any, tau: float, shape: tuple) -> None:
    np.testing.assert_allclose(module.tau, np.full(shape, tau), rtol=1e-6)
    assert list(module.parameters("taus")) == ["tau"]


def test_only_smoothing_records_and_applies_a_function() -> None:
    output, _, record = ExpSmoothJax(2, activation_fun=jnp.tanh)(DATA, record=True)
    np.testing.assert_allclose(output, np.tanh(record["activation"]), atol=1e-6)
    assert [cls(2)(DATA, record=True)[2] for cls in (ExpSynJax, LowPassJax)] == [{}, {}]


def test_synapses_take_spikes_and_give_currents() -> None:
    synapse = ExpSynJax(2)
    assert (synapse.spiking_input, synapse.spiking_output) == (True, False)


@EACH
@pytest.mark.parametrize("shape", [(2, 3), None, 0])
def test_other_shapes_are_refused(cls: Any, shape: Any) -> None:
    with pytest.raises(ValueError, match=f"`{cls.__name__}` takes the shape `N` or"):
        cls(shape)


@EACH
def test_everything_that_makes_no_sense_is_said_at_once(cls: Any) -> None:
    with pytest.raises(ValueError) as caught:
        cls(2, tau=[0.01, -1], dt="1 ms")
    assert str(caught.value).splitlines() == [
        f"{cls.__name__}: `dt` must be a number, got '1 ms'",
        "`tau` must be positive, got [ 0.01 -1.  ]",
    ]


def test_negative_noise_and_what_is_no_function_are_refused() -> None:
    with pytest.raises(ValueError, match="ExpSynJax: `noise_std` must not be negative, got -0.1"):
        ExpSynJax(2, noise_std=-0.1)
    with pytest.raises(ValueError, match="ExpSmoothJax: `activation_fun` must be callable, got 1"):
        ExpSmoothJax(2, activation_fun=1)


@EACH
def test_64_bit_floats_are_used_where_these_are_on(cls: Any, x64: None) -> None:
    output, state, _ = cls(2)(DATA)
    assert {output.dtype, state[STATES[cls]].dtype} == {np.dtype("float64")}


def stepped(module: JaxModule, n_calls: int) -> list[Any]:
    outputs = []
    for _ in range(n_calls):
        output, state, _ = module(np.zeros((8, 2)))
        module = module.set_attributes({"rng_key": state["rng_key"]})
        outputs.append(output)
    return outputs


def test_noise_on_synapses_differs_from_call_to_call_and_repeats_from_its_key() -> None:
    module = ExpSynJax(2, noise_std=1.0, rng_key=jax.random.key(0))
    first, second = stepped(module, 2)
    assert np.any(first != second)
    np.testing.assert_array_equal(stepped(module, 1)[0], first)
    typed = ExpSynJax(2, noise_std=1.0, rng_key=jax.random.key_data(jax.random.key(0)))
    np.testing.assert_array_equal(stepped(typed, 1)[0], first)


def test_noise_is_filtered_like_input() -> None:
    # A long time constant sums it up: a random walk of `noise_std` in one second.
    module = ExpSynJax(1000, tau=1e9, noise_std=0.5, dt=0.01, rng_key=jax.random.key(0))
    output = np.asarray(module(np.zeros((1, 100, 1000)))[0])
    assert output[0, -1].std() == pytest.approx(0.5, rel=0.1)
    assert output[0, 24].std() == pytest.approx(0.25, rel=0.1)


def test_without_noise_the_key_stays() -> None:
    module = ExpSynJax(2)
    np.testing.assert_array_equal(module(DATA)[1]["rng_key"], module.rng_key)
