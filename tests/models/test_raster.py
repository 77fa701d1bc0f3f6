from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models._raster import as_batch, as_floats


@pytest.mark.parametrize(
    ("shape", "batch"),
    [
        ((2, 5, 3), (2, 5, 3)),
        ((5, 3), (1, 5, 3)),
        ((5,), (1, 5, 3)),
        ((), (1, 1, 3)),
        ((2, 5, 1), (2, 5, 3)),
        ((2, 0, 3), (2, 0, 3)),
    ],
)
def test_input_is_brought_to_a_batch(shape: tuple, batch: tuple) -> None:
    assert as_batch(np.ones(shape), 3, "here").shape == batch


def test_a_vector_is_time_and_a_channel_is_copied() -> None:
    np.testing.assert_array_equal(as_batch([1, 2], 3, "here")[0], [[1, 1, 1], [2, 2, 2]])


def test_without_a_number_of_channels_any_fits() -> None:
    assert as_batch(np.ones((5, 7)), None, "here").shape == (1, 5, 7)


@pytest.mark.parametrize("data", [np.ones((5, 2)), np.ones((2, 5, 4))])
def test_a_wrong_number_of_channels_is_refused(data: np.ndarray) -> None:
    n = data.shape[-1]
    message = f"here: Input has wrong neuron dimension. It is {n}, must be 3"
    with pytest.raises(ValueError, match=message):
        as_batch(data, 3, "here")


def test_too_many_axes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"here: the input has 4 axes, \(1, 1, 1, 3\); it takes"):
        as_batch(np.ones((1, 1, 1, 3)), 3, "here")


def test_no_samples_are_refused() -> None:
    with pytest.raises(ValueError, match=r"here: the input has no samples, its shape is \(0, 5,"):
        as_batch(np.ones((0, 5, 3)), 3, "here")


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float16, np.float32, np.float64])
def test_real_numbers_take_the_default_precision(kind: Any) -> None:
    assert as_floats(np.ones(2, kind), "here").dtype == jnp.float32


@pytest.mark.parametrize("kind", [bool, np.int8, np.float32, np.float64])
def test_real_numbers_take_64_bits_where_these_are_on(kind: Any, x64: None) -> None:
    assert as_floats(np.ones(2, kind), "here").dtype == jnp.float64


@pytest.mark.parametrize("data", ["text", None, [[1], [1, 2]], {"a": 1}, object()])
def test_what_is_no_array_is_refused(data: Any) -> None:
    with pytest.raises(TypeError, match="here: the input must be an array of real numbers: "):
        as_floats(data, "here")


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match="here: the input must be real numbers, got complex64"):
        as_floats(np.ones(2) * 1j, "here")


def test_large_whole_numbers_stay_what_they_are() -> None:
    data = np.array([[3_000_000_000, -(2**40), 2**63 - 1]])
    np.testing.assert_array_equal(as_floats(data, "here"), data.astype(np.float32))
