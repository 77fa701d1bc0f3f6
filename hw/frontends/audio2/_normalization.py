"""Divisive normalization of Xylo Audio 2: loud and soft sounds come to similar rates."""

from fractions import Fraction
from functools import cache
from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Int, Integer, Shaped

from .._stage import (
    Record,
    Samples,
    Stage,
    StateArrays,
    checked_number,
)
from .._threads import over_samples
from ._counter import checked_events
from ._limits import LIMITS, N_CHANNELS

_LFSR_PERIOD = 1023
_MAX_SLOTS = 254
_MODES = ("underflow-protect", "overflow-protect")


@cache
def _lfsr_numbers() -> tuple[int, ...]:
    numbers = [0]
    while len(numbers) < _LFSR_PERIOD:
        last = numbers[-1]
        numbers.append((last << 1) % 1024 | (~(last >> 9 ^ last >> 6) & 1))
    return tuple(numbers)


def lfsr_code() -> Int[np.ndarray, "1023"]:
    """The numbers of the chip's random generator, in order: all of 10 bits but 1023.

    A shift register of 10 bits. The new bit is the inverse of bit 9 xor bit 6.

    Source: Audio 2 front-end facts, section 4.2.

    >>> lfsr_code()[:12]
    array([   0,    1,    3,    7,   15,   31,   63,  127,  254,  508, 1016,
           1009])
    """
    return np.array(_lfsr_numbers())


