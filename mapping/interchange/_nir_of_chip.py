"""The network that a chip's configuration stands for, as far as real numbers can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from ...hw import XyloConfig
from ...models import JaxModule, LIFJax, LinearJax, Sequential, dash_to_tau
from .._deployment import Deployment


def network_of_chip(source: XyloConfig | Deployment) -> tuple[JaxModule, dict[str, Any]]:
    """A network with the integers of a configuration, and facts of the chip.

    States are not rounded and do not saturate in it, and hidden spikes come to the outputs in
    their own step, not in the next one. Aliases are multiplied into the weights.

    Args:
        source: a configuration, or a deployment, whose scales are then among the facts.

    Raises:
        ValueError: a decay shift of 0, which no time constant has; or a threshold of 0 or less,
            which no neuron of a network has.
    """
    config = source.config if isinstance(source, Deployment) else source
    n, k = config.n_hidden, config.n_synapses
    into = np.zeros((config.n_inputs, n, k))
    into[:, : config.n_input_expansion] = config.weights_in
    out = np.zeros((n, config.n_outputs))
    out[n - config.n_output_expansion :] = config.weights_out
    copies = _copies(config)
    recurrent = copies @ config.weights_rec.reshape(n, -1).astype(float)
    dashes = [config.dash_syn, config.dash_syn_2][:k]
    shift_in, shift_rec, shift_out = (
        2.0**shift
        for shift in (config.weight_shift_in, config.weight_shift_rec, config.weight_shift_out)
    )
    biased = config.chip.has_bias
    hidden = LIFJax(
        (n * k, n),
        tau_mem=_tau(config, "dash_mem", config.dash_mem),
        tau_syn=np.stack([_tau(config, "dash_syn", dash) for dash in dashes], axis=1),
        threshold=_threshold(config, "threshold"),
        bias=config.bias.astype(float) * biased,
        has_rec=bool(recurrent.any()),
        w_rec=recurrent * shift_rec if recurrent.any() else None,
        max_spikes_per_dt=float(config.chip.max_hidden_spikes),
        dt=config.dt,
    )
    readout = LIFJax(
        config.n_outputs,
        tau_mem=_tau(config, "dash_mem_out", config.dash_mem_out),
        tau_syn=_tau(config, "dash_syn_out", config.dash_syn_out)[:, None],
        threshold=_threshold(config, "threshold_out"),
        bias=config.bias_out.astype(float) * biased,
        max_spikes_per_dt=float(config.chip.max_output_spikes),
        dt=config.dt,
    )
    weights_in = into.reshape(config.n_inputs, -1) * shift_in
    weights_out = copies @ out * shift_out
    network = Sequential(
        {
            "weights_in": LinearJax(weights_in.shape, weight=weights_in, has_bias=False),
            "hidden": hidden,
            "weights_out": LinearJax(weights_out.shape, weight=weights_out, has_bias=False),
            "readout": readout,
        }
    )
    return network, _hardware(config, source)


def _tau(config: XyloConfig, name: str, dash: Any) -> Float[np.ndarray, " n"]:
    zero = np.flatnonzero(np.asarray(dash) == 0)
    if zero.size:
        raise ValueError(
            f"`{name}` is 0 for {zero.size} neurons, the first is {zero[0]}: nothing is left of a "
            "state after a step then, and no time constant of NIR does that"
        )
    return dash_to_tau(dash, config.dt)


def _threshold(config: XyloConfig, name: str) -> Float[np.ndarray, " n"]:
    threshold = np.asarray(getattr(config, name), float)
    wrong = np.flatnonzero(threshold <= 0)
    if wrong.size:
        raise ValueError(
            f"`{name}` is not above 0 for {wrong.size} neurons, the first is {wrong[0]}, of "
            f"{threshold[wrong[0]]:.0f}: a neuron of NIR would spike without end; give it a "
            "threshold of 1 or more"
        )
    return threshold


def _copies(config: XyloConfig) -> Float[np.ndarray, "source neuron"]:
    """How many spikes each neuron sends for one own spike of each, its aliases with it.

    In the order of ids, as the chip does: a neuron hands on what came from lower ids, too.
    """
    copies = np.eye(config.n_hidden)
    for source, targets in enumerate(config.aliases):
        # What came from higher ids comes after it has handed on its own.
        handed = copies[:, source].copy()
        for target in targets:
            copies[:, target] += handed
    return copies


def _hardware(config: XyloConfig, source: XyloConfig | Deployment) -> dict[str, Any]:
    shifts = ("weight_shift_in", "weight_shift_rec", "weight_shift_out")
    facts: dict[str, Any] = {"chip": config.chip.name, "unit": "integers of the chip"}
    facts |= {name: int(getattr(config, name)) for name in shifts}
    if isinstance(source, Deployment):
        exact = source.specification
        facts["scale"] = [float(s) for s in config.threshold / np.asarray(exact.threshold)]
        facts["scale_out"] = [
            float(s) for s in config.threshold_out / np.asarray(exact.threshold_out)
        ]
    return facts
