"""Networks of every kind, made for the numbers of a chip, and which rules they break where."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from mapping_cases import chain

from xylograph.models import (
    FFwdStack,
    GraphJax,
    JaxModule,
    LIFJax,
    LinearJax,
    Residual,
    Sequential,
    SynNet,
    WaveSenseNet,
    aLIFJax,
    dash_to_tau,
)

N_INPUTS = 4
_DT = 1e-3


def _neurons(n: int, max_spikes: float = 31.0) -> LIFJax:
    taus: dict[str, Any] = {"tau_mem": dash_to_tau(4, _DT), "tau_syn": dash_to_tau(3, _DT)}
    return LIFJax(n, max_spikes_per_dt=max_spikes, **taus)


def _weights(n_in: int, n_out: int, seed: int) -> LinearJax:
    drawn = np.random.default_rng(seed).normal(0.1, 0.25, (n_in, n_out))
    return LinearJax((n_in, n_out), weight=drawn)


def residual() -> JaxModule:
    return Sequential(
        _weights(N_INPUTS, 8, 0),
        _neurons(8),
        Residual(_weights(8, 8, 1), _neurons(8)),
        Residual(_weights(8, 8, 2), _neurons(8)),
        _weights(8, 3, 3),
        _neurons(3, 1.0),
    )


def adapting() -> JaxModule:
    taus: dict[str, Any] = {"tau_mem": dash_to_tau(4, _DT), "tau_syn": dash_to_tau(3, _DT)}
    w_rec = np.random.default_rng(4).normal(0.0, 0.02, (8, 8))
    neurons = aLIFJax(
        8,
        w_ahp=np.linspace(-0.3, 0.02, 8),
        tau_ahp=dash_to_tau(5, _DT),
        has_rec=True,
        w_rec=w_rec,
        max_spikes_per_dt=31.0,
        **taus,
    )
    return Sequential(_weights(N_INPUTS, 8, 0), neurons, _weights(8, 3, 3), _neurons(3, 1.0))


def stack() -> JaxModule:
    def drawn(shape: Any, **_: Any) -> Any:
        return np.random.default_rng(1).normal(0.1, 0.25, shape)

    layers = FFwdStack(_neurons(8), _neurons(3, 1.0), weight_init_func=drawn)
    return Sequential(_weights(N_INPUTS, 8, 0), layers)


def graph() -> JaxModule:
    modules = {
        "w_a": _weights(N_INPUTS, 8, 0),
        "a": _neurons(8),
        "w_ab": _weights(8, 6, 1),
        "b": _neurons(6),
        "w_out": _weights(6, 3, 2),
        "w_skip": _weights(8, 3, 3),
        "readout": _neurons(3, 1.0),
    }
    path = ("input", "w_a", "a", "w_ab", "b", "w_out", "readout", "output")
    return GraphJax(modules, [path, ("a", "w_skip", "readout")])


def syn_net() -> JaxModule:
    return SynNet(
        n_classes=3,
        n_channels=N_INPUTS,
        size_hidden_layers=[8, 6],
        time_constants_per_layer=[2, 3],
        max_spikes_per_dt=31.0,
        rng_key=jax.random.key(0),
        threshold=0.3,
        threshold_out=0.2,
    )


def wave_sense() -> JaxModule:
    return WaveSenseNet(
        [1, 2],
        n_classes=3,
        n_channels_in=N_INPUTS,
        n_channels_res=6,
        n_channels_skip=6,
        n_hidden=6,
        tau_mem=dash_to_tau(4, _DT),
        base_tau_syn=dash_to_tau(3, _DT),
        tau_lp=dash_to_tau(3, _DT),
        threshold=0.15,
        threshold_out=0.15,
        max_spikes_per_dt=31.0,
        max_spikes_per_dt_out=1.0,
        rng_key=jax.random.key(1),
    )


ARCHITECTURES: dict[str, Callable[[], JaxModule]] = {
    "single layer": lambda: chain(N_INPUTS, 8, 3),
    "layered": lambda: chain(N_INPUTS, 8, 6, 3),
    "recurrent": lambda: chain(N_INPUTS, 8, 3, recurrent=True),
    "adapting": adapting,
    "residual": residual,
    "SynNet": syn_net,
    "WaveSense": wave_sense,
    "two synapses": lambda: chain(N_INPUTS, 8, 3, n_synapses=2),
    "many outputs": lambda: chain(N_INPUTS, 8, 20),
    "many outputs, two synapses": lambda: chain(N_INPUTS, 8, 20, n_synapses=2),
    "stack": stack,
    "graph": graph,
}

_TWO_SYNAPSES = "synapses_within_limit"
_OUTPUTS = "outputs_within_limit"
# By architecture and chip; all that is not named fits.
BROKEN: dict[tuple[str, str], set[str]] = {
    ("WaveSense", "xylo-imu"): {_TWO_SYNAPSES},
    ("adapting", "xylo-imu"): {_TWO_SYNAPSES},
    ("two synapses", "xylo-imu"): {_TWO_SYNAPSES},
    ("many outputs", "xylo-1"): {_OUTPUTS},
    ("many outputs", "xylo-audio-2"): {_OUTPUTS},
    ("many outputs", "xylo-imu"): {_OUTPUTS},
    ("many outputs, two synapses", "xylo-1"): {_OUTPUTS},
    ("many outputs, two synapses", "xylo-audio-2"): {_OUTPUTS},
    ("many outputs, two synapses", "xylo-imu"): {_OUTPUTS, _TWO_SYNAPSES},
}
