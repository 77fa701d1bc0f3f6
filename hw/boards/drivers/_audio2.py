"""Xylo Audio 2, and Xylo 1 as far as it was driven like it.

Readouts carry only the time; states are collected by a node of the vendor's software.

Source: samna contract, sections 2.4 to 2.8.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Integer

from ..._config import XyloConfig
from .. import _events as ev
from .._conversation import Conversation
from .._errors import BoardDataError, BoardError, BoardFirmwareError
from .._link import Link
from .._live import LiveStep
from .._maps import MEMORY_ACTIVE, MEMORY_CLOCK_ON, REGISTER_MAPS
from .._models import vendor_model
from ._driver import Driver, Traces

_SINK_NAMES = {
    "i_syn": "reservoir_i_syn",
    "i_syn2": "reservoir_i_syn2",
    "v_mem": "reservoir_v_mem",
    "spike": "reservoir_spike",
}


class Audio2Driver(Driver):
    """Drives Xylo Audio 2: time stamps of the next step, states from a sink or from memory."""

    time_field = "timestamp"

    def __init__(self, link: Link, config: XyloConfig, timeout_s: float) -> None:
        super().__init__(link, config, timeout_s)
        self._sink = link.state_sink()

    @classmethod
    def open(cls, link: Link, timeout_s: float) -> None:
        """Step the chip once, which it needs, and ask for its version."""
        model = vendor_model(link.chip)
        talk = Conversation(link, timeout_s, REGISTER_MAPS[link.chip.name].barrier)
        link.write([ev.TriggerProcessing()])
        version, _ = talk.ask(ev.ReadVersion(), ev.Version)
        if (version.major, version.minor) != model.core_version:
            needed = ".".join(map(str, model.core_version))
            raise BoardFirmwareError(
                f"{link.identity} says that its core has the version {version.major}."
                f"{version.minor}, expected is {needed}: is it another chip?"
            )
        link.set_sensor(False)

    def shown(self, kind: str) -> dict[str, range]:
        """Ids of the neurons whose states are collected; voltages of outputs among them."""
        shown = super().shown(kind)
        n_hidden, n_all = self.config.n_hidden, self.config.n_hidden + self.config.n_outputs
        if kind in ("Vmem", "all"):
            shown["v_mem"] = range(n_hidden if kind == "Vmem" else 0, n_all)
        return shown

    def open_memory(self, mode: str, kind: str) -> None:
        """Switch it on or off in the control register; power before clock, and the other way."""
        if self.registers.control is None:
            return
        address = self.registers.control
        value = self.talk.register(address)
        switches = (MEMORY_ACTIVE, MEMORY_CLOCK_ON)
        if kind != "Spike":
            values = [value | switches[0], value | switches[0] | switches[1]]
        else:
            values = [value & ~switches[1], value & ~switches[1] & ~switches[0]]
        self.link.write([ev.WriteRegisterValue(address, data) for data in values])
        self._sink.set_configuration(self.fields(mode, kind))

    def restart(self, mode: str, kind: str) -> None:
        """Apply with a request, good for once, to clear the states; time goes on."""
        fields = self.fields(mode, kind) | {"clear_network_state": True}
        self._apply(fields, mode, kind)
        self.clear_inputs()

    def step_after(self, readout: ev.Readout) -> int:
        """The time stamp itself is that of the next step."""
        return super().step_after(readout) - 1

    def last_events(self, end: int) -> list[ev.Event]:
        """A spike of the next step, which lets the last one be processed, and is taken back."""
        clear = [ev.WriteRegisterValue(address) for address in self.registers.input_spikes]
        return [ev.Spike(0, timestamp=end), *clear]

    def next_step(self) -> int:
        """Number of the next step; what was collected before is forgotten."""
        step = super().next_step()
        self._sink.reset()
        return step

    def traces(self, readouts: list[ev.Readout], kind: str) -> Traces:
        """What the sink collected."""
        # The sink knows no time: only if readouts came once each and in order, so did its columns.
        if self.notices:
            raise BoardDataError(
                f"{self.link.identity}: {self.notices[-1]}; the states cannot be told apart: run again"
            )
        ids, n_steps = self.shown(kind), len(readouts)
        fired = self._collected_states("output_spike", self.config.n_outputs, n_steps)
        states = {
            state: self._collected_states(_SINK_NAMES[state], len(neurons), n_steps)
            for state, neurons in ids.items()
        }
        return {"Spikes_out": fired, **self.by_name(states, ids)}

    def _collected_states(
        self, name: str, n_neurons: int, n_steps: int
    ) -> Integer[np.ndarray, "time _"]:
        if not n_neurons:
            return np.zeros((n_steps, 0), np.int64)
        values = self._sink.values(name)
        if values.shape != (n_neurons, n_steps):
            raise BoardDataError(
                f"{self.link.identity} collected {values.shape} of `{name}` (neurons, steps), "
                f"expected is {(n_neurons, n_steps)}: run again"
            )
        return values.T

    def read_states(self, state: str, ids: range) -> list[int]:
        """States from memory."""
        memory = self.memory
        assert memory is not None
        first = {
            "v_mem": memory.vmem,
            "i_syn": memory.isyn,
            "i_syn2": memory.isyn2,
            "spike": memory.spikes,
        }[state]
        n_hidden = self.config.n_hidden
        gap = memory.first_output(n_hidden) - n_hidden
        addresses = [first + neuron + (gap if neuron >= n_hidden else 0) for neuron in ids]
        words = self._words(range(addresses[0], addresses[-1] + 1))
        return [words[address] for address in addresses]

    def _words(self, addresses: range) -> dict[int, int]:
        # The first word after a pause, or out of order, is a stale one.
        asked = [ev.ReadMemoryValue(address) for address in (addresses[0], *addresses)]
        answers = self.talk.ask_all(asked, ev.MemoryValue)[1:]
        if [answer.address for answer in answers] != list(addresses):
            raise BoardDataError(f"{self.link.identity} answered for other words than asked for")
        return {answer.address: _signed(answer.data) for answer in answers}

    def live(self, n_steps: int) -> Iterator[LiveStep]:
        """Not offered.

        In real time the outputs come through the state sink only, which knows no time: a step that
        was lost looks like one that was not there. And what the front end needs before, a
        calibration of 45 s whose end nothing reports, is not documented in full.

        Raises:
            BoardError: always.

        Source: samna contract, sections 2.3 and 2.9.
        """
        if self.link.chip.audio2 is None:
            raise BoardError(
                f"{self.link.chip.name} has no sensor and no real time: run rasters on it"
            )
        raise BoardError(
            f"{self.link.chip.name} cannot be followed in real time: what it shows then does not "
            "say which step it is of, so that steps could be lost unnoticed; record the sound, make "
            "a raster of it with `AFESim`, and run that"
        )


def _signed(word: int) -> int:
    """A word of 16 bits with its sign; what needs more stays as it is and is refused later."""
    return word - 0x10000 if 0x8000 <= word < 0x10000 else word
