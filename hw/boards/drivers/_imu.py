"""Xylo IMU.

Source: samna contract, sections 3.1 to 3.5, and section 6, points 4 and 5.
"""

from .._configuration import Fields
from ._driver import ACCELERATED, CLOCK_HZ, MANUAL
from ._sensor_driver import SensorDriver, merged

# Fixed by the sensor and its interface.
_STEPS_HZ, _FRONT_END_HZ = 200, 50_000


class ImuDriver(SensorDriver):
    """Drives Xylo IMU: monitors are ranges, a call opens the state memory."""

    def fields(self, mode: str, kind: str) -> Fields:
        """The configuration; the front end is off unless the sensor is followed."""
        fields = super().fields(mode, kind)
        interface = fields.pop("input_interface", {})
        if mode in (ACCELERATED, MANUAL):
            return fields | {"imu_if_input_enable": False}
        fields["debug"] |= {
            "imu_if_clk_enable": True,
            "imu_if_clock_freq_div": CLOCK_HZ // _FRONT_END_HZ - 1,
        }
        live = {
            "imu_if_input_enable": True,
            "time_resolution_wrap": CLOCK_HZ // _STEPS_HZ,
            "input_interface": {"enable": True} | interface,
        }
        return merged(fields | live, self.front_end)

    def open_memory(self, mode: str, kind: str) -> None:
        """Open or close it by a call, and choose between events and the sensor."""
        self.link.set_sensor(mode not in (ACCELERATED, MANUAL))
        self.link.set_ram_access(kind != "Spike")

    def restart(self, mode: str, kind: str) -> None:
        """Reset the board, which also sets the step counter back."""
        self.reset_board()
        self.prepare(mode, kind)
        self.clear_inputs()
