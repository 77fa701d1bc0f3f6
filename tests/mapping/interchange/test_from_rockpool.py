"""Files that Rockpool 3.1.0 wrote, and what it computed with these networks."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xylograph.mapping import deploy, from_rockpool, from_rockpool_spec
from xylograph.models import FormatError, JaxModule, Residual, Sequential, SynNet, WaveSenseNet

GOLDEN = Path(__file__).parent / "golden" / "rockpool"
NETWORKS = ["synnet", "synnet_vmem", "wavesense", "chain", "two_synapses"]


@pytest.fixture(scope="module")
def outputs() -> Any:
    with np.load(GOLDEN / "rockpool_outputs.npz") as file:
        return dict(file)


def content(name: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_what_it_did_in_rockpool(name: str, outputs: Any) -> None:
    network = from_rockpool(GOLDEN / f"{name}.json")
    if name == "synnet_vmem":
        network = from_rockpool(without_dropout(content(name)))
    output, _, _ = network(outputs["input"])
    wanted = outputs[name]
    assert np.abs(wanted).sum() > 10
    np.testing.assert_allclose(output, wanted, atol=1e-4)


def without_dropout(tree: dict[str, Any]) -> dict[str, Any]:
    for layer in [name for name in tree["seq"] if name.endswith("_dropout")]:
        del tree["seq"][layer]
    return tree


@pytest.mark.parametrize(
    ("name", "cls"),
    [("synnet", SynNet), ("wavesense", WaveSenseNet), ("chain", type(Sequential()))],
)
def test_layouts_are_recognized(name: str, cls: type[JaxModule]) -> None:
    assert type(from_rockpool(content(name))) is cls


def test_dropout_and_voltages_are_kept() -> None:
    network = from_rockpool(GOLDEN / "synnet_vmem.json")
    assert isinstance(network, SynNet)
    assert network.output == "vmem"
    assert float(network.seq.attributes_named("p")["0_dropout"]["p"]) == pytest.approx(0.1)


def test_what_a_synnet_trains_are_its_weights() -> None:
    found = from_rockpool(GOLDEN / "synnet.json").parameters()["seq"]
    assert {name: list(values) for name, values in found.items() if values} == {
        "0_linear": ["weight"],
        "1_linear": ["weight"],
        "out_linear": ["weight"],
    }


def test_a_residual_chain_stays_one() -> None:
    network = from_rockpool(GOLDEN / "chain.json")
    residual = network.modules()["2_TorchResidual"]
    assert type(residual) is type(Residual(*residual.modules().values()))


def test_deploying_gives_the_integers_of_rockpools_mapper_and_quantizer() -> None:
    deployment = deploy(from_rockpool(GOLDEN / "synnet.json"), "xylo-audio-3", quantizer="channel")
    with np.load(GOLDEN / "quant_syns65302.npz") as file:
        theirs = dict(file)
    # Of no effect where there is one synapse; zero with them, one with us.
    del theirs["dash_syn_2"]
    assert len(theirs) == 11
    for name, array in theirs.items():
        np.testing.assert_array_equal(getattr(deployment.config, name), array, err_msg=name)


def specification() -> dict[str, Any]:
    with np.load(GOLDEN / "spec_syns65302.npz") as file:
        return {**dict(file), **content("spec_syns65302"), "mapped_graph": object()}


def test_a_specification_is_the_one_of_the_deployment() -> None:
    ours = deploy(from_rockpool(GOLDEN / "synnet.json"), "xylo-audio-3").specification
    theirs = from_rockpool_spec(specification(), "xylo-audio-3")
    for name in ("weights_in", "weights_rec", "weights_out", "threshold", "dash_mem", "dash_syn"):
        np.testing.assert_allclose(getattr(theirs, name), getattr(ours, name), rtol=1e-6)
    assert (theirs.dt, theirs.chip.name) == (ours.dt, ours.chip.name)


def test_two_dimensional_weights_are_of_one_synapse() -> None:
    spec = specification()
    flat = spec | {name: spec[name][..., 0] for name in ("weights_in", "weights_rec")}
    assert from_rockpool_spec(flat, "xylo-audio-3").weights_in.shape == spec["weights_in"].shape


def test_a_specification_instead_of_a_network_is_refused_with_the_way_to_read_it() -> None:
    with pytest.raises(FormatError, match="a mapper made: give it .* to `from_rockpool_spec`"):
        from_rockpool(GOLDEN / "spec_syns65302.json")


def test_a_specification_that_lacks_weights_is_refused() -> None:
    with pytest.raises(FormatError, match="lacks `weights_in`, `weights_rec`, `weights_out`"):
        from_rockpool_spec({}, "xylo-audio-3")
    with pytest.raises(FormatError, match=r"`bias` has the shape \(2,\), expected is \(11,\)"):
        from_rockpool_spec(specification() | {"bias": np.zeros(2)}, "xylo-audio-3")


WRONG = {
    "unknown layer": ({"0_ConvTorch": {}}, "not known is `0_ConvTorch`"),
    "several": ({"a": {}, "0_LIFNeuron": {}}, "not known is `0_LIFNeuron`, `a`"),
    "empty": ({}, "it has no layers"),
    "no JSON": ({"0_LinearTorch": {"weight": "[["}}, "`0_LinearTorch.weight` is no JSON"),
    "ragged": ({"0_LinearTorch": {"weight": "[[1], [1, 2]]"}}, "weight` is no array of numbers"),
    "infinite": (
        {"0_LinearTorch": {"weight": "[[Infinity]]"}},
        "numbers that are not finite or too large",
    ),
    "extra": ({"0_LinearTorch": {"weight": "[[1]]", "x": "1"}}, "`0_LinearTorch` has 'x', which"),
    "rank": ({"0_LinearTorch": {"weight": "[1]"}}, r"has the shape \(1,\), expected is"),
    "missing": ({"0_LIFTorch": {}}, "`0_LIFTorch.tau_mem` is missing"),
    "synnet": ({"seq": {"x": {}}}, "a SynNet has no `seq.x`"),
    "layers": ({"seq": {"out_linear": {}}}, "`seq.out_linear.weight` is missing"),
}


@pytest.mark.parametrize(("tree", "text"), WRONG.values(), ids=WRONG)
def test_what_is_not_known_is_refused_by_name(tree: dict[str, Any], text: str) -> None:
    with pytest.raises(FormatError, match=text):
        from_rockpool(tree)


@pytest.mark.parametrize("mode", ["decays", "bitshifts"])
def test_other_ways_to_leak_are_kept(mode: str) -> None:
    with np.load(GOLDEN / "leak_outputs.npz") as file:
        data, wanted = file["input"], file[mode]
    network = from_rockpool(GOLDEN / f"{mode}.json")
    neurons: Any = network.modules()["1_LIFTorch"]
    assert neurons.leak_mode == mode
    np.testing.assert_array_equal(network(data)[0], wanted)
    assert wanted.sum() > 70


def test_leaks_that_are_not_known_are_refused() -> None:
    tree = content("chain")
    tree["1_LIFTorch"]["leak_mode"] = '"half"'
    text = "`1_LIFTorch.leak_mode` is 'half', known are 'taus', 'decays', 'bitshifts'"
    with pytest.raises(FormatError, match=text):
        from_rockpool(tree)
    tree["1_LIFTorch"]["leak_mode"] = '"decays"'
    with pytest.raises(FormatError, match="`1_LIFTorch` has 'tau_mem', 'tau_syn', which is not"):
        from_rockpool(tree)


def test_sizes_that_do_not_chain_are_refused() -> None:
    tree = {f"{i}_LinearTorch": {"weight": "[[1.0, 2.0]]"} for i in range(2)}
    with pytest.raises(FormatError, match="no network that fits together: The output of submodule"):
        from_rockpool(tree)


@pytest.mark.parametrize("text", ["[1]", "{", "[" * 100_000, "\xff"])
def test_files_that_are_no_network_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "network.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(FormatError, match="cannot read this as a network of Rockpool"):
        from_rockpool(tmp_path / "network.json")


def test_mangled_files_end_in_a_typed_error_or_a_network(tmp_path: Path) -> None:
    original, rng = (GOLDEN / "chain.json").read_bytes(), np.random.default_rng(0)
    for _ in range(200):
        mangled = bytearray(original)
        for place in rng.integers(0, len(mangled), rng.integers(1, 5)):
            mangled[place] = rng.integers(32, 127)
        (tmp_path / "network.json").write_bytes(mangled)
        try:
            assert isinstance(from_rockpool(tmp_path / "network.json"), JaxModule)
        except FormatError:
            continue
