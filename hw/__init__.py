"""Chips, configurations and bit-accurate engines."""

from ._config import XyloConfig as XyloConfig
from ._errors import DesignRuleError as DesignRuleError, Violation as Violation
from ._usage import ResourceUsage as ResourceUsage
from .chips import (
    CHIPS as CHIPS,
    Chip as Chip,
    chips_allowing as chips_allowing,
    get_chip as get_chip,
)

__all__ = [
    "CHIPS",
    "Chip",
    "DesignRuleError",
    "ResourceUsage",
    "Violation",
    "XyloConfig",
    "chips_allowing",
    "get_chip",
]
