"""Whether the vendor's package `samna` is there, found out without importing it.

What a public registry offers under that name is an installer: it runs pip against the vendor's
server when it is imported. Importing it to see whether it works would change the environment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import PurePath

NAME = "samna"
MIN_VERSION = "0.46.1"
"""Lowest version that drives the boards. Source: chip facts, section 1."""

_BINARY_ENDINGS = (".so", ".pyd", ".dylib", ".dll")


class VendorPackage(Enum):
    """What is installed under the vendor's name."""

    MISSING = "missing"
    INSTALLER = "installer"
    WHOLE = "whole"


@dataclass(frozen=True)
class VendorPackageStatus:
    """What was found.

    Attributes:
        kind: what is installed.
        version: of it; empty where nothing is.

    >>> print(VendorPackageStatus(VendorPackage.MISSING, "").advice)
    install the vendor's package from the vendor's own server, as its documentation says
    """

    kind: VendorPackage
    version: str

    @property
    def advice(self) -> str:
        """What to do where it cannot be used; empty where it can."""
        where = "from the vendor's own server, as its documentation says"
        if self.kind is VendorPackage.MISSING:
            return f"install the vendor's package {where}"
        if self.kind is VendorPackage.INSTALLER:
            return (
                f"the installed `{NAME}` {self.version} holds no program, it is an installer that "
                f"changes your environment when it is imported: `pip uninstall {NAME}`, then "
                f"install the vendor's package {where}"
            )
        return ""


def vendor_package() -> VendorPackageStatus:
    """Look for the vendor's package in the metadata of what is installed. Nothing is imported."""
    try:
        found = distribution(NAME)
    except PackageNotFoundError:
        return VendorPackageStatus(VendorPackage.MISSING, "")
    return status_of(found)


def status_of(found: Distribution) -> VendorPackageStatus:
    """What a distribution of that name is: the whole one brings compiled files.

    Source: library facts, `samna`.
    """
    kind = VendorPackage.WHOLE if _has_binary(found.files or ()) else VendorPackage.INSTALLER
    return VendorPackageStatus(kind, found.version)


def _has_binary(files: Iterable[PurePath]) -> bool:
    # Python's own caches are no program of the vendor's.
    return any(file.name.endswith(_BINARY_ENDINGS) or ".so." in file.name for file in files)
