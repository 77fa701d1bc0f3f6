from typing import Any

import jax
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


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"leak_mode": "decays", "alpha": [0.75, 0.5]}, [0.75, 0.5]),
        ({"leak_mode": "bitshifts", "dash_mem": [2, 1]}, [0.75, 0.5]),
        ({"tau_mem": [-1e-3 / np.log(0.75), -1e-3 / np.log(0.5)]}, [0.75, 0.5]),
    ],
)
def test_every_mode_tells_what_the_others_would_be(options: dict[str, Any], wanted: Any) -> None:
    lif = LIFJax(2, **options)
    np.testing.assert_allclose(lif.alpha, wanted, rtol=1e-6)
    np.testing.assert_allclose(lif.tau_mem, -1e-3 / np.log(wanted), rtol=1e-6)
    np.testing.assert_allclose(lif.dash_mem, [2, 1], rtol=1e-6)
    names = {"alpha", "tau_mem", "dash_mem"}
    assert {*lif.parameters()} & names == {*options} & names


def test_whole_shifts_act_rounded_and_learn_as_if_they_were_not() -> None:
    def voltage(dash: Any, whole: bool) -> jax.Array:
        lif = LIFJax(
            3, leak_mode="bitshifts", dash_mem=np.ones(3), whole_dashes=whole, threshold=9.0
        )
        lif = lif.set_attributes({"dash_mem": dash})
        return lif(jnp.ones((5, 3)))[1]["vmem"].sum()

    both = jax.value_and_grad(voltage)
    found = both(jnp.array([0.3, 1.6, 2.4]), True)
    wanted = both(jnp.array([1.0, 2.0, 2.0]), False)
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-6)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-6)
    assert np.all(np.asarray(found[1]) != 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"leak_mode": "tau"}, "`leak_mode` must be one of 'taus', 'decays', 'bitshifts', got"),
        ({"alpha": 0.5}, "`alpha` is of leak_mode 'decays', but 'taus' was chosen: give `tau_mem`"),
        ({"whole_dashes": True}, "`whole_dashes` needs leak_mode 'bitshifts', but 'taus' was"),
        ({"leak_mode": "decays", "beta": 1.0}, "`beta` must be less than 1, got 1.0"),
        ({"leak_mode": "bitshifts", "dash_mem": 0.0}, "`dash_mem` must be positive, got 0.0"),
    ],
)
def test_leaks_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LIFJax(2, **options)


def test_what_follows_from_others_cannot_be_set() -> None:
    lif = LIFJax(2, leak_mode="decays")
    with pytest.raises(ValueError, match="`tau_mem` follows from `alpha`, as the leak_mode is 'de"):
        lif.tau_mem = 0.1
