"""One file for a JSON document and named arrays: safetensors with one metadata entry.

Nothing is pickled. A digest over the document and the arrays tells damaged files from whole ones.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as read_arrays, save as write_arrays

from .._errors import FormatError

_METADATA_KEY = "xylograph"


@dataclass(frozen=True)
class Container:
    """A format of such files.

    Attributes:
        format: its name, as it stands in the files.
        version: of the schema that is written, and the only one that is read.
        noun: what a file holds, for messages: "network".
        body: key of the document beside format, version and digest.
    """

    format: str
    version: int
    noun: str
    body: str

    def pack(self, body: Any, arrays: dict[str, np.ndarray]) -> bytes:
        """The bytes of a file; the same content always gives the same bytes.

        Args:
            body: anything that JSON has.
            arrays: contiguous arrays of numbers by name.
        """
        document = {
            "format": self.format,
            "version": self.version,
            "sha256": digest(body, arrays),
            self.body: body,
        }
        # One metadata key: several would be written in random order.
        return write_arrays(arrays, metadata={_METADATA_KEY: _dump(document)})

    def unpack(self, content: bytes) -> tuple[Any, dict[str, np.ndarray]]:
        """Body and arrays of a file.

        Raises:
            FormatError: damaged, another format, or another version.
            RecursionError: nested too deeply.
        """
        try:
            arrays = read_arrays(content)
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            metadata = header.get("__metadata__") or {}
            document = json.loads(metadata.get(_METADATA_KEY, "null"))
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            # What begins so is text, and most likely a configuration or a file of Rockpool.
            hint = "; it looks like JSON" if content.lstrip()[:1] == b"{" else ""
            raise FormatError(f"not a {self.noun} file, or damaged: {error}{hint}") from error
        if not isinstance(document, dict) or document.get("format") != self.format:
            raise FormatError(f"a safetensors file, but not a {self.noun} of Xylograph")
        version = document.get("version")
        if type(version) is not int or version != self.version:
            raise FormatError(
                f"has the schema version {version!r}; this Xylograph reads {self.version}: "
                f"upgrade Xylograph, or save the {self.noun} again with this version"
            )
        body = document.get(self.body)
        if document.get("sha256") != digest(body, arrays):
            raise FormatError("damaged: the content does not match its digest")
        return body, arrays


def digest(body: Any, arrays: dict[str, np.ndarray]) -> str:
    """A checksum of the document and of names, types, shapes and bytes of the arrays."""
    try:
        text = _dump(body)
    except ValueError as error:  # JSON has no NaN; Python's reader takes it
        raise FormatError(f"damaged: {error}") from error
    checksum = hashlib.sha256(text.encode())
    for name, array in sorted(arrays.items()):
        checksum.update(f"\n{name} {array.dtype.name} {array.shape}\n".encode())
        checksum.update(array.tobytes())
    return checksum.hexdigest()


def _dump(document: Any) -> str:
    return json.dumps(document, sort_keys=True, allow_nan=False, separators=(",", ":"))
