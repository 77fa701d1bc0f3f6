"""The compiled part of the `native` engine; Numba.

One sample after the other, 32 neurons at a time. Weights lie in *panels*: for 32 currents a row of
32 weights of each source. A step costs one addition of a row for each source that sends and each
panel that it reaches, and a pass over the neurons; where a panel would be nearly empty its weights
are in lists instead, and a spike costs one addition for each. A core in which nothing moves and
nothing arrives is not touched.

Values are held in 16 bits. Sums are clipped where the rules say so, in the order of the rules.
Spikes of one source are delivered together: `n` saturating additions of one number are one
saturating addition of `n` times that number, because all go in one direction. Where that product
may be too large for 16 bits, they are delivered one by one.

What slows down a small network are branches that the processor guesses wrong: whether a channel
spikes, whether a neuron fires. So who sends is listed, and who fires once is charged, without any.

The parts take pointers and not arrays. Numba counts who holds an array, for each function that it
is handed to, which takes longer than a step of 10 neurons. And they are
inlined, where they are not rare, because LLVM left alone inlines too little (10 neurons, measured
on 2026-11-25: 42 ns a step, and 32 ns so).
"""

from collections.abc import Callable
from inspect import unwrap
from typing import Any, NamedTuple

import numba
import numpy as np

from ._native_vector import (
    COMPRESSES,
    FINGERPRINT,
    added,
    added_three,
    at,
    larger,
    largest,
    list_nonzero,
    load,
    lowest,
    nonzero,
    pointer_to,
    smaller,
    splat,
    store,
)

_HIGH, _LOW = np.int32(32767), np.int32(-32768)


class _Tables(NamedTuple):
    """A `Network`: where its arrays start, and its numbers."""

    panels: Any
    rows: Any
    list_start: Any
    list_targets: Any
    list_weights: Any
    can_send: Any
    dash_syn: Any
    dash_syn_2: Any
    dash_mem: Any
    threshold: Any
    bias: Any
    max_spikes: Any
    alias_start: Any
    alias_targets: Any
    fits: Any
    most_from_inputs: Any
    most_from_hidden: Any
    has_lists: Any
    n_panels: Any
    n_blocks: Any
    n_neurons: Any
    n_padded: Any


class _Core(NamedTuple):
    """Where the state of the sample at work lies, in the order of `Network`."""

    sent: Any
    """Spikes of the sources: those of the input channels, then `spikes`."""
    spikes: Any
    vmem: Any
    isyn: Any
    isyn2: Any


class _Senders(NamedTuple):
    """Who sends in a step: the sources, and for each block of 32 how many are in lower ones."""

    source: Any
    before: Any


def _part(function: Callable[..., Any]) -> Callable[..., Any]:
    # `unwrap`: Numba needs the function itself; in the test run each is wrapped in a type check.
    return numba.njit(inline="always")(unwrap(function))


def _called(function: Callable[..., Any]) -> Callable[..., Any]:
    return numba.njit(unwrap(function))


@_part
def _take_inputs(tables, sent, row, n_inputs, has_room, most):
    """Put the input counts of a step beside the spikes; whether there are any."""
    found = splat(0)
    for first in range(0, n_inputs, 32):
        if has_room:
            # Counts of the next step come along where channels do not fill a block.
            store(sent, first, smaller(load(row, first), splat(most)))
        else:
            for i in range(first, min(first + 32, n_inputs)):
                sent[i] = min(row[i], most)
        found = found | (load(sent, first) & load(tables.can_send, first))
    return nonzero(found) > 0


@_part
def _list_senders(tables, sent, senders):
    """List who sends, ascending; how many do."""
    n = 0
    for block in range(tables.n_blocks):
        senders.before[block] = n
        first = 32 * block
        spikes = load(sent, first) & load(tables.can_send, first)
        if COMPRESSES:
            n += list_nonzero(at(senders.source, n), spikes, first)
        else:
            bits = nonzero(spikes)
            while bits > 0:
                senders.source[n] = first + lowest(bits)
                bits &= bits - np.uint64(1)
                n += 1
    senders.before[tables.n_blocks] = n
    return n


