"""What Xylo IMU and Xylo Audio 3 have in common: targets, states by id, readouts with their step.

Source: samna contract, sections 3.2 to 3.5, 4.3 and 4.7.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from .. import _events as ev
from .._configuration import Fields
from .._errors import BoardDataError
from .._live import LiveStep
from ._driver import CLOCK_HZ, REAL_TIME, Driver

_BY_ID = {
    "v_mem": (ev.ReadMembranePotential, ev.MembranePotential),
    "i_syn": (ev.ReadSynapticCurrent, ev.SynapticCurrent),
    "i_syn2": (ev.ReadHiddenSynapticCurrent2, ev.HiddenSynapticCurrent2),
    "spike": (ev.ReadHiddenSpikeCount, ev.HiddenSpikeCount),
}


class SensorDriver(Driver):
    """Runs up to a target, and follows the sensor in real time."""

    def last_events(self, end: int) -> list[ev.Event]:
        """A target: all steps below it are processed."""
        return [ev.TriggerProcessing(end)]

    def read_states(self, state: str, ids: range) -> list[int]:
        """States by id."""
        question, answer = _BY_ID[state]
        answers = self.talk.ask_all([question(neuron) for neuron in ids], answer)
        if [given.neuron_id for given in answers] != list(ids):
            raise BoardDataError(f"{self.link.identity} answered for other neurons than asked for")
        return [
            given.count if isinstance(given, ev.HiddenSpikeCount) else given.value
            for given in answers
        ]

    @property
    def dt(self) -> float:
        """How long a step takes in real time [s]."""
        return self.fields(REAL_TIME, "Spike")["time_resolution_wrap"] / CLOCK_HZ

    def live(self, n_steps: int) -> Iterator[LiveStep]:
        """Follow the sensor; steps that are missing between others are an error."""
        start, dt = self.next_step(), self.dt
        if not math.isclose(dt, self.config.dt, rel_tol=1e-3):
            self.notices.append(
                f"a step takes {dt * 1e3:g} ms in real time, and {self.config.dt * 1e3:g} ms in "
                "the configuration, whose time constants are off by as much"
            )
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
                yield self._shown_of(event, step, dt)
        self.link.write(self.stop_events(start))

    def start_event(self, end: int) -> ev.Event:
        """What makes the chip go on by itself up to a step."""
        return ev.TriggerProcessing(end)

    def stop_events(self, start: int) -> list[ev.Event]:
        """What makes it stop; nothing, where it stops by itself at the target.

        Args:
            start: the first step that was asked for.
        """
        del start
        return []

    def _shown_of(self, readout: ev.Readout, step: int, dt: float) -> LiveStep:
        outputs = {"Spikes_out": "output_spikes", "Vmem_out": "output_v_mems"}
        traces = {
            name: self._column([readout], field, self.config.n_outputs)
            for name, field in outputs.items()
        }
        checked = self._checked(traces, 1)
        return LiveStep(
            output_spikes=checked["Spikes_out"][0],
            output_vmem=checked["Vmem_out"][0],
            dt=dt,
            input_spikes=self.link.sensed_spikes(step),
        )


def merged(fields: Fields, others: Mapping[str, Any]) -> Fields:
    """Fields with others, which go before, section by section.

    >>> merged({"dn": {"enable": 1, "bias": 10}}, {"dn": {"bias": 9}, "wrap": 5})
    {'dn': {'enable': 1, 'bias': 9}, 'wrap': 5}
    """
    both = dict(fields)
    for name, value in others.items():
        is_section = isinstance(both.get(name), dict) and isinstance(value, Mapping)
        both[name] = merged(both[name], value) if is_section else value
    return both
