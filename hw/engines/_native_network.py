"""From a configuration to the tables that the compiled code of the `native` engine reads."""

import numpy as np
from jaxtyping import Int64

from .._config import XyloConfig
from ._native_kernel import Network, Synapses

# A source gets a row when more than this part of the entries between its first and its last
# target are weights. Below, a list is quicker. Measured for 63, 250 and 1000 neurons: equal
# between 6 and 7 %.
_ROW_DENSITY = 1 / 16


def network_of(config: XyloConfig) -> Network:
    """All tables of a configuration.

    Args:
        config: what to compute.

    Returns:
        The tables, in arrays of their own.
    """
    chip, n, n_out = config.chip, config.n_hidden, config.n_outputs
    has_bias = chip.has_bias and bool(config.bias.any() or config.bias_out.any())
    dash_syn = [config.dash_syn, config.dash_syn_out, config.dash_syn_2, np.zeros(n_out)]
    limits = np.array([chip.max_hidden_spikes, chip.max_output_spikes], np.uint8)
    # Outputs have no aliases: their lists are empty.
    alias_ends = np.cumsum([len(targets) for targets in config.aliases] + [0] * n_out)
    targets = [target for targets in config.aliases for target in targets]
    return Network(
        from_inputs=_synapses(_from_inputs(config)),
        from_hidden=_synapses(_from_hidden(config)),
        dash_syn=np.concatenate(dash_syn[: 2 * config.n_synapses]).astype(np.int32),
        dash_mem=np.concatenate([config.dash_mem, config.dash_mem_out]).astype(np.int32),
        threshold=np.concatenate([config.threshold, config.threshold_out]).astype(np.int32),
        bias=np.concatenate([config.bias, config.bias_out]).astype(np.int32) * np.int32(has_bias),
        max_spikes=np.repeat(limits, [n, n_out]),
        alias_start=np.concatenate([[0], alias_ends]).astype(np.uint64),
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
    # The cast keeps the low 16 bits, as the vendor's simulator does with shifts above 8.
    by_source = weights.reshape(len(weights), -1).astype(np.int16)
    rows, lists = [np.zeros(0, np.int16)], [np.zeros((2, 0), np.int64)]
    spans = np.zeros((len(by_source), 2), np.int64)
    for source, entries in enumerate(by_source):
        targets = np.flatnonzero(entries)
        first, last = (targets[0], targets[-1] + 1) if targets.size else (0, 0)
        if targets.size > _ROW_DENSITY * (last - first):
            spans[source] = first, last - first
            rows.append(entries[first:last])
            targets = targets[:0]
        lists.append(np.stack([targets, entries[targets]]))
    row_ends = np.cumsum(spans[:, 1])
    targets, list_weights = np.concatenate(lists, axis=1)
    return Synapses(
        row_length=spans[:, 1].copy(),
        row_target=spans[:, 0].copy(),
        row_start=row_ends - spans[:, 1],
        row_weights=np.concatenate(rows),
        list_start=np.cumsum([part.shape[1] for part in lists]),
        list_targets=targets.astype(np.uint64),
        list_weights=list_weights.astype(np.int16),
    )