@_part
def _receive_in_panels(tables, core, senders):
    for panel in range(tables.n_panels):
        begin = senders.before[tables.panels[3 * panel]]
        end = senders.before[tables.panels[3 * panel + 1]]
        start = tables.panels[3 * panel + 2]
        current = load(core.isyn, 32 * panel)
        for k in range(begin, end):
            source = np.int64(senders.source[k])
            count, weights = core.sent[source], load(tables.rows, start + 32 * source)
            if tables.fits:
                current = added(current, splat(count) * weights)
            else:
                for _ in range(count):
                    current = added(current, weights)
        store(core.isyn, 32 * panel, current)


@_called
def _receive_by_lists(tables, core, senders, begin, end):
    for k in range(begin, end):
        source = senders.source[k]
        count = np.int32(core.sent[source])
        for i in range(tables.list_start[source], tables.list_start[source + 1]):
            target = tables.list_targets[i]
            total = np.int32(core.isyn[target] + np.int32(count * tables.list_weights[i]))
            core.isyn[target] = np.int16(min(max(total, _LOW), _HIGH))


@_called
def _receive_by_lists_unclipped(tables, core, senders, begin, end):
    for k in range(begin, end):
        source = senders.source[k]
        count = core.sent[source]
        for i in range(tables.list_start[source], tables.list_start[source + 1]):
            target = tables.list_targets[i]
            core.isyn[target] = np.int16(core.isyn[target] + count * tables.list_weights[i])


@_part
def _most_sent(core, senders, begin, end):
    most = 0
    for k in range(begin, end):
        most = max(most, core.sent[senders.source[k]])
    return most


@_part
def _lost(value, dash):
    """What decays away: a shift, but at least 1 of what is above zero."""
    return larger(value >> dash, smaller(value, splat(1)))


@_part
def _integrate(tables, core, two_synapses, in_core_1):
    """Leak and integrate; whether anything moved, and how far from zero a current can be.

    Both cores add a change to a membrane. In core 1 the membrane starts from zero and what is left
    of it after the decay is part of the change.
    """
    zero, sign = splat(0), splat(15)
    moved, reach = zero, zero
    for i in range(0, tables.n_padded, 32):
        current = load(core.isyn, i)
        loss = _lost(current, load(tables.dash_syn, i))
        current = current - loss
        store(core.isyn, i, current)
        moved = moved | loss
        reach = larger(reach, current ^ (current >> sign))
        before = load(core.vmem, i)
        base = before & in_core_1
        # Quirk, kept: with dash 0 the opposite of -32768 wraps.
        change = base - _lost(before, load(tables.dash_mem, i))
        if two_synapses:
            second = load(core.isyn2, i)
            loss = _lost(second, load(tables.dash_syn_2, i))
            second = second - loss
            store(core.isyn2, i, second)
            moved = moved | loss
            reach = larger(reach, second ^ (second >> sign))
            change = added_three(change, current, second)
        else:
            change = added(change, current)
        change = added(change, load(tables.bias, i))
        moved = moved | (change ^ base)
        store(core.vmem, i, added(before ^ base, change))
    return nonzero(moved) > 0, np.int64(largest(reach)) + 1


@_part
def _fire(tables, core):
    """One spike of every neuron at a time, the first without asking; whether any fired."""
    zero, fired = splat(0), splat(0)
    for i in range(0, tables.n_padded, 32):
        membrane, threshold = load(core.vmem, i), load(tables.threshold, i)
        limit = load(tables.max_spikes, i)
        fires = membrane >= threshold
        spikes = zero - fires
        membrane = membrane - (threshold & fires)
        fires = (membrane >= threshold) & (limit > spikes)
        while nonzero(fires) > 0:
            spikes = spikes - fires
            membrane = membrane - (threshold & fires)
            fires = (membrane >= threshold) & (limit > spikes)
        store(core.vmem, i, membrane)
        store(core.spikes, i, spikes)
        fired = fired | spikes
    return nonzero(fired) > 0


