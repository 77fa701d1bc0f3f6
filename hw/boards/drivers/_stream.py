"""Real time on Xylo IMU and Xylo Audio 3, whose readouts carry their step.

Source: samna contract, sections 3.4, 4.3 and 4.7.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Integer

from .. import _events as ev
from .._errors import BoardDataError
from ._driver import Driver


class SensorDriver(Driver):
    """What both have in common."""

    def live(self, n_steps: int) -> Iterator[Integer[np.ndarray, " output"]]:
        """Follow the sensor; steps that are missing between others are an error."""
        start = self.next_step()
        self.link.write([self.start_event(start + n_steps)])
        expected = start
        while expected < start + n_steps:
            for event in self.talk.read(f"the readout of step {expected}"):
                if not isinstance(event, ev.Readout):
                    continue
                step = self.step_after(event) - 1
                if step < start or step >= start + n_steps:
                    continue
                if step != expected:
                    raise BoardDataError(
                        f"{self.link.identity} sent the readout of step {step}, expected was that "
                        f"of step {expected}: the connection does not keep up, or events were lost"
                    )
                expected += 1
                yield self.checked_outputs(event)

    def start_event(self, end: int) -> ev.Event:
        """What makes the chip go on by itself up to a step."""
        return ev.TriggerProcessing(end)

    def checked_outputs(self, readout: ev.Readout) -> Integer[np.ndarray, " output"]:
        """Output spikes of a readout."""
        return self._checked(
            {"Spikes_out": self._column([readout], "output_spikes", self.config.n_outputs)}, 1
        )["Spikes_out"][0]
