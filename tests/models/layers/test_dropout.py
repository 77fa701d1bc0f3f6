from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import DropoutJax, LinearJax, Sequential

KEY = jax.random.key(0)
ONES = np.ones((50, 20, 10), np.float32)


def test_single_values_are_left_out_and_the_others_stay() -> None:
    output = np.asarray(DropoutJax(10, p=0.3, rng_key=KEY)(ONES)[0])
    assert {*np.unique(output)} == {0.0, 1.0}
    assert output.mean() == pytest.approx(0.7, abs=0.02)
    for axis in range(3):  # no two neighbours along any axis go together
        first, second = (np.take(output, index, axis).ravel() for index in (0, 1))
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.2


def test_whole_units_are_left_out_and_the_others_grow() -> None:
    output = np.asarray(DropoutJax(10, p=0.3, mode="unit", rng_key=KEY)(ONES)[0])
    np.testing.assert_array_equal(output, output[:, :1] * ONES)
    assert {*np.unique(output)} == {0.0, np.float32(1 / np.float32(0.7))}
    assert output.mean() == pytest.approx(1.0, abs=0.1)
    assert np.any(output[0] != output[1])


@pytest.mark.parametrize("mode", ["time", "unit"])
@pytest.mark.parametrize("off", [{"training": False}, {"p": 0}, {"p": 0.0}])
def test_off_it_changes_nothing_and_keeps_its_key(mode: str, off: dict[str, Any]) -> None:
    module = DropoutJax(10, mode=mode, rng_key=KEY).set_attributes(off)
    output, state, _ = module(ONES)
    np.testing.assert_array_equal(output, ONES)
    np.testing.assert_array_equal(state["rng_key"], module.rng_key)


def test_a_probability_of_one_leaves_nothing() -> None:
    assert not np.any(DropoutJax(10, p=1)(ONES)[0])


@pytest.mark.parametrize("mode", ["time", "unit"])
def test_the_key_moves_on_and_repeats_after_a_reset(mode: str) -> None:
    module = DropoutJax(10, mode=mode, rng_key=KEY)
    first, state, _ = module(ONES)
    moved = module.set_attributes(state)
    assert np.any(moved(ONES)[0] != first)
    np.testing.assert_array_equal(moved.reset_state()(ONES)[0], first)


def test_typed_and_raw_keys_give_the_same() -> None:
    typed, raw = (DropoutJax(10, rng_key=key) for key in (KEY, jax.random.key_data(KEY)))
    np.testing.assert_array_equal(typed(ONES)[0], raw(ONES)[0])


@pytest.mark.parametrize("mode", ["time", "unit"])
def test_the_gradient_passes_through_what_remains(mode: str) -> None:
    module = DropoutJax(10, mode=mode, rng_key=KEY)
    slope = jax.grad(lambda data: module(data)[0].sum())(jnp.asarray(ONES))
    np.testing.assert_array_equal(slope, module(ONES)[0])


def test_a_traced_probability_leaves_out_as_often() -> None:
    module = DropoutJax(10, p=jnp.array(0.9), rng_key=KEY)
    output = jax.jit(lambda module: module(ONES)[0])(module)
    assert float(output.mean()) == pytest.approx(0.1, abs=0.02)


def test_a_network_is_switched_over_as_a_whole() -> None:
    layers = [LinearJax((4, 3)), DropoutJax(3), LinearJax((3, 2)), DropoutJax(2, mode="unit")]
    net = Sequential(*layers)
    off = jax.tree.map(lambda _: False, net.attributes_named("training"))
    assert off == {"1_DropoutJax": {"training": False}, "3_DropoutJax": {"training": False}}
    data = np.ones((5, 4))
    expected = data @ layers[0].parameters()["weight"] @ layers[2].parameters()["weight"]
    np.testing.assert_allclose(net.set_attributes(off)(data)[0][0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"p": 1.1}, "`p` must be from 0 to 1, got 1.1"),
        ({"p": -0.1}, "`p` must be from 0 to 1, got -0.1"),
        ({"p": float("nan")}, "`p` must be from 0 to 1, got nan"),
        ({"p": 1, "mode": "unit"}, "`p` must be at least 0 and below 1, got 1"),
        ({"p": "half"}, "`p` must be a number, got 'half'"),
        ({"training": 1}, "`training` must be True or False, got 1"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"DropoutJax: {message}"):
        DropoutJax(3, **given)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(
        ValueError, match="DropoutJax: `mode` must be 'time' or 'unit', got 'space'"
    ):
        DropoutJax(3, mode="space")


def test_unequal_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`DropoutJax` takes the shape `N` or `\(N, N\)`"):
        DropoutJax((2, 4))


def test_64_bit_floats_are_used_where_these_are_on(x64: None) -> None:
    assert DropoutJax(10, mode="unit")(ONES)[0].dtype == jnp.float64
