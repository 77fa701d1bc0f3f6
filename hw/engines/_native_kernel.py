"""The compiled part of the `native` engine; Numba.

A step costs one addition for each synapse a spike passes, and a pass over the neurons; a core in
which nothing moves and nothing arrives is not touched at all.

Values are held in 32 bits and clipped where the rules say so, in the order of the rules. Spikes of
one source are delivered together: `n` saturating additions of one number are one saturating
addition of `n` times that number, because all go in one direction.

It is one long function, for two reasons. With parts of it in functions that take arrays a step of
a small network takes twice as long (10 hidden neurons, measured on 2026-11-22: 66 ns as it is,
125 ns with functions that Numba inlines, 174 ns with functions that it calls). And it stands in
one file because Numba's cache on disk notices changes of the file of a function, and of no other.
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
    *list* of targets with weights. A target is the index of a synaptic current.

    Attributes:
        places: for each source its number of weights, where they start in `weights`, the target
            of the first one in a row, or -1 for a list, and where the list starts in `targets`;
            int64 (source, 4).
        weights: of all rows and lists, one after the other; int16.
        targets: of all lists, one after the other; uint64, because for signed indices Numba
            allows for counting from the end, which is slow.
    """

    places: np.ndarray
    weights: np.ndarray
    targets: np.ndarray


