"""What the front ends of all chips share: stages by name, and the state of them all."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped

from ._stage import Record, Stage, StateArrays

NestedState = dict[str, StateArrays]
M = TypeVar("M", bound="FrontEnd")
S = TypeVar("S", bound=Stage)


class FrontEnd(ABC):
    """Stages one after the other, with the protocol of a module; each chip has its own.

    `output, new_state, record = front_end(signal)`; nothing is changed in place. The state is that
    of the stages, by name: to go on where a signal ended, put it back with `set_attributes`.

    >>> from xylograph.hw import AFESimExternal, IMUIFSim
    >>> isinstance(IMUIFSim(), FrontEnd), list(AFESimExternal().state())
    (True, ['quantized', 'filters', 'normalization', 'raster'])
    """

    input_rate: float
    """Samples of the signal in a second."""
    _stages: dict[str, Stage]

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Numbers of channels, in and out."""

    @property
    @abstractmethod
    def channel_names(self) -> tuple[str, ...]:
        """What each output channel sees."""

    @abstractmethod
    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch row out"], NestedState, Record]:
        """Compute the raster of a signal; also what a call does."""

    def state(self) -> NestedState:
        """The state in which the next call starts, of each stage."""
        return {name: stage.state() for name, stage in self._stages.items()}

    def set_attributes(self: M, new_state: Mapping[str, Mapping[str, Any]]) -> M:
        """A front end that goes on from a state, which a call returned.

        Raises:
            ValueError: when the state does not fit.
        """
        if set(new_state) != set(self._stages):
            raise ValueError(
                f"the stages are {', '.join(self._stages)}; the state is of {', '.join(new_state)}"
            )
        return self._with({n: s.set_attributes(new_state[n]) for n, s in self._stages.items()})

    def reset_state(self: M) -> M:
        """A front end that starts anew, with any number of samples."""
        return self._with({name: stage.reset_state() for name, stage in self._stages.items()})

    def as_jax_module(self) -> Any:
        """The same as a module of JAX; `Sequential` calls this."""
        from ._jax_module import FrontEndJax

        return FrontEndJax(self)

    def _start(self, batch: int) -> NestedState:
        return {name: stage._start(batch) for name, stage in self._stages.items()}

    def _stage(self, name: str, kind: type[S]) -> S:
        stage = self._stages[name]
        assert isinstance(stage, kind)
        return stage

    def _with(self: M, stages: dict[str, Stage]) -> M:
        other = object.__new__(type(self))
        vars(other).update(vars(self) | {"_stages": stages})
        return other
