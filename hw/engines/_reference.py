"""The `reference` engine: the rules of the core, one after the other. The definition.

All other engines are equal to this one. It is written to be read beside the fact sheet, and shares
no code with any of them.

Source: chip facts, section 2. What the sheet leaves open was measured on the vendor's simulator
(`xylosim` 0.1.3, 2026-11-22) and is held by `tests/hw/test_vendor_rules.py`: thresholds of zero and
below, the two places where 16 bits wrap, the order of aliases, when hibernation shows.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, Integer, UInt8

from .._config import XyloConfig
from ._interface import Recordings, empty_recordings
from ._state import CoreState

_INT16 = (-32768, 32767)


def sat16(value: Integer[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
    """The nearest number that 16 bits with a sign can hold.

    Args:
        value: any integers.

    Returns:
        `value`, clipped to -32768..32767.

    Source: chip facts, section 2; checked against the vendor's simulator.

    >>> sat16(np.array([40000, 5, -40000]))
    array([ 32767,      5, -32768])
    """
    return np.clip(value.astype(np.int64), *_INT16)


def wrap16(value: Integer[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
    """What is left of a number in its low 16 bits, read with a sign.

    Args:
        value: any integers.

    Returns:
        `value` modulo 65536, in -32768..32767.

    Source: two's complement, as the vendor's simulator stores results it does not saturate.

    >>> wrap16(np.array([40000, 5, 32768]))
    array([-25536,      5, -32768])
    """
    return ((value.astype(np.int64) + 32768) & 0xFFFF) - 32768


def decay(
    value: Integer[np.ndarray, "*n"], dash: Integer[np.ndarray, "*#n"]
) -> Int64[np.ndarray, "*n"]:
    """What one time step takes away from a current or a voltage.

    An arithmetic shift, except that a value above zero always loses at least one unit, so that it
    reaches zero. Values below zero do so without help: their shift never gives zero.

    Args:
        value: synaptic current or membrane potential, -32768..32767.
        dash: decay shift [bits], 0 to 15; 0 takes all.

    Returns:
        The loss, with the sign and shape of `value`; subtract it.

    Source: chip facts, section 2; checked against the vendor's simulator.

    >>> decay(np.array([5, 0, -5]), np.array(3))
    array([ 1,  0, -1])
    """
    loss = value.astype(np.int64) >> dash
    return np.where(loss == 0, np.sign(value), loss)


class ReferenceEngine:
    """Computes sample by sample, step by step, neuron by neuron, in NumPy.

    Args:
        config: what to compute.
    """

    def __init__(self, config: XyloConfig) -> None:
        self._config = config
        self._weights = _shifted_weights(config)

    def evolve(
        self,
        raster: UInt8[np.ndarray, "batch time input"],
        state: CoreState,
        wanted: AbstractSet[str],
    ) -> tuple[Recordings, CoreState]:
        """Compute as many time steps as the raster has; see `Engine`."""
        batch, n_steps, _ = raster.shape
        recordings = empty_recordings(self._config, wanted, batch, n_steps)
        new_state = state.copy()
        for sample in range(batch):
            core = _Core(self._config, self._weights, new_state, sample)
            for step in range(n_steps):
                core.step(raster[sample, step])
                shown = core.shown()
                for name, array in recordings.items():
                    array[sample, step] = shown[name]
            final = core.state()
            for name, array in new_state.arrays().items():
                array[sample] = final[name]
        return recordings, new_state


@dataclass(frozen=True, eq=False)
class _Weights:
    """Shifted weights, 16 bit, with a place for every hidden neuron."""

    inputs: Int64[np.ndarray, "input hidden synapse"]
    recurrent: Int64[np.ndarray, "hidden hidden synapse"]
    outputs: Int64[np.ndarray, "hidden output 1"]


def _shifted_weights(config: XyloConfig) -> _Weights:
    # Columns of `weights_in` are the first hidden neurons, rows of `weights_out` the last ones.
    missing_in = config.n_hidden - config.n_input_expansion
    missing_out = config.n_hidden - config.n_output_expansion
    inputs = np.pad(config.weights_in, ((0, 0), (0, missing_in), (0, 0)))
    outputs = np.pad(config.weights_out, ((missing_out, 0), (0, 0)))[:, :, None]
    # Quirk, kept: a shift above 8 can move bits out of the 16 that are left.
    return _Weights(
        inputs=wrap16(inputs.astype(np.int64) << config.weight_shift_in),
        recurrent=wrap16(config.weights_rec.astype(np.int64) << config.weight_shift_rec),
        outputs=wrap16(outputs.astype(np.int64) << config.weight_shift_out),
    )


class _Core:
    """One core, computing one sample."""

    def __init__(
        self, config: XyloConfig, weights: _Weights, state: CoreState, sample: int
    ) -> None:
        chip = config.chip
        self.chip = chip
        self.weights = weights
        self.has_bias = chip.has_bias and bool(config.bias.any() or config.bias_out.any())
        self.hidden = _hidden_layer(config, state, sample)
        self.output = _output_layer(config, state, sample)
        self.quiet = bool(state.quiet[sample])
        self.hibernation = False

    def step(self, counts: UInt8[np.ndarray, " input"]) -> None:
        """One time step, in the order of the fact sheet."""
        was_quiet = self.quiet
        arrived = bool(counts.any() or self.hidden.spikes.any())
        # Inputs before recurrent spikes: saturation makes the sum depend on the order.
        _deliver(
            np.minimum(counts, self.chip.max_input_spikes), self.weights.inputs, self.hidden.isyn
        )
        _deliver(self.hidden.spikes, self.weights.recurrent, self.hidden.isyn)
        _deliver(self.hidden.spikes, self.weights.outputs, self.output.isyn)
        hidden_moved = self._update(self.hidden)
        output_moved = self._update(self.output)
        self.quiet = self.chip.has_hibernation and not (arrived or hidden_moved or output_moved)
        # With biases the core decides at the end of a step whether it sleeps in the next one, and
        # a spike that arrives wakes it at once.
        self.hibernation = was_quiet and not arrived if self.has_bias else self.quiet

    def _update(self, layer: "_Layer") -> bool:
        """Leak, integrate and fire; whether any current or membrane moved."""
        current_loss = decay(layer.isyn, layer.dash_syn)
        layer.isyn -= current_loss
        integrate = _integrate_core_1 if self.chip.core_version == 1 else _integrate_core_2
        bias = layer.bias if self.has_bias else np.zeros_like(layer.bias)
        moved = integrate(layer, bias)
        layer.spikes[:] = 0
        for neuron in range(len(layer.vmem)):
            _fire(layer, neuron)
        return bool(current_loss.any() or moved.any())

    def shown(self) -> dict[str, np.ndarray | bool]:
        """What can be recorded of the step that was last computed."""
        isyn2 = self.hidden.isyn[:, 1:]
        return {
            "Spikes": self.hidden.spikes,
            "Vmem": self.hidden.vmem,
            "Isyn": self.hidden.isyn[:, 0],
            "Isyn2": isyn2[:, 0] if isyn2.size else np.zeros_like(self.hidden.vmem),
            "Vmem_out": self.output.vmem,
            "Isyn_out": self.output.isyn[:, 0],
            "Spikes_out": self.output.spikes,
            "hibernation": self.hibernation,
        }

    def state(self) -> dict[str, np.ndarray | bool]:
        """What the next step needs, by the names of `CoreState`."""
        shown = self.shown()
        return {
            "spikes": shown["Spikes"],
            "vmem": shown["Vmem"],
            "isyn": shown["Isyn"],
            "isyn2": shown["Isyn2"],
            "vmem_out": shown["Vmem_out"],
            "isyn_out": shown["Isyn_out"],
            "quiet": self.quiet,
        }


@dataclass(eq=False)
class _Layer:
    """The hidden or the output neurons: their state, which is changed in place, and parameters."""

    vmem: Int64[np.ndarray, " n"]
    isyn: Int64[np.ndarray, "n synapse"]
    spikes: Int64[np.ndarray, " n"]
    dash_mem: UInt8[np.ndarray, " n"]
    dash_syn: UInt8[np.ndarray, "n synapse"]
    threshold: Int64[np.ndarray, " n"]
    bias: Int64[np.ndarray, " n"]
    aliases: tuple[tuple[int, ...], ...]
    max_spikes: int


def _hidden_layer(config: XyloConfig, state: CoreState, sample: int) -> _Layer:
    isyn = np.stack([state.isyn[sample], state.isyn2[sample]], axis=-1)
    dash_syn = np.stack([config.dash_syn, config.dash_syn_2], axis=-1)
    return _Layer(
        vmem=state.vmem[sample].astype(np.int64),
        isyn=isyn.astype(np.int64)[:, : config.n_synapses],
        spikes=state.spikes[sample].astype(np.int64),
        dash_mem=config.dash_mem,
        dash_syn=dash_syn[:, : config.n_synapses],
        threshold=config.threshold.astype(np.int64),
        bias=config.bias.astype(np.int64),
        aliases=config.aliases,
        max_spikes=config.chip.max_hidden_spikes,
    )


def _output_layer(config: XyloConfig, state: CoreState, sample: int) -> _Layer:
    return _Layer(
        vmem=state.vmem_out[sample].astype(np.int64),
        isyn=state.isyn_out[sample].astype(np.int64)[:, None],
        spikes=np.zeros(config.n_outputs, np.int64),
        dash_mem=config.dash_mem_out,
        dash_syn=config.dash_syn_out[:, None],
        threshold=config.threshold_out.astype(np.int64),
        bias=config.bias_out.astype(np.int64),
        aliases=((),) * config.n_outputs,
        max_spikes=config.chip.max_output_spikes,
    )


def _deliver(
    counts: Integer[np.ndarray, " source"],
    weights: Int64[np.ndarray, "source n synapse"],
    isyn: Int64[np.ndarray, "n synapse"],
) -> None:
    """Add each spike of each source to its targets: one saturating addition a spike."""
    for source in np.flatnonzero(counts):
        for _ in range(counts[source]):
            np.clip(isyn + weights[source], *_INT16, out=isyn)


def _integrate_core_1(layer: _Layer, bias: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Decay, then add the currents. Core 1 has no bias; returns how far the membranes moved."""
    before = layer.vmem.copy()
    layer.vmem -= decay(layer.vmem, layer.dash_mem)
    layer.vmem[:] = sat16(layer.vmem + layer.isyn.sum(axis=-1))
    return layer.vmem - before


def _integrate_core_2(layer: _Layer, bias: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Collect the change first, saturating, then add it. Returns how far the membranes moved."""
    # Quirk, kept: -32768 with dash 0 loses -32768, and the opposite of that wraps to -32768.
    change = wrap16(-decay(layer.vmem, layer.dash_mem))
    change = sat16(change + layer.isyn.sum(axis=-1))
    change = sat16(change + bias)
    layer.vmem[:] = sat16(layer.vmem + change)
    return change


def _fire(layer: _Layer, neuron: int) -> None:
    """Spike while the membrane reaches the threshold, and hand the spikes to the aliases."""
    vmem, threshold = int(layer.vmem[neuron]), int(layer.threshold[neuron])
    # What aliases of lower ids already wrote here counts towards the limit.
    fired = int(layer.spikes[neuron])
    while vmem >= threshold and fired < layer.max_spikes:
        fired += 1
        # Quirk, kept: this wraps and does not saturate. Only thresholds below zero can tell.
        vmem = (vmem - threshold + 32768) % 65536 - 32768
    layer.vmem[neuron], layer.spikes[neuron] = vmem, fired
    for target in layer.aliases[neuron]:
        layer.spikes[target] = min(layer.max_spikes, layer.spikes[target] + fired)
