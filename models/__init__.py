"""Networks as JAX pytrees."""

from ._errors import (
    FormatError as FormatError,
    MissingExtraError as MissingExtraError,
    XylographError as XylographError,
)
