"""From a configuration to the tables that the compiled code of the `native` engine reads."""

import numpy as np
from jaxtyping import Int64

from .._config import XyloConfig
from ._native_kernel import Network, Synapses

# A source gets a row when more than this part of the entries between its first and its last
# target are weights. Below, a list is quicker. Measured on 2026-11-22: equal at 13 % with 63
# hidden neurons, 9 % with 250, 8 % with 1000.
_ROW_DENSITY = 1 / 12


def network_of(config: XyloConfig) -> Network:
    """All tables of a configuration.

    Args:
        config: what to compute.

    Returns:
        The tables, in arrays of their own.
    """
    chip, n_out = config.chip, config.n_outputs
    has_bias = chip.has_bias and bool(config.bias.any() or config.bias_out.any())
    dash_syn = [config.dash_syn, config.dash_syn_out, config.dash_syn_2, np.zeros(n_out)]
    limits = np.array([chip.max_hidden_spikes, chip.max_output_spikes], np.uint8)
    # Outputs have no aliases: their lists are empty.
    n_aliases = [len(targets) for targets in config.aliases] + [0] * n_out
    targets = [target for targets in config.aliases for target in targets]
    return Network(
        from_inputs=_synapses(_from_inputs(config)),
        from_hidden=_synapses(_from_hidden(config)),
        dash_syn=np.concatenate(dash_syn[: 2 * config.n_synapses]).astype(np.int32),
        dash_mem=np.concatenate([config.dash_mem, config.dash_mem_out]).astype(np.int32),
        threshold=np.concatenate([config.threshold, config.threshold_out]).astype(np.int32),
        bias=np.concatenate([config.bias, config.bias_out]).astype(np.int32) * np.int32(has_bias),
        max_spikes=np.repeat(limits, [config.n_hidden, n_out]),
        alias_start=np.cumsum([0, *n_aliases]).astype(np.uint64),
        alias_targets=np.array(targets, np.uint64),
        max_input_spikes=chip.max_input_spikes,
        core_version=chip.core_version,
        has_bias=has_bias,
        has_hibernation=chip.has_hibernation,
    )


def _from_inputs(config: XyloConfig) -> Int64[np.ndarray, "input synapse neuron"]:
    n_all = config.n_hidden + config.n_outputs
    weights = np.zeros((config.n_inputs, config.n_synapses, n_all), np.int64)
    weights[:, :, : config.n_input_expansion] = np.moveaxis(config.weights_in, -1, 1)
    return weights << config.weight_shift_in


def _from_hidden(config: XyloConfig) -> Int64[np.ndarray, "hidden synapse neuron"]:
    n = config.n_hidden
    weights = np.zeros((n, config.n_synapses, n + config.n_outputs), np.int64)
    weights[:, :, :n] = np.moveaxis(config.weights_rec, -1, 1)
    weights[:, :, :n] <<= config.weight_shift_rec
    weights[n - config.n_output_expansion :, 0, n:] = config.weights_out
    weights[:, :, n:] <<= config.weight_shift_out
    return weights


def _synapses(weights: Int64[np.ndarray, "source synapse neuron"]) -> Synapses:
    # Quirk, kept: the cast leaves the low 16 bits, which shifts above 8 can exceed.
    by_source = weights.reshape(len(weights), -1).astype(np.int16)
    places = np.zeros((len(by_source), 4), np.int64)
    all_weights, all_targets = [np.zeros(0, np.int16)], [np.zeros(0, np.int64)]
    n_weights = n_targets = 0
    for source, entries in enumerate(by_source):
        targets = np.flatnonzero(entries)
        first, last = (targets[0], targets[-1] + 1) if targets.size else (0, 0)
        if targets.size > _ROW_DENSITY * (last - first):
            found, targets = entries[first:last], targets[:0]
        else:
            found, first = entries[targets], -1
        places[source] = found.size, n_weights, first, n_targets
        all_weights.append(found)
        all_targets.append(targets)
        n_weights += found.size
        n_targets += targets.size
    targets = np.concatenate(all_targets).astype(np.uint64)
    return Synapses(places, np.concatenate(all_weights), targets)
