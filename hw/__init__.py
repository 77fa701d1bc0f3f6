"""Chips, configurations and bit-accurate engines.

In: the integers of a network for one chip, quantized and placed by `xylograph.mapping`, or a file
of them. Out: whether the chip takes them (`XyloConfig.validate`), how much of it they need
(`XyloConfig.usage`), and what they compute.

To read in this order: `chips.py`, what the chips are; `_config.py`, what a configuration holds
(`_fields.py` and `_storage.py` for the checks, `_config_file.py` for the file); `_rules.py`, what
a chip asks of it; `engines/`, how it computes; `_saturation.py`, how far its state can go;
`cost/`, what that costs in cycles and energy; `frontends/`, what its sensors give it; `xylo_net/`, how to train in its arithmetic;
`package/`, how to hand a deployment over.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ._config import XyloConfig as XyloConfig
from ._errors import DesignRuleError as DesignRuleError, Violation as Violation
from ._saturation import (
    SaturationBounds as SaturationBounds,
    saturation_bounds as saturation_bounds,
)
from ._saturation_layer import VariableBounds as VariableBounds
from ._sim import XyloSim as XyloSim
from ._usage import ResourceUsage as ResourceUsage
from .chips import (
    CHIPS as CHIPS,
    Chip as Chip,
    chips_allowing as chips_allowing,
    get_chip as get_chip,
)
from .cost._activity import Activity as Activity
from .cost._cycles import Cycles as Cycles
from .cost._estimate import CostEstimate as CostEstimate, estimate_cost as estimate_cost
from .cost._power import PowerAnchor as PowerAnchor
from .engines import (
    ENGINES as ENGINES,
    EngineStateError as EngineStateError,
    InputClippedWarning as InputClippedWarning,
)
from .frontends import (
    AFESim as AFESim,
    AFESimExternal as AFESimExternal,
    FrontEndRangeError as FrontEndRangeError,
    IMUIFSim as IMUIFSim,
)
from .package._difference import ArrayComparison as ArrayComparison
from .package._package import (
    DeploymentPackage as DeploymentPackage,
    Verification as Verification,
)

if TYPE_CHECKING:
    from .xylo_net._net import XyloNetJax as XyloNetJax

__all__ = [
    "CHIPS",
    "ENGINES",
    "AFESim",
    "AFESimExternal",
    "Activity",
    "ArrayComparison",
    "Chip",
    "CostEstimate",
    "Cycles",
    "DeploymentPackage",
    "DesignRuleError",
    "EngineStateError",
    "FrontEndRangeError",
    "IMUIFSim",
    "InputClippedWarning",
    "PowerAnchor",
    "ResourceUsage",
    "SaturationBounds",
    "VariableBounds",
    "Verification",
    "Violation",
    "XyloConfig",
    "XyloNetJax",
    "XyloSim",
    "chips_allowing",
    "estimate_cost",
    "get_chip",
    "saturation_bounds",
]


def __getattr__(name: str) -> object:
    # It loads JAX, which what only needs chips and configurations does without.
    if name == "XyloNetJax":
        return import_module(".xylo_net._net", __name__).XyloNetJax
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
