import numpy as np
import pytest

from xylograph.models import Identity, LinearJax, Sequential

DATA = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)


@pytest.mark.parametrize("shape", [None, 3, (3, 3)])
def test_the_input_comes_back(shape: object) -> None:
    output, state, record = Identity(shape)(DATA, record=True)
    np.testing.assert_array_equal(output, DATA)
    assert (state, record) == ({}, {})


def test_a_raster_comes_back_as_a_batch() -> None:
    assert Identity()(DATA[0])[0].shape == (1, 5, 3)


def test_without_a_shape_it_stands_anywhere_in_a_chain() -> None:
    net = Sequential(LinearJax((3, 2)), Identity(), LinearJax((2, 4)))
    assert net(DATA)[0].shape == (2, 5, 4)


def test_unequal_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`Identity` takes the shape `N` or `\(N, N\)`"):
        Identity((2, 4))
