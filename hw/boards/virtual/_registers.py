"""Registers of a virtual device.

Source: samna contract, sections 2.4, 3.2 and 4.4. Those of Audio 3 that hold sizes and switches
were compared with what a board printed (section 4.4, read-back values).
"""

from typing import TYPE_CHECKING

import numpy as np

from ..._config import XyloConfig
from .._configuration import Fields
from .._maps import MEMORY_ACTIVE, MEMORY_CLOCK_ON, REGISTER_MAPS

if TYPE_CHECKING:
    from ._device import VirtualDevice

_CHANNELS_PER_WORD = 8
# Audio 3: its register 0x00 is a version that no source prints.
_KNOWN_SIZES = "SYNS65302"


class Registers:
    """What can be read and written by address; what is not known reads as it was written."""

    def __init__(self, device: "VirtualDevice") -> None:
        self._device = device
        self._map = REGISTER_MAPS[device.chip.name]
        self._values: dict[int, int] = {}

    def configure(self, fields: Fields, config: XyloConfig) -> None:
        """Set what follows from a configuration."""
        if self._map.control is not None:
            self._values[self._map.control] = _control_1(fields, config)
        if self._map.wrap is not None:
            self._values[self._map.wrap] = fields.get("time_resolution_wrap", 0)
        if self._device.chip.name == _KNOWN_SIZES:
            n_in, n_ien = config.n_inputs - 1, config.n_input_expansion - 1
            self._values[0x02] = n_in | n_ien << 8 | (config.n_hidden - 1) << 16
            self._values[0x03] = config.n_outputs - 1 | (config.n_output_expansion - 1) << 8

    @property
    def memory_is_on(self) -> bool:
        """Whether the switches of the state memory are on."""
        assert self._map.control is not None
        needed = MEMORY_ACTIVE | MEMORY_CLOCK_ON
        return self._values.get(self._map.control, 0) & needed == needed

    def read(self, address: int) -> int:
        """The value of a register."""
        if address in self._map.input_spikes[:2]:
            return self._packed_inputs(address == self._map.input_spikes[1])
        value = 0
        if address == self._map.output_spikes:
            fired = self._device.shown.get("Spikes_out", np.zeros(0, np.int64))
            value |= sum(1 << neuron for neuron in np.flatnonzero(fired).tolist())
        if self._map.done is not None and address == self._map.done[0]:
            value |= 1 << self._map.done[1]
        return value or self._values.get(address, 0)

    def write(self, address: int, data: int) -> None:
        """Set a register; setting the counters of the inputs sets what the open step has."""
        if address in self._map.input_spikes[:2]:
            counts = self._device.open_counts()
            first = _CHANNELS_PER_WORD * (address == self._map.input_spikes[1])
            for channel in range(first, min(first + _CHANNELS_PER_WORD, len(counts))):
                counts[channel] = data >> 4 * (channel - first) & 0xF
            return
        self._values[address] = data

    def _packed_inputs(self, high: bool) -> int:
        first = _CHANNELS_PER_WORD * high
        counts = self._device.open_counts()[first : first + _CHANNELS_PER_WORD]
        return sum(int(count) << 4 * place for place, count in enumerate(counts))


def _control_1(fields: Fields, config: XyloConfig) -> int:
    """The first control register of Audio 2 and Audio 3."""
    debug = fields.get("debug", {})
    is_audio_3 = config.chip.name == _KNOWN_SIZES
    memory = bool(debug.get("ram_access_enable")) and is_audio_3
    hibernates = bool(fields.get("enable_hibernation_mode"))
    bits = {
        0: fields.get("operation_mode") == "Manual",
        1: bool(fields.get("synapse2_enable")),
        2: any(config.aliases),
        3: bool(fields.get("bias_enable")),
        16: memory,
        17: memory,
        22: bool(debug.get("always_update_omp_stat")),
        23: hibernates,
        # Audio 3: one cycle of the noise filter, its default.
        24: is_audio_3,
    }
    shifts = config.weight_shift_in << 4 | config.weight_shift_rec << 8
    shifts |= config.weight_shift_out << 12
    return shifts | sum(1 << place for place, is_on in bits.items() if is_on)
