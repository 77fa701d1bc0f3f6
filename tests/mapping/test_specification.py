import numpy as np
import pytest
from mapping_cases import only_rounded, specification

from xylograph.hw import XyloConfig


def test_integers_become_a_configuration_field_by_field() -> None:
    spec, _ = only_rounded(
        specification(weight_shift_in=1, weight_shift_rec=2, weight_shift_out=3, dt=2e-3)
    )
    config = spec.to_config()
    assert isinstance(config, XyloConfig)
    assert config.chip is spec.chip
    for name in ("weights_in", "weights_rec", "weights_out", "dash_syn_2", "threshold", "bias_out"):
        assert np.array_equal(getattr(config, name), getattr(spec, name)), name
    shifts = (config.weight_shift_in, config.weight_shift_rec, config.weight_shift_out)
    assert (shifts, config.dt) == ((1, 2, 3), 2e-3)


def test_a_specification_needs_no_placement_to_become_a_configuration() -> None:
    spec, _ = only_rounded(specification())
    assert spec.placement is None
    assert spec.to_config().n_hidden == 6


def test_aliases_are_taken_along() -> None:
    aliases = ((1,), (), (), (), (), ())
    spec, _ = only_rounded(specification(aliases=aliases))
    assert spec.to_config().aliases == aliases


def test_a_float_specification_is_told_to_be_quantized_first() -> None:
    text = r"`weights_in\[0, 0, 0\]` is .*, not an integer: quantize first \(`channel_quantize`"
    with pytest.raises(ValueError, match=text):
        specification().to_config()


def test_sizes_follow_from_the_weights() -> None:
    assert (specification().n_hidden, specification().n_input_expansion) == (6, 4)
