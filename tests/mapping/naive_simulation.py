"""Integer networks computed population by population, from the fact sheet alone.

Written from chip facts, section 2, with plain loops. It knows nothing of matrices of a chip, of
neuron ids or of placement, and shares no code with the package.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Population:
    """Integer neurons; `inputs` are the names of sources with weights (source, neuron, synapse)."""

    name: str
    inputs: list[tuple[str, np.ndarray]]
    dash_mem: np.ndarray
    dash_syn: np.ndarray
    threshold: np.ndarray
    bias: np.ndarray
    max_spikes: int
    isyn: np.ndarray = field(init=False)
    vmem: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.isyn = np.zeros(self.dash_syn.shape, dtype=np.int64)
        self.vmem = np.zeros(self.dash_mem.shape, dtype=np.int64)


def simulate(
    populations: list[Population], raster: np.ndarray, *, core: int, on_chip: bool
) -> dict[str, np.ndarray]:
    """Spike counts (time, neuron) of each population, from rest.

    In a network signals pass all populations, in their order, within one step; on a chip all but
    those of the input arrive one step later. What comes back does so one step later in both.
    """
    before = {one.name: np.zeros(len(one.vmem), dtype=np.int64) for one in populations}
    seen: dict[str, list[np.ndarray]] = {one.name: [] for one in populations}
    for counts in raster.astype(np.int64):
        now: dict[str, np.ndarray] = {}
        for one in populations:
            arriving = {**before, **({} if on_chip else now), "@input": counts}
            now[one.name] = _step(one, arriving, core)
            seen[one.name].append(now[one.name])
        before = now
    return {name: np.array(spikes) for name, spikes in seen.items()}


def _step(one: Population, arriving: dict[str, np.ndarray], core: int) -> np.ndarray:
    for source, weights in one.inputs:
        for count, row in zip(arriving[source], weights, strict=True):
            one.isyn = _sat16(one.isyn + count * row)
    one.isyn = one.isyn - _decay(one.isyn, one.dash_syn)
    leak, current = _decay(one.vmem, one.dash_mem), one.isyn.sum(axis=1)
    if core == 1:
        one.vmem = _sat16(one.vmem - leak + current)
    else:
        one.vmem = _sat16(one.vmem + _sat16(_sat16(current - leak) + one.bias))
    spikes = np.zeros_like(one.vmem)
    for n, threshold in enumerate(one.threshold):
        while one.vmem[n] >= threshold and spikes[n] < one.max_spikes:
            spikes[n] += 1
            one.vmem[n] -= threshold
    return spikes


def _sat16(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -(2**15), 2**15 - 1)


def _decay(values: np.ndarray, dash: np.ndarray) -> np.ndarray:
    loss = values >> dash
    return np.where(loss == 0, np.sign(values), loss)
