"""From filter outputs to events: rectifier, leaky integrator, counter."""

from collections.abc import Sequence
from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Shaped

from .._stage import RealSamples, Stage, StateArrays, checked_real_signal, per_channel
from .._threads import over_samples
from ._amplifier import checked_rate
from ._limits import LIMITS, N_CHANNELS
from ._model import AFEModel


class EventEncoder(Stage):
    """Charges a capacitor with the magnitude of a signal; every `count`-th full charge is an event.

    `c <- c + (dt |v| v_to_i - leak c dt) / capacitance`, within 0 and the supply; at `threshold`
    the charge starts again from zero.

    Args:
        fs: samples a second.
        threshold: in volts, above 0 to the supply; 0.1 to 0.9 is useful.
        count: 1 to 1023, 10 bits on the chip, one for all channels or one for each.
        model: the constants.
        reference_quirks: as the reference simulator does, let the first event pass one full charge
            too early, and count anew in each call.

    Raises:
        ValueError: when a number is out of range.

    Source: Audio 2 front-end facts, section 2.3.

    >>> volts = np.full((40, 16), 0.04)
    >>> np.flatnonzero(EventEncoder(50e3, count=2)(volts)[0][0, :, 0])
    array([19, 39])
    """

    def __init__(
        self,
        fs: SupportsFloat,
        *,
        threshold: SupportsFloat = 0.5,
        count: int | Sequence[int] = 4,
        model: AFEModel | None = None,
        reference_quirks: bool = False,
    ) -> None:
        self.model = AFEModel() if model is None else model
        super().__init__((N_CHANNELS, N_CHANNELS))
        self.fs, self.threshold = checked_rate(fs, "EventEncoder"), float(threshold)
        if not 0 < self.threshold <= self.model.supply_v:
            raise ValueError(
                f"`threshold` of `EventEncoder` is above 0 and up to the supply, "
                f"{self.model.supply_v:g} V; not {threshold}"
            )
        low, high = LIMITS.count_range.low, LIMITS.count_range.high
        self.count = per_channel("count", count, N_CHANNELS, low, high, "EventEncoder")
        self.reference_quirks = reference_quirks

    def _checked(self, data: npt.ArrayLike) -> RealSamples:
        return checked_real_signal(data, self._shape[0], "EventEncoder")

    def _fresh(self, batch: int) -> StateArrays:
        counted = np.zeros((batch, self._shape[0]), np.int64)
        if self.reference_quirks:
            counted += np.array(self.count) > 1
        return {"charge": np.zeros((batch, self._shape[0])), "counted": counted}

    def _parts(self, batch: int, state: StateArrays) -> tuple[Any, ...]:
        """What the kernels take besides the signal."""
        if self.reference_quirks:
            state["counted"] = self._fresh(batch)["counted"]
        model, per_step = self.model, 1 / self.fs / self.model.capacitance_f
        constants = (
            *(per_step * model.v_to_i, per_step * model.leak_s),
            *(model.supply_v, self.threshold),
        )
        return constants, np.array(self.count, np.int64), state["charge"], state["counted"]

    def _run(
        self, signal: Float[np.ndarray, "batch time channel"], state: StateArrays
    ) -> Shaped[np.ndarray, "batch time channel"]:
        from ._kernel import encode

        output = np.empty(signal.shape, np.uint8)
        arrays = (signal, self._parts(len(signal), state), output)
        over_samples(encode, len(signal), signal.size, *arrays)
        return output
