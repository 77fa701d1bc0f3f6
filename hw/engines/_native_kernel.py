"""The compiled part of the `native` engine; Numba.

A step costs one addition for each synapse a spike passes, and a pass over the neurons; a core in
which nothing moves and nothing arrives is not touched at all.

Everything compiled stands in this one file and becomes one function: Numba's cache on disk notices
changes of the file a function stands in, not of others, and calls between compiled functions that
hand over arrays cost more than a whole step of a small network (measured: 0.93 us a step with
calls, 0.14 us without, 10 neurons).

Values are held in 32 bits and clipped where the rules say so, in the order of the rules. Spikes of
one source are delivered together: `n` saturating additions of one number are one saturating
addition of `n` times that number, because all go in one direction.
"""

from collections.abc import Callable
from inspect import unwrap
from typing import Any, NamedTuple

import numba
import numpy as np

_LOW, _HIGH = np.int32(-32768), np.int32(32767)


def _inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    # `unwrap`: Numba needs the function itself; in the test run each is wrapped in a type check.
    return numba.njit(inline="always")(unwrap(function))


class Synapses(NamedTuple):
    """Shifted weights of one matrix, by source, in two forms.

    A source with many targets close together has a *row*: all weights from its first to its last
    target, zeros included, of which the processor adds 8 or 16 at a time. Any other source has a
    *list* of targets and weights. A target is the index of a synaptic current.
    """

    row_length: np.ndarray
    row_target: np.ndarray
    row_start: np.ndarray
    row_weights: np.ndarray
    list_start: np.ndarray
    list_targets: np.ndarray
    list_weights: np.ndarray


class Network(NamedTuple):
    """All that a configuration says.

    Outputs are computed as neurons after the hidden ones: the rules differ only in how often they
    may spike and in that nobody listens. Currents are the first currents of all neurons, then, with
    two synapses, the second currents of all neurons.
    """

    from_inputs: Synapses
    from_hidden: Synapses
    dash_syn: np.ndarray
    dash_mem: np.ndarray
    threshold: np.ndarray
    bias: np.ndarray
    max_spikes: np.ndarray
    alias_start: np.ndarray
    alias_targets: np.ndarray
    max_input_spikes: int
    core_version: int
    has_bias: bool
    has_hibernation: bool


class State(NamedTuple):
    """The state of all samples; the arrays of a `CoreState`, changed in place."""

    spikes: np.ndarray
    vmem: np.ndarray
    isyn: np.ndarray
    isyn2: np.ndarray
    vmem_out: np.ndarray
    isyn_out: np.ndarray
    quiet: np.ndarray


class Records(NamedTuple):
    """Where recordings go, (batch, time, neuron); without steps where nothing is recorded."""

    spikes: np.ndarray
    vmem: np.ndarray
    isyn: np.ndarray
    isyn2: np.ndarray
    vmem_out: np.ndarray
    isyn_out: np.ndarray
    spikes_out: np.ndarray
    hibernation: np.ndarray


@_inlined
def _clipped(value):
    return np.int32(min(max(value, _LOW), _HIGH))


@_inlined
def _wrapped(value):
    return np.int32(np.int16(value))


@_inlined
def _loss(value, dash):
    # The mask changes no dash; with it the compiler knows that 32 bits are enough.
    shifted = np.int32(value >> (dash & np.int32(15)))
    return np.int32(shifted + np.int32((shifted == 0) & (value > 0)))


@_inlined
def _deliver(source, count, synapses, isyn):
    # Unsigned indices: for signed ones Numba allows for counting from the end, and the loop is
    # then computed one by one (measured: 1.3 ns a weight, 0.06 ns so).
    length = synapses.row_length[source]
    if length > 0:
        target, start = synapses.row_target[source], synapses.row_start[source]
        for k in range(length):
            j = np.uint64(target + k)
            weight = np.int32(synapses.row_weights[np.uint64(start + k)])
            isyn[j] = _clipped(np.int32(isyn[j] + np.int32(count * weight)))
    else:
        for k in range(synapses.list_start[source], synapses.list_start[source + 1]):
            j = synapses.list_targets[k]
            weight = np.int32(synapses.list_weights[k])
            isyn[j] = _clipped(np.int32(isyn[j] + np.int32(count * weight)))


@_inlined
def _leak(isyn, dash):
    moved = np.int32(0)
    for k in range(isyn.size):
        loss = _loss(isyn[k], dash[k])
        isyn[k] = np.int32(isyn[k] - loss)
        moved |= loss
    return moved


@_inlined
def _integrate_core_1(vmem, isyn, isyn2, dash):
    moved = np.int32(0)
    for i in range(vmem.size):
        before = vmem[i]
        after = np.int32(before - _loss(before, dash[i]))
        after = _clipped(np.int32(after + np.int32(isyn[i] + isyn2[i])))
        vmem[i] = after
        moved |= np.int32(before ^ after)
    return moved


@_inlined
def _integrate_core_2(vmem, isyn, isyn2, dash, bias):
    moved = np.int32(0)
    for i in range(vmem.size):
        change = _wrapped(np.int32(-_loss(vmem[i], dash[i])))
        change = _clipped(np.int32(change + np.int32(isyn[i] + isyn2[i])))
        change = _clipped(np.int32(change + bias[i]))
        vmem[i] = _clipped(np.int32(vmem[i] + change))
        moved |= change
    return moved


@_inlined
def _fire(vmem, spikes, network):
    # One spike of every neuron at a time: many neurons at once beat one division for each.
    any_spike = False
    firing = True
    while firing:
        firing = False
        for i in range(vmem.size):
            threshold = network.threshold[i]
            fires = (vmem[i] >= threshold) & (spikes[i] < network.max_spikes[i])
            spikes[i] += np.uint8(fires)
            vmem[i] = _wrapped(np.int32(vmem[i] - np.int32(fires) * threshold))
            firing |= fires
        any_spike |= firing
    return any_spike


