"""Where two recordings of one core differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .._sim import OUTPUT_ARRAYS


@dataclass(frozen=True, kw_only=True)
class ArrayComparison:
    """How one recorded array differs from what was expected.

    Attributes:
        array: its name, as in a record of `XyloSim`.
        n_values: values compared.
        n_different: how many of them differ.
        sample: recording with the first difference in time; `None` where all are equal.
        step: time step of it, from 0.
        neuron: neuron of it; `None` also where the array has no neurons.
        expected: value that was expected there.
        found: value that came.

    >>> first = {"Spikes_out": np.array([[[0, 1], [1, 0]]])}
    >>> second = {"Spikes_out": np.array([[[0, 1], [1, 1]]])}
    >>> print(*compared(first, second))
    `Spikes_out`: 1 of 4 values differ, first at step 1 of sample 0, neuron 1: expected 0, found 1
    """

    array: str
    n_values: int
    n_different: int
    sample: int | None = None
    step: int | None = None
    neuron: int | None = None
    expected: int | None = None
    found: int | None = None

    def __str__(self) -> str:
        """One line."""
        if not self.n_different:
            return f"`{self.array}`: all {self.n_values:,} values are equal"
        neuron = "" if self.neuron is None else f", neuron {self.neuron}"
        return (
            f"`{self.array}`: {self.n_different:,} of {self.n_values:,} values differ, first at "
            f"step {self.step} of sample {self.sample}{neuron}: expected {self.expected}, "
            f"found {self.found}"
        )


def compared(
    expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
) -> list[ArrayComparison]:
    """Compare each array that both have.

    Args:
        expected: arrays `(sample, time, neuron)` or `(sample, time)` by name.
        found: the same of somebody else.

    Returns:
        One entry for each array of both, in the order of `expected`.

    Raises:
        ValueError: an array has not the shape that was expected, so that nothing can be said.
    """
    return [_compared(name, expected[name], found[name]) for name in expected if name in found]


def first_in_time(entries: Iterable[ArrayComparison]) -> ArrayComparison | None:
    """The one whose first difference comes first; `None` where all are equal."""
    wrong = (entry for entry in entries if entry.n_different)
    return min(wrong, key=lambda entry: entry.step or 0, default=None)


def with_output(
    record: Mapping[str, np.ndarray],
    output: npt.ArrayLike,
    output_mode: str,
    expected: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """A record with the output that came beside it, so that what users take is compared, too.

    Args:
        record: arrays by name; what it has of the output stands only where that is wrong.
        output: what came beside it.
        output_mode: what it is: `Spike`, `Vmem` or `Isyn`.
        expected: what both are to be compared with.
    """
    name = OUTPUT_ARRAYS[output_mode]
    is_wrong = name in record and not np.array_equal(record[name], expected[name])
    return {**record, name: record[name] if is_wrong else np.asarray(output)}


def _compared(name: str, expected: np.ndarray, found: np.ndarray) -> ArrayComparison:
    if expected.shape != np.shape(found):
        raise ValueError(
            f"`{name}` has the shape {np.shape(found)}, expected is {expected.shape}: the "
            "recording is incomplete, or of something else"
        )
    different = expected != found
    if not different.any():
        return ArrayComparison(array=name, n_values=expected.size, n_different=0)
    # Time first: what differs later in one sample may follow from what differs earlier.
    step, sample, *neuron = (int(i) for i in np.argwhere(np.moveaxis(different, 1, 0))[0])
    place = (sample, step, *neuron)
    return ArrayComparison(
        array=name,
        n_values=expected.size,
        n_different=int(np.count_nonzero(different)),
        sample=sample,
        step=step,
        neuron=neuron[0] if neuron else None,
        expected=int(expected[place]),
        found=int(found[place]),
    )
