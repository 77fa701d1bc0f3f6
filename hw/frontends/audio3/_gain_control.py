"""From an analog microphone to 10-bit codes: amplifier, converter, automatic gain control."""

import numpy as np
import numpy.typing as npt
from jaxtyping import Int, Shaped

from .._stage import (
    RealSamples,
    Record,
    Stage,
    StateArrays,
    checked_number,
    checked_real_signal,
)
from .._threads import over_samples
from ._anti_alias import AntiAliasFilter
from ._envelope import EnvelopeController
from ._limits import AGC_RATE, N_GAINS
from ._smoother import GainSmoother

# 32^(i/15): a table, because the last bit of a power depends on the mathematics library.
_GAINS = (
    *(1.0, 1.2599210498948732, 1.5874010519681994, 2.0, 2.5198420997897464, 3.1748021039363987),
    *(4.0, 5.039684199579493, 6.3496042078727974, 7.999999999999999, 10.079368399158984),
    *(12.699208415745593, 16.000000000000004, 20.15873679831797, 25.398416831491193, 32.0),
)


class GainControl(Stage):
    """The amplifier, a model, with the converter and the gain control, which are exact.

    The amplifier passes 50 Hz to 20 kHz, multiplies by a gain of 1 to 32, and clips at 1.1 V. The
    converter gives 10 bits, 50,000 times a second, from `oversampling` times as many inputs.

    Args:
        oversampling: 2 or 4; 1 with `reference_quirks` only.
        controller: chooses the gain; by default `EnvelopeController`.
        fixed_gain: gain index, 0 to 15, that the amplifier has instead; the controller goes on.
        smoother: hides changes of the gain; by default one that fits the waiting times of the
            controller, or none where the gain is fixed.
        padding_bits: zeros that are appended to each code, 0 to 4.
        reference_quirks: whether to compute without oversampling, where the model of the amplifier
            swings to its limits.

    Raises:
        ValueError: when a number is out of range.

    Takes volts, `(time,)`, `(time, 1)` or `(batch, time, 1)`. The record holds the `commands`, gain
    indices, and the `envelopes` of every output.

    Source: Audio 3 front-end facts, section 4.

    >>> tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(1000) / 100e3)
    >>> codes, state, record = GainControl()(tone, record=True)
    >>> codes.shape, int(codes.max()), record["commands"].shape
    ((1, 500, 1), 222, (1, 500, 1))
    """

    def __init__(
        self,
        oversampling: int = 2,
        *,
        controller: EnvelopeController | None = None,
        fixed_gain: int | None = None,
        smoother: GainSmoother | None | str = "default",
        padding_bits: int = 0,
        reference_quirks: bool = False,
    ) -> None:
        super().__init__((1, 1))
        self._filter = AntiAliasFilter(oversampling)
        if oversampling == 1 and not reference_quirks:
            raise ValueError(
                "`oversampling` of `GainControl` is 2 or 4: with 1 the model of the amplifier is "
                "unstable"
            )
        self.controller = EnvelopeController() if controller is None else controller
        if isinstance(smoother, str):
            if smoother != "default":
                raise ValueError(f"`smoother` is a `GainSmoother` or None, not {smoother!r}")
            shortest = min(self.controller.waits) / AGC_RATE
            smoother = GainSmoother(shortest) if fixed_gain is None else None
        self.smoother = smoother
        self.fixed_gain = fixed_gain
        if fixed_gain is not None:
            self.fixed_gain = checked_number(
                "fixed_gain", fixed_gain, 0, N_GAINS - 1, "GainControl"
            )
        self.padding_bits = checked_number("padding_bits", padding_bits, 0, 4, "GainControl")

    @property
    def oversampling(self) -> int:
        """Inputs for each output."""
        return self._filter.oversampling

    def _checked(self, data: npt.ArrayLike) -> RealSamples:
        return checked_real_signal(data, 1, "GainControl")

    def _fresh(self, batch: int) -> StateArrays:
        smoothing = np.zeros((batch, 2), np.int64)
        return (
            {"volts": np.zeros((batch, 2)), "pending": np.zeros(batch, np.int64)}
            | self._filter._fresh(batch)
            | {"tick": np.zeros(batch, np.int64), "sent": np.zeros(batch, np.int64)}
            | self.controller._fresh(batch)
            | (self.smoother._fresh(batch) if self.smoother else {"smoothing": smoothing})
        )

    def _run(
        self, signal: Shaped[np.ndarray, "batch time channel"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch row out"]:
        return self._converted(signal, state)[0]

    def _run_recorded(
        self, signal: Shaped[np.ndarray, "batch time channel"], state: StateArrays
    ) -> tuple[Shaped[np.ndarray, "batch row out"], Record]:
        codes, control = self._converted(signal, state)
        return codes, {"commands": control[..., :1], "envelopes": control[..., 1:]}

    def _converted(
        self, signal: Shaped[np.ndarray, "batch time channel"], state: StateArrays
    ) -> tuple[Int[np.ndarray, "batch row 1"], Int[np.ndarray, "batch row 2"]]:
        """Codes; commands and envelopes."""
        from ._kernel_agc import convert

        tick = state["tick"]
        if len(tick) and (tick.min() != tick.max() or not 0 <= tick[0] < self.oversampling):
            raise ValueError(
                "the state of `GainControl`: `tick` is one number for all samples, 0 to "
                f"{self.oversampling - 1}; it is {tick.tolist()}"
            )
        n_rows = (int(tick[0]) + signal.shape[1]) // self.oversampling if len(tick) else 0
        codes = np.empty((len(signal), n_rows, 1), np.int64)
        control = np.empty((len(signal), n_rows, 2), np.int64)
        names = ("volts", "pending", "w", "tick", "registers", "sent", "smoothing")
        arrays = (
            *(signal, self.oversampling, np.array(_GAINS)),
            *(-1 if self.fixed_gain is None else self.fixed_gain, *self._filter._arrays()),
            *self.controller._arrays(),
            *(self.smoother._numbers() if self.smoother else np.empty(0, np.int64),),
            *(self.padding_bits, *(state[name] for name in names), control, codes),
        )
        # A step costs about as much as one of 16 filters.
        bad = over_samples(convert, len(signal), 16 * signal.size, *arrays)
        if bad >= 0:
            stage = self.controller if bad % 2 else self._filter
            stage._check(bad // 2, signal.shape[1])
        return codes, control
