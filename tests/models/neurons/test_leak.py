import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import LIFJax, dash_to_tau


@pytest.mark.parametrize("dt", [1e-3, 0.02])
def test_a_step_of_the_time_constant_loses_exactly_the_shifted_part(dt: float) -> None:
    dashes = np.arange(1, 16)
    np.testing.assert_allclose(np.exp(-dt / dash_to_tau(dashes, dt)), 1 - 2.0**-dashes, rtol=1e-12)


def test_the_shape_is_that_of_the_shifts() -> None:
    assert dash_to_tau(4, 1e-3).shape == ()
    assert dash_to_tau([[1, 2], [3, 4]], 1e-3).shape == (2, 2)


def test_a_neuron_with_it_leaks_by_the_shift() -> None:
    lif = LIFJax(2, tau_mem=dash_to_tau([2, 5], 1e-3), threshold=100.0)
    lif = lif.set_attributes({"vmem": [64.0, 64.0]})
    np.testing.assert_allclose(lif(jnp.zeros((1, 2)))[1]["vmem"], [48, 62], rtol=1e-6)


@pytest.mark.parametrize(("dash", "dt"), [(0, 1e-3), ([1, 0.5], 1e-3), (3, 0.0), (3, -1.0)])
def test_shifts_that_no_time_constant_gives_are_refused(dash: object, dt: float) -> None:
    with pytest.raises(ValueError, match="`dash` must be 1 or more and `dt` positive, got"):
        dash_to_tau(dash, dt)  # pyright: ignore[reportArgumentType]
