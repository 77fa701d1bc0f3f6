from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import Constant, LIFJax, LinearJax, Sequential
from xylograph.models.training import bit_flips, gaussian_noise, mismatch_generator

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def network() -> Any:
    return Sequential(
        LinearJax((100, 100), rng_key=KEY),
        LIFJax(100, tau_mem=Constant(np.full(100, 0.02)), rng_key=KEY),
    )


def test_relative_noise_grows_with_the_value_and_absolute_noise_does_not() -> None:
    values = jnp.repeat(jnp.array([0.0, 0.5, -4.0]), 20_000).reshape((3, -1))
    relative = gaussian_noise(values, 0.1, key=KEY) - values
    np.testing.assert_allclose(relative.std(axis=1), [0.0, 0.05, 0.4], rtol=0.03)
    np.testing.assert_allclose(relative.mean(axis=1), 0, atol=0.01)
    absolute = gaussian_noise(values, 0.1, relative=False, key=KEY) - values
    np.testing.assert_allclose(absolute.std(axis=1), 0.1, rtol=0.03)


def test_the_gradient_does_not_see_the_noise() -> None:
    gradient = jax.grad(lambda v: jnp.sum(gaussian_noise(v, 0.5, key=KEY) ** 1))(jnp.ones(4))
    np.testing.assert_array_equal(gradient, 1)


def test_without_a_key_there_is_no_noise() -> None:
    values = np.random.default_rng(0).normal(size=7).astype(np.float32)
    np.testing.assert_array_equal(gaussian_noise(values, 1.0), values)


def flipped_in_python(value: int, n_bits: int) -> int:
    """All bits flipped, by way of the written number."""
    bits = format(value % 2**n_bits, f"0{n_bits}b")
    other = int("".join("1" if bit == "0" else "0" for bit in bits), 2)
    return other - 2**n_bits if other >= 2 ** (n_bits - 1) else other


@pytest.mark.parametrize("n_bits", [2, 8])
def test_flipping_all_bits_of_every_integer(n_bits: int) -> None:
    integers = np.arange(-(2 ** (n_bits - 1)), 2 ** (n_bits - 1))
    found = bit_flips(integers.astype(np.float32), 1.0, n_bits, step=1.0, key=KEY)
    np.testing.assert_array_equal(found, [flipped_in_python(int(one), n_bits) for one in integers])


def test_each_bit_flips_as_often_as_it_should() -> None:
    found = np.asarray(bit_flips(jnp.zeros(20_000), 0.1, step=1.0, key=KEY)).astype(int) % 256
    for bit in range(8):
        share = np.mean((found >> bit) & 1)
        assert share == pytest.approx(0.1, abs=5 * np.sqrt(0.09 / 20_000))


def test_without_flips_values_are_rounded_to_steps() -> None:
    values = np.random.default_rng(0).normal(size=50).astype(np.float32)
    step = np.abs(values).max() / 127
    for key in (None, KEY):
        found = bit_flips(values, 0.0, key=key)
        np.testing.assert_allclose(found, np.round(values / step) * step, atol=1e-6)
    np.testing.assert_array_equal(bit_flips(np.zeros(3), 0.0), 0)
    np.testing.assert_array_equal(bit_flips(np.array([300.0, -300.0]), 0.0, step=1.0), [127, -128])
    gradient = jax.grad(lambda v: jnp.sum(bit_flips(v, 0.5, key=KEY)))(jnp.asarray(values))
    np.testing.assert_array_equal(gradient, 1)


def test_more_bits_than_a_float_holds_are_refused() -> None:
    with pytest.raises(
        ValueError, match="`n_bits` must be 2 to 24, which float32 holds exactly, g"
    ):
        bit_flips(np.ones(2), 0.1, 25)


# --- mismatch ---


def relative(found: Any, before: Any) -> np.ndarray:
    return np.asarray(found / before - 1).ravel()


# The network's weights were drawn from the same key: their signs must not show in the deviations.
def test_mismatch_has_the_spread_that_was_asked_for(network: Any) -> None:
    found = mismatch_generator("weights", 0.3, 3.0)(network, KEY)
    assert found.keys() == {"0_LinearJax"}
    deviation = relative(found["0_LinearJax"]["weight"], network[0].weight)
    assert deviation.std() == pytest.approx(0.1, rel=0.05)
    assert deviation.mean() == pytest.approx(0, abs=0.005)
    assert np.mean(np.abs(deviation) > 0.3) == pytest.approx(0.0027, abs=0.003)


def test_by_default_all_parameters_deviate_independently(network: Any) -> None:
    found = mismatch_generator()(network, KEY)
    device = network.set_attributes(found)
    assert np.all(relative(found["0_LinearJax"]["weight"], network[0].weight) != 0)
    assert relative(device[1].threshold, network[1].threshold).std() > 0.05
    np.testing.assert_array_equal(device[1].tau_mem, network[1].tau_mem)  # a constant
    assert float(device[1].tau_syn[0, 0]) != float(network[1].tau_syn[0, 0])


def test_a_family_deviates_with_its_constants_too(network: Any) -> None:
    found = mismatch_generator(("taus", "threshold"))(network, KEY)["1_LIFJax"]
    assert found.keys() == {"tau_mem", "tau_syn", "threshold"}
    assert relative(found["tau_mem"], network[1].tau_mem).std() == pytest.approx(0.1, rel=0.3)


def test_a_tree_says_what_deviates(network: Any) -> None:
    chosen = {"0_LinearJax": {"weight": False}, "1_LIFJax": {"tau_mem": True, "bias": np.False_}}
    found = mismatch_generator(chosen)(network, KEY)
    assert {name: sorted(inner) for name, inner in found.items()} == {
        "0_LinearJax": [],
        "1_LIFJax": ["tau_mem"],
    }
    named = mismatch_generator(network.attributes_named("threshold"))(network, KEY)
    assert named["1_LIFJax"].keys() == {"threshold"}


def test_a_key_gives_one_device_and_another_key_another(network: Any) -> None:
    regenerate = mismatch_generator("weights")
    weights = [regenerate(network, jax.random.key(n))["0_LinearJax"]["weight"] for n in (0, 0, 1)]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.all(weights[0] != weights[2])


def test_mismatch_of_nothing_or_of_no_floats_is_refused(network: Any) -> None:
    with pytest.raises(ValueError, match="mismatch: the network has nothing of 'weight' that devi"):
        mismatch_generator("weight")(network, KEY)
    with pytest.raises(
        ValueError, match=r"mismatch: `1_LIFJax.dt` is no array of floats, but 0.001"
    ):
        mismatch_generator({"1_LIFJax": {"dt": True}})(network, KEY)
