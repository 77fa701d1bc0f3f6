"""From a configuration to the tables that the compiled code of the `native` engine reads."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int16, Int64, Integer

from .._config import XyloConfig
from ._native_vector import LANES

# Hidden neurons are in a panel when those in its range have so many weights for it, in the mean.
# With fewer, lists are quicker. Measured on 2026-11-25: a row of 32 weights takes 0.9 ns, an entry
# of a list 0.5 ns (0.9 ns where it may saturate), and lists stay longer in the processor's cache.
_WORTH_A_PANEL = 1.5
# Tables start where a line of the processor's cache does: a vector in two lines costs twice.
_LINE = 64
_HIGHEST = 2**15 - 1


class Synapses(NamedTuple):
    """Shifted weights, of the input channels and of the hidden neurons.

    Sources are counted in blocks of 32: first the input channels, then, from the next block on, the
    hidden neurons. Currents are those of all neurons, then, with two synapses, the second currents
    of all neurons.

    Attributes:
        panels: for each 32 currents the first block of sources, the end of the blocks, and where
            in `rows` source 0 would be; int64 (panel, 3).
        rows: for each panel and each of its sources 32 weights, zeros included; int16.
        list_start: for each source where its list starts, and the end of the last one; int64.
        list_targets: the currents of what hidden neurons send that is not in panels; uint32.
        list_weights: the weights of that; int16.
        fits: whether the most spikes of a source times any of its weights are within 16 bits.
        most_from_inputs: of the currents in lists, the largest sum of all weights from inputs,
            without their signs.
        most_from_hidden: the same of the weights from hidden neurons.
    """

    panels: np.ndarray
    rows: np.ndarray
    list_start: np.ndarray
    list_targets: np.ndarray
    list_weights: np.ndarray
    fits: bool
    most_from_inputs: int
    most_from_hidden: int


class Network(NamedTuple):
    """All that a configuration says.

    Outputs are computed as neurons after the hidden ones: the rules differ only in how often they
    may spike and in that nobody listens. Neurons are filled up to whole vectors with ones that
    never reach their threshold.

    Attributes:
        synapses: all of them.
        can_send: -1 for each source that can send, 0 for what fills its block up; int16.
        dash_syn: decay shifts of the first currents [bits]; int16, as all of the next five.
        dash_syn_2: decay shifts of the second currents [bits].
        dash_mem: decay shifts of the membranes [bits].
        threshold: firing thresholds.
        bias: biases, zero where the chip has none.
        max_spikes: most spikes of each neuron in one step.
        alias_start: for each neuron where its targets start in `alias_targets`, and the end; int64.
        alias_targets: neurons that repeat spikes; int64.
        max_input_spikes: most spikes of an input channel in one step.
        core_version: 1 or 2.
        two_synapses: whether there are second currents.
        has_bias: whether there is any bias.
        has_hibernation: whether the chip has it.
    """

    synapses: Synapses
    can_send: np.ndarray
    dash_syn: np.ndarray
    dash_syn_2: np.ndarray
    dash_mem: np.ndarray
    threshold: np.ndarray
    bias: np.ndarray
    max_spikes: np.ndarray
    alias_start: np.ndarray
    alias_targets: np.ndarray
    max_input_spikes: int
    core_version: int
    two_synapses: bool
    has_bias: bool
    has_hibernation: bool


def network_of(config: XyloConfig) -> Network:
    """All tables of a configuration.

    Args:
        config: what to compute.

    Returns:
        The tables, in arrays of their own.
    """
    chip, n, n_out = config.chip, config.n_hidden, config.n_outputs
    has_bias = chip.has_bias and bool(config.bias.any() or config.bias_out.any())
    limits = np.repeat([chip.max_hidden_spikes, chip.max_output_spikes], [n, n_out])
    # Outputs have no aliases: their lists are empty.
    n_aliases = [len(targets) for targets in config.aliases] + [0] * n_out
    aliases = [target for targets in config.aliases for target in targets]
    senders = [_filled_up(np.full(size, -1)) for size in (config.n_inputs, n)]
    return Network(
        synapses=_synapses(config),
        can_send=_aligned(np.concatenate(senders)),
        dash_syn=_filled_up(config.dash_syn, config.dash_syn_out),
        dash_syn_2=_filled_up(config.dash_syn_2, np.zeros(n_out, np.uint8)),
        dash_mem=_filled_up(config.dash_mem, config.dash_mem_out),
        threshold=_filled_up(config.threshold, config.threshold_out, rest=_HIGHEST),
        bias=_filled_up(config.bias * has_bias, config.bias_out * has_bias),
        max_spikes=_filled_up(limits),
        alias_start=np.cumsum([0, *n_aliases]),
        alias_targets=np.array(aliases, np.int64),
        max_input_spikes=chip.max_input_spikes,
        core_version=chip.core_version,
        two_synapses=config.n_synapses > 1,
        has_bias=has_bias,
        has_hibernation=chip.has_hibernation,
    )


def _filled_up(*parts: Integer[np.ndarray, " _"], rest: int = 0) -> Int16[np.ndarray, " whole"]:
    values = np.concatenate(parts)
    missing = _whole(values.size) - values.size
    return _aligned(np.pad(values.astype(np.int16), (0, missing), constant_values=rest))


def _aligned(values: Int16[np.ndarray, " n"]) -> Int16[np.ndarray, " n"]:
    memory = np.empty(values.nbytes + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    aligned = memory[start : start + values.nbytes].view(np.int16)
    aligned[:] = values
    return aligned


def _whole(n: int) -> int:
    return -(-n // LANES) * LANES


def _synapses(config: XyloConfig) -> Synapses:
    chip = config.chip
    inputs, hidden = _from_inputs(config), _from_hidden(config)
    panels, rows, is_listed = _panels(inputs, hidden)
    listed = hidden * is_listed
    source, target = np.nonzero(listed)
    n_entries = np.bincount(source + len(inputs), minlength=len(inputs) + len(hidden))
    largest = max(
        chip.max_input_spikes * _largest(inputs), chip.max_hidden_spikes * _largest(hidden)
    )
    return Synapses(
        panels=panels,
        rows=rows,
        list_start=np.cumsum([0, *n_entries]),
        list_targets=target.astype(np.uint32),
        list_weights=listed[source, target],
        fits=largest <= _HIGHEST,
        most_from_inputs=_most(inputs * is_listed),
        most_from_hidden=_most(listed),
    )


def _from_inputs(config: XyloConfig) -> Int16[np.ndarray, "input current"]:
    weights = np.zeros(_shape(config, config.n_inputs), np.int16)
    to_hidden = np.moveaxis(config.weights_in, -1, 1)
    weights[: config.n_inputs, :, : config.n_input_expansion] = to_hidden
    # Quirk, kept: what is shifted out of 16 bits is lost.
    weights <<= np.int16(config.weight_shift_in)
    return weights.reshape(len(weights), -1)


def _from_hidden(config: XyloConfig) -> Int16[np.ndarray, "hidden current"]:
    n, n_out = config.n_hidden, config.n_outputs
    weights = np.zeros(_shape(config, n), np.int16)
    weights[:n, :, :n] = np.moveaxis(config.weights_rec, -1, 1)
    weights[:, :, :n] <<= np.int16(config.weight_shift_rec)
    weights[n - config.n_output_expansion : n, 0, n : n + n_out] = config.weights_out
    weights[:, :, n:] <<= np.int16(config.weight_shift_out)
    return weights.reshape(len(weights), -1)


def _shape(config: XyloConfig, n_sources: int) -> tuple[int, int, int]:
    return _whole(n_sources), config.n_synapses, _whole(config.n_hidden + config.n_outputs)


def _largest(weights: Int16[np.ndarray, "source current"]) -> int:
    return max(int(weights.max(initial=0)), -int(weights.min(initial=0)))


def _most(weights: Int16[np.ndarray, "source current"]) -> int:
    positive = np.maximum(weights, 0).sum(axis=0, dtype=np.int64)
    negative = np.minimum(weights, 0).sum(axis=0, dtype=np.int64)
    return int((positive - negative).max(initial=0))


def _panels(
    inputs: Int16[np.ndarray, "input current"], hidden: Int16[np.ndarray, "hidden current"]
) -> tuple[Int64[np.ndarray, "panel 3"], Int16[np.ndarray, " entry"], Bool[np.ndarray, " current"]]:
    """Panels and their rows; and the currents for which hidden neurons are not in a panel."""
    weights, first_hidden = np.concatenate([inputs, hidden]), len(inputs) // LANES
    panels, rows, n_rows = [], [], 0
    is_listed = np.zeros(hidden.shape[1], np.bool_)
    for current in range(0, hidden.shape[1], LANES):
        columns = slice(current, current + LANES)
        begin, end = _blocks_of(weights[:, columns])
        n_hidden = LANES * max(0, end - max(begin, first_hidden))
        if np.count_nonzero(hidden[:, columns]) < _WORTH_A_PANEL * n_hidden:
            is_listed[columns] = True
            begin, end = _blocks_of(inputs[:, columns])
        panels.append((begin, end, LANES * (n_rows - LANES * begin)))
        rows.append(weights[LANES * begin : LANES * end, columns].ravel())
        n_rows += LANES * (end - begin)
    return np.array(panels), _aligned(np.concatenate(rows)), is_listed


def _blocks_of(weights: Int16[np.ndarray, "source 32"]) -> tuple[int, int]:
    """The first block of sources with weights, and the end of the last one."""
    blocks = np.flatnonzero(weights.reshape(-1, LANES, LANES).any(axis=(1, 2)))
    return (int(blocks[0]), int(blocks[-1]) + 1) if blocks.size else (0, 0)
