"""`SamnaBoard`: a real board, through the vendor's software."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ...chips import CHIPS, Chip, ChipLike, get_chip
from .._device_board import DeviceBoard
from .._errors import CHECK_LIST, BoardBusyError, BoardError, BoardNotFoundError
from .._models import VENDOR_MODELS, vendor_model
from ..drivers import Driver
from ._find import import_samna
from ._link import LINKS, SamnaLink
from ._lock import BoardLock
from ._watchdog import CALL_LIMIT_S, Watchdog


@dataclass(frozen=True)
class AttachedBoard:
    """A board that the vendor's software sees.

    Attributes:
        chip: name of the chip.
        serial: what tells it from others: its serial number, or, where the vendor's software does
            not say one, type and place in the list.
    """

    chip: str
    serial: str


def find_boards() -> tuple[AttachedBoard, ...]:
    """All boards of known chips that are attached, without opening any.

    Raises:
        BoardNotFoundError: the vendor's software is not installed.
        BoardError: it fails.
    """
    samna = import_samna()
    return tuple(
        AttachedBoard(chip.name, serial)
        for chip in CHIPS.values()
        if vendor_model(chip).device_type
        for serial in _attached(samna, chip)
    )


def _attached(samna: ModuleType, chip: Chip) -> dict[str, Any]:
    """Descriptions of the attached boards with a chip, by serial number."""
    devices = Watchdog("the devices that are attached")(samna.device.get_all_devices)
    wanted = vendor_model(chip).device_type
    found = [device for device in devices if device.device_type_name == wanted]
    return {
        str(getattr(device, "serial_number", "") or f"{wanted}:{place}"): device
        for place, device in enumerate(found)
    }


class SamnaBoard(DeviceBoard):
    """A real board, through the vendor's software `samna`, which must be installed.

    The board is held until `close`, or the end of the process; no other process can open it
    meanwhile. Real boards have not been tried yet: what is sent follows the vendor's documents.

    Args:
        chip: one of `CHIPS` that has boards, or its name.
        serial: which board, as `find_boards` names it; any that is free when not given.
        output_mode: what the output is: `Spike`, `Vmem` or `Isyn`.
        stepwise: use the manual mode, step by step with states read in between.
        confirm: run each raster twice and compare.
        retries: how often a run that failed is done again.
        timeout_s: how long the board may be silent while something is awaited [s].
        driver: how the chip is driven; that of the chip when not given.
        call_limit_s: how long one call of the vendor's software may take [s]. Longer ones are given
            up: the board counts as lost, and this process holds it until it ends. What cannot be
            given up is a call that lets no other thread of this process run meanwhile.

    Raises:
        BoardError: the vendor drives no boards with this chip any more.
        BoardNotFoundError: no such board, or no vendor's software.
        BoardBusyError: another process holds it.
        BoardFirmwareError: its firmware is too old.
        BoardLostError: it cannot be opened.
        ValueError: no such chip or output mode, or a number that is no time or count.
    """

    def __init__(
        self,
        chip: ChipLike,
        *,
        serial: str | None = None,
        output_mode: str = "Spike",
        stepwise: bool = False,
        confirm: bool = True,
        retries: int = 0,
        timeout_s: float = 5.0,
        driver: type[Driver] | None = None,
        call_limit_s: float = CALL_LIMIT_S,
    ) -> None:
        known_chip = get_chip(chip)
        if known_chip.name not in LINKS:
            raise BoardError(
                f"the vendor's software dropped the boards of {known_chip.name}: use a "
                f"`VirtualBoard`, or deploy to {', '.join(LINKS)}"
            )
        if not call_limit_s > 0:
            raise ValueError(f"no time: call_limit_s={call_limit_s}")
        link = _opened(import_samna(), known_chip, serial, call_limit_s)
        super().__init__(
            link,
            output_mode=output_mode,
            stepwise=stepwise,
            confirm=confirm,
            retries=retries,
            timeout_s=timeout_s,
            driver=driver,
        )


def _opened(samna: ModuleType, chip: Chip, serial: str | None, call_limit_s: float) -> SamnaLink:
    attached = _attached(samna, chip)
    if serial is not None and serial not in attached or not attached:
        what = f"board {serial!r}" if serial is not None else "board"
        listed = ", ".join(map(repr, attached)) or "none"
        raise BoardNotFoundError(
            f"samna sees no {what} of the type {VENDOR_MODELS[chip.name].device_type}, attached of "
            f"that type: {listed}; {CHECK_LIST}"
        )
    busy: list[str] = []
    for name in [serial] if serial is not None else list(attached):
        try:
            lock = BoardLock(name)
        except BoardBusyError as error:
            busy.append(str(error))
            continue
        return LINKS[chip.name](samna, chip, attached[name], name, lock, call_limit_s)
    raise BoardBusyError("; ".join(busy))
