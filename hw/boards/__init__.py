"""Boards: a chip that is driven from outside, real or virtual.

In: a configuration and rasters. Out: what a simulator gives for them, or a `BoardError`. Boards to
use are those of `xylograph.hw`: `VirtualBoard`, `SamnaBoard`, `RecordedBoard`. What is exported here
is for those who add one.

Two layers. A *link* (`_link.py`) is what the vendor's software offers of one board: apply a
configuration, write events, read events. A *driver* (`drivers/`, one file for each kind of chip)
knows how a raster becomes events there, and events a recording. `DeviceBoard` (`_device_board.py`)
joins the two and is where completeness is checked, so that the same code runs on every link:

- `virtual/`: a device that computes with the `reference` engine, and a wire that can fail;
- `samna_link/`: the vendor's software.

To read in this order: `_board.py`, what a board is; `_events.py`, the vendor's vocabulary;
`_models.py`, what differs between the vendor's boards; `_configuration.py`, configurations in the
vendor's fields; `_link.py`; `drivers/_driver.py`; `_device_board.py`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._device_board import DeviceBoard as DeviceBoard
    from ._events import (
        Event as Event,
        HiddenSpikeCount as HiddenSpikeCount,
        HiddenSynapticCurrent2 as HiddenSynapticCurrent2,
        Interrupt as Interrupt,
        MembranePotential as MembranePotential,
        MemoryValue as MemoryValue,
        ReadHiddenSpikeCount as ReadHiddenSpikeCount,
        ReadHiddenSynapticCurrent2 as ReadHiddenSynapticCurrent2,
        ReadMembranePotential as ReadMembranePotential,
        ReadMemoryValue as ReadMemoryValue,
        Readout as Readout,
        ReadRegisterValue as ReadRegisterValue,
        ReadSynapticCurrent as ReadSynapticCurrent,
        ReadVersion as ReadVersion,
        RegisterValue as RegisterValue,
        Spike as Spike,
        SynapticCurrent as SynapticCurrent,
        TriggerProcessing as TriggerProcessing,
        TriggerReadout as TriggerReadout,
        Version as Version,
        WriteRegisterValue as WriteRegisterValue,
    )
    from ._link import Link as Link, StateSink as StateSink
    from .drivers import DRIVERS as DRIVERS
    from .drivers._audio2 import Audio2Driver as Audio2Driver
    from .drivers._audio3 import Audio3Driver as Audio3Driver
    from .drivers._driver import Driver as Driver
    from .drivers._imu import ImuDriver as ImuDriver
    from .drivers._sensor_driver import SensorDriver as SensorDriver
    from .virtual._link import VirtualLink as VirtualLink

__all__ = [
    "DRIVERS",
    "Audio2Driver",
    "Audio3Driver",
    "DeviceBoard",
    "Driver",
    "Event",
    "HiddenSpikeCount",
    "HiddenSynapticCurrent2",
    "ImuDriver",
    "Interrupt",
    "Link",
    "MembranePotential",
    "MemoryValue",
    "ReadHiddenSpikeCount",
    "ReadHiddenSynapticCurrent2",
    "ReadMembranePotential",
    "ReadMemoryValue",
    "ReadRegisterValue",
    "ReadSynapticCurrent",
    "ReadVersion",
    "Readout",
    "RegisterValue",
    "SensorDriver",
    "Spike",
    "StateSink",
    "SynapticCurrent",
    "TriggerProcessing",
    "TriggerReadout",
    "Version",
    "VirtualLink",
    "WriteRegisterValue",
]

# Loaded when asked for: whoever catches a `BoardError` needs no device.
_HOME = {
    "DRIVERS": "drivers",
    "Audio2Driver": "drivers._audio2",
    "Audio3Driver": "drivers._audio3",
    "DeviceBoard": "_device_board",
    "Driver": "drivers._driver",
    "ImuDriver": "drivers._imu",
    "Link": "_link",
    "SensorDriver": "drivers._sensor_driver",
    "StateSink": "_link",
    "VirtualLink": "virtual._link",
}


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module(f".{_HOME.get(name, '_events')}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
