"""Where registers and state memories of the boards lie, as far as it is known.

Source: samna contract, sections 2.4 and 2.5 (Xylo 1 and Audio 2), 3.2 (Xylo IMU), 4.4 and 4.5
(Audio 3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class RegisterMap:
    """Addresses of registers.

    Attributes:
        barrier: one that can be read at any time, and whose answer comes after all that was
            written before.
        input_spikes: counters of the input channels: low and high of the first and second bank,
            4 bit a channel.
        output_spikes: of the last step, one bit an output neuron.
        done: register and bit that is set when a triggered step is done; `None`: an interrupt
            says so.
        control: first control register, where it is known; holds the switches of the memory.
        wrap: length of a step in real time [clock cycles].
    """

    barrier: int
    input_spikes: tuple[int, int, int, int]
    output_spikes: int
    done: tuple[int, int] | None = None
    control: int | None = None
    wrap: int | None = None


MEMORY_CLOCK_ON, MEMORY_ACTIVE = 1 << 16, 1 << 17
"""Bits of the first control register of Audio 2 and Audio 3 that open the memory."""


@dataclass(frozen=True, kw_only=True)
class MemoryMap:
    """First words of the memories. Output neurons follow the hidden ones in `isyn` and `vmem`.

    Attributes:
        isyn: first synaptic currents.
        isyn2: second synaptic currents, hidden neurons only.
        vmem: membrane potentials.
        spikes: spikes of the last step, hidden neurons only.
        has_gap: whether one or two words lie between hidden and output neurons, so that outputs
            begin at an odd word.
        dash_syn: decay shifts of the first synapse.
        dash_syn_2: of the second synapse, hidden neurons only.
        dash_mem: decay shifts of the membranes.
        threshold: thresholds.
        bias: biases; `None`: there are none.
    """

    isyn: int
    isyn2: int
    vmem: int
    spikes: int
    dash_syn: int
    dash_syn_2: int
    dash_mem: int
    threshold: int
    bias: int | None = None
    has_gap: bool = False

    def first_output(self, n_hidden: int) -> int:
        """Place of the first output neuron, counted from the first hidden one.

        >>> MEMORY_MAPS["SYNS61300"].first_output(4), MEMORY_MAPS["SYNS61300"].first_output(5)
        (5, 7)
        """
        return n_hidden + (1 + n_hidden % 2 if self.has_gap else 0)


REGISTER_MAPS: Mapping[str, RegisterMap] = MappingProxyType(
    {
        "SYNS61300": RegisterMap(
            barrier=0x10,
            input_spikes=(0x0C, 0x0D, 0x0E, 0x0F),
            output_spikes=0x10,
            done=(0x10, 16),
        ),
        "SYNS61201": RegisterMap(
            barrier=0x15,
            input_spikes=(0x11, 0x12, 0x13, 0x14),
            output_spikes=0x15,
            done=(0x15, 16),
            control=0x01,
            wrap=0x03,
        ),
        "SYNS63300": RegisterMap(
            barrier=0x4B, input_spikes=(0x47, 0x48, 0x49, 0x4A), output_spikes=0x4B
        ),
        "SYNS65302": RegisterMap(
            barrier=0x00,
            input_spikes=(0x149, 0x14A, 0x14B, 0x14C),
            output_spikes=0x152,
            done=(0x153, 0),
            control=0x01,
            wrap=0x04,
        ),
    }
)
"""By `Chip.name`."""

# Bases behind `dash_mem` are inferred for Audio 2, but for `spikes`, which its own reader uses.
MEMORY_MAPS: Mapping[str, MemoryMap] = MappingProxyType(
    {
        "SYNS61300": MemoryMap(
            isyn=0x07E00,
            isyn2=0x081F0,
            vmem=0x085D8,
            dash_syn=0x089C8,
            dash_syn_2=0x08DB8,
            dash_mem=0x091A0,
            threshold=0x09590,
            spikes=0x0A150,
            has_gap=True,
        ),
        "SYNS61201": MemoryMap(
            isyn=0x07E00,
            isyn2=0x081F0,
            vmem=0x085D8,
            dash_syn=0x089C8,
            dash_syn_2=0x08DB8,
            dash_mem=0x091A0,
            bias=0x09590,
            threshold=0x09980,
            spikes=0x0A540,
        ),
        "SYNS65302": MemoryMap(
            isyn=0x1200,
            isyn2=0x1600,
            vmem=0x19E0,
            dash_syn=0x1DE0,
            dash_syn_2=0x21E0,
            dash_mem=0x25C0,
            bias=0x29C0,
            threshold=0x2DC0,
            spikes=0x3980,
        ),
    }
)
"""By `Chip.name`; that of Xylo IMU is not known."""
