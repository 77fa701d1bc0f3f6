"""What all parts of a front end share: the protocol, the checks of signal and state."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int, Shaped

from ...models import XylographError

# A last axis that is longer is time: no sensor has so many channels.
_MOST_CHANNELS = 32

Samples = Int[np.ndarray, "batch time channel"]
RealSamples = Float[np.ndarray, "batch time channel"]
StateArrays = dict[str, Shaped[np.ndarray, "batch ..."]]
Record = dict[str, Shaped[np.ndarray, "batch _ _"]]
M = TypeVar("M", bound="Stage")


class FrontEndRangeError(XylographError, ValueError):
    """A value does not fit into the register that the chip has for it.

    Names the stage, the channel, the sample, the step, the limit and the value.
    """


class Stage(ABC):
    """A part of a front end, with the protocol of a module.

    `output, new_state, record = stage(signal)`; nothing is changed in place. To go on where a
    signal ended, put the state back: `stage = stage.set_attributes(new_state)`.

    Args:
        shape: numbers of channels, in and out.
        limit: largest magnitude of the input, where it has one.

    >>> from xylograph.hw.frontends import FilterBank
    >>> isinstance(FilterBank(), Stage), FilterBank().shape
    (True, (3, 15))
    """

    def __init__(self, shape: tuple[int, int], limit: int | None = None) -> None:
        self._shape = shape
        self._limit = limit
        # `None` after a reset: that state fits any batch.
        self._state: StateArrays | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of channels, in and out."""
        return self._shape

    @abstractmethod
    def _fresh(self, batch: int) -> StateArrays:
        """The state after a reset; batch first."""

    @abstractmethod
    def _run(self, signal: Any, state: StateArrays) -> Shaped[np.ndarray, "batch row out"]:
        """Compute; change the state, which nobody else holds, in place."""

    def _run_recorded(
        self, signal: Any, state: StateArrays
    ) -> tuple[Shaped[np.ndarray, "batch row out"], Record]:
        """As `_run`, with what there is to record besides the input."""
        return self._run(signal, state), {}

    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch row out"], StateArrays, Record]:
        """Compute as many steps as the signal has.

        Args:
            data: integers, (time, channel) or (batch, time, channel).
            record: whether to record the `input`, and what else the stage has.

        Returns:
            Output (batch, time, channel), the state in which each sample ends, the record.

        Raises:
            TypeError: when the data are no integers.
            ValueError: when their shape does not fit, or the state is of another batch.
            FrontEndRangeError: when a value is too large for the chip.
        """
        signal = self._checked(data)
        state = self._start(len(signal))
        if not record:
            return self._run(signal, state), state, {}
        output, recorded = self._run_recorded(signal, state)
        return output, state, {"input": signal} | recorded

    __call__ = evolve

    def _checked(self, data: npt.ArrayLike) -> Shaped[np.ndarray, "batch time channel"]:
        """A copy of the signal that `_run` may take, or an error; here of integers."""
        signal = checked_signal(data, self._shape[0], type(self).__name__)
        if self._limit is not None:
            # Not by `abs`, which leaves the lowest integer negative.
            wrong = (signal > self._limit) | (signal < -self._limit)
            raise_where(wrong, signal, self._limit, type(self).__name__)
        return signal

    def state(self) -> StateArrays:
        """The state in which the next call starts, batch first; after a reset of one sample."""
        state = self._fresh(1) if self._state is None else self._state
        return {name: array.copy() for name, array in state.items()}

    def set_attributes(self: M, new_state: Mapping[str, Any]) -> M:
        """A stage that goes on from a state, which a call returned; this one stays as it is.

        Raises:
            ValueError: when names or shapes do not fit; lists everything that is wrong.
        """
        sizes = {len(array) for array in new_state.values() if np.ndim(array)}
        fresh = self._fresh(max(sizes, default=1))
        wrong = [f"{name!r} is missing" for name in fresh if name not in new_state]
        wrong += [f"{name!r} is unknown" for name in new_state if name not in fresh]
        wrong += [
            f"{name!r} has the shape {np.shape(new_state[name])}, not {array.shape}"
            for name, array in fresh.items()
            if name in new_state and np.shape(new_state[name]) != array.shape
        ]
        if wrong:
            raise ValueError(f"no state of `{type(self).__name__}`: " + "; ".join(wrong))
        return self._with_state({n: np.array(new_state[n], a.dtype) for n, a in fresh.items()})

    def reset_state(self: M) -> M:
        """A stage that starts anew, with any number of samples."""
        return self._with_state(None)

    def _with_state(self: M, state: StateArrays | None) -> M:
        other = object.__new__(type(self))
        vars(other).update(vars(self) | {"_state": state})
        return other

    def _start(self, batch: int) -> StateArrays:
        if self._state is None:
            return self._fresh(batch)
        state = self.state()
        held = len(next(iter(state.values()))) if state else batch
        if held != batch:
            raise ValueError(
                f"the state of `{type(self).__name__}` is of {held} samples, the signal is of "
                f"{batch}: give {held} samples, or start again with `reset_state()`"
            )
        return state


