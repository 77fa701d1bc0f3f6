"""`compare`: where two levels of the road differ, and how much."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from jaxtyping import Int, Shaped

from ...hw import XyloNetJax
from ...hw._wording import counted
from ...models import JaxModule
from .._placement import PlacedGraph
from .._specification import Specification
from ..graph._graph import Graph
from ._observation import SENT, ChipStates, Observation
from ._observe import batched, observe

SPIKES = "spikes"


@dataclass(frozen=True)
class Divergence:
    """The first place where two runs differ.

    Attributes:
        layer: name of the population.
        sample: index in the batch.
        step: time step, in the network's own time.
        neuron: index in the population.
        first: value of the first subject, a spike count where nothing else is said.
        second: value of the second subject.
        variable: what differs: `spikes`, or of two chips in the same unit `isyn`, `isyn2`, `vmem`,
            or `sent`: spikes with what aliases repeat.
        membranes: of both subjects just before the spikes, in units of the threshold, where known.

    >>> print(Divergence("1_LIFJax", sample=0, step=7, neuron=3, first=1, second=0))
    `1_LIFJax`[3] at step 7 of sample 0: 1 and 0 spikes
    """

    layer: str
    sample: int
    step: int
    neuron: int
    first: int
    second: int
    variable: str = SPIKES
    membranes: tuple[float, float] | None = None

    def __str__(self) -> str:
        values = f"{self.first} and {self.second}"
        what = f"{values} spikes" if self.variable == SPIKES else f"`{self.variable}` is {values}"
        if self.membranes is not None:
            first, second = self.membranes
            what += f" (membranes at {first:.6g} and {second:.6g} thresholds)"
        return f"`{self.layer}`[{self.neuron}] at step {self.step} of sample {self.sample}: {what}"


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
        n_states: currents and voltages compared, and with aliases what neurons send for others;
            none unless both are chips in the same unit.
        n_states_different: how many of them differ.
    """

    layer: str
    n_counts: int
    n_different: int
    n_spikes: int
    n_spikes_other: int
    count_error: float
    divergence: Divergence | None
    n_states: int = 0
    n_states_different: int = 0

    def __str__(self) -> str:
        text = (
            f"`{self.layer}`: {self.n_different} of {self.n_counts} spike counts differ, "
            f"{self.n_spikes} and {self.n_spikes_other} spikes, "
            f"{self.count_error:.2%} error of the counts of neurons over samples"
        )
        if self.n_states:
            text += f"; {self.n_states_different} of {self.n_states} currents and voltages differ"
        return text


