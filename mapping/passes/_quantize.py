"""`Quantize`: real numbers to integers, by any quantizer."""

from dataclasses import dataclass

from .._specification import Specification
from ..quantize._names import Quantizer
from ..quantize._report import QuantizationReport


@dataclass(frozen=True)
class Quantize:
    """Round a specification to integers.

    Changes: all numbers. Keeps: sizes and ids. Reports: what the quantizer says of each field.

    Args:
        quantizer: a function from a real specification to one of integers and a report.
    """

    quantizer: Quantizer

    def __call__(self, spec: Specification) -> tuple[Specification, QuantizationReport]:
        """Give the specification of integers."""
        return self.quantizer(spec)
