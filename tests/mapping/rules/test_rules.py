from typing import Any

import numpy as np
import pytest
from mapping_cases import CHIP_NAMES, chain, graph, neurons, two_layers, weights

from xylograph.hw import CHIPS, Violation, get_chip
from xylograph.mapping import Graph, graph_violations, trace
from xylograph.models import LIFJax, LinearJax, Sequential

IMU = get_chip("xylo-imu")
AUDIO_3 = get_chip("xylo-audio-3")


def found(net: Graph, chip: str = "xylo-imu") -> list[Violation]:
    return graph_violations(net, get_chip(chip))


def rules(net: Graph, chip: str = "xylo-imu") -> list[str]:
    return [violation.rule for violation in found(net, chip)]


def the_one(net: Graph, chip: str = "xylo-imu") -> str:
    (violation,) = found(net, chip)
    return str(violation)


@pytest.mark.parametrize("chip", CHIP_NAMES)
@pytest.mark.parametrize("recurrent", [False, True])
def test_a_chain_of_two_layers_breaks_nothing(chip: str, recurrent: bool) -> None:
    assert rules(trace(chain(2, 3, 2, recurrent=recurrent)), chip) == []


def test_a_network_that_ends_in_weights_is_refused() -> None:
    net = trace(Sequential(*chain(2, 3, 2), LinearJax((2, 2))))
    assert the_one(net) == (
        "`4_LinearJax` is the network's output and is a weight matrix; the outputs of SYNS63300 "
        "are neurons: end the network with a `LIFJax` [output_is_neurons]"
    )


def test_neurons_fed_by_the_input_itself_are_refused() -> None:
    net = trace(Sequential(LIFJax(2), LinearJax((2, 2)), LIFJax(2)))
    assert the_one(net) == (
        "`0_LIFJax` is a population of neurons that receives the input directly: put a "
        "`LinearJax` before it [input_feeds_weights]"
    )


def test_neurons_fed_by_neurons_are_refused() -> None:
    net = trace(Sequential(LinearJax((2, 3)), LIFJax(3), LIFJax(3)))
    assert the_one(net) == (
        "`2_LIFJax` receives from the neurons `1_LIFJax` without weights: put a `LinearJax` "
        "between them [neurons_are_fed_by_weights]"
    )


def test_weights_fed_by_weights_are_refused() -> None:
    net = trace(Sequential(LinearJax((2, 4)), *chain(4, 3, 2)))
    assert the_one(net) == (
        "`1_LinearJax` receives from the weights `0_LinearJax`: run `FoldScales` and "
        "`FoldLinearMaps` first, or put a `LIFJax` between them [weights_do_not_feed_weights]"
    )


def test_biases_of_weights_are_refused_unless_they_are_zero() -> None:
    def net(bias: list[float]) -> Graph:
        return trace(Sequential(LinearJax((2, 3), bias=bias), *list(chain(2, 3, 2))[1:]))

    assert rules(net([0.0, 0.0, 0.0])) == []
    assert the_one(net([0.0, 0.5, 0.0])) == (
        "`0_LinearJax` has biases; the weights of a chip have none: use the `bias` of the neurons "
        "it feeds [weights_have_no_biases]"
    )


def test_one_population_is_too_few() -> None:
    assert the_one(trace(chain(2, 3))) == (
        "the network has 1 population of neurons; the chip needs a hidden and an output one: use "
        "at least `LinearJax`, `LIFJax`, `LinearJax`, `LIFJax` [hidden_and_output_neurons]"
    )


def test_a_single_module_of_neurons_hears_everything_that_is_missing() -> None:
    assert rules(trace(LIFJax(3, has_rec=True))) == [
        "input_feeds_weights",
        "hidden_and_output_neurons",
        "output_is_not_recurrent",
    ]


def test_an_empty_network_is_refused() -> None:
    assert rules(trace(Sequential())) == ["output_is_neurons", "hidden_and_output_neurons"]


def test_hidden_neurons_without_a_path_from_the_input_are_no_way_to_the_output() -> None:
    net = graph(
        neurons("hid", (), 3, bias=np.ones(3)),
        weights("w_out", "hid", np.ones((3, 2))),
        neurons("out", "w_out", 2),
    )
    assert the_one(net) == (
        "`out` receives nothing that comes from the input: connect the input with weights to "
        "hidden neurons, and these to the output [input_reaches_output]"
    )


