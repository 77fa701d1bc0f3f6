from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import Fill, ScaledColumns, kaiming, uniform_sqrt, unit_eigs, xavier
from xylograph.models._initializers import random_key

BOUNDED = {kaiming: (6 / 40) ** 0.5, xavier: (6 / 60) ** 0.5, uniform_sqrt: (1 / 40) ** 0.5}
DRAWN = [*BOUNDED, unit_eigs]
KEY = jax.random.key(0)


@pytest.mark.parametrize(("draw", "bound"), BOUNDED.items())
@pytest.mark.parametrize("key", [None, KEY], ids=["numpy", "key"])
def test_uniform_draws_fill_their_bounds(draw: Callable[..., Any], bound: float, key: Any) -> None:
    values = np.asarray(draw((40, 20), key=key))
    assert 0.97 * bound < np.abs(values).max() <= bound * (1 + 1e-6)
    assert abs(values.mean()) < 0.1 * bound


@pytest.mark.parametrize("key", [None, KEY], ids=["numpy", "key"])
def test_eigenvalues_stay_near_the_unit_disc(key: Any) -> None:
    weights = np.asarray(unit_eigs((200, 200), key=key))
    assert 0.8 < np.abs(np.linalg.eigvals(weights)).max() < 1.2


@pytest.mark.parametrize("draw", DRAWN)
def test_numpys_seed_fixes_the_draw(draw: Callable[..., Any]) -> None:
    draws = []
    for _ in range(2):
        np.random.seed(3)
        draws.append(draw((4, 2)))
    np.testing.assert_array_equal(*draws)


@pytest.mark.parametrize("draw", DRAWN)
@pytest.mark.parametrize("key", [KEY, jax.random.key_data(KEY)], ids=["typed", "raw"])
def test_a_key_fixes_the_draw(draw: Callable[..., Any], key: Any) -> None:
    np.testing.assert_array_equal(draw((4, 2), key=key), draw((4, 2), key=KEY))


@pytest.mark.parametrize("draw", [*DRAWN, Fill(0.5), ScaledColumns(kaiming, (1.0, 2.0))])
def test_draws_are_jax_arrays_of_the_default_precision(draw: Callable[..., Any], x64: None) -> None:
    assert draw((2, 2)).dtype == jnp.float64


def test_fill_is_the_same_everywhere() -> None:
    np.testing.assert_array_equal(Fill(0.25)((2, 3)), np.full((2, 3), 0.25))
    assert Fill(0.25) == Fill(0.25) != Fill(0.5)


@pytest.mark.parametrize("key", [None, KEY], ids=["numpy", "key"])
def test_scaled_columns_are_those_of_the_other_initializer_times_factors(key: Any) -> None:
    np.random.seed(3)
    scaled = ScaledColumns(kaiming, (0.5, 2.0, 0.0))((4, 3), key=key)
    np.random.seed(3)
    plain = np.asarray(kaiming((4, 3), key=key))
    np.testing.assert_allclose(scaled, plain * [0.5, 2.0, 0.0], rtol=1e-6)
    assert not np.any(np.asarray(ScaledColumns(np.zeros, (1.0,))((2, 1), key=key)))


def test_factors_must_be_as_many_as_columns() -> None:
    with pytest.raises(ValueError, match=r"2 factors cannot scale the columns of \(2, 3\)"):
        ScaledColumns(kaiming, (1.0, 2.0))((2, 3))


def test_keys_become_raw() -> None:
    raw = jax.random.key_data(KEY)
    for key in (KEY, raw, np.asarray(raw)):
        np.testing.assert_array_equal(random_key(key), raw)
        assert isinstance(random_key(key), jax.Array)


def test_without_a_key_numpys_seed_decides() -> None:
    drawn = []
    for _ in range(2):
        np.random.seed(1)
        drawn.append(random_key(None))
    np.testing.assert_array_equal(*drawn)
    assert np.any(random_key(None) != drawn[0])


@pytest.mark.parametrize(
    "key", [5, 0.5, "key", np.zeros(3, np.uint32), np.zeros(2), jax.random.split(KEY)]
)
def test_what_is_no_key_is_refused(key: Any) -> None:
    with pytest.raises(TypeError, match=r"`rng_key` must be a key such as `jax.random.key\(0\)`"):
        random_key(key)


def test_keys_are_made_with_64_bit_floats_too(x64: None) -> None:
    assert random_key(None).dtype == jnp.uint32
