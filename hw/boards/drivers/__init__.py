"""Drivers: how a raster becomes events of a chip's board, and what comes back a recording.

`_driver.py` holds what is common, `_audio2.py` (with Xylo 1), `_imu.py` and `_audio3.py` what differs.
A further board is one more file with a subclass of `Driver`, and one more line in `DRIVERS`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ._audio2 import Audio2Driver
from ._audio3 import Audio3Driver
from ._driver import Driver as Driver
from ._imu import ImuDriver

DRIVERS: Mapping[str, type[Driver]] = MappingProxyType(
    {
        "SYNS61300": Audio2Driver,
        "SYNS61201": Audio2Driver,
        "SYNS63300": ImuDriver,
        "SYNS65302": Audio3Driver,
    }
)
"""By `Chip.name`."""