def test_hidden_neurons_that_nothing_feeds_may_stand_beside_others() -> None:
    net = graph(
        weights("w_in", "@input", np.ones((2, 3))),
        neurons("hid", "w_in", 3),
        neurons("pacemaker", (), 2, bias=np.ones(2)),
        weights("w_out", "hid", np.ones((3, 2))),
        weights("w_pace", "pacemaker", np.ones((2, 2))),
        neurons("out", ("w_out", "w_pace"), 2),
    )
    assert rules(net) == []


def test_weights_from_the_input_to_the_output_are_refused() -> None:
    net = graph(
        weights("w_in", "@input", np.ones((2, 3))),
        neurons("hid", "w_in", 3),
        weights("w_out", "hid", np.ones((3, 2))),
        weights("skip", "@input", np.ones((2, 2))),
        neurons("out", ("w_out", "skip"), 2),
    )
    assert the_one(net) == (
        "`skip` leads from the input to the output `out`; a chip has input weights to hidden "
        "neurons only: put a `LIFJax` and a `LinearJax` between them [input_reaches_output]"
    )


def test_recurrent_outputs_are_refused() -> None:
    net = trace(Sequential(*list(chain(2, 3, 2))[:3], LIFJax(2, has_rec=True)))
    assert the_one(net) == (
        "`3_LIFJax` is the output and feeds `3_LIFJax.w_rec`; output neurons feed nothing: make "
        "the last `LIFJax` one without recurrence [output_is_not_recurrent]"
    )


def test_two_time_steps_are_refused() -> None:
    assert the_one(two_layers(out={"dt": 2e-3})) == (
        "`out` has dt = 0.002 s, `hid` has 0.001 s; a chip has one: give all neurons the same "
        "`dt` [neurons_share_one_dt]"
    )


def test_one_time_step_may_be_written_with_fewer_bits() -> None:
    assert rules(two_layers(out={"dt": float(np.float32(1e-3))})) == []


def test_time_constants_whose_decay_shift_would_be_zero_are_refused() -> None:
    taus = np.array([[0.02], [0.001], [0.0005]])
    assert the_one(two_layers({"tau_syn": taus})) == (
        "`hid` has 2 values of `tau_syn` not above 1.41 dt = 0.00141 s; the first is 0.001 s at [1, 0]: "
        "make them at least 1.5 dt, or shorten dt [time_constants_exceed_dt]"
    )
    just_above = np.full(3, np.sqrt(2) * 1e-3 * (1 + 1e-12))
    assert rules(two_layers({"tau_mem": just_above})) == []
    assert np.round(np.log2(just_above / 1e-3)).tolist() == [1, 1, 1]


def test_time_constants_that_are_no_number_are_refused() -> None:
    taus = np.array([0.02, np.nan, 0.02])
    assert (
        "1 value of `tau_mem` not above 1.41 dt = 0.00141 s; the first is nan s at [1]"
        in the_one(two_layers({"tau_mem": taus}))
    )


def test_thresholds_of_zero_are_refused_and_above_that_taken() -> None:
    assert the_one(two_layers({"threshold": np.array([1.0, 0.0, -2.0])})) == (
        "`hid` has 2 thresholds not above 0; the first is 0 at [1]: train with a lower bound for "
        "thresholds [thresholds_are_positive]"
    )
    assert rules(two_layers({"threshold": np.full(3, 1e-300)})) == []


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["bias", "threshold"])
def test_values_of_neurons_that_are_not_finite_are_refused(name: str, broken: float) -> None:
    texts = [str(v) for v in found(two_layers({name: np.array([1.0, 1.0, broken])}))]
    assert (
        f"`hid` has 1 value of `{name}` NaN or infinite; the first is at [2]: the training has "
        "diverged: lower the learning rate and train again [values_are_finite]"
    ) in texts


