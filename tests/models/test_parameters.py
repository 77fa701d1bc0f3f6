from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import Parameter, SimulationParameter, State

KINDS = [Parameter, State, SimulationParameter]


@pytest.mark.parametrize("kind", KINDS)
def test_data_or_shape_must_be_given(kind: Any) -> None:
    with pytest.raises(ValueError, match=f"`{kind.__name__}` needs `data` or `shape`; neither"):
        kind()


@pytest.mark.parametrize("init_func", [None, 3])
def test_without_data_an_initializer_is_needed(init_func: Any) -> None:
    with pytest.raises(ValueError, match="`Parameter` without `data` needs a callable `init_func`"):
        Parameter(shape=3, init_func=init_func)


@pytest.mark.parametrize(
    ("shape", "first"),
    [
        (3, (3,)),
        ((2, 3), (2, 3)),
        ((), ()),
        ([(2, 3), 6], (2, 3)),
        (np.int64(3), (3,)),
        ((np.int32(2), np.uint8(3)), (2, 3)),
    ],
)
def test_the_first_permitted_shape_is_drawn(shape: Any, first: tuple) -> None:
    drawn = Parameter(shape=shape, init_func=np.ones)
    assert (drawn.data.shape, drawn.declaration.shape) == (first, first)


@pytest.mark.parametrize("shape", ["3", 2.5, (2, "3"), [(2,), 2.5], {3}])
def test_a_shape_that_is_none_is_refused(shape: Any) -> None:
    with pytest.raises(TypeError, match="a shape is an int, a tuple of ints or a list of these"):
        Parameter(shape=shape, init_func=np.ones)


def test_an_empty_list_of_shapes_and_negative_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="the list of permitted shapes is empty"):
        Parameter(shape=[], init_func=np.ones)
    with pytest.raises(ValueError, match=r"a shape has no negative sizes, got \(2, -3\)"):
        Parameter(shape=(2, -3), init_func=np.ones)


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (np.ones(6), (3, 2)),  # as many elements as the first
        (np.ones((1, 2)), (1, 2)),
        (np.ones(2), (1, 2)),
        (0.5, ()),
        ([0.5], ()),
        (np.ones((2, 3)), (3, 2)),
    ],
)
def test_data_takes_the_first_permitted_shape_of_its_size(data: Any, shape: tuple) -> None:
    assert Parameter(data, shape=[(3, 2), (1, 2), ()]).data.shape == shape


def test_a_shape_that_is_permitted_is_kept() -> None:
    assert Parameter(np.ones((2, 3)), shape=[(3, 2), (2, 3)]).data.shape == (2, 3)


def test_data_that_fits_no_shape_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match=r"`tau` must be of shape \(3,\) or \(\), got \(4,\)"):
        Parameter(np.ones(4), shape=[3, ()], name="tau")


def test_reshaping_can_be_forbidden() -> None:
    with pytest.raises(ValueError, match=r"got \(6,\); reshaping is not permitted"):
        Parameter(np.ones(6), shape=(3, 2), permit_reshape=False)


@pytest.mark.parametrize("value", [1, True, [1, 2], np.arange(3), jnp.arange(3), 0.5, np.ones(2)])
def test_parameters_are_floats_of_the_default_precision(value: Any) -> None:
    data = Parameter(value).data
    assert (data.dtype, data.weak_type) == (jnp.float32, False)
    np.testing.assert_array_equal(data, value)


def test_parameters_are_of_64_bits_where_these_are_on(x64: None) -> None:
    for value in (0.1, np.float32(0.5), np.ones(2), [1, 2]):
        assert Parameter(value).data.dtype == jnp.float64


def test_complex_parameters_stay_complex() -> None:
    assert Parameter(np.ones(2) * 1j).data.dtype == jnp.complex64


@pytest.mark.parametrize("value", [3, np.arange(2, dtype=np.uint8), jnp.array([True])])
def test_states_keep_whole_numbers(value: Any) -> None:
    assert not jnp.issubdtype(State(value).data.dtype, jnp.floating)


def test_data_shares_no_memory_with_numpy() -> None:
    given = np.ones(3, dtype=np.float32)
    parameter = Parameter(given)
    given[:] = 7
    np.testing.assert_array_equal(parameter.data, 1)


@pytest.mark.parametrize("value", ["text", {"a": 1}, object()])
def test_what_is_no_array_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="`State` must be an array or a number: "):
        State(value)


def test_cast_fn_replaces_the_usual_conversion() -> None:
    def whole(value: Any) -> jax.Array:
        return jnp.array(value, dtype=jnp.int32)

    assert Parameter([1.7], cast_fn=whole).data.dtype == jnp.int32
    assert SimulationParameter("3", cast_fn=int).data == 3


def test_a_cast_to_no_array_is_refused() -> None:
    with pytest.raises(TypeError, match="`Parameter` must be an array; `cast_fn` gave str"):
        Parameter(1.0, cast_fn=str)


@pytest.mark.parametrize("value", [0.5, 3, "text", True, len, (1, 2)])
def test_simulation_parameters_keep_plain_values(value: Any) -> None:
    parameter = SimulationParameter(value)
    assert parameter.data is value
    assert parameter.declaration.shape is None


def test_simulation_parameters_make_python_numbers_of_numpy_scalars() -> None:
    data = SimulationParameter(np.float32(0.5)).data
    assert (type(data), data) == (float, 0.5)


def test_simulation_parameters_make_jax_arrays_of_arrays() -> None:
    parameter = SimulationParameter(np.ones(3))
    assert isinstance(parameter.data, jax.Array)
    assert parameter.declaration.shape == (3,)


def test_given_data_needs_no_initializer_and_forgets_it() -> None:
    assert Parameter(1.0, init_func=np.ones, shape=()).declaration.initializer is None
    assert Parameter(shape=3, init_func=np.ones).declaration.initializer is np.ones


def test_an_initializer_with_a_key_is_handed_one() -> None:
    def drawn(shape: Any, key: Any = None) -> Any:
        return np.zeros(shape) if key is None else jax.random.normal(key, shape)

    key = jax.random.key(0)
    np.testing.assert_array_equal(
        Parameter(shape=3, init_func=drawn, key=key).data, jax.random.normal(key, (3,))
    )
    np.testing.assert_array_equal(Parameter(shape=3, init_func=drawn).data, 0)


def test_an_initializer_without_a_signature_is_handed_none() -> None:
    assert Parameter(shape=(1,), init_func=max, key=jax.random.key(0)).data == 1
