"""The controller that chooses the gain of the amplifier, from the envelope of the codes."""

from collections.abc import Sequence
from itertools import pairwise
from typing import SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Int, Shaped

from .._stage import (
    FrontEndRangeError,
    Samples,
    Stage,
    StateArrays,
    checked_number,
    checked_signal,
    per_channel,
)
from .._threads import over_samples
from ._anti_alias import check_codes
from ._limits import AGC_RATE, LIMITS, N_GAINS

# 0.7 * 512 = 358 divided by the gains, from the highest gain on.
_LEVELS = (11, 14, 17, 22, 28, 35, 44, 56, 71, 89, 112, 142, 179, 225, 284, 358)
_VARIATIONS = (1,) * 14 + (0, 0, -1)
_WAITS_S = tuple(0.3 * (i + 1) ** 0.5 for i in range(N_GAINS))
_MAX_SHIFT = 31


class EnvelopeController(Stage):
    """Chooses one of 16 gains such that the envelope of the signal stays below full scale.

    The envelope rises fast and falls slowly. A level is the number of `levels` below the largest
    envelope. Above all of them the gain changes at once; else it changes by what `variations`
    says for the level once that has lasted its waiting time.

    Args:
        rise_time: of the envelope, in seconds.
        fall_time: of the envelope, in seconds; not below `rise_time`.
        waiting_times: one for each level, in seconds.
        max_waiting_time: after which the gain may change in any case, in seconds; by default the
            last of `waiting_times`.
        levels: 16 of them, rising, 0 to 511.
        variations: of the gain index, one for each level and one, negative, above all; -3 to 3.
        hysteresis: by how much a larger envelope counts as larger, 0 to 511.

    Raises:
        ValueError: when a number is out of range.

    The outputs are the command, a gain index, and the envelope. State: `registers`, for each
    sample the envelope in high resolution, its maximum, the reliable maximum, the gain index, the
    steps still to wait, the steps waited.

    Source: Audio 3 front-end facts, section 4.3.

    >>> controller = EnvelopeController(waiting_times=[0.001] * 16)
    >>> found, state, record = controller(np.full((200, 1), 60))
    >>> found[0, [0, 60, 199]]
    array([[ 0,  7],
           [ 1, 59],
           [ 3, 60]])
    """

    def __init__(
        self,
        *,
        rise_time: SupportsFloat = 1e-4,
        fall_time: SupportsFloat = 0.3,
        waiting_times: Sequence[SupportsFloat] = _WAITS_S,
        max_waiting_time: SupportsFloat | None = None,
        levels: Sequence[int] = _LEVELS,
        variations: Sequence[int] = _VARIATIONS,
        hysteresis: int = 5,
    ) -> None:
        super().__init__((1, 2))
        name = "EnvelopeController"
        self.rise_shift = _shift("rise_time", float(rise_time))
        self.fall_shift = _shift("fall_time", float(fall_time))
        if self.rise_shift > self.fall_shift:
            raise ValueError(f"`{name}`: `rise_time` is {rise_time} s, longer than `fall_time`")
        if len(waiting_times) != N_GAINS:
            raise ValueError(f"`waiting_times` are {N_GAINS}, not {len(waiting_times)}")
        longest = waiting_times[-1] if max_waiting_time is None else max_waiting_time
        *waits, self.max_wait = (_steps(seconds) for seconds in (*waiting_times, longest))
        self.waits = tuple(waits)
        low, high = LIMITS.envelope_range.low, LIMITS.envelope_range.high
        self.levels = per_channel("levels", levels, N_GAINS, low, high, name)
        if any(a >= b for a, b in pairwise(self.levels)):
            raise ValueError(f"`levels` of `{name}` rise; these are {list(self.levels)}")
        step = LIMITS.gain_step_range
        self.variations = per_channel(
            "variations", variations, N_GAINS + 1, step.low, step.high, name
        )
        if self.variations[-1] >= 0:
            raise ValueError(
                f"the last of the `variations` of `{name}` is negative, not {self.variations[-1]}"
            )
        self.hysteresis = checked_number("hysteresis", hysteresis, low, high, name)

    def _checked(self, data: npt.ArrayLike) -> Samples:
        signal = checked_signal(data, 1, "EnvelopeController")
        check_codes(signal, "EnvelopeController")
        return signal

    def _fresh(self, batch: int) -> StateArrays:
        start = np.array([0, 0, 0, 0, self.waits[0], 0], np.int64)
        return {"registers": np.tile(start, (batch, 1))}

    def _arrays(self) -> tuple[Int[np.ndarray, " _"], ...]:
        """What the kernels take: rules, levels, waits, variations."""
        zone = max(self.rise_shift, self.fall_shift)
        rules = (self.rise_shift, self.fall_shift, zone, self.hysteresis, self.max_wait)
        tables = (rules, self.levels, self.waits, self.variations)
        return tuple(np.array(table, np.int64) for table in tables)

    def _run(self, signal: Samples, state: StateArrays) -> Shaped[np.ndarray, "batch row out"]:
        from ._kernel_agc import control

        output = np.empty((*signal.shape[:2], 2), np.int64)
        arrays = (signal, *self._arrays(), state["registers"], output)
        self._check(over_samples(control, len(signal), signal.size, *arrays), signal.shape[1])
        return output

    def _check(self, bad: int, n_steps: int) -> None:
        """Raise for a place that a kernel reported."""
        if bad >= 0:
            sample, step = divmod(bad, n_steps)
            raise FrontEndRangeError(
                f"`EnvelopeController`, channel 0, sample {sample}, step {step}: the envelope needs "
                "more than 9 bits: scale the signal down, or take a longer `rise_time`"
            )


def _shift(name: str, seconds: float) -> int:
    steps = seconds * AGC_RATE
    if not 1 <= steps <= 2.0**_MAX_SHIFT:
        raise ValueError(
            f"`{name}` of `EnvelopeController` is {1 / AGC_RATE} s, one sample, or more; not "
            f"{seconds} s"
        )
    return int(np.ceil(np.log2(steps)))


def _steps(seconds: SupportsFloat) -> int:
    steps = float(seconds) * AGC_RATE
    if not 1 <= steps < 2**24:
        raise ValueError(
            f"a waiting time of `EnvelopeController` is {1 / AGC_RATE} to {2**24 / AGC_RATE:.0f} s; "
            f"not {seconds} s"
        )
    return int(steps)