class Audio2Normalization(Stage):
    """Divides the rate of each channel by its mean over some frames.

    In each frame: E counts the events, up to 1023. M follows it, `M <- (E + (M << s) - M) >> s`.
    Pulses come in the rate of E, each repeated `p_local / 2` times. They add up; `M + iaf_bias` of
    them are one event. So the rate of a channel becomes about `p_local / 2 * E / (M + iaf_bias)` a
    frame; with `lfsr`, half of that. What a frame gives is known when it ends: the output comes
    frame by frame, and a frame that the signal does not fill stays in the state.

    Args:
        n_channels: how many.
        dt: seconds in a clock, which is a row of input and of output.
        frame_dt: seconds in a frame, a whole number of clocks.
        shift: s, 0 to 15; M follows over about `2^s` frames.
        p_local: slots in a clock, an even number, 2 to 254.
        iaf_bias: 1 to 1023. The reference simulator has 1; the chip's default is 10.
        low_pass_mode: `"underflow-protect"`, as above, where M stays 0 below `2^s` events a frame;
            or `"overflow-protect"`, `M <- (E >> s) + M - (M >> s)`.
        lfsr: whether pulses are drawn, a random number up to E being one; else they are the events
            themselves.
        reference_quirks: as the reference simulator does: E goes to 1024; sums start anew in each
            frame, where what was left may give an event too many; `M + iaf_bias` of 1 gives no
            events; of several events in one slot one stays; the last frame is filled up with
            silence.

    Raises:
        ValueError: when a number is out of range.

    Source: Audio 2 front-end facts, section 4.

    >>> loud = np.ones((5000, 1), int)
    >>> soft = loud * (np.arange(5000) % 5 == 0)[:, None]
    >>> normalize = Audio2Normalization(1, shift=1, lfsr=False)
    >>> [int(normalize(signal)[0].sum()) for signal in (loud, soft)]
    [69, 68]
    """

    def __init__(
        self,
        n_channels: int = N_CHANNELS,
        *,
        dt: SupportsFloat = 1e-4,
        frame_dt: SupportsFloat = 50e-3,
        shift: int = 5,
        p_local: int = 12,
        iaf_bias: int = 1,
        low_pass_mode: str = _MODES[0],
        lfsr: bool = True,
        reference_quirks: bool = False,
    ) -> None:
        super().__init__((n_channels, n_channels), 2**31)
        name = type(self).__name__
        self.dt, self.frame_dt = float(dt), float(frame_dt)
        if not (0 < self.dt < np.inf and 0 < self.frame_dt < np.inf):
            raise ValueError(
                f"`dt` and `frame_dt` of `{name}` are above 0, not {dt} and {frame_dt}"
            )
        clocks = Fraction(repr(self.frame_dt)) / Fraction(repr(self.dt))
        if clocks.denominator != 1 or clocks > 2**20:
            raise ValueError(
                f"`frame_dt` of `{name}` is a whole number of clocks, up to 2^20; {self.frame_dt:g} "
                f"s are {float(clocks):g} clocks of {self.dt:g} s"
            )
        self.clocks = int(clocks)
        self.shift = checked_number("shift", shift, 0, 15, name)
        self.p_local = checked_number("p_local", p_local, 2, _MAX_SLOTS, name)
        if self.p_local % 2:
            raise ValueError(f"`p_local` of `{name}` is even, as half of the slots are silent")
        self.iaf_bias = checked_number("iaf_bias", iaf_bias, 1, 1023, name)
        if low_pass_mode not in _MODES:
            raise ValueError(
                f"`low_pass_mode` of `{name}` is one of {_MODES}, not {low_pass_mode!r}"
            )
        self.low_pass_mode, self.lfsr = low_pass_mode, bool(lfsr)
        self.reference_quirks = reference_quirks

    @classmethod
    def of_chip(
        cls,
        n_channels: int = N_CHANNELS,
        *,
        s_param: int = 5,
        p_param: int = 0,
        iaf_bias: int = 10,
    ) -> "Audio2Normalization":
        """The normalization of settings of the chip: `2^p E / (iaf_bias + M)`.

        Args:
            n_channels: how many.
            s_param: averaging, `2^s` frames.
            p_param: gain, `2^p`; 0 to 6.
            iaf_bias: added to M.

        Raises:
            ValueError: when a number is out of range.

        Source: Audio 2 front-end facts, section 5.

        >>> Audio2Normalization.of_chip(p_param=2).p_local
        8
        """
        p_param = checked_number("p_param", p_param, 0, 6, cls.__name__)
        return cls(n_channels, shift=s_param, p_local=2 ** (p_param + 1), iaf_bias=iaf_bias)

    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch row out"], StateArrays, Record]:
        """Compute as many frames as the signal fills.

        Args:
            data: events of each clock, 0 or more, (time, channel) or (batch, time, channel).
            record: whether to record `input`, and of each frame its events, `frame_counts`, and M,
                `averages`.

        Returns:
            Events of each clock (batch, clock, channel), uint8; the state; the record.

        Raises:
            TypeError: when the data are no integers.
            ValueError: when their shape does not fit, or the state is of another batch.
            FrontEndRangeError: when a value is too large, or below 0.
        """
        signal = self._checked(data)
        state = self._start(len(signal))
        output, counts, averages = self._with_averages(signal, state)
        recorded = {"input": signal, "frame_counts": counts, "averages": averages}
        return output, state, recorded if record else {}

    __call__ = evolve

    def export_parameters(self) -> dict[str, Any]:
        """The fields of the chip's normalization, by the names that the vendor gives them.

        Raises:
            ValueError: when the chip cannot be set so.

        Source: vendor contract, section 2.3; Audio 2 front-end facts, section 5.

        >>> Audio2Normalization.of_chip().export_parameters()
        {'enable': True, 'iaf_bias': 10, 'p_param': 0, 's_param': 5}
        """
        p_param = (self.p_local // 2).bit_length() - 1
        if self.p_local != 2 ** (p_param + 1):
            raise ValueError(
                f"the chip's gain is a power of two; `p_local` of {self.p_local} is a gain of "
                f"{self.p_local // 2}: start from `Audio2Normalization.of_chip`"
            )
        return {
            "enable": True,
            "iaf_bias": self.iaf_bias,
            "p_param": p_param,
            "s_param": self.shift,
        }

    def _checked(self, data: npt.ArrayLike) -> Samples:
        return checked_events(super()._checked(data), "Audio2Normalization")

    def _fresh(self, batch: int) -> StateArrays:
        n = self._shape[0]
        return {
            "clock": np.zeros(batch, np.int64),
            "held": np.zeros((batch, self.clocks, n), np.int64),
            "average": np.zeros((batch, n), np.int64),
            "rest": np.zeros((batch, n), np.int64),
            "lfsr_place": np.zeros(batch, np.int64),
        }

    def _run(
        self, signal: Integer[np.ndarray, "batch time channel"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch clock channel"]:
        return self._with_averages(np.asarray(signal, np.int64), state)[0]

    def _with_averages(self, signal: Samples, state: StateArrays) -> tuple[np.ndarray, ...]:
        from ._kernel import normalize

        frames = self._whole_frames(signal, state)
        batch, n_frames, clocks, n = frames.shape
        output = np.empty(frames.shape, np.uint8)
        counts, averages = (np.empty((batch, n_frames, n), np.int64) for _ in range(2))
        rules = (
            *(LIMITS.max_frame_events + self.reference_quirks, LIMITS.max_average),
            *(self.shift, self.iaf_bias, self.p_local),
            *(self.low_pass_mode == _MODES[1], self.reference_quirks),
        )
        code = lfsr_code() if self.lfsr else np.empty(0, np.int64)
        kept = (state["lfsr_place"], state["average"], state["rest"])
        arrays = (frames, rules, code, *kept, counts, averages, output)
        over_samples(normalize, batch, frames.size, *arrays)
        return output.reshape(batch, n_frames * clocks, n), counts, averages

    def _whole_frames(
        self, signal: Samples, state: StateArrays
    ) -> Int[np.ndarray, "batch frame clock channel"]:
        """What the signal fills together with what was left; leaves the rest in the state."""
        clocks, (batch, n_clocks, n) = state["clock"], signal.shape
        if batch and (clocks.min() != clocks.max() or not 0 <= clocks[0] < self.clocks):
            raise ValueError(
                "the state of `Audio2Normalization`: `clock` is one number for all samples, 0 to "
                f"{self.clocks - 1}; it is {clocks.tolist()}"
            )
        held = int(clocks[0]) if batch else 0
        if self.reference_quirks:
            silent = np.zeros((batch, -n_clocks % self.clocks, n), np.int64)
            signal, held, n_clocks = (
                np.concatenate([signal, silent], axis=1),
                0,
                n_clocks + silent.shape[1],
            )
        joined = np.concatenate([state["held"][:, :held], signal], axis=1)
        n_frames, left = divmod(held + n_clocks, self.clocks)
        state["held"][:] = 0
        state["held"][:, :left] = joined[:, n_frames * self.clocks :]
        state["clock"][:] = left
        return joined[:, : n_frames * self.clocks].reshape(batch, n_frames, self.clocks, n)
