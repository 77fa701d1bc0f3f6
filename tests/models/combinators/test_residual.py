from typing import Any

import numpy as np
import pytest

from xylograph.models import JaxModule, JaxResidual, JaxSequential, LIFJax, LinearJax, Residual


class Passes(JaxModule):
    """What comes, of any size."""

    def __init__(self, steps: slice = slice(None)) -> None:
        super().__init__(None)
        self.first, self.last = steps.start, steps.stop

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        return input_data[..., self.first : self.last, :], {}, {}


def counts(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).poisson(0.7, shape)


def block() -> JaxResidual:
    return Residual(LinearJax((3, 3), weight=np.full((3, 3), 0.4)), LIFJax(3))


def test_the_input_is_added_to_what_the_chain_gives() -> None:
    net, data = block(), counts(2, 9, 3)
    chain = JaxSequential(*net)
    output, state, record = net(data, record=True)
    inner, inner_state, inner_record = chain(data, record=True)
    np.testing.assert_array_equal(output, inner + data)
    assert np.any(inner)
    assert list(state) == list(inner_state) == ["0_LinearJax", "1_LIFJax"]
    assert list(record) == list(inner_record)
    np.testing.assert_array_equal(record["1_LIFJax_output"], inner)
    np.testing.assert_array_equal(state["1_LIFJax"]["vmem"], inner_state["1_LIFJax"]["vmem"])


def test_it_is_called_by_its_own_name() -> None:
    assert repr(JaxSequential(block())).splitlines()[1] == (
        "    JaxResidual '0_JaxResidual' with shape (3, 3) {"
    )


@pytest.mark.parametrize(("given", "taken"), [((9, 3), (1, 9, 3)), ((9,), (1, 9, 3))])
def test_input_of_lower_rank_is_added_as_it_is_read(
    given: tuple[int, ...], taken: tuple[int, ...]
) -> None:
    data = counts(*given)
    as_read = np.broadcast_to(data[:, None] if data.ndim == 1 else data, taken)
    output, _, _ = Residual(LIFJax(3))(data)
    np.testing.assert_array_equal(output, Residual(LIFJax(3))(as_read)[0])


def test_without_neurons_a_raster_keeps_its_rank() -> None:
    output, _, _ = Residual(LinearJax((3, 3)))(counts(9, 3))
    assert output.shape == (9, 3)


def test_a_slice_is_a_chain_without_the_way_around() -> None:
    part = block()[:]
    assert type(part) is JaxSequential
    np.testing.assert_array_equal(part(counts(9, 3))[0], JaxSequential(*block())(counts(9, 3))[0])


def test_input_and_output_must_have_the_same_size() -> None:
    with pytest.raises(ValueError, match="`JaxResidual` adds its input to its output.* 3 ≠ 4"):
        Residual(LinearJax((3, 4)))
    net = block()
    with pytest.raises(ValueError, match="need the same size: 3 ≠ 4"):
        net.append(LinearJax((3, 4)))
    assert len(net) == 2


def test_modules_can_be_appended() -> None:
    net = block()
    net.append(LinearJax((3, 3)), "last")
    assert list(net.modules()) == ["0_LinearJax", "1_LIFJax", "last"]


def test_at_least_one_module_is_needed() -> None:
    with pytest.raises(ValueError, match="`JaxResidual` needs at least one module"):
        Residual()


@pytest.mark.parametrize(
    ("steps", "data"), [(slice(1, None), counts(2, 9, 3)), (slice(0, 0), counts(1, 3))]
)
def test_an_output_of_another_shape_is_refused(steps: slice, data: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"an input of shape .* cannot be added to an output"):
        Residual(Passes(steps))(data)


def test_shape_and_flags_follow_from_the_modules() -> None:
    net = Residual(LIFJax(3, spiking_input=True), Passes())
    assert (net.shape, net.spiking_input, net.spiking_output) == ((3, None), True, False)
    with pytest.raises(ValueError, match="`JaxResidual` takes `shape` from its modules"):
        Residual(LIFJax(3), shape=(3, 3))