@_called
def _fire_with_aliases(tables, core):
    """Neuron by neuron: what aliases of lower ids wrote counts towards the limit."""
    spikes, fired = core.spikes, False
    for i in range(tables.n_neurons):
        spikes[i] = 0
    for i in range(tables.n_neurons):
        own, threshold, most = spikes[i], tables.threshold[i], tables.max_spikes[i]
        membrane = core.vmem[i]
        while membrane >= threshold and own < most:
            own = np.int16(own + 1)
            membrane = np.int16(membrane - threshold)
        core.vmem[i], spikes[i] = membrane, own
        fired |= own > 0
        for k in range(tables.alias_start[i], tables.alias_start[i + 1]):
            target = tables.alias_targets[k]
            spikes[target] = min(tables.max_spikes[target], spikes[target] + own)
    return fired


@_called
def _copy(target, values, n):
    for i in range(n):
        target[i] = values[i]


@_part
def _note(record, sample, step, n, values):
    """Write a row of a recording, if it is wanted: else it has no steps."""
    n_steps = record.shape[1]
    if n_steps > 0:
        rows, row = pointer_to(record), (sample * n_steps + step) * n
        if row + n + 31 <= (sample + 1) * n_steps * n:
            # What this writes behind the row belongs to later steps, which write it again.
            for i in range(0, n, 32):
                store(rows, row + i, load(values, i))
        else:
            _copy(at(rows, row), values, n)


@_part
def _tables_of(network):
    synapses = network.synapses
    return _Tables(
        panels=pointer_to(synapses.panels),
        rows=pointer_to(synapses.rows),
        list_start=pointer_to(synapses.list_start),
        list_targets=pointer_to(synapses.list_targets),
        list_weights=pointer_to(synapses.list_weights),
        can_send=pointer_to(network.can_send),
        dash_syn=pointer_to(network.dash_syn),
        dash_syn_2=pointer_to(network.dash_syn_2),
        dash_mem=pointer_to(network.dash_mem),
        threshold=pointer_to(network.threshold),
        bias=pointer_to(network.bias),
        max_spikes=pointer_to(network.max_spikes),
        alias_start=pointer_to(network.alias_start),
        alias_targets=pointer_to(network.alias_targets),
        fits=synapses.fits,
        most_from_inputs=synapses.most_from_inputs,
        most_from_hidden=synapses.most_from_hidden,
        has_lists=synapses.list_targets.size > 0,
        n_panels=synapses.panels.shape[0],
        n_blocks=network.can_send.size // 32,
        n_neurons=network.alias_start.size - 1,
        n_padded=network.threshold.size,
    )


