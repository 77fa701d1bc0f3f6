"""How the modules of `xylograph.models` become nodes."""

from typing import Any

import numpy as np
from jaxtyping import Float

from ...models import DropoutJax, Identity, JaxModule, LIFJax, LinearJax, Sequential, SynNet
from ._nodes import LinearNode, NeuronNode
from ._trace import Wiring, child_path, register_tracer


@register_tracer(Sequential)
def _trace_sequential(wiring: Wiring, module: Sequential, source: str, path: str) -> str:
    for name, child in module.modules().items():
        source = wiring.follow(child, source, child_path(path, name))
    return source


@register_tracer(SynNet)
def _trace_syn_net(wiring: Wiring, module: SynNet, source: str, path: str) -> str:
    if module.output == "vmem":
        raise TypeError(
            f"{f'`{path}`' if path else 'the network'} gives the voltages of its output neurons, "
            "and neurons of a chip give spikes: make a `SynNet` with `output='spikes'` and set its "
            "parameters, or trace its child `seq`"
        )
    return wiring.follow(module.seq, source, child_path(path, "seq"))


# Dropout is part of training: outside of it nothing is left out.
@register_tracer(DropoutJax)
@register_tracer(Identity)
def _trace_passing_on(wiring: Wiring, module: JaxModule, source: str, path: str) -> str:
    return source


@register_tracer(LinearJax)
def _trace_linear(wiring: Wiring, module: LinearJax, source: str, path: str) -> str:
    bias = None if np.ndim(module.bias) == 0 else _float(module.bias)
    return wiring.add(LinearNode(path or module.class_name, (source,), _float(module.weight), bias))


@register_tracer(LIFJax)
def _trace_lif(wiring: Wiring, module: LIFJax, source: str, path: str) -> str:
    name, n, k = path or module.class_name, module.size_out, module.n_synapses
    recurrent = child_path(name, "w_rec")
    if module.has_rec:
        wiring.add(LinearNode(recurrent, (name,), _float(module.w_rec)))
    return wiring.add(
        NeuronNode(
            name=name,
            sources=(source, recurrent) if module.has_rec else (source,),
            tau_mem=_float(module.tau_mem, (n,)),
            tau_syn=_float(module.tau_syn, (n, k)),
            threshold=_float(module.threshold, (n,)),
            bias=_float(module.bias, (n,)),
            dt=float(module.dt),
            max_spikes=float(module.max_spikes_per_dt),
            noise_std=float(module.noise_std),
        )
    )


def _float(value: Any, shape: tuple[int, ...] | None = None) -> Float[np.ndarray, "..."]:
    array = np.array(value, dtype=np.float64)
    return array if shape is None else np.broadcast_to(array, shape).copy()
