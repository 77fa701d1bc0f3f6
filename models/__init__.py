"""Networks as JAX pytrees: modules, losses, training.

In: rasters `(time, channel)` or `(batch, time, channel)`. Out: `(output, new_state, record)`.
Read `module.py` and `parameters.py` for the contract, then one file a module.

Names load their home on first use: what only needs an error class does not load JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._activations import (
        H_LReLU as H_LReLU,
        H_ReLU as H_ReLU,
        H_sigmoid as H_sigmoid,
        H_tanh as H_tanh,
    )
    from ._constant import Constant as Constant
    from ._errors import (
        FormatError as FormatError,
        MissingExtraError as MissingExtraError,
        XylographError as XylographError,
    )
    from ._initializers import (
        Fill as Fill,
        ScaledColumns as ScaledColumns,
        kaiming as kaiming,
        uniform_sqrt as uniform_sqrt,
        unit_eigs as unit_eigs,
        xavier as xavier,
    )
    from .combinators._ffwd_stack import FFwdStack as FFwdStack, JaxFFwdStack as JaxFFwdStack
    from .combinators._graph import GraphJax as GraphJax
    from .combinators._residual import JaxResidual as JaxResidual, Residual as Residual
    from .combinators._sequential import JaxSequential as JaxSequential, Sequential as Sequential
    from .layers._boolean_state import BooleanStateJax as BooleanStateJax
    from .layers._dropout import DropoutJax as DropoutJax
    from .layers._identity import Identity as Identity
    from .layers._instant import InstantJax as InstantJax
    from .layers._linear import LinearJax as LinearJax
    from .layers._scan import ScanJax as ScanJax
    from .layers._softmax import LogSoftmaxJax as LogSoftmaxJax, SoftmaxJax as SoftmaxJax
    from .layers._up_down import UpDownJax as UpDownJax
    from .module import JaxModule as JaxModule
    from .networks._synnet import SynNet as SynNet
    from .networks._wavesense import (
        WaveSense as WaveSense,
        WaveSenseBlock as WaveSenseBlock,
        WaveSenseNet as WaveSenseNet,
    )
    from .neurons._alif import aLIFJax as aLIFJax
    from .neurons._leak import dash_to_tau as dash_to_tau
    from .neurons._lif import LIFJax as LIFJax
    from .neurons._lif_neuron import LIFNeuronJax as LIFNeuronJax
    from .neurons._lif_ode import LIFODEJax as LIFODEJax
    from .neurons._rate import RateJax as RateJax
    from .neurons._surrogate import (
        arctan as arctan,
        fast_sigmoid as fast_sigmoid,
        periodic_exponential as periodic_exponential,
        step_pwl as step_pwl,
    )
    from .parameters import (
        Parameter as Parameter,
        SimulationParameter as SimulationParameter,
        State as State,
    )
    from .storage._saving import load as load, save as save
    from .storage._static_json import register_function as register_function
    from .synapses._exp_smooth import ExpSmoothJax as ExpSmoothJax
    from .synapses._exp_syn import ExpSynJax as ExpSynJax
    from .synapses._low_pass import LowPassJax as LowPassJax

__all__ = [
    "BooleanStateJax",
    "Constant",
    "DropoutJax",
    "ExpSmoothJax",
    "ExpSynJax",
    "FFwdStack",
    "Fill",
    "FormatError",
    "GraphJax",
    "H_LReLU",
    "H_ReLU",
    "H_sigmoid",
    "H_tanh",
    "Identity",
    "InstantJax",
    "JaxFFwdStack",
    "JaxModule",
    "JaxResidual",
    "JaxSequential",
    "LIFJax",
    "LIFNeuronJax",
    "LIFODEJax",
    "LinearJax",
    "LogSoftmaxJax",
    "LowPassJax",
    "MissingExtraError",
    "Parameter",
    "RateJax",
    "Residual",
    "ScaledColumns",
    "ScanJax",
    "Sequential",
    "SimulationParameter",
    "SoftmaxJax",
    "State",
    "SynNet",
    "UpDownJax",
    "WaveSense",
    "WaveSenseBlock",
    "WaveSenseNet",
    "XylographError",
    "aLIFJax",
    "arctan",
    "dash_to_tau",
    "fast_sigmoid",
    "kaiming",
    "load",
    "periodic_exponential",
    "register_function",
    "save",
    "step_pwl",
    "uniform_sqrt",
    "unit_eigs",
    "xavier",
]

_HOME = {
    "BooleanStateJax": "layers._boolean_state",
    "Constant": "_constant",
    "DropoutJax": "layers._dropout",
    "ExpSmoothJax": "synapses._exp_smooth",
    "ExpSynJax": "synapses._exp_syn",
    "FFwdStack": "combinators._ffwd_stack",
    "Fill": "_initializers",
    "FormatError": "_errors",
    "GraphJax": "combinators._graph",
    "H_LReLU": "_activations",
    "H_ReLU": "_activations",
    "H_sigmoid": "_activations",
    "H_tanh": "_activations",
    "Identity": "layers._identity",
    "InstantJax": "layers._instant",
    "JaxFFwdStack": "combinators._ffwd_stack",
    "JaxModule": "module",
    "JaxResidual": "combinators._residual",
    "JaxSequential": "combinators._sequential",
    "LIFJax": "neurons._lif",
    "LIFNeuronJax": "neurons._lif_neuron",
    "LIFODEJax": "neurons._lif_ode",
    "LinearJax": "layers._linear",
    "LogSoftmaxJax": "layers._softmax",
    "LowPassJax": "synapses._low_pass",
    "MissingExtraError": "_errors",
    "Parameter": "parameters",
    "RateJax": "neurons._rate",
    "Residual": "combinators._residual",
    "ScaledColumns": "_initializers",
    "ScanJax": "layers._scan",
    "Sequential": "combinators._sequential",
    "SimulationParameter": "parameters",
    "SoftmaxJax": "layers._softmax",
    "State": "parameters",
    "SynNet": "networks._synnet",
    "UpDownJax": "layers._up_down",
    "WaveSense": "networks._wavesense",
    "WaveSenseBlock": "networks._wavesense",
    "WaveSenseNet": "networks._wavesense",
    "XylographError": "_errors",
    "aLIFJax": "neurons._alif",
    "arctan": "neurons._surrogate",
    "dash_to_tau": "neurons._leak",
    "fast_sigmoid": "neurons._surrogate",
    "kaiming": "_initializers",
    "load": "storage._saving",
    "periodic_exponential": "neurons._surrogate",
    "register_function": "storage._static_json",
    "save": "storage._saving",
    "step_pwl": "neurons._surrogate",
    "uniform_sqrt": "_initializers",
    "unit_eigs": "_initializers",
    "xavier": "_initializers",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
