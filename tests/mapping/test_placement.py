import numpy as np
import pytest

from xylograph.mapping import Placement

PLACEMENT = Placement(
    hidden={"first": np.arange(2), "second": np.arange(2, 5)},
    output="out",
    delay={"first": 0, "second": 1, "out": 2},
    n_input_expansion=2,
    n_output_expansion=3,
)


def test_neurons_are_described_in_the_words_of_the_network() -> None:
    assert PLACEMENT.describe_hidden(1) == "`first`[1] (hidden neuron 1)"
    assert PLACEMENT.describe_hidden(2) == "`second`[0] (hidden neuron 2)"
    assert PLACEMENT.describe_output(3) == "`out`[3] (output neuron 3)"


def test_a_neuron_that_is_not_there_has_no_description() -> None:
    with pytest.raises(IndexError, match="no hidden neuron 5; there are 5"):
        PLACEMENT.describe_hidden(5)


def test_sizes_and_the_delay_of_the_output_follow_from_the_populations() -> None:
    assert (PLACEMENT.n_hidden, PLACEMENT.output_delay) == (5, 2)