@dataclass(frozen=True)
class Comparison:
    """How two subjects differ on the same data.

    Attributes:
        layers: one entry for each population, the output last.
        output_agreement: share of samples in which the same output neuron spikes most.
        n_samples: samples compared.
        n_steps: steps of each.
        left_out: populations that only one of the two shows.
    """

    layers: tuple[LayerComparison, ...]
    output_agreement: float
    n_samples: int = 0
    n_steps: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether every spike count is the same, and every state that was compared."""
        return all(layer.divergence is None for layer in self.layers)

    @property
    def divergence(self) -> Divergence | None:
        """The first difference in time over all populations; `None` where all are equal.

        Of several in one step, that of the first population in the order of `layers`.
        """
        found = [layer.divergence for layer in self.layers if layer.divergence]
        return min(found, key=lambda place: place.step, default=None)

    @property
    def count_error(self) -> float:
        """`LayerComparison.count_error`, over all populations together."""
        spikes = sum(layer.n_spikes for layer in self.layers)
        errors = (layer.count_error * max(1, layer.n_spikes) for layer in self.layers)
        return sum(errors) / max(1, spikes)

    def __str__(self) -> str:
        compared = f"compared: {counted(self.n_samples, 'sample')} of {self.n_steps} steps"
        if self.left_out:
            compared += f"; not compared: {', '.join(f'`{name}`' for name in self.left_out)}"
        first = f"first difference: {self.divergence}" if self.divergence else "no difference"
        agreement = f"the output agrees in {self.output_agreement:.1%} of samples"
        return "\n".join((*map(str, self.layers), compared, first, agreement))


def compare(first: object, second: object, data: npt.ArrayLike) -> Comparison:
    """Run two levels of the road on the same data and compare every spike.

    Populations are aligned by their delay on the chip, so that a network and its deployment can
    be compared step by step. Where both compute as a chip does, with the same thresholds, every
    current and voltage is compared as well.

    Args:
        first: anything that `observe` runs: a network, graph, specification, deployment,
            configuration, simulator of any engine, or `OnChip`.
        second: another one, with the same populations: compare networks with deployments,
            configurations with simulations.
        data: spike counts `(time, channel)` or `(batch, time, channel)`, at least one of each.

    Returns:
        The differences, population by population, with the first one in time.

    Raises:
        ValueError: the outputs of the two are not alike, or populations of one name have not the
            same size.
        TypeError: something that cannot be run.

    >>> from xylograph.hw import XyloConfig, XyloSim
    >>> config = XyloConfig("xylo-imu", weights_in=[[9]], weights_out=[[9]], threshold=5)
    >>> print(compare(config, XyloSim(config, engine="reference"), [[1], [0], [2]]))
    `hidden`: 0 of 3 spike counts differ, 3 and 3 spikes, 0.00% error of the counts of neurons over samples; 0 of 9 currents and voltages differ
    `output`: 0 of 3 spike counts differ, 3 and 3 spikes, 0.00% error of the counts of neurons over samples; 0 of 6 currents and voltages differ
    compared: 1 sample of 3 steps
    no difference
    the output agrees in 100.0% of samples
    """
    raster = batched(data)
    # Membranes of a large batch would take much memory: they are wanted at one place only.
    states = _is_chip(first) and _is_chip(second)
    result = compare_observations(*(observe(one, raster, states=states) for one in (first, second)))
    if states or result.is_equal:
        return result
    return _with_membranes(result, first, second, raster)


def compare_observations(first: Observation, second: Observation) -> Comparison:
    """Compare what was observed already; see `compare`.

    >>> once, twice = (Observation({"output": np.array([[[n], [0]]])}) for n in (1, 2))
    >>> print(compare_observations(once, twice).divergence)
    `output`[0] at step 0 of sample 0: 1 and 2 spikes
    """
    _require_alike(first, second)
    names = [name for name in first.spikes if name in second.spikes]
    n_samples, n_steps, _ = first.output.shape
    everything = dict.fromkeys((*first.spikes, *second.spikes))
    return Comparison(
        layers=tuple(_layer(name, first, second) for name in names),
        output_agreement=float(np.mean(first.classes == second.classes)),
        n_samples=n_samples,
        n_steps=n_steps,
        left_out=tuple(name for name in everything if name not in names),
    )


def _is_chip(subject: object) -> bool:
    if isinstance(subject, XyloNetJax):
        return True
    return not isinstance(subject, JaxModule | Graph | PlacedGraph | Specification)


def _with_membranes(
    result: Comparison, first: object, second: object, raster: Shaped[np.ndarray, "b t n"]
) -> Comparison:
    """The same, with the membranes at the first difference of each population.

    Only the sample of the very first one is run again, so that others may stay without.
    """
    place = result.divergence
    assert place is not None
    alone = raster[place.sample : place.sample + 1]
    seen = [observe(one, alone, states=True) for one in (first, second)]
    layers = tuple(_layer_with_membranes(layer, place.sample, *seen) for layer in result.layers)
    return replace(result, layers=layers)


def _layer_with_membranes(
    layer: LayerComparison, sample: int, first: Observation, second: Observation
) -> LayerComparison:
    found = layer.divergence
    seen = (first, second)
    if found is None or found.sample != sample:
        return layer
    if any(layer.layer not in one.membranes for one in seen):
        return layer
    at = (0, found.step, found.neuron)
    # A network with noise does something else the next time: then its membranes say nothing.
    if [int(one.spikes[layer.layer][at]) for one in seen] != [found.first, found.second]:
        return layer
    membranes = tuple(float(one.membranes[layer.layer][at]) for one in seen)
    assert len(membranes) == 2
    return replace(layer, divergence=replace(found, membranes=membranes))


def _require_alike(first: Observation, second: Observation) -> None:
    shapes = [{n: s.shape for n, s in one.spikes.items()} for one in (first, second)]
    names = [set(found) for found in shapes]
    outputs = [list(found)[-1] for found in shapes]
    is_part = names[0] <= names[1] or names[1] <= names[0]
    common = names[0] & names[1]
    same_sizes = all(shapes[0][name] == shapes[1][name] for name in common)
    if not (is_part and same_sizes and outputs[0] == outputs[1]):
        raise ValueError(
            "only the same populations can be compared: the first has "
            f"{_listed(shapes[0])}; the second has {_listed(shapes[1])}" + _hint(names)
        )


def _hint(names: list[set[str]]) -> str:
    # A file of ONNX has its output only, unless more was recorded.
    if names[0] != names[1] and any(one <= {"hidden", "output"} for one in names):
        return "; a configuration alone knows no populations: give `OnChip(config, placement)`"
    return ""


def _listed(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"`{name}` {shape}" for name, shape in shapes.items())


def _layer(name: str, first: Observation, second: Observation) -> LayerComparison:
    counts = first.spikes[name], second.spikes[name]
    different = counts[0] != counts[1]
    per_neuron = np.abs(counts[0].sum(axis=1) - counts[1].sum(axis=1)).sum()
    states = list(_states_in_one_unit(first.states.get(name), second.states.get(name)))
    states += _sent(name, first, second)
    places = [
        _first_difference(name, variable, one, other)
        for variable, one, other in (*states, (SPIKES, *counts))
        if not np.array_equal(one, other)
    ]
    return LayerComparison(
        layer=name,
        n_counts=counts[0].size,
        n_different=int(different.sum()),
        n_spikes=int(counts[0].sum()),
        n_spikes_other=int(counts[1].sum()),
        count_error=float(per_neuron / max(1, counts[0].sum())),
        # Of one step the state comes before the spikes that follow from it.
        divergence=min(places, key=lambda place: place.step, default=None),
        n_states=sum(one.size for _, one, _ in states),
        n_states_different=sum(int(np.count_nonzero(a != b)) for _, a, b in states),
    )


def _sent(
    name: str, first: Observation, second: Observation
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """What two chips send, where one has aliases; what sends for nobody sends its own spikes."""
    if not (name in first.states and name in second.states):
        return []
    values = [one.states[name].values for one in (first, second)]
    if not any(SENT in one for one in values):
        return []
    one, other = (
        found.get(SENT, seen.spikes[name])
        for found, seen in zip(values, (first, second), strict=True)
    )
    return [(SENT, one, other)]


def _states_in_one_unit(
    first: ChipStates | None, second: ChipStates | None
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    if first is None or second is None:
        return
    if not np.array_equal(first.threshold, second.threshold):
        return
    for variable, values in first.values.items():
        if variable in second.values and variable != SENT:
            yield variable, values, second.values[variable]


def _first_difference(
    name: str,
    variable: str,
    first: Int[np.ndarray, "batch time n"],
    second: Int[np.ndarray, "batch time n"],
) -> Divergence:
    different = first != second
    step = int(different.any(axis=(0, 2)).argmax())
    sample, neuron = (int(i) for i in np.argwhere(different[:, step])[0])
    place = (sample, step, neuron)
    return Divergence(name, sample, step, neuron, int(first[place]), int(second[place]), variable)