def checked_signal(data: npt.ArrayLike, n_channels: int, stage: str) -> Samples:
    """A copy of the signal as int64 (batch, time, channel), or an error that names the stage.

    One channel may come without its axis: (time,).
    """
    signal = np.asarray(data)
    if signal.dtype.kind not in "iu":
        raise TypeError(
            f"`{stage}` takes integers, this is {signal.dtype}: quantize first, with `quantize_samples`"
        )
    signal = _with_channels(signal, n_channels)
    check_shape(signal, n_channels, stage)
    if signal.dtype == np.uint64 and signal.size and signal.max() > np.iinfo(np.int64).max:
        raise FrontEndRangeError(f"`{stage}`: {signal.max()} needs more than 64 bits with sign")
    return np.array(signal if signal.ndim == 3 else signal[np.newaxis], np.int64, order="C")


def checked_real_signal(data: npt.ArrayLike, n_channels: int, stage: str) -> RealSamples:
    """A copy of the signal as float64 (batch, time, channel), or an error that names the stage.

    One channel may come without its axis: (time,).
    """
    signal = np.asarray(data)
    if signal.dtype.kind != "f":
        raise TypeError(
            f"`{stage}` takes real numbers, this is {signal.dtype}: divide by what stands for one, "
            "as `samples / 32768` for 16-bit audio"
        )
    signal = _with_channels(signal, n_channels)
    check_shape(signal, n_channels, stage)
    signal = np.array(signal if signal.ndim == 3 else signal[np.newaxis], np.float64, order="C")
    wrong = ~np.isfinite(signal)
    if wrong.any():
        sample, step, channel = (int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"`{stage}`, channel {channel}, sample {sample}, step {step}: the signal is not finite "
            f"({int(wrong.sum())} such values)"
        )
    return signal


def _with_channels(signal: np.ndarray, n_channels: int) -> np.ndarray:
    return signal[:, np.newaxis] if signal.ndim == 1 and n_channels == 1 else signal


def check_shape(signal: np.ndarray, n_channels: int, stage: str) -> None:
    """Raise unless the signal is (time, channel) or (batch, time, channel)."""
    if signal.ndim not in (2, 3) or signal.shape[-1] != n_channels:
        raise ValueError(
            f"`{stage}` takes (time, {n_channels}) or (batch, time, {n_channels}); the signal has "
            f"the shape {signal.shape}{_way_out(signal.shape, n_channels)}"
        )


def _way_out(shape: tuple[int, ...], n_channels: int) -> str:
    if len(shape) not in (2, 3):
        return ""
    if shape[-2] == n_channels:
        return ": swap the last two axes, `np.swapaxes(signal, -1, -2)`"
    if n_channels < shape[-1] <= _MOST_CHANNELS:
        return f": choose {n_channels} of the {shape[-1]} channels, as `signal[..., :{n_channels}]`"
    if n_channels == 1 and shape[-1] > _MOST_CHANNELS:
        return ": add the axis of the channel, `signal[..., np.newaxis]`"
    return ""


def raise_where(wrong: np.ndarray, values: np.ndarray, limit: int, stage: str) -> None:
    """Raise for the first value that is wrong, and say how many there are."""
    if wrong.any():
        sample, step, channel = (int(i) for i in np.argwhere(wrong)[0])
        raise FrontEndRangeError(
            f"`{stage}`, channel {channel}, sample {sample}, step {step}: the magnitude may be "
            f"{limit}, this is {values[sample, step, channel]} ({int(wrong.sum())} such values): "
            "scale the signal down"
        )


def check_part(name: str, value: object, kind: type | tuple[type, ...], owner: str) -> None:
    """Raise unless a part of a front end, or of a stage, is of its class; `None` where it may."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join("None" if k is type(None) else f"`{k.__name__}`" for k in kinds)
        raise TypeError(f"`{name}` of `{owner}` is {names}, not {value!r}")


def checked_number(name: str, value: int, low: int, high: int, stage: str) -> int:
    """The value, when it is a whole number within the range of its register."""
    if isinstance(value, bool) or int(value) != value or not low <= value <= high:
        raise ValueError(f"`{name}` of `{stage}` is a whole number {low} to {high}; not {value!r}")
    return int(value)


def per_channel(
    name: str, given: int | Sequence[int], n: int, low: int, high: int, stage: str
) -> tuple[int, ...]:
    """Whole numbers within the range of their register: one for all channels, or one for each."""
    values = (given,) * n if isinstance(given, int | np.integer) else tuple(given)
    if len(values) != n:
        raise ValueError(f"`{name}` of `{stage}` is one number or {n}; these are {len(values)}")
    return tuple(checked_number(f"{name}[{i}]", v, low, high, stage) for i, v in enumerate(values))
