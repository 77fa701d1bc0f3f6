"""Xylo Audio 3.

Source: samna contract, sections 4.3 and 4.6, and section 6, points 1 to 4 and 8.
"""

from .. import _events as ev
from .._configuration import Fields
from ._driver import ACCELERATED, CLOCK_HZ, MANUAL
from ._sensor_driver import SensorDriver, merged


class Audio3Driver(SensorDriver):
    """Drives Xylo Audio 3: monitors are lists of ids, modes clear the state."""

    def fields(self, mode: str, kind: str) -> Fields:
        """The configuration, with what the state memory needs."""
        fields = super().fields(mode, kind)
        # Memory that can be read costs power.
        fields["debug"]["ram_access_enable"] = kind != "Spike"
        if mode in (ACCELERATED, MANUAL):
            return fields | {"input_source": "SpikeEvents"}
        fields["debug"]["sdm_clock_ratio"] = int(CLOCK_HZ / 1_560_000 / 2 - 1)
        microphone = {"clock_direction": 1, "clock_edge": 0}
        live = {
            "input_source": "DigitalMicrophone",
            "time_resolution_wrap": int(self.config.dt * CLOCK_HZ),
            "digital_frontend": {
                "pdm_preprocessing": microphone,
                "filter_bank": {"use_global_iaf_threshold": True},
            },
        }
        return merged(fields | live, self.front_end)

    def start_event(self, end: int) -> ev.Event:
        """Without a target: the chip runs until it is stopped."""
        return ev.TriggerProcessing()

    def stop_events(self, start: int) -> list[ev.Event]:
        """A target that was passed: until it stops, the chip must not be spoken to."""
        return [ev.TriggerProcessing(start)]

    def open_memory(self, mode: str, kind: str) -> None:
        """Nothing to do: a field of the configuration opens it."""

    def restart(self, mode: str, kind: str) -> None:
        """Go through another mode, which is what clears the chip and the step counter."""
        other = MANUAL if mode != MANUAL else ACCELERATED
        self._apply(self.fields(other, "Spike"), other, "Spike")
        self.prepare(mode, kind)
        self.clear_inputs()
