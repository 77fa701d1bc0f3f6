"""Chips, configurations and bit-accurate engines.

In: the integers of a network for one chip, quantized and placed by `xylograph.mapping`, or a file
of them. Out: whether the chip takes them (`XyloConfig.validate`), how much of it they need
(`XyloConfig.usage`), and what they compute.

To read in this order: `chips.py`, what the chips are; `_config.py`, what a configuration holds
(`_fields.py` and `_storage.py` for the checks, `_config_file.py` for the file); `_rules.py`, what
a chip asks of it; `engines/`, how it computes; `_saturation.py`, how far its state can go;
`cost/`, what that costs in cycles and energy; `frontends/`, what its sensors give it; `xylo_net/`,
how to train in its arithmetic; `package/`, how to hand a deployment over; `boards/`, how to drive a
real or a virtual one.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ._config import XyloConfig as XyloConfig
from ._errors import DesignRuleError as DesignRuleError, Violation as Violation
from ._imu_registers import IMURegisters as IMURegisters
from ._saturation import (
    SaturationBounds as SaturationBounds,
    saturation_bounds as saturation_bounds,
)
from ._saturation_layer import VariableBounds as VariableBounds
from ._sim import XyloSim as XyloSim
from ._usage import ResourceUsage as ResourceUsage
from .chips import (
    CHIPS as CHIPS,
    Audio2Limits as Audio2Limits,
    Audio3Limits as Audio3Limits,
    Chip as Chip,
    IMULimits as IMULimits,
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
    AFESimAGC as AFESimAGC,
    AFESimExternal as AFESimExternal,
    AFESimPDM as AFESimPDM,
    FrontEndRangeError as FrontEndRangeError,
    IMUIFSim as IMUIFSim,
)
from .package._difference import ArrayComparison as ArrayComparison
from .package._package import (
    DeploymentPackage as DeploymentPackage,
    Verification as Verification,
)

if TYPE_CHECKING:
    from .boards._board import Board as Board, PowerReading as PowerReading
    from .boards._configuration import from_samna as from_samna, samna_fields as samna_fields
    from .boards._device_board import BoardRetryWarning as BoardRetryWarning
    from .boards._errors import (
        BoardBusyError as BoardBusyError,
        BoardDataError as BoardDataError,
        BoardError as BoardError,
        BoardFirmwareError as BoardFirmwareError,
        BoardLostError as BoardLostError,
        BoardNotFoundError as BoardNotFoundError,
        BoardRefusedError as BoardRefusedError,
        BoardTimeoutError as BoardTimeoutError,
    )
    from .boards._link import BoardIdentity as BoardIdentity
    from .boards._live import LiveStep as LiveStep
    from .boards.conformance._report import (
        CaseResult as CaseResult,
        ConformanceReport as ConformanceReport,
    )
    from .boards.conformance._run import run_conformance as run_conformance
    from .boards.recording._recorded_board import RecordedBoard as RecordedBoard
    from .boards.recording._recorder import RecordingBoard as RecordingBoard
    from .boards.samna_link._board import (
        AttachedBoard as AttachedBoard,
        SamnaBoard as SamnaBoard,
        find_boards as find_boards,
    )
    from .boards.samna_link._objects import to_samna as to_samna
    from .boards.virtual._board import VirtualBoard as VirtualBoard
    from .boards.virtual._faults import Fault as Fault
    from .frontends._jax_module import FrontEndJax as FrontEndJax
    from .xylo_net._net import XyloNetJax as XyloNetJax

__all__ = [
    "CHIPS",
    "ENGINES",
    "AFESim",
    "AFESimAGC",
    "AFESimExternal",
    "AFESimPDM",
    "Activity",
    "ArrayComparison",
    "AttachedBoard",
    "Audio2Limits",
    "Audio3Limits",
    "Board",
    "BoardBusyError",
    "BoardDataError",
    "BoardError",
    "BoardFirmwareError",
    "BoardIdentity",
    "BoardLostError",
    "BoardNotFoundError",
    "BoardRefusedError",
    "BoardRetryWarning",
    "BoardTimeoutError",
    "CaseResult",
    "Chip",
    "ConformanceReport",
    "CostEstimate",
    "Cycles",
    "DeploymentPackage",
    "DesignRuleError",
    "EngineStateError",
    "Fault",
    "FrontEndJax",
    "FrontEndRangeError",
    "IMUIFSim",
    "IMULimits",
    "IMURegisters",
    "InputClippedWarning",
    "LiveStep",
    "PowerAnchor",
    "PowerReading",
    "RecordedBoard",
    "RecordingBoard",
    "ResourceUsage",
    "SamnaBoard",
    "SaturationBounds",
    "VariableBounds",
    "Verification",
    "Violation",
    "VirtualBoard",
    "XyloConfig",
    "XyloNetJax",
    "XyloSim",
    "chips_allowing",
    "estimate_cost",
    "find_boards",
    "from_samna",
    "get_chip",
    "run_conformance",
    "samna_fields",
    "saturation_bounds",
    "to_samna",
]

# What only needs chips and configurations does without boards, and without JAX, which
# `XyloNetJax` loads.
_HOME = {
    "AttachedBoard": "boards.samna_link._board",
    "Board": "boards._board",
    "BoardBusyError": "boards._errors",
    "BoardDataError": "boards._errors",
    "BoardError": "boards._errors",
    "BoardFirmwareError": "boards._errors",
    "BoardIdentity": "boards._link",
    "BoardLostError": "boards._errors",
    "BoardNotFoundError": "boards._errors",
    "BoardRefusedError": "boards._errors",
    "BoardRetryWarning": "boards._device_board",
    "BoardTimeoutError": "boards._errors",
    "CaseResult": "boards.conformance._report",
    "ConformanceReport": "boards.conformance._report",
    "Fault": "boards.virtual._faults",
    "FrontEndJax": "frontends._jax_module",
    "LiveStep": "boards._live",
    "PowerReading": "boards._board",
    "RecordedBoard": "boards.recording._recorded_board",
    "RecordingBoard": "boards.recording._recorder",
    "SamnaBoard": "boards.samna_link._board",
    "VirtualBoard": "boards.virtual._board",
    "XyloNetJax": "xylo_net._net",
    "find_boards": "boards.samna_link._board",
    "from_samna": "boards._configuration",
    "run_conformance": "boards.conformance._run",
    "samna_fields": "boards._configuration",
    "to_samna": "boards.samna_link._objects",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
