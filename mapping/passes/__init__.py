"""The steps from a graph to a configuration, one a file.

A pass takes a value and gives a new one and a `PassReport`; its docstring says what it changes,
keeps and reports. `Pipeline` runs them one after the other; `_checker.py` runs both sides of each
on the same data, `_dump.py` keeps what each gives.

| from -> to | passes |
| --- | --- |
| graph -> graph | `FoldScales`, `FoldLinearMaps`, `FoldBiases`, `ResidualsToAliases`, `CheckStructure`, `RoundTimeConstants` |
| graph -> placed graph | `PlaceNeurons` |
| placed graph -> specification | `AssembleSpecification` |
| specification -> specification | `FitConnections`, `SelectWeightShifts`, `Quantize` |
| specification -> configuration | `EmitConfiguration` |
| configuration -> configuration | `CheckSaturation` |
"""

from .._report import (
    Pass as Pass,
    PassCheck as PassCheck,
    PassReport as PassReport,
    VerificationError as VerificationError,
)
from ._assemble import AssembleSpecification as AssembleSpecification
from ._check_saturation import CheckSaturation as CheckSaturation
from ._check_structure import CheckStructure as CheckStructure
from ._emit_configuration import EmitConfiguration as EmitConfiguration
from ._fit_connections import FitConnections as FitConnections
from ._fold_biases import FoldBiases as FoldBiases
from ._fold_linear_maps import FoldLinearMaps as FoldLinearMaps
from ._fold_scales import FoldScales as FoldScales
from ._pipeline import Pipeline as Pipeline
from ._place_neurons import PlaceNeurons as PlaceNeurons
from ._quantize import Quantize as Quantize
from ._residuals_to_aliases import ResidualsToAliases as ResidualsToAliases
from ._round_time_constants import (
    RoundedTimeConstant as RoundedTimeConstant,
    RoundTimeConstants as RoundTimeConstants,
    TimeConstantReport as TimeConstantReport,
)
from ._select_weight_shifts import SelectWeightShifts as SelectWeightShifts

__all__ = [
    "AssembleSpecification",
    "CheckSaturation",
    "CheckStructure",
    "EmitConfiguration",
    "FitConnections",
    "FoldBiases",
    "FoldLinearMaps",
    "FoldScales",
    "Pass",
    "PassCheck",
    "PassReport",
    "Pipeline",
    "PlaceNeurons",
    "Quantize",
    "ResidualsToAliases",
    "RoundTimeConstants",
    "RoundedTimeConstant",
    "SelectWeightShifts",
    "TimeConstantReport",
    "VerificationError",
]
