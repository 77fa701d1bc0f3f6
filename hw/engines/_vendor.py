"""The `vendor` engine: the vendor's own simulator, the package `xylosim`. The oracle.

The package is used as it is, through its Python interface. It simulates one sample at a time and
always records everything; this file hands over a configuration and picks up the recordings.

It cannot be put into a state. So the state that this engine gives out carries all input since the
reset (`CoreState.past`), and going on means going through that input again: exact, and slow when
a long recording is cut into many pieces.
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Int8, Shaped, UInt8

from .._config import XyloConfig
from ._interface import RECORDED, Recordings, empty_recordings, recordable
from ._state import CoreState, EngineStateError

# Recordings of the vendor's layer: the attribute, and whether it is by neuron and then by step.
_ATTRIBUTES = {
    "Spikes": ("rec_recurrent_spikes", False),
    "Vmem": ("rec_v_mem", True),
    "Isyn": ("rec_i_syn", True),
    "Isyn2": ("rec_i_syn2", True),
    "Vmem_out": ("rec_v_mem_out", True),
    "Isyn_out": ("rec_i_syn_out", True),
    "Spikes_out": ("rec_out_spikes", False),
    "hibernation": ("rec_hibernation_mode", False),
}
# Parts of a state, and the recordings in whose last step they stand.
_LAST = {
    "spikes": "Spikes",
    "vmem": "Vmem",
    "isyn": "Isyn",
    "isyn2": "Isyn2",
    "vmem_out": "Vmem_out",
    "isyn_out": "Isyn_out",
}


class VendorEngine:
    """Computes with the vendor's simulator, sample by sample, from the reset on.

    Args:
        config: what to compute.
    """

    def __init__(self, config: XyloConfig) -> None:
        self._config = config
        # The layer keeps bare pointers to the synapses: without these lists it reads freed memory.
        self._layer, self._synapses = _make_layer(config)

    def evolve(
        self,
        raster: UInt8[np.ndarray, "batch time input"],
        state: CoreState,
        wanted: AbstractSet[str],
    ) -> tuple[Recordings, CoreState]:
        """Compute as many time steps as the raster has; see `Engine`.

        Raises:
            EngineStateError: when the state did not come from this engine.
        """
        batch, n_steps, n_inputs = raster.shape
        past = np.zeros((batch, 0, n_inputs), np.uint8) if state.past is None else state.past
        whole = np.concatenate([past, raster], axis=1)
        recordings = empty_recordings(self._config, wanted, batch, n_steps)
        reached, new_state = CoreState.fresh(self._config, batch), state.copy()
        for sample in range(batch):
            traces = self._traces(whole[sample])
            for name, array in recordings.items():
                array[sample] = traces[name][past.shape[1] :]
            _store(reached, sample, traces, past.shape[1])
            _store(new_state, sample, traces, whole.shape[1])
            new_state.quiet[sample] = self._quiet(whole.shape[1])
        # Whether nothing moved in the last step is known of the reset only, not in mid-run.
        _check_start(state, reached, (*_LAST, "quiet") if past.shape[1] == 0 else tuple(_LAST))
        return recordings, replace(new_state, past=whole)

    def simulate(self, counts: list[list[int]]) -> None:
        """Let the vendor's simulator compute one sample from the reset on, and pick up nothing.

        What benchmarks measure: neither making the lists nor reading the recordings is its work.

        Args:
            counts: input spikes of each step.
        """
        self._layer.reset_all()
        self._layer.evolve(counts)

    def _traces(
        self, raster: UInt8[np.ndarray, "time input"]
    ) -> dict[str, Shaped[np.ndarray, " time *neuron"]]:
        """All recordings of one sample, from the reset on."""
        self.simulate(raster.tolist())
        names = recordable(self._config)
        traces = empty_recordings(self._config, set(names), batch=1, time=len(raster))
        for name in names:
            attribute, by_neuron = _ATTRIBUTES[name]
            values = np.array(getattr(self._layer, attribute), RECORDED[name].dtype)
            shape = traces[name].shape[1:]
            # With one synapse the second current is there, and empty.
            missing = name == "Isyn2" and self._config.n_synapses == 1
            ordered = values.reshape(shape[::-1]).T if by_neuron and not missing else values
            traces[name][0] = 0 if missing else ordered.reshape(shape)
        return {name: trace[0] for name, trace in traces.items()}

    def _quiet(self, n_steps: int) -> bool:
        # A reset leaves the layer awake; its flag says at the end of a run what holds for the next
        # step. Core 1 has no flag.
        return self._config.chip.has_hibernation and n_steps > 0 and self._layer.in_hibernation_mode


def _check_start(state: CoreState, reached: CoreState, parts: tuple[str, ...]) -> None:
    if all(np.array_equal(getattr(state, part), getattr(reached, part)) for part in parts):
        return
    raise EngineStateError(
        "engine 'vendor' can only go on from a state that it gave out itself, as a whole, "
        "because the vendor's simulator cannot be put into a state; this one is another: "
        "give it the recording in one piece, or use the engine 'native'"
    )


def _store(state: CoreState, sample: int, traces: dict[str, np.ndarray], n_steps: int) -> None:
    """Write into a state what held after some steps; nothing when there were none."""
    if n_steps > 0:
        for part, name in _LAST.items():
            getattr(state, part)[sample] = traces[name][n_steps - 1]


def _make_layer(config: XyloConfig) -> tuple[Any, tuple[list[list[Any]], ...]]:
    module = import_module(f"xylosim.v{config.chip.core_version}")
    missing_in = config.n_hidden - config.n_input_expansion
    missing_out = config.n_hidden - config.n_output_expansion
    matrices = (
        np.pad(config.weights_in, ((0, 0), (0, missing_in), (0, 0))),
        config.weights_rec,
        np.pad(config.weights_out, ((missing_out, 0), (0, 0)))[:, :, None],
    )
    synapses = tuple([_synapses(module, row) for row in weights] for weights in matrices)
    dash_syn = np.stack([config.dash_syn, config.dash_syn_2], axis=1)[:, : config.n_synapses]
    layer = module.XyloLayer(
        synapses_in=synapses[0],
        synapses_rec=synapses[1],
        synapses_out=synapses[2],
        aliases=[list(targets) for targets in config.aliases],
        threshold=config.threshold.tolist(),
        threshold_out=config.threshold_out.tolist(),
        weight_shift_inp=config.weight_shift_in,
        weight_shift_rec=config.weight_shift_rec,
        weight_shift_out=config.weight_shift_out,
        dash_mem=config.dash_mem.tolist(),
        dash_mem_out=config.dash_mem_out.tolist(),
        dash_syns=dash_syn.tolist(),
        dash_syns_out=config.dash_syn_out[:, None].tolist(),
        name="",
        **_biases(config),
    )
    return layer, synapses


def _biases(config: XyloConfig) -> dict[str, object]:
    if config.chip.core_version == 1:
        return {}
    return {
        "has_bias": config.chip.has_bias and bool(config.bias.any() or config.bias_out.any()),
        "bias": config.bias.tolist(),
        "bias_out": config.bias_out.tolist(),
    }


def _synapses(module: Any, weights: Int8[np.ndarray, "target synapse"]) -> list[Any]:
    """The synapses of one source: those of synapse 1 first, targets ascending."""
    return [
        module.XyloSynapse(target, synapse, int(weights[target, synapse]))
        for synapse, target in np.argwhere(weights.T).tolist()
    ]
