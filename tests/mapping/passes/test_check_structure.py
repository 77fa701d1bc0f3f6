import tracemalloc

import numpy as np
import pytest
from mapping_cases import chain, graph, neurons, two_layers, weights

from xylograph.hw import DesignRuleError, get_chip
from xylograph.mapping import deploy, trace
from xylograph.mapping.passes import CheckStructure
from xylograph.models import LIFJax

AUDIO_2 = get_chip("xylo-audio-2")


def test_a_good_graph_comes_back_as_it_is() -> None:
    net = two_layers()
    same, report = CheckStructure(AUDIO_2)(net)
    assert same is net
    assert str(report) == "CheckStructure: the network keeps 15 rules of structure"


def test_structure_and_size_are_reported_together() -> None:
    net = graph(
        weights("w_in", "@input", np.ones((17, 3))),
        neurons("hid", "w_in", 3, dt=2e-3),
        weights("w_out", "hid", np.ones((3, 2))),
        neurons("out", "w_out", 2),
        n_inputs=17,
    )
    with pytest.raises(DesignRuleError) as caught:
        CheckStructure(AUDIO_2)(net)
    assert [v.rule for v in caught.value.violations] == [
        "neurons_share_one_dt",
        "inputs_within_limit",
    ]


def test_a_network_that_is_only_too_large_passes_up_to_twice_the_chip() -> None:
    check = CheckStructure(AUDIO_2)
    check(trace(chain(1, 2000, 1)))
    with pytest.raises(DesignRuleError, match="has 2001 hidden neurons; SYNS61201 allows 1000"):
        check(trace(chain(1, 2001, 1)))


def test_a_hopelessly_large_network_is_refused_before_it_takes_memory() -> None:
    # Its recurrent weights would take 200 MB.
    net = chain(1, 5000, 1)
    tracemalloc.start()
    with pytest.raises(DesignRuleError, match="has 5000 hidden neurons; SYNS61201 allows 1000"):
        deploy(net, AUDIO_2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6


def test_a_single_module_is_refused_with_everything_it_lacks() -> None:
    with pytest.raises(DesignRuleError, match="2 violations of 2 design rules"):
        deploy(LIFJax(3), AUDIO_2)