@_inlined
def _fire_in_order(vmem, spikes, network):
    # Neuron by neuron: what aliases of lower ids wrote here counts towards the limit.
    any_spike = False
    for i in range(vmem.size):
        count, limit = spikes[i], network.max_spikes[i]
        while vmem[i] >= network.threshold[i] and count < limit:
            count += np.uint8(1)
            vmem[i] = _wrapped(np.int32(vmem[i] - network.threshold[i]))
        spikes[i] = count
        any_spike |= count > 0
        for k in range(network.alias_start[i], network.alias_start[i + 1]):
            j = network.alias_targets[k]
            spikes[j] = min(network.max_spikes[j], spikes[j] + count)
    return any_spike


@_inlined
def _update(vmem, isyn, isyn2, spikes, network):
    moved = _leak(isyn, network.dash_syn)
    if network.core_version == 1:
        moved |= _integrate_core_1(vmem, isyn, isyn2, network.dash_mem)
    else:
        moved |= _integrate_core_2(vmem, isyn, isyn2, network.dash_mem, network.bias)
    for i in range(spikes.size):
        spikes[i] = 0
    if network.alias_targets.size > 0:
        fired = _fire_in_order(vmem, spikes, network)
    else:
        fired = _fire(vmem, spikes, network)
    return moved != 0, fired


@_inlined
def _deliver_inputs(counts, sample, step, network, isyn):
    arrived = False
    for channel in range(counts.shape[2]):
        count = np.int32(min(counts[sample, step, channel], network.max_input_spikes))
        if count > 0:
            arrived = True
            _deliver(channel, count, network.from_inputs, isyn)
    return arrived


@_inlined
def _deliver_spikes(spikes, n_hidden, network, isyn):
    arrived = False
    for source in range(n_hidden):
        count = np.int32(spikes[source])
        if count > 0:
            arrived = True
            _deliver(source, count, network.from_hidden, isyn)
    return arrived


@_inlined
def _load(state, sample, spikes, vmem, isyn, isyn2):
    n, n_out = state.vmem.shape[1], state.vmem_out.shape[1]
    for i in range(n):
        spikes[i] = state.spikes[sample, i]
        vmem[i] = state.vmem[sample, i]
        isyn[i] = state.isyn[sample, i]
        isyn2[i] = state.isyn2[sample, i]
    for i in range(n_out):
        vmem[n + i] = state.vmem_out[sample, i]
        isyn[n + i] = state.isyn_out[sample, i]


@_inlined
def _store(state, sample, spikes, vmem, isyn, isyn2):
    n, n_out = state.vmem.shape[1], state.vmem_out.shape[1]
    for i in range(n):
        state.spikes[sample, i] = spikes[i]
        state.vmem[sample, i] = vmem[i]
        state.isyn[sample, i] = isyn[i]
        state.isyn2[sample, i] = isyn2[i]
    for i in range(n_out):
        state.vmem_out[sample, i] = vmem[n + i]
        state.isyn_out[sample, i] = isyn[n + i]


@_inlined
def _note(target, sample, step, values, first):
    # An array without steps is not wanted.
    if target.shape[1] > 0:
        for k in range(target.shape[2]):
            target[sample, step, k] = values[first + k]


@_inlined
def _note_all(records, sample, step, n, spikes, vmem, isyn, isyn2):
    _note(records.spikes, sample, step, spikes, 0)
    _note(records.vmem, sample, step, vmem, 0)
    _note(records.isyn, sample, step, isyn, 0)
    _note(records.isyn2, sample, step, isyn2, 0)
    _note(records.vmem_out, sample, step, vmem, n)
    _note(records.isyn_out, sample, step, isyn, n)
    _note(records.spikes_out, sample, step, spikes, n)


def _evolve_samples(first, last, raster, network, state, records):
    n, n_all = state.vmem.shape[1], network.threshold.size
    spikes, vmem = np.zeros(n_all, np.uint8), np.zeros(n_all, np.int32)
    currents = np.zeros(2 * n_all, np.int32)
    isyn, isyn2 = currents[: network.dash_syn.size], currents[n_all:]
    for sample in range(first, last):
        _load(state, sample, spikes, vmem, isyn, isyn2)
        quiet = state.quiet[sample]
        # Nothing moved and nobody spiked: without arrivals the next step is the same again.
        still, fired = False, True
        for step in range(raster.shape[1]):
            arrived = _deliver_inputs(raster, sample, step, network, isyn)
            if fired:
                arrived |= _deliver_spikes(spikes, n, network, isyn)
            moved = False
            if arrived or not still:
                moved, fired = _update(vmem, isyn, isyn2, spikes, network)
                still = not (moved or fired)
            was_quiet = quiet
            quiet = network.has_hibernation and not (arrived or moved)
            _note_all(records, sample, step, n, spikes, vmem, isyn, isyn2)
            if records.hibernation.shape[1] > 0:
                flag = (was_quiet and not arrived) if network.has_bias else quiet
                records.hibernation[sample, step] = flag
        state.quiet[sample] = quiet
        _store(state, sample, spikes, vmem, isyn, isyn2)


# Without the interpreter lock, so that samples can be computed side by side.
evolve_samples: Any = numba.njit(cache=True, nogil=True)(unwrap(_evolve_samples))
"""Compute samples `first` to `last`, excluded, of a batch from their first to their last step.

Takes the raster (read-only, uint8 (batch, time, input)), a `Network`, a `State` and `Records`;
entries of the samples are changed in the state and filled in the records.
"""
