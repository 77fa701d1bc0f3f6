"""Layers that no chip computes: they become nodes that say so, and what to do instead.

Tracing goes on behind them, so that a network hears of all that is wrong with it at once.
"""

from types import MappingProxyType
from typing import NamedTuple

from ...hw import FrontEndJax
from ...models import (
    BooleanStateJax,
    ExpSmoothJax,
    ExpSynJax,
    InstantJax,
    JaxModule,
    LIFNeuronJax,
    LIFODEJax,
    LogSoftmaxJax,
    LowPassJax,
    RateJax,
    ScanJax,
    SoftmaxJax,
    UpDownJax,
)
from ...models._activations import identity
from ._nodes import ForeignNode
from ._trace import Wiring, register_tracer


class _Refusal(NamedTuple):
    kind: str
    way_out: str


_FILTER = _Refusal(
    "an exponential filter without neurons",
    "leave it out: each `LIFJax` filters what it receives with its own `tau_syn`",
)
_FUNCTION = _Refusal(
    "a function of one's own",
    "register what it is on the chip with `xylograph.mapping.register_tracer`, or leave it out",
)
_SCORES = _Refusal(
    "a readout by softmax", "use a `LinearJax` and a `LIFJax`; the most spikes are the best class"
)

_REFUSED = MappingProxyType(
    {
        FrontEndJax: _Refusal(
            "the front end of a sensor, which stands before the core",
            "deploy what comes behind it (`network[1:]`), and put the front end into the "
            "configuration with `front_end.configure(config)`",
        ),
        RateJax: _Refusal(
            "a population of rate neurons", "use a `LIFJax`, whose neurons spike, and train it"
        ),
        LIFODEJax: _Refusal(
            "a differential equation by Euler's method",
            "use a `LIFJax`: a chip's currents and voltages decay, inputs are not scaled by `dt`",
        ),
        LIFNeuronJax: _Refusal(
            "neurons without synapses",
            "use a `LIFJax` with a short `tau_syn`: every neuron of a chip has a synapse that filters",
        ),
        ExpSynJax: _FILTER,
        ExpSmoothJax: _FILTER,
        LowPassJax: _FILTER,
        InstantJax: _FUNCTION,
        ScanJax: _FUNCTION,
        SoftmaxJax: _SCORES,
        LogSoftmaxJax: _SCORES,
        UpDownJax: _Refusal(
            "an encoder of signals", "run it before the network, and deploy what comes behind it"
        ),
        BooleanStateJax: _Refusal(
            "a memory of Booleans", "leave it out of what is deployed, and apply it to the output"
        ),
    }
)


@register_tracer(InstantJax)
def _trace_instant(wiring: Wiring, module: InstantJax, source: str, path: str) -> str:
    # As it is made without a function, it is none.
    if module.function is identity:
        return source
    return _trace_refused(wiring, module, source, path)


def _trace_refused(wiring: Wiring, module: JaxModule, source: str, path: str) -> str:
    refusal = next(_REFUSED[cls] for cls in type(module).__mro__ if cls in _REFUSED)
    name = path or module.class_name
    return wiring.add(ForeignNode(name, (source,), module.size_in, module.size_out, *refusal))


for _cls in _REFUSED.keys() - {InstantJax}:
    register_tracer(_cls)(_trace_refused)
