"""Loading the vendor's software, once it is known to be the real one."""

import sys
from importlib import import_module
from types import ModuleType

from ..._vendor_package import NAME, vendor_package
from .._errors import BoardNotFoundError


def import_samna() -> ModuleType:
    """The vendor's software.

    Raises:
        BoardNotFoundError: it is not installed, only its installer is, or it cannot be loaded.
    """
    if NAME in sys.modules:
        return sys.modules[NAME]
    status = vendor_package()
    if status.advice:
        raise BoardNotFoundError(
            f"real boards need the vendor's package `{NAME}`: {status.advice}; or use a "
            "`VirtualBoard`"
        )
    try:
        return import_module(NAME)
    except (ImportError, OSError) as error:
        raise BoardNotFoundError(
            f"the vendor's package `{NAME}` {status.version} cannot be loaded ({error}): install "
            "it again, for this version of Python"
        ) from error