@_part
def _core_in(memory, n_sent, n_padded):
    """Parts of a piece of memory, from the start of a cache line on.

    Behind each there is room for a vector that starts at its last entry.
    """
    sent = at(pointer_to(memory), (-memory.ctypes.data % 64) // 2)
    vmem = at(sent, n_sent + n_padded + 32)
    isyn = at(vmem, n_padded + 32)
    return _Core(sent, at(sent, n_sent), vmem, isyn, at(isyn, n_padded))


@_part
def _deliver(tables, core, senders, n_inputs_sent, n_senders, reach):
    """All that is sent, in panels first: what is in lists is for other currents, or is later."""
    _receive_in_panels(tables, core, senders)
    if tables.has_lists and n_senders > n_inputs_sent:
        most = _most_sent(core, senders, 0, n_inputs_sent) * tables.most_from_inputs
        most += _most_sent(core, senders, n_inputs_sent, n_senders) * tables.most_from_hidden
        if reach + most <= _HIGH:
            _receive_by_lists_unclipped(tables, core, senders, n_inputs_sent, n_senders)
        else:
            _receive_by_lists(tables, core, senders, n_inputs_sent, n_senders)


def _evolve_samples(first, last, raster, network, state, records):
    tables, n, n_out = _tables_of(network), state.vmem.shape[1], state.vmem_out.shape[1]
    n_steps, n_inputs, input_blocks = raster.shape[1], raster.shape[2], (raster.shape[2] + 31) // 32
    memory = np.zeros(32 * input_blocks + 4 * (tables.n_padded + 32), np.int16)
    core = _core_in(memory, 32 * input_blocks, tables.n_padded)
    spikes_out, vmem_out, isyn_out = at(core.spikes, n), at(core.vmem, n), at(core.isyn, n)
    # The list of senders is written 32 at a time.
    source = np.zeros(32 * tables.n_blocks + 32, np.int32)
    before = np.zeros(tables.n_blocks + 1, np.int64)
    senders = _Senders(pointer_to(source), pointer_to(before))
    has_aliases, in_core_1 = network.alias_targets.size > 0, splat(-(network.core_version == 1))

    for sample in range(first, last):
        # Pointers keep nothing alive: an array lives until it is used for the last time.
        memory[:], source[:], before[:] = 0, 0, 0
        _copy(core.spikes, at(pointer_to(state.spikes), sample * n), n)
        _copy(core.vmem, at(pointer_to(state.vmem), sample * n), n)
        _copy(core.isyn, at(pointer_to(state.isyn), sample * n), n)
        _copy(core.isyn2, at(pointer_to(state.isyn2), sample * n), n)
        _copy(vmem_out, at(pointer_to(state.vmem_out), sample * n_out), n_out)
        _copy(isyn_out, at(pointer_to(state.isyn_out), sample * n_out), n_out)
        quiet = state.quiet[sample]
        # Still: nothing moved and nobody spiked, so unless something arrives the next step is the
        # same. Reach: no current is further from zero.
        fired, still, reach = True, False, 32768

        for step in range(n_steps):
            row = (sample * n_steps + step) * n_inputs
            # Behind the last rows there may be no memory that can be read.
            has_room = row + 32 * input_blocks <= raster.size
            found = _take_inputs(
                tables,
                core.sent,
                at(pointer_to(raster), row),
                n_inputs,
                has_room,
                network.max_input_spikes,
            )
            n_senders = _list_senders(tables, core.sent, senders) if found or fired else 0
            if n_senders > 0:
                n_inputs_sent = senders.before[input_blocks]
                _deliver(tables, core, senders, n_inputs_sent, n_senders, reach)
            moved = False
            if n_senders > 0 or not still:
                moved, reach = _integrate(tables, core, network.two_synapses, in_core_1)
                fired = _fire_with_aliases(tables, core) if has_aliases else _fire(tables, core)
                still = not moved and not fired

            was_quiet = quiet
            quiet = network.has_hibernation and n_senders == 0 and not moved
            _note(records.spikes, sample, step, n, core.spikes)
            _note(records.vmem, sample, step, n, core.vmem)
            _note(records.isyn, sample, step, n, core.isyn)
            _note(records.isyn2, sample, step, n, core.isyn2)
            _note(records.vmem_out, sample, step, n_out, vmem_out)
            _note(records.isyn_out, sample, step, n_out, isyn_out)
            _note(records.spikes_out, sample, step, n_out, spikes_out)
            if records.hibernation.shape[1] > 0:
                asleep = (was_quiet and n_senders == 0) if network.has_bias else quiet
                records.hibernation[sample, step] = asleep

        _copy(at(pointer_to(state.spikes), sample * n), core.spikes, n)
        _copy(at(pointer_to(state.vmem), sample * n), core.vmem, n)
        _copy(at(pointer_to(state.isyn), sample * n), core.isyn, n)
        _copy(at(pointer_to(state.isyn2), sample * n), core.isyn2, n)
        _copy(at(pointer_to(state.vmem_out), sample * n_out), vmem_out, n_out)
        _copy(at(pointer_to(state.isyn_out), sample * n_out), isyn_out, n_out)
        state.quiet[sample] = quiet


_evolve: Any = numba.njit(nogil=True)(unwrap(_evolve_samples))


def _made_with(words: int) -> Any:
    def evolve_samples(first, last, raster, network, state, records):
        # Numba's cache on disk notices when this file changes and when what a function closes over
        # does; by this it notices changes of the vectors, which are in another file.
        _ = words
        _evolve(first, last, raster, network, state, records)

    # Without the interpreter lock, so that samples can be computed side by side.
    return numba.njit(cache=True, nogil=True)(unwrap(evolve_samples))


evolve_samples = _made_with(FINGERPRINT)
"""Compute samples `first` to `last`, excluded, of a batch from their first to their last step.

Takes the raster (read-only, uint8 (batch, time, input)), a `Network`, a `State` and `Records`;
entries of the samples are changed in the state and filled in the records.
"""
