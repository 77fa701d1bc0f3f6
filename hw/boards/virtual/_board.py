"""`VirtualBoard`: a board that needs no hardware, bit-accurate and, if asked, faulty."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8

from ...chips import Chip, ChipLike, get_chip
from .._device_board import DeviceBoard
from .._models import vendor_model
from ..drivers import Driver
from ._faults import Fault
from ._link import VirtualLink


class VirtualBoard(DeviceBoard):
    """A board that needs no hardware.

    Everything goes the way of a real one: the configuration in the vendor's fields, the raster as
    events with their steps, the result from readouts. What computes is the `reference` engine.
    Nothing waits: a board that hangs times out at once.

    Args:
        chip: one of `CHIPS`, or its name.
        output_mode: what the output is: `Spike`, `Vmem` or `Isyn`.
        stepwise: use the manual mode, step by step with states read in between.
        confirm: run each raster twice and compare.
        retries: how often a run that failed is done again.
        timeout_s: how long the board may be silent, in its own time [s].
        driver: how the chip is driven; that of the chip when not given.
        serial: of the board.
        faults: what goes wrong with it.
        firmware: versions by part; what its drivers need when not given.
        refuses: what its validator says of every configuration; empty: what is so.
        sensor: spike counts (time, input) that its front end gives in real time.

    Raises:
        ValueError: no such chip or output mode.
        BoardFirmwareError: the firmware that was given is too old.

    >>> from xylograph.hw import XyloConfig, XyloSim
    >>> config = XyloConfig("xylo-imu", weights_in=[[90]], weights_out=[[90]], threshold=50)
    >>> with VirtualBoard("xylo-imu") as board:
    ...     _ = board.load(config)
    ...     output, new_state, record = board([[1], [0], [2], [0]], record=True)
    >>> record["Vmem"].ravel()
    array([45, 46, 25, 14], dtype=int16)
    """

    def __init__(
        self,
        chip: ChipLike,
        *,
        output_mode: str = "Spike",
        stepwise: bool = False,
        confirm: bool = True,
        retries: int = 0,
        timeout_s: float = 5.0,
        driver: type[Driver] | None = None,
        serial: str = "0",
        faults: Iterable[Fault] = (),
        firmware: Mapping[str, str] | None = None,
        refuses: str = "",
        sensor: npt.ArrayLike | None = None,
    ) -> None:
        known_chip = get_chip(chip)
        given = vendor_model(known_chip).min_firmware if firmware is None else firmware
        sensed = None if sensor is None else _counts(sensor, known_chip)
        link = VirtualLink(known_chip, serial, given, tuple(faults), refuses, sensed)
        super().__init__(
            link,
            output_mode=output_mode,
            stepwise=stepwise,
            confirm=confirm,
            retries=retries,
            timeout_s=timeout_s,
            driver=driver,
        )


def _counts(sensor: npt.ArrayLike, chip: Chip) -> UInt8[np.ndarray, "time input"]:
    counts = np.asarray(sensor)
    if counts.ndim != 2 or counts.dtype.kind not in "biu":
        raise ValueError(
            f"`sensor` is spike counts (time, input); this has the shape {counts.shape}, "
            f"type {counts.dtype}"
        )
    limit = chip.max_input_spikes
    if counts.size and not 0 <= counts.min() <= counts.max() <= limit:
        raise ValueError(f"`sensor` is spike counts from 0 to {limit}")
    return counts.astype(np.uint8)
