"""The two arithmetics in which the front end of Xylo Audio 3 computes."""

import numpy as np

_NUMBERS: dict[str, type[np.generic]] = {"integer": np.int64, "float32": np.float32}


def checked_arithmetic(arithmetic: str, stage: str) -> str:
    """The name, when there is such an arithmetic."""
    if arithmetic not in _NUMBERS:
        raise ValueError(
            f'`arithmetic` of `{stage}` is "integer", the chip\'s, or "float32", which '
            f"approximates it; not {arithmetic!r}"
        )
    return arithmetic


def numbers_of(arithmetic: str) -> type[np.generic]:
    """The type of the numbers in a state."""
    return _NUMBERS[arithmetic]
