"""`BoardHandle`: what a handle of a board remembers by itself."""

import copy
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

from .._sim import OUTPUT_ARRAYS
from ..engines import checked_raster
from ._board import Board

H = TypeVar("H", bound="BoardHandle")


class BoardHandle(Board):
    """How a board is run, and after which input; the board itself is shared by its handles.

    Args:
        output_mode: what the output is: `Spike`, `Vmem` or `Isyn`.
        stepwise: whether it goes step by step in manual mode.

    Raises:
        ValueError: an unknown output mode.
    """

    def __init__(self, output_mode: str, stepwise: bool) -> None:
        self._output_mode = _checked_output_mode(output_mode)
        self._stepwise = stepwise
        self._past: UInt8[np.ndarray, "batch past input"] | None = None

    @property
    def output_mode(self) -> str:
        """What the output is: `Spike`, `Vmem` or `Isyn`."""
        return self._output_mode

    @property
    def stepwise(self) -> bool:
        """Whether it goes step by step."""
        return self._stepwise

    def set_attributes(self: H, new_state: Mapping[str, object]) -> H:
        """The board, to go on from where a call ended.

        A chip cannot be put into a state. If it does not stand there anyway, everything since the
        reset is run again.

        Args:
            new_state: what a call returned.

        Raises:
            ValueError: it does not hold the input since the reset.
        """
        if set(new_state) != {"past"}:
            raise ValueError(
                "a board goes on from the state that a board returned, `past`; this one has "
                f"{', '.join(map(repr, new_state)) or 'nothing'}"
            )
        other = copy.copy(self)
        other._past = checked_raster(np.asarray(new_state["past"]), self.config)
        return other

    def reset_state(self: H) -> H:
        """The board, to start from the state after a reset."""
        other = copy.copy(self)
        other._past = None
        return other

    def with_options(self: H, *, output_mode: str | None = None, stepwise: bool | None = None) -> H:
        """The same board, with another output or another way to run.

        Args:
            output_mode: what the output is; as before when not given.
            stepwise: whether to go step by step; as before when not given.

        Raises:
            ValueError: an unknown output mode.
        """
        other = copy.copy(self)
        if output_mode is not None:
            other._output_mode = _checked_output_mode(output_mode)
        if stepwise is not None:
            other._stepwise = stepwise
        return other

    def past_of(self, batch: int) -> UInt8[np.ndarray, "batch past input"]:
        """The input since the reset, for so many samples.

        Raises:
            ValueError: it is of another number of samples.
        """
        if self._past is None or not self._past.shape[1]:
            return np.zeros((batch, 0, self.config.n_inputs), np.uint8)
        if len(self._past) != batch:
            raise ValueError(
                f"the state is of {len(self._past)} samples, the data are of {batch}: give data of "
                f"{len(self._past)} samples, or start again with `reset_state()`"
            )
        return self._past


def _checked_output_mode(output_mode: str) -> str:
    if output_mode not in OUTPUT_ARRAYS:
        known = ", ".join(map(repr, OUTPUT_ARRAYS))
        raise ValueError(f"no output mode is called {output_mode!r}: known are {known}")
    return output_mode
