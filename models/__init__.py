"""Networks as JAX pytrees: modules, losses, training.

In: rasters `(time, channel)` or `(batch, time, channel)`. Out: `(output, new_state, record)`.
Read `module.py` and `parameters.py` for the contract, then one file a module.

Names load their home on first use: what only needs an error class does not load JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._constant import Constant as Constant
    from ._errors import (
        FormatError as FormatError,
        MissingExtraError as MissingExtraError,
        XylographError as XylographError,
    )
    from ._initializers import (
        Fill as Fill,
        kaiming as kaiming,
        uniform_sqrt as uniform_sqrt,
        unit_eigs as unit_eigs,
        xavier as xavier,
    )
    from .combinators._ffwd_stack import FFwdStack as FFwdStack, JaxFFwdStack as JaxFFwdStack
    from .combinators._graph import GraphJax as GraphJax
    from .combinators._residual import JaxResidual as JaxResidual, Residual as Residual
    from .combinators._sequential import JaxSequential as JaxSequential, Sequential as Sequential
    from .layers._linear import LinearJax as LinearJax
    from .module import JaxModule as JaxModule
    from .neurons._leak import dash_to_tau as dash_to_tau
    from .neurons._lif import LIFJax as LIFJax
    from .neurons._surrogate import (
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

__all__ = [
    "Constant",
    "FFwdStack",
    "Fill",
    "FormatError",
    "GraphJax",
    "JaxFFwdStack",
    "JaxModule",
    "JaxResidual",
    "JaxSequential",
    "LIFJax",
    "LinearJax",
    "MissingExtraError",
    "Parameter",
    "Residual",
    "Sequential",
    "SimulationParameter",
    "State",
    "XylographError",
    "dash_to_tau",
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
    "Constant": "_constant",
    "FFwdStack": "combinators._ffwd_stack",
    "Fill": "_initializers",
    "FormatError": "_errors",
    "GraphJax": "combinators._graph",
    "JaxFFwdStack": "combinators._ffwd_stack",
    "JaxModule": "module",
    "JaxResidual": "combinators._residual",
    "JaxSequential": "combinators._sequential",
    "LIFJax": "neurons._lif",
    "LinearJax": "layers._linear",
    "MissingExtraError": "_errors",
    "Parameter": "parameters",
    "Residual": "combinators._residual",
    "Sequential": "combinators._sequential",
    "SimulationParameter": "parameters",
    "State": "parameters",
    "XylographError": "_errors",
    "dash_to_tau": "neurons._leak",
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
