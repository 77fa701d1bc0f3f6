"""Neurons with several synapses are a filter for each synapse in NIR, and come back as one module."""

from typing import Any

import jax
import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="the extra `nir` is not installed")

from xylograph.mapping import from_nir, nir_report, to_nir, trace
from xylograph.models import JaxModule, LIFJax, LinearJax, Residual, Sequential, WaveSenseNet

KEYS = jax.random.split(jax.random.key(1), 8)
RASTER = np.random.default_rng(0).poisson(0.6, (2, 60, 4))


def two_synapses(**options: Any) -> LIFJax:
    taus = np.stack([np.linspace(0.004, 0.01, 5), np.linspace(0.02, 0.03, 5)], axis=1)
    return LIFJax((10, 5), tau_mem=0.02, tau_syn=taus, rng_key=KEYS[0], **options)


def chain() -> JaxModule:
    return Sequential(
        LinearJax((4, 10), rng_key=KEYS[1], has_bias=True),
        two_synapses(has_rec=True, bias=0.02 * np.arange(5.0), max_spikes_per_dt=5.0),
        LinearJax((5, 10), rng_key=KEYS[2]),
        two_synapses(),
    )


def branches() -> JaxModule:
    return Sequential(
        LinearJax((4, 5), rng_key=KEYS[1]),
        LIFJax(5),
        Residual(LinearJax((5, 10), rng_key=KEYS[3]), two_synapses()),
        LinearJax((5, 10), rng_key=KEYS[4]),
        two_synapses(),
    )


def directly_fed() -> JaxModule:
    return Sequential(
        LinearJax((4, 10), rng_key=KEYS[1]), LIFJax(10, threshold=0.2), two_synapses(threshold=0.1)
    )


def waves() -> JaxModule:
    return WaveSenseNet(
        dilations=[2, 4],
        n_classes=3,
        n_channels_in=4,
        n_channels_res=6,
        n_channels_skip=6,
        n_hidden=6,
        kernel_size=2,
        dt=1e-3,
        rng_key=KEYS[5],
    )


@pytest.mark.parametrize("make", [chain, branches, directly_fed])
def test_spikes_come_back(make: Any) -> None:
    network = make()
    copy = from_nir(to_nir(network))
    wanted = np.asarray(network(RASTER)[0])
    np.testing.assert_array_equal(copy(RASTER)[0], wanted)
    assert wanted.sum() > 10


@pytest.mark.parametrize("make", [chain, waves])
def test_populations_come_back_with_their_synapses(make: Any) -> None:
    network = make()
    for one, other in zip(
        trace(network).populations, trace(from_nir(to_nir(network))).populations, strict=True
    ):
        for name in ("tau_mem", "tau_syn", "threshold", "bias"):
            np.testing.assert_array_equal(
                np.float32(getattr(one, name)), np.float32(getattr(other, name))
            )


def test_a_chain_comes_back_as_one() -> None:
    copy = from_nir(to_nir(chain()))
    assert list(copy.modules()) == ["0_LinearJax", "1_LIFJax", "2_LinearJax", "3_LIFJax"]
    for name in ("0_LinearJax", "2_LinearJax"):
        one: Any = copy.modules()[name]
        other: Any = chain().modules()[name]
        np.testing.assert_array_equal(one.weight, other.weight)


def test_a_second_time_nothing_changes() -> None:
    graph = to_nir(chain())
    again = to_nir(from_nir(graph))
    assert set(graph.edges) == set(again.edges)
    for name, node in graph.nodes.items():
        for field in ("weight", "bias", "tau", "r", "v_leak", "v_threshold"):
            if hasattr(node, field):
                np.testing.assert_array_equal(
                    getattr(node, field), getattr(again.nodes[name], field)
                )


def test_the_graph_means_the_same_by_its_equations() -> None:
    """Step by step as NIR's equations say, without anything of ours."""
    network = Sequential(LinearJax((4, 10), rng_key=KEYS[1]), two_synapses())
    nodes, dt = to_nir(network).nodes, 1e-3
    filters = [nodes["1_LIFJax_syn1"], nodes["1_LIFJax_syn2"]]
    weights = [nodes[f"0_LinearJax_syn{k}"].weight for k in (1, 2)]
    cells = nodes["1_LIFJax"]
    currents, v, wanted = np.zeros((2, 5)), np.zeros(5), np.asarray(network(RASTER[:1])[0])[0]
    for counts, spikes in zip(RASTER[0], wanted, strict=True):
        for k, one in enumerate(filters):
            left = np.exp(-dt / one.tau)
            currents[k] = left * currents[k] + one.r * dt / one.tau * (weights[k] @ counts)
        v = np.exp(-dt / cells.tau) * v + cells.r * dt / cells.tau * currents.sum(axis=0)
        fired = np.maximum(np.floor(v / cells.v_threshold), 0)
        np.testing.assert_array_equal(fired, spikes)
        v = v - fired * cells.v_threshold
    assert wanted.sum() > 10


def test_a_filter_before_neurons_is_their_synapse() -> None:
    two = np.ones(2)
    nodes = {
        "input": nir.Input(np.array([2])),
        "syn": nir.LI(tau=0.01 * two, r=10 * two, v_leak=0 * two),
        "cells": nir.LIF(tau=0.02 * two, r=20 * two, v_leak=0 * two, v_threshold=two),
        "output": nir.Output(np.array([2])),
    }
    edges = [("input", "syn"), ("syn", "cells"), ("cells", "output")]
    report = nir_report(nir.NIRGraph(nodes, edges), dt=1e-3, dialect="physical")
    assert str(report.layers[0]) == (
        "cells (LIF): gain 1, tau_mem/dt 20 (dash 4), tau_syn/dt 10 (dash 3)"
    )