def test_weights_that_are_not_finite_are_refused() -> None:
    net = graph(
        weights("w_in", "@input", [[1, np.nan, 1], [np.inf, 1, 1]]),
        neurons("hid", "w_in", 3),
        weights("w_out", "hid", np.ones((3, 2))),
        neurons("out", "w_out", 2),
    )
    assert "`w_in` has 2 values of `weights` NaN or infinite; the first is at [0, 1]" in the_one(
        net
    )


@pytest.mark.parametrize("chip", CHIP_NAMES)
def test_hidden_neurons_may_have_as_many_synapses_as_the_chip_gives(chip: str) -> None:
    limit = get_chip(chip).max_synapses
    assert rules(trace(chain(2, 3, 2, n_synapses=limit)), chip) == []
    assert rules(trace(chain(2, 3, 2, n_synapses=limit + 1)), chip) == ["synapses_within_limit"]


def test_too_many_synapses_of_hidden_neurons_name_the_chips_that_have_them() -> None:
    assert the_one(trace(chain(2, 3, 2, n_synapses=2))) == (
        "`1_LIFJax` has 2 synapses a neuron; SYNS63300 allows a hidden neuron 1: give each neuron "
        "1 synapse, or map to SYNS61201, which allows 2, or SYNS65302, which allows 2 "
        "[synapses_within_limit]"
    )


def test_output_neurons_have_one_synapse_on_every_chip() -> None:
    net = trace(Sequential(*list(chain(2, 3, 4))[:3], LIFJax((4, 2))))
    assert the_one(net, "xylo-audio-3") == (
        "`3_LIFJax` has 2 synapses a neuron; SYNS65302 allows an output neuron 1: give each "
        "neuron 1 synapse [synapses_within_limit]"
    )


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize(
    ("limit", "rule", "resource"),
    [
        ("max_inputs", "inputs_within_limit", "input channels"),
        ("max_hidden", "hidden_neurons_within_limit", "hidden neurons"),
        ("max_outputs", "outputs_within_limit", "output neurons"),
    ],
)
def test_sizes_are_taken_up_to_the_limit(chip: str, limit: str, rule: str, resource: str) -> None:
    place = ("max_inputs", "max_hidden", "max_outputs").index(limit)
    allowed = getattr(get_chip(chip), limit)

    def net(size: int) -> Graph:
        sizes = [2, 3, 2]
        sizes[place] = size
        return sized(*sizes)

    assert rules(net(allowed), chip) == []
    (violation,) = found(net(allowed + 1), chip)
    assert violation.rule == rule
    assert str(violation).startswith(
        f"the network has {allowed + 1} {resource}; {chip} allows {allowed}: use at most {allowed}"
    )


def sized(n_inputs: int, n_hidden: int, n_out: int) -> Graph:
    return graph(
        weights("w_in", "@input", np.ones((n_inputs, n_hidden))),
        neurons("hid", "w_in", n_hidden),
        weights("w_out", "hid", np.ones((n_hidden, n_out))),
        neurons("out", "w_out", n_out),
        n_inputs=n_inputs,
    )


def test_all_hidden_populations_count_together() -> None:
    net = trace(chain(2, 300, 197, 2))
    assert the_one(net) == (
        "the network has 497 hidden neurons; SYNS63300 allows 496: use at most 496, or map to "
        "SYNS61201, which allows 1000 "
        "[hidden_neurons_within_limit]"
    )


def test_everything_that_is_wrong_is_listed_at_once() -> None:
    net: Any = graph(
        weights("w_in", "@input", np.full((17, 600), np.nan)),
        neurons("hid", "w_in", 600, tau_mem=np.full(600, 1e-3), threshold=np.zeros(600)),
        weights("w_mid", "hid", np.ones((600, 4))),
        neurons("mid", "w_mid", 2, n_synapses=2, dt=2e-3),
        weights("w_out", "mid", np.ones((2, 33))),
        neurons("out", "w_out", 33),
        n_inputs=17,
    )
    assert rules(net) == [
        "neurons_share_one_dt",
        "time_constants_exceed_dt",
        "thresholds_are_positive",
        "values_are_finite",
        "synapses_within_limit",
        "inputs_within_limit",
        "hidden_neurons_within_limit",
        "outputs_within_limit",
    ]
