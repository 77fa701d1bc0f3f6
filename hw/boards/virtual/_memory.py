"""State memory of a virtual device, word by word.

Source: samna contract, section 2.5 and 4.5 (maps), sections 2.8 and 3.2 (the first word that is
read after a pause is stale).
"""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from jaxtyping import Integer

from ..._config import XyloConfig
from ...engines import CoreState
from .._maps import MEMORY_MAPS, MemoryMap

if TYPE_CHECKING:
    from ._device import VirtualDevice


class Memory:
    """Reads words; an answer is that to the read before, and to the same address the right one."""

    def __init__(self, device: "VirtualDevice") -> None:
        self._device = device
        self._map = MEMORY_MAPS.get(device.chip.name)
        self._last_address: int | None = None

    def read(self, address: int) -> int:
        """The word at an address; words of 16 bits, without a sign."""
        was_read, self._last_address = self._last_address, address
        # What lies behind the first read of a run of reads comes with the one after it.
        is_stale = was_read is None or address not in (was_read, was_read + 1)
        return self._word(was_read or 0) if is_stale else self._word(address)

    def _word(self, address: int) -> int:
        config, state = self._device.config, self._device.state
        if self._map is None or config is None or state is None or not self._device.ram_works:
            return 0
        banks = _banks(self._map, config, state)
        first = max((first for first in banks if first <= address), default=None)
        if first is None:
            return 0
        hidden, output = banks[first]
        place = address - first
        after = place - self._map.first_output(config.n_hidden)
        if place < config.n_hidden:
            return int(hidden[place]) & 0xFFFF
        return int(output[after]) & 0xFFFF if 0 <= after < len(output) else 0


_Bank: TypeAlias = tuple[Integer[np.ndarray, "..."], Integer[np.ndarray, "..."]]


def _banks(memory: MemoryMap, config: XyloConfig, state: CoreState) -> dict[int, _Bank]:
    """Values of hidden neurons and of outputs by the address of the first one."""
    none = np.zeros(0, np.int64)
    banks: dict[int, _Bank] = {
        memory.isyn: (state.isyn[0], state.isyn_out[0]),
        memory.isyn2: (state.isyn2[0], none),
        memory.vmem: (state.vmem[0], state.vmem_out[0]),
        memory.spikes: (state.spikes[0], none),
        memory.dash_syn: (config.dash_syn, config.dash_syn_out),
        memory.dash_syn_2: (config.dash_syn_2, none),
        memory.dash_mem: (config.dash_mem, config.dash_mem_out),
        memory.threshold: (config.threshold, config.threshold_out),
    }
    return banks if memory.bias is None else banks | {memory.bias: (config.bias, config.bias_out)}
