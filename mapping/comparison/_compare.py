"""`compare`: where two levels of the road differ, and how much."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Int

from ._observe import Observation, observe


@dataclass(frozen=True)
class Divergence:
    """The first place where two runs differ.

    Attributes:
        layer: name of the population.
        sample: index in the batch.
        step: time step, in the network's own time.
        neuron: index in the population.
        first: spike count of the first subject.
        second: spike count of the second subject.

    >>> print(Divergence("1_LIFJax", sample=0, step=7, neuron=3, first=1, second=0))
    `1_LIFJax`[3] at step 7 of sample 0: 1 and 0 spikes
    """

    layer: str
    sample: int
    step: int
    neuron: int
    first: int
    second: int

    def __str__(self) -> str:
        return (
            f"`{self.layer}`[{self.neuron}] at step {self.step} of sample {self.sample}: "
            f"{self.first} and {self.second} spikes"
        )


@dataclass(frozen=True)
class LayerComparison:
    """How the spikes of one population differ.

    Attributes:
        layer: name of the population.
        n_counts: spike counts compared, one for each sample, step and neuron.
        n_different: how many of them differ.
        n_spikes: spikes of the first subject.
        n_spikes_other: spikes of the second subject.
        count_error: difference of the spikes of a neuron in a sample, summed over both and
            divided by the spikes of the first subject.
        divergence: the first difference in time; `None` where all are equal.
    """

    layer: str
    n_counts: int
    n_different: int
    n_spikes: int
    n_spikes_other: int
    count_error: float
    divergence: Divergence | None

    def __str__(self) -> str:
        return (
            f"`{self.layer}`: {self.n_different} of {self.n_counts} spike counts differ, "
            f"{self.n_spikes} and {self.n_spikes_other} spikes, "
            f"{self.count_error:.2%} error of the counts of neurons over samples"
        )


@dataclass(frozen=True)
class Comparison:
    """How two subjects differ on the same data.

    Attributes:
        layers: one entry for each population, the output last.
        output_agreement: share of samples in which the same output neuron spikes most.
    """

    layers: tuple[LayerComparison, ...]
    output_agreement: float

    @property
    def is_equal(self) -> bool:
        """Whether every spike count is the same."""
        return all(layer.n_different == 0 for layer in self.layers)

    @property
    def divergence(self) -> Divergence | None:
        """The first difference in time over all populations; `None` where all are equal.

        Of several in one step, that of the first population in the order of `layers`.
        """
        found = [layer.divergence for layer in self.layers if layer.divergence]
        return min(found, key=lambda place: place.step, default=None)

    def __str__(self) -> str:
        first = f"first difference: {self.divergence}" if self.divergence else "no difference"
        agreement = f"the output agrees in {self.output_agreement:.1%} of samples"
        return "\n".join((*map(str, self.layers), first, agreement))


def compare(first: object, second: object, data: npt.ArrayLike) -> Comparison:
    """Run two levels of the road on the same data and compare every spike.

    Populations are aligned by their delay on the chip, so a network and its deployment can be
    compared step by step.

    Args:
        first: a network, `Deployment`, `XyloConfig` or `XyloSim`.
        second: another one, with the same populations: compare networks with deployments,
            configurations with simulations.
        data: spike counts `(time, channel)` or `(batch, time, channel)`, at least one of each.

    Returns:
        The differences, population by population, with the first one in time.

    Raises:
        ValueError: the populations of the two have not the same names and sizes.
        TypeError: something that cannot be run.

    >>> from xylograph.hw import XyloConfig, XyloSim
    >>> config = XyloConfig("xylo-imu", weights_in=[[9]], weights_out=[[9]], threshold=5)
    >>> comparison = compare(config, XyloSim(config, engine="reference"), [[1], [0], [2]])
    >>> comparison.is_equal
    True
    """
    return compare_observations(observe(first, data), observe(second, data))


def compare_observations(first: Observation, second: Observation) -> Comparison:
    """Compare what was observed already; see `compare`.

    >>> once, twice = (Observation({"output": np.array([[[n], [0]]])}) for n in (1, 2))
    >>> print(compare_observations(once, twice).divergence)
    `output`[0] at step 0 of sample 0: 1 and 2 spikes
    """
    shapes = [{n: s.shape for n, s in o.spikes.items()} for o in (first, second)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "only the same populations can be compared: the first has "
            f"{_listed(shapes[0])}; the second has {_listed(shapes[1])}"
        )
    layers = tuple(_layer(name, first.spikes[name], second.spikes[name]) for name in first.spikes)
    return Comparison(layers, float(np.mean(first.classes == second.classes)))


def _listed(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"`{name}` {shape}" for name, shape in shapes.items())


def _layer(
    name: str, first: Int[np.ndarray, "batch time n"], second: Int[np.ndarray, "batch time n"]
) -> LayerComparison:
    different = first != second
    per_neuron = np.abs(first.sum(axis=1) - second.sum(axis=1)).sum()
    return LayerComparison(
        layer=name,
        n_counts=first.size,
        n_different=int(different.sum()),
        n_spikes=int(first.sum()),
        n_spikes_other=int(second.sum()),
        count_error=float(per_neuron / max(1, first.sum())),
        divergence=_first_difference(name, first, second, different) if different.any() else None,
    )


def _first_difference(
    name: str, first: np.ndarray, second: np.ndarray, different: np.ndarray
) -> Divergence:
    step = int(different.any(axis=(0, 2)).argmax())
    sample, neuron = (int(i) for i in np.argwhere(different[:, step])[0])
    place = (sample, step, neuron)
    return Divergence(name, sample, step, neuron, int(first[place]), int(second[place]))
