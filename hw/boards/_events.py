"""Events to and from a board, in the vendor's vocabulary.

One class for each event of the vendor's software, with the vendor's field names. Where chips
differ in their fields, a field that an event does not have there is `None`.

Source: samna contract, sections 2.2, 3.2 and 4.3.
"""

from dataclasses import dataclass
from typing import TypeAlias

Values: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Event:
    """Anything that goes to or comes from a board."""


# To the board -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spike(Event):
    """A spike into an input channel; from the board also one of an output neuron.

    Attributes:
        neuron_id: input channel.
        timestep: step of the spike, on chips that count so.
        timestamp: the same on Xylo Audio 2 and Xylo 1.
    """

    neuron_id: int = 0
    timestep: int | None = None
    timestamp: int | None = None


@dataclass(frozen=True)
class TriggerProcessing(Event):
    """Process all steps below the target; in manual mode one step; in real time go on."""

    target_timestep: int | None = None


@dataclass(frozen=True)
class TriggerReadout(Event):
    """Ask for a `Readout` of the present."""


@dataclass(frozen=True)
class ReadRegisterValue(Event):
    """Ask for a register."""

    address: int


@dataclass(frozen=True)
class WriteRegisterValue(Event):
    """Set a register."""

    address: int
    data: int = 0


@dataclass(frozen=True)
class ReadMemoryValue(Event):
    """Ask for a word of the memory."""

    address: int


@dataclass(frozen=True)
class ReadMembranePotential(Event):
    """Ask for a membrane potential by id; output neurons follow the hidden ones."""

    neuron_id: int


@dataclass(frozen=True)
class ReadSynapticCurrent(Event):
    """Ask for a first synaptic current by id; output neurons follow the hidden ones."""

    neuron_id: int


@dataclass(frozen=True)
class ReadHiddenSynapticCurrent2(Event):
    """Ask for the second synaptic current of a hidden neuron."""

    neuron_id: int


@dataclass(frozen=True)
class ReadHiddenSpikeCount(Event):
    """Ask for the spikes of a hidden neuron in the last step, those of aliases included."""

    neuron_id: int


@dataclass(frozen=True)
class ReadVersion(Event):
    """Ask for the version of the core."""


# From the board -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Readout(Event):
    """What is shown of one step; also the answer to `TriggerReadout`.

    Attributes:
        timestep: last processed step, -1 after a reset.
        timestamp: on Xylo Audio 2 and Xylo 1 instead: the **next** step to be processed.
        neuron_v_mems: of the monitored neurons, in the order of the monitor.
        neuron_i_syns: the same.
        neuron_i_syns2: the same; only what the state sink of Xylo Audio 2 sees.
        hidden_spikes: the same.
        output_v_mems: of all output neurons.
        output_spikes: of all output neurons, 0 or 1.
    """

    timestep: int | None = None
    timestamp: int | None = None
    neuron_v_mems: Values = ()
    neuron_i_syns: Values = ()
    neuron_i_syns2: Values = ()
    hidden_spikes: Values = ()
    output_v_mems: Values = ()
    output_spikes: Values = ()


@dataclass(frozen=True)
class Interrupt(Event):
    """Processing that was triggered is done; Xylo IMU in manual mode."""


@dataclass(frozen=True)
class RegisterValue(Event):
    """A register."""

    address: int
    data: int


@dataclass(frozen=True)
class MemoryValue(Event):
    """A word of the memory."""

    address: int
    data: int


@dataclass(frozen=True)
class MembranePotential(Event):
    """Answer to `ReadMembranePotential`."""

    neuron_id: int
    value: int


@dataclass(frozen=True)
class SynapticCurrent(Event):
    """Answer to `ReadSynapticCurrent`."""

    neuron_id: int
    value: int


@dataclass(frozen=True)
class HiddenSynapticCurrent2(Event):
    """Answer to `ReadHiddenSynapticCurrent2`."""

    neuron_id: int
    value: int


@dataclass(frozen=True)
class HiddenSpikeCount(Event):
    """Answer to `ReadHiddenSpikeCount`."""

    neuron_id: int
    count: int


@dataclass(frozen=True)
class Version(Event):
    """Version of the core."""

    major: int
    minor: int
