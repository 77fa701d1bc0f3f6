"""The quantizers that have a name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from .._specification import Specification
from ._channel import channel_quantize
from ._global import global_quantize
from ._report import QuantizationReport

Quantizer: TypeAlias = Callable[[Specification], tuple[Specification, QuantizationReport]]
# For static checkers; at run time `deploy` takes anything and says itself what is wrong.
if TYPE_CHECKING:
    QuantizerLike: TypeAlias = str | Quantizer
else:
    QuantizerLike = object

QUANTIZERS: Mapping[str, Quantizer] = MappingProxyType(
    {"channel": channel_quantize, "global": global_quantize}
)
"""The quantizers `deploy` knows by name, and that need nothing but a specification."""

CALIBRATED = "calibrated"
"""The name of the quantizer that needs data besides."""


def get_quantizer(quantizer: QuantizerLike) -> Quantizer:
    """The quantizer of a name; a function is given back as it is.

    Raises:
        TypeError: neither a name nor a function.
        ValueError: a name that is not known, or that of the quantizer that needs data.
    """
    if callable(quantizer):
        return quantizer
    names = ", ".join((*QUANTIZERS, CALIBRATED))
    if not isinstance(quantizer, str):
        raise TypeError(
            f"a quantizer is a name or a function, this is a `{type(quantizer).__name__}`; known "
            f"names are {names}"
        )
    if quantizer == CALIBRATED:
        raise ValueError(
            "the quantizer 'calibrated' needs data: use `deploy(..., quantizer='calibrated', "
            "data=...)`, or `functools.partial(calibrated_quantize, calibration=...)`"
        )
    if quantizer not in QUANTIZERS:
        raise ValueError(f"no quantizer is called {quantizer!r}; known are {names}")
    return QUANTIZERS[quantizer]
