"""Data sets by name."""

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ._dataset import Dataset, DatasetInfo
from ._digits import DIGITS, load_digits
from ._watch import WATCH, load_watch

# A new set is a new row here. What follows from it (names, tables, messages) reads this.
_LOADERS: tuple[tuple[DatasetInfo, Callable[[], Dataset]], ...] = (
    (WATCH, load_watch),
    (DIGITS, load_digits),
)

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType({info.name: info for info, _ in _LOADERS})
"""What is known of each data set, by name; loads none of them."""

_LOADER_OF = {info.name: load for info, load in _LOADERS}


def load_dataset(name: str) -> Dataset:
    """A data set as input events for a chip, split into train and test.

    The recordings come out of installed packages (extra `data`); nothing is downloaded. The result
    is the same each time, to the last event.

    Args:
        name: one of `DATASETS`.

    Raises:
        ValueError: when there is no data set of that name.
        MissingExtraError: when the extra `data` is not installed.
        FormatError: when the package that carries the recordings was changed.

    >>> load_dataset("watch").test
    Split(rasters=(552, 1000, 15), groups=3)
    """
    if name not in _LOADER_OF:
        known = ", ".join(f"`{known}`" for known in sorted(DATASETS))
        close = difflib.get_close_matches(str(name).lower(), DATASETS, n=1)
        guess = f"; did you mean `{close[0]}`?" if close else ""
        raise ValueError(f"unknown data set {name!r}: known are {known}{guess}")
    return _LOADER_OF[name]()