class Network(NamedTuple):
    """All that a configuration says, in 32 bits where not said otherwise.

    Outputs are computed as neurons after the hidden ones: the rules differ only in how often they
    may spike and in that nobody listens. Currents are the first currents of all neurons, then, with
    two synapses, the second currents of all neurons.

    Attributes:
        from_inputs: synapses of the input channels.
        from_hidden: synapses of the hidden neurons.
        dash_syn: decay shifts of the currents [bits].
        dash_mem: decay shifts of the membranes [bits].
        threshold: firing thresholds.
        bias: biases, zero where the chip has none.
        max_spikes: most spikes of each neuron in one step; uint8.
        alias_start: for each neuron where its targets start in `alias_targets`, and the end; uint64.
        alias_targets: neurons that repeat spikes; uint64.
        max_input_spikes: most spikes of an input channel in one step.
        core_version: 1 or 2.
        has_bias: whether there is any bias.
        has_hibernation: whether the chip has it.
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
def _load(target, first, source, sample):
    for i in range(source.shape[1]):
        target[first + i] = source[sample, i]


@_inlined
def _store(target, sample, source, first):
    for i in range(target.shape[1]):
        target[sample, i] = source[first + i]


@_inlined
def _note(target, sample, step, values, first):
    # An array without steps is not wanted.
    if target.shape[1] > 0:
        for i in range(target.shape[2]):
            target[sample, step, i] = values[first + i]


def _evolve_samples(first, last, raster, network, state, records):
    in_places, in_weights, in_targets = network.from_inputs
    hid_places, hid_weights, hid_targets = network.from_hidden
    dash_syn, dash_mem, bias = network.dash_syn, network.dash_mem, network.bias
    threshold, max_spikes = network.threshold, network.max_spikes
    alias_start, alias_targets = network.alias_start, network.alias_targets
    max_input_spikes, core_version = network.max_input_spikes, network.core_version
    s_spikes, s_vmem, s_isyn, s_isyn2, s_vmem_out, s_isyn_out, s_quiet = state
    r_spikes, r_vmem, r_isyn, r_isyn2, r_vmem_out, r_isyn_out, r_spikes_out, r_asleep = records

    n, n_all = s_vmem.shape[1], threshold.size
    spikes, vmem = np.zeros(n_all, np.uint8), np.zeros(n_all, np.int32)
    # With one synapse the second half is there and stays zero.
    currents = np.zeros(2 * n_all, np.int32)
    isyn, isyn2 = currents[: dash_syn.size], currents[n_all:]

    for sample in range(first, last):
        _load(spikes, 0, s_spikes, sample)
        _load(vmem, 0, s_vmem, sample)
        _load(isyn, 0, s_isyn, sample)
        _load(isyn2, 0, s_isyn2, sample)
        _load(vmem, n, s_vmem_out, sample)
        _load(isyn, n, s_isyn_out, sample)
        quiet = s_quiet[sample]
        # Nothing moved and nobody spiked: unless something arrives, the next step is the same.
        still, fired = False, True

        for step in range(raster.shape[1]):
            arrived = False

            # Input spikes. Unsigned indices as for `Synapses.targets`: with signed ones the loop
            # over a row goes one by one (measured: 1.3 ns a weight; 0.06 ns so).
            for channel in range(raster.shape[2]):
                counted = raster[sample, step, channel]
                if counted > 0:
                    arrived = True
                    count = np.int32(min(counted, max_input_spikes))
                    length, start = in_places[channel, 0], in_places[channel, 1]
                    target, list_start = in_places[channel, 2], in_places[channel, 3]
                    if target >= 0:
                        for k in range(length):
                            j = np.uint64(target + k)
                            weight = np.int32(in_weights[np.uint64(start + k)])
                            isyn[j] = _clipped(np.int32(isyn[j] + np.int32(count * weight)))
                    else:
                        for k in range(length):
                            j = in_targets[np.uint64(list_start + k)]
                            weight = np.int32(in_weights[np.uint64(start + k)])
                            isyn[j] = _clipped(np.int32(isyn[j] + np.int32(count * weight)))

            # Hidden spikes of the last step, to hidden neurons and outputs.
            if fired:
                for source in range(n):
                    if spikes[source] > 0:
                        arrived = True
                        count = np.int32(spikes[source])
                        length, start = hid_places[source, 0], hid_places[source, 1]
                        target, list_start = hid_places[source, 2], hid_places[source, 3]
                        if target >= 0:
                            for k in range(length):
                                j = np.uint64(target + k)
                                weight = np.int32(hid_weights[np.uint64(start + k)])
                                isyn[j] = _clipped(np.int32(isyn[j] + np.int32(count * weight)))
                        else:
                            for k in range(length):
                                j = hid_targets[np.uint64(list_start + k)]
                                weight = np.int32(hid_weights[np.uint64(start + k)])
                                isyn[j] = _clipped(np.int32(isyn[j] + np.int32(count * weight)))

            moved = np.int32(0)
            if arrived or not still:
                # Currents leak.
                for k in range(isyn.size):
                    loss = _loss(isyn[k], dash_syn[k])
                    isyn[k] = np.int32(isyn[k] - loss)
                    moved |= loss

                # Membranes leak and take the currents.
                if core_version == 1:
                    for i in range(n_all):
                        before = vmem[i]
                        after = np.int32(before - _loss(before, dash_mem[i]))
                        after = _clipped(np.int32(after + np.int32(isyn[i] + isyn2[i])))
                        vmem[i] = after
                        moved |= np.int32(before ^ after)
                else:
                    for i in range(n_all):
                        change = _wrapped(np.int32(-_loss(vmem[i], dash_mem[i])))
                        change = _clipped(np.int32(change + np.int32(isyn[i] + isyn2[i])))
                        change = _clipped(np.int32(change + bias[i]))
                        vmem[i] = _clipped(np.int32(vmem[i] + change))
                        moved |= change

                fired = False
                for i in range(n_all):
                    spikes[i] = 0
                if alias_targets.size == 0:
                    # One spike of every neuron at a time: many neurons at once, up to 31 times,
                    # beat one division for each.
                    firing = True
                    while firing:
                        firing = False
                        for i in range(n_all):
                            fires = (vmem[i] >= threshold[i]) & (spikes[i] < max_spikes[i])
                            spikes[i] += np.uint8(fires)
                            vmem[i] = _wrapped(np.int32(vmem[i] - np.int32(fires) * threshold[i]))
                            firing |= fires
                        fired |= firing
                else:
                    # Neuron by neuron: what aliases of lower ids wrote counts towards the limit.
                    for i in range(n_all):
                        own = spikes[i]
                        while vmem[i] >= threshold[i] and own < max_spikes[i]:
                            own += np.uint8(1)
                            vmem[i] = _wrapped(np.int32(vmem[i] - threshold[i]))
                        spikes[i] = own
                        fired |= own > 0
                        for k in range(alias_start[i], alias_start[i + 1]):
                            j = alias_targets[k]
                            spikes[j] = min(max_spikes[j], spikes[j] + own)
                still = moved == 0 and not fired

            was_quiet = quiet
            quiet = network.has_hibernation and not arrived and moved == 0
            _note(r_spikes, sample, step, spikes, 0)
            _note(r_vmem, sample, step, vmem, 0)
            _note(r_isyn, sample, step, isyn, 0)
            _note(r_isyn2, sample, step, isyn2, 0)
            _note(r_vmem_out, sample, step, vmem, n)
            _note(r_isyn_out, sample, step, isyn, n)
            _note(r_spikes_out, sample, step, spikes, n)
            if r_asleep.shape[1] > 0:
                asleep = (was_quiet and not arrived) if network.has_bias else quiet
                r_asleep[sample, step] = asleep

        _store(s_spikes, sample, spikes, 0)
        _store(s_vmem, sample, vmem, 0)
        _store(s_isyn, sample, isyn, 0)
        _store(s_isyn2, sample, isyn2, 0)
        _store(s_vmem_out, sample, vmem, n)
        _store(s_isyn_out, sample, isyn, n)
        s_quiet[sample] = quiet


# Without the interpreter lock, so that samples can be computed side by side.
evolve_samples: Any = numba.njit(cache=True, nogil=True)(unwrap(_evolve_samples))
"""Compute samples `first` to `last`, excluded, of a batch from their first to their last step.

Takes the raster (read-only, uint8 (batch, time, input)), a `Network`, a `State` and `Records`;
entries of the samples are changed in the state and filled in the records.
"""
