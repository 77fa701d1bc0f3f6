"""How the modules of `xylograph.models` become nodes: chains, graphs, weights, neurons."""

from typing import Any

import numpy as np
from jaxtyping import Float

from ...models import (
    DropoutJax,
    FFwdStack,
    GraphJax,
    Identity,
    JaxModule,
    LIFJax,
    LinearJax,
    Residual,
    Sequential,
    aLIFJax,
)
from ._nodes import LinearNode, NeuronNode, SumNode
from ._trace import Wiring, child_path, register_tracer

# As names of modules `input` and `output` are taken in a `GraphJax`.
_INPUT, _OUTPUT = "input", "output"


@register_tracer(Sequential)
def _trace_sequential(wiring: Wiring, module: Sequential, source: str, path: str) -> str:
    for name, child in module.modules().items():
        source = wiring.follow(child, source, child_path(path, name))
    return source


@register_tracer(Residual)
def _trace_residual(wiring: Wiring, module: Residual, source: str, path: str) -> str:
    end = _trace_sequential(wiring, module, source, path)
    return added_up(wiring, (source, end), path or module.class_name, module.size_out)


@register_tracer(FFwdStack)
def _trace_stack(wiring: Wiring, module: FFwdStack, source: str, path: str) -> str:
    for index, (name, child) in enumerate(module.modules().items()):
        if index:
            weight = f"{index - 1}_{index}_weight"
            values = _float(getattr(module, weight))
            source = wiring.add(LinearNode(child_path(path, weight), (source,), values))
        source = wiring.follow(child, source, child_path(path, name))
    return source


@register_tracer(GraphJax)
def _trace_graph(wiring: Wiring, module: GraphJax, source: str, path: str) -> str:
    ends = {_INPUT: source}
    for name in (*module.order, _OUTPUT):
        size = module.size_out if name == _OUTPUT else module[name].size_in
        place = child_path(path, name)
        sources = tuple(ends[one] for one in module.sources_of(name))
        ends[name] = added_up(wiring, sources, f"{place} (sum)", size)
        if name != _OUTPUT:
            ends[name] = wiring.follow(module[name], ends[name], place)
    return ends[_OUTPUT]


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
    tau_syn = _float(module.tau_syn, (n, k))
    w_rec = _float(module.w_rec) if module.has_rec else None
    return _add_neurons(wiring, module, source, name, tau_syn, w_rec)


@register_tracer(aLIFJax)
def _trace_adapting(wiring: Wiring, module: aLIFJax, source: str, path: str) -> str:
    """The current by which a neuron acts on itself is that of one synapse more."""
    name, n, k = path or module.class_name, module.size_out, module.n_synapses
    into = np.zeros((n, k, n, k + 1))
    neurons, synapses = np.indices((n, k))
    into[neurons, synapses, neurons, synapses] = 1.0
    weights = into.reshape(n * k, n * (k + 1))
    source = wiring.add(LinearNode(f"{name} (synapses)", (source,), weights))
    w_rec = np.zeros((n, n, k + 1))
    if module.has_rec:
        w_rec[:, :, :k] = _float(module.w_rec).reshape(n, n, k)
    w_rec[np.arange(n), np.arange(n), k] = _float(module.w_ahp, (n,))
    tau_ahp = _float(module.tau_ahp, (n,))[:, None]
    tau_syn = np.concatenate([_float(module.tau_syn, (n, k)), tau_ahp], axis=1)
    return _add_neurons(wiring, module, source, name, tau_syn, w_rec.reshape(n, -1))


def _add_neurons(
    wiring: Wiring,
    module: LIFJax | aLIFJax,
    source: str,
    name: str,
    tau_syn: Float[np.ndarray, "n k"],
    w_rec: Float[np.ndarray, "n target"] | None,
) -> str:
    n, recurrent = module.size_out, child_path(name, "w_rec")
    if w_rec is not None:
        wiring.add(LinearNode(recurrent, (name,), w_rec))
    return wiring.add(
        NeuronNode(
            name=name,
            sources=(source,) if w_rec is None else (source, recurrent),
            tau_mem=_float(module.tau_mem, (n,)),
            tau_syn=tau_syn,
            threshold=_float(module.threshold, (n,)),
            bias=_float(module.bias, (n,)),
            dt=float(module.dt),
            max_spikes=float(module.max_spikes_per_dt),
            noise_std=float(module.noise_std),
        )
    )


def added_up(wiring: Wiring, sources: tuple[str, ...], name: str, size: Any) -> str:
    """The node that gives the sum of several: of one, itself."""
    return sources[0] if len(sources) == 1 else wiring.add(SumNode(name, sources, size))


def _float(value: Any, shape: tuple[int, ...] | None = None) -> Float[np.ndarray, "..."]:
    array = np.array(value, dtype=np.float64)
    return array if shape is None else np.broadcast_to(array, shape).copy()
