"""Boards as the operating system sees them, and whether this user may use them."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ._finding import Finding, State

_DEVICES = Path("/sys/bus/usb/devices")
_NODES = Path("/dev/bus/usb")
_RULES = (Path("/etc/udev/rules.d"), Path("/lib/udev/rules.d"), Path("/usr/lib/udev/rules.d"))
# The vendor publishes no USB ids; a board tells its maker, or that of its USB chip, by name.
_NAMES = ("synsense", "xylo", "samna", "opal kelly", "fx3")


@dataclass(frozen=True)
class UsbDevice:
    """One attached device that may be a board.

    Attributes:
        name: maker and product, as the device says.
        serial: its serial number; empty where it has none.
        node: file through which programs reach it.
    """

    name: str
    serial: str
    node: Path

    def __str__(self) -> str:
        """Name, serial number and node."""
        return f"{self.name}{f', serial {self.serial}' if self.serial else ''} ({self.node})"


def usb(
    devices: Path = _DEVICES, nodes: Path = _NODES, rules: tuple[Path, ...] = _RULES
) -> Iterator[Finding]:
    """Look for boards at the USB ports; Linux only.

    Args:
        devices: where the system lists what is attached.
        nodes: folder of the files through which programs reach it.
        rules: folders of the rules that give permissions.
    """
    if not sys.platform.startswith("linux"):
        yield Finding("USB", State.NOTE, "ports and permissions are looked at on Linux only")
        return
    found = list(_attached(devices, nodes))
    if not found:
        yield Finding(
            "USB",
            State.NOTE,
            "no board is attached, or none that says its name",
            "plug it in, use a cable that carries data, and look for it with `lsusb`",
        )
    for device in found:
        yield _access(device, rules)


def _attached(devices: Path, nodes: Path) -> Iterator[UsbDevice]:
    for folder in sorted(devices.glob("*")):
        name = " ".join(filter(None, (_text(folder, "manufacturer"), _text(folder, "product"))))
        bus, number = _text(folder, "busnum"), _text(folder, "devnum")
        is_ours = any(known in name.lower() for known in _NAMES)
        if is_ours and bus.isdigit() and number.isdigit():
            node = nodes / f"{int(bus):03d}" / f"{int(number):03d}"
            yield UsbDevice(name, _text(folder, "serial"), node)


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(errors="replace").strip()
    except OSError:
        return ""


def _access(device: UsbDevice, rules: tuple[Path, ...]) -> Finding:
    if not device.node.exists():
        return Finding(
            "USB",
            State.PROBLEM,
            f"{device} is attached, but its file is not there",
            "in a container or a virtual machine hand the device through; else unplug and replug",
        )
    if os.access(device.node, os.R_OK | os.W_OK):
        return Finding("USB", State.OK, f"{device} may be used")
    rule = _rule(rules)
    remedy = (
        f"the rule {rule} is there: reload it with `udevadm control --reload-rules`, replug the "
        "board, and log in again if the rule names a group"
        if rule
        else "install the vendor's udev rule, reload with `udevadm control --reload-rules`, and "
        "replug the board"
    )
    return Finding("USB", State.PROBLEM, f"{device} may not be read and written by you", remedy)


def _rule(folders: tuple[Path, ...]) -> Path | None:
    """A rule that names the vendor, in its file name or its text."""
    for folder in folders:
        for path in sorted(folder.glob("*.rules")):
            text = f"{path.name} {_text(path.parent, path.name)}".lower()
            if any(known in text for known in _NAMES):
                return path
    return None
