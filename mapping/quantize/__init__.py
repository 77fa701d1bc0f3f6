"""From a float specification to an integer one."""

from ._calibrated import calibrated_quantize as calibrated_quantize
from ._channel import channel_quantize as channel_quantize
from ._global import global_quantize as global_quantize
from ._names import QUANTIZERS as QUANTIZERS
from ._report import FieldLoss as FieldLoss, QuantizationReport as QuantizationReport

__all__ = [
    "QUANTIZERS",
    "FieldLoss",
    "QuantizationReport",
    "calibrated_quantize",
    "channel_quantize",
    "global_quantize",
]
