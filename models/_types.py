"""Types that recur in public signatures."""

from typing import TYPE_CHECKING, TypeAlias

import numpy.typing as npt

# What NumPy makes an array of: arrays, numbers, nested sequences. At run time, where the tests
# check types as well, it is anything: each function says itself, the same for everybody, what is
# wrong with what it was given.
if TYPE_CHECKING:
    Numbers: TypeAlias = npt.ArrayLike
else:
    Numbers = object
